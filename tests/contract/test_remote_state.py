"""What every store far away must stand: racers, stale writers, dead holders, a server that dies, large states.

Real servers, and where it matters the real command as a process of its own. What a state must do beside that is in
`test_state_backend.py`, what is special to one kind of store in a file of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from provisioner.errors import StateError, StateLocked, StateUnreachable
from provisioner.state.backend import LockInfo
from provisioner.state.document import Cloud, Record, State
from provisioner.state.process import this_process
from provisioner.state.remote import RemoteBackend
from provisioner.state.store import Content, Store
from tests.contract.project import Project, eventually
from tests.contract.sandbox import Sandbox
from tests.contract.stores import SERVERS, Server

RACERS, ROUNDS = 16, 15
WRITERS, INCREMENTS = 8, 5
LARGE = 25 * 1024 * 1024
UNICODE = "研究-größer"

Opener = Callable[[], Store]


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with SERVERS[request.param]() as running:
        yield running


@pytest.fixture
def namespace() -> str:
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def store(server: Server, namespace: str) -> Iterator[Opener]:
    """Each call another handle of the same place, as another process has one."""
    opened: list[Store] = []

    def connect() -> Store:
        opened.append(server.open(namespace, "lab"))
        return opened[-1]

    yield connect
    for each in opened:
        server.release(each)


def info(number: int, **more: object) -> LockInfo:
    given = {"id": f"lock-{number}", "operation": "OperationTypeApply", "who": f"racer{number}@far", "version": "0"}
    return LockInfo.model_validate({**given, "created": "2026-01-02T03:04:05+00:00", **more})


def content(state: State, lock: LockInfo | None = None, *, keep: bool = False) -> Content:
    return Content(state.dumps().encode(), state.serial, state.digest, lock.id if lock else "", keep)


def numbered(serial: int, lineage: str = "5e8f4c9a-0000-4000-8000-000000000000") -> State:
    return State(lineage=lineage, serial=serial, stack="lab", cloud=Cloud(region="r", project_id="p"))


def test_one_of_sixteen_gets_the_lock(store: Opener) -> None:
    """In each of fifteen rounds exactly one, and the others are told who."""
    stores = [store() for _ in range(RACERS)]
    start = threading.Barrier(RACERS)

    def race(number: int) -> str:
        start.wait()
        try:
            stores[number].lock(info(number))
        except StateLocked as error:
            return error.holder
        return ""

    with ThreadPoolExecutor(RACERS) as pool:
        for _ in range(ROUNDS):
            told = list(pool.map(race, range(RACERS)))
            winners = [number for number, holder in enumerate(told) if not holder]
            assert 1 == len(winners), told
            (winner,) = winners
            seen = stores[(winner + 1) % RACERS].holder(trying=True)
            assert seen
            assert f"lock-{winner}" == seen.id
            stores[winner].unlock(info(winner))
            assert None is stores[0].holder(trying=True)


def test_a_stale_writer_is_refused(store: Opener) -> None:
    """Even with the lock: what it read is not what stands there."""
    first, second = store(), store()
    version = first.write(content(numbered(1)), expected=None)
    second.lock(info(2))
    changed = first if first.read() else second
    version = second.write(content(numbered(2), info(2)), expected=version)
    with pytest.raises(StateError):
        second.write(content(numbered(3), info(2)), expected="0" * len(version))
    with pytest.raises(StateError):
        second.write(content(numbered(3), info(2)), expected=None)
    stands = changed.read()
    assert stands
    assert numbered(2).dumps().encode() == stands.data
    second.unlock(info(2))


def test_a_write_under_a_lock_that_was_lost_is_refused(store: Opener) -> None:
    """Somebody broke it, and holds it: a paused run that wakes up overwrites nothing."""
    paused, other = store(), store()
    paused.lock(info(1))
    version = paused.write(content(numbered(1), info(1)), expected=None)
    seen = other.holder(trying=True)
    assert seen
    other.break_lock(seen)
    other.lock(info(2))
    newer = other.write(content(numbered(2), info(2)), expected=version)
    with pytest.raises(StateError):
        paused.write(content(numbered(2), info(1)), expected=version)
    stands = other.read()
    assert stands
    assert newer == stands.version
    other.unlock(info(2))


def test_a_lock_that_is_not_ours_stays(store: Opener) -> None:
    first, second = store(), store()
    first.lock(info(1))
    with pytest.raises(StateError):
        second.unlock(info(2))
    stale = second.holder(trying=True)
    assert stale
    first.unlock(info(1))
    first.lock(info(3))
    with pytest.raises(StateError):
        second.break_lock(stale)
    held = second.holder(trying=True)
    assert held
    assert "lock-3" == held.id
    first.unlock(info(3))


def test_no_increment_is_lost(store: Opener) -> None:
    """Eight writers without a lock, five increments each, a refused one begins anew: the counter is exact."""
    first = store()
    first.write(content(numbered(1)), expected=None)

    def count_up(mine: Store) -> None:
        for _ in range(INCREMENTS):
            while True:
                stands = mine.read()
                assert stands
                serial = json.loads(stands.data)["serial"]
                try:
                    mine.write(content(numbered(serial + 1)), expected=stands.version)
                except StateUnreachable:
                    raise
                except StateError:
                    continue
                break

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(count_up, [store() for _ in range(WRITERS)]))
    stands = first.read()
    assert stands
    assert 1 + WRITERS * INCREMENTS == json.loads(stands.data)["serial"]


def _hold(server: Server, namespace: str, ready: Callable[[], None]) -> None:
    me = this_process()
    more = {"host": me.host, "boot": me.boot, "process": me.number, "started": me.started}
    server.open(namespace, "lab").lock(info(9, **more))
    ready()
    signal.pause()


def test_the_holder_is_killed(server: Server, namespace: str, store: Opener, tmp_path: Path) -> None:
    """The next run on this machine knows that it is dead, takes the lock, and says whose it was."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(server, namespace, ready.set))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(StateLocked, match="locked by another run"):
        store().lock(info(1))
    assert holder.pid
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    backend = RemoteBackend(store(), "lab", tmp_path)
    died: list[LockInfo | None] = []

    def free() -> bool:
        try:
            with backend.lock(info(2)) as before:
                died.append(before)
        except StateLocked:  # a server may need a moment to see that its client is gone
            return False
        return True

    eventually(free)
    assert died[0]
    assert "lock-9" == died[0].id


