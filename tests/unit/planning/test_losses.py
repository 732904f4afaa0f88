"""What dies at a step, what is said of it, and who has to agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.errors import PlanError
from provisioner.model.address import Address
from provisioner.operations import disposal
from provisioner.plan import Action, Loss, Mode, Options, Plan, Step
from provisioner.planning.losses import (
    age_text,
    check_safe,
    check_touched,
    safer_way,
    surviving_mounts,
    volumes_text,
    with_loss,
)
from provisioner.planning.stack import build_plan
from tests.builders import HOUR_MS, NOW_MS, Fields, declarations, instance, notebook, planned, record, state, step

DAY_MS = 24 * HOUR_MS
SMALLER = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}
LARGER = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 80}}
MANAGED_EFS: dict[str, Any] = {"volume": {"category": "EFS", "ownership": "MANAGED"}}
POOL = {"pool_id": "pool41664192"}
SHARE: dict[str, Any] = {
    "category": "EFS",
    "ownership": "DEDICATED",
    "uri": "share.sfsturbo.internal:/lab",
    "id": "278e88d1-5b71-4766-8502-b3ba72e824d9",
}
ON_SHARE = {**POOL, "volume": SHARE}
SETS = {"category": "OBSFS", "ownership": "DEDICATED", "uri": "obs://bucket/sets/", "mount_path": "/data/sets/"}
DISK = {"category": "EVS", "ownership": "MANAGED", "capacity": 100, "mount_path": "/data/disk/"}
OTHER_FLAVOR = {"flavor": "modelarts.vm.cpu.8u"}


def lost(before: Fields, after: Fields | None, live: Fields | None = None, options: Options | None = None) -> Step:
    """The step for `alice`, applied as `before` and declared as `after`; None: not declared any more."""
    plan = planned({"alice": before}, {} if after is None else {"alice": after}, {"alice": live or {}}, options)
    return plan.steps[0]


REQUESTED = Options(replacements=frozenset({Address("alice")}))
DESTROY = Options(Mode.DESTROY)


class TestTable:
    """What is lost when: the rows of the table, one test each."""

    @pytest.mark.parametrize(
        ("after", "live"),
        [
            pytest.param(OTHER_FLAVOR, {}, id="a restart"),
            pytest.param({"desired_status": "STOPPED"}, {}, id="a stop"),
        ],
    )
    def test_the_container_dies_at_a_stop(self, after: Fields, live: Fields) -> None:
        assert (Loss.CONTAINER, ()) == (lost({}, after, live).loss, lost({}, after, live).losing)

    @pytest.mark.parametrize(
        ("after", "live"),
        [
            pytest.param(LARGER, {}, id="a volume grows"),
            pytest.param({"description": "x"}, {}, id="text"),
            pytest.param({**OTHER_FLAVOR, "desired_status": "STOPPED"}, {"status": "STOPPED"}, id="it stands still"),
            pytest.param({}, {"status": "STOPPED"}, id="a start"),
            pytest.param({}, {"status": "START_FAILED"}, id="a start that failed"),
            pytest.param(
                {**LARGER, "desired_status": "STOPPED"}, {"status": "STOPPED"}, id="started in passing and stopped"
            ),
        ],
    )
    def test_nothing_dies(self, after: Fields, live: Fields) -> None:
        found = lost({"desired_status": after.get("desired_status")}, after, live)
        assert found.operations
        assert (Loss.NONE, ()) == (found.loss, found.losing)

    @pytest.mark.parametrize("before", [{}, MANAGED_EFS], ids=["EVS", "EFS"])
    @pytest.mark.parametrize("after", [None, {"workspace_id": "0" * 32}], ids=["deleted", "replaced"])
    def test_a_managed_volume_dies_with_its_instance(self, before: Fields, after: Fields | None) -> None:
        found = lost(before, None if after is None else {**before, **after})
        assert (Loss.VOLUME, 1) == (found.loss, len(found.losing))

    @pytest.mark.parametrize("options", [None, DESTROY])
    def test_a_dedicated_volume_stays(self, options: Options | None) -> None:
        """Only the container dies with its instance."""
        assert (Loss.CONTAINER, ()) == ((found := lost(ON_SHARE, None, options=options)).loss, found.losing)

    @pytest.mark.parametrize("status", ["RUNNING", "STOPPED", "STARTING", "SNAPSHOTTING", "START_FAILED", "ERROR"])
    def test_in_every_status_that_holds_data(self, status: str) -> None:
        assert Loss.VOLUME is lost({}, None, {"status": status}).loss

    @pytest.mark.parametrize("status", ["FROZEN", "DELETE_FAILED", "ERROR"])
    def test_what_is_broken_is_replaced_on_demand_with_its_volume(self, status: str) -> None:
        found = lost({}, {}, {"status": status}, REQUESTED)
        assert (Action.REPLACE, Loss.VOLUME) == (found.action, found.loss)

    @pytest.mark.parametrize("status", ["CREATE_FAILED", "DELETING"])
    def test_what_never_held_data_or_holds_none_any_more(self, status: str) -> None:
        assert Loss.NONE is lost({}, None, {"status": status}).loss

    def test_a_creation_that_failed_is_replaced_without_loss(self) -> None:
        found = lost({}, {}, {"status": "CREATE_FAILED"})
        assert (Action.REPLACE, Loss.NONE) == (found.action, found.loss)

    @pytest.mark.parametrize("status", ["FROZEN", "ERROR"])
    def test_what_is_left_alone_loses_nothing(self, status: str) -> None:
        """Though its declaration would have replaced it."""
        found = lost({}, SMALLER, {"status": status})
        assert (Action.NO_OP, Loss.NONE, ()) == (found.action, found.loss, found.losing)


class TestExtraVolumes:
    def test_a_managed_one_dies_though_the_main_one_stays(self) -> None:
        found = lost({**ON_SHARE, "data_volumes": [DISK, SETS]}, None)
        assert (Loss.VOLUME, "100 GB EVS volume") == (found.loss, volumes_text(found))

    def test_all_that_die_are_named(self) -> None:
        found = lost({"data_volumes": [DISK]}, None)
        assert "50 GB EVS volume and 100 GB EVS volume" == volumes_text(found)

    @pytest.mark.parametrize(
        ("told", "loss"),
        [
            ({"category": "EFS", "mount_path": "/data/x", "url": "share:/x"}, Loss.CONTAINER),
            ({"category": "OBS", "mount_path": "/data/x", "url": "obs://b/x/"}, Loss.CONTAINER),
            ({"category": "EFS", "mount_path": "/data/x"}, Loss.VOLUME),
        ],
    )
    def test_ownership_that_the_answer_does_not_tell(self, told: Fields, loss: Loss) -> None:
        """What has an address is the user's own (API page 3.7 and 6.2); of anything else the worst is believed."""
        assert loss is lost(ON_SHARE, None, {"data_volumes": [told]}).loss

    def test_ownership_and_size_that_only_the_record_tells(self) -> None:
        found = lost({**ON_SHARE, "data_volumes": [DISK]}, None, {"data_volumes": [{"mount_path": "/data/disk"}]})
        assert "100 GB EVS volume" == volumes_text(found)

    @pytest.mark.parametrize(
        "wanted",
        [
            pytest.param([SETS], id="another"),
            pytest.param([], id="none"),
            pytest.param([{**DISK, "capacity": 50}], id="smaller"),
            pytest.param([{**SETS, "mount_path": "/data/disk/"}], id="of another kind"),
        ],
    )
    def test_one_that_is_taken_away_counts_as_lost(self, wanted: list[Fields]) -> None:
        """The step is an update; the API page does not say what becomes of the volume."""
        found = lost({"data_volumes": [DISK]}, {"data_volumes": wanted})
        assert (Action.UPDATE, Loss.VOLUME) == (found.action, found.loss)
        assert ("safer: keep its entry in data_volumes",) == safer_way(found, Mode.NORMAL)

    @pytest.mark.parametrize("wanted", [[DISK, SETS], [{**DISK, "capacity": 200}]], ids=["one more", "larger"])
    def test_one_that_stays_is_not_lost(self, wanted: list[Fields]) -> None:
        assert Loss.CONTAINER is lost({"data_volumes": [DISK]}, {"data_volumes": wanted}).loss

    def test_a_bucket_that_is_taken_away_stays(self) -> None:
        assert Loss.CONTAINER is lost({"data_volumes": [SETS]}, {"data_volumes": []}).loss


