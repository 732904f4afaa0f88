"""One step: what is sent and recorded around the mark of its instance, and what stays open when no answer comes."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import OutcomeUnknown
from provisioner.events import Event, StatusSeen, StepCompleted, StepFailed
from provisioner.model.marker import Marking, split
from provisioner.operations import Operation, OperationKind, replacement
from provisioner.plan import Action, Step
from provisioner.run.desk import Desk, Ids, Ledger
from provisioner.run.goals import Verdict
from provisioner.run.step_run import StepRun
from provisioner.run.watch import Sighting, Ticket
from provisioner.state.document import Deposed
from provisioner.state.journal import FileJournal
from tests.builders import NOW_MS, HandClock, instance, instance_id, record, state, step
from tests.service import PureService

MARKING = Marking.of("lab", "p", "here", "description")
WINDOW = 120.0


class World:
    """A desk, and what stands on it."""

    def __init__(self, journal: FileJournal, owners: dict[str, str] | None = None) -> None:
        self.service, self.clock, self.events = PureService(), HandClock(), list[Event]()
        self.ledger = Ledger({})
        self.desk = Desk(
            self.service,
            journal,
            self.ledger,
            Ids(owners or {}),
            MARKING,
            WINDOW,
            self.clock,
            threading.Event(),
            self.events.append,
        )

    def walk(self, carried_out: Step | None = None) -> Generator[Any, Any, None]:
        return StepRun(carried_out or step(Action.CREATE), self.desk).walk()

    def lose(self) -> None:
        """The answer of each create, ten seconds after it was sent."""

        def lost(_name: str) -> None:
            self.clock.sleep(10)
            raise OutcomeUnknown("timeout")

        self.service.after = lost


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[FileJournal]:
    found = FileJournal(tmp_path / "lab.journal", state())
    yield found
    found.close()


def test_a_create_carries_a_mark_of_its_own(journal: FileJournal) -> None:
    """The service gets it; what counts as applied does not have it."""
    world = World(journal)
    next(world.walk())
    (made,) = world.service.notebooks.values()
    record = world.ledger.records["notebook.alice"]
    assert MARKING.owns(split(made["description"], "description")[1])
    assert record is not None
    assert "description" not in record.attributes


def test_without_an_answer_it_is_searched_for_and_adopted(journal: FileJournal) -> None:
    """For the length of the window, by its mark; then the step goes on."""
    world = World(journal)
    world.lose()
    walk = world.walk()
    ticket = next(walk)
    assert isinstance(ticket, Ticket)
    (made,) = world.service.page("0", 0).notebooks
    assert (made.marker, "", world.clock.monotonic() + WINDOW) == (ticket.mark, ticket.notebook_id, ticket.deadline)
    assert any(isinstance(event, StatusSeen) and "searching" in event.status for event in world.events)
    assert 1 == len(world.ledger.pending)
    waits = walk.send(Sighting(None, Verdict.REACHED, found=(made,)))
    assert (made.id, []) == (waits.notebook_id, world.ledger.pending)
    with pytest.raises(StopIteration):
        walk.send(Sighting(made, Verdict.REACHED))
    assert isinstance(world.events[-1], StepCompleted)


def test_what_is_not_found_stays_pending_since_it_was_sent(journal: FileJournal) -> None:
    """With the time of the journal's intent: the answer was waited for afterwards."""
    world = World(journal)
    world.lose()
    walk = world.walk()
    next(walk)
    with pytest.raises(StopIteration):
        walk.send(Sighting(None, Verdict.PENDING))
    (pending,) = world.ledger.pending
    assert (NOW_MS / 1000, "notebook.alice") == (pending.at, pending.address)
    failed = world.events[-1]
    assert isinstance(failed, StepFailed)
    assert "run apply again" in failed.error.hint


def test_the_answer_to_another_create_is_not_taken(journal: FileJournal) -> None:
    """Its mark says whose it is; our own is searched for."""
    world = World(journal)
    world.service.after = lambda _name: world.service.notebooks[instance_id(1)].update(
        description=MARKING.fresh("notebook.bob")
    )
    ticket = next(world.walk())
    assert ("", True, {}) == (ticket.notebook_id, MARKING.owns(ticket.mark), world.ledger.records)


