"""What start, stop and extend decide: the calls, what dies, what is recorded, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.errors import Diagnostic, PlanRefused
from provisioner.model.address import Address
from provisioner.model.observation import Observation
from provisioner.plan import Action, Loss, Plan, Step
from provisioner.planning.power import Decide, Subject, extending, power_plan, starting, stopping, taken_back
from provisioner.state.document import Record, State
from tests.builders import HOUR_MS, NOW_MS, declaration, instance, instance_id, notebook, record, state

ALICE = Address("alice")
EIGHT_HOURS = {"type": "TIMING", "duration": 8 * HOUR_MS}
MOUNT = {"category": "OBS", "uri": "obs://bucket/dir/", "mount_path": "/data/sets/"}


def subject(
    fields: dict[str, Any] | None = None,
    by_hand: dict[str, Any] | None = None,
    *,
    gone: bool = False,
    declared: bool = True,
    **answer: Any,
) -> Subject:
    """Alice as applied, with `fields` declared; the service says `answer` of her."""
    applied = notebook("alice", **(fields or {}))
    return Subject(
        ALICE,
        record(applied).model_copy(update={"by_hand": by_hand or {}}),
        declaration("alice", **(fields or {})) if declared else None,
        None if gone else instance(applied, **answer),
    )


def decided(decide: Decide, of: Subject) -> Step:
    step = decide(of)
    assert isinstance(step, Step), step
    return step


def refused(decide: Decide, of: Subject) -> Diagnostic:
    problem = decide(of)
    assert isinstance(problem, Diagnostic), problem
    return problem


def calls(step: Step) -> str:
    return "; ".join(map(str, step.operations))


def by_hand(step: Step) -> dict[str, Any]:
    assert step.record is not None
    return step.record.by_hand


NEVER_LIVE = {"enable": False, "duration": -1, "type": "TIMING"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("STOPPED", "start"),
        ("START_FAILED", "start"),
        ("STOPPING", "wait until STOPPED; start"),
        ("STARTING", "wait until RUNNING"),
        ("CREATING", "wait until RUNNING"),
    ],
)
def test_start_waits_for_what_is_under_way(status: str, expected: str) -> None:
    """One call at most, after whatever is under way has ended."""
    assert expected == calls(decided(starting, subject(status=status)))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("RUNNING", "stop"),
        ("SNAPSHOTTING", "wait until RUNNING; stop"),
        ("STARTING", "wait until RUNNING; stop"),
        ("CREATING", "wait until RUNNING; stop"),
        ("STOPPING", "wait until STOPPED"),
    ],
)
def test_stop_waits_for_what_is_under_way(status: str, expected: str) -> None:
    """One call at most, after whatever is under way has ended."""
    assert expected == calls(decided(stopping, subject(status=status)))


@pytest.mark.parametrize(
    ("decide", "status", "note"),
    [
        (starting, "RUNNING", "runs already"),
        (starting, "SNAPSHOTTING", "runs already"),
        (stopping, "STOPPED", "is stopped already"),
        (stopping, "START_FAILED", "is stopped already"),
    ],
)
def test_what_is_so_already_is_said(decide: Decide, status: str, note: str) -> None:
    """Nothing is sent."""
    step = decided(decide, subject(status=status))
    assert (Action.NO_OP, (), note) == (step.action, step.operations, step.note)


def test_a_start_carries_the_declared_lease_and_mounts() -> None:
    """The service would make it one hour, and a stop has dropped the mounts."""
    fields = {"lease": {"duration": "8h"}, "storages": [MOUNT]}
    step = decided(starting, subject(fields, status="STOPPED", lease={"enable": True, "duration": HOUR_MS}))
    assert "start; attach /data/sets/" == calls(step)
    assert {"lease": EIGHT_HOURS} == step.operations[0].values


def test_what_the_spec_ignores_is_left_as_it_is() -> None:
    """The live lease is carried on, no mount is made, and no record is needed (lifecycle.ignore_changes)."""
    fields = {"lease": {"duration": "8h"}, "storages": [MOUNT], "desired_status": "STOPPED"}
    found = subject(fields, status="STOPPED", lease={"enable": False})
    assert found.declaration is not None
    ignoring = replace(found.declaration, ignored=frozenset({"lease", "storages", "desired_status"}))
    step = decided(starting, replace(found, declaration=ignoring))
    assert ("start", {"lease": "never"}, {}) == (calls(step), step.operations[0].values, by_hand(step))


def test_a_start_without_a_declared_lease_carries_the_live_one() -> None:
    """An undeclared lease is left as it is."""
    live = {"enable": True, "type": "IDLE", "duration": 2 * HOUR_MS, "create_at": NOW_MS, "update_at": NOW_MS}
    step = decided(starting, subject(status="STOPPED", lease=live))
    assert {"lease": {"type": "IDLE", "duration": 2 * HOUR_MS}} == step.operations[0].values


def test_what_somebody_else_starts_gets_its_mounts_too() -> None:
    """Mounts are gone after a stop, whoever starts the notebook."""
    assert "wait until RUNNING; attach /data/sets/" == calls(
        decided(starting, subject({"storages": [MOUNT]}, status="STARTING"))
    )


@pytest.mark.parametrize(
    ("status", "loss"),
    [("RUNNING", Loss.CONTAINER), ("SNAPSHOTTING", Loss.CONTAINER), ("STARTING", Loss.NONE), ("STOPPING", Loss.NONE)],
)
def test_a_stop_tells_what_dies(status: str, loss: Loss) -> None:
    """What a container held that somebody used; one that is starting holds nothing yet."""
    assert loss is decided(stopping, subject(status=status)).loss


@pytest.mark.parametrize(
    ("decide", "declared", "live", "expected"),
    [
        (stopping, "RUNNING", "RUNNING", {"desired_status": "STOPPED"}),
        (stopping, "STOPPED", "RUNNING", {}),
        (stopping, "UNMANAGED", "RUNNING", {}),
        (starting, "STOPPED", "STOPPED", {"desired_status": "RUNNING"}),
        (starting, "RUNNING", "STOPPED", {}),
        (starting, "UNMANAGED", "STOPPED", {}),
        (stopping, "RUNNING", "STOPPED", {"desired_status": "STOPPED"}),
        (starting, "STOPPED", "RUNNING", {"desired_status": "RUNNING"}),
    ],
)
def test_what_is_against_the_spec_is_recorded(
    decide: Decide, declared: str, live: str, expected: dict[str, Any]
) -> None:
    """Only that: what the spec wants anyway, or does not care about, needs no record; also when nothing is sent."""
    assert expected == by_hand(decided(decide, subject({"desired_status": declared}, status=live)))


@pytest.mark.parametrize("declared", [True, False])
def test_the_opposite_command_takes_the_record_back(declared: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Started again, a notebook is as its spec says; so is one that no spec declares any more."""
    stopped = subject(by_hand={"desired_status": "STOPPED"}, status="STOPPED", declared=declared)
    assert {} == by_hand(decided(starting, stopped))


