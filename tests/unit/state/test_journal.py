"""The journal of one run: what is on the disk, when, and what it adds to the state."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

from provisioner.errors import StateError
from provisioner.state.document import Pending, Record, State
from provisioner.state.journal import FileJournal, Replay, lineage_of, replay

BASE = State(lineage="lineage-1", serial=4, stack="lab")
ALICE = Record(id="a", status="CREATING", attributes={"name": "алиса"}, incomplete=True)
BODY = {"name": "алиса\u2028\x85", "volume": {"capacity": 50}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lab.journal"


def of_a_run(path: Path) -> bytes:
    """What a run with a create, a delete, a refusal and a lost answer leaves."""
    journal = FileJournal(path, BASE)
    create = journal.intent("notebook.alice", "create", 1.5, BODY)
    delete = journal.intent("notebook.bob", "delete", 2.0)
    journal.outcome(create, "notebook.alice", ALICE)
    journal.outcome(delete, "notebook.bob", None)
    journal.refused(journal.intent("notebook.carol", "create", 3.0, BODY), "notebook.carol")
    journal.intent("notebook.dave", "create", 4.0, BODY)
    journal.close()
    return path.read_bytes()


EXPECTED = Replay(
    {"notebook.alice": ALICE, "notebook.bob": None},
    (Pending(address="notebook.dave", at=4.0, body=BODY),),
    frozenset({("notebook.alice", 1.5), ("notebook.carol", 3.0)}),
)


def test_replay_of_a_run(path: Path) -> None:
    """Outcomes become records, a create without one is pending, a refused one is nothing."""
    assert EXPECTED == replay(of_a_run(path), BASE, "J")


def test_a_line_is_on_the_disk_when_the_call_returns(path: Path) -> None:
    """Nothing is kept back: after each call the file holds one line more."""
    journal = FileJournal(path, BASE)
    assert 1 == path.read_bytes().count(b"\n")
    number = journal.intent("notebook.a", "create", 1.0, {})
    assert 2 == path.read_bytes().count(b"\n")
    journal.outcome(number, "notebook.a", ALICE)
    assert 3 == path.read_bytes().count(b"\n")
    journal.close()


def test_room_is_taken_before_the_first_call(path: Path) -> None:
    """A run that dies leaves zeros behind its last line, which say nothing; one that ends leaves none."""
    journal = FileJournal(path, BASE, calls=3)
    number = journal.intent("notebook.alice", "create", 1.5, BODY)
    size = path.stat().st_size
    journal.outcome(number, "notebook.alice", ALICE)
    data = path.read_bytes()
    assert size == len(data) > len(data.rstrip(b"\0"))
    assert Replay({"notebook.alice": ALICE}, (), frozenset({("notebook.alice", 1.5)})) == replay(data, BASE, "J")
    journal.close()
    assert data.rstrip(b"\0") == path.read_bytes()


def test_a_new_journal_takes_the_place_of_the_old(path: Path) -> None:
    """What the old one held was folded into the state that the new one is based on."""
    of_a_run(path)
    FileJournal(path, BASE).close()
    assert Replay({}, ()) == replay(path.read_bytes(), BASE, "J")


def test_it_is_private_whatever_the_umask(path: Path) -> None:
    """Mode 0600, even where the umask would give less or more."""
    for mask in (0o000, 0o277):
        before = os.umask(mask)
        try:
            FileJournal(path, BASE).close()
        finally:
            os.umask(before)
        assert 0o600 == path.stat().st_mode & 0o777
        path.unlink()


def test_the_last_line_may_be_torn(path: Path) -> None:
    """Of a last line that is cut, or filled with zeros, or scrambled, nothing is taken over; all before it holds."""
    data = of_a_run(path)
    start = data.rindex(b"\n", 0, -1) + 1
    without = Replay(EXPECTED.records, (), EXPECTED.answered)
    for tail in (b"", data[start:-20], data[start : start + 1], b"\0" * 100, b"\xff\xfe", data[start:-9] + b"\0" * 9):
        assert without == replay(data[:start] + tail, BASE, "J")
    assert EXPECTED == replay(data[:-1], BASE, "J"), "only the newline is missing: the line is whole"


def test_every_prefix_can_be_read(path: Path) -> None:
    """Wherever a run is cut off, what came before is read: records only grow, and nothing is made up."""
    data = of_a_run(path)
    seen: list[Replay] = []
    for length in range(len(data) + 1):
        found = replay(data[:length], BASE, "J")
        assert found is not None
        assert found.records.items() <= EXPECTED.records.items()
        if not seen or seen[-1] != found:
            seen.append(found)
    told = [(sorted(each.records), [pending.address for pending in each.pending]) for each in seen]
    assert told == [
        ([], []),
        ([], ["notebook.alice"]),
        (["notebook.alice"], []),
        (["notebook.alice", "notebook.bob"], []),
        (["notebook.alice", "notebook.bob"], ["notebook.carol"]),
        (["notebook.alice", "notebook.bob"], []),
        (["notebook.alice", "notebook.bob"], ["notebook.dave"]),
    ]


def test_a_damaged_line_in_the_middle_is_refused(path: Path) -> None:
    """One flipped bit anywhere but in the last line refuses the journal and names the line."""
    data = of_a_run(path)
    last = data.rindex(b"\n", 0, -1) + 1
    for position in range(0, last, 7):
        spoiled = data[:position] + bytes([data[position] ^ 0x04]) + data[position + 1 :]
        with pytest.raises(StateError, match="cannot be read") as caught:
            replay(spoiled, BASE, "J")
        assert f"Line {data[:position].count(10) + 1} of" in caught.value.detail


def test_a_line_of_another_version_is_refused(path: Path) -> None:
    """A whole line that this version does not know is not taken for a torn one, wherever it stands."""
    data = of_a_run(path)
    text = b'{"kind": "rescinded", "sequence": 9}'
    with pytest.raises(StateError, match="cannot be read"):
        replay(data + b"%08x %s\n" % (zlib.crc32(text), text), BASE, "J")


def test_a_journal_that_the_state_holds_already_adds_nothing(path: Path) -> None:
    """A run that died between writing the state and dropping its journal left an old one."""
    assert replay(of_a_run(path), BASE.next(None), "J") is None


@pytest.mark.parametrize(
    "other", [BASE.model_copy(update={"lineage": "lineage-2"}), BASE.model_copy(update={"serial": 3})], ids=str
)
def test_a_journal_of_another_state_is_refused(path: Path, other: State) -> None:
    """Records are never folded into a state that they do not continue: a foreign one, or one from before."""
    with pytest.raises(StateError, match="belongs to another state") as caught:
        replay(of_a_run(path), other, "J")
    assert "It continues serial 4 of lineage lineage-1" in caught.value.detail


def test_lineage(path: Path) -> None:
    """The first line names the state; an empty or torn one names none."""
    data = of_a_run(path)
    assert ("lineage-1", "", "") == (lineage_of(data, "J"), lineage_of(b"", "J"), lineage_of(data[:30], "J"))


def test_threads_do_not_mix_their_lines(path: Path) -> None:
    """Eight threads write at once: every number is given once, every line is whole."""
    journal, numbers, lock = FileJournal(path, BASE), [], threading.Lock()

    def work(name: int) -> None:
        for turn in range(20):
            address = f"notebook.k{name}-{turn}"
            number = journal.intent(address, "create", 1.0, BODY)
            journal.outcome(number, address, ALICE)
            with lock:
                numbers.append(number)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    found = replay(path.read_bytes(), BASE, "J")
    assert list(range(1, 161)) == sorted(numbers)
    assert found is not None
    assert (160, ()) == (len(found.records), found.pending)


def test_a_line_costs_the_same_however_much_is_recorded(path: Path) -> None:
    """What is appended for one operation has the same size in a state of one and of a thousand."""
    sizes = []
    for count in (1, 1000):
        base = BASE.with_records({f"notebook.k{n}": ALICE for n in range(count)})
        journal = FileJournal(path, base)
        journal.outcome(journal.intent("notebook.a", "create", 1.0, BODY), "notebook.a", ALICE)
        journal.close()
        sizes.append(path.stat().st_size)
    assert sizes[0] == sizes[1]


# Writes records until the disk is full, then shows that nothing more is accepted although there is room again.
FULL = """
import resource, signal, sys
from pathlib import Path
from provisioner.errors import StateError
from provisioner.state.document import Record, State
from provisioner.state.journal import FileJournal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = FileJournal(Path(sys.argv[1]), State(lineage="l", serial=0, stack="lab"))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
kept = 0
try:
    while True:
        number = journal.intent(f"notebook.k{kept}", "create", 1.0, {"name": "x" * 50})
        journal.outcome(number, f"notebook.k{kept}", Record(id=f"n{kept}", status="RUNNING"))
        kept += 1
except StateError as error:
    assert error.summary == "the journal cannot be written", error
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
try:
    journal.intent("notebook.more", "create", 1.0)
except StateError:
    print(kept)
"""


def test_a_full_disk_loses_nothing_and_stops_everything(path: Path) -> None:
    """A line that does not fit is an error, what was written before it holds, and no line follows the half one."""
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    kept = int(done.stdout)
    data = path.read_bytes()
    found = replay(data, State(lineage="l", serial=0, stack="lab"), "J")
    assert 10_000 == len(data)
    assert found is not None
    assert kept > 20
    assert {f"notebook.k{n}": f"n{n}" for n in range(kept)} == {a: r.id for a, r in found.records.items() if r}
    # The intent of the last create may have fitted: then it is looked for before anything is created again.
    assert {pending.address for pending in found.pending} <= {f"notebook.k{kept}"}
