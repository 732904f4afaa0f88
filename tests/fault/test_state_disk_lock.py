"""F69-F93, F115: disks that refuse, states that are damaged, lost, old or forked, and locks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.contract.project import Project, eventually
from tests.fault.campaign import Point, kill
from tests.fault.flows import CREATE, Flow
from tests.fault.syscalls import MISSING, STRACE, traced
from tests.fault.world import World

APPLY = ("apply", "--auto-approve")
ALICE = Flow("create", {}, {"alice": {}})
ADD = Flow("create", {"alice": {}}, {"alice": {}, "bob": {}})
LOCK = ("state", "state/lab.lock")
MOUNT = shutil.which("mount") or "mount"
UMOUNT = shutil.which("umount") or "umount"
needs_strace = pytest.mark.skipif(not STRACE, reason=MISSING)


def clean(world: World, flow: Flow) -> None:
    world.calm()
    assert [] == world.settle(flow)[1]


@pytest.fixture
def small_disk(world: World) -> Iterator[Path]:
    """The state on a file system of its own of 64 KiB."""
    world.state.mkdir(parents=True)
    words = [MOUNT, "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", str(world.state)]
    mounted = subprocess.run(words, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounting a small disk is not permitted here: {mounted.stderr.strip()}")
    try:
        yield world.state
    finally:
        subprocess.run([UMOUNT, "-l", str(world.state)], check=True)


def remount(path: Path, how: str) -> None:
    subprocess.run([MOUNT, "-o", f"remount,{how}", str(path)], check=True)


def fill(path: Path) -> None:
    """A file that takes all the room there is."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
    assert shutil.disk_usage(path.parent).free == 0


