"""One step of a plan in one line of words: `flavor cpu.2u → cpu.8u (restart)`. Pure.

What is said is short and need not be complete: `block` shows every value in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.diff import Change
from provisioner.model.behavior import Effect
from provisioner.model.fields import duration_text
from provisioner.model.secrets import SHOWN
from provisioner.operations import GROWTH
from provisioner.plan import Action, Reason, Step
from provisioner.views.clean import one_line
from provisioner.views.values import inline

_FEW = 4
_LONGEST = 48
_ID_DIGITS = 8
_FLAVORS = ("modelarts.vm.", "modelarts.")

# What people call it, where that is not the name of the field.
_CALLED = {"image_id": "image", "pool_id": "pool", "workspace_id": "workspace", "desired_status": "power"}
_BARE = frozenset(
    {"pool_id", "workspace_id", "desired_status", "feature", "lease", "volume.category", "volume.ownership"}
)
_WITHOUT_CHANGES = {
    Reason.NOT_DECLARED: "removed from the specs",
    Reason.DESTROY: "destroyed",
    Reason.DEPOSED: "the instance that it took the place of is deleted",
    Reason.FORGOTTEN: "forgotten, the instance stays",
    Reason.REQUESTED: "replaced, as requested",
    Reason.CREATE_FAILED: "made anew: its creation failed",
    Reason.BY_HAND: "asked for by hand",
    Reason.IMPORTED: "imported",
    Reason.MOVED: "moved",
}


def words_of(step: Step) -> str:
    """What happens, in one line without controls."""
    return one_line("; ".join(_parts(step)))


def _parts(step: Step) -> Iterator[str]:
    if step.moved_from:
        yield f"moved from {step.moved_from}"
    if step.imported:
        yield f"imported from {step.id}"
    if step.action is Action.CREATE:
        yield _created(step)
    elif step.action in {Action.UPDATE, Action.REPLACE} and step.changes:
        changes = list(dict.fromkeys(_change(step, change) for change in step.changes))
        yield from changes[:_FEW]
        if len(changes) > _FEW:
            yield f"{len(changes) - _FEW} more"
    elif not (step.moved_from or step.imported):
        yield _WITHOUT_CHANGES.get(step.reason, "")


def _created(step: Step) -> str:
    """The size of what is made."""
    volume = step.after.get("volume", {})
    size = f"{volume['capacity']} GB " if "capacity" in volume else ""
    parts = [machine(step, step.after), f"{size}{volume.get('category', '')}".strip()]
    parts += ["stopped"] if step.after.get("desired_status") == "STOPPED" else []
    why = " (the recorded instance is gone)" if step.reason is Reason.GONE else ""
    return ", ".join(part for part in parts if part) + why


def machine(step: Step, attributes: Mapping[str, Any]) -> str:
    """What it runs on."""
    if custom := attributes.get("custom_spec"):
        cards = f", {custom['gpu']} cards" if custom.get("gpu") else ""
        return SHOWN if "custom_spec" in step.sensitive else f"{custom['cpu']} cores, {custom['memory']} MB{cards}"
    return SHOWN if "flavor" in step.sensitive else _flavor(attributes.get("flavor", ""))


def _change(step: Step, change: Change) -> str:
    top, _, entry = change.path.partition(".")
    return f"{_moved(step, change, top, entry)}{_cost(step, change)}"


def _moved(step: Step, change: Change, top: str, entry: str) -> str:
    called = _CALLED.get(change.path, change.path.replace("_", " "))
    if top in step.sensitive:
        return f"{_CALLED.get(top, top.replace('_', ' '))} {SHOWN}"
    match top:
        case "tags":
            return _tag(entry, change)
        case "endpoints" | "storages" | "data_volumes" | "hooks" | "affinity" | "custom_spec":
            return f"{top.replace('_', ' ')} changed"
        case "lifecycle":
            return f"{entry} switched {'on' if change.desired else 'off'}"
        case "volume" if change.path == GROWTH and change.live is not None and change.desired is not None:
            return f"volume {change.live} → {change.desired} GB"
        case _:
            live, desired = _value(change.path, change.live), _value(change.path, change.desired)
            return f"{called} {desired}" if change.live is None else f"{called} {live} → {desired}"


def _tag(key: str, change: Change) -> str:
    if change.desired is None:
        return f"tag {_cut(key)} removed"
    old = "" if change.live is None else f"{_cut(inline(change.live))} → "
    return f"tag {_cut(key)} {old}{_cut(inline(change.desired))}"


def _value(path: str, value: Any) -> str:
    match path, value:
        case _, None:
            text = "none"
        case "flavor", str():
            text = _flavor(value)
        case "image_id", str():
            text = value[:_ID_DIGITS]
        case "lease", Mapping():
            text = f"{duration_text(value['duration'])} {value.get('type', '')}".rstrip()
        case path, str() if path in _BARE:
            text = value
        case _:
            text = inline(value)
    return _cut(text)


def _flavor(name: str) -> str:
    """A flavor as people call it: `cpu.2u` is `modelarts.vm.cpu.2u`."""
    return next((name.removeprefix(prefix) for prefix in _FLAVORS if name.startswith(prefix)), name)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _cost(step: Step, change: Change) -> str:
    """What a change takes, and who made it."""
    notes = []
    if step.action is Action.REPLACE and change.effect is Effect.REPLACE:
        notes.append("forces replacement")
    elif step.action is Action.UPDATE and change.effect is Effect.RESTART:
        notes.append("restart")
    if change.moved_by == "outside":
        notes.append("changed outside")
    return f" ({', '.join(notes)})" if notes else ""
