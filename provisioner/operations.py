"""Which API calls, in which order, lead a notebook where it is to be. Pure.

An operation is at most one mutating call and the status to wait for after it. `plan` decides that something is to be
done; this module spells it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from provisioner.diff import Change, as_asked
from provisioner.model.behavior import Effect
from provisioner.model.observation import GONE, Observation


class OperationKind(StrEnum):
    """One API call and the status to wait for afterwards. WAIT sends nothing."""

    CREATE = "create"
    WAIT = "wait"
    UPDATE = "put"
    RESIZE = "resize"
    STOP = "stop"
    START = "start"
    RENEW_LEASE = "lease"
    TAG = "tag"
    UNTAG = "untag"
    ATTACH = "attach"
    DETACH = "detach"
    DELETE = "delete"


GROWTH = "volume.capacity"
MOUNTING = frozenset({OperationKind.ATTACH, OperationKind.DETACH})
_OF_DEPOSED = frozenset({OperationKind.WAIT, OperationKind.STOP, OperationKind.DELETE})


@dataclass(frozen=True, slots=True)
class Operation:
    """What to call and with which values, under the names of the spec. A WAIT may say `until` which status; `id` is
    given when it is about an instance that was deposed.
    """

    kind: OperationKind
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def deposed(self) -> str:
        """The id of the deposed instance that it is about; "" when it is about the one in its place."""
        return str(self.values.get("id", "")) if self.kind in _OF_DEPOSED else ""

    def likewise(self, kind: OperationKind) -> Operation:
        """One of another kind about the same instance."""
        return Operation(kind, {"id": self.deposed} if self.deposed else {})

    def __str__(self) -> str:
        match self.kind:
            case OperationKind.WAIT:
                until = self.values.get("until", "settled")
                return f"wait until {'gone' if until == GONE else until}"
            case OperationKind.UPDATE:
                return f"put {', '.join(self.values)}"
            case OperationKind.RESIZE:
                return f"resize to {self.values['capacity']} GB"
            case OperationKind.TAG | OperationKind.UNTAG:
                return f"{self.kind} {', '.join(self.values['tags'])}"
            case kind if kind in MOUNTING:
                return f"{self.kind} {self.values['mount_path']}"
            case _:
                return f"{self.kind} {self.deposed}".rstrip()


def creation(desired: Mapping[str, Any], target: str) -> Iterator[Operation]:
    """The operations that end with a new instance and its power at `target`. Tags and mounts cannot be given at
    creation, and what is created runs (API page 5.1).
    """
    later = {"tags", "storages", "desired_status"}
    yield Operation(OperationKind.CREATE, {name: value for name, value in desired.items() if name not in later})
    if desired.get("tags"):
        yield Operation(OperationKind.TAG, {"tags": desired["tags"]})
    if target == "STOPPED":
        yield Operation(OperationKind.STOP)
    else:
        yield from _attaching(desired)


def deletion(observation: Observation) -> Iterator[Operation]:
    """What is being deleted already is only waited for."""
    if observation.status == "DELETING":
        yield waiting(GONE)
        return
    if not observation.settled:
        yield waiting()
    yield Operation(OperationKind.DELETE)


def replacement(
    desired: Mapping[str, Any], observation: Observation, target: str, *, create_first: bool
) -> Iterator[Operation]:
    """The operations that end with another instance in the place of the observed one. Created first, it takes that
    place at once, and the observed one is deposed: deleted by its id, once the other is whole.
    """
    if create_first:
        yield from creation(desired, target)
        yield disposal(observation.id)
    else:
        yield from deletion(observation)
        yield from creation(desired, target)


def disposal(identifier: str) -> Operation:
    """The deletion of an instance that was deposed."""
    return Operation(OperationKind.DELETE, {"id": identifier})


def alteration(
    desired: Mapping[str, Any], observation: Observation, changes: Sequence[Change], target: str
) -> Iterator[Operation]:
    """The operations of an update that ends with the power at `target`, in the order of API page 18: grow while
    running; then one stop, one PUT of all that needs it, one start; what the start does not carry comes last.
    """
    by_path = {change.path: change for change in changes}
    put = _put(desired, changes)
    restart = any(change.effect is Effect.RESTART for change in changes)
    course = _Course(desired, observation)
    if not observation.settled:
        course.add(waiting(observation.power))
    if restart and course.power == "STOPPED":
        course.put(put)
    if grow := by_path.get(GROWTH):
        course.lead_to("RUNNING")
        course.add(Operation(OperationKind.RESIZE, {"capacity": grow.desired}))
    if restart and not course.has_put:
        course.lead_to("STOPPED")
    if not course.has_put:
        course.put(put)
    course.lead_to(target)
    yield from course.operations
    if target == "RUNNING" and "lease" in by_path and not course.started:
        yield Operation(OperationKind.RENEW_LEASE, {"lease": desired["lease"]})
    yield from _tagging(changes)
    if target == "RUNNING" and course.started:
        yield from _attaching(desired)
    elif target == "RUNNING" and "storages" in by_path:
        yield from _mounting(desired, observation)


def waiting(until: str = "") -> Operation:
    """Wait for a status, GONE among them; without one, for the end of whatever is under way."""
    return Operation(OperationKind.WAIT, {"until": until} if until else {})


class _Course:
    """The operations of an update so far, and the power that they leave the instance with."""

    def __init__(self, desired: Mapping[str, Any], observation: Observation) -> None:
        self.operations: list[Operation] = []
        self.power = observation.power
        self.started = False
        self.has_put = False
        self._lease = desired.get("lease") or (observation.lease.policy() if observation.lease else None)

    def add(self, operation: Operation) -> None:
        self.operations.append(operation)

    def put(self, values: Mapping[str, Any]) -> None:
        self.has_put = True
        if values:
            self.add(Operation(OperationKind.UPDATE, values))

    def lead_to(self, power: str) -> None:
        """Start or stop unless it is so already. Every start resets the lease to one hour unless it carries another, so
        it carries the declared or else the present one (API page 21, trap 3).
        """
        if self.power == power:
            return
        self.power, self.started = power, power == "RUNNING"
        if self.started:
            self.add(Operation(OperationKind.START, {"lease": self._lease} if self._lease else {}))
        else:
            self.add(Operation(OperationKind.STOP))


def _put(desired: Mapping[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """The body of the one PUT. The secret of the volume stands at its top (API page 7.3)."""
    values: dict[str, Any] = {}
    for change in changes:
        if change.path == "volume.dew_secret_name":
            values["dew_secret_name"] = change.desired
        elif change.path in {"name", "description"} or change.effect is Effect.RESTART:
            values[change.path] = desired[change.path]
    return values


def _tagging(changes: Sequence[Change]) -> Iterator[Operation]:
    """A tag that is written again needs no deletion first (API page 10)."""
    tags = [(change.path.removeprefix("tags."), change) for change in changes if change.path.startswith("tags.")]
    if removed := {key: change.live for key, change in tags if change.desired is None}:
        yield Operation(OperationKind.UNTAG, {"tags": removed})
    if written := {key: change.desired for key, change in tags if change.desired is not None}:
        yield Operation(OperationKind.TAG, {"tags": written})


def _attaching(desired: Mapping[str, Any]) -> Iterator[Operation]:
    """A stop drops all mounts (API page 11), so whatever starts an instance attaches them again."""
    return (Operation(OperationKind.ATTACH, storage) for storage in desired.get("storages", ()))


def _mounting(desired: Mapping[str, Any], observation: Observation) -> Iterator[Operation]:
    """A mount that failed still holds its path, so it is detached like one that is not wanted."""
    wanted = desired["storages"]
    kept = []
    for mount in observation.storages or ():
        form = as_asked(mount.form(), wanted)
        if mount.usable and form in wanted:
            kept.append(form)
        else:
            yield Operation(OperationKind.DETACH, {"mount_path": form["mount_path"], "id": mount.id})
    yield from (Operation(OperationKind.ATTACH, storage) for storage in wanted if storage not in kept)
