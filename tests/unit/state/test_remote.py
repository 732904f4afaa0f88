"""A state far away: what is uploaded when, what an unanswered call comes to, and what a dead run leaves behind."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provisioner.errors import StateDamaged, StateError, StateLocked, StateUnreachable
from provisioner.state import remote
from provisioner.state.backend import LockInfo, Snapshot
from provisioner.state.document import Cloud, Pending, Record, State
from provisioner.state.process import this_process
from provisioner.state.remote import RemoteBackend, RemoteBackends
from tests.unit.state.shelf import Shelf, Shelves

ALICE = Record(id="11111111-0000-4000-8000-000000000000", status="RUNNING", attributes={"name": "alice"})
BOB = Record(id="22222222-0000-4000-8000-000000000000", status="RUNNING", attributes={"name": "bob"})
BODY = {"name": "alice", "description": "mp-aaaaa-bbbbbbb-ccccccc"}
MINE = LockInfo(id="mine", operation="OperationTypeApply", who="alice@desk", version="0.1.0", created="2026-01-02")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "far").mkdir()
    return Shelf(tmp_path / "far")


@pytest.fixture
def backend(shelf: Shelf, tmp_path: Path) -> RemoteBackend:
    return RemoteBackend(shelf, "lab", tmp_path / "runner-1")


@pytest.fixture
def elsewhere(shelf: Shelf, tmp_path: Path) -> RemoteBackend:
    """Another machine: nothing of the first one's disk."""
    return RemoteBackend(shelf, "lab", tmp_path / "runner-2")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between tries; outcomes wait for ever to be uploaded, unless a test says otherwise."""
    monkeypatch.setattr(remote, "_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(remote, "UPLOAD_SECONDS", 3600.0)


def begun(backend: RemoteBackend) -> State:
    """A first state, stored."""
    snapshot = backend.read()
    return backend.write(snapshot.state.next(Cloud(region="r", project_id="p")), replacing=snapshot).state


def test_a_create_stands_in_the_store_before_it_is_sent(backend: RemoteBackend, elsewhere: RemoteBackend) -> None:
    """Another machine sees it as pending, with the mark by which it is searched for; the serial has grown."""
    state = begun(backend)
    journal = backend.journal(state)
    journal.intent("notebook.alice", "create", 1.5, BODY)
    seen = elsewhere.read()
    assert (Pending(address="notebook.alice", at=1.5, body=BODY),) == seen.state.pending
    assert (state.lineage, state.serial + 1, False) == (seen.state.lineage, seen.stored_serial, seen.has_journal)
    journal.close()


def test_the_first_state_of_all_is_one_with_a_pending_create(backend: RemoteBackend, elsewhere: RemoteBackend) -> None:
    journal = backend.journal(backend.read().state)
    journal.intent("notebook.alice", "create", 1.5, BODY)
    journal.close()
    here, there = backend.read(), elsewhere.read()
    assert (1, here.state.lineage, here.state.pending) == (
        there.stored_serial,
        there.state.lineage,
        there.state.pending,
    )


def test_outcomes_wait_on_this_machine(backend: RemoteBackend, elsewhere: RemoteBackend, shelf: Shelf) -> None:
    """They cost no upload of their own: this machine reads them from its journal, others settle the create."""
    journal = backend.journal(begun(backend))
    number = journal.intent("notebook.alice", "create", 1.5, BODY)
    journal.outcome(number, "notebook.alice", ALICE)
    other = journal.intent("notebook.alice", "stop", 2.0)
    journal.outcome(other, "notebook.alice", ALICE)
    journal.close()
    assert 2 == len(shelf.writes), "the first state, and the one before the create"
    here = backend.read()
    assert ({"notebook.alice": ALICE}, (), True) == (dict(here.state.resources), here.state.pending, here.has_journal)
    assert 1 == len(elsewhere.read().state.pending)


def test_the_next_create_takes_earlier_outcomes_with_it(backend: RemoteBackend, elsewhere: RemoteBackend) -> None:
    journal = backend.journal(begun(backend))
    number = journal.intent("notebook.alice", "create", 1.5, BODY)
    journal.outcome(number, "notebook.alice", ALICE)
    refused = journal.intent("notebook.carol", "create", 1.7, BODY)
    journal.refused(refused, "notebook.carol")
    journal.intent("notebook.bob", "create", 2.5, BODY)
    journal.close()
    for each in (backend, elsewhere):
        state = each.read().state
        assert ({"notebook.alice": ALICE}, ["notebook.bob"]) == (
            dict(state.resources),
            [pending.address for pending in state.pending],
        )


def test_outcomes_do_not_wait_for_ever(
    backend: RemoteBackend, elsewhere: RemoteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runner that dies while it waits for the last notebook to run leaves their ids in the store."""
    monkeypatch.setattr(remote, "UPLOAD_SECONDS", 0.01)
    journal = backend.journal(begun(backend))
    number = journal.intent("notebook.alice", "create", 1.5, BODY)
    journal.outcome(number, "notebook.alice", ALICE)
    for _ in range(500):
        if elsewhere.read().state.resources:
            break
        threading.Event().wait(0.01)
    assert {"notebook.alice": ALICE} == dict(elsewhere.read().state.resources)
    journal.close()


