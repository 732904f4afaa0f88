"""What dies at a step: which volumes, how old, what stays, the safer way; and nothing dies unasked. Pure.

What is lost when (API page 6.2, 8 and 21, traps 11 and 37): a stop wipes the container but for the work directory; a
volume that the service owns is deleted with its instance and cannot be recovered; what is one's own stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioner.errors import PlanError
from provisioner.model.address import Address
from provisioner.model.behavior import Effect
from provisioner.model.observation import Observation
from provisioner.model.secrets import SHOWN
from provisioner.operations import OperationKind
from provisioner.plan import Action, Loss, LostVolume, Mode, Plan, Reason, Step, as_argument
from provisioner.state.document import Record

WORK_DIRECTORY = "/home/ma-user/work"

_NEVER_OURS = frozenset({"OBS", "OBSFS"})  # a bucket is always the user's own (API page 6.2)
_NO_DATA = frozenset({"CREATE_FAILED", "DELETING"})
_FEW = 3
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


def with_loss(step: Step, *, doomed: Sequence[Observation] = (), altered: Observation | None = None) -> Step:
    """`step` with what dies when it deletes the `doomed` instances and carries out its operations on the `altered` one.

    An instance whose creation failed never held data, and of one that is being deleted nothing is left to lose. A stop
    wipes the container; one that we start and stop again in passing has nothing in it. An extra volume that is taken
    away goes with its data.
    """
    holding = [each for each in doomed if each.status not in _NO_DATA]
    lost = [volume for each in holding for volume in _volumes_of(each, step.record)]
    if altered is not None:
        lost.extend(_volumes_taken_away(step, altered))
    stops = any(operation.kind is OperationKind.STOP for operation in step.operations)
    wiped = bool(holding) or (altered is not None and stops and altered.power == "RUNNING")
    loss = Loss.VOLUME if lost else Loss.CONTAINER if wiped else Loss.NONE
    return replace(step, loss=loss, losing=tuple(lost))


def check_safe(plan: Plan, accepted: Collection[Address], *, accept_all: bool = False) -> None:
    """Refuse a plan that deletes a volume nobody agreed to lose."""
    losers = unconsented(plan, accepted, accept_all=accept_all)
    if not losers:
        return
    volumes = sum(len(step.losing) for step in losers)
    flags = " ".join(f"--accept-loss {as_argument(step.address)}" for step in losers)
    kept = any(step.action is not Action.DELETE for step in losers)
    raise PlanError(
        f"the plan deletes {volumes} volume{'s' if volumes > 1 else ''} and nobody agreed to that",
        detail="\n".join(f"{step.address}: {volumes_text(step, plan.made_at)}" for step in losers),
        hint=f"if the data may go: {flags if len(losers) <= _FEW else '--accept-loss all'}"
        + ("; or for good in its spec: lifecycle: {allow_data_loss: true}" if kept else ""),
    )


def unconsented(plan: Plan, accepted: Collection[Address], *, accept_all: bool = False) -> tuple[Step, ...]:
    """The steps that delete a volume although nobody agreed. What a spec allows goes for its replacement and its
    changes: when the notebook itself goes, the person who removes it is asked.
    """
    if accept_all:
        return ()
    losing = [step for step in plan.steps if step.loss is Loss.VOLUME and step.address not in accepted]
    return tuple(step for step in losing if not step.allow_loss or step.action is Action.DELETE)


def check_touched(plan: Plan, accepted: Collection[Address]) -> None:
    """Refuse consent for what the plan does not touch: a slip of the pen. Where nothing is to be done there is nothing
    to mistake.
    """
    touched = [step.address for step in plan.pending]
    strange = sorted(set(accepted) - set(touched))
    if not strange or not touched:
        return
    known = ", ".join(as_argument(address) for address in touched[:10])
    raise PlanError(
        f"--accept-loss {as_argument(strange[0])}: the plan does not touch {strange[0]}",
        detail="Nothing was changed.",
        hint=f"it touches: {known}",
    )


def volumes_text(step: Step, now_ms: int = 0) -> str:
    """The volumes that die, in a few words; with the present also where they are mounted and how old they are."""
    return " and ".join(_volume_text(volume, now_ms) for volume in step.losing)


def age_text(milliseconds: int) -> str:
    """How long ago, in the largest unit that fits."""
    for unit, length in (("day", _DAY_MS), ("hour", _HOUR_MS)):
        if number := max(milliseconds, 0) // length:
            return f"{number} {unit}{'s' if number > 1 else ''} ago"
    return "less than an hour ago"


def surviving_mounts(step: Step) -> tuple[str, ...]:
    """Mounts whose data stays where it is, as `obs://bucket/dir/ (at /data/sets/)`. A stopped instance shows none, so
    what is recorded counts too.
    """
    recorded = step.record.observed.get("storages", ()) if step.record else ()
    mounts = [*(step.before.get("storages") or recorded), *_own_volumes(step.before)]
    places = {str(mount["uri"]): str(mount.get("mount_path") or WORK_DIRECTORY) for mount in mounts if mount.get("uri")}
    hides = step.sensitive & {"storages", "volume", "data_volumes"}
    return tuple(f"{SHOWN if hides else uri} (at {path})" for uri, path in places.items())


def safer_way(step: Step, mode: Mode) -> tuple[str, ...]:
    """What to do instead, or before, where a volume is about to die; empty when there is nothing better."""
    if step.loss is not Loss.VOLUME or mode is Mode.DESTROY or (step.action is Action.UPDATE and deletes(step)):
        return ()
    key = step.address.key
    if step.action is Action.DELETE:
        origin = f"'{str(step.address).removeprefix('notebook.')}'" if step.address.each else key
        return (f"safer: forget it, then the instance stays: `removed: [{{from: {origin}, destroy: false}}]`",)
    if step.action is Action.UPDATE:
        return ("safer: keep its entry in data_volumes",)
    if [change.path for change in step.changes if change.effect is Effect.REPLACE] == ["volume.capacity"]:
        return (f"safer: keep the capacity of {step.before['volume']['capacity']} GB",)
    if step.reason is Reason.CANNOT_UPDATE:
        beside = "declare the other one beside it under a new KEY, copy over an OBS mount"
        return (f"safer: leave {key} as it is, {beside}, then remove {key}",)
    return (f"safer: copy {WORK_DIRECTORY} to a mount first; an image saved from it keeps the packages",)


def deletes(step: Step) -> bool:
    """Whether an instance goes, be it one that was deposed."""
    return any(operation.kind is OperationKind.DELETE for operation in step.operations)


def _volume_text(volume: LostVolume, now_ms: int) -> str:
    size = f"{volume.capacity} GB " if volume.capacity is not None else ""
    text = f"{size}{volume.category or 'unknown'} volume"
    if not now_ms:
        return text
    age = f" (created {age_text(now_ms - volume.created_at)})" if volume.created_at else ""
    return f"{text} at {volume.mount_path}{age}"


def _volumes_of(observation: Observation, record: Record | None) -> Iterator[LostVolume]:
    """The volumes that the service deletes with the instance."""
    main = {"mount_path": f"{WORK_DIRECTORY}/"} | observation.volume.form()
    for volume in (main, *_extra_volumes(observation, record)):
        if _is_managed(volume):
            yield _lost(volume, observation)


def _extra_volumes(observation: Observation, record: Record | None) -> Iterator[dict[str, Any]]:
    """What the answer tells of them. It may lack ownership and size (API page 3.7): then what was declared counts."""
    declared = (record.attributes.get("data_volumes") or ()) if record else ()
    by_path = {_path(volume): volume for volume in declared}
    for volume in observation.data_volumes or ():
        form = volume.form()
        yield {**by_path.get(_path(form), {}), **form}


def _volumes_taken_away(step: Step, observation: Observation) -> Iterator[LostVolume]:
    """The managed extra volumes that the spec has not any more, or has smaller or of another kind. The API page does
    not say what becomes of them, so they count as lost.
    """
    if all(change.path != "data_volumes" for change in step.changes):
        return
    wanted = {_path(volume): volume for volume in step.after.get("data_volumes", ())}
    for volume in _extra_volumes(observation, step.record):
        if _is_managed(volume) and not _is_kept(volume, wanted.get(_path(volume))):
            yield _lost(volume, observation)


def _is_kept(volume: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    if wanted is None or wanted["category"] != volume["category"] or not _is_managed(wanted):
        return False
    return bool((wanted.get("capacity") or volume.get("capacity", 0)) >= volume.get("capacity", 0))


def _is_managed(volume: Mapping[str, Any]) -> bool:
    """Whether the service owns it. Where the answer does not tell, what has an address is the user's own (API page
    6.2), and everything else may die.
    """
    if volume.get("category") in _NEVER_OURS:
        return False
    ownership = volume.get("ownership") or ("DEDICATED" if volume.get("uri") else "MANAGED")
    return bool(ownership != "DEDICATED")


def _own_volumes(attributes: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    volumes = [attributes.get("volume", {}), *attributes.get("data_volumes", ())]
    return [volume for volume in volumes if volume and not _is_managed(volume)]


def _lost(volume: Mapping[str, Any], observation: Observation) -> LostVolume:
    return LostVolume(
        category=volume.get("category", ""),
        capacity=volume.get("capacity"),
        mount_path=_path(volume) or "a place that the service does not tell",
        created_at=observation.create_at,
    )


def _path(volume: Mapping[str, Any]) -> str:
    return str(volume.get("mount_path") or "").rstrip("/")
