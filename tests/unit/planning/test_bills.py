"""What would run without end: refused where we start it, told where it runs already."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import planned

Fields = dict[str, Any]

OFF: Fields = {"lease": {"enable": False, "type": "TIMING", "duration": -1}}
STOPPED: Fields = {"desired_status": "STOPPED"}


@pytest.mark.parametrize(
    ("declared", "refused"),
    [({}, True), ({"lease": {"duration": "8h"}}, False), ({"lease": "never"}, False), ({"duration": -1}, False)],
)
def test_a_start_without_auto_stop_must_be_declared(declared: Fields, refused: bool) -> None:  # noqa: FBT001
    """The start carries the live lease where none is declared, and here that is none."""
    lease = {name: value for name, value in declared.items() if name == "lease"}
    plan = planned({"alice": STOPPED | declared}, {"alice": declared}, {"alice": OFF if not lease else {}})
    assert ["E514"] * refused == [each.code for each in plan.refusals]
    if refused:
        (found,) = plan.refusals
        assert "notebook.alice would run without end: its auto stop is off" == found.summary
        assert "lease: {duration: 8h}" in found.hint
        assert "lease: never" in found.hint
        assert found.range is not None
        assert 3 == found.range.line


def test_a_restart_is_a_start() -> None:
    plan = planned({"alice": {}}, {"alice": {"flavor": "modelarts.vm.cpu.8u"}}, {"alice": OFF})
    assert ["E514"] == [each.code for each in plan.refusals]
    assert () == plan.warnings


def test_what_runs_on_already_is_told() -> None:
    """With the way to end it; a change that needs no restart goes on."""
    for declared in ({}, {"description": "new"}, {"desired_status": "UNMANAGED"}):
        plan = planned({"alice": {}}, {"alice": declared}, {"alice": OFF})
        (found,) = plan.warnings
        assert ("W505", "warning") == (found.code, found.severity)
        assert "notebook.alice runs without end: its auto stop is off" == found.summary
        assert "lease: {duration: 8h}" in found.hint
        assert () == plan.refusals


@pytest.mark.parametrize(
    ("declared", "answer"),
    [
        ({"lease": {"duration": "8h"}}, OFF),
        ({"lease": "never"}, OFF),
        ({"desired_status": "STOPPED"}, OFF),
        ({}, {}),
        ({"desired_status": "STOPPED"}, OFF | {"status": "STOPPED"}),
    ],
)
def test_nothing_to_tell(declared: Fields, answer: Fields) -> None:
    """Declared, ended by this plan, or not so."""
    plan = planned({"alice": {}}, {"alice": declared}, {"alice": answer})
    assert ((), ()) == (plan.warnings, plan.refusals)


def test_a_lease_that_the_spec_ignores_is_the_consoles() -> None:
    """Whoever ignores it agrees to what it is there."""
    ignoring = {"lease": {"duration": "8h"}, "lifecycle": {"ignore_changes": ["lease"]}}
    plan = planned({"alice": ignoring}, {"alice": {**ignoring, "flavor": "modelarts.vm.cpu.8u"}}, {"alice": OFF})
    assert ((), ()) == (plan.warnings, plan.refusals)