def test_creates_that_come_together_share_uploads(backend: RemoteBackend, shelf: Shelf) -> None:
    """Forty creates of eight threads: each stands in a stored state when its call returns, in far fewer uploads."""
    state = begun(backend)
    journal = backend.journal(state)
    slow = shelf.write

    def write(content: object, *, expected: str | None) -> str:
        threading.Event().wait(0.02)
        return slow(content, expected=expected)  # type: ignore[arg-type]

    shelf.write = write  # type: ignore[method-assign]

    def create(number: int) -> None:
        address = f"notebook.n{number:02}"
        journal.intent(address, "create", float(number), BODY)
        assert address in (shelf.read() or pytest.fail("nothing is stored")).data.decode()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(40)))
    stored = journal.close()
    assert stored
    assert 40 == len(stored.state.pending)
    assert 5 <= len(shelf.writes) - 1 <= 20


def test_the_end_of_a_run_replaces_what_it_stored_on_its_way(backend: RemoteBackend, shelf: Shelf) -> None:
    """Only the end is kept as a generation; the journal on this machine goes."""
    journal = backend.journal(begun(backend))
    number = journal.intent("notebook.alice", "create", 1.5, BODY)
    journal.outcome(number, "notebook.alice", ALICE)
    stored = journal.close()
    assert stored
    final = stored.state.with_records({"notebook.alice": ALICE}).with_pending(()).next(None)
    backend.write(final, replacing=stored)
    snapshot = backend.read()
    assert (final, 3, False) == (snapshot.state, snapshot.stored_serial, snapshot.has_journal)
    assert [3, 1] == [each.serial for each in backend.history()]
    assert final == backend.history()[0].read()


@pytest.mark.parametrize("fault", ["unheard", "unanswered"])
def test_an_unanswered_write_is_looked_up(backend: RemoteBackend, shelf: Shelf, fault: str) -> None:
    """Whether it happened is read back: then it counts, else it is written once more."""
    state = begun(backend)
    shelf.faults["write"] = [fault]
    changed = state.with_records({"notebook.alice": ALICE}).next(None)
    backend.write(changed, replacing=Snapshot(state, state.serial, stored_digest=state.digest))
    assert (changed, 2) == (backend.read().state, len(shelf.writes))


def test_a_store_that_stays_silent_ends_the_sending(backend: RemoteBackend, shelf: Shelf) -> None:
    """The create is not sent, nor is anything after it; what was answered stands in the journal on this machine."""
    journal = backend.journal(begun(backend))
    number = journal.intent("notebook.alice", "create", 1.5, BODY)
    journal.outcome(number, "notebook.alice", ALICE)
    shelf.faults["write"] = ["unheard"] * 9
    with pytest.raises(StateUnreachable):
        journal.intent("notebook.bob", "create", 2.5, BODY)
    with pytest.raises(StateUnreachable):
        journal.intent("notebook.alice", "stop", 3.5)
    journal.close()
    assert ALICE == backend.read().state.resources["notebook.alice"]


def test_another_run_that_wrote_in_between_is_not_overwritten(
    backend: RemoteBackend, elsewhere: RemoteBackend, shelf: Shelf
) -> None:
    """With the lock lost, broken or never there: neither by the end of a run, nor on its way, nor by a second try."""
    state = begun(backend)
    snapshot = backend.read()
    theirs = elsewhere.read()
    elsewhere.write(theirs.state.with_records({"notebook.bob": BOB}).next(None), replacing=theirs)
    with pytest.raises(StateError):
        backend.write(state.with_records({"notebook.alice": ALICE}).next(None), replacing=snapshot)
    with pytest.raises(StateError):
        backend.journal(state).intent("notebook.alice", "create", 1.5, BODY)
    shelf.faults["write"] = ["unheard"]
    with pytest.raises(StateError, match="changed by another run"):
        backend.write(state.with_records({"notebook.alice": ALICE}).next(None), replacing=snapshot)
    assert {"notebook.bob": BOB} == dict(elsewhere.read().state.resources)


def test_a_journal_that_others_have_left_behind_adds_nothing(backend: RemoteBackend, elsewhere: RemoteBackend) -> None:
    """Another machine settled what this one left and went on: the old journal here must not undo that."""
    journal = backend.journal(begun(backend))
    number = journal.intent("notebook.alice", "create", 1.5, BODY)
    journal.outcome(number, "notebook.alice", ALICE)
    journal.close()
    theirs = elsewhere.read()
    settled = theirs.state.with_pending(()).with_records({"notebook.alice": ALICE}).next(None)
    after = elsewhere.write(settled, replacing=theirs)
    elsewhere.write(after.state.with_records({"notebook.alice": None}).next(None), replacing=after)
    snapshot = backend.read()
    assert ({}, (), False) == (dict(snapshot.state.resources), snapshot.state.pending, snapshot.has_journal)


