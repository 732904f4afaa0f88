"""The lock file: who holds it, whether that one lives, and what takes its place where the kernel has no locks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import StateError, StateLocked
from provisioner.state.backend import LockInfo
from provisioner.state.lock import Lock
from provisioner.state.process import Process, this_process

STRACE = shutil.which("strace")
needs_strace = pytest.mark.skipif(STRACE is None, reason="no strace here: ENOLCK cannot be made to happen")
NO_LOCKS = (STRACE or "strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK")

# Takes the lock and holds it until its standard input ends; `loop` counts in a file, to be seen interleaving.
HOLDER = """
import sys
from pathlib import Path
from provisioner.cli.locking import lock_info
from provisioner.errors import StateLocked
from provisioner.state.lock import Lock

path = Path(sys.argv[1])
try:
    with Lock(path).hold(lock_info("OperationTypeApply", "lab", {})) as died:
        print("held", died.id if died else "", flush=True)
        sys.stdin.read()
except StateLocked as error:
    print("locked", error.detail, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lab.lock"


def info(process: Process | None = None, identifier: str = "mine") -> LockInfo:
    who = process or this_process()
    return LockInfo(
        id=identifier,
        operation="o",
        who="w",
        version="v",
        created="c",
        host=who.host,
        boot=who.boot,
        process=who.number,
        started=who.started,
    )


@contextmanager
def holder(path: Path, *wrapper: str) -> Iterator[subprocess.Popen[str]]:
    command = [*wrapper, sys.executable, "-c", HOLDER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()


def answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


class TestProcess:
    def test_we_live(self) -> None:
        assert this_process().is_here()
        assert not this_process().is_dead()

    def test_an_ended_process_is_dead(self) -> None:
        """Also while its parent has not taken notice yet."""
        with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.read()
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            ended = replace(this_process(), number=child.pid)
            assert ended.is_dead()
        assert ended.is_dead()

    @pytest.mark.parametrize(
        ("field", "value", "dead"), [("started", "1", True), ("host", "other", False), ("boot", "other", False)]
    )
    def test_what_is_known_of_others(self, field: str, value: str, *, dead: bool) -> None:
        """Our number with another start is a dead one's; of other machines, boots and containers nothing is known."""
        changes: dict[str, Any] = {field: value}
        assert dead == replace(this_process(), **changes).is_dead()
        assert not Process("", "", 0, "").is_dead()


class TestHolder:
    def test_all_that_is_known_of_the_holder(self, path: Path) -> None:
        """Host, process and a heartbeat, for whoever has to find it."""
        with holder(path) as process:
            assert answer(process).startswith("held")
            with pytest.raises(StateLocked) as caught, Lock(path).hold(info()):
                pytest.fail("two held the lock")
            told = dict(line.split(None, 1) for line in caught.value.detail.replace("Last seen", "Seen").splitlines())
        assert (os.uname().nodename, str(process.pid)) == (told["Host"], told["Process"])
        assert {"Who", "Operation", "Since", "Seen", "ID"} <= told.keys()
        assert "force-unlock" not in caught.value.hint

    def test_the_heartbeat(self, path: Path) -> None:
        """While the lock is held its file is touched again and again."""
        with Lock(path).hold(info(), beat=0.005):
            os.utime(path, (1, 1))
            while path.stat().st_mtime == 1:
                pass
        assert Lock(path).seen() is None

    def test_whoever_looks_does_not_hold(self, path: Path) -> None:
        """To look at the holder takes no lock, and makes no file."""
        lock = Lock(path)
        assert lock.seen() is None
        assert not path.exists()
        with lock.hold(info()):
            seen = lock.seen()
            assert seen is not None
            assert ("mine", False) == (seen.id, seen.is_dead())

    def test_a_lock_file_that_was_removed_is_made_anew(self, path: Path) -> None:
        """After a force-unlock the next run does not wait for the file of the one before."""
        lock = Lock(path)
        with lock.hold(info()):
            path.unlink()
            with Lock(path).hold(info(identifier="other")):
                seen = lock.seen()
                assert seen is not None
                assert "other" == seen.id


class TestBreaking:
    def test_a_live_holder_on_this_machine_is_not_broken(self, path: Path) -> None:
        lock = Lock(path)
        with lock.hold(info()):
            seen = lock.seen()
            assert seen is not None
            with pytest.raises(StateLocked, match="is alive") as caught:
                lock.break_open(seen)
            assert f"kill {os.getpid()}" in caught.value.hint

    def test_a_holder_elsewhere_is_broken(self, path: Path) -> None:
        """Whether it lives cannot be known: that is for whoever asks for it to know."""
        lock = Lock(path)
        with lock.hold(info(replace(this_process(), host="far"))):
            seen = lock.seen()
            assert seen is not None
            lock.break_open(seen)
            with Lock(path).hold(info(identifier="next")), pytest.raises(StateError, match="not held by that run"):
                lock.break_open(seen)


@needs_strace
class TestWithoutKernelLocks:
    """A file system that answers ENOLCK, as some network shares do."""

    def test_one_holder_at_a_time(self, path: Path) -> None:
        """The second is turned away and told by whom; when the first ends the lock is free and nothing is left."""
        with holder(path, *NO_LOCKS) as first:
            assert "held" == answer(first)
            with holder(path, *NO_LOCKS) as second:
                assert answer(second).startswith("locked Who")
        with holder(path, *NO_LOCKS) as third:
            assert "held" == answer(third)
        assert ["lab.lock"] == [each.name for each in path.parent.iterdir()]

    def test_a_killed_holder_is_found_dead(self, path: Path) -> None:
        """The next run breaks its lock by itself and knows that the one before ended abruptly."""
        with holder(path, *NO_LOCKS) as first:
            assert "held" == answer(first)
            seen = Lock(path).seen()
            assert seen is not None
            assert seen.info is not None
            os.kill(seen.info.process, signal.SIGKILL)
        with holder(path, *NO_LOCKS) as second:
            assert f"held {seen.id}" == answer(second)
        assert ["lab.lock"] == [each.name for each in path.parent.iterdir()]

    def test_of_an_unknown_holder_only_a_person_knows(self, path: Path) -> None:
        """Another host, or a file that says nothing: not broken by itself, and force-unlock is named."""
        held = path.with_name("lab.lock.held")
        for text in (info(replace(this_process(), host="far")).model_dump_json(by_alias=True), ""):
            held.write_text(text, encoding="utf-8")
            seen = Lock(path).seen()
            assert seen is not None
            with holder(path, *NO_LOCKS) as second:
                assert answer(second).startswith("locked")
            Lock(path).break_open(seen)
            with holder(path, *NO_LOCKS) as third:
                assert "held" == answer(third)
