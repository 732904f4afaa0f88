"""Whether a saved plan was carried out, or what it was made for is gone. The real command is in tests/contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import Diagnostic, PlanRefused
from provisioner.model.secrets import NO_SECRETS
from provisioner.plan import Mode, Options, Plan
from provisioner.planfile.reading import read_plan
from provisioner.planfile.verification import check_live, check_state, touched
from provisioner.state.backend import Snapshot
from provisioner.state.document import Record, State
from tests.builders import instance, planned, state
from tests.unit.planfile.saved import document, plan_of_all, refusal, written

STORED = "digest of what is stored"


def told(plan: Plan, now: State, path: Path, *, serial: int = 8, has_journal: bool = False) -> Diagnostic:
    """Why `plan`, made from an empty state, is refused on the state `now`."""
    saved = read_plan(written(path / "plan.bin", document(plan)))
    snapshot = Snapshot(now, serial, has_journal=has_journal, stored_digest=STORED)
    return refusal(lambda: check_state(saved, snapshot))


def carried_out(plan: Plan, *keys: str) -> State:
    """The state once the steps of `keys` are done."""
    records: dict[str, Record | None] = {}
    for step in plan.pending:
        held = Record(id=f"new-{step.address.key}", status="RUNNING", attributes=dict(step.after))
        before = step.record
        records[str(step.address)] = before if step.address.key not in keys else held if step.after else None
    return state().with_records(records)


def test_all_of_it_is_there(tmp_path: Path) -> None:
    """Whoever did it."""
    plan = plan_of_all()
    keys = [step.address.key for step in plan.pending]
    assert "E701" == told(plan, carried_out(plan, *keys), tmp_path).code


def test_some_of_it_is_there(tmp_path: Path) -> None:
    """Named, with the way on."""
    plan = plan_of_all()
    problem = told(plan, carried_out(plan, "alice", "dave"), tmp_path)
    assert "E702" == problem.code
    assert "Of its 4 changes 2 are there: notebook.alice, notebook.dave." in problem.detail
    assert "or provisioner apply" in problem.hint


def test_none_of_it_is_there(tmp_path: Path) -> None:
    """Another run changed something else: plain apply is not the answer."""
    plan = plan_of_all()
    problem = told(plan, carried_out(plan), tmp_path)
    assert "E702" == problem.code
    assert "changes" not in problem.detail
    assert "plan again, and have that approved" == problem.hint


def test_a_run_died(tmp_path: Path) -> None:
    """What it did is in its journal, and plain apply goes on."""
    plan = plan_of_all()
    problem = told(plan, carried_out(plan), tmp_path, serial=7, has_journal=True)
    assert "A run was cut off" in problem.detail
    assert "or provisioner apply" in problem.hint


def test_an_empty_plan_is_never_done(tmp_path: Path) -> None:
    """It asked for nothing that a state could show."""
    assert "E702" == told(planned({"alice": {}}, {"alice": {}}), state(), tmp_path).code


@pytest.mark.parametrize("mode", [Mode.NORMAL, Mode.REFRESH_ONLY])
def test_what_was_gone_is_back(mode: Mode) -> None:
    """Its record would be dropped, and nobody would know of it any more."""
    plan = planned({"alice": {}}, {}, {"alice": None}, options=Options(mode))
    record = Record(id=instance().id, status="RUNNING")
    base = state().with_records({"notebook.alice": record})
    assert {"notebook.alice": record} == touched(plan, base)
    check_live(plan, {"notebook.alice": None}, (), NO_SECRETS)
    with pytest.raises(PlanRefused) as refused:
        check_live(plan, {"notebook.alice": instance()}, (), NO_SECRETS)
    (problem,) = refused.value.problems
    assert ("E703", "notebook.alice") == (problem.code, problem.address)
    assert f"id: planned as gone, live {instance().id} (RUNNING)" in problem.detail
