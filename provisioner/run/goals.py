"""What an operation waits for, and whether an observation shows it. Pure."""

from __future__ import annotations

from enum import Enum, auto

from provisioner.model.answer import Mount
from provisioner.model.observation import FAILED, GONE, Observation
from provisioner.operations import Operation, OperationKind


class Verdict(Enum):
    """How far an operation has come."""

    PENDING = auto()
    REACHED = auto()
    FAILED = auto()


# What was just made may not be shown at once; until then its absence means nothing. Seconds.
APPEARANCE = 30.0


def verdict(operation: Operation, observation: Observation | None, *, waited: float) -> Verdict:
    """Whether `observation`, made `waited` seconds after the call, shows the goal of `operation`; None: no such
    instance is shown.
    """
    if observation is None or observation.status == GONE:
        may_appear = operation.kind is OperationKind.CREATE and waited < APPEARANCE
        gone_is_the_goal = operation.kind is OperationKind.DELETE or _may_be_gone(operation)
        return _of(reached=gone_is_the_goal, failed=not may_appear)
    return _of(reached=_reached(operation, observation), failed=_failed(operation, observation))


def _reached(operation: Operation, observation: Observation) -> bool:
    status, volume = observation.status, observation.volume
    match operation.kind:
        case OperationKind.CREATE | OperationKind.START:
            return status == "RUNNING" and not volume.busy
        case OperationKind.STOP:
            return status == "STOPPED"
        case OperationKind.RESIZE:
            return not volume.busy and (volume.capacity or 0) >= operation.values["capacity"]
        case OperationKind.DELETE:
            return False
        case OperationKind.WAIT:
            return observation.settled and status == operation.values.get("until", status)
        case _:
            return True


def _failed(operation: Operation, observation: Observation) -> bool:
    match operation.kind:
        case OperationKind.DELETE:
            # For a moment after the call the old status may still be shown (API page 7.4).
            return observation.status == "DELETE_FAILED"
        case OperationKind.WAIT:
            return observation.settled
        case _:
            return observation.status in FAILED or observation.status == "FROZEN"


def mount_verdict(operation: Operation, mounts: tuple[Mount, ...], *, waited: float) -> Verdict:
    """The same for ATTACH and DETACH, which the notebook itself does not show (API page 11)."""
    mount = next((mount for mount in mounts if mount.mount_path == operation.values["mount_path"]), None)
    status = mount.status if mount else "UNMOUNTED"
    if operation.kind is OperationKind.DETACH:
        return _of(reached=status == "UNMOUNTED", failed=status == "UNMOUNT_FAILED")
    failed = status == "MOUNT_FAILED" or (mount is None and waited >= APPEARANCE)
    return _of(reached=status == "MOUNTED", failed=failed)


def took_effect(operation: Operation, observation: Observation | None) -> bool | None:
    """Whether a call whose answer was lost, or was refused as already done, shows its effect. None: it cannot be seen;
    repeating such a call changes nothing.
    """
    status = observation.status if observation else GONE
    match operation.kind:
        case OperationKind.STOP:
            return status in {"STOPPING", "STOPPED"}
        case OperationKind.START:
            return status in {"STARTING", "RUNNING"}
        case OperationKind.DELETE:
            return status in {"DELETING", GONE}
        case OperationKind.RESIZE:
            volume = observation.volume if observation else None
            return volume is not None and (volume.busy or (volume.capacity or 0) >= operation.values["capacity"])
        case OperationKind.ATTACH | OperationKind.DETACH:
            mounts = (observation.storages if observation else None) or ()
            there = any(mount.usable and mount.mount_path == operation.values["mount_path"] for mount in mounts)
            return there is (operation.kind is OperationKind.ATTACH)
        case _:
            return None


def failure_text(operation: Operation, observation: Observation | None) -> str:
    """Why FAILED, in words."""
    if observation is None:
        return f"the instance vanished during {operation.kind}"
    because = f": {observation.fail_reason}" if observation.fail_reason else ""
    return f"the instance is {observation.status} after {operation.kind}{because}"


def _may_be_gone(operation: Operation) -> bool:
    return operation.kind is OperationKind.WAIT and operation.values.get("until", GONE) == GONE


def _of(*, reached: bool, failed: bool) -> Verdict:
    return Verdict.REACHED if reached else Verdict.FAILED if failed else Verdict.PENDING
