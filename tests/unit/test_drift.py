"""What moved outside, field by field, and what is behind it."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.drift import DECLARED_AS, Cause, Drift, FieldDrift, drift_of, spec_path
from provisioner.model.address import Address
from provisioner.model.notebook import Notebook
from provisioner.model.observation import Observation
from provisioner.plan import record_of
from provisioner.state.document import Record
from tests.builders import HOUR_MS, NOW_MS, Fields, instance, notebook, record

ALICE = Address("alice")
SSH = {"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": ["203.0.113.7"]}
MOUNT = {"id": "m-1", "category": "OBSFS", "uri": "obs://b/d/", "mount_path": "/data/a/", "status": "MOUNTED"}
ENDED_LEASE = {
    "enable": True,
    "type": "TIMING",
    "duration": HOUR_MS,
    "create_at": NOW_MS - 4 * HOUR_MS,
    "update_at": NOW_MS - 4 * HOUR_MS,
}
LONGER_LEASE = {"enable": True, "type": "TIMING", "duration": 3 * HOUR_MS, "create_at": NOW_MS, "update_at": NOW_MS}
SAVED = {"id": "278e88d1-5b71-4766-8502-b3ba72e824d9", "name": "mine", "type": "DEDICATED"}


def told(before: Record, answer: Fields, declared: Fields | None = None, **options: Any) -> Drift | None:
    """What moved, where the record is `before` and the service now says `answer` of it."""
    live = instance(notebook(**(declared or {})), **answer)
    fresh = record_of(live, before.attributes, before)
    return drift_of(ALICE, before, fresh, live, now_ms=NOW_MS, **options)


def moved(answer: Fields, declared: Fields | None = None, **update: Any) -> list[FieldDrift]:
    before = record(notebook(**(declared or {}))).model_copy(update=update)
    drift = told(before, answer, declared)
    return list(drift.changes) if drift else []


def cause(answer: Fields, declared: Fields | None = None, path: str = "status", **update: Any) -> Cause:
    (found,) = [change for change in moved(answer, declared, **update) if change.path == path]
    return found.cause


class TestFields:
    def test_nothing_moved(self) -> None:
        """What moves by itself is nothing: clocks, progress, an access token, our mark."""
        assert [] == moved({})
        assert [] == moved({"update_at": NOW_MS, "token": "t", "action_progress": [{"step": 1}]})
        assert [] == moved({"description": "mp-aaaaa-bbbbbbb-ccccccc"})

    @pytest.mark.parametrize(
        ("answer", "path", "field", "values"),
        [
            ({"name": "b"}, "name", "name", ("alice", "b")),
            ({"description": "theirs"}, "description", "description", (None, "theirs")),
            ({"flavor": "x"}, "flavor", "flavor", ("modelarts.vm.cpu.2u", "x")),
            ({"pool": {"id": "p"}}, "pool.id", "pool_id", (None, "p")),
            ({"workspace_id": "w"}, "workspace_id", "workspace_id", (None, "w")),
            (
                {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 80}},
                "volume.capacity",
                "volume.capacity",
                (50, 80),
            ),
            ({"lease": {"enable": False}}, "lease.enable", "lease", (True, False)),
            ({"lease": LONGER_LEASE}, "lease.duration", "lease.duration", (HOUR_MS, 3 * HOUR_MS)),
            ({"tags": [{"key": "team", "value": "x"}]}, "tags.team", "tags.team", (None, "x")),
            ({"run_user": {"uid": 1}}, "run_user", "run_user", (None, {"uid": 1})),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_each_is_told_under_both_names(
        self, answer: Fields, path: str, field: str, values: tuple[Any, Any]
    ) -> None:
        """The service's and the spec's."""
        assert FieldDrift(path, field, *values, cause=Cause.OUTSIDE) in moved(answer)

    def test_elements_of_lists_are_held_against_each_other_by_what_names_them(self) -> None:
        (found,) = moved({"endpoints": [{**SSH, "allowed_access_ips": []}]}, {"endpoints": [SSH]})
        assert ("endpoints.SSH.allowed_access_ips", "endpoints") == (found.path, found.field)
        assert (["203.0.113.7"], None) == (found.recorded, found.live)

    def test_an_order_that_means_nothing(self) -> None:
        tags = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
        assert [] == moved({"tags": tags[::-1]}, {"tags": {"a": "1", "b": "2"}})

    def test_what_is_the_services_own(self) -> None:
        """Its tags, and an endpoint that has nothing to set."""
        assert [] == moved({"tags": [{"key": "_sys_enterprise", "value": "1"}]})
        assert [] == moved({"endpoints": [SSH, {"service": "NOTEBOOK"}]}, {"endpoints": [SSH]})

    def test_two_that_nothing_names(self) -> None:
        """They differ as a whole."""
        volumes = [{"category": "EFS", "url": "share:/a"}, {"category": "EFS", "url": "share:/b"}]
        (found,) = moved({"data_volumes": volumes})
        assert ("data_volumes", 2) == (found.path, len(found.live))

    def test_a_mount_that_was_mounted_again(self) -> None:
        """Its id is new; nothing else is."""
        before = record(storages=[MOUNT])
        assert told(before, {"storages": [{**MOUNT, "id": "m-2"}]}) is None
        drift = told(before, {"storages": [{**MOUNT, "uri": "obs://b/other/"}]})
        assert drift is not None
        assert [("storages./data/a/.uri", "storages")] == [(each.path, each.field) for each in drift.changes]

    def test_names_that_come_with_an_id(self) -> None:
        """No spec tells of the name of an image, nor of what the service says of its trouble."""
        assert [] == moved({"image": {"id": notebook().image_id, "name": "renamed"}, "fail_reason": "disk"})

    def test_maps_with_nothing_in_common_differ_field_by_field(self) -> None:
        volume = {"category": "EFS", "ownership": "DEDICATED", "capacity": 7, "uri": "u", "id": "i", "read_only": True}
        assert {"volume.category", "volume.capacity", "volume.uri"} <= {each.path for each in moved({"volume": volume})}

    def test_both_sides_are_kept_whole(self) -> None:
        drift = told(record(), {"description": "theirs"})
        assert drift is not None
        assert drift.live is not None
        assert ("RUNNING", "theirs") == (drift.recorded["status"], drift.live["description"])

    def test_every_field_of_a_spec_that_the_service_tells_of_is_in_the_table(self) -> None:
        """And nothing that no spec has. What is write-only, and what is not sent, the service does not tell of."""
        unsent = {"image", "duration", "lifecycle", "timeouts"}
        assert set(Notebook.model_fields) - unsent - {"hooks", "public_network_config"} == set(DECLARED_AS.values())
        fields = {path.partition(".")[0] for path in DECLARED_AS}
        assert fields <= set(Observation.model_fields)

    @pytest.mark.parametrize("path", ["fail_reason", "image.name", "pool.name", "create_at", "marker"])
    def test_what_no_spec_tells_of(self, path: str) -> None:
        assert spec_path(path) == ""


class TestPower:
    def test_its_lease_ended(self) -> None:
        assert Cause.LEASE is cause({"status": "STOPPED", "lease": ENDED_LEASE})

    def test_somebody_stopped_it(self) -> None:
        """Its lease had not ended."""
        assert Cause.OUTSIDE is cause({"status": "STOPPED"})

    def test_we_stopped_it(self) -> None:
        assert Cause.BY_HAND is cause({"status": "STOPPED"}, by_hand={"desired_status": "STOPPED"})
        assert Cause.BY_HAND is cause(
            {"status": "RUNNING"},
            {"desired_status": "STOPPED"},
            status="STOPPED",
            by_hand={"desired_status": "RUNNING"},
        )

    def test_somebody_started_what_is_to_stand_still(self) -> None:
        assert Cause.OUTSIDE is cause({"status": "RUNNING"}, {"desired_status": "STOPPED"}, status="STOPPED")

    def test_somebody_started_what_its_lease_had_stopped(self) -> None:
        """It was recorded as stopped; now it is as the spec says."""
        assert Cause.AS_DECLARED is cause({"status": "RUNNING"}, status="STOPPED")

    def test_power_that_is_left_alone(self) -> None:
        assert Cause.IGNORED is cause({"status": "STOPPED"}, {"desired_status": "UNMANAGED"}, status="RUNNING")

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("STARTING", "RUNNING"),
            ("RUNNING", "STARTING"),
            ("CREATING", "RUNNING"),
            ("STOPPING", "STOPPED"),
        ],
    )
    def test_what_is_under_way(self, before: str, after: str) -> None:
        assert Cause.UNDER_WAY is cause({"status": after}, status=before)

    @pytest.mark.parametrize(("before", "after"), [("RUNNING", "SNAPSHOTTING"), ("SNAPSHOTTING", "RUNNING")])
    def test_an_image_is_being_saved(self, before: str, after: str) -> None:
        assert Cause.SAVED_IMAGE is cause({"status": after}, status=before)

    @pytest.mark.parametrize("status", ["FROZEN", "ERROR", "START_FAILED", "CREATE_FAILED"])
    def test_the_service_is_in_trouble(self, status: str) -> None:
        """That is nobody's change, and worth a look; the reason is the service's."""
        drift = told(record(), {"status": status, "fail_reason": "disk"})
        assert drift is not None
        assert ([Cause.SERVICE], "disk") == ([change.cause for change in drift.changes], drift.reason)

    def test_it_is_being_deleted(self) -> None:
        assert Cause.OUTSIDE is cause({"status": "DELETING"})


class TestCauses:
    def test_a_lease_that_we_extended(self) -> None:
        """To the minute: the service's clocks differ by seconds."""
        by_hand = {"lease": {"type": "TIMING", "duration": 3 * HOUR_MS + 20_000}}
        assert Cause.BY_HAND is cause({"lease": LONGER_LEASE}, path="lease.duration", by_hand=by_hand)
        other = {"lease": {"type": "TIMING", "duration": 5 * HOUR_MS}}
        assert Cause.OUTSIDE is cause({"lease": LONGER_LEASE}, path="lease.duration", by_hand=other)

    @pytest.mark.parametrize("origin", [{}, {"origin": "IMAGE_SAVE"}])
    def test_an_image_was_saved(self, origin: Fields) -> None:
        """API page 21, trap 13; a list may not show where an image comes from."""
        assert Cause.SAVED_IMAGE is cause({"image": {**SAVED, **origin}}, path="image.id")

    @pytest.mark.parametrize("other", [{"type": "BUILD_IN"}, {"type": ""}, {"origin": "CUSTOMIZE"}])
    def test_another_image_was_chosen(self, other: Fields) -> None:
        assert Cause.OUTSIDE is cause({"image": {**SAVED, **other}}, path="image.id")

    def test_what_a_run_of_ours_left_unfinished(self) -> None:
        assert Cause.OWN_RUN is cause({"description": "x"}, path="description", incomplete=True)
        assert Cause.OWN_RUN is cause({"status": "STOPPED"}, incomplete=True)
        assert Cause.SERVICE is cause({"status": "ERROR"}, incomplete=True)

    @pytest.mark.parametrize("ignored", ["all", "tags", "tags.team"])
    def test_what_the_spec_ignores(self, ignored: str) -> None:
        drift = told(record(), {"tags": [{"key": "team", "value": "x"}]}, ignored={ignored})
        assert drift is not None
        assert [Cause.IGNORED] == [change.cause for change in drift.changes]

    @pytest.mark.parametrize("ignored", ["tag", "tags.tea", "description"])
    def test_what_it_ignores_is_nothing_else(self, ignored: str) -> None:
        drift = told(record(), {"tags": [{"key": "team", "value": "x"}]}, ignored={ignored})
        assert drift is not None
        assert not drift.expected

    def test_one_foreign_change_is_enough(self) -> None:
        """To make a drift that nobody expected of one that has expected changes too."""
        drift = told(record(), {"status": "STOPPED", "lease": ENDED_LEASE, "description": "theirs"})
        assert drift is not None
        assert {"description": Cause.OUTSIDE, "status": Cause.LEASE} == {
            change.path: change.cause for change in drift.changes
        }
        assert not drift.expected


