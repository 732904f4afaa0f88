"""The step of one address where the specs say more than values: lifecycle, moves, imports, what was done by hand."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.errors import PlanError
from provisioner.model.secrets import Secrets
from provisioner.plan import Action, Loss, Mode, Options, Plan, Reason, Step, Summary
from provisioner.planning.stack import build_plan
from provisioner.state.document import Deposed
from tests.builders import (
    HOUR_MS,
    NOW_MS,
    OTHER_IMAGE,
    declarations,
    instance,
    instance_id,
    parsed,
    planned,
    record,
    state,
)

Fields = dict[str, Any]

SMALLER: Fields = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}
LARGE: Fields = {"flavor": "modelarts.vm.cpu.8u"}
CREATE_FIRST: Fields = {"lifecycle": {"create_before_destroy": True}}


def only(plan: Plan) -> Step:
    (found,) = plan.steps
    return found


def operations(plan: Plan) -> list[str]:
    return list(map(str, only(plan).operations))


def ignoring(*paths: str) -> Fields:
    return {"lifecycle": {"ignore_changes": paths}}


class TestIgnoredChanges:
    @pytest.mark.parametrize(
        ("declared", "answer"),
        [
            ({"description": "ours", **ignoring("description")}, {"description": "theirs"}),
            ({"flavor": "a.b", **ignoring("flavor")}, {"flavor": "c.d"}),
            ({"tags": {"a": "1"}, **ignoring("tags")}, {"tags": [{"key": "b", "value": "2"}]}),
            ({"tags": {"a": "1"}, **ignoring("tags.a")}, {"tags": [{"key": "a", "value": "2"}]}),
            ({"tags": {"a": "1"}, **ignoring("tags.a")}, {"tags": []}),
            ({"tags": {}, **ignoring("tags.a.b")}, {"tags": [{"key": "a.b", "value": "2"}]}),
            ({"desired_status": "RUNNING", **ignoring("desired_status")}, {"status": "STOPPED"}),
            ({"lease": {"duration": "8h"}, **ignoring("lease")}, {"lease": {"enable": False}}),
            ({**SMALLER, **ignoring("volume.capacity")}, {"volume": SMALLER["volume"] | {"capacity": 90}}),
            ({**SMALLER, **ignoring("volume")}, {"volume": SMALLER["volume"] | {"capacity": 10}}),
            ({"description": "ours", **LARGE, **ignoring("all")}, {"description": "theirs", "flavor": "x"}),
        ],
    )
    def test_the_live_value_is_right(self, declared: Fields, answer: Fields) -> None:
        """Whoever changed it: nothing is to be done, and what is live counts as applied."""
        plan = planned({"alice": declared}, {"alice": declared}, {"alice": answer})
        assert Action.NO_OP == only(plan).action
        assert () == planned({"alice": {}}, {"alice": declared}, {"alice": answer}).pending

    def test_other_entries_of_a_map_are_not_ignored(self) -> None:
        declared = {"tags": {"a": "1", "b": "1"}, **ignoring("tags.a")}
        plan = planned({"alice": declared}, {"alice": declared}, {"alice": {"tags": [{"key": "a", "value": "9"}]}})
        assert ["tag b"] == operations(plan)
        assert {"a": "9", "b": "1"} == only(plan).after["tags"]

    def test_what_nobody_can_see_stays_as_applied(self) -> None:
        """A change of it in the spec is ignored too, and is not recorded as applied."""
        hooks = [{"container_hooks": {"pre_start": {"script": f"/opt/{name}.sh"}}} for name in "ab"]
        before, after = ({"hooks": each, **ignoring("hooks")} for each in hooks)
        plan = planned({"alice": before}, {"alice": after})
        assert () == plan.pending
        assert {} == plan.refreshed

    def test_a_creation_is_as_declared(self) -> None:
        (created,) = planned(after={"alice": {"description": "ours", **ignoring("all")}}).steps
        assert "ours" == created.operations[0].values["description"]

    def test_a_replacement_keeps_what_is_live(self) -> None:
        """As an update would; what nobody can see is as declared."""
        hook = {"container_hooks": {"pre_start": {"script": "/opt/new.sh"}}}
        declared = {"image_id": None, "hooks": hook, "workspace_id": "1" * 32, **ignoring("image_id", "hooks")}
        plan = planned({"alice": {}}, {"alice": {**declared, "image_id": OTHER_IMAGE}})
        create = only(plan).operations[1].values
        assert Reason.CANNOT_UPDATE == only(plan).reason
        assert (instance().image.id, hook["container_hooks"]["pre_start"]["script"]) == (
            create["image_id"],
            create["hooks"]["container_hooks"]["pre_start"]["script"],
        )


class TestTriggers:
    @pytest.mark.parametrize(
        ("trigger", "declared", "expected"),
        [
            ("flavor", LARGE, Reason.TRIGGERED),
            ("tags", {"tags": {"a": "1"}}, Reason.TRIGGERED),
            ("tags.a", {"tags": {"a": "1"}}, Reason.TRIGGERED),
            ("tags.b", {"tags": {"a": "1"}}, Reason.CHANGED),
            ("image_id", LARGE, Reason.CHANGED),
            ("volume.capacity", {"volume": SMALLER["volume"] | {"capacity": 90}}, Reason.TRIGGERED),
            ("volume", SMALLER, Reason.CANNOT_UPDATE),
        ],
    )
    def test_a_change_that_is_named(self, trigger: str, declared: Fields, expected: Reason) -> None:
        """At or below such a path."""
        lifecycle = {"lifecycle": {"replace_triggered_by": [trigger]}}
        assert expected == only(planned({"alice": {}}, {"alice": {**declared, **lifecycle}})).reason

    def test_what_a_lease_stopped_is_not_replaced_for_it(self) -> None:
        """What is left as it is does not trigger."""
        lifecycle = {"lifecycle": {"replace_triggered_by": ["desired_status"]}}
        lease = {"enable": True, "type": "TIMING", "duration": HOUR_MS, "create_at": 1, "update_at": 1}
        plan = planned({"alice": lifecycle}, {"alice": lifecycle}, {"alice": {"status": "STOPPED", "lease": lease}})
        assert () == plan.pending


class TestCreateBeforeDestroy:
    def test_the_order(self) -> None:
        """The new one is whole before the old one goes; what dies is the same."""
        plan = planned({"alice": {}}, {"alice": {"tags": {"a": "1"}, "workspace_id": "1" * 32, **CREATE_FIRST}})
        assert ["create", "tag a", f"delete {instance_id(1)}"] == operations(plan)
        assert (Action.REPLACE, Loss.VOLUME, True) == (only(plan).action, only(plan).loss, only(plan).creates_first)
        assert Summary(add=1, change=0, destroy=1) == plan.summary

    def test_what_failed_to_come_up_makes_room_first(self) -> None:
        plan = planned({"alice": CREATE_FIRST}, {"alice": CREATE_FIRST}, {"alice": {"status": "CREATE_FAILED"}})
        assert ["delete", "create"] == operations(plan)
        assert not only(plan).creates_first


class TestDeposed:
    """An instance that another took the place of, and that a run could not delete."""

    held = (Deposed(id=instance_id(9)),)
    records = {"alice": {"deposed": held}}  # noqa: RUF012 - never changed

    def test_it_is_deleted(self) -> None:
        """As a step of its own where nothing else is to be done; its volume dies with it."""
        plan = planned({"alice": {}}, {"alice": {}}, records=self.records, deposed={instance_id(9): instance(number=9)})
        found = only(plan)
        assert (Action.UPDATE, Reason.DEPOSED, Loss.VOLUME) == (found.action, found.reason, found.loss)
        assert [f"delete {instance_id(9)}"] == operations(plan)

    def test_it_goes_last(self) -> None:
        """Once the one in its place is whole; also after the notebook itself."""
        there = {instance_id(9): instance(number=9)}
        changed = planned({"alice": {}}, {"alice": {"name": "b"}}, records=self.records, deposed=there)
        assert ["put name", f"delete {instance_id(9)}"] == operations(changed)
        removed = planned({"alice": {}}, records=self.records, deposed=there)
        assert ["delete", f"delete {instance_id(9)}"] == operations(removed)
        assert 2 == len(only(removed).losing)

    @pytest.mark.parametrize("answer", [None, instance(number=9, status="DELETED")])
    def test_what_is_gone_is_taken_out_of_the_record(self, answer: Any) -> None:
        plan = planned({"alice": {}}, {"alice": {}}, records=self.records, deposed={instance_id(9): answer})
        assert () == plan.pending
        held = plan.refreshed["notebook.alice"]
        assert held is not None
        assert () == held.deposed

    def test_it_has_its_place_again_when_its_successor_is_gone(self) -> None:
        """It may hold the only copy of somebody's data: it is not deleted, and no other is created."""
        there = {instance_id(9): instance(number=9, description="old")}
        declared = {"alice": {"description": "new"}}
        plan = planned(declared, declared, {"alice": None}, records=self.records, deposed=there)
        assert (Action.UPDATE, instance_id(9)) == (only(plan).action, only(plan).id)
        assert ["put description"] == operations(plan)
        held = plan.refreshed["notebook.alice"]
        assert held is not None
        assert (instance_id(9), ()) == (held.id, held.deposed)

    def test_what_is_blocked_keeps_it(self) -> None:
        """Nothing is sent to an account in arrears."""
        frozen: dict[str, Fields | None] = {"alice": {"status": "FROZEN"}}
        plan = planned({"alice": {}}, {"alice": {}}, frozen, records=self.records)
        assert (Reason.BLOCKED, ()) == (only(plan).reason, only(plan).operations)


