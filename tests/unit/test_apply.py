"""Carrying out a plan: what is on disk at which moment, how failures end, and what a run leaves behind."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from provisioner.apply import Settings, apply_plan
from provisioner.clock import SystemClock
from provisioner.errors import ApiError, OutcomeUnknown, StateError
from provisioner.events import (
    ApplyCompleted,
    ApplyStarted,
    Event,
    OperationStarted,
    StatusSeen,
    StepCompleted,
    StepFailed,
    StepInterrupted,
    StepStarted,
    Tick,
)
from provisioner.plan import Options, Plan, record_of
from provisioner.planning import build_plan
from provisioner.refresh import refresh
from provisioner.state.backend import Snapshot
from provisioner.state.document import Cloud, Record, State
from provisioner.state.journal import Journal
from provisioner.state.local import LocalBackend
from tests.builders import declarations, notebook
from tests.service import NOW_MS, PureService

Fields = dict[str, Any]

ALICE: dict[str, Fields] = {"alice": {}}
HOOKS = {"container_hooks": {"pre_start": {"script": "/opt/a.sh"}}}


class FullDisk(LocalBackend):
    """Has room for `room` lines of the journal after the first."""

    def __init__(self, directory: Path, stack: str, room: int) -> None:
        super().__init__(directory, stack)
        self._place, self._room = directory / f"{stack}.journal", room

    def journal(self, state: State, *, calls: int = 0) -> Journal:
        return ShortJournal(self._place, state, self._room, calls=calls)


class ShortJournal(Journal):
    """Takes so many lines, then no more."""

    def __init__(self, path: Path, base: State, lines: int, *, calls: int) -> None:
        super().__init__(path, base, calls=calls)
        self._left = lines

    def intent(self, address: str, operation: str, at: float, body: Mapping[str, Any] | None = None) -> int:
        self._take_room()
        return super().intent(address, operation, at, body)

    def outcome(self, sequence: int, address: str, record: Record | None) -> None:
        self._take_room()
        super().outcome(sequence, address, record)

    def _take_room(self) -> None:
        if not self._left:
            raise StateError("the journal cannot be written", detail="No space left on device")
        self._left -= 1


class RacingClock(SystemClock):
    """An hour passes whenever somebody looks at it."""

    hours = count()

    def monotonic(self) -> float:
        return float(next(self.hours) * 3600)


@dataclass(slots=True)
class Run:
    """A stack in a directory, and how its last apply went."""

    directory: Path
    service: PureService = field(default_factory=PureService)
    events: list[Event] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    on_event: Callable[[Event], None] = lambda _event: None
    room: int | None = None
    clock_type: type[SystemClock] = SystemClock
    workers: int = 4

    @property
    def backend(self) -> LocalBackend:
        if self.room is not None:
            return FullDisk(self.directory, "lab", self.room)
        return LocalBackend(self.directory, "lab")

    def plan(self, declared: dict[str, Fields], options: Options | None = None) -> tuple[Plan, Snapshot]:
        snapshot, found = self.backend.read(), declarations(declared)
        live = refresh(
            snapshot.state, self.service, mounting=(), workers=1, clock=SystemClock(), listener=lambda _event: None
        ).live
        plan = build_plan(
            found, snapshot.state, live, serial=snapshot.stored_serial, now_ms=NOW_MS, options=options or Options()
        )
        return plan, snapshot

    def apply(self, declared: dict[str, Fields], options: Options | None = None) -> Run:
        plan, snapshot = self.plan(declared, options)
        self.events.clear()

        def listener(event: Event) -> None:
            if not isinstance(event, Tick):
                self.events.append(event)
            self.on_event(event)

        apply_plan(
            plan,
            snapshot,
            backend=self.backend,
            provider=self.service,
            settings=Settings(Cloud(region="here", project_id="p"), self.workers, 0.0),
            clock=self.clock_type(self.stop),
            stop=self.stop,
            listener=listener,
        )
        return self

    @property
    def errors(self) -> list[str]:
        return [str(event.error) for event in self.events if isinstance(event, StepFailed)]

    @property
    def kinds(self) -> list[type[Event]]:
        return [type(event) for event in self.events]

    @property
    def state(self) -> State:
        return self.backend.read().state

    def journal(self) -> list[str]:
        """The kinds of the lines that are on disk."""
        lines = (self.directory / "lab.journal").read_text().rstrip("\0").splitlines()
        return [json.loads(line.partition(" ")[2])["kind"] for line in lines]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def failing(error: Exception, name: str) -> Callable[[str], None]:
    """Raises `error` at the call of that name."""

    def fail(called: str) -> None:
        if called == name:
            raise error

    return fail


def test_events(run: Run) -> None:
    """In this order, with the serial of the state that was written at the end."""
    run.apply({"alice": {"tags": {"a": "1"}}})
    assert [
        ApplyStarted,
        StepStarted,
        OperationStarted,
        StatusSeen,
        OperationStarted,
        StatusSeen,
        StepCompleted,
        ApplyCompleted,
    ] == run.kinds
    last = run.events[-1]
    assert isinstance(last, ApplyCompleted)
    assert (1, 1) == (last.serial, run.state.serial)


def test_an_intent_before_a_call_and_its_outcome_after_it(run: Run) -> None:
    """At the moment of the call the intent is on disk with what was asked for; once it was answered, the id is."""
    lines: dict[str, list[str]] = {}
    run.service.before = lambda name: lines.update({f"before {name}": run.journal()})
    run.service.after = lambda name: lines.update({f"after {name}": run.journal()})
    run.apply({"alice": {"tags": {"a": "1"}}})
    assert ["open", "intent"] == lines["before create"] == lines["after create"]
    assert ["open", "intent", "outcome", "intent"] == lines["before tag"]
    assert not (run.directory / "lab.journal").exists()


def test_nothing_to_do_writes_nothing(run: Run) -> None:
    run.apply(ALICE)
    before = (run.directory / "lab.json").stat().st_mtime_ns
    run.apply(ALICE)
    assert [ApplyStarted, ApplyCompleted] == run.kinds
    assert before == (run.directory / "lab.json").stat().st_mtime_ns


def test_one_that_fails_does_not_hold_up_the_others(run: Run) -> None:
    """What was done is recorded, also of the one that failed."""
    run.apply({"alice": {}, "bob": {}})
    run.service.before = failing(ApiError("no such flavor", status=400, code="ModelArts.6792"), "update")
    run.apply({"alice": {"flavor": "f", "name": "alice"}, "bob": {"tags": {"a": "1"}}})
    assert ["ModelArts.6792: no such flavor"] == run.errors
    records = run.state.resources
    assert ("STOPPED", True) == (
        run.service.notebooks[records["notebook.alice"].id]["status"],
        records["notebook.alice"].incomplete,
    )
    assert {"a": "1"} == records["notebook.bob"].attributes["tags"]


def test_what_was_put_counts_as_applied_when_a_later_call_fails(run: Run) -> None:
    """No answer tells of hooks: only the record knows that they were sent."""
    run.apply(ALICE)
    run.service.before = failing(ApiError("no capacity", status=400, code="ModelArts.6360"), "start")
    run.apply({"alice": {"hooks": HOOKS}})
    assert HOOKS == run.state.resources["notebook.alice"].attributes["hooks"]
    run.service.before = lambda _name: None
    run.service.calls.clear()
    run.apply({"alice": {"hooks": HOOKS}})
    assert ["start"] == run.service.calls


def test_a_create_without_an_answer_is_pending(run: Run) -> None:
    """Its body and its time are in the state, for the next run to search by."""
    run.service.after = failing(OutcomeUnknown("timeout"), "create")
    run.apply({"alice": {"tags": {"a": "1"}}})
    (pending,) = run.state.pending
    assert ("notebook.alice", "alice") == (pending.address, pending.body["name"])
    assert {} == run.state.resources


def test_an_unclear_answer_is_looked_into_before_the_call_is_repeated(run: Run) -> None:
    """A stop that took effect is not sent again; one that did not is."""
    run.apply(ALICE)
    run.service.calls.clear()
    answers = iter([OutcomeUnknown("timeout")])

    def lose_once(_name: str) -> None:
        if (error := next(answers, None)) is not None:
            raise error

    run.service.after = lose_once
    run.apply({"alice": {"desired_status": "STOPPED"}})
    assert ([], ["stop"]) == (run.errors, run.service.calls)

    answers = iter([OutcomeUnknown("timeout")])
    run.service.after, run.service.before = run.service.before, lose_once
    run.apply(ALICE)
    assert ([], ["stop", "start"]) == (run.errors, run.service.calls)


def test_a_call_that_stays_unclear_is_given_up(run: Run) -> None:
    """After three attempts, with the error of the last."""
    run.apply(ALICE)
    attempts = count()

    def busy(_name: str) -> None:
        next(attempts)
        raise ApiError("busy", status=400, code="ModelArts.6357")

    run.service.before = busy
    run.apply({"alice": {"name": "other"}})
    assert (["ModelArts.6357: busy"], 3) == (run.errors, next(attempts))


def test_what_cannot_be_recorded_is_not_sent(run: Run) -> None:
    """The disk is full at the second intent: nothing after it is sent, the first is kept."""
    run.room, run.workers = 2, 1
    run.apply({"alice": {}, "bob": {}, "carol": {}})
    assert ["create"] == run.service.calls
    assert ["the journal cannot be written"] == run.errors
    assert ["notebook.alice"] == list(run.state.resources)


def test_an_id_that_cannot_be_written_down_is_shown(run: Run) -> None:
    """The disk is full when the create was answered: the message holds the id, and the state gets it at the end."""
    run.room = 1
    run.apply(ALICE)
    (failed,) = (event for event in run.events if isinstance(event, StepFailed))
    (identifier,) = run.service.notebooks
    assert f"notebook.alice has the id {identifier}; write it down." in failed.error.detail
    assert identifier == run.state.resources["notebook.alice"].id


def test_an_interrupt_records_what_was_sent(run: Run) -> None:
    """And begins nothing more: neither the rest of a step nor another."""
    run.workers = 1
    run.service.after = lambda _name: run.stop.set()
    run.apply({"alice": {"tags": {"a": "1"}}, "bob": {}})
    assert (["create"], 1) == (run.service.calls, run.kinds.count(StepInterrupted))
    assert {"notebook.alice": True} == {at: record.incomplete for at, record in run.state.resources.items()}


def test_a_bug_ends_the_run_with_everything_recorded(run: Run) -> None:
    """An error that nobody foresaw gets out, after the state is written."""
    run.workers = 1
    run.service.before = failing(ZeroDivisionError("a bug"), "tag")
    with pytest.raises(ZeroDivisionError):
        run.apply({"alice": {"tags": {"a": "1"}}})
    assert ["notebook.alice"] == list(run.state.resources)


def test_a_journal_left_behind_is_folded_into_the_state_first(run: Run) -> None:
    """Before a new one takes its place: the instance of a run that died keeps its record."""
    backend = run.backend
    journal = backend.journal(backend.read().state)
    sequence = journal.intent("notebook.alice", "create", 0.0, {"name": "alice"})
    created = run.service.create(notebook().attributes())
    journal.outcome(sequence, "notebook.alice", record_of(created, {"name": "alice", "desired_status": "RUNNING"}))
    journal.close()
    run.apply({"alice": {}, "bob": {}})
    assert created.id == run.state.resources["notebook.alice"].id
    assert ["create", "create"] == run.service.calls


def test_an_operation_that_takes_too_long(run: Run) -> None:
    """Is a failure that says which and how long; the instance is recorded and the next run goes on waiting."""
    run.clock_type = RacingClock
    run.service.after = lambda _name: next(iter(run.service.notebooks.values())).update(status="CREATING")
    run.apply({"alice": {"timeouts": {"create": "5m"}}})
    assert ["create is still not done after 5m"] == run.errors
    assert run.state.resources["notebook.alice"].incomplete


def test_a_replacement_in_another_workspace_is_tagged_there(run: Run) -> None:
    """Tags are written in the workspace of the new instance (API page 10)."""
    tagged = {"tags": {"a": "1"}}
    run.apply({"alice": tagged})
    run.apply({"alice": tagged | {"workspace_id": "1b2f0c6d7e8a49f5a3c1d2e4f5061728"}})
    assert [] == run.errors
    (made,) = run.service.notebooks.values()
    assert ([{"key": "a", "value": "1"}], "1b2f0c6d7e8a49f5a3c1d2e4f5061728") == (made["tags"], made["workspace_id"])


def test_what_vanishes_in_the_middle_is_a_failure(run: Run) -> None:
    """Not a success: the next plan creates another."""
    run.apply(ALICE)
    run.service.after = lambda _name: run.service.notebooks.clear()
    run.apply({"alice": {"name": "other"}})
    assert ["the instance vanished"] == run.errors
    run.service.after = lambda _name: None
    run.apply({"alice": {"name": "other"}})
    assert ["other"] == [notebook["name"] for notebook in run.service.notebooks.values()]