def test_a_deposed_instance_takes_its_volume_with_it() -> None:
    """It is deleted by an update of the instance that took its place."""
    old = instance(number=9, volume={"category": "EVS", "ownership": "MANAGED", "capacity": 30})
    update = replace(step(Action.NO_OP), action=Action.UPDATE, operations=(disposal(old.id),))
    found = with_loss(update, doomed=[old], altered=instance())
    assert (Loss.VOLUME, "30 GB EVS volume") == (found.loss, volumes_text(found))
    assert () == safer_way(found, Mode.NORMAL)


class TestTexts:
    def test_size_place_and_age(self) -> None:
        found = lost({}, None, {"create_at": NOW_MS - 41 * DAY_MS})
        expected = "50 GB EVS volume at /home/ma-user/work (created 41 days ago)"
        assert expected == volumes_text(found, NOW_MS)

    def test_what_the_service_does_not_tell_is_left_out(self) -> None:
        """Neither size nor age; of the place of an extra volume it is said."""
        (main,) = lost({}, None, {"volume": {}}).losing
        assert ("", None, "/home/ma-user/work", None) == (
            main.category,
            main.capacity,
            main.mount_path,
            main.created_at,
        )
        found = lost(ON_SHARE, None, {"data_volumes": [{"category": "EFS"}]})
        assert "EFS volume at a place that the service does not tell" == volumes_text(found, NOW_MS)

    @pytest.mark.parametrize(
        ("milliseconds", "text"),
        [
            (0, "less than an hour ago"),
            (HOUR_MS, "1 hour ago"),
            (23 * HOUR_MS, "23 hours ago"),
            (DAY_MS, "1 day ago"),
            (400 * DAY_MS, "400 days ago"),
            (-DAY_MS, "less than an hour ago"),
        ],
    )
    def test_age(self, milliseconds: int, text: str) -> None:
        """In the largest unit that fits; a clock that is behind the service's makes nothing older."""
        assert text == age_text(milliseconds)

    def test_what_is_in_a_bucket_stays(self) -> None:
        """Mounts, shown or recorded, and volumes of one's own, each with the place it is mounted at."""
        mounted = {"storages": [{name: SETS[name] for name in ("category", "uri", "mount_path")}]}
        shown = {"storages": [{**mounted["storages"][0], "id": "m", "status": "MOUNTED"}]}
        assert ("obs://bucket/sets/ (at /data/sets/)",) == surviving_mounts(lost(mounted, None, shown))
        own = lost({**ON_SHARE, "data_volumes": [DISK]}, None)
        assert ("share.sfsturbo.internal:/lab (at /home/ma-user/work)",) == surviving_mounts(own)

    def test_what_was_mounted_before_it_stopped_stays_too(self) -> None:
        """A stopped instance shows no mounts (API page 11)."""
        mount = {"id": "m", "category": "OBSFS", "uri": "obs://b/d/", "mount_path": "/data/a/", "status": "MOUNTED"}
        live = {"notebook.alice": instance(status="STOPPED")}
        plan = build_plan({}, state({"alice": record(storages=[mount])}), live, serial=7, now_ms=NOW_MS)
        assert ("obs://b/d/ (at /data/a/)",) == surviving_mounts(plan.steps[0])


