"""One change of a plan in Terraform's JSON: what a notebook is before and after it, and the patch. Pure.

The document around it is in `plan`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from provisioner.drift import Drift
from provisioner.model.behavior import Effect
from provisioner.model.secrets import Secrets
from provisioner.operations import OperationKind
from provisioner.plan import Action, Reason, Step
from provisioner.planning.secrecy import sensitive_fields
from provisioner.state.document import Deposed, Record
from provisioner.tfjson.address import identity
from provisioner.tfjson.attributes import (
    after_change,
    before_change,
    deposed,
    existing,
    masked,
    named,
    path_of,
    told,
    unknown_after,
    unknown_at_creation,
    was_protected,
)

# Terraform's words; where it has none for a reason it says nothing. Readers tolerate a word that they do not know.
ACTION_REASONS: Mapping[Reason, str] = {
    Reason.CANNOT_UPDATE: "replace_because_cannot_update",
    Reason.REQUESTED: "replace_by_request",
    Reason.TRIGGERED: "replace_by_triggers",
    Reason.CREATE_FAILED: "replace_because_tainted",
    Reason.NOT_DECLARED: "delete_because_no_resource_config",
    Reason.FORGOTTEN: "delete_because_no_resource_config",
    Reason.BLOCKED: "blocked",
}
_MADE = frozenset({Action.CREATE, Action.REPLACE})
_REMOVED = frozenset({Action.DELETE, Action.FORGET})


def changes_of(step: Step, record: Record | None, region: str, secrets: Secrets) -> Iterator[dict[str, Any]]:
    """The change of a step, and those of the deposed instances that it deletes. `record` is what is recorded once the
    plan is made.
    """
    if step.action is Action.NO_OP and step.reason is Reason.GONE:
        return  # it is neither declared nor there; `resource_drift` tells of it
    yield _change_of(step, record, region, secrets)
    for each in _doomed(step):
        gone = _change(["delete"], deposed(each.id, each.workspace_id, region), None, secrets=secrets)
        yield {**identity(step.address), "deposed": deposed_key(each), "change": gone}


def drift_of(drift: Drift, record: Record | None, region: str, secrets: Secrets) -> dict[str, Any]:
    """What moved outside, as an update, or as a delete when the instance is gone. `record` is what was recorded."""
    protected = bool(record and record.protected)
    before, after = (_observed(each, drift.id, region, protected=protected) for each in (drift.recorded, drift.live))
    actions = ["delete"] if after is None else ["update"]
    sensitive = sensitive_fields(record)
    return {**identity(drift.address), "change": _change(actions, before, after, sensitive=sensitive, secrets=secrets)}


def actions_of(step: Step) -> list[str]:
    match step.action:
        case Action.REPLACE:
            return ["create", "delete"] if step.creates_first else ["delete", "create"]
        case Action.IMPORT | Action.MOVE:
            return ["no-op"]
        case Action.UPDATE if step.clears_only:
            return ["no-op"]  # the instance in its place stays as it is
        case action:
            return [str(action)]


def deposed_key(each: Deposed) -> str:
    """Terraform's are eight characters too."""
    return each.id[:8]


def patch_between(before: Any, after: Any) -> list[dict[str, Any]]:
    """RFC 6902. Without moves: that one tag went is no reason why another came."""
    if before == after:
        return []  # as for most: comparing all of it in depth takes long
    import jsonpatch  # slow to load, and only documents want it

    patch: list[dict[str, Any]] = jsonpatch.JsonPatch.from_diff(before, after, optimization=False).patch
    return patch


def _change_of(step: Step, record: Record | None, region: str, secrets: Secrets) -> dict[str, Any]:
    before, after, unknown = _sides(step, record, region)
    change = _change(
        actions_of(step), before, after, unknown, sensitive=step.sensitive | sensitive_fields(record), secrets=secrets
    )
    if step.action is Action.REPLACE and (paths := _replace_paths(step)):
        change["replace_paths"] = paths
    if step.imported:
        change["importing"] = {"id": step.id}
    moved = {"previous_address": step.moved_from.terraform} if step.moved_from else {}
    reason = {"action_reason": ACTION_REASONS[step.reason]} if step.reason in ACTION_REASONS else {}
    return {**identity(step.address), **moved, "change": change, **reason}


