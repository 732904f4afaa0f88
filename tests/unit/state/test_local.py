"""The state in a directory: its files, its lock between processes, and what may stand in their way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioner.errors import StateError, StateLocked
from provisioner.state.backend import LockInfo, Snapshot
from provisioner.state.document import Record, State
from provisioner.state.local import LocalBackend

ALICE = Record(id="a", status="RUNNING")
MINE = LockInfo(id="mine", operation="apply", who="me", version="0", created="now")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "state"


@pytest.fixture
def backend(directory: Path) -> LocalBackend:
    return LocalBackend(directory, "lab")


def store(backend: LocalBackend) -> State:
    snapshot = backend.read()
    state = snapshot.state.with_records({"notebook.alice": ALICE}).next(None)
    backend.write(state, replacing=snapshot)
    return state


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_reading_makes_nothing(directory: Path, backend: LocalBackend) -> None:
    """A plan writes nothing, not even the directory."""
    backend.read()
    assert not directory.parent.exists()


def test_the_file_is_the_state(directory: Path, backend: LocalBackend) -> None:
    """NAME.json holds the one spelling of the state, and nothing but its history is left beside it."""
    state = store(backend)
    assert state.dumps() == (directory / "lab.json").read_text(encoding="utf-8")
    assert ["history", "lab.json"] == names(directory)


def test_everything_is_private_whatever_the_umask(directory: Path, backend: LocalBackend) -> None:
    """Files have mode 0600 and the directory 0700, where the umask would open or close them."""
    for mask in (0o000, 0o277):
        before = os.umask(mask) if directory.exists() else os.umask(0o000)
        try:
            with backend.lock(MINE):
                state = store(backend)
                backend.journal(state).close()
                modes = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}
                kept = {path.stat().st_mode & 0o777 for path in (directory / "history").iterdir()}
        finally:
            os.umask(before)
        assert {"history": 0o700, "lab.json": 0o600, "lab.journal": 0o600, "lab.lock": 0o600} == modes
        assert {0o600} == kept
    assert 0o700 == directory.stat().st_mode & 0o777


def test_what_a_killed_writer_left_is_written_over(directory: Path, backend: LocalBackend) -> None:
    """Half a new state beside the old one is never read and never piles up."""
    state = store(backend)
    (directory / ".lab.json.new").write_text('{"half', encoding="utf-8")
    assert state == backend.read().state
    store(backend)
    assert ["history", "lab.json"] == names(directory)


def test_a_linked_state_stays_a_link(directory: Path, backend: LocalBackend, tmp_path: Path) -> None:
    """Where NAME.json is a link its target is replaced."""
    store(backend)
    target = tmp_path / "elsewhere.json"
    (directory / "lab.json").rename(target)
    (directory / "lab.json").symlink_to(target)
    state = store(backend)
    assert (directory / "lab.json").is_symlink()
    assert state.dumps() == target.read_text(encoding="utf-8")


@pytest.mark.parametrize("data", [b"", b"\0" * 4096, b'{"format": "provisioner.state/1",', b'{"format": "other"}'])
def test_a_damaged_state_is_refused_and_kept(directory: Path, backend: LocalBackend, data: bytes) -> None:
    """Damage is never read as an empty state, never written over, and the file is named."""
    directory.mkdir(parents=True)
    path = directory / "lab.json"
    path.write_bytes(data)
    with pytest.raises(StateError, match=str(path)):
        backend.read()
    with pytest.raises(StateError, match=str(path)):
        backend.write(State.empty("lab").next(None), replacing=Snapshot(State.empty("lab")))
    assert data == path.read_bytes()


def test_the_state_of_another_stack_is_refused(directory: Path, backend: LocalBackend) -> None:
    """A file that was put under a wrong name would delete what belongs to the other stack."""
    store(backend)
    (directory / "lab.json").rename(directory / "prod.json")
    with pytest.raises(StateError, match="belongs to another stack") as caught:
        LocalBackend(directory, "prod").read()
    assert "'lab', not of 'prod'" in caught.value.detail


def test_a_journal_after_its_state_is_lost_is_refused(directory: Path, backend: LocalBackend) -> None:
    """Without the state that it continues a journal is not folded into an empty one."""
    state = store(backend)
    backend.journal(state).close()
    (directory / "lab.json").unlink()
    shutil.rmtree(directory / "history")
    with pytest.raises(StateError, match="belongs to another state"):
        backend.read()


def test_a_run_that_ends_between_the_two_reads_is_seen_whole(directory: Path, backend: LocalBackend) -> None:
    """A journal older than the state beside it adds nothing: so a reader without a lock never mixes two moments."""
    state = store(backend)
    journal = backend.journal(state)
    journal.intent("notebook.bob", "create", 1.0, {})
    journal.close()
    left = (directory / "lab.journal").read_bytes()
    newer = store(backend)
    (directory / "lab.journal").write_bytes(left)
    snapshot = backend.read()
    assert (newer, False) == (snapshot.state, snapshot.has_journal)


@pytest.mark.parametrize("name", ["lab.json", "lab.journal"])
def test_something_that_is_no_file_is_refused(directory: Path, backend: LocalBackend, name: str) -> None:
    """A directory in the place of a file is an error that names it."""
    (directory / name).mkdir(parents=True)
    with pytest.raises(StateError, match=f"{directory / name} cannot be read"):
        backend.read()


def test_a_pipe_does_not_hold_us_up(directory: Path, backend: LocalBackend) -> None:
    """A named pipe in the place of the state is refused instead of waited for."""
    directory.mkdir(parents=True)
    os.mkfifo(directory / "lab.json")
    with pytest.raises(StateError, match="is empty"):
        backend.read()


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    """Reading, locking, writing and the journal all say which path it is."""
    place = tmp_path / "state"
    place.write_text("", encoding="utf-8")
    backend, state = LocalBackend(place, "lab"), State.empty("lab")
    with pytest.raises(StateError, match=r"lab\.journal cannot be read"):
        backend.read()
    with pytest.raises(StateError, match=f"{place} cannot be written"), backend.lock(MINE):
        pytest.fail("locked")
    with pytest.raises(StateError, match=f"{place} cannot be written"):
        backend.journal(state)


# Runs as somebody who may not look into the directory.
STRANGER = """
import os, sys
from pathlib import Path
from provisioner.errors import StateError
from provisioner.state.backend import LockInfo
from provisioner.state.local import LocalBackend
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
backend = LocalBackend(Path(sys.argv[1]), "lab")
info = LockInfo(id="i", operation="o", who="w", version="v", created="c")
for attempt in (backend.read, backend.lock(info).__enter__):
    try:
        attempt()
    except StateError as error:
        print(error.summary)
