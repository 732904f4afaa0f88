"""Decides what happens to one address: from what is declared, recorded and live to its step. Pure.

What holds between addresses, and for the plan as a whole, is in `planning`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner.diff import Change, compare, effective, is_under
from provisioner.leases import left_by_lease
from provisioner.model.address import Address
from provisioner.model.behavior import Effect
from provisioner.model.observation import FAILED, Observation
from provisioner.model.secrets import Secrets
from provisioner.operations import GROWTH, alteration, creation, deletion, disposal, replacement
from provisioner.plan import Action, Loss, Mode, Reason, Step, as_argument
from provisioner.planning.by_hand import by_hand_note, still_by_hand
from provisioner.planning.losses import with_loss
from provisioner.planning.protection import protected_after, protection_change
from provisioner.planning.secrecy import sensitive_fields
from provisioner.spec.document import Declaration
from provisioner.state.document import Record


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one address: it is declared or recorded.

    observation  the instance, None when there is none
    deposed      instances that it took the place of and that still exist
    moved_from   the address under which it is recorded as yet
    imported     it is recorded by this plan
    forced       a person asks for another instance
    """

    address: Address
    declaration: Declaration | None
    record: Record | None
    observation: Observation | None
    deposed: tuple[Observation, ...] = ()
    moved_from: Address | None = None
    imported: bool = False
    forced: bool = False


def step_of(known: Known, *, mode: Mode, now_ms: int, secrets: Secrets) -> Step:
    """The one step of an address."""
    if known.declaration is None:
        step = _removal(known, mode)
    elif known.observation is None or known.observation.status == "DELETING":
        step = _creation(known, known.declaration)
    else:
        step = _existing(known, known.declaration, known.observation, now_ms=now_ms, secrets=secrets)
    step = _with_disposals(_with_protection(step, known), known)
    return _with_loss(_with_news(step), known)


def blocked(step: Step, note: str) -> Step:
    """`step` without anything that it would have done."""
    nothing: dict[str, Any] = {"operations": (), "changes": (), "loss": Loss.NONE, "losing": ()}
    return replace(step, action=Action.NO_OP, reason=Reason.BLOCKED, note=note, **nothing)


def _removal(known: Known, mode: Mode) -> Step:
    record, observation = known.record, known.observation
    assert record is not None  # noqa: S101 - what is not declared is recorded
    step = Step(
        known.address,
        Action.NO_OP,
        Reason.GONE,
        id=record.id,
        record=record,
        moved_from=known.moved_from,
        protected=record.protected,
        sensitive=sensitive_fields(record),
    )
    if observation is None:
        return step
    reason = Reason.DESTROY if mode is Mode.DESTROY else Reason.NOT_DECLARED
    operations = tuple(deletion(observation))
    return replace(step, action=Action.DELETE, reason=reason, operations=operations, before=observation.attributes())


def _declared(known: Known, declaration: Declaration) -> Step:
    """Nothing to do, as far as is known yet."""
    notebook = declaration.notebook
    return Step(
        known.address,
        Action.NO_OP,
        Reason.UNCHANGED,
        after=notebook.attributes(),
        source=declaration.source,
        fields=declaration.fields,
        timeouts=notebook.timeouts,
        moved_from=known.moved_from,
        imported=known.imported,
        protected=protected_after(declaration, known.record),
        allow_loss=notebook.lifecycle.allow_data_loss,
        sensitive=declaration.sensitive | sensitive_fields(known.record),
    )


def _creation(known: Known, declaration: Declaration) -> Step:
    step, observation = _declared(known, declaration), known.observation
    step = replace(step, action=Action.CREATE, reason=Reason.GONE if known.record else Reason.NOT_RECORDED)
    operations = tuple(creation(step.after, "STOPPED" if step.after["desired_status"] == "STOPPED" else "RUNNING"))
    if observation is not None:
        step, operations = replace(step, id=observation.id), (*deletion(observation), *operations)
    return replace(step, operations=operations)


def _existing(
    known: Known, declaration: Declaration, observation: Observation, *, now_ms: int, secrets: Secrets
) -> Step:
    record, attributes = known.record, declaration.notebook.attributes()
    assert record is not None  # noqa: S101 - what is observed was recorded
    before = seen(observation)
    after = effective(attributes, before, record.attributes, declaration.ignored)
    step = replace(_declared(known, declaration), id=observation.id, record=record, before=before, after=after)
    by_hand = still_by_hand(record, attributes, observation, secrets)
    goal = {**after, **by_hand}
    changes = compare(goal, before, record.attributes, secrets)
    # What has to run for a change is what it is declared to be afterwards: the stop was the end of that lease.
    left = left_by_lease(observation, record, now_ms) and not any(change.path == GROWTH for change in changes)
    power = _target_power(goal, observation, left=left)
    applicable = tuple(change for change in changes if _applies(change, power))
    triggers = declaration.notebook.lifecycle.replace_triggered_by
    if reason := _why_replace(observation, changes, applicable, triggers, forced=known.forced):
        step = _replaced(step, declaration, observation, changes, reason)
    else:
        operations = tuple(alteration(goal, observation, applicable, power))
        if operations and (applicable or record.incomplete):  # what others have under way is theirs
            step = replace(step, action=Action.UPDATE, reason=Reason.CHANGED, operations=operations, changes=applicable)
        else:
            note = "stopped by its lease" if left else by_hand_note(by_hand, as_argument(step.address))
            step = replace(step, note=note)
    return _unless_blocked(step, observation)