class TestSaferWay:
    def test_what_is_removed_is_forgotten(self) -> None:
        """What it names can be put into a spec as it is."""
        (words,) = safer_way(lost({}, None), Mode.NORMAL)
        assert "`removed: [{from: alice, destroy: false}]`" in words
        (gone,) = planned({'gpu["a"]': {}}).steps
        assert "`removed: [{from: 'gpu[\"a\"]', destroy: false}]`" in safer_way(gone, Mode.NORMAL)[0]

    def test_what_shrinks_keeps_its_size(self) -> None:
        assert ("safer: keep the capacity of 50 GB",) == safer_way(lost({}, SMALLER), Mode.NORMAL)

    @pytest.mark.parametrize(
        "after",
        [{"workspace_id": "0" * 32}, POOL, MANAGED_EFS, {**SMALLER, **POOL}],
        ids=",".join,
    )
    def test_what_cannot_change_is_declared_beside_it(self, after: Fields) -> None:
        (way,) = safer_way(lost({}, after), Mode.NORMAL)
        assert "declare the other one beside it under a new KEY, copy over an OBS mount, then remove alice" in way

    def test_what_is_replaced_for_other_reasons_is_copied_first(self) -> None:
        (way,) = safer_way(lost({}, {}, options=REQUESTED), Mode.NORMAL)
        assert "safer: copy /home/ma-user/work to a mount first; an image saved from it keeps the packages" == way

    def test_none_where_nothing_dies_or_all_is_to_go(self) -> None:
        assert () == safer_way(lost(ON_SHARE, None), Mode.NORMAL)
        assert () == safer_way(lost({}, None, options=DESTROY), Mode.DESTROY)