"""


def test_a_directory_without_permission_is_refused(directory: Path, backend: LocalBackend) -> None:
    """Whoever may not read the directory is told the path, and an unreadable state is not an empty one."""
    store(backend)
    mode = directory.stat().st_mode
    directory.chmod(0o000)
    try:
        command = [sys.executable, "-c", STRANGER, str(directory)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        directory.chmod(mode)
    read, lock = done.stdout.splitlines() or [done.stderr, ""]
    assert f"{directory / 'lab.journal'} cannot be read" == read
    # Root becomes a stranger who cannot even see the directory; anybody else sees it and not what it holds.
    assert lock in {f"{directory} cannot be written", f"{directory / 'lab.lock'} cannot be written"}


# Writes the state again and again until the file may not grow any more.
FULL = """
import resource, signal, sys
from pathlib import Path
from provisioner.errors import StateError
from provisioner.state.document import Record, State
from provisioner.state.local import LocalBackend

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
backend = LocalBackend(Path(sys.argv[1]), "lab")
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, -1))
while True:
    snapshot = backend.read()
    serial = snapshot.state.serial
    state = snapshot.state.with_records({f"notebook.k{serial}": Record(id="x", status="RUNNING")}).next(None)
    try:
        backend.write(state, replacing=snapshot)
    except StateError as error:
        print(serial, error.summary)
        break
"""


def test_a_full_disk_keeps_the_old_state(directory: Path, backend: LocalBackend) -> None:
    """A state that does not fit leaves the one before it, and nothing else."""
    done = subprocess.run([sys.executable, "-c", FULL, str(directory)], capture_output=True, text=True, check=False)
    serial, _, summary = done.stdout.strip().partition(" ")
    assert f"{directory / 'lab.json'} cannot be written" == summary, done.stderr
    assert int(serial) == backend.read().state.serial > 5
    assert ["history", "lab.json"] == names(directory)


# Holds the lock until its standard input ends.
HOLDER = """
import sys
from pathlib import Path
from provisioner.state.backend import LockInfo
from provisioner.state.local import LocalBackend

info = LockInfo(
    id="lock-7", operation="OperationTypeApply", who="bob@ci", version="0.1", created="2026-01-02T03:04:05Z"
)
with LocalBackend(Path(sys.argv[1]), "lab").lock(info):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_holds(directory: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        yield holder


def test_another_process_is_named(directory: Path, backend: LocalBackend) -> None:
    """Who holds the lock, for what, since when and under which id; when it ends the lock is free."""
    with another_process_holds(directory):
        with pytest.raises(StateLocked, match="locked by another run") as caught, backend.lock(MINE):
            pytest.fail("two held the lock")
        lines = caught.value.detail.splitlines()
        assert ["Who        bob@ci", "Operation  OperationTypeApply", "Since      2026-01-02T03:04:05Z"] == lines[:3]
        assert "ID         lock-7" == lines[-1]
        assert "bob@ci (OperationTypeApply, since 2026-01-02T03:04:05Z)" == caught.value.holder
    with backend.lock(MINE):
        assert b"bob" not in (directory / "lab.lock").read_bytes()


def test_a_killed_holder_frees_the_lock(directory: Path, backend: LocalBackend) -> None:
    """The kernel ends the lock with its holder; what the dead one said about itself holds nobody up."""
    with another_process_holds(directory) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert b"bob@ci" in (directory / "lab.lock").read_bytes()
        with backend.lock(MINE) as died:
            assert died is not None
            assert "lock-7" == died.id
        with backend.lock(MINE) as died:
            assert died is None


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff\x00{", b'{"ID": 5', b"x" * 1_000_000], ids=["empty", "bytes", "cut", "huge"]
)
def test_a_spoiled_lock_file_names_nobody(directory: Path, backend: LocalBackend, garbage: bytes) -> None:
    """Whatever the lock file says, the lock holds."""
    with another_process_holds(directory):
        (directory / "lab.lock").write_bytes(garbage)
        with pytest.raises(StateLocked) as caught, backend.lock(MINE):
            pytest.fail("two held the lock")
        assert "does not say by whom" in caught.value.detail


def test_stacks_do_not_share_a_lock(directory: Path, backend: LocalBackend) -> None:
    """Two stacks in one directory are applied side by side."""
    with backend.lock(MINE), LocalBackend(directory, "prod").lock(MINE):
        assert ["lab.lock", "prod.lock"] == names(directory)


def test_the_lock_does_not_pass_to_children(backend: LocalBackend) -> None:
    """A process started under the lock does not keep it."""
    with backend.lock(MINE):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        with backend.lock(MINE):
            pass
    finally:
        child.communicate()
