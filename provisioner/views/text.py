"""A plan as text for people, in Terraform's words and symbols. Pure: nothing is read, written or decided here.

Other tools read these lines: the headers `  # ADDRESS will be created`, the summary line and the sentence that says
that there is nothing to do are Terraform's to the letter and stand alone on their lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from provisioner.diff import Change
from provisioner.model.address import Address
from provisioner.model.behavior import Effect
from provisioner.plan import Action, Loss, Mode, Plan, Reason, Step, volume_text
from provisioner.views.clean import one_line
from provisioner.views.drift import drift_paragraph
from provisioner.views.paint import Paint, in_ascii
from provisioner.views.table import table
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

INTRODUCTION = "provisioner will perform the following actions:"
WORK_DIRECTORY = "/home/ma-user/work"

_MARKS = {Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "-/+", Action.DELETE: "-"}
_VERDICTS = {
    Action.CREATE: "will be created",
    Action.UPDATE: "will be updated in-place",
    Action.REPLACE: "must be replaced",
    Action.DELETE: "will be destroyed",
}
_NOTHING_TO_DO = {
    Mode.NORMAL: "No changes. Your infrastructure matches the configuration.",
    Mode.DESTROY: "No changes. No objects need to be destroyed.",
    Mode.REFRESH_ONLY: "No changes. Your infrastructure still matches the configuration.",
}
_WORST = ("DATA LOSS", "DOWNTIME", "removed")
_REFRESH_ONLY = (
    "This is a refresh-only plan: no notebook is touched. Apply it with --refresh-only\n"
    "to record what is live, or apply the specs to restore what they declare."
)
# A line of a spec stands at the right, but not at the far end of a very wide terminal.
_WIDEST = 100


def plan_text(plan: Plan, *, color: bool, width: int, ascii_only: bool = False) -> str:
    """The whole screen, ending in a newline."""
    paint = Paint(color)
    calm = [step for step in plan.steps if step.note and step.reason is Reason.UNCHANGED]
    paragraphs = [drift_paragraph(plan, paint), *_body(plan, paint, min(width, _WIDEST))]
    if calm:
        rows = [(one_line(str(step.address)), one_line(step.note)) for step in calm]
        paragraphs.append("\n".join(["Left as it is:", *table(rows, indent="  ")]))
    text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
    return in_ascii(text) if ascii_only else text


def summary_line(plan: Plan) -> str:
    """The line that other tools read. Nothing else may stand on it."""
    summary = plan.summary
    if summary.nothing and not plan.refused and not (plan.mode is Mode.REFRESH_ONLY and plan.drift):
        return _NOTHING_TO_DO[plan.mode]
    return f"Plan: {summary.add} to add, {summary.change} to change, {summary.destroy} to destroy."


def _body(plan: Plan, paint: Paint, width: int) -> Iterator[str]:
    if plan.pending:
        yield INTRODUCTION
        for step in plan.pending:
            yield "\n".join(_block(step, paint, width))
    yield paint("bold", summary_line(plan))
    if plan.pending:
        yield _before_you_approve(plan, paint)
    elif plan.mode is Mode.REFRESH_ONLY:
        yield _REFRESH_ONLY if plan.drift else f"Stack {one_line(plan.stack)}, serial {plan.serial}."
    else:
        yield _checked(plan)


def _checked(plan: Plan) -> str:
    """What was looked at when there is nothing to do."""
    blocked = sum(step.reason is Reason.BLOCKED for step in plan.steps)
    where = f"in stack {one_line(plan.stack)}, serial {plan.serial}."
    if not plan.steps:
        return f"No notebooks {where}"
    alone = f" {blocked} left alone, see the warnings." if blocked else ""
    return f"{count(len(plan.steps), 'notebook')} checked {where}{alone}"


def _block(step: Step, paint: Paint, width: int) -> Iterator[str]:
    """One step: what and why, by which calls, at which loss, and the attributes."""
    address = one_line(str(step.address))
    verdict = "will be replaced, as requested" if step.reason is Reason.REQUESTED else _VERDICTS[step.action]
    yield paint("bold", f"  # {address} {verdict}")
    if because := _because(step):
        yield f"  # (because {because})"
    yield f"  # operations: {'; '.join(one_line(str(operation)) for operation in step.operations)}"
    if lost := _lost(step):
        yield f"  # {paint('red', 'loses')}: {lost}"
    mark = _MARKS[step.action]
    opening = f'resource "notebook" "{step.address.key}" {{'
    place = one_line(f"{step.source.file}:{step.source.line}") if step.source else ""
    gap = max(width - len(f"{mark:>3} {opening}{place}"), 2)
    yield f"{mark:>3}".replace(mark, paint.mark(mark)) + f" {opening}" + (" " * gap + place if place else "")
    nodes, unchanged = _attributes(step)
    yield from lines(sorted(nodes, key=lambda node: node.name), paint, margin=6)
    if hidden := count(unchanged, "unchanged attribute"):
        yield hidden_line(hidden, paint, margin=6)
    yield "    }"


def _because(step: Step) -> str:
    """Why, where the verdict does not say it already."""
    match step.reason:
        case Reason.GONE if step.id:
            return f"the recorded instance {one_line(step.id)} is being deleted"
        case Reason.GONE:
            return "the recorded instance is not in the account any more"
        case Reason.CREATE_FAILED:
            return "its creation failed"
        case Reason.NOT_DECLARED:
            return f"{one_line(str(step.address))} is not in the specs"
        case _:
            return ""


def _lost(step: Step) -> str:
    match step.loss:
        case Loss.NONE:
            return ""
        case Loss.CONTAINER:
            return f"everything outside {WORK_DIRECTORY}"
        case Loss.VOLUME:
            return f"the {one_line(volume_text(step.before))} and everything in it"


def _attributes(step: Step) -> tuple[list[Node], int]:
    """The lines of a block, and how many attributes they leave out."""
    match step.action:
        case Action.CREATE:
            nodes = [whole("+", label("", name), value) for name, value in step.after.items()]
            return [*nodes, Node("+", "id", KNOWN_AFTER_APPLY)], 0
        case Action.DELETE:
            told = {name: value for name, value in step.before.items() if value not in ("", [], {})}
            return [whole("-", label("", name), value) for name, value in {**told, "id": step.id}.items()], 0
        case Action.REPLACE:
            identity = Node("~", "id", f"{literal(step.id)} -> {KNOWN_AFTER_APPLY}")
        case _:
            identity = Node(" ", "id", literal(step.id))
    moved = [(top, list(changes)) for top, changes in groupby(step.changes, key=_top)]
    unchanged = len(step.after.keys() - {top for top, _ in moved})
    return [identity, *(_moved(step, top, changes) for top, changes in moved)], unchanged


def _top(change: Change) -> str:
    return change.path.partition(".")[0]


def _moved(step: Step, top: str, changes: list[Change]) -> Node:
    """The changes of one attribute: of itself, or of entries within it."""
    name = label("", top)
    if changes[0].path == top:
        return changed(name, changes[0].live, changes[0].desired, note=_note(step, changes[0]))
    entries = [(change.path.removeprefix(f"{top}."), change) for change in changes]
    children = tuple(
        changed(label(top, entry), change.live, change.desired, note=_note(step, change)) for entry, change in entries
    )
    unchanged = len(step.after.get(top, {}).keys() - {entry for entry, _ in entries})
    return nested("~" if step.before.get(top) else "+", name, children, unchanged=unchanged)


def _note(step: Step, change: Change) -> str:
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


def _before_you_approve(plan: Plan, paint: Paint) -> str:
    """What a reviewer must not overlook, the worst first."""
    rows = sorted(filter(None, map(_warning, plan.pending)), key=lambda row: (_WORST.index(row[0]), row[1]))
    if not rows:
        return ""
    cells = [
        (f"{paint.mark('-' if word == 'removed' else '!')} {word}", one_line(str(address)), one_line(text))
        for word, address, text in rows
    ]
    return "\n".join([paint("bold", "Before you approve"), *table(cells, indent="  ")])


def _warning(step: Step) -> tuple[str, Address, str] | None:
    gone = ", not in the specs any more" if step.reason is Reason.NOT_DECLARED else ""
    match step.loss, step.action:
        case Loss.VOLUME, _:
            return "DATA LOSS", step.address, f"the {volume_text(step.before)} is deleted with the instance{gone}"
        case _, Action.DELETE:
            kept = "; its volume is kept" if step.loss is Loss.CONTAINER else ""
            return "removed", step.address, f"destroyed{gone}{kept}"
        case Loss.CONTAINER, Action.REPLACE:
            return "DOWNTIME", step.address, "replaced, its volume is kept; id, URL and SSH address are new"
        case Loss.CONTAINER, _:
            kinds = ", ".join(dict.fromkeys(operation.kind for operation in step.operations))
            return "DOWNTIME", step.address, f"{kinds}; what is outside {WORK_DIRECTORY} is lost"
        case _:
            return None
