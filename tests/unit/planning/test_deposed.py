"""What is planned where a run left two instances at one address: neither is given up before the other is whole."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.model.observation import GONE, Observation
from provisioner.plan import Action, Plan, Reason
from provisioner.planning.stack import build_plan
from provisioner.state.document import Deposed
from tests.builders import NOW_MS, declarations, instance, instance_id, record, state

OLD, NEW = instance_id(1), instance_id(2)
WANTED = {"alice": {"tags": {"a": "1"}}}


def planned(
    successor: Observation | None, deposed: dict[str, Observation | None], declared: dict[str, Any] | None = None
) -> Plan:
    """Of alice, in whose place `successor` stands; the one before it is still to be deleted."""
    held = record(number=2).model_copy(update={"deposed": (Deposed(id=OLD),), "incomplete": True})
    live = {"notebook.alice": successor}
    wanted = declarations(WANTED if declared is None else declared)
    return build_plan(wanted, state({"alice": held}), live, deposed=deposed, serial=7, now_ms=NOW_MS)


def operations(plan: Plan) -> list[str]:
    return [str(operation) for step in plan.pending for operation in step.operations]


def test_the_old_one_goes_last() -> None:
    """Once the new one runs and is tagged; what is left to do to it comes first."""
    coming_up = instance(number=2, status="CREATING")
    plan = planned(coming_up, {OLD: instance(number=1)})
    assert ["wait until RUNNING", "tag a", f"delete {OLD}"] == operations(plan)


def test_alone_it_is_an_update() -> None:
    (step,) = planned(instance(number=2), {OLD: instance(number=1)}, {"alice": {}}).pending
    assert (Action.UPDATE, Reason.DEPOSED) == (step.action, step.reason)


@pytest.mark.parametrize("gone", [None, instance(number=1, status=GONE)])
def test_one_that_is_gone_is_dropped(gone: Observation | None) -> None:
    plan = planned(instance(number=2), {OLD: gone}, {"alice": {}})
    refreshed = plan.refreshed["notebook.alice"]
    assert refreshed is not None
    assert ([], ()) == (operations(plan), refreshed.deposed)


def test_a_new_one_that_never_ran_gives_the_place_back() -> None:
    """It is the one that is deleted; what is declared is compared with the old one."""
    plan = planned(instance(number=2, status="CREATE_FAILED"), {OLD: instance(number=1)})
    refreshed = plan.refreshed["notebook.alice"]
    assert refreshed is not None
    assert (OLD, (Deposed(id=NEW),)) == (refreshed.id, refreshed.deposed)
    assert ["tag a", f"delete {NEW}"] == operations(plan)


def test_a_new_one_that_is_gone_gives_the_place_back() -> None:
    plan = planned(None, {OLD: instance(number=1)})
    refreshed = plan.refreshed["notebook.alice"]
    assert refreshed is not None
    assert (OLD, (), ["tag a"]) == (refreshed.id, refreshed.deposed, operations(plan))


def test_both_go_when_neither_is_declared() -> None:
    assert {"delete", f"delete {OLD}"} == set(operations(planned(instance(number=2), {OLD: instance(number=1)}, {})))
