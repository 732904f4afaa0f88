"""What every place that keeps a state must do: a directory, and each server of `SERVERS`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provisioner.errors import StateError, StateLocked
from provisioner.state.backend import LockInfo, StateBackend
from provisioner.state.document import Cloud, Pending, Record, State
from provisioner.state.local import LocalBackend
from provisioner.state.remote import RemoteBackend
from provisioner.state.store import Store
from tests.contract.stores import SERVERS, Server

Opener = Callable[[], StateBackend]

ALICE = Record(id="11111111-0000-4000-8000-000000000000", status="RUNNING", attributes={"name": "alice"})
BODY = {"name": "alice", "flavor": "modelarts.vm.cpu.2u"}


@pytest.fixture(scope="module", params=["local", *SERVERS])
def server(request: pytest.FixtureRequest) -> Iterator[Server | None]:
    """None for the directory."""
    if request.param == "local":
        yield None
        return
    with SERVERS[request.param]() as running:
        yield running


@pytest.fixture
def connect(server: Server | None, tmp_path: Path) -> Iterator[Opener]:
    """Each call gives another handle of the same place, as another process on this machine has one."""
    namespace, opened = f"t{uuid.uuid4().hex[:12]}", list[Store]()

    def handle() -> StateBackend:
        if server is None:
            return LocalBackend(tmp_path / "state", "lab")
        opened.append(server.open(namespace, "lab"))
        return RemoteBackend(opened[-1], "lab", tmp_path)

    yield handle
    for store in opened:
        if server is not None:
            server.release(store)


@pytest.fixture
def backend(connect: Opener) -> StateBackend:
    return connect()


def lock_info(number: int = 1) -> LockInfo:
    return LockInfo(
        id=f"lock-{number}", operation="OperationTypeApply", who="alice@desk", version="0.1.0", created="2026-01-02"
    )


def written(backend: StateBackend, **records: Record) -> State:
    """A state of the next serial with these records, stored."""
    snapshot = backend.read()
    state = snapshot.state.with_records({f"notebook.{key}": record for key, record in records.items()})
    state = state.next(Cloud(region="r", project_id="p"))
    backend.write(state, replacing=snapshot)
    return state


def test_nothing_is_an_empty_state(backend: StateBackend) -> None:
    """Before the first write there is an empty state of this stack, and reading makes nothing."""
    snapshot = backend.read()
    assert ("lab", 0, {}, 0, False) == (
        snapshot.state.stack,
        snapshot.state.serial,
        snapshot.state.resources,
        snapshot.stored_serial,
        snapshot.has_journal,
    )


def test_what_was_written_is_read(connect: Opener) -> None:
    """Another handle reads exactly what was written."""
    state = written(connect(), alice=ALICE)
    snapshot = connect().read()
    assert (state, 1, False) == (snapshot.state, snapshot.stored_serial, snapshot.has_journal)


def test_a_write_replaces_all(backend: StateBackend) -> None:
    """Of the state before nothing stays."""
    written(backend, alice=ALICE, bob=ALICE)
    snapshot = backend.read()
    state = snapshot.state.with_records({"notebook.bob": None}).next(None)
    backend.write(state, replacing=snapshot)
    assert state == backend.read().state


def test_a_write_on_top_of_another_run_is_refused(connect: Opener) -> None:
    """Whoever began with an older serial does not write over the newer one."""
    mine, other = connect(), connect()
    began = mine.read()
    theirs = written(other, alice=ALICE)
    with pytest.raises(StateError, match="changed by another run"):
        mine.write(began.state.next(None), replacing=began)
    assert theirs == connect().read().state


def test_a_write_on_top_of_other_content_is_refused(backend: StateBackend) -> None:
    """The serial alone does not decide: what another run wrote under the same one is another state."""
    written(backend, alice=ALICE)
    began = backend.read()
    other = began.state.with_records({"notebook.bob": ALICE})
    backend.write(other, replacing=began)
    with pytest.raises(StateError, match="changed by another run"):
        backend.write(began.state.next(None), replacing=began)
    assert other == backend.read().state


def test_a_write_gives_what_is_stored_then(backend: StateBackend) -> None:
    """One write after the other needs no reading in between."""
    first = backend.write(backend.read().state.next(None), replacing=backend.read())
    backend.write(first.state.next(None), replacing=first)
    assert 2 == backend.read().stored_serial


def test_an_outcome_is_as_good_as_recorded(connect: Opener) -> None:
    """A run that dies after an outcome has recorded it: the next reader sees it, before any state is written."""
    backend = connect()
    base = backend.read().state
    journal = backend.journal(base)
    journal.outcome(journal.intent("notebook.alice", "create", 1.0, BODY), "notebook.alice", ALICE)
    snapshot = connect().read()
    assert ({"notebook.alice": ALICE}, True) == (snapshot.state.resources, snapshot.has_journal)
    assert base.lineage == snapshot.state.lineage
    journal.close()


def test_a_create_without_outcome_is_pending(connect: Opener) -> None:
    """A create that was sent and not answered is remembered with the body and the time; a refused one is not."""
    backend = connect()
    written(backend, alice=ALICE)
    journal = backend.journal(backend.read().state)
    journal.intent("notebook.bob", "create", 12.5, BODY)
    journal.refused(journal.intent("notebook.carol", "create", 13.0, BODY), "notebook.carol")
    journal.intent("notebook.alice", "stop", 14.0)
    snapshot = connect().read()
    assert (Pending(address="notebook.bob", at=12.5, body=BODY),) == snapshot.state.pending
    assert {"notebook.alice": ALICE} == snapshot.state.resources
    assert snapshot.has_journal
    journal.close()


def test_pending_creates_add_up(connect: Opener) -> None:
    """What is pending in the state stays so when the next run leaves more."""
    backend = connect()
    first = Pending(address="notebook.a", at=1.0, body={})
    snapshot = backend.read()
    backend.write(snapshot.state.with_pending((first,)).next(None), replacing=snapshot)
    journal = backend.journal(backend.read().state)
    journal.intent("notebook.b", "create", 2.0, {"name": "b"})
    assert ["notebook.a", "notebook.b"] == [pending.address for pending in connect().read().state.pending]
    journal.close()


def test_an_outcome_without_record_removes(connect: Opener) -> None:
    """After a delete nothing stands at the address."""
    backend = connect()
    written(backend, alice=ALICE)
    journal = backend.journal(backend.read().state)
    journal.outcome(journal.intent("notebook.alice", "delete", 1.0), "notebook.alice", None)
    snapshot = connect().read()
    assert ({}, True) == (snapshot.state.resources, snapshot.has_journal)
    journal.close()


def test_a_write_ends_the_journal(connect: Opener) -> None:
    """Once the state holds it, the journal adds nothing."""
    backend = connect()
    journal = backend.journal(backend.read().state)
    journal.outcome(journal.intent("notebook.alice", "create", 1.0, BODY), "notebook.alice", ALICE)
    journal.close()
    state = written(backend)
    snapshot = connect().read()
    assert (state, state.serial, False) == (snapshot.state, snapshot.stored_serial, snapshot.has_journal)
    assert {"notebook.alice": ALICE} == snapshot.state.resources


def test_a_forgotten_journal_leaves_the_state(connect: Opener) -> None:
    """Dropping a journal changes nothing that is stored, and may be done when there is none."""
    backend = connect()
    state = written(backend, alice=ALICE)
    backend.journal(state).close()
    backend.forget_journal()
    backend.forget_journal()
    assert state == connect().read().state


def test_one_holder_at_a_time(connect: Opener) -> None:
    """The second is turned away at once and told who holds the lock; then it is free again."""
    with connect().lock(lock_info(1)):
        with pytest.raises(StateLocked) as caught, connect().lock(lock_info(2)):
            pytest.fail("two held the lock")
        for text in ("alice@desk", "OperationTypeApply", "2026-01-02", "lock-1"):
            assert text in caught.value.detail
    with connect().lock(lock_info(2)):
        pass


def test_the_lock_is_freed_by_an_error(connect: Opener) -> None:
    """Whatever gets out of the block, the lock is free after it."""
    with pytest.raises(KeyError), connect().lock(lock_info()):
        raise KeyError
    with connect().lock(lock_info(2)):
        pass


def test_a_turned_away_run_disturbs_nothing(connect: Opener) -> None:
    """What the holder said about itself survives the attempts of others."""
    with connect().lock(lock_info(1)):
        for number in (2, 3):
            with pytest.raises(StateLocked, match="locked by another run") as caught, connect().lock(lock_info(number)):
                pytest.fail("two held the lock")
            assert "lock-1" in caught.value.detail


def test_reading_needs_no_lock(connect: Opener) -> None:
    """A plan may be made while another run applies."""
    written(connect(), alice=ALICE)
    with connect().lock(lock_info()):
        assert {"notebook.alice"} == set(connect().read().state.resources)
