"""One step of a plan as text: what and why, by which calls, at which loss, and the attributes that move. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from provisioner.diff import Change
from provisioner.model.behavior import Effect
from provisioner.model.secrets import SHOWN
from provisioner.plan import Action, Loss, Reason, Step
from provisioner.planning.losses import WORK_DIRECTORY, volumes_text
from provisioner.planning.protection import PATH as PROTECTION
from provisioner.views.clean import one_line
from provisioner.views.paint import Paint
from provisioner.views.values import (
    KNOWN_AFTER_APPLY,
    Node,
    changed,
    count,
    hidden_line,
    label,
    lines,
    literal,
    nested,
    whole,
)

MARKS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "-/+",
    Action.DELETE: "-",
    Action.FORGET: ".",
}
_VERDICTS = {
    Action.CREATE: "will be created",
    Action.UPDATE: "will be updated in-place",
    Action.REPLACE: "must be replaced",
    Action.DELETE: "will be destroyed",
    Action.FORGET: "will no longer be managed by provisioner, but will not be destroyed",
    Action.IMPORT: "will be imported",
}
_BECAUSE = {
    Reason.GONE: "the recorded instance is not in the account any more",
    Reason.CREATE_FAILED: "its creation failed",
    Reason.FORGOTTEN: "`removed` says destroy: false",
    Reason.TRIGGERED: "replace_triggered_by names what changes",
    Reason.DEPOSED: "an instance that it took the place of is still there",
    Reason.BY_HAND: "that was asked for by hand",
}


def step_lines(step: Step, paint: Paint, width: int) -> Iterator[str]:
    """The block of one step."""
    yield paint("bold", f"  # {header(step)}")
    yield from (f"  # ({remark})" for remark in remarks(step))
    if step.operations:
        yield f"  # operations: {'; '.join(one_line(step.told(operation)) for operation in step.operations)}"
    if lost := lost_text(step):
        yield f"  # {paint('red', 'loses')}: {lost}"
    mark = "+/-" if step.creates_first else MARKS.get(step.action, "")
    opening = f'resource "notebook" "{step.address.key}" {{'
    place = one_line(f"{step.source.file}:{step.source.line}") if step.source else ""
    gap = max(width - len(f"{mark:>3} {opening}{place}"), 2)
    yield f"{' ' * (3 - len(mark))}{paint.mark(mark)} {opening}" + (" " * gap + place if place else "")
    nodes, unchanged = _attributes(step)
    yield from lines(sorted(nodes, key=lambda node: node.name), paint, margin=6)
    if hidden := count(unchanged, "unchanged attribute"):
        yield hidden_line(hidden, paint, margin=6)
    yield "    }"


def header(step: Step) -> str:
    address = one_line(str(step.address))
    if step.action is Action.MOVE:
        return f"{one_line(str(step.moved_from))} has moved to {address}"
    if step.reason is Reason.REQUESTED:
        return f"{address} will be replaced, as requested"
    return f"{address} {_VERDICTS[step.action]}"


def remarks(step: Step) -> Iterator[str]:
    if step.moved_from and step.action is not Action.MOVE:
        yield f"moved from {one_line(str(step.moved_from))}"
    if step.imported:
        yield f'imported from "{one_line(step.id)}"'
    if because := _because(step):
        yield f"because {because}"


def _because(step: Step) -> str:
    """Why, where the verdict does not say it already."""
    match step.reason:
        case Reason.GONE if step.id:
            return f"the recorded instance {one_line(step.id)} is being deleted"
        case Reason.NOT_DECLARED:
            return f"{one_line(str(step.address))} is not in the specs"
        case Reason.BLOCKED:
            return f"nothing else is done: {one_line(step.note)}"
        case _:
            return _BECAUSE.get(step.reason, "")


def lost_text(step: Step) -> str:
    match step.loss:
        case Loss.NONE:
            return ""
        case Loss.CONTAINER:
            return f"everything outside {WORK_DIRECTORY}"
        case Loss.VOLUME:
            return f"the {one_line(volumes_text(step))} and everything in it"


def _attributes(step: Step) -> tuple[list[Node], int]:
    """The lines of a block, and how many attributes they leave out."""
    match step.action:
        case Action.CREATE:
            return [*_all("+", step, step.after), Node("+", "id", KNOWN_AFTER_APPLY)], 0
        case Action.DELETE:
            return _all("-", step, {**step.before, "id": step.id}), 0
        case Action.IMPORT | Action.FORGET:
            return _all(" ", step, {**step.before, "id": step.id}), 0
        case Action.REPLACE:
            identity = Node("~", "id", f"{literal(step.id)} -> {KNOWN_AFTER_APPLY}")
        case _:
            identity = Node(" ", "id", literal(step.id))
    moved = [(top, list(changes)) for top, changes in groupby(step.changes, key=_top)]
    unchanged = len(step.after.keys() - {top for top, _ in moved})
    return [identity, *(_moved(step, top, changes) for top, changes in moved)], unchanged


def _all(mark: str, step: Step, values: Mapping[str, Any]) -> list[Node]:
    """Every attribute as a whole; what is empty says something only where it is declared."""
    told = values if mark == "+" else {name: value for name, value in values.items() if value not in ("", [], {})}
    return [
        Node(mark, label("", name), SHOWN) if name in step.sensitive else whole(mark, label("", name), value)
        for name, value in told.items()
    ]


def _top(change: Change) -> str:
    return change.path.partition(".")[0]


def _moved(step: Step, top: str, changes: list[Change]) -> Node:
    """The changes of one attribute: of itself, or of entries within it."""
    name = label("", top)
    if top in step.sensitive:
        return Node("~" if top in step.before else "+", name, SHOWN)
    if changes[0].path == top:
        return changed(name, changes[0].live, changes[0].desired, note=note_on(step, changes[0]))
    entries = [(change.path.removeprefix(f"{top}."), change) for change in changes]
    children = tuple(
        changed(label(top, entry), change.live, change.desired, note=note_on(step, change)) for entry, change in entries
    )
    unchanged = len(step.after.get(top, {}).keys() - {entry for entry, _ in entries})
    told = step.before.get(top) or changes[0].path == PROTECTION
    return nested("~" if told else "+", name, children, unchanged=unchanged)


def note_on(step: Step, change: Change) -> str:
    """What is remarkable about a change: that it costs the instance, that nobody asked for it in the specs."""
    notes = []
    if step.action is Action.REPLACE and change.effect is Effect.REPLACE:
        notes.append(f"forces replacement{_hindrance(step, change)}")
    if change.moved_by == "outside":
        notes.append("changed outside of provisioner")
    return ", ".join(notes)


def _hindrance(step: Step, change: Change) -> str:
    """API page 6.3: a volume never shrinks, and only EVS grows."""
    if change.path != "volume.capacity" or change.live is None:
        return ""
    if change.desired < change.live:
        return ": a volume cannot shrink"
    return f": a volume of category {one_line(step.after['volume']['category'])} cannot grow"