class TestDisk:
    def test_f69_full_before(self, small_disk: Path, world: World) -> None:
        """No room for the journal: nothing is sent. With room again all is well."""
        world.prepare(ALICE)
        filler = small_disk / "filler"
        fill(filler)
        ended = world.run(*APPLY)
        assert 1 == ended.code, ended.stdout
        assert "No space left" in ended.stderr
        assert [] == world.changes()
        filler.unlink()
        clean(world, ALICE)

    def test_f70_full_in_between(self, small_disk: Path, world: World) -> None:
        """The disk fills up while the first create is under way: whatever exists is recorded or can be read."""
        world.prepare(CREATE)
        world.arm("slow", operation="create", delay_ms=400, times=None)
        command = world.start(*APPLY, "--parallelism=1")
        assert world.until_fired(command)
        filler = small_disk / "filler"
        fill(filler)
        ended = command.wait()
        world.ended.append(ended)
        known = ended.stdout + ended.stderr
        known += "".join(path.read_text(errors="replace") for path in small_disk.glob("lab.*"))
        known += "".join(path.read_text() for path in world.project.root.glob("errored*"))
        assert [] == [each["id"] for each in world.sandbox.notebooks() if each["id"] not in known]
        filler.unlink()
        clean(world, CREATE)

    def test_f76_read_only(self, small_disk: Path, world: World) -> None:
        """Refused before any call."""
        world.prepare(ALICE)
        remount(small_disk, "ro")
        ended = world.run(*APPLY)
        assert 1 == ended.code
        assert "Read-only file system" in ended.stderr
        assert [] == world.changes()
        remount(small_disk, "rw")
        clean(world, ALICE)

    @pytest.mark.parametrize("limit", [0, 100, 700, 1500, 4000])
    def test_f69_f74_a_file_size_limit(self, world: World, limit: int) -> None:
        """A resource limit cuts a write short and then refuses: half a line is no line, and nothing is lost."""
        world.prepare(CREATE)
        program = (
            f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
            "from provisioner.cli.main import main; sys.exit(main(sys.argv[1:]))"
        )
        words = [sys.executable, "-P", "-B", "-c", program, *APPLY]
        ended = subprocess.run(
            words, cwd=world.project.root, env=world.project.environ, capture_output=True, text=True, check=False
        )
        assert 1 == ended.returncode, ended.stdout
        assert "Traceback" not in ended.stderr
        assert "File too large" in ended.stderr
        if not limit:
            assert [] == world.changes()
        clean(world, CREATE)

    def test_f77_the_directory_is_removed(self, world: World) -> None:
        """While a create is under way: its id is recorded in the end, or can be read, and it is not made twice."""
        world.prepare(ALICE)
        world.arm("slow", operation="create", delay_ms=400)
        command = world.start(*APPLY)
        assert world.until_fired(command)
        shutil.rmtree(world.state)
        ended = command.wait()
        made = world.sandbox.only()["id"]
        assert made in _everything_said(world, ended.stdout + ended.stderr)
        world.calm()
        world.run(*APPLY)
        assert [made] == [each["id"] for each in world.sandbox.notebooks()]

    @needs_strace
    @pytest.mark.parametrize("error", ["EINTR", "EAGAIN"])
    def test_f75_the_lock_stutters(self, world: World, error: str) -> None:
        """Interrupted: tried again. Held: said so."""
        world.prepare(ALICE)
        ended, trace = traced(world, ALICE, LOCK, f"flock:error={error}:when=1", "flock")
        assert "(INJECTED)" in trace
        assert (0 if error == "EINTR" else 1) == ended.code, ended.stderr
        clean(world, ALICE)

    @needs_strace
    @pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP"])
    def test_f90_no_locks_on_this_disk(self, world: World, error: str) -> None:
        """As on some network file systems: another kind of lock takes over."""
        world.prepare(ALICE)
        ended, trace = traced(world, ALICE, LOCK, f"flock:error={error}", "flock")
        assert "(INJECTED)" in trace
        assert 0 == ended.code, ended.stderr
        clean(world, ALICE)

    def test_f93_no_room_for_history(self, world: World) -> None:
        """A file where the history belongs: refused or done, never half."""
        world.prepare(ADD)
        history = world.state / "history"
        if history.is_dir():
            shutil.rmtree(history)
        history.write_text("in the way")
        history.chmod(0o600)
        before = {record["id"] for record in world.recorded().values()}
        ended = world.run(*APPLY)
        assert "Traceback" not in ended.stderr
        assert before <= {record["id"] for record in world.recorded().values()}
        history.unlink()
        clean(world, ADD)


def _everything_said(world: World, output: str) -> str:
    """What a person could still find the ids in."""
    places = [*world.project.root.glob("errored*"), *world.state.glob("lab.*")]
    return output + "".join(path.read_text(errors="replace") for path in places)


def _flipped(data: bytes) -> bytes:
    """One hex digit of an id is another one."""
    at = data.index(b'"id": "') + 10
    return data[:at] + (b"0" if data[at : at + 1] != b"0" else b"1") + data[at + 1 :]


def _without_record(data: bytes) -> bytes:
    document = json.loads(data)
    document["resources"] = {}
    return json.dumps(document, indent=2, sort_keys=True).encode()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _data: b"",
    "zeros": lambda data: b"\0" * len(data),
    "cut": lambda data: data[: len(data) // 2],
    "flipped": _flipped,
    "edited": _without_record,
    "not-json": lambda _data: b"<html></html>",
}


