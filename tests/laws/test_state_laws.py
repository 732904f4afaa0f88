"""What holds for every state and every run, wherever it is cut off and whatever bit flips."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.errors import StateError
from provisioner.state.document import Cloud, Pending, Record, State, parse_state
from provisioner.state.journal import FileJournal, replay
from provisioner.state.local import LocalBackend

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(TEXTS, VALUES, max_size=3)
ADDRESSES = st.sampled_from([f"notebook.k{n}" for n in range(4)])
RECORDS = st.builds(
    Record,
    id=TEXTS.filter(bool),
    status=TEXTS,
    protected=st.booleans(),
    incomplete=st.booleans(),
    attributes=MAPS,
    observed=MAPS,
)
PENDING = st.builds(Pending, address=ADDRESSES, at=st.floats(0, 1e11), body=MAPS)
STATES = st.builds(
    State,
    lineage=TEXTS.filter(bool),
    serial=st.integers(0, 10**6),
    stack=st.just("lab"),
    cloud=st.none() | st.builds(Cloud, region=TEXTS, project_id=TEXTS),
    resources=st.dictionaries(ADDRESSES, RECORDS, max_size=4),
    pending=st.lists(PENDING, max_size=2).map(tuple),
)


@dataclass(frozen=True)
class Call:
    """One call of a run: what was to be done, and how it ended (lost: nobody knows)."""

    address: str
    operation: str
    body: dict[str, Any]
    ended: str
    record: Record | None


CALLS = st.builds(
    Call,
    address=ADDRESSES,
    operation=st.sampled_from(["create", "stop", "delete"]),
    body=MAPS,
    ended=st.sampled_from(["outcome", "refused", "lost"]),
    record=st.none() | RECORDS,
)


@dataclass
class Expected:
    """What is to be known after a number of lines: a second reading of the same run, without a journal."""

    resources: dict[str, Record]
    open: dict[int, Pending] = field(default_factory=dict)
    history: list[tuple[dict[str, Record], tuple[Pending, ...]]] = field(default_factory=list)

    def line_written(self) -> None:
        self.history.append((dict(self.resources), tuple(self.open.values())))


def play(journal: FileJournal, base: State, calls: list[Call]) -> Expected:
    """Carry the calls out; two are under way at a time, as with two workers."""
    expected = Expected(dict(base.resources))
    expected.line_written()
    under_way: list[tuple[int, Call]] = []

    def end(number: int, call: Call) -> None:
        if call.ended == "lost":
            return
        expected.open.pop(number, None)
        if call.ended == "refused":
            journal.refused(number, call.address)
        else:
            journal.outcome(number, call.address, call.record)
            expected.resources.pop(call.address, None)
            if call.record is not None:
                expected.resources[call.address] = call.record
        expected.line_written()

    for moment, call in enumerate(calls):
        number = journal.intent(call.address, call.operation, float(moment), call.body)
        if call.operation == "create":
            expected.open[number] = Pending(address=call.address, at=float(moment), body=call.body)
        expected.line_written()
        under_way.append((number, call))
        if len(under_way) > 1:
            end(*under_way.pop(0))
    for number, call in under_way:
        end(number, call)
    return expected


@contextmanager
def a_run(base: State, calls: list[Call]) -> Iterator[tuple[Path, bytes, Expected]]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "lab.journal"
        journal = FileJournal(path, base)
        expected = play(journal, base, calls)
        journal.close()
        yield path, path.read_bytes(), expected


@given(STATES)
def test_a_state_reads_back_as_itself(state: State) -> None:
    """In every field, and byte for byte when it is written again."""
    text = state.dumps()
    again = parse_state(text.encode(), "S")
    assert state == again
    assert text == again.dumps()


@given(STATES, st.dictionaries(ADDRESSES, st.none() | RECORDS, max_size=4))
def test_changes_apply_one_by_one_or_at_once(state: State, changes: dict[str, Record | None]) -> None:
    """The state does not depend on how its changes are grouped."""
    step_by_step = state
    for address, record in changes.items():
        step_by_step = step_by_step.with_records({address: record})
    assert step_by_step.dumps() == state.with_records(changes).dumps()


@settings(max_examples=40)
@given(STATES, st.lists(CALLS, max_size=6), st.data())
def test_every_prefix_of_a_run_is_a_moment_of_it(base: State, calls: list[Call], data: st.DataObject) -> None:
    """Wherever the journal is cut off, what is read is what was known after its last whole line."""
    with a_run(base, calls) as (_, written, expected):
        length = data.draw(st.integers(0, len(written)), label="length")
        found = replay(written[:length], base, "J")
    assert found is not None
    # A line counts once all its characters are there, its newline or not.
    ends = accumulate(len(line) for line in written.splitlines(keepends=True))
    lines = sum(end - 1 <= length for end in ends)
    resources, pending = expected.history[max(lines, 1) - 1]
    assert resources == base.with_records(found.records).resources
    assert pending == found.pending


@settings(max_examples=40)
@given(STATES, st.lists(CALLS, min_size=1, max_size=5), st.data())
def test_a_flipped_bit_makes_nothing_up(base: State, calls: list[Call], data: st.DataObject) -> None:
    """A journal with one bit changed is refused, or read as if its last line had not been written."""
    with a_run(base, calls) as (_, written, expected):
        position = data.draw(st.integers(0, len(written) - 1), label="position")
        bit = data.draw(st.integers(0, 7), label="bit")
    spoiled = written[:position] + bytes([written[position] ^ (1 << bit)]) + written[position + 1 :]
    try:
        found = replay(spoiled, base, "J")
    except StateError:
        return
    assert found is not None
    known = (base.with_records(found.records).resources, found.pending)
    assert known in expected.history[-2:]


@settings(max_examples=40)
@given(STATES, st.lists(CALLS, max_size=5), st.data())
def test_a_directory_survives_any_cut(base: State, calls: list[Call], data: st.DataObject) -> None:
    """State and cut journal are read together, folded, and read again: nothing is lost and nothing comes twice."""
    with a_run(base, calls) as (path, written, _):
        cut = data.draw(st.integers(0, len(written)), label="cut")
        path.write_bytes(written[:cut])
        backend = LocalBackend(path.parent, "lab")
        (path.parent / "lab.json").write_text(base.dumps(), encoding="utf-8")
        snapshot = backend.read()
        folded = snapshot.state.next(None)
        backend.write(folded, replacing=snapshot)
        again = backend.read()
    assert base.serial == snapshot.stored_serial
    assert (folded, base.serial + 1, False) == (again.state, again.stored_serial, again.has_journal)
    assert snapshot.state.pending[: len(base.pending)] == base.pending


@settings(max_examples=40)
@given(st.lists(CALLS, min_size=1, max_size=5))
def test_the_first_run_of_a_stack_has_one_lineage(calls: list[Call]) -> None:
    """Before any state is written, every reader of the journal sees the lineage that the run began with."""
    base = State.empty("lab")
    with a_run(base, calls) as (path, _, expected):
        snapshots = [LocalBackend(path.parent, "lab").read() for _ in range(2)]
    assert [base.lineage] * 2 == [snapshot.state.lineage for snapshot in snapshots]
    assert expected.history[-1] == (snapshots[0].state.resources, snapshots[0].state.pending)
