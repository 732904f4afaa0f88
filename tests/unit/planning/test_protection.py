"""`prevent_destroy`: when it begins and ends, and what it forbids."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.errors import Diagnostic
from provisioner.plan import Action, Mode, Options, Plan, Reason
from tests.builders import FILE, parsed, planned

Fields = dict[str, Any]

KEPT: Fields = {"lifecycle": {"prevent_destroy": True}}
LIFTED: Fields = {"lifecycle": {"prevent_destroy": False}}
PROTECTED = {"alice": {"protected": True}}
SMALLER: Fields = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}


def the_refusal(plan: Plan) -> Diagnostic:
    (found,) = plan.refusals
    assert plan.refused
    return found


@pytest.mark.parametrize(
    ("said", "recorded", "expected"),
    [({}, False, False), ({}, True, True), (KEPT, False, True), (LIFTED, True, False), (LIFTED, False, False)],
)
def test_what_is_recorded(said: Fields, recorded: bool, expected: bool) -> None:  # noqa: FBT001
    """As the spec says; where it is silent, as it was."""
    plan = planned({"alice": {}}, {"alice": said}, records={"alice": {"protected": recorded}})
    (step,) = plan.steps
    assert expected == step.protected
    if expected == recorded:
        assert (Action.NO_OP, {}) == (step.action, plan.rebased)
        return
    assert (Action.UPDATE, Reason.CHANGED, ()) == (step.action, step.reason, step.operations)
    assert [("lifecycle.prevent_destroy", recorded, expected)] == [(c.path, c.live, c.desired) for c in step.changes]
    held = plan.rebased["notebook.alice"]
    assert held is not None
    assert expected == held.protected
    assert held == step.record


def test_it_is_recorded_with_what_else_is_to_be_done() -> None:
    """One step, one list of changes; what is created is protected from its first record on."""
    (step,) = planned({"alice": {}}, {"alice": {"description": "new", **KEPT}}).steps
    assert (["description", "lifecycle.prevent_destroy"], True) == ([c.path for c in step.changes], step.protected)
    assert ["put description"] == list(map(str, step.operations))
    (created,) = planned(after={"alice": KEPT}).steps
    assert (True, ()) == (created.protected, created.changes)


def test_what_is_broken_can_be_released() -> None:
    """Or nobody could ever rebuild it."""
    broken: dict[str, Fields | None] = {"alice": {"status": "ERROR"}}
    plan = planned({"alice": {}}, {"alice": LIFTED}, broken, records=PROTECTED)
    (step,) = plan.steps
    assert (Action.UPDATE, Reason.BLOCKED, ()) == (step.action, step.reason, step.operations)
    assert ["W501"] == [warning.code for warning in plan.warnings]
    held = plan.rebased["notebook.alice"]
    assert held is not None
    assert not held.protected


class TestRefusals:
    def test_taking_the_block_out_does_not_lift_it(self) -> None:
        """The state remembers; both ways out are named."""
        found = the_refusal(planned({"alice": {}}, records=PROTECTED))
        assert ("E513", "notebook.alice cannot be destroyed: it is protected") == (found.code, found.summary)
        assert "taking the notebook out of the specs does not lift that" in found.detail
        assert "removed: [{from: alice, destroy: false}]" in found.hint
        assert "lifecycle: {prevent_destroy: false}" in found.hint

    def test_a_replacement(self) -> None:
        """The culprit is named, at the place of the protection."""
        found = the_refusal(planned({"alice": {}}, {"alice": {**SMALLER, **KEPT}}, records=PROTECTED))
        assert "notebook.alice cannot be replaced: it is protected" == found.summary
        assert (
            "Its spec says prevent_destroy: true. A change of volume.capacity needs another instance." == found.detail
        )
        assert "say `lifecycle: {prevent_destroy: false}` and nothing else, apply, then make this change" in found.hint
        assert found.range is not None
        assert (FILE, 5) == (found.range.file, found.range.line)

    def test_what_is_only_declared_so_holds_already(self) -> None:
        the_refusal(planned({"alice": {}}, {"alice": {**SMALLER, **KEPT}}))

    def test_lifting_takes_an_apply_of_its_own(self) -> None:
        """A false and what it would allow are not one plan."""
        found = the_refusal(planned({"alice": {}}, {"alice": {**SMALLER, **LIFTED}}, records=PROTECTED))
        assert "its spec says false, which an apply has to record first" in found.detail

    @pytest.mark.parametrize("options", [Options(Mode.DESTROY), Options(replacements=frozenset({parsed("alice")}))])
    def test_nobody_gets_past_it(self, options: Options) -> None:
        """Neither destroy nor a replacement on request."""
        the_refusal(planned({"alice": {}}, {"alice": {}}, options=options, records=PROTECTED))
        the_refusal(planned({"alice": {}}, {"alice": KEPT}, options=options))

    @pytest.mark.parametrize("status", ["CREATE_FAILED", "DELETING"])
    def test_nothing_is_left_to_protect(self, status: str) -> None:
        """One that never ran is built anew, and one that somebody deletes is gone."""
        plan = planned({"alice": {}}, {"alice": KEPT}, {"alice": {"status": status}}, records=PROTECTED)
        assert () == plan.refusals
        assert "create" in [str(operation) for operation in plan.steps[0].operations]

    def test_what_is_left_out_of_the_plan_is_no_hindrance(self) -> None:
        options = Options(excludes=frozenset({parsed("alice")}))
        assert () == planned({"alice": {}, "bob": {}}, {}, options=options, records=PROTECTED).refusals

    def test_forgetting_is_no_destruction(self) -> None:
        plan = planned({"alice": {}}, forgotten=["alice"], records=PROTECTED)
        assert ((), [Action.FORGET]) == (plan.refusals, [step.action for step in plan.steps])