class TestState:
    @pytest.mark.parametrize("damage", DAMAGE)
    def test_f78_damaged(self, world: World, damage: str) -> None:
        """Refused untouched, with the way back; never taken for an empty state."""
        world.prepare(ADD)
        path = world.state / "lab.json"
        good = path.read_bytes()
        spoiled = DAMAGE[damage](good)
        path.write_bytes(spoiled)
        for command in (("plan",), APPLY):
            ended = world.run(*command)
            assert 1 == ended.code, ended.stdout
            assert "lab.json" in ended.stderr
            assert "restore" in ended.stderr, ended.stderr
        assert ([], spoiled) == (world.changes(), path.read_bytes())
        path.write_bytes(good)
        clean(world, ADD)

    def test_f79_lost(self, world: World) -> None:
        """No state, but the stack's instances live: nothing is made again, and they are named."""
        world.prepare(Flow("nothing", {"alice": {}}, {"alice": {}}))
        shutil.rmtree(world.state)
        made = world.sandbox.only()["id"]
        for command in (("plan",), APPLY):
            ended = world.run(*command)
            assert made in ended.stdout + ended.stderr
        assert [] == world.changes()
        assert [made] == [each["id"] for each in world.sandbox.notebooks()]

    def test_f80_last_weeks_state(self, world: World) -> None:
        """What was made since is not made again."""
        world.prepare(ADD)
        old = (world.state / "lab.json").read_bytes()
        assert 0 == world.run(*APPLY).code
        bob = world.recorded()["notebook.bob"]["id"]
        (world.state / "lab.json").write_bytes(old)
        world.sandbox.forget()
        for command in (("plan",), APPLY):
            ended = world.run(*command)
            assert bob in ended.stdout + ended.stderr
        assert ([], 2) == (world.changes(), len(world.sandbox.notebooks()))

    def test_f81_of_another_stack(self, world: World) -> None:
        world.prepare(ADD)
        path = world.state / "lab.json"
        good = path.read_bytes()
        other = world.project.root / "specs" / "other"
        shutil.copytree(world.project.root / "specs" / "lab", other)
        path.rename(world.state / "other.json")
        ended = world.run(*APPLY, "specs/other")
        assert 1 == ended.code
        assert "another stack" in ended.stderr
        assert [] == world.changes()
        (world.state / "other.json").unlink()
        shutil.rmtree(other)
        path.write_bytes(good)
        path.chmod(0o600)
        (world.state / "other.lock").unlink(missing_ok=True)
        clean(world, ADD)

    def test_f82_a_journal_damaged_in_the_middle(self, world: World) -> None:
        """Refused, both files kept."""
        world.prepare(CREATE)
        kill(world, CREATE, Point("journal line", 5))
        good = world.journal.read_bytes()
        lines = good.splitlines(keepends=True)
        spoiled = b"".join([*lines[:2], lines[2].replace(b"kind", b"k1nd"), *lines[3:]])
        assert spoiled != good
        world.journal.write_bytes(spoiled)
        world.sandbox.forget()
        ended = world.run(*APPLY)
        assert (1, [], spoiled) == (ended.code, world.changes(), world.journal.read_bytes())
        assert "journal" in ended.stderr
        world.journal.write_bytes(good)
        world.sandbox.pace(latency_ms=0)
        clean(world, CREATE)

    def test_f84_a_newer_format(self, world: World) -> None:
        world.prepare(ADD)
        path = world.state / "lab.json"
        good = path.read_bytes()
        newer = good.replace(b"provisioner.state/1", b"provisioner.state/9")
        path.write_bytes(newer)
        ended = world.run(*APPLY)
        assert (1, [], newer) == (ended.code, world.changes(), path.read_bytes())
        assert "provisioner.state/9" in ended.stderr
        path.write_bytes(good)
        clean(world, ADD)

    @pytest.mark.parametrize("what", ["link", "directory", "pipe"])
    def test_f92_the_state_is_something_else(self, world: World, what: str) -> None:
        """A link is followed and stays one; what is no file is refused and not waited for."""
        world.prepare(ADD)
        path, kept = world.state / "lab.json", world.project.root / "elsewhere.json"
        path.rename(kept)
        if what == "link":
            path.symlink_to(kept)
            assert [] == world.settle(ADD)[1]
            assert path.is_symlink()
            return
        path.mkdir() if what == "directory" else os.mkfifo(path)
        ended = world.run(*APPLY)
        assert (1, []) == (ended.code, world.changes())
        path.rmdir() if what == "directory" else path.unlink()
        kept.rename(path)
        clean(world, ADD)

    def test_f115_a_fork(self, world: World) -> None:
        """Two machines with copies of one state, both add: each is told of the other's."""
        world.prepare(Flow("nothing", {"alice": {}}, {"alice": {}}))
        root = world.project.root.with_name("second-machine")
        shutil.copytree(world.project.root, root)
        other = World(Project(root, world.project.environ), world.sandbox)
        world.project.declare(alice={}, bob={})
        other.project.declare(alice={}, carol={})
        assert 0 == world.run(*APPLY).code
        other.run(*APPLY)
        bob = world.recorded()["notebook.bob"]["id"]
        told = other.run("plan")
        assert bob in told.stdout + told.stderr
        assert 1 == sum(each["name"] == "bob" for each in world.sandbox.notebooks())