def seen(observation: Observation) -> dict[str, Any]:
    """Its attributes. What does not run has no mounts (API page 11), whatever the last one who asked was told."""
    mounted = observation.status in {"RUNNING", "SNAPSHOTTING"}
    return observation.attributes() | ({} if mounted else {"storages": []})


def _replaced(
    step: Step, declaration: Declaration, observation: Observation, changes: tuple[Change, ...], reason: Reason
) -> Step:
    """Another instance in its place, as declared. One whose creation failed makes room first: it was never of use."""
    lifecycle = declaration.notebook.lifecycle
    recorded = step.record.attributes if step.record else {}
    after = effective(declaration.notebook.attributes(), step.before, recorded, declaration.ignored, anew=True)
    create_first = lifecycle.create_before_destroy and reason is not Reason.CREATE_FAILED
    power = _target_power(after, observation, left=False)
    operations = tuple(replacement(after, observation, power, create_first=create_first))
    return replace(step, action=Action.REPLACE, reason=reason, operations=operations, changes=changes, after=after)


def _why_replace(
    observation: Observation,
    changes: Sequence[Change],
    applicable: Sequence[Change],
    triggers: Collection[str],
    *,
    forced: bool,
) -> Reason | None:
    if observation.status == "CREATE_FAILED":
        return Reason.CREATE_FAILED
    if forced:
        return Reason.REQUESTED
    if any(change.effect is Effect.REPLACE for change in changes):
        return Reason.CANNOT_UPDATE
    return Reason.TRIGGERED if any(is_under(change.path, triggers) for change in applicable) else None


def _unless_blocked(step: Step, observation: Observation) -> Step:
    """An instance that is frozen or broken is left alone until a person has looked at it (API page 8)."""
    blocking = observation.status == "FROZEN" or observation.status in FAILED - {"CREATE_FAILED", "START_FAILED"}
    if not blocking or (step.action is Action.REPLACE and step.reason is Reason.REQUESTED):
        return step
    because = "the account is in arrears" if observation.status == "FROZEN" else observation.fail_reason
    return blocked(step, f"the instance is {observation.status}{f': {because}' if because else ''}")


def _target_power(desired: Mapping[str, Any], observation: Observation, *, left: bool) -> str:
    """RUNNING or STOPPED: how the instance is to end."""
    wanted = str(desired["desired_status"])
    return observation.power if wanted == "UNMANAGED" or (wanted == "RUNNING" and left) else wanted


def _applies(change: Change, power: str) -> bool:
    """A stopped instance has neither a running lease nor mounts; both are given at its next start."""
    if change.path == "desired_status":
        return bool(change.desired == power)
    return power == "RUNNING" or change.path not in {"lease", "storages"}


def _with_protection(step: Step, known: Known) -> Step:
    """A protection that begins or ends for what is recorded is a change like others, though nothing is sent for it."""
    if known.record is None or known.imported or step.action not in {Action.NO_OP, Action.UPDATE} or not step.after:
        return step
    change = protection_change(known.record, protected=step.protected)
    if change and step.action is Action.NO_OP:
        reason = Reason.CHANGED if step.reason is Reason.UNCHANGED else step.reason
        step = replace(step, action=Action.UPDATE, reason=reason)
    return replace(step, changes=(*step.changes, *change))


def _with_disposals(step: Step, known: Known) -> Step:
    """What was deposed goes last, once the one in its place is whole: a run that died may have left that on its way."""
    if not known.deposed or step.reason is Reason.BLOCKED:
        return step
    if step.action is Action.NO_OP:
        step = replace(step, action=Action.UPDATE, reason=Reason.DEPOSED)
    disposals = (disposal(observation.id) for observation in known.deposed)
    return replace(step, operations=(*step.operations, *disposals))


def _with_news(step: Step) -> Step:
    """Where nothing else is to be done, a record that is new or moves is the step."""
    if step.action is not Action.NO_OP or step.reason is Reason.GONE or not (step.imported or step.moved_from):
        return step
    action, reason = (Action.IMPORT, Reason.IMPORTED) if step.imported else (Action.MOVE, Reason.MOVED)
    return replace(step, action=action, reason=step.reason if step.reason is Reason.BLOCKED else reason)


def _with_loss(step: Step, known: Known) -> Step:
    if not step.operations:
        return step
    removed = [known.observation] if step.action in {Action.DELETE, Action.REPLACE} and known.observation else []
    altered = known.observation if step.action is Action.UPDATE else None
    return with_loss(step, doomed=[*removed, *known.deposed], altered=altered)