def test_a_lease_by_hand_ends_with_the_next_start() -> None:
    """A stop keeps it, since it counts for nothing until then."""
    lease = {"lease": {"type": "TIMING", "duration": 4 * HOUR_MS}}
    fields = {"lease": {"duration": "8h"}}
    assert {} == by_hand(decided(starting, subject(fields, lease, status="STOPPED")))
    assert {**lease, "desired_status": "STOPPED"} == by_hand(decided(stopping, subject(fields, lease)))


def test_what_was_applied_stays_recorded() -> None:
    """An edit of the spec that nobody has applied yet is not made true by a start."""
    applied, edited = notebook("alice"), declaration("alice", description="edited since")
    step = decided(starting, Subject(ALICE, record(applied), edited, instance(applied, status="STOPPED")))
    assert applied.attributes() == step.after


@pytest.mark.parametrize(
    ("fields", "duration", "sent", "kept"),
    [
        ({"lease": {"duration": "8h"}}, None, EIGHT_HOURS, {}),
        ({"lease": {"duration": "8h"}}, 8 * HOUR_MS, EIGHT_HOURS, {}),
        ({"lease": {"duration": "8h"}}, 4 * HOUR_MS, {**EIGHT_HOURS, "duration": 4 * HOUR_MS}, None),
        (
            {"lease": {"duration": "30m", "type": "IDLE"}},
            HOUR_MS // 4,
            {"type": "IDLE", "duration": HOUR_MS // 4},
            None,
        ),
        ({}, None, {"type": "TIMING", "duration": HOUR_MS}, {}),
        ({}, 4 * HOUR_MS, {"type": "TIMING", "duration": 4 * HOUR_MS}, {}),
    ],
)
def test_extend_counts_the_lease_anew(
    fields: dict[str, Any], duration: int | None, sent: dict[str, Any], kept: dict[str, Any] | None
) -> None:
    """The type is kept. Only a duration other than the declared one is recorded (`kept` None: what is sent)."""
    step = decided(extending(duration), subject(fields))
    assert ("lease", {"lease": sent}) == (calls(step), step.operations[0].values)
    assert ({"lease": sent} if kept is None else kept) == by_hand(step)


def test_extend_waits_for_a_start_under_way() -> None:
    """The lease can be set once it runs (API page 7.7)."""
    assert "wait until RUNNING; lease" == calls(decided(extending(None), subject(status="STARTING")))


@pytest.mark.parametrize(
    ("decide", "of", "code", "summary", "hint"),
    [
        (starting, subject(gone=True), "E531", "does not exist any more", "provisioner plan"),
        (stopping, subject(status="DELETED"), "E531", "does not exist any more", "provisioner plan"),
        (starting, subject(status="DELETING"), "E531", "cannot be started: it is being deleted", "run apply"),
        (starting, subject(status="FROZEN"), "E532", "cannot be started: it is FROZEN", "in arrears"),
        (stopping, subject(status="ERROR"), "E532", "cannot be stopped: it is ERROR", "--replace alice"),
        (stopping, subject(status="HIBERNATED"), "E532", "cannot be stopped: it is HIBERNATED", "later"),
        (starting, subject(status="CREATE_FAILED"), "E532", "its creation failed", "makes another one"),
        (extending(None), subject(status="STOPPED"), "E533", "does not run", "provisioner start alice"),
        (extending(None), subject(lease=NEVER_LIVE), "E534", "has no auto stop", "lease: {duration: 8h}"),
        (
            extending(HOUR_MS),
            subject({"lease": {"duration": "8h"}}, lease=NEVER_LIVE),
            "E534",
            "has no auto stop",
            "provisioner apply restores the lease",
        ),
        (
            extending(None),
            subject({"lease": "never"}, lease={"enable": True, "duration": HOUR_MS, "create_at": NOW_MS}),
            "E534",
            "is declared with `lease: never`",
            "--for 8h",
        ),
        (extending(None), subject(lease={"enable": True}), "E534", "does not tell how long", "--for 8h"),
        (extending(73 * HOUR_MS), subject(), "E316", "TIMING lasts 1h to 72h", "--for 8h"),
        (extending(1), subject({"lease": {"duration": "1h", "type": "IDLE"}}), "E316", "IDLE lasts 15m", "--for 8h"),
    ],
)
def test_what_cannot_be_done_says_why_and_how_to_mend_it(
    decide: Decide, of: Subject, code: str, summary: str, hint: str
) -> None:
    """Each refusal has a code, names the notebook and its instance, and says what to do."""
    problem = refused(decide, of)
    assert code == problem.code
    assert "notebook.alice" in problem.summary
    assert summary in problem.summary
    assert hint in problem.hint
    assert instance_id(1) in problem.detail


def test_the_service_says_why_it_failed() -> None:
    """Its own words are in the refusal."""
    assert "disk is full" in refused(starting, subject(status="ERROR", fail_reason="disk is full")).detail


def test_one_refusal_stops_all_and_all_are_told() -> None:
    """Nothing is planned for the one that could be started."""
    subjects = [subject(status="STOPPED"), subject(status="FROZEN"), subject(gone=True)]
    with pytest.raises(PlanRefused) as caught:
        power_plan(subjects, starting, state({"alice": record()}), serial=7)
    assert ["E532", "E531"] == [problem.code for problem in caught.value.problems]


def stop_plan(before: State) -> Plan:
    return power_plan([subject()], stopping, before, serial=7)


def test_only_records_that_change_are_written_first() -> None:
    """A start of what its spec wants to run writes nothing beforehand."""
    before = state({"alice": record()})
    started = power_plan([subject(status="STOPPED")], starting, before, serial=7)
    assert ({}, ["notebook.alice"]) == (dict(started.rebased), list(stop_plan(before).rebased))


def changed(of: Record | None, **update: Any) -> Record:
    assert of is not None
    return of.model_copy(update=update)


def test_what_was_not_done_is_taken_back() -> None:
    """A stop that the service refused is recorded no longer, and what was set before it is again."""
    before = state({"alice": changed(record(), by_hand={"lease": EIGHT_HOURS})})
    plan = power_plan([subject(by_hand={"lease": EIGHT_HOURS})], stopping, before, serial=7)
    after = before.with_records(plan.rebased)
    assert {"notebook.alice": before.resources["notebook.alice"]} == taken_back(plan, before, after, {ALICE})


def test_what_was_done_or_may_be_is_not_taken_back() -> None:
    """Neither a step that did not fail, nor one whose call was accepted before it failed."""
    before = state({"alice": record()})
    plan = stop_plan(before)
    after = before.with_records(plan.rebased)
    sent = before.with_records({"notebook.alice": changed(plan.rebased["notebook.alice"], incomplete=True)})
    assert {} == taken_back(plan, before, after, set())
    assert {} == taken_back(plan, before, sent, {ALICE})


def test_unknown_observation_fields_do_not_matter() -> None:
    """An answer of an older service, without a lease, can be started: the service decides then."""
    bare = Subject(ALICE, record(), declaration("alice"), Observation(id=instance_id(1), status="STOPPED"))
    assert {} == decided(starting, bare).operations[0].values