def test_the_server_dies_in_the_middle_of_a_write(server: Server, store: Opener) -> None:
    """The old state stands there afterwards, or the new one: never a part of it, never nothing."""
    writer = store()
    writer.lock(info(1))
    version = writer.write(content(large(1), info(1)), expected=None)
    raised: list[BaseException] = []

    def write() -> None:
        try:
            writer.write(content(large(2), info(1)), expected=version)
        except StateError as error:
            raised.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    threading.Event().wait(0.05)
    server.kill()
    thread.join(120)
    assert not thread.is_alive()
    server.start()
    if not server.durable:
        return
    found = store().read()
    assert found
    assert json.loads(found.data)["serial"] in ({1, 2} if raised else {2})


def large(serial: int) -> State:
    record = Record(id="id", status="RUNNING", attributes={"description": "x" * LARGE, "name": f"n{serial}"})
    return numbered(serial).with_records({"notebook.large": record})


def test_a_state_of_25_mb(store: Opener) -> None:
    state = large(7)
    writer = store()
    version = writer.write(content(state, keep=True), expected=None)
    found = store().read()
    assert found
    assert (version, state.dumps().encode()) == (found.version, found.data)


def test_names_of_all_scripts(server: Server, namespace: str) -> None:
    """In the name of the stack and in what is recorded; one stack sees nothing of another."""
    with closing(server.stores(namespace)) as stores:
        here, there = stores.of(UNICODE), stores.of("研究")
        state = numbered(1).model_copy(update={"stack": UNICODE})
        record = Record(id="id", status="RUNNING", attributes={"description": "größer 🚀"})
        state = state.with_records({"notebook.größe": record})
        here.write(content(state), expected=None)
        found = here.read()
        assert found
        assert state.dumps().encode() == found.data
        assert None is there.read()
        here.lock(info(1, path=UNICODE))
        there.lock(info(2))
        there.unlock(info(2))
        here.unlock(info(1))
        listed = stores.stacks()
        assert listed is None or listed == [UNICODE]


