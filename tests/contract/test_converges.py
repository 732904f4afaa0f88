"""After an apply the next plan is empty and stays empty; what happened outside, or what broke half way, is mended."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.events import OperationStarted
from provisioner.plan import Action, Loss, Reason
from tests.contract.lab import OTHER_IMAGE, SMALL, Lab, is_empty, operations, step

MINUTE = 60_000
HOUR = 60 * MINUTE

ALICE: dict[str, dict[str, Any]] = {"alice": {}}
STOPPED = {"alice": {"desired_status": "STOPPED"}}
MOUNT = {"category": "OBSFS", "uri": "obs://bucket/dir/", "mount_path": "/data/a/"}
HOOKS = {"container_hooks": {"pre_start": {"script": "/opt/a.sh"}}}
GROWN = {"volume": {**SMALL["volume"], "capacity": 80}}
SMALLER = {"volume": {**SMALL["volume"], "capacity": 20}}


class TestTime:
    def test_the_lease_clock_is_no_change(self, lab: Lab) -> None:
        """Half an hour later nothing is to be done and nothing has drifted."""
        lab.applied(ALICE)
        lab.sandbox.advance(30 * MINUTE)
        assert is_empty(lab.plan(ALICE))

    def test_a_restart_outside_is_no_change(self, lab: Lab) -> None:
        """The token and the lease clock are new, and nobody minds."""
        lab.applied(ALICE)
        lab.provider.stop(lab.id())
        lab.sandbox.advance(MINUTE)
        lab.provider.start(lab.id(), None)
        lab.sandbox.advance(MINUTE)
        assert is_empty(lab.plan(ALICE))

    def test_a_restart_outside_drops_mounts(self, lab: Lab) -> None:
        """They are attached again."""
        mounted = {"alice": {"storages": [MOUNT]}}
        lab.applied(mounted)
        lab.provider.stop(lab.id())
        lab.sandbox.advance(MINUTE)
        lab.provider.start(lab.id(), None)
        lab.sandbox.advance(MINUTE)
        assert "attach /data/a/" == operations(lab.applied(mounted).plan)
        assert is_empty(lab.plan(mounted))

    def test_what_the_lease_stopped_is_left(self, lab: Lab) -> None:
        """The plan says so, sends nothing, and once it is recorded nothing is worth a word."""
        lab.applied(ALICE)
        lab.sandbox.advance(2 * HOUR)
        plan = lab.plan(ALICE)
        assert (Action.NO_OP, "stopped by its lease") == (step(plan).action, step(plan).note)
        lab.sandbox.forget()
        lab.applied(ALICE)
        assert [] == lab.sandbox.calls()
        lab.sandbox.advance(24 * HOUR)
        assert is_empty(lab.plan(ALICE))

    def test_what_idleness_stopped_is_left(self, lab: Lab) -> None:
        """An IDLE lease ends when nobody works, after its duration at the earliest."""
        idle = {"alice": {"lease": {"duration": "15m", "type": "IDLE"}}}
        lab.applied(idle)
        lab.sandbox.advance(20 * MINUTE)
        lab.sandbox.happen(lab.id(), "idle-stop")
        lab.sandbox.advance(MINUTE)
        assert Action.NO_OP == step(lab.plan(idle)).action

    def test_what_the_lease_stops_now_is_left(self, lab: Lab) -> None:
        """STOPPING counts as much as STOPPED."""
        lab.applied(ALICE)
        lab.sandbox.pace(stop_ms=HOUR)
        lab.sandbox.advance(HOUR + MINUTE)
        assert "STOPPING" == lab.sandbox.only()["status"]
        assert Action.NO_OP == step(lab.plan(ALICE)).action

    @pytest.mark.parametrize("later", [0, 5 * HOUR])
    def test_a_stop_by_hand_is_undone(self, lab: Lab, later: int) -> None:
        """However late it is seen: it is not taken for the end of the lease."""
        lab.applied(ALICE)
        lab.provider.stop(lab.id())
        lab.sandbox.advance(MINUTE + later)
        assert "start" == operations(lab.applied(ALICE).plan)
        assert "RUNNING" == lab.sandbox.only()["status"]

    def test_a_declared_start_is_no_matter_of_leases(self, lab: Lab) -> None:
        """What was to stand still and is now to run is started, hours after its lease would have ended."""
        lab.applied(STOPPED)
        lab.sandbox.advance(5 * HOUR)
        assert "start" == operations(lab.applied(ALICE).plan)
        assert is_empty(lab.plan(ALICE))

    def test_what_the_lease_stopped_is_changed_where_it_stands(self, lab: Lab) -> None:
        """A new flavor is put, and nobody starts it."""
        lab.applied(ALICE)
        lab.sandbox.advance(2 * HOUR)
        larger = {"alice": {"flavor": "modelarts.vm.cpu.8u"}}
        assert "put flavor" == operations(lab.applied(larger).plan)
        assert is_empty(lab.plan(larger))

    @pytest.mark.parametrize("lease", [{"duration": "8h"}, {"duration": "45m", "type": "IDLE"}, "never"])
    def test_a_start_carries_the_lease(self, lab: Lab, lease: Any) -> None:
        """Declared or found: without it every start would mean one hour."""
        lab.applied({"alice": {"lease": lease}})
        declared = lab.sandbox.only()["lease"]
        rebuilt = {"alice": {"image_id": OTHER_IMAGE}}
        lab.applied(rebuilt)
        found = lab.sandbox.only()["lease"]
        assert [declared[name] for name in ("enable", "type")] == [found[name] for name in ("enable", "type")]
        assert is_empty(lab.plan({"alice": {"image_id": OTHER_IMAGE, "lease": lease}}))


class TestDrift:
    def test_a_change_outside_is_undone(self, lab: Lab) -> None:
        """Each declared field goes back; the plan says that nobody changed the spec."""
        declared = {"alice": {"description": "ours", "tags": {"a": "1"}}}
        lab.applied(declared)
        lab.sandbox.drift(lab.id(), description="theirs", tags=[{"key": "a", "value": "2"}, {"key": "b", "value": "3"}])
        plan = lab.plan(declared)
        assert "put description; untag b; tag a" == operations(plan)
        assert {"outside"} == {change.moved_by for change in step(plan).changes}
        assert ["notebook.alice"] == [str(drift.address) for drift in plan.drift]
        lab.applied(declared)
        assert is_empty(lab.plan(declared))

    def test_what_is_not_declared_is_left(self, lab: Lab) -> None:
        """It shows as drift once, and is recorded by the next apply."""
        lab.applied(ALICE)
        lab.sandbox.drift(lab.id(), description="theirs", tags=[{"key": "b", "value": "3"}])
        plan = lab.plan(ALICE)
        assert (Action.NO_OP, 1) == (step(plan).action, len(plan.drift))
        lab.applied(ALICE)
        assert is_empty(lab.plan(ALICE))

    def test_tags_of_the_service_are_its_own(self, lab: Lab) -> None:
        """What begins with _sys_ is not taken away."""
        declared = {"alice": {"tags": {"a": "1"}}}
        lab.applied(declared)
        lab.sandbox.drift(lab.id(), tags=[{"key": "_sys_x", "value": "1"}, {"key": "a", "value": "1"}])
        assert Action.NO_OP == step(lab.plan(declared)).action

    def test_vanished_is_created_anew(self, lab: Lab) -> None:
        lab.applied(ALICE)
        before = lab.id()
        lab.sandbox.happen(before, "vanish")
        plan = lab.applied(ALICE).plan
        assert (Action.CREATE, Reason.GONE, Loss.NONE) == (step(plan).action, step(plan).reason, step(plan).loss)
        assert before != lab.id() == lab.sandbox.only()["id"]
        assert is_empty(lab.plan(ALICE))

    def test_vanished_and_undeclared_is_forgotten(self, lab: Lab) -> None:
        """Quietly: there is nothing to do and nothing is sent."""
        lab.applied(ALICE)
        lab.sandbox.happen(lab.id(), "vanish")
        lab.sandbox.forget()
        done = lab.applied({})
        assert ((), []) == (done.plan.pending, lab.sandbox.calls())
        assert lab.record() is None


class TestStatuses:
    def test_create_failed(self, lab: Lab) -> None:
        """The failure names its reason; the next apply replaces it, and nothing is lost by that."""
        lab.sandbox.fault("create", "outcome", status="CREATE_FAILED", fail_reason="no capacity")
        assert "the instance is CREATE_FAILED after create: no capacity" == str(lab.apply(ALICE).errors["alice"])
        planned = step(lab.plan(ALICE))
        assert (Action.REPLACE, Reason.CREATE_FAILED, Loss.NONE) == (planned.action, planned.reason, planned.loss)
        lab.applied(ALICE)
        assert lab.id() == lab.sandbox.only()["id"]
        assert is_empty(lab.plan(ALICE))

    def test_start_failed(self, lab: Lab) -> None:
        """It is started again, with its data."""
        lab.applied(STOPPED)
        lab.sandbox.fault("start", "outcome", status="START_FAILED")
        assert "the instance is START_FAILED after start" in str(lab.apply(ALICE).errors["alice"])
        assert "start" == operations(lab.applied(ALICE).plan)
        assert is_empty(lab.plan(ALICE))

    def test_start_failed_after_a_change(self, lab: Lab) -> None:
        """What was put counts as applied, also what no answer tells: only the start is left to do."""
        lab.applied(ALICE)
        hooked = {"alice": {"hooks": HOOKS}}
        lab.sandbox.fault("start", "outcome", status="START_FAILED")
        assert ["alice"] == list(lab.apply(hooked).errors)
        assert "start" == operations(lab.applied(hooked).plan)
        assert is_empty(lab.plan(hooked))

    def test_refused_after_the_stop(self, lab: Lab) -> None:
        """What we stopped in passing is not left standing, however long it takes to come back."""
        lab.applied(ALICE)
        larger = {"alice": {"flavor": "modelarts.vm.cpu.8u", "name": "other"}}
        lab.sandbox.fault("update", "fail", status=400, code="ModelArts.6792")
        assert "ModelArts.6792" in str(lab.apply(larger).errors["alice"])
        lab.sandbox.advance(5 * HOUR)
        assert "put name, flavor; start" == operations(lab.applied(larger).plan)
        assert is_empty(lab.plan(larger))

    def test_frozen_is_left_alone(self, lab: Lab) -> None:
        """With a warning; also when the spec changes, also when the change would mean a replacement."""
        lab.applied(ALICE)
        lab.sandbox.happen(lab.id(), "freeze")
        for declared in (ALICE, {"alice": {"name": "other"}}, {"alice": SMALLER}):
            plan = lab.plan(declared)
            assert (Action.NO_OP, Reason.BLOCKED) == (step(plan).action, step(plan).reason)
            assert "notebook.alice is left alone: the instance is FROZEN: the account is in arrears" == (
                plan.warnings[0].summary
            )

    @pytest.mark.parametrize("status", ["ERROR", "DELETE_FAILED"])
    def test_broken_is_left_alone(self, lab: Lab, status: str) -> None:
        """Nothing is sent unless a person asks for a replacement."""
        lab.applied(ALICE)
        lab.sandbox.drift(lab.id(), status=status, fail_reason="disk")
        lab.sandbox.forget()
        plan = lab.applied(ALICE).plan
        assert [f"notebook.alice is left alone: the instance is {status}: disk"] == [w.summary for w in plan.warnings]
        assert [] == lab.sandbox.calls()

    def test_delete_failed_is_deleted_again(self, lab: Lab) -> None:
        lab.applied(ALICE)
        lab.sandbox.fault("delete", "outcome", status="DELETE_FAILED", fail_reason="busy disk")
        assert "the instance is DELETE_FAILED after delete: busy disk" == str(lab.apply({}).errors["alice"])
        assert lab.record() is not None
        lab.applied({})
        assert [] == lab.sandbox.notebooks()

    def test_deleting_is_created_again(self, lab: Lab) -> None:
        """Once it is gone."""
        lab.applied(ALICE)
        lab.sandbox.pace(delete_ms=HOUR)
        lab.provider.delete(lab.id())
        done = lab.applied(ALICE, once_planned=lambda: lab.sandbox.advance(HOUR))
        assert (Action.CREATE, "wait until gone; create") == (step(done.plan).action, operations(done.plan))
        assert lab.id() == lab.sandbox.only()["id"]

    def test_deleting_that_fails_is_not_created_again(self, lab: Lab) -> None:
        """It still exists, so a second one would be a duplicate."""
        lab.applied(ALICE)
        lab.sandbox.pace(delete_ms=HOUR)
        lab.sandbox.fault("delete", "outcome", status="DELETE_FAILED")
        lab.provider.delete(lab.id())
        failed = lab.apply(ALICE, once_planned=lambda: lab.sandbox.advance(HOUR))
        assert "the instance is DELETE_FAILED after wait" in str(failed.errors["alice"])
        assert lab.id() == lab.sandbox.only()["id"]

    def test_deleting_and_undeclared_is_waited_for(self, lab: Lab) -> None:
        """Nothing is sent, and nothing is lost by our doing."""
        lab.applied(ALICE)
        lab.sandbox.pace(delete_ms=HOUR)
        lab.provider.delete(lab.id())
        lab.sandbox.forget()
        planned = step(lab.applied({}, once_planned=lambda: lab.sandbox.advance(HOUR)).plan)
        assert (Action.DELETE, Loss.NONE) == (planned.action, planned.loss)
        assert ([], []) == (lab.sandbox.calls(), lab.sandbox.notebooks())

    @pytest.mark.parametrize("declared", [ALICE, STOPPED, {"alice": {"tags": {"a": "1"}, "storages": [MOUNT]}}])
    def test_creating_is_waited_for(self, lab: Lab, declared: dict[str, Any]) -> None:
        """A run that was asked to stop right after its create leaves the rest to the next one."""
        lab.sandbox.pace(create_ms=HOUR)
        assert ["alice"] == lab.apply(declared, stop_at=OperationStarted).interrupted
        assert "CREATING" == lab.sandbox.only()["status"]
        done = lab.applied(declared, once_planned=lambda: lab.sandbox.advance(HOUR))
        assert operations(done.plan).startswith("wait until RUNNING")
        assert lab.id() == lab.sandbox.only()["id"]
        assert is_empty(lab.plan(declared))

    def test_creating_that_fails_is_no_success(self, lab: Lab) -> None:
        """A wait that ends in CREATE_FAILED is a failure, and the next run replaces it."""
        lab.sandbox.pace(create_ms=HOUR)
        lab.sandbox.fault("create", "outcome", status="CREATE_FAILED")
        lab.apply(ALICE, stop_at=OperationStarted)
        lab.sandbox.pace(create_ms=5)
        failed = lab.apply(ALICE, once_planned=lambda: lab.sandbox.advance(HOUR))
        assert "the instance is CREATE_FAILED after wait" in str(failed.errors["alice"])
        assert Reason.CREATE_FAILED == step(lab.applied(ALICE).plan).reason
        assert is_empty(lab.plan(ALICE))

    def test_what_others_have_under_way_is_theirs(self, lab: Lab) -> None:
        """A restart by somebody else is nothing to wait for."""
        lab.applied(ALICE)
        lab.provider.stop(lab.id())
        lab.sandbox.advance(MINUTE)
        lab.sandbox.pace(start_ms=HOUR)
        lab.provider.start(lab.id(), None)
        assert Action.NO_OP == step(lab.plan(ALICE)).action

    def test_a_delete_that_wants_a_stop_first(self, lab: Lab) -> None:
        """6304 means: stop, wait, delete (switch S4)."""
        lab.applied(ALICE)
        lab.sandbox.switch(S4=True)
        lab.sandbox.forget()
        lab.applied({})
        assert ["delete", "stop", "delete"] == lab.sandbox.calls()
        assert [] == lab.sandbox.notebooks()

    def test_a_mount_that_failed_is_made_again(self, lab: Lab) -> None:
        """It holds its path, so it is detached first."""
        missing = {"alice": {"storages": [{**MOUNT, "uri": "obs://missing-bucket/dir/"}]}}
        error = lab.apply(missing).errors["alice"]
        assert "attach /data/a/ failed: The bucket cannot be accessed." == str(error)
        assert "detach /data/a/; attach /data/a/" == operations(lab.plan(missing))
        mended = {"alice": {"storages": [MOUNT]}}
        assert "detach /data/a/; attach /data/a/" == operations(lab.applied(mended).plan)
        assert is_empty(lab.plan(mended))


# Every operation: what leads to it, and what comes after.
TAGGED, MOUNTED = {"tags": {"a": "1"}}, {"storages": [MOUNT]}
CALLS: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]] = {
    "create": (None, {}),
    "update": ({}, {"name": "other"}),
    "resize": ({}, GROWN),
    "stop": ({}, {"desired_status": "STOPPED"}),
    "start": ({"desired_status": "STOPPED"}, {}),
    "renew-lease": ({}, {"lease": {"duration": "8h"}}),
    "create-tags": ({}, TAGGED),
    "delete-tags": (TAGGED, {"tags": {}}),
    "attach-storage": ({}, MOUNTED),
    "detach-storage": (MOUNTED, {"storages": []}),
    "delete": ({}, None),
}
MISHAPS: dict[str, dict[str, Any]] = {
    "no answer": {"effect": "lose", "how": "drop"},
    "half an answer": {"effect": "lose", "how": "half"},
    "done and a gateway error": {"effect": "lose", "how": "status", "status": 504},
    "done and garbage": {"effect": "malformed", "form": "html"},
    "not done and a gateway error": {"effect": "fail", "status": 502, "body": "Bad Gateway"},
    "busy": {"effect": "fail", "status": 400, "code": "ModelArts.6357"},
}


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("call", CALLS)
def test_unclear_answers(lab: Lab, call: str, mishap: str) -> None:
    """Whatever became of a call: within the run, or with the next one, all is as declared, once."""
    before, after = CALLS[call]
    if before is not None:
        lab.applied({"alice": before})
    declared = {} if after is None else {"alice": after}
    lab.sandbox.fault("update" if call == "resize" else call, **MISHAPS[mishap])
    first = lab.apply(declared)
    assert [1] == [fault["fired"] for fault in lab.sandbox.control("GET", "/faults")["faults"]]
    if call != "create" or mishap not in {"busy", "not done and a gateway error"}:
        assert ({}, 0 if after is None else 1) == (first.errors, len(lab.sandbox.notebooks()))
    lab.applied(declared)
    assert (0 if after is None else 1) == len(lab.sandbox.notebooks())
    assert ((), (), ()) == (lab.plan(declared).pending, lab.plan(declared).drift, lab.plan(declared).warnings)