class TestByHand:
    STOPPED: Fields = {"status": "STOPPED"}  # noqa: RUF012 - never changed

    def by_hand(self, live: Fields, *, after: Fields | None = None, **by_hand: Any) -> Plan:
        records = {"alice": {"by_hand": by_hand, "status": live.get("status", "RUNNING")}}
        return planned({"alice": {}}, {"alice": after or {}}, {"alice": live}, records=records)

    def test_what_was_stopped_stays_stopped(self) -> None:
        plan = self.by_hand(self.STOPPED, desired_status="STOPPED")
        assert ((), {}) == (plan.pending, plan.refreshed)
        assert "stopped by `provisioner stop`; `provisioner start alice` starts it" == only(plan).note

    def test_what_was_started_keeps_running(self) -> None:
        stopped = {"desired_status": "STOPPED"}
        records = {"alice": {"by_hand": {"desired_status": "RUNNING"}}}
        plan = planned({"alice": stopped}, {"alice": stopped}, {"alice": {"status": "RUNNING"}}, records=records)
        assert () == plan.pending
        assert "started by `provisioner start`; `provisioner stop alice` stops it" == only(plan).note

    def test_a_change_keeps_it_stopped(self) -> None:
        """Also where it must run in between; what is recorded as applied is what is declared."""
        grown = {"volume": SMALLER["volume"] | {"capacity": 90}}
        plan = self.by_hand(self.STOPPED, after=grown, desired_status="STOPPED")
        assert ["start", "resize to 90 GB", "stop"] == operations(plan)
        assert "RUNNING" == only(plan).after["desired_status"]

    def test_the_spec_has_the_last_word(self) -> None:
        """Once it says something else of the power, that counts, and by hand is over."""
        unmanaged = {"desired_status": "UNMANAGED"}
        plan = self.by_hand(self.STOPPED, after=unmanaged, desired_status="STOPPED")
        held = plan.refreshed["notebook.alice"]
        assert held is not None
        assert ((), {}) == (plan.pending, held.by_hand)

    def test_who_undoes_it_ends_it(self) -> None:
        """Somebody started it in the console: it is as declared, and no later plan stops it."""
        plan = self.by_hand({"status": "RUNNING"}, desired_status="STOPPED")
        held = plan.refreshed["notebook.alice"]
        assert held is not None
        assert ((), {}) == (plan.pending, held.by_hand)

    def test_a_run_of_ours_that_was_cut_off_does_not_end_it(self) -> None:
        records = {"alice": {"by_hand": {"desired_status": "STOPPED"}, "incomplete": True}}
        plan = planned({"alice": {}}, {"alice": {}}, {"alice": {"status": "RUNNING"}}, records=records)
        assert ["stop"] == operations(plan)

    @pytest.mark.parametrize(
        ("hours", "status", "expected"), [(4, "RUNNING", []), (2, "RUNNING", ["lease"]), (4, "STOPPED", ["start"])]
    )
    def test_an_extended_lease(self, hours: int, status: str, expected: list[str]) -> None:
        """It counts until it is another one, or the next start counts the declared one anew."""
        lease = {
            "enable": True,
            "type": "TIMING",
            "duration": hours * HOUR_MS,
            "create_at": NOW_MS,
            "update_at": NOW_MS,
        }
        declared = {"lease": {"duration": "1h"}}
        records = {"alice": {"by_hand": {"lease": {"type": "TIMING", "duration": 4 * HOUR_MS}}}}
        plan = planned(
            {"alice": declared}, {"alice": declared}, {"alice": {"lease": lease, "status": status}}, records=records
        )
        assert expected == operations(plan)
        if expected == ["start"]:
            assert {"type": "TIMING", "duration": HOUR_MS} == only(plan).operations[0].values["lease"]
        held = plan.refreshed.get("notebook.alice")
        assert (not expected) == (held is None or "lease" in held.by_hand)


