"""What an operation waits for, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.model.answer import Mount
from provisioner.model.observation import FAILED, STABLE, TRANSITIONAL, Observation
from provisioner.operations import Operation, OperationKind
from provisioner.run.goals import APPEARANCE, Verdict, failure_text, mount_verdict, took_effect, verdict
from tests.unit.readers import seen

KIND = OperationKind
STATUSES = sorted(TRANSITIONAL | STABLE | {"SOMETHING_NEW"})
BROKEN = {*FAILED, "FROZEN"}


def op(kind: OperationKind, **values: Any) -> Operation:
    return Operation(kind, values)


def name(value: object) -> str:
    """The same in every process: the order of a set is not."""
    return ",".join(sorted(value)) or "none" if isinstance(value, set) else str(value)


def expect(status: str, reached: set[str], failed: set[str]) -> Verdict:
    return Verdict.REACHED if status in reached else Verdict.FAILED if status in failed else Verdict.PENDING


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    ("operation", "reached", "failed"),
    [
        (op(KIND.CREATE), {"RUNNING"}, BROKEN),
        (op(KIND.START), {"RUNNING"}, BROKEN),
        (op(KIND.STOP), {"STOPPED"}, BROKEN),
        (op(KIND.DELETE), set(), {"DELETE_FAILED"}),
        (op(KIND.WAIT), set(STABLE), set()),
        (op(KIND.WAIT, until="RUNNING"), {"RUNNING"}, set(STABLE)),
        (op(KIND.UPDATE), set(STATUSES), set()),
    ],
    ids=name,
)
def test_status(operation: Operation, reached: set[str], failed: set[str], status: str) -> None:
    """Each status reaches the goal, fails it, or is on the way; an unknown word is always on the way."""
    assert expect(status, reached, failed) is verdict(operation, seen(1, status), waited=0)


@pytest.mark.parametrize("gone", [None, seen(1, "DELETED")], ids=["absent", "DELETED"])
@pytest.mark.parametrize(
    ("operation", "waited", "expected"),
    [
        (op(KIND.DELETE), 0, Verdict.REACHED),
        (op(KIND.WAIT), 0, Verdict.REACHED),
        (op(KIND.WAIT, until="DELETED"), 0, Verdict.REACHED),
        (op(KIND.WAIT, until="RUNNING"), 0, Verdict.FAILED),
        (op(KIND.STOP), 0, Verdict.FAILED),
        (op(KIND.CREATE), 0, Verdict.PENDING),
        (op(KIND.CREATE), APPEARANCE - 0.1, Verdict.PENDING),
        (op(KIND.CREATE), APPEARANCE, Verdict.FAILED),
    ],
    ids=name,
)
def test_absence(operation: Operation, gone: Observation | None, waited: float, expected: Verdict) -> None:
    """Absence is what a delete wants; what was just created may not be shown at once."""
    assert expected is verdict(operation, gone, waited=waited)


@pytest.mark.parametrize("status", ["INITIALIZING", "RESIZING", "DELETING"])
@pytest.mark.parametrize("kind", [KIND.CREATE, KIND.START, KIND.WAIT])
def test_a_busy_volume_is_waited_for(kind: OperationKind, status: str) -> None:
    """RUNNING is not the end while the volume is at work (API page 8.1)."""
    assert Verdict.PENDING is verdict(op(kind), seen(1, volume={"status": status}), waited=0)


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"capacity": 50}, Verdict.PENDING),
        ({"capacity": 100, "status": "RESIZING"}, Verdict.PENDING),
        ({"capacity": 100}, Verdict.REACHED),
        ({"capacity": 100, "status": "NORMAL"}, Verdict.REACHED),
        ({"capacity": 200}, Verdict.REACHED),
        ({}, Verdict.PENDING),
    ],
)
def test_resize(volume: dict[str, Any], expected: Verdict) -> None:
    """A resize is over when the volume is as large as asked for and at rest (API page 6.3)."""
    assert expected is verdict(op(KIND.RESIZE, capacity=100), seen(1, volume=volume), waited=0)


@pytest.mark.parametrize(
    ("kind", "status", "waited", "expected"),
    [
        (KIND.ATTACH, "MOUNTING", 0, Verdict.PENDING),
        (KIND.ATTACH, "MOUNTED", 0, Verdict.REACHED),
        (KIND.ATTACH, "MOUNT_FAILED", 0, Verdict.FAILED),
        (KIND.ATTACH, None, 0, Verdict.PENDING),
        (KIND.ATTACH, None, APPEARANCE, Verdict.FAILED),
        (KIND.DETACH, "MOUNTED", 0, Verdict.PENDING),
        (KIND.DETACH, "UNMOUNTING", 0, Verdict.PENDING),
        (KIND.DETACH, "UNMOUNTED", 0, Verdict.REACHED),
        (KIND.DETACH, "UNMOUNT_FAILED", 0, Verdict.FAILED),
        (KIND.DETACH, None, 0, Verdict.REACHED),
    ],
)
def test_mounts(kind: OperationKind, status: str | None, waited: float, expected: Verdict) -> None:
    """A mount is judged by its path, with or without the slash at the end (API page 11)."""
    other = Mount(id="o", mount_path="/data/other/", status="MOUNTED" if kind is KIND.DETACH else "MOUNT_FAILED")
    mounts = (other, *([Mount(id="m", mount_path="/data/sets", status=status)] if status else []))
    assert expected is mount_verdict(op(kind, mount_path="/data/sets/"), mounts, waited=waited)


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        (op(KIND.STOP), {"STOPPING", "STOPPED"}),
        (op(KIND.START), {"STARTING", "RUNNING"}),
        (op(KIND.DELETE), {"DELETING"}),
    ],
    ids=name,
)
@pytest.mark.parametrize("status", STATUSES)
def test_effect_is_seen_in_the_status(operation: Operation, statuses: set[str], status: str) -> None:
    """A lost call took effect when the status is on its way to the goal, or there."""
    assert (status in statuses) is took_effect(operation, seen(1, status))


def test_effect_of_a_delete_is_absence() -> None:
    """A deleted instance is not shown any more."""
    assert took_effect(op(KIND.DELETE), None) is True


@pytest.mark.parametrize(
    ("volume", "expected"), [({"capacity": 50}, False), ({"capacity": 50, "status": "RESIZING"}, True)]
)
def test_effect_of_a_resize_is_a_busy_volume(volume: dict[str, Any], *, expected: bool) -> None:
    """A resize took effect when the volume grows or has grown."""
    assert expected is took_effect(op(KIND.RESIZE, capacity=100), seen(1, volume=volume))


@pytest.mark.parametrize(
    ("status", "attached"), [("MOUNTING", True), ("MOUNTED", True), ("MOUNT_FAILED", False), ("UNMOUNTING", False)]
)
def test_effect_on_mounts(status: str, *, attached: bool) -> None:
    """An attach shows as a mount that serves, a detach as none."""
    path = "/data/sets/"
    shown = seen(1).with_mounts([Mount(id="m", mount_path=path, status=status)])
    assert attached is took_effect(op(KIND.ATTACH, mount_path=path), shown)
    assert attached is not took_effect(op(KIND.DETACH, mount_path=path), shown)
    assert took_effect(op(KIND.DETACH, mount_path=path), None) is True


@pytest.mark.parametrize("kind", [KIND.UPDATE, KIND.TAG, KIND.UNTAG, KIND.RENEW_LEASE])
def test_effect_of_what_may_be_repeated(kind: OperationKind) -> None:
    """Of the others nothing is concluded: to repeat them changes nothing."""
    assert took_effect(op(kind), seen(1)) is None


def test_failure_text() -> None:
    """A failure names the status and the service's own reason."""
    broken = seen(1, "CREATE_FAILED", fail_reason="no room")
    assert "the instance is CREATE_FAILED after create: no room" == failure_text(op(KIND.CREATE), broken)
    assert "the instance vanished during stop" == failure_text(op(KIND.STOP), None)
