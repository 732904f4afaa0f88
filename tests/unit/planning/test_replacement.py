"""Create before destroy, carried out: which instance is recorded at which moment, and which is never touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import ApiError, OutcomeUnknown
from provisioner.events import OperationStarted, StepFailed, StepInterrupted
from provisioner.operations import disposal, replacement
from provisioner.state.document import Deposed
from tests.builders import instance, instance_id, notebook
from tests.unit.runs import Fields, Run, failing

SMALLER: dict[str, Fields] = {"alice": {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}}
ELSEWHERE = "1b2f0c6d7e8a49f5a3c1d2e4f5061728"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """With an instance that was applied."""
    made = Run(tmp_path).apply({"alice": {}})
    made.service.calls.clear()
    return made


def the_only(run: Run) -> str:
    (identifier,) = run.service.notebooks
    return identifier


def places(run: Run) -> tuple[str, tuple[str, ...]]:
    """The ids that are recorded: of the one in its place, and of the deposed."""
    record = run.state.resources["notebook.alice"]
    return record.id, tuple(deposed.id for deposed in record.deposed)


def test_the_order_of_a_replacement() -> None:
    """By default the old one goes first, so that names and quota are free; else it goes last, by its id."""
    live, desired = instance(), notebook().attributes() | {"tags": {"a": "1"}}
    texts = {
        first: [str(operation) for operation in replacement(desired, live, "RUNNING", create_first=first)]
        for first in (False, True)
    }
    assert ["delete", "create", "tag a"] == texts[False]
    assert ["create", "tag a", f"delete {live.id}"] == texts[True]


def test_the_new_one_is_made_before_the_old_one_goes(run: Run) -> None:
    """And in the end it alone exists, recorded and whole."""
    old = the_only(run)
    run.carry_out(*run.replacing(SMALLER))
    assert ([], ["create", "delete"]) == (run.errors, run.service.calls)
    record = run.state.resources["notebook.alice"]
    assert (the_only(run), (), False) == (record.id, record.deposed, record.incomplete)
    assert old != record.id
    assert ["create", f"delete {old}"] == [str(e.operation) for e in run.events if isinstance(e, OperationStarted)]


def test_both_are_recorded_while_both_exist(run: Run) -> None:
    """On the disk, from the answer of the create to the end of the old one."""
    old = the_only(run)
    seen = {}
    run.service.before = lambda name: seen.update({name: places(run)})
    run.carry_out(*run.replacing(SMALLER))
    assert {"create": (old, ()), "delete": (the_only(run), (old,))} == seen


def test_a_refused_create_leaves_the_old_one_in_its_place(run: Run) -> None:
    """A full quota costs nothing: no byte of the state changes."""
    before = (run.directory / "lab.json").read_bytes()
    run.service.before = failing(ApiError("quota is full", status=400, code="ModelArts.6789"), "create")
    run.carry_out(*run.replacing(SMALLER))
    assert ["ModelArts.6789: quota is full"] == run.errors
    assert (before, []) == ((run.directory / "lab.json").read_bytes(), run.service.calls)


def test_one_that_never_runs_gives_the_place_back(run: Run) -> None:
    """The old one is the record again, and the failed one is deposed."""
    old = the_only(run)
    run.service.after = lambda name: list(run.service.notebooks.values())[-1].update(
        {"status": "CREATE_FAILED", "fail_reason": "no capacity"} if name == "create" else {}
    )
    run.carry_out(*run.replacing(SMALLER))
    (failed,) = (event for event in run.events if isinstance(event, StepFailed))
    assert "the instance is CREATE_FAILED after create: no capacity" == failed.error.summary
    assert "was not touched" in failed.error.hint
    assert (old, (failed.id,)) == places(run)
    assert not run.state.resources["notebook.alice"].incomplete


def test_a_refused_delete_leaves_the_old_one_deposed(run: Run) -> None:
    """The new one stays in its place; the old one is recorded until it is gone."""
    old = the_only(run)
    run.service.before = failing(ApiError("forbidden", status=403, code="ModelArts.0103"), "delete")
    run.carry_out(*run.replacing(SMALLER))
    new, deposed = places(run)
    assert (2, (old,)) == (len(run.service.notebooks), deposed)
    assert run.state.resources["notebook.alice"].incomplete
    assert old != new


def test_a_service_that_wants_a_stop_first(run: Run) -> None:
    """ModelArts.6304: the old one is stopped and then deleted; the new one runs on."""
    refusals = iter([ApiError("stop it first", status=400, code="ModelArts.6304")])

    def refuse_once(name: str) -> None:
        if name == "delete" and (error := next(refusals, None)):
            raise error

    run.service.before = refuse_once
    run.carry_out(*run.replacing(SMALLER))
    assert ([], ["create", "stop", "delete"]) == (run.errors, run.service.calls)
    record = run.state.resources["notebook.alice"]
    assert (the_only(run), "RUNNING") == (record.id, record.status)


def test_a_busy_one_is_waited_for(run: Run) -> None:
    """ModelArts.6357 at the delete of the old one: it is looked at, not the new one."""
    old = the_only(run)
    run.service.notebooks[old]["status"] = "SNAPSHOTTING"

    def busy(name: str) -> None:
        if name == "delete" and run.service.notebooks[old]["status"] == "SNAPSHOTTING":
            run.service.notebooks[old]["status"] = "RUNNING"
            raise ApiError("busy", status=400, code="ModelArts.6357")

    plan = run.replacing(SMALLER)
    run.service.before = busy
    run.carry_out(*plan)
    assert ([], ["create", "delete"]) == (run.errors, run.service.calls)
    assert [old] != list(run.service.notebooks)


def test_a_lost_answer_touches_nothing(run: Run) -> None:
    """The create is pending, and the old one keeps its place: it is deleted only after the new one is recorded."""
    old = the_only(run)
    run.service.after = failing(OutcomeUnknown("timeout"), "create")
    run.carry_out(*run.replacing(SMALLER))
    assert ["create"] == run.service.calls
    assert (old, ()) == places(run)
    assert ["notebook.alice"] == [pending.address for pending in run.state.pending]


def test_an_interrupt_after_the_create(run: Run) -> None:
    """The old one is not deleted any more, and stands beside the new one."""
    old = the_only(run)
    run.service.after = lambda _name: run.stop.set()
    run.carry_out(*run.replacing(SMALLER))
    assert (["create"], 1) == (run.service.calls, run.kinds.count(StepInterrupted))
    new, deposed = places(run)
    assert ([old, new], (old,)) == (list(run.service.notebooks), deposed)


def test_a_deposed_one_is_where_it_was_made(run: Run) -> None:
    """The new one may live in another workspace; the old one is recorded with its own."""
    old = the_only(run)
    run.service.before = failing(ApiError("forbidden", status=403, code="ModelArts.0103"), "delete")
    run.carry_out(*run.replacing({"alice": {"workspace_id": ELSEWHERE}}))
    record = run.state.resources["notebook.alice"]
    assert (ELSEWHERE, (Deposed(id=old, workspace_id="0"),)) == (record.workspace_id, record.deposed)


def test_disposal_says_which() -> None:
    assert ("7", "delete 7") == (disposal("7").deposed, str(disposal("7")))


def test_what_is_gone_is_not_put_back(run: Run) -> None:
    """Deleted first, as by default: the failed one is the record, and who was deposed before stays so."""
    backend, snapshot = run.backend, run.backend.read()
    leftover = (Deposed(id=instance_id(9)),)
    alice = snapshot.state.resources["notebook.alice"].model_copy(update={"deposed": leftover})
    backend.write(snapshot.state.with_records({"notebook.alice": alice}).next(None), replacing=snapshot)
    run.service.notebooks[instance_id(9)] = {**run.service.notebooks[alice.id], "id": instance_id(9)}
    run.service.after = lambda name: list(run.service.notebooks.values())[-1].update(
        {"status": "CREATE_FAILED"} if name == "create" else {}
    )
    run.apply(SMALLER)
    (failed,) = (event for event in run.events if isinstance(event, StepFailed))
    assert ["delete", "create"] == run.service.calls
    assert "was not touched" not in failed.error.hint
    assert ((failed.id, (instance_id(9),)), True) == (places(run), failed.id in run.service.notebooks)
