"""The last screen of an apply: what is counted, and what is said of a step that did not reach its goal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from provisioner.errors import ApiError, OutcomeUnknown, ProvisionerError
from provisioner.events import (
    ApplyCompleted,
    ApplyStarted,
    OperationStarted,
    StepCompleted,
    StepFailed,
    StepInterrupted,
)
from provisioner.plan import Action, Mode, Step
from provisioner.views.outcome import Outcome, apply_summary
from tests.builders import instance_id, planned, step
from tests.plans import SCENARIOS

Agrees = Callable[[str, str], None]

CREATE = step(Action.CREATE, "carol")
UPDATE = step(Action.UPDATE, "alice")
REPLACE = step(Action.REPLACE, "bob")
CREATE_FIRST = planned(
    {"bob": {}}, {"bob": {"workspace_id": "0" * 32, "lifecycle": {"create_before_destroy": True}}}
).steps[0]
DELETE = step(Action.DELETE, "dave")
NEW = instance_id(99)
SOLD_OUT = ApiError("sold out", code="ModelArts.6309")
LOST = OutcomeUnknown("no answer")


def outcome_of(*steps: Step) -> Outcome:
    outcome = Outcome()
    outcome(ApplyStarted(steps))
    return outcome


def send(outcome: Outcome, at: Step, *numbers: int) -> None:
    for number in numbers:
        outcome(OperationStarted(at, at.operations[number - 1], number))


def complete(outcome: Outcome, *steps: Step) -> None:
    for each in steps:
        send(outcome, each, *range(1, len(each.operations) + 1))
        outcome(StepCompleted(each, NEW, 1.0))


def text(outcome: Outcome, mode: Mode = Mode.NORMAL) -> str:
    return apply_summary(outcome, mode, color=False)


def test_a_replacement_is_added_and_destroyed() -> None:
    """Terraform's line, alone on the screen."""
    outcome = outcome_of(CREATE, UPDATE, REPLACE, DELETE)
    complete(outcome, CREATE, UPDATE, REPLACE, DELETE)
    assert text(outcome) == "Apply complete! Resources: 2 added, 1 changed, 2 destroyed.\n"


def test_what_was_deposed_is_destroyed_and_nothing_is_changed() -> None:
    """The notebook itself stays as it is; the instance before it goes."""
    (clearing,) = SCENARIOS["update_deposed"]().pending
    outcome = outcome_of(clearing)
    complete(outcome, clearing)
    assert text(outcome).startswith("Apply complete! Resources: 0 added, 0 changed, 1 destroyed.")


def test_nothing_to_do_is_complete() -> None:
    """An apply without steps ends as well as any."""
    assert text(outcome_of()) == "Apply complete! Resources: 0 added, 0 changed, 0 destroyed.\n"


def test_destroy_has_its_own_line() -> None:
    """Terraform's words for a destroy."""
    outcome = outcome_of(DELETE)
    complete(outcome, DELETE)
    assert text(outcome, Mode.DESTROY) == "Destroy complete! Resources: 1 destroyed.\n"


def test_an_incomplete_apply_tells_what_stands_how(agrees: Agrees) -> None:
    """Failed and interrupted steps with how far they came, and those that never began."""
    frank, grace = step(Action.CREATE, "frank"), step(Action.UPDATE, "grace")
    outcome = outcome_of(UPDATE, REPLACE, CREATE, DELETE, frank, grace)
    complete(outcome, DELETE)
    send(outcome, CREATE, 1)
    outcome(StepFailed(CREATE, SOLD_OUT, 130.0))
    send(outcome, UPDATE, 1, 2)
    outcome(StepFailed(UPDATE, SOLD_OUT, 5.0, UPDATE.id))
    send(outcome, REPLACE, 1, 2)
    outcome(StepInterrupted(REPLACE, NEW))
    outcome(ApplyCompleted(46, 42, 130.0))
    agrees("outcome/incomplete.txt", text(outcome))