class TestImports:
    def test_nothing_else_to_do(self) -> None:
        """What is declared counts as applied; it is recorded before anything is sent, and is no drift."""
        plan = planned(after={"alice": {"tags": {"a": "1"}, "lifecycle": {"prevent_destroy": True}}}, imports=["alice"])
        found = only(plan)
        assert (Action.IMPORT, Reason.IMPORTED, (), ()) == (found.action, found.reason, found.operations, plan.drift)
        held = plan.rebased["notebook.alice"]
        assert held is not None
        assert found.after == held.attributes
        assert (instance_id(1), "RUNNING", True) == (held.id, held.status, held.protected)
        assert Summary(add=0, change=0, destroy=0, take_over=1) == plan.summary

    def test_differences_are_changed_at_once(self) -> None:
        """What is live counts as applied until then."""
        plan = planned(after={"alice": {"description": "b"}}, live={"alice": {"description": "a"}}, imports=["alice"])
        found = only(plan)
        assert (Action.UPDATE, Reason.CHANGED, True) == (found.action, found.reason, found.imported)
        held = plan.rebased["notebook.alice"]
        assert held is not None
        assert "a" == held.attributes["description"]
        assert Summary(add=0, change=1, destroy=0, take_over=1) == plan.summary

    def test_what_is_broken_is_recorded(self) -> None:
        plan = planned(after={"alice": {}}, live={"alice": {"status": "FROZEN"}}, imports=["alice"])
        assert (Action.IMPORT, Reason.BLOCKED) == (only(plan).action, only(plan).reason)
        assert "notebook.alice" in plan.rebased

    @pytest.mark.parametrize(
        ("answer", "what"), [(None, "does not exist"), ({"status": "DELETING"}, "is being deleted")]
    )
    def test_what_is_not_there(self, answer: Fields | None, what: str) -> None:
        with pytest.raises(PlanError) as refused:
            planned(after={"alice": {}}, live={"alice": answer}, imports=["alice"])
        assert f"the notebook {instance_id(1)}, to be imported as notebook.alice, {what}" == refused.value.summary
        assert "take the import away" in refused.value.hint

    def test_what_is_left_out_is_not_recorded(self) -> None:
        options = Options(excludes=frozenset({parsed("alice")}))
        plan = planned(after={"alice": {}}, live={"alice": None}, imports=["alice"], options=options)
        assert ((), {}, {}) == (plan.steps, plan.rebased, plan.refreshed)

    def test_not_created_in_destroy(self) -> None:
        assert () == planned(after={"alice": {}}, options=Options(Mode.DESTROY)).steps


