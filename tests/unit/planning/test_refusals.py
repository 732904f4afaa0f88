"""Instances of ours that nobody recorded: where they forbid a create, and what is said of them otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.errors import PlanError
from provisioner.model.marker import Marking
from provisioner.model.observation import Observation
from provisioner.plan import Action, Mode, Options, Plan, Reason
from provisioner.planning.stack import build_plan
from provisioner.state.document import State
from tests.builders import NOW_MS, declarations, instance, notebook, parsed, record, state

MARKING = Marking.of("lab", "p", "here", "description")
ALICE = "notebook.alice"


def stray(key: str, number: int = 9) -> Observation:
    return instance(notebook(key), number, description=MARKING.fresh(f"notebook.{key}"))


def plan(
    *strays: Observation,
    declared: Mapping[str, Mapping[str, Any]] | None = None,
    recorded: State | None = None,
    unsettled: Mapping[str, PlanError] | None = None,
    options: Options | None = None,
) -> Plan:
    before = recorded or state()
    live = {at: instance(number=1) for at in before.resources}
    found = declarations({"alice": {}} if declared is None else declared)
    return build_plan(
        found,
        before,
        live,
        serial=1,
        now_ms=NOW_MS,
        strays=strays,
        unsettled=unsettled or {},
        options=options or Options(),
    )


def test_one_that_was_made_for_the_address_is_enough() -> None:
    """Nothing is created, both ways on are told at the line of the spec; other addresses go on."""
    found = plan(stray("alice"), declared={"alice": {}, "bob": {}})
    assert [Action.NO_OP, Action.CREATE] == [step.action for step in found.steps]
    (told,) = found.warnings
    assert ("E512", ALICE, True) == (told.code, told.address, told.range is not None)
    assert f"provisioner import alice {stray('alice').id}" in told.hint
    assert "provisioner destroy --target stray-00000009" in told.hint
    assert found.refused


def test_several_are_all_shown() -> None:
    (told,) = plan(stray("alice", 8), stray("alice", 9)).warnings
    assert "2 instances made for it exist" in told.summary
    assert 2 == len(told.detail.splitlines())


def test_one_beside_a_recorded_one_is_a_warning() -> None:
    """Nothing is refused by it."""
    found = plan(stray("alice"), recorded=state({"alice": record()}))
    assert (["W503"], False) == ([each.code for each in found.warnings], found.refused)
    assert "It was made for notebook.alice." in found.warnings[0].detail


def test_one_of_an_unknown_address_is_a_warning() -> None:
    """It can be imported to be destroyed; there is nowhere to keep it."""
    (told,) = plan(stray("carol")).warnings
    assert ("W503", True) == (told.code, told.hint.startswith("if it was given away, leave it; else be rid of it: "))


def test_a_plan_to_destroy_tells_of_it() -> None:
    (told,) = plan(stray("alice"), options=Options(mode=Mode.DESTROY)).warnings
    assert "W503" == told.code


def test_nothing_is_created_while_a_create_is_unsettled() -> None:
    """The error says why, as an error of that address alone."""
    error = PlanError("two may be it", detail="n1\nn2", hint="import one")
    found = plan(unsettled={ALICE: error}, declared={"alice": {}, "bob": {}})
    assert [Reason.BLOCKED, Reason.NOT_RECORDED] == [step.reason for step in found.steps]
    (told,) = found.warnings
    assert ("E511", "two may be it", "n1\nn2") == (told.code, told.summary, told.detail)


def test_what_is_not_chosen_is_not_complained_about() -> None:
    options = Options(targets=frozenset({parsed("bob")}))
    found = plan(unsettled={ALICE: PlanError("two")}, declared={"alice": {}, "bob": {}}, options=options)
    assert ((), False) == (found.warnings, found.refused)
