"""The state machine of a notebook (API page 8): which operation each state allows, and what time does to it.

Pure functions of a notebook and a time. Every transition is a deadline in the record; nothing runs in the background.
"""

from __future__ import annotations

from dataclasses import replace

from provisioner.simulator import lease
from provisioner.simulator.record import Mount, Notebook, Resize, Transition
from provisioner.simulator.wire import ServiceError, refused

GONE = "GONE"
STATUSES = (
    "INIT",
    "CREATING",
    "STARTING",
    "STOPPING",
    "DELETING",
    "RUNNING",
    "STOPPED",
    "SNAPSHOTTING",
    "CREATE_FAILED",
    "START_FAILED",
    "DELETE_FAILED",
    "ERROR",
    "DELETED",
    "FROZEN",
)
OPERATIONS = ("start", "stop", "delete", "rename", "reshape", "resize", "lease", "save-image", "mount", "tag")
"""`rename` is PUT of name or description, `reshape` PUT of anything that wants a stopped instance."""

_TABLE = {
    #                start stop delete rename reshape resize lease save-image mount tag
    "INIT": "         6357 6357 6357   6357   6357    6357   6327  6327       6327  ok",
    "CREATING": "     6357 6357 6357   6357   6357    6357   6327  6327       6327  ok",
    "RUNNING": "      6357 ok   ok     ok     6347    ok     ok    ok         ok    ok",
    "RESIZING": "     6357 6357 6357   ok     6347    6357   ok    6357       ok    ok",
    "STOPPING": "     6357 6357 6357   6357   6357    6357   6327  6327       6327  ok",
    "STARTING": "     6357 6357 6357   6357   6357    6357   6327  6327       6327  ok",
    "STOPPED": "      ok   6357 ok     ok     ok      6347   6327  6327       6327  ok",
    "SNAPSHOTTING": " 6357 6357 6357   6357   6357    6357   6357  6357       6357  ok",
    "CREATE_FAILED": "6357 6357 ok     ok     6347    6347   6327  6327       6327  ok",
    "START_FAILED": " ok   6357 ok     ok     ok      6347   6327  6327       6327  ok",
    "DELETE_FAILED": "6357 6357 ok     6347   6347    6347   6327  6327       6327  ok",
    "ERROR": "        6357 6357 ok     6347   6347    6347   6327  6327       6327  ok",
    "FROZEN": "       6326 6326 ok     6326   6326    6326   6326  6326       6326  ok",
    "DELETING": "     6357 6357 6357   6357   6357    6357   6327  6327       6327  6357",
}
_CODES = {state: dict(zip(OPERATIONS, row.split(), strict=True)) for state, row in _TABLE.items()}
_MESSAGES = {
    "6326": "The instance {name} is frozen because the account is in arrears.",
    "6327": "The instance {name} is not running.",
    "6347": "The parameter cannot be modified when the instance {name} is in the {status} status.",
    "6357": "The operation is not allowed because another operation is being performed on the instance {name} "
    "or the instance is in the target state.",
}


def state(notebook: Notebook) -> str:
    """The row of the table: the status, or RESIZING for a running notebook whose volume grows."""
    return "RESIZING" if notebook.status == "RUNNING" and notebook.resize else notebook.status


def check_allowed(notebook: Notebook, operation: str) -> None:
    code = _CODES[state(notebook)][operation]
    if code != "ok":
        raise refusal(code, notebook)


def refusal(code: str, notebook: Notebook) -> ServiceError:
    return refused(code, _MESSAGES[code].format(name=notebook.name, status=notebook.status))


def due(notebook: Notebook) -> int | None:
    """When time changes this notebook next."""
    moments = [mount.at for mount in notebook.mounts if mount.then]
    if notebook.transition:
        moments.append(notebook.transition.at)
    elif notebook.resize:
        moments.append(notebook.resize.at)
    elif notebook.status == "RUNNING" and notebook.lease.enable and notebook.lease.type == "TIMING":
        # IDLE never fires by itself here: nothing measures activity (API page 9.2).
        moments.append(max(notebook.lease.deadline, notebook.update_at))
    return min(moments, default=None)


def settled(notebook: Notebook, now: int, stop_ms: int) -> Notebook | None:
    """The notebook with everything that fell due up to `now`, in order; None when it is gone."""
    while (moment := due(notebook)) is not None and moment <= now:
        following = _after(notebook, moment, stop_ms)
        if following is None:
            return None
        notebook = following
    return notebook


def _after(notebook: Notebook, moment: int, stop_ms: int) -> Notebook | None:
    mounts = tuple(settled for mount in notebook.mounts if (settled := _mount_after(mount, moment)))
    if mounts != notebook.mounts:
        return replace(notebook, mounts=mounts)
    if notebook.transition:
        return _arrived(notebook, notebook.transition)
    if notebook.resize:
        return _resized(notebook, notebook.resize)
    # Expiry is the one stop that leaves the lease alone: its deadline stays where it was.
    return replace(stopping(notebook, moment, stop_ms), lease=notebook.lease)


def _mount_after(mount: Mount, moment: int) -> Mount | None:
    if mount.then is None or mount.at > moment:
        return mount
    return None if mount.then == "UNMOUNTED" else replace(mount, status=mount.then, then=None)


def _arrived(notebook: Notebook, transition: Transition) -> Notebook | None:
    if transition.to == GONE:
        return None
    arrived = replace(
        notebook,
        status=transition.to,
        fail_reason=transition.fail_reason,
        image=transition.image or notebook.image,
        transition=None,
        update_at=transition.at,
    )
    if transition.to == "RUNNING" and notebook.status in ("CREATING", "STARTING"):
        # Reaching RUNNING resets the lease: the hour starts here, not at the call (API page 9.3).
        return replace(arrived, lease=lease.reset(notebook.lease, transition.at))
    return arrived


def _resized(notebook: Notebook, resize: Resize) -> Notebook:
    volume = {key: value for key, value in notebook.volume.items() if key != "status"}
    # The API page (6.3) leaves open when the capacity changes; here at the end.
    return replace(notebook, volume=volume | {"capacity": resize.capacity}, resize=None, update_at=resize.at)


def stopping(notebook: Notebook, now: int, stop_ms: int, *, to: str = "STOPPED", why: str | None = None) -> Notebook:
    """On its way to STOPPED. Dynamic mounts do not survive a stop (API page 11)."""
    return replace(
        notebook,
        status="STOPPING",
        transition=Transition(now, now + stop_ms, to, why),
        lease=lease.reset(notebook.lease, now),
        mounts=(),
    )