_Values = dict[str, Any] | None


def _sides(step: Step, record: Record | None, region: str) -> tuple[_Values, _Values, dict[str, Any]]:
    """What it is before and after, and what is not known of the latter."""
    held = None if step.action is Action.CREATE or record is None else _held(step, record)
    before = None
    if held is not None and record is not None:
        before = existing(before_change(held, step.changes), record, region)
        before["prevent_destroy"] = was_protected(step.changes, protected=record.protected)
    if step.action in _REMOVED:
        return before, None, {}
    if step.action in _MADE:
        made = named(step.after) | {"prevent_destroy": step.protected} | ({"region": region} if region else {})
        return before, dict(sorted(made.items())), unknown_at_creation(made)
    if held is None or record is None:
        return None, None, {}  # blocked before there is anything
    unknown = unknown_after(step.changes)
    after = existing(after_change(held, step.changes), record, region) | {"prevent_destroy": step.protected}
    return before, {name: after[name] for name in after if name not in unknown}, dict.fromkeys(sorted(unknown), True)


def _held(step: Step, record: Record) -> dict[str, Any]:
    """The attributes of the instance, in the form of a spec: those that the step was planned on."""
    found = told(record)
    return {**found, **step.before} if step.before and step.action is not Action.FORGET else found


def _change(
    actions: Sequence[str],
    before: _Values,
    after: _Values,
    unknown: Mapping[str, Any] | None = None,
    *,
    sensitive: Collection[str] = (),
    secrets: Secrets,
) -> dict[str, Any]:
    shown_before, before_sensitive = _without_secrets(before, sensitive, secrets)
    shown_after, after_sensitive = _without_secrets(after, sensitive, secrets)
    return {
        "actions": list(actions),
        "before": shown_before,
        "after": shown_after,
        "after_unknown": dict(unknown or {}),
        "before_sensitive": before_sensitive,
        "after_sensitive": after_sensitive,
        "patch": [*patch_between(shown_before, shown_after), *_unseen((before, after), (shown_before, shown_after))],
    }


def _unseen(values: tuple[_Values, _Values], shown: tuple[_Values, _Values]) -> Iterator[dict[str, Any]]:
    """What changes and looks the same, since no value of it is shown: the patch must not say that nothing does."""
    before, after = ({} if side is None else side for side in values)
    seen_before, seen_after = ({} if side is None else side for side in shown)
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name] and seen_before[name] == seen_after[name]:
            yield {"op": "replace", "path": f"/{name}", "value": seen_after[name]}


def _without_secrets(
    values: _Values, sensitive: Collection[str], secrets: Secrets
) -> tuple[_Values, dict[str, bool] | bool]:
    """Terraform writes false where there is nothing."""
    if values is None:
        return None, False
    shown, marks = masked(values, sensitive)
    return secrets.hidden(shown), marks


def _replace_paths(step: Step) -> list[list[str | int]]:
    return [path_of(change.path) for change in step.changes if change.effect is Effect.REPLACE]


def _doomed(step: Step) -> Iterator[Deposed]:
    """The instances deposed before, which the step deletes."""
    deletions = {each.deposed for each in step.operations if each.kind is OperationKind.DELETE} - {"", step.id}
    known = {each.id: each for each in (step.record.deposed if step.record else ())}
    return (known.get(identifier) or Deposed(id=identifier) for identifier in sorted(deletions))


def _observed(payload: Mapping[str, Any] | None, identifier: str, region: str, *, protected: bool) -> _Values:
    if payload is None:
        return None
    observed = {name: value for name, value in payload.items() if name != "status"}
    record = Record(id=identifier, status=payload.get("status", ""), protected=protected, observed=observed)
    return existing(told(record), record, region)