class TestConsent:
    def losing(self) -> Plan:
        return planned({"alice": {}, 'gpu["a"]': {}}, {"alice": SMALLER})

    def test_a_volume_is_not_lost_unasked(self) -> None:
        """The refusal names each volume, and how to agree, ready for a shell."""
        with pytest.raises(PlanError) as refusal:
            check_safe(self.losing(), ())
        assert "the plan deletes 2 volumes and nobody agreed to that" == refusal.value.summary
        assert "notebook.alice: 50 GB EVS volume at /home/ma-user/work" in refusal.value.detail
        agreement = "if the data may go: --accept-loss alice --accept-loss 'gpu[\"a\"]'"
        assert f"{agreement}; or for good in its spec: lifecycle: {{allow_data_loss: true}}" == refusal.value.hint

    def test_what_is_not_declared_has_no_spec_to_agree_in(self) -> None:
        with pytest.raises(PlanError) as refusal:
            check_safe(planned({"alice": {}}), ())
        assert "if the data may go: --accept-loss alice" == refusal.value.hint

    def test_many_are_agreed_to_at_once(self) -> None:
        with pytest.raises(PlanError) as refusal:
            check_safe(planned({key: {} for key in "abcd"}), ())
        assert "if the data may go: --accept-loss all" == refusal.value.hint

    def test_agreement(self) -> None:
        """To each of them, or to all."""
        with pytest.raises(PlanError, match="deletes 1 volume "):
            check_safe(self.losing(), {Address("alice")})
        check_safe(self.losing(), {Address("alice"), Address("gpu", "a")})
        check_safe(self.losing(), (), accept_all=True)

    def test_a_lost_container_needs_no_agreement(self) -> None:
        check_safe(planned({"alice": {}}, {"alice": OTHER_FLAVOR}), ())

    def test_a_spec_agrees_to_its_replacement(self) -> None:
        check_safe(planned({"alice": {}}, {"alice": {**SMALLER, "lifecycle": {"allow_data_loss": True}}}), ())

    def test_a_spec_does_not_agree_to_its_end(self) -> None:
        """Who destroys everything is asked all the same."""
        allowing = {"alice": {"lifecycle": {"allow_data_loss": True}}}
        with pytest.raises(PlanError, match="deletes 1 volume "):
            check_safe(planned({"alice": {}}, allowing, options=DESTROY), ())


class TestSlips:
    def test_agreement_to_what_the_plan_does_not_touch(self) -> None:
        """A mistyped address is refused, with those that could have been meant."""
        plan = planned({"alice": {}, "bob": {}}, {"alice": SMALLER, "bob": {}})
        with pytest.raises(PlanError) as refusal:
            check_touched(plan, {Address("bob")})
        assert "--accept-loss bob: the plan does not touch notebook.bob" == refusal.value.summary
        assert ("Nothing was changed.", "it touches: alice") == (refusal.value.detail, refusal.value.hint)

    def test_more_agreement_than_needed(self) -> None:
        """To what is only changed; and where nothing is to be done there is nothing to mistake."""
        check_touched(planned({"alice": {}}, {"alice": OTHER_FLAVOR}), {Address("alice")})
        check_touched(planned({"alice": {}}, {"alice": {}}), {Address("alicia")})


def test_declarations_of_a_plan_are_not_needed_for_its_losses() -> None:
    """What a delete loses is told by the instance and its record alone."""
    live = {"notebook.alice": instance(notebook(**MANAGED_EFS))}
    plan = build_plan(declarations({}), state({"alice": record()}), live, serial=7, now_ms=NOW_MS)
    assert ["EFS"] == [volume.category for volume in plan.steps[0].losing]
