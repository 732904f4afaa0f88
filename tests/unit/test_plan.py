"""Which step an address gets, why, at which loss; what is refused, and what is recorded without a step."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.errors import PlanError
from provisioner.model.address import Address
from provisioner.model.observation import Observation
from provisioner.plan import Action, Loss, Mode, Options, Plan, Reason, Step, Summary, record_of
from provisioner.planning.stack import build_plan
from provisioner.refresh import recall
from tests.builders import HOUR_MS, NOW_MS, declarations, instance, notebook, parsed, planned, record, state

Fields = dict[str, Any]

ALICE: dict[str, Fields] = {"alice": {}}
PAIR: dict[str, Fields] = {"alice": {}, "bob": {}}
SMALLER = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}
SHARE = {
    "pool_id": "pool41664192",
    "volume": {
        "category": "EFS",
        "ownership": "DEDICATED",
        "uri": "192.168.0.1:/a/",
        "id": "0aa1b2c3-0000-4000-8000-00000000000a",
    },
}


def only(plan: Plan) -> Step:
    (found,) = plan.steps
    return found


def verdict(plan: Plan) -> tuple[Action, Reason, Loss]:
    found = only(plan)
    return found.action, found.reason, found.loss


def told(**answer: Any) -> Plan:
    """The plan for `alice`, applied and declared alike, of whom the service says `answer`."""
    return planned(ALICE, ALICE, {"alice": answer})


class TestActions:
    @pytest.mark.parametrize(
        ("before", "after", "live", "expected"),
        [
            ({}, ALICE, {}, (Action.CREATE, Reason.NOT_RECORDED, Loss.NONE)),
            (ALICE, ALICE, {}, (Action.NO_OP, Reason.UNCHANGED, Loss.NONE)),
            (ALICE, {"alice": {"name": "b"}}, {}, (Action.UPDATE, Reason.CHANGED, Loss.NONE)),
            (ALICE, {"alice": {"flavor": "f"}}, {}, (Action.UPDATE, Reason.CHANGED, Loss.CONTAINER)),
            (ALICE, {"alice": SMALLER}, {}, (Action.REPLACE, Reason.CANNOT_UPDATE, Loss.VOLUME)),
            (ALICE, {}, {}, (Action.DELETE, Reason.NOT_DECLARED, Loss.VOLUME)),
            ({"alice": SHARE}, {}, {}, (Action.DELETE, Reason.NOT_DECLARED, Loss.CONTAINER)),
            (ALICE, ALICE, {"alice": None}, (Action.CREATE, Reason.GONE, Loss.NONE)),
            (ALICE, {}, {"alice": None}, (Action.NO_OP, Reason.GONE, Loss.NONE)),
            (ALICE, ALICE, {"alice": {"status": "DELETED"}}, (Action.CREATE, Reason.GONE, Loss.NONE)),
            (ALICE, ALICE, {"alice": {"status": "DELETING"}}, (Action.CREATE, Reason.GONE, Loss.NONE)),
            (ALICE, {}, {"alice": {"status": "DELETING"}}, (Action.DELETE, Reason.NOT_DECLARED, Loss.NONE)),
            (ALICE, ALICE, {"alice": {"status": "CREATE_FAILED"}}, (Action.REPLACE, Reason.CREATE_FAILED, Loss.NONE)),
            (ALICE, ALICE, {"alice": {"status": "START_FAILED"}}, (Action.UPDATE, Reason.CHANGED, Loss.NONE)),
            (ALICE, ALICE, {"alice": {"status": "FROZEN"}}, (Action.NO_OP, Reason.BLOCKED, Loss.NONE)),
            (ALICE, {"alice": SMALLER}, {"alice": {"status": "ERROR"}}, (Action.NO_OP, Reason.BLOCKED, Loss.NONE)),
            (ALICE, {}, {"alice": {"status": "FROZEN"}}, (Action.DELETE, Reason.NOT_DECLARED, Loss.VOLUME)),
        ],
    )
    def test_of_one_notebook(
        self,
        before: dict[str, Fields],
        after: dict[str, Fields],
        live: dict[str, Fields | None],
        expected: tuple[Action, Reason, Loss],
    ) -> None:
        """By what was applied, what is declared and what is live."""
        assert expected == verdict(planned(before, after, live))

    def test_growth_of_what_stands_still_loses_nothing(self) -> None:
        """It is started and stopped in passing; there was no container to lose."""
        grown = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 80}}
        stopped = {"desired_status": "STOPPED"}
        plan = planned({"alice": stopped}, {"alice": stopped | grown})
        assert (Action.UPDATE, Reason.CHANGED, Loss.NONE) == verdict(plan)

    def test_a_replacement_on_request_gets_past_a_block(self) -> None:
        """A person has looked at it."""
        options = Options(replacements=frozenset({Address("alice")}))
        plan = planned(ALICE, ALICE, {"alice": {"status": "ERROR"}}, options)
        assert (Action.REPLACE, Reason.REQUESTED, Loss.VOLUME) == verdict(plan)

    def test_a_replacement_of_what_is_left_alone_ends_as_found(self) -> None:
        """UNMANAGED and standing still: the new one stands still too."""
        left = {"desired_status": "UNMANAGED"}
        plan = planned({"alice": left}, {"alice": left | SMALLER}, {"alice": {"status": "STOPPED"}})
        assert ["delete", "create", "stop"] == list(map(str, only(plan).operations))

    @pytest.mark.parametrize("status", ["STARTING", "SNAPSHOTTING"])
    def test_what_others_have_under_way_is_theirs(self, status: str) -> None:
        """A plan that only waits would do nothing; for a change it waits."""
        assert Action.NO_OP == only(told(status=status)).action
        plan = planned(ALICE, {"alice": {"name": "b"}}, {"alice": {"status": status}})
        assert ["wait until RUNNING", "put name"] == list(map(str, only(plan).operations))

    def test_summary(self) -> None:
        """A replacement counts on both sides; a no-op on none."""
        before: dict[str, Fields] = {"a": {}, "b": {}, "c": {}, "d": {}}
        after: dict[str, Fields] = {"a": SMALLER, "b": {"name": "x"}, "c": {}, "e": {}}
        assert Summary(add=2, change=1, destroy=2) == planned(before, after).summary


ENDED: Fields = {
    "status": "STOPPED",
    "update_at": NOW_MS - HOUR_MS,
    "lease": {"duration": HOUR_MS, "create_at": NOW_MS - 3 * HOUR_MS, "update_at": NOW_MS - 3 * HOUR_MS},
}


class TestLease:
    """Deadline = create_at + duration (API page 9.3); the clock of the plan stands at NOW_MS."""

    @pytest.mark.parametrize(
        ("answer", "left"),
        [
            ({"status": "STOPPED", "update_at": NOW_MS - HOUR_MS}, True),
            ({"status": "STOPPED"}, True),
            ({"status": "STOPPING", "update_at": NOW_MS - 3 * HOUR_MS}, True),
            ({"status": "STOPPED", "update_at": NOW_MS - 3 * HOUR_MS}, False),
            ({"status": "STOPPED", "lease": {"enable": False, "type": "TIMING", "duration": -1}}, False),
            ({"status": "STOPPED", "lease": None}, False),
        ],
    )
    def test_left_by_its_lease(self, answer: Fields, left: bool) -> None:  # noqa: FBT001
        """When STOPPED was reached after the deadline; without that time, when the deadline is over."""
        ended = {"enable": True, "type": "TIMING", "duration": HOUR_MS}
        ended |= {"create_at": NOW_MS - 3 * HOUR_MS, "update_at": NOW_MS - 3 * HOUR_MS}
        found = only(told(**{"lease": ended} | answer))
        assert left == (found.action is Action.NO_OP)
        assert left == (found.note == "stopped by its lease")

    def test_the_state_remembers_that_it_ended(self) -> None:
        """A plan with --no-refresh starts nothing that its lease stopped, and knows of no drift."""
        recorded = record(**ENDED)
        remembered = recall(state({"alice": recorded})).live
        plan = build_plan(declarations(ALICE), state({"alice": recorded}), remembered, serial=7, now_ms=NOW_MS)
        assert ("stopped by its lease", ()) == (only(plan).note, plan.drift)

    def test_what_has_to_run_for_a_change_runs_on(self) -> None:
        """A volume grows while running alone; stopped again it would be started by the next plan."""
        larger = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 80}}
        plan = planned(ALICE, {"alice": larger}, {"alice": ENDED})
        assert ["start", "resize to 80 GB"] == list(map(str, only(plan).operations))

    @pytest.mark.parametrize("change", [{"incomplete": True}, {"attributes": {"desired_status": "STOPPED"}}])
    def test_not_left(self, change: Fields) -> None:
        """What an apply of ours stopped in passing, and what the spec has only now begun to want."""
        lease = {"enable": True, "type": "TIMING", "duration": HOUR_MS, "create_at": 1, "update_at": 1}
        answer: Fields = {"status": "STOPPED", "lease": lease}
        recorded = record(**answer).model_copy(update=change)
        live: dict[str, Observation | None] = {"notebook.alice": instance(**answer)}
        plan = build_plan(declarations(ALICE), state({"alice": recorded}), live, serial=7, now_ms=NOW_MS)
        assert "start" in map(str, only(plan).operations)


class TestOptions:
    def plan(self, **options: Any) -> Plan:
        before: dict[str, Fields] = {"alice": {}, "bob": {}, 'gpu["a"]': {}}
        return planned(before, before | {"carol": {}}, options=Options(**options))

    def test_targets_and_excludes(self) -> None:
        """What is not chosen has no step, and its record is not touched."""
        target = frozenset({parsed("carol"), parsed('gpu["a"]')})
        assert ["notebook.carol", 'notebook.gpu["a"]'] == [
            str(step.address) for step in self.plan(targets=target).steps
        ]
        left = self.plan(targets=target, excludes=frozenset({parsed("carol")}))
        assert ['notebook.gpu["a"]'] == [str(step.address) for step in left.steps]
        plan = planned(PAIR, PAIR, {"bob": {"description": "x"}}, Options(targets=frozenset({Address("alice")})))
        assert ({}, ()) == (plan.refreshed, plan.drift)

    @pytest.mark.parametrize("option", ["targets", "excludes", "replacements"])
    def test_an_address_that_nobody_knows(self, option: str) -> None:
        """Is refused: it would silently mean nothing."""
        with pytest.raises(PlanError, match=r"notebook\.nobody is neither declared nor recorded"):
            self.plan(**{option: frozenset({Address("nobody")})})

    def test_destroy(self) -> None:
        """Everything recorded goes; what is only declared may be named all the same."""
        plan = self.plan(mode=Mode.DESTROY, excludes=frozenset({Address("carol")}))
        assert {(Action.DELETE, Reason.DESTROY)} == {(step.action, step.reason) for step in plan.steps}
        assert 3 == len(plan.steps)

    def test_refresh_only(self) -> None:
        """No steps; what is live is to be recorded."""
        plan = planned(ALICE, {"alice": {"name": "b"}}, {"alice": {"description": "x"}}, Options(Mode.REFRESH_ONLY))
        assert () == plan.steps
        assert ["notebook.alice"] == list(plan.refreshed)


class TestRecords:
    def refreshed(self, answer: Fields, **update: Any) -> Plan:
        """The plan for `alice` as declared, whose record has `update` and of whom the service says `answer`."""
        recorded = record().model_copy(update=update)
        live: dict[str, Observation | None] = {"notebook.alice": instance(**answer)}
        return build_plan(declarations(ALICE), state({"alice": recorded}), live, serial=7, now_ms=NOW_MS)

    def test_what_is_as_recorded_is_not_written(self) -> None:
        assert ({}, ()) == (self.refreshed({}).refreshed, self.refreshed({}).drift)

    def test_what_moves_by_itself_is_not_recorded(self) -> None:
        """The lease clock, the time of the last change, progress."""
        lease = {
            "enable": True,
            "type": "TIMING",
            "duration": 5 * HOUR_MS,
            "create_at": 1,
            "update_at": 4 * HOUR_MS + 1,
        }
        assert {} == self.refreshed({"lease": lease, "update_at": NOW_MS, "action_progress": [{"step": 1}]}).refreshed

    def test_what_is_gone_is_forgotten(self) -> None:
        plan = planned(ALICE, {}, {"alice": None})
        assert {"notebook.alice": None} == plan.refreshed
        assert [None] == [drift.live for drift in plan.drift]

    def test_drift_is_a_change_outside(self) -> None:
        """With the values on both sides."""
        (drift,) = self.refreshed({"description": "theirs"}).drift
        assert drift.live is not None
        assert (None, "theirs") == (drift.recorded.get("description"), drift.live["description"])

    def test_what_a_run_of_ours_left_unfinished_is_no_drift(self) -> None:
        """It went on by itself; once it is as declared the record is whole."""
        plan = self.refreshed({}, incomplete=True, status="CREATING", observed={})
        assert [True] == [drift.expected for drift in plan.drift]
        fresh = plan.refreshed["notebook.alice"]
        assert fresh is not None
        assert (False, "RUNNING") == (fresh.incomplete, fresh.status)

    def test_unfinished_stays_unfinished_until_it_is_as_declared(self) -> None:
        plan = self.refreshed({"name": "other"}, incomplete=True)
        fresh = plan.refreshed["notebook.alice"]
        assert fresh is not None
        assert fresh.incomplete

    def test_what_is_declared_counts_as_applied_where_it_is_so_already(self) -> None:
        """A field that is newly declared with the live value needs no call."""
        live: dict[str, Observation | None] = {"notebook.alice": instance(description="same")}
        declared = declarations({"alice": {"description": "same"}})
        plan = build_plan(declared, state({"alice": record(description="same")}), live, serial=7, now_ms=NOW_MS)
        fresh = plan.refreshed["notebook.alice"]
        assert fresh is not None
        assert (Action.NO_OP, "same") == (only(plan).action, fresh.attributes["description"])

    def test_mounts_that_nobody_asked_for_are_kept_as_recorded(self) -> None:
        """A notebook does not tell of its mounts; none at all are not written down."""
        mount = {"id": "m", "category": "OBSFS", "uri": "obs://b/d/", "mount_path": "/data/a/", "status": "MOUNTED"}
        mounted = record_of(instance(storages=[mount]), {})
        assert mounted.observed["storages"] == record_of(instance(), {}, mounted).observed["storages"]
        assert "storages" not in record_of(instance(storages=[]), {}, mounted).observed

    def test_a_warning_for_what_is_left_alone(self) -> None:
        """It says why and how to get past it."""
        (warning,) = told(status="ERROR", fail_reason="disk").warnings
        assert "notebook.alice is left alone: the instance is ERROR: disk" == warning.summary
        assert "--replace alice" in warning.hint


def test_a_step_knows_where_it_is_declared() -> None:
    """And how long its operations may take."""
    found = only(planned(after={"alice": {"timeouts": {"create": "5m"}}}))
    assert found.source is not None
    assert 5 * 60_000 == found.timeouts.create
    assert notebook().attributes() == found.after