class Runner(Project):
    """A machine with the project checked out, its states far away."""

    def __init__(self, root: Path, sandbox: Sandbox, server: Server, namespace: str) -> None:
        root.mkdir()
        super().__init__(root, {**sandbox.environ, **server.environ()})
        self.declare(**{f"n{number}": {} for number in range(6)})
        (root / "provisioner.yaml").write_text(f"version: 1\nbackend: {server.settings(namespace)}\n")

    def done(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert 0 == result.returncode, result.stderr
        return result.stdout


@pytest.mark.parametrize("sent", [1, 4])
def test_another_machine_goes_on_after_a_kill(
    sent: int, server: Server, namespace: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """SIGKILL while creates are under way, and the disk is gone with the runner: what the store has is enough. No
    orphan, no duplicate, nothing left to do.
    """
    first = Runner(tmp_path / "first", sandbox, server, namespace)
    second = Runner(tmp_path / "second", sandbox, server, namespace)
    sandbox.pace(latency_ms=30)
    process = first.start("apply", "--auto-approve", "--parallelism", "2")
    eventually(lambda: len(sandbox.calls()) >= sent)
    process.kill()
    process.communicate()
    sandbox.pace(latency_ms=0)
    said = second.done("apply", "--auto-approve")
    assert "Apply complete!" in said
    names = sorted(each["name"] for each in sandbox.notebooks())
    assert [f"n{number}" for number in range(6)] == names
    ids = {each["id"] for each in sandbox.notebooks()}
    recorded = json.loads(second.done("state", "pull"))["resources"]
    assert ids == {record["id"] for record in recorded.values()}
    for runner in (second, first):
        assert "No changes." in runner.done("plan", "--detailed-exitcode")


def test_a_lock_of_another_machine(server: Server, namespace: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """Nobody here can tell whether its holder lives: refused, shown, and broken by `force-unlock` alone."""
    runner = Runner(tmp_path / "runner", sandbox, server, namespace)
    held = server.open(namespace, "lab")
    held.lock(info(5, job="https://ci.example/job/7"))
    refused = runner.run("apply", "--auto-approve")
    assert 1 == refused.returncode
    assert not sandbox.calls()
    for part in ("racer5@far", "https://ci.example/job/7", "provisioner force-unlock lock-5"):
        assert part in refused.stderr
    server.lose(held)
    broken = runner.run("force-unlock", "lock-5", "--force")
    assert 0 == broken.returncode, broken.stderr
    assert "Apply complete!" in runner.done("apply", "--auto-approve")
    assert "No changes." in runner.done("plan")


def test_the_server_dies_in_the_middle_of_an_apply(
    server: Server, namespace: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Nothing more is created; what was is known here, and the next run goes on where this one stopped."""
    if not server.durable:
        pytest.skip(f"{server.name} keeps nothing over its death: it is a server for tests")
    runner = Runner(tmp_path / "runner", sandbox, server, namespace)
    sandbox.pace(latency_ms=30)
    process = runner.start("apply", "--auto-approve", "--parallelism", "1")
    eventually(lambda: len(sandbox.calls()) >= 2)
    server.kill()
    _, said = process.communicate(timeout=120)
    assert 1 == process.returncode, said
    assert 6 > len(sandbox.calls())
    server.start()
    sandbox.pace(latency_ms=0)
    eventually(lambda: runner.run("state", "list").returncode == 0)
    eventually(lambda: runner.run("apply", "--auto-approve").returncode == 0)
    assert [f"n{number}" for number in range(6)] == sorted(each["name"] for each in sandbox.notebooks())
    assert "No changes." in runner.done("plan")


def test_there_and_back(server: Server, namespace: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """`state migrate` from files to the store and back: same serial, same content, an empty plan on both."""
    runner = Runner(tmp_path / "runner", sandbox, server, namespace)
    settings = runner.root / "provisioner.yaml"
    far, near = settings.read_text(), "version: 1\nbackend: {type: local, path: state}\n"
    settings.write_text(near)
    runner.done("apply", "--auto-approve")
    state = runner.done("state", "pull")
    settings.write_text(far)
    assert "copied and compared" in runner.done("state", "migrate", "--from", "{type: local, path: state}")
    assert state == runner.done("state", "pull")
    assert "No changes." in runner.done("plan")
    settings.write_text(near.replace("path: state", "path: back"))
    said = runner.done("state", "migrate", "--from", server.settings(namespace), "--stack", "lab")
    assert "copied and compared" in said
    assert state == runner.done("state", "pull")
    assert (runner.root / "state/lab.json").read_bytes() == (runner.root / "back/lab.json").read_bytes()