def test_without_a_serial_the_state_is_not_claimed_to_be_saved() -> None:
    """A run that died before the state was written says so."""
    outcome = outcome_of(CREATE)
    assert "The state is not written." in text(outcome)
    assert text(outcome).startswith("Apply incomplete! Resources: 0 added, 0 changed, 0 destroyed. 1 not started.\n")


@pytest.mark.parametrize(
    ("at", "sent", "identity", "error", "fate"),
    [
        (CREATE, 0, "", SOLD_OUT, "nothing was sent"),
        (CREATE, 1, "", SOLD_OUT, "not created"),
        (CREATE, 1, "", LOST, "it is not known whether it was created"),
        (CREATE, 1, NEW, SOLD_OUT, f"at operation 1 of 1: create; instance {NEW} exists"),
        (UPDATE, 2, UPDATE.id, SOLD_OUT, "at operation 2 of 3: put flavor"),
        (REPLACE, 1, REPLACE.id, SOLD_OUT, "at operation 1 of 2: delete"),
        (REPLACE, 2, "", SOLD_OUT, "the old instance is destroyed, not created"),
        (REPLACE, 2, REPLACE.id, LOST, "the old instance is destroyed, it is not known whether it was created"),
        (CREATE_FIRST, 1, REPLACE.id, SOLD_OUT, "the old instance stands, not created"),
        (CREATE_FIRST, 2, NEW, SOLD_OUT, f"at operation 2 of 2: delete {REPLACE.id}; instance {NEW} exists"),
        (DELETE, 1, DELETE.id, SOLD_OUT, "at operation 1 of 1: delete"),
    ],
)
def test_fate_of_a_failed_step(at: Step, sent: int, identity: str, error: ProvisionerError, fate: str) -> None:
    """What stands in the account follows from the last call that was sent."""
    outcome = outcome_of(at)
    send(outcome, at, *range(1, sent + 1))
    outcome(StepFailed(at, error, 1.0, identity))
    rows = [line.strip() for line in text(outcome).splitlines() if line.startswith("  failed")]
    assert rows == [f"failed  {at.address}  {fate}"]


def test_half_a_replacement_counts_as_destroyed() -> None:
    """The old instance is gone once the create call was reached, though nothing was added."""
    outcome = outcome_of(REPLACE)
    send(outcome, REPLACE, 1, 2)
    outcome(StepFailed(REPLACE, SOLD_OUT, 1.0))
    assert text(outcome).splitlines()[0] == ("Apply incomplete! Resources: 0 added, 0 changed, 1 destroyed. 1 failed.")


def test_one_that_creates_first_has_destroyed_nothing_until_it_is_done() -> None:
    """Its delete comes last."""
    outcome = outcome_of(CREATE_FIRST)
    send(outcome, CREATE_FIRST, 1, 2)
    outcome(StepFailed(CREATE_FIRST, SOLD_OUT, 1.0, NEW))
    assert "0 added, 0 changed, 0 destroyed. 1 failed." in text(outcome)
    done = outcome_of(CREATE_FIRST)
    complete(done, CREATE_FIRST)
    assert "1 added, 0 changed, 1 destroyed." in text(done)


def test_what_was_taken_over_and_forgotten_is_counted_apart() -> None:
    """As Terraform and OpenTofu do; a move is counted nowhere."""
    steps = (step(Action.IMPORT, "a"), step(Action.FORGET, "b"), step(Action.MOVE, "c"), replace(UPDATE, imported=True))
    outcome = outcome_of(*steps)
    complete(outcome, *steps)
    assert text(outcome) == "Apply complete! Resources: 2 imported, 0 added, 1 changed, 0 destroyed, 1 forgotten.\n"
    assert text(outcome, Mode.DESTROY) == "Destroy complete! Resources: 0 destroyed, 1 forgotten.\n"