class TestMoves:
    def test_nothing_else_to_do(self) -> None:
        """One record, before anything is sent, and no count."""
        plan = planned({"old": {}}, {"new": {"name": "old"}}, moved={"old": "new"})
        found = only(plan)
        assert (Action.MOVE, Reason.MOVED, parsed("old"), ()) == (
            found.action,
            found.reason,
            found.moved_from,
            found.operations,
        )
        assert {"notebook.old": None, "notebook.new": found.record} == plan.rebased
        assert Summary(add=0, change=0, destroy=0) == plan.summary

    def test_with_changes(self) -> None:
        """The record moves first."""
        plan = planned({"old": {}}, {"new": {}}, moved={"old": "new"})
        assert (Action.UPDATE, parsed("old")) == (only(plan).action, only(plan).moved_from)
        assert ["notebook.old", "notebook.new"] == list(plan.rebased)

    def test_to_an_address_that_is_not_declared(self) -> None:
        """It goes under the name that it has."""
        plan = planned({"old": {}}, moved={"old": "new"})
        assert (Action.DELETE, parsed("new")) == (only(plan).action, only(plan).address)

    def test_of_what_is_gone(self) -> None:
        plan = planned({"old": {}}, {"new": {}}, {"old": None}, moved={"old": "new"})
        assert (Action.CREATE, Reason.GONE) == (only(plan).action, only(plan).reason)
        assert {"notebook.old": None, "notebook.new": None} == plan.rebased

    def test_it_is_not_left_out(self) -> None:
        """Half of a chain of moves would have two records at one address, as Terraform says too."""
        for options in (Options(targets=frozenset({parsed("bob")})), Options(excludes=frozenset({parsed("new")}))):
            with pytest.raises(PlanError, match=r"records move, and notebook\.new is left out") as refused:
                planned({"old": {}, "bob": {}}, {"new": {}, "bob": {}}, moved={"old": "new"}, options=options)
            assert "notebook.old moves to notebook.new" == refused.value.detail
            assert ("--target new" in refused.value.hint) == bool(options.targets)

    def test_the_old_address_is_known_no_more(self) -> None:
        options = Options(targets=frozenset({parsed("old")}))
        with pytest.raises(PlanError, match=r"notebook\.old is neither declared nor recorded") as refused:
            planned({"old": {}}, {"new": {}}, moved={"old": "new"}, options=options)
        assert "it moves to notebook.new" == refused.value.hint


