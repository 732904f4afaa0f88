"""The order of calls: what wants a running instance, what wants a stopped one, and what every start brings with it."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.diff import compare
from provisioner.model.answer import Mount
from provisioner.operations import Operation, OperationKind, alteration, creation, deletion
from tests.builders import HOUR_MS, OTHER_IMAGE, instance, notebook

Fields = dict[str, Any]

A = {"category": "OBSFS", "uri": "obs://bucket/a/", "mount_path": "/data/a/"}
B = {**A, "mount_path": "/data/b/"}
GROWN = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 80}}
MOUNT_ID = "0aa1b2c3-0000-4000-8000-00000000000a"


def course(before: Fields, after: Fields, target: str, **answer: Any) -> list[Operation]:
    """The operations from a notebook as `before`, shown with `answer`, to `after`."""
    was, wanted = notebook(**before), notebook(**after).attributes()
    observation = instance(was, **answer)
    changes = compare(wanted, observation.attributes() | {"storages": []}, was.attributes())
    return list(alteration(wanted, observation, changes, target))


def texts(operations: list[Operation]) -> str:
    return "; ".join(map(str, operations))


@pytest.mark.parametrize(
    ("status", "target", "expected"),
    [
        ("RUNNING", "RUNNING", "resize to 80 GB; stop; put name, image_id; start"),
        ("RUNNING", "STOPPED", "resize to 80 GB; stop; put name, image_id"),
        ("STOPPED", "RUNNING", "put name, image_id; start; resize to 80 GB"),
        ("STOPPED", "STOPPED", "put name, image_id; start; resize to 80 GB; stop"),
        ("START_FAILED", "RUNNING", "put name, image_id; start; resize to 80 GB"),
        ("STARTING", "RUNNING", "wait until RUNNING; resize to 80 GB; stop; put name, image_id; start"),
        ("SNAPSHOTTING", "RUNNING", "wait until RUNNING; resize to 80 GB; stop; put name, image_id; start"),
        ("STOPPING", "STOPPED", "wait until STOPPED; put name, image_id; start; resize to 80 GB; stop"),
    ],
)
def test_growth_comes_before_one_stop_one_put_and_one_start(status: str, target: str, expected: str) -> None:
    """Unless it stands still: then the put is first, and no stop is spent on it (API page 18)."""
    after = GROWN | {"name": "other", "image_id": OTHER_IMAGE}
    assert expected == texts(course({}, after, target, status=status))


def test_growth_under_way_is_waited_for() -> None:
    """Nothing else is possible while a volume grows, though the status says RUNNING."""
    volume = {**GROWN["volume"], "status": "RESIZING"}
    assert "wait until RUNNING; stop" == texts(course(GROWN, GROWN, "STOPPED", volume=volume))


@pytest.mark.parametrize(
    ("declared", "lease"),
    [
        ({"lease": "never"}, "never"),
        ({"lease": {"duration": "8h", "type": "IDLE"}}, {"duration": 8 * HOUR_MS, "type": "IDLE"}),
        ({}, {"duration": HOUR_MS, "type": "TIMING"}),
    ],
)
def test_every_start_carries_a_lease(declared: Fields, lease: Any) -> None:
    """The declared one, else the one found: a start without it means one hour. None is renewed after that."""
    operations = course({}, declared | {"image_id": OTHER_IMAGE}, "RUNNING")
    assert [{"lease": lease}] == [each.values for each in operations if each.kind is OperationKind.START]
    assert OperationKind.RENEW_LEASE not in {each.kind for each in operations}


def test_a_start_without_a_known_lease_says_nothing() -> None:
    (start,) = course({}, {}, "RUNNING", status="STOPPED", lease=None)
    assert Operation(OperationKind.START, {}) == start


def test_a_start_brings_the_mounts_back() -> None:
    """A stop drops them all (API page 11); what is to stand still has none."""
    mounted = {"storages": [A, B]}
    changed = mounted | {"image_id": OTHER_IMAGE}
    back = "stop; put image_id; start; attach /data/a/; attach /data/b/"
    assert back == texts(course(mounted, changed, "RUNNING"))
    assert "stop; put image_id" == texts(course(mounted, changed, "STOPPED"))


def test_a_mount_that_is_not_wanted_or_failed_is_detached() -> None:
    """By its id, before anything takes its path."""
    mounts = [Mount.model_validate({**A, "id": MOUNT_ID, "status": "MOUNT_FAILED"})]
    operations = course({}, {"storages": [A]}, "RUNNING", storages=mounts)
    assert [Operation(OperationKind.DETACH, {"mount_path": "/data/a/", "id": MOUNT_ID}), "attach /data/a/"] == [
        operations[0],
        str(operations[1]),
    ]


def test_the_secret_of_a_volume_is_put_at_the_top() -> None:
    """Where the update takes it (API page 7.3)."""
    bucket = {"category": "OBS", "ownership": "DEDICATED", "uri": "obs://bucket/a/", "dew_secret_name": "one"}
    _, put, _ = course({"volume": bucket}, {"volume": {**bucket, "dew_secret_name": "two"}}, "RUNNING")
    assert Operation(OperationKind.UPDATE, {"dew_secret_name": "two"}) == put


def test_tags_are_taken_away_before_others_come() -> None:
    """Twenty is the most; a removal names the value that is there (API page 10)."""
    untag, tag = course({"tags": {"a": "1", "b": "2"}}, {"tags": {"b": "3", "c": "4"}}, "RUNNING")
    assert (OperationKind.UNTAG, {"tags": {"a": "1"}}) == (untag.kind, untag.values)
    assert (OperationKind.TAG, {"tags": {"b": "3", "c": "4"}}) == (tag.kind, tag.values)


def test_creation() -> None:
    """Tags and mounts cannot be given with it; what is to stand still is stopped once it runs."""
    wanted = notebook(tags={"a": "1"}, storages=[A], lease="never").attributes()
    assert "create; tag a; attach /data/a/" == texts(list(creation(wanted, "RUNNING")))
    assert "create; tag a; stop" == texts(list(creation(wanted, "STOPPED")))
    assert {"name", "flavor", "image_id", "volume", "lease"} == set(next(creation(wanted, "RUNNING")).values)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("RUNNING", "delete"),
        ("STOPPED", "delete"),
        ("ERROR", "delete"),
        ("FROZEN", "delete"),
        ("CREATING", "wait until settled; delete"),
        ("DELETING", "wait until gone"),
    ],
)
def test_deletion(status: str, expected: str) -> None:
    """From every state that allows it; what is under way is waited for."""
    assert expected == texts(list(deletion(instance(status=status))))