class TestGone:
    def gone(self, declared: Fields | None = None, **update: Any) -> Cause | None:
        before = record(notebook(**(declared or {}))).model_copy(update=update)
        drift = drift_of(ALICE, before, None, None, now_ms=NOW_MS)
        assert drift is not None
        assert drift.live is None
        return drift.gone

    def test_somebody_deleted_it(self) -> None:
        assert Cause.OUTSIDE is self.gone()

    @pytest.mark.parametrize("status", ["DELETING", "DELETED"])
    def test_its_deletion_was_under_way(self, status: str) -> None:
        assert Cause.UNDER_WAY is self.gone(status=status)

    @pytest.mark.parametrize("free", [{"feature": "DEFAULT"}, {"flavor": "modelarts.vm.cpu.free"}])
    def test_the_service_purged_a_free_one(self, free: Fields) -> None:
        """Not before it is 72 hours old."""
        old = {**free, "create_at": NOW_MS - 72 * HOUR_MS}
        young = {**free, "create_at": NOW_MS - 71 * HOUR_MS}
        assert (Cause.FREE_PURGE, Cause.OUTSIDE) == (self.gone(observed=old), self.gone(observed=young))

    def test_a_billed_one_is_never_purged(self) -> None:
        assert Cause.OUTSIDE is self.gone(observed={"feature": "NOTEBOOK", "create_at": 0})