class TestForgetting:
    def test_nothing_is_sent(self) -> None:
        plan = planned({"alice": {}}, forgotten=["alice"])
        found = only(plan)
        assert (Action.FORGET, Reason.FORGOTTEN, ()) == (found.action, found.reason, found.operations)
        assert {"notebook.alice": None} == plan.rebased
        assert Summary(add=0, change=0, destroy=0, forget=1) == plan.summary

    def test_also_when_all_goes(self) -> None:
        """Nobody asked to have it deleted."""
        plan = planned({"alice": {}, "bob": {}}, forgotten=["alice"], options=Options(Mode.DESTROY))
        assert [Action.FORGET, Action.DELETE] == [step.action for step in plan.steps]

    def test_what_is_left_out_is_kept(self) -> None:
        options = Options(targets=frozenset({parsed("bob")}))
        plan = planned({"alice": {}, "bob": {}}, {"bob": {}}, forgotten=["alice"], options=options)
        assert {} == plan.rebased


class TestSecrets:
    def test_what_is_recorded_hides_them(self) -> None:
        """As applied, as observed and as compared; what is sent does not."""
        hook = {"container_hooks": {"pre_start": {"script": "/opt/hunter2.sh"}}}
        declared = {"description": "hunter2", "hooks": hook, "tags": {"a": "hunter2"}}
        first = planned(after={"alice": declared}, imports=["alice"], secrets=["hunter2"])
        held = first.rebased["notebook.alice"]
        assert held is not None
        assert "hunter2" not in held.model_dump_json()
        assert "(sensitive " in held.attributes["description"]
        assert "hunter2" in str([operation.values for operation in only(first).operations])
        assert frozenset({"description", "hooks", "tags"}) == only(first).sensitive
        assert () == planned({"alice": declared}, {"alice": declared}, secrets=["hunter2"]).pending

    def test_a_changed_secret_is_a_change(self) -> None:
        hooks = [{"hooks": {"container_hooks": {"pre_start": {"script": f"/{name}.sh"}}}} for name in ("one", "two")]
        plan = planned({"alice": hooks[0]}, {"alice": hooks[1]}, secrets=["one", "two"])
        assert ["hooks"] == [change.path for change in only(plan).changes]
        assert "(sensitive " in str(only(plan).changes[0].live)

    def test_who_moved_it_is_still_told(self) -> None:
        declared = {"alice": {"description": "hunter2"}}
        plan = planned(declared, declared, {"alice": {"description": "theirs"}}, secrets=["hunter2"])
        assert ["outside"] == [change.moved_by for change in only(plan).changes]

    def test_a_mount_path_that_is_one_is_not_told(self) -> None:
        mount = {"category": "OBS", "uri": "obs://b/", "mount_path": "/data/hunter2/"}
        plan = planned({"alice": {}}, {"alice": {"storages": [mount]}}, secrets=["hunter2"])
        found = only(plan)
        assert ["attach (sensitive value)"] == [found.told(each) for each in found.operations]

    def test_a_text_of_yesterday_is_not_shown(self) -> None:
        """No variable has the secret any more, and the spec says something else; it stands in the service yet."""
        before = Secrets.of(["hunter2"])
        recorded = record(description="of hunter2", attributes={"description": "of hunter2"}).hidden(before)
        live: dict[str, Any] = {"notebook.alice": instance(description="of hunter2")}
        declared = declarations({"alice": {"description": "plain"}})
        plan = build_plan(declared, state({"alice": recorded}), live, serial=7, now_ms=NOW_MS)
        assert "description" in only(plan).sensitive
        assert ("hunter2",) == plan.secrets.texts
        assert not plan.drift

    def test_fields_that_held_one_are_hidden_when_they_go(self) -> None:
        """The spec does not say any more that they are sensitive; the record does."""
        hidden = Secrets.of(["hunter2"]).hidden("hunter2")
        records = {"alice": {"attributes": {"name": "alice", "description": hidden}}}
        plan = planned({"alice": {}}, live={"alice": {"description": "hunter2"}}, records=records)
        assert frozenset({"description"}) == only(plan).sensitive


@pytest.mark.parametrize("allowed", [True, False])
def test_a_spec_may_agree_to_losses(allowed: bool) -> None:  # noqa: FBT001
    """For its replacement."""
    lifecycle = {"lifecycle": {"allow_data_loss": allowed}}
    assert allowed == only(planned({"alice": {}}, {"alice": {**SMALLER, **lifecycle}})).allow_loss