class TestLock:
    @pytest.fixture
    def holder(self, world: World) -> Iterator[Any]:
        """An apply that the service keeps waiting."""
        world.prepare(CREATE)
        world.arm("hang", operation="create", when="before")
        command = world.start(*APPLY, "--parallelism=1")
        assert world.until_fired(command)
        yield command
        if command.running:
            command.kill()

    def test_f86_two_at_once(self, world: World, holder: Any) -> None:
        """The second names the first and sends nothing."""
        before = len(world.changes())
        ended = world.run(*APPLY)
        assert (1, before) == (ended.code, len(world.changes()))
        assert "locked" in ended.stderr
        assert str(holder.pid) in ended.stderr
        holder.kill()
        clean(world, CREATE)

    def test_f86_waiting_for_the_lock(self, world: World, holder: Any) -> None:
        waiting = world.start(*APPLY, "--lock-timeout=30s")
        eventually(lambda: "lock" in waiting.stderr() or not waiting.running)
        assert waiting.running, waiting.wait().stderr
        world.calm()
        holder.kill()
        ended = waiting.wait()
        assert 0 == ended.code, ended.stderr
        clean(world, CREATE)

    def test_f88_a_stopped_holder(self, world: World, holder: Any) -> None:
        """Asleep is not dead: the lock is not taken from it, and it goes on when it wakes."""
        holder.signal(signal.SIGSTOP)
        assert 1 == world.run(*APPLY).code
        holder.signal(signal.SIGCONT)
        assert holder.running
        holder.kill()
        clean(world, CREATE)

    def test_f89_a_dead_holder(self, world: World, holder: Any) -> None:
        """What it left in the lock file stops nobody."""
        holder.kill()
        assert (world.state / "lab.lock").exists()
        clean(world, CREATE)

    def test_f91_a_plan_meanwhile(self, world: World, holder: Any) -> None:
        """It is not refused, writes nothing, and says that a run is under way."""
        before = (world.journal.read_bytes(), len(world.changes()))
        ended = world.run("plan")
        assert 0 == ended.code, ended.stderr
        assert before == (world.journal.read_bytes(), len(world.changes()))
        assert str(holder.pid) in ended.stderr or "under way" in ended.stderr
        holder.kill()
        clean(world, CREATE)

    def test_two_hundred_workers(self, world: World) -> None:
        """Two processes of a hundred workers each start at the same moment: one wins, each notebook exists once."""
        keys: dict[str, dict[str, Any]] = {f"n{number:02}": {} for number in range(40)}
        flow = Flow("create", {}, keys)
        world.prepare(flow)
        world.sandbox.pace(latency_ms=20)
        both = [world.start(*APPLY, "--parallelism=100") for _ in range(2)]
        codes = sorted(each.wait().code for each in both)
        assert codes in ([0, 1], [0, 0]), codes
        assert 40 == world.changes().count("create")
        world.sandbox.pace(latency_ms=0)
        assert [] == world.settle(flow)[1]