def test_an_id_that_another_has_is_refused(journal: FileJournal) -> None:
    """E421: nothing is recorded, and the create stays pending."""
    world = World(journal, {instance_id(1): "notebook.bob"})
    with pytest.raises(StopIteration):
        next(world.walk())
    failed = world.events[-1]
    assert isinstance(failed, StepFailed)
    assert f"E421: the service answered a create with the id {instance_id(1)}" in failed.error.summary
    assert "notebook.bob" in failed.error.summary
    assert ({}, 1) == (world.ledger.records, len(world.ledger.pending))


def test_a_successor_whose_answer_was_lost(journal: FileJournal) -> None:
    """The one before it is deposed once the new one is found, and deleted after that."""
    planned = step(Action.REPLACE)
    old, operations = planned.id, replacement(planned.after, instance(), "RUNNING", create_first=True)
    world = World(journal, {old: "notebook.alice"})
    world.lose()
    walk = world.walk(replace(planned, operations=tuple(operations)))
    search = next(walk)
    assert planned.record == world.ledger.records.get("notebook.alice", planned.record)
    (made,) = world.service.page(search.workspace_id, 0).notebooks
    renamed = made.model_copy(update={"id": instance_id(9)})
    ticket = walk.send(Sighting(None, Verdict.REACHED, found=(renamed,)))
    record = world.ledger.records["notebook.alice"]
    assert record is not None
    assert (renamed.id, (Deposed(id=old),)) == (record.id, record.deposed)
    assert renamed.id == ticket.notebook_id
    world.service.notebooks[old] = {"id": old, "status": "RUNNING"}
    world.service.after = lambda _name: None
    ticket = walk.send(Sighting(renamed, Verdict.REACHED))
    assert (old, "0", ["create", "delete"]) == (ticket.notebook_id, ticket.workspace_id, world.service.calls)
    with pytest.raises(StopIteration):
        walk.send(Sighting(None, Verdict.REACHED))
    assert isinstance(world.events[-1], StepCompleted)


def test_a_start_without_an_answer_is_recorded_as_one(journal: FileJournal) -> None:
    """It took effect, so what it does to mounts (API page 11) is known: none of before are there."""
    mount = {"id": "m", "category": "OBS", "mount_path": "/data/a/", "status": "MOUNTED"}
    stopped = record(status="STOPPED", storages=[mount])
    assert "storages" in stopped.observed
    world = World(journal)
    world.service.notebooks[stopped.id] = {"id": stopped.id, "status": "STOPPED"}
    world.lose()
    start = replace(step(Action.UPDATE), operations=(Operation(OperationKind.START),), record=stopped)
    walk = world.walk(start)
    next(walk)
    walk.send(Sighting(instance(status="STARTING"), Verdict.REACHED))
    held = world.ledger.records["notebook.alice"]
    assert held is not None
    assert ("STARTING", True, False) == (held.status, held.incomplete, "storages" in held.observed)
    assert ["start"] == world.service.calls


def test_protection_is_recorded_with_the_first_record(journal: FileJournal) -> None:
    """Of a create, before anything is waited for; and of whatever else when the step is done."""
    world = World(journal)
    walk = world.walk(replace(step(Action.CREATE), protected=True))
    next(walk)
    record = world.ledger.records["notebook.alice"]
    assert record is not None
    assert record.protected


@pytest.mark.parametrize("protected", [True, False])
def test_protection_changes_with_the_end_of_a_step(journal: FileJournal, *, protected: bool) -> None:
    world, planned = World(journal), step(Action.UPDATE)
    world.service.notebooks[planned.id] = {"id": planned.id, "status": "STOPPED"}
    assert planned.record is not None
    record = planned.record.model_copy(update={"protected": not protected})
    operations = (Operation(OperationKind.UPDATE, {"description": "new"}),)
    walk = world.walk(replace(planned, record=record, protected=protected, operations=operations))
    next(walk)
    with pytest.raises(StopIteration):
        walk.send(Sighting(instance(), Verdict.REACHED))
    kept = world.ledger.records["notebook.alice"]
    assert kept is not None
    assert protected is kept.protected
