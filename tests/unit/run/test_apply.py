"""Carrying out a plan: what is on disk at which moment, how failures end, and what a run leaves behind."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from provisioner.errors import ApiError, OutcomeUnknown, StateNotSaved
from provisioner.events import (
    ApplyCompleted,
    ApplyStarted,
    OperationStarted,
    StatusSeen,
    StepCompleted,
    StepFailed,
    StepInterrupted,
    StepStarted,
)
from provisioner.model.secrets import Secrets
from provisioner.plan import Action, Plan, Reason, Step, record_of
from provisioner.state.backend import Snapshot
from provisioner.state.document import State, parse_state
from tests.builders import notebook, parsed
from tests.unit.runs import Fields, RacingClock, Run, failing

ALICE: dict[str, Fields] = {"alice": {}}
HOOKS = {"container_hooks": {"pre_start": {"script": "/opt/a.sh"}}}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


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


class TestRebased:
    """Records that move, that are taken over or forgotten."""

    @pytest.fixture
    def moving(self, run: Run) -> tuple[Plan, Snapshot]:
        """From alice to bob, and another notebook is created."""
        run.apply(ALICE)
        run.service.calls.clear()
        record = run.state.resources["notebook.alice"]
        plan, snapshot = run.plan({"carol": {}})
        step = Step(parsed("bob"), Action.MOVE, Reason.MOVED, id=record.id, record=record, moved_from=parsed("alice"))
        created = [step for step in plan.steps if step.action is Action.CREATE]
        rebased = {"notebook.alice": None, "notebook.bob": record}
        return replace(plan, steps=(step, *created), rebased=rebased), snapshot

    def test_they_are_written_before_anything_is_sent(self, run: Run, moving: tuple[Plan, Snapshot]) -> None:
        """In one write: no crash finds one id under two addresses, or under none."""
        stored: list[list[str]] = []
        run.service.before = lambda _name: stored.append(list(stored_state(run).resources))
        run.carry_out(*moving)
        assert ([["notebook.bob"]], ["create"]) == (stored, run.service.calls)
        assert ["notebook.bob", "notebook.carol"] == list(run.state.resources)

    def test_alone_they_cost_one_write_and_no_request(self, run: Run, moving: tuple[Plan, Snapshot]) -> None:
        plan, snapshot = moving
        before = run.service.requests
        run.carry_out(replace(plan, steps=plan.steps[:1]), snapshot)
        assert [ApplyStarted, StepStarted, StepCompleted, ApplyCompleted] == run.kinds
        assert (before, snapshot.stored_serial + 1) == (run.service.requests, stored_state(run).serial)
        assert ["notebook.bob"] == list(run.state.resources)

    def test_after_an_interrupt_nothing_is_changed(self, run: Run, moving: tuple[Plan, Snapshot]) -> None:
        before = (run.directory / "lab.json").read_bytes()
        run.stop.set()
        run.carry_out(*moving)
        assert ([], [ApplyStarted, ApplyCompleted]) == (run.service.calls, run.kinds)
        assert before == (run.directory / "lab.json").read_bytes()

    def test_a_disk_that_refuses_stops_the_run(self, run: Run, moving: tuple[Plan, Snapshot]) -> None:
        """Nothing was sent; the error holds the state that could not be written."""
        (run.directory / "lab.json").write_text(stored_state(run).next(None).dumps())
        with pytest.raises(StateNotSaved, match="changed by another run") as refused:
            run.carry_out(*moving)
        assert ("notebook.bob" in refused.value.data.decode(), []) == (True, run.service.calls)

    def test_they_say_more_than_the_refresh(self, run: Run, moving: tuple[Plan, Snapshot]) -> None:
        plan, snapshot = moving
        record = plan.rebased["notebook.bob"]
        assert record is not None
        plan = replace(plan, refreshed={"notebook.bob": record.model_copy(update={"protected": True})})
        run.carry_out(plan, snapshot)
        assert not run.state.resources["notebook.bob"].protected


def stored_state(run: Run) -> State:
    """Without what the journal adds."""
    path = run.directory / "lab.json"
    return parse_state(path.read_bytes(), str(path))


class TestGrowth:
    """A volume that grows further than the service takes at once (API page 6.3)."""

    @pytest.fixture
    def small(self, run: Run) -> Run:
        run.apply(volume(50))
        run.service.calls.clear()
        return run

    def test_it_grows_in_steps(self, small: Run) -> None:
        """Each is a call of its own, with an intent and an outcome, and is announced."""
        small.service.growth_cap = 100
        lines: list[list[str]] = []
        small.service.before = lambda _name: lines.append(small.journal())
        small.apply(volume(300))
        texts = [str(event.operation) for event in small.events if isinstance(event, OperationStarted)]
        assert ["resize to 300 GB", "resize to 150 GB", "resize to 250 GB", "resize to 300 GB"] == texts
        assert ([], ["resize"] * 3) == (small.errors, small.service.calls)
        assert ["open", "intent", "refused", *["intent", "outcome"] * 2, "intent"] == lines[-1]
        assert 300 == small.state.resources["notebook.alice"].observed["volume"]["capacity"]

    def test_what_was_cut_off_goes_on(self, small: Run) -> None:
        small.service.growth_cap = 100
        small.service.after = lambda _name: small.stop.set()
        small.apply(volume(300))
        (made,) = small.service.notebooks.values()
        assert 150 == made["volume"]["capacity"]
        small.stop.clear()
        small.service.after = lambda _name: None
        small.apply(volume(300))
        assert ([], 300, 3) == (small.errors, made["volume"]["capacity"], len(small.service.calls))

    @pytest.mark.parametrize(("goal", "cap"), [(150, 40), (300, 40)])
    def test_a_step_that_is_refused_too_ends_it(self, small: Run, goal: int, cap: int) -> None:
        """With what the service said; nothing was changed."""
        small.service.growth_cap = cap
        small.apply(volume(goal))
        assert (["ModelArts.6331: EVS grows too far at once"], []) == (small.errors, small.service.calls)


def volume(capacity: int) -> dict[str, Fields]:
    return {"alice": {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": capacity}}}


def test_no_file_ever_holds_a_secret(run: Run) -> None:
    """Neither the journal nor the state, at any moment: not what was sent, not what the service echoes, not what a
    create without an answer asked for, and not what an update put.
    """
    secret, written = "Zebra-7-Crossing", list[bytes]()
    fields = {"description": f"of {secret}", "hooks": {"container_hooks": {"pre_start": {"script": f"/{secret}"}}}}

    def look(_name: str) -> None:
        written.extend(path.read_bytes() for path in run.directory.rglob("*") if path.is_file())

    def apply(declared: dict[str, Fields]) -> None:
        plan, snapshot = run.plan(declared)
        run.carry_out(replace(plan, secrets=Secrets.of([secret]), refreshed={}), snapshot)
        look("")

    run.service.before = look
    apply({"alice": fields})
    apply({"alice": {**fields, "description": f"now {secret}", "flavor": "modelarts.vm.cpu.8u"}})
    assert ["create", "stop", "update", "start"] == run.service.calls
    run.service.after = failing(OutcomeUnknown("timeout"), "create")
    apply({"alice": fields, "bob": fields})
    assert ["notebook.bob"] == [pending.address for pending in run.state.pending]
    assert any(b"(sensitive " in data for data in written)
    assert not any(secret.encode() in data for data in written)
    assert secret in next(iter(run.service.notebooks.values()))["description"]