def test_an_upload_that_was_cut_off_leaves_either_state(backend: RemoteBackend, shelf: Shelf, tmp_path: Path) -> None:
    """The journal knows the state before and the one that was on its way, and continues both alike."""
    journal = backend.journal(begun(backend))
    number = journal.intent("notebook.alice", "create", 1.5, BODY)
    before = shelf.read()
    journal.outcome(number, "notebook.alice", ALICE)
    journal.intent("notebook.bob", "create", 2.5, BODY)
    journal.close()
    after = backend.read().state
    assert before
    (shelf.directory / "lab.json").write_bytes(before.data)
    state = RemoteBackend(shelf, "lab", tmp_path / "runner-1").read().state
    assert (after.resources, after.pending) == (state.resources, state.pending)


def test_a_lock_whose_answer_was_lost_is_ours(backend: RemoteBackend, shelf: Shelf) -> None:
    shelf.faults["lock"] = ["unanswered"]
    with backend.lock(MINE):
        assert "mine" == (backend.holder() or pytest.fail("nobody holds it")).id
    assert None is backend.holder()


def test_a_held_lock_names_its_holder(backend: RemoteBackend, elsewhere: RemoteBackend) -> None:
    """Of another machine: nobody here can tell whether it lives."""
    with backend.lock(MINE), pytest.raises(StateLocked) as caught:
        elsewhere.lock(MINE.model_copy(update={"id": "theirs"})).__enter__()
    assert "alice@desk" in caught.value.detail
    assert "provisioner force-unlock mine" in caught.value.hint


def test_the_lock_of_a_process_that_died_here_is_broken(backend: RemoteBackend, shelf: Shelf) -> None:
    """Provably: same machine, same boot, and the process is gone. The next run is told of it."""
    me = this_process()
    dead = MINE.model_copy(update={"host": me.host, "boot": me.boot, "process": me.number, "started": "1"})
    shelf.lock(dead)
    with backend.lock(MINE.model_copy(update={"id": "next"})) as died:
        assert dead == died


def test_a_lock_that_cannot_be_given_back_is_an_error(backend: RemoteBackend, shelf: Shelf) -> None:
    """The run itself went well, and is recorded; the next one would wait for nobody."""
    shelf.faults["unlock"] = ["unheard"]
    with pytest.raises(StateError, match="whether the lock of lab is free") as caught, backend.lock(MINE):
        pass
    assert "force-unlock mine" in caught.value.hint


def test_what_went_wrong_under_the_lock_is_what_is_told(backend: RemoteBackend, shelf: Shelf) -> None:
    shelf.faults["unlock"] = ["unheard"]
    with pytest.raises(ZeroDivisionError), backend.lock(MINE):
        raise ZeroDivisionError


def test_restoring_what_is_damaged(backend: RemoteBackend, shelf: Shelf) -> None:
    """Under a serial above all that there was."""
    state = begun(backend)
    snapshot = backend.read()
    backend.write(state.with_records({"notebook.alice": ALICE}).next(None), replacing=snapshot)
    (shelf.directory / "lab.json").write_bytes(b"{}")
    with pytest.raises(StateDamaged):
        backend.read()
    restored = backend.restore(backend.history()[0].read())
    assert (3, {"notebook.alice": ALICE}) == (restored.serial, dict(backend.read().state.resources))


def test_the_state_of_another_stack_is_refused(shelf: Shelf, backend: RemoteBackend, tmp_path: Path) -> None:
    """One http address without {stack} serves one stack alone."""
    begun(backend)
    with pytest.raises(StateDamaged, match="belongs to another stack") as caught:
        RemoteBackend(shelf, "prod", tmp_path).read()
    assert "{stack}" in caught.value.hint


def test_the_states_of_a_place(tmp_path: Path) -> None:
    """Where a store cannot list them, the specs say which there may be; journals of two places never mix."""
    (tmp_path / "far").mkdir()
    states = RemoteBackends(Shelves(tmp_path / "far"), tmp_path / "runs", lambda: ["prod", "lab", "none"])
    for name in ("lab", "prod"):
        begun(states.of(name))
    assert ["lab", "prod"] == states.recorded()
    with states.of("lab").lock(MINE):
        assert ["lab"] == [backend.stack for backend, _ in states.locked()]
    others = RemoteBackends(Shelves(tmp_path / "elsewhere"), tmp_path / "runs", list)
    for each in (states, others):
        each.of("lab").journal(State.empty("lab")).close()
    assert 2 == len(list((tmp_path / "runs").glob("*/lab.journal")))
    states.close()
