"""What stops a run before anything is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.errors import PlanError
from provisioner.model.marker import UNMARKED, Marking
from provisioner.planning.guards import check_missing, check_names, policy_refusals
from provisioner.spec.project import Policy
from provisioner.state.document import State
from tests.builders import instance, planned, record, state

IN_NAMES = Marking("mp-aaaaa-", "name")


def state_of(count: int, status: str = "RUNNING") -> State:
    return state({f"n{number}": record(number=number, status=status) for number in range(count)})


def check(recorded: State, missing: int, accepted: int = 0) -> None:
    live = {address: None if n < missing else instance() for n, address in enumerate(recorded.resources)}
    check_missing(recorded, live, accepted=accepted)


@pytest.mark.parametrize(("recorded", "believed"), [(1, 1), (3, 3), (10, 3), (20, 4), (60, 12)])
def test_so_many_are_believed_to_be_gone(recorded: int, believed: int) -> None:
    """Three, or a fifth of what is recorded; one more takes somebody's word."""
    check(state_of(recorded), believed)
    if believed < recorded:
        with pytest.raises(PlanError, match=f"{believed + 1} of {recorded}") as refused:
            check(state_of(recorded), believed + 1)
        assert f"--accept-missing {believed + 1}" in refused.value.hint
        check(state_of(recorded), believed + 1, accepted=believed + 1)


def test_what_was_being_deleted_is_not_missing() -> None:
    """A run that was cut off while it destroyed everything goes on."""
    check(state_of(60, status="DELETING"), 60)


def test_a_name_leaves_room_for_its_mark() -> None:
    """Where marks stand in names, and where one stands in the name that is changed."""
    long = {"alice": {"name": "n" * 40}}
    check_names(planned(after=long), UNMARKED)
    check_names(planned(after={"alice": {"name": "n" * 39}}), IN_NAMES)
    with pytest.raises(PlanError, match="no room for its marker"):
        check_names(planned(after=long), IN_NAMES)
    check_names(planned(before={"alice": {}}, after=long), IN_NAMES)
    renamed = planned(before={"alice": {}}, after=long)
    step = renamed.steps[0]
    assert step.record is not None
    marked = step.record.model_copy(update={"observed": {"marker": "mp-aaaaa-b-c", "marker_place": "name"}})
    with pytest.raises(PlanError, match="no room for its marker"):
        check_names(replace(renamed, steps=(replace(step, record=marked),)), UNMARKED)


def test_a_plan_keeps_to_the_limits_of_its_project() -> None:
    """A replacement is a change and a destruction; what is left alone counts for nothing."""
    small, moved = {"flavor": "modelarts.vm.cpu.2u"}, {"workspace_id": "0" * 32}
    before = {"alice": small, "bob": small, "carol": small, "dave": small}
    plan = planned(before=before, after={"alice": small, "bob": moved, "erin": small, "dave": {"description": "x"}})
    assert () == policy_refusals(plan, Policy())
    assert () == policy_refusals(plan, Policy(max_changes=4, max_destroys=2))
    changes, destroys = policy_refusals(plan, Policy(max_changes=3, max_destroys=1))
    assert ("E515", "the plan changes 4 notebooks") == (changes.code, changes.summary)
    assert ("E516", "the plan deletes or replaces 2 notebooks") == (destroys.code, destroys.summary)
    assert "policy.max_destroys allows 1: notebook.bob (replace), notebook.carol (delete)" == destroys.detail
    assert "apply it in parts, with --target; or raise the limit in provisioner.yaml" == destroys.hint
    assert ("error", "error") == (changes.severity, destroys.severity)


def test_a_limit_of_nothing_is_a_limit() -> None:
    """`max_destroys: 0` forbids every deletion; a long list of them is cut."""
    many: dict[str, dict[str, str]] = {f"n{number:02}": {} for number in range(12)}
    (only,) = policy_refusals(planned(before=many), Policy(max_destroys=0))
    assert "the plan deletes or replaces 12 notebooks" == only.summary
    assert only.detail.endswith("notebook.n09 (delete), …")
