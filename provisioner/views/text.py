"""A plan as text for people, in Terraform's words and symbols. Pure: nothing is read, written or decided here.

Other tools read these lines: the headers `  # ADDRESS will be created`, the summary line and the sentence that says
that there is nothing to do are Terraform's to the letter and stand alone on their lines.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.plan import Mode, Plan, Reason
from provisioner.views.approval import approval_paragraph
from provisioner.views.block import step_lines
from provisioner.views.clean import one_line
from provisioner.views.drift import drift_paragraph
from provisioner.views.paint import Paint, in_ascii
from provisioner.views.table import table
from provisioner.views.values import count

INTRODUCTION = "provisioner will perform the following actions:"

_NOTHING_TO_DO = {
    Mode.NORMAL: "No changes. Your infrastructure matches the configuration.",
    Mode.DESTROY: "No changes. No objects need to be destroyed.",
    Mode.REFRESH_ONLY: "No changes. Your infrastructure still matches the configuration.",
}
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
    if not plan.pending and not plan.refused and not (plan.mode is Mode.REFRESH_ONLY and plan.drift):
        return _NOTHING_TO_DO[plan.mode]
    parts = [
        *([f"{summary.take_over} to import"] if summary.take_over else []),
        f"{summary.add} to add",
        f"{summary.change} to change",
        f"{summary.destroy} to destroy",
        *([f"{summary.forget} to forget"] if summary.forget else []),
    ]
    return f"Plan: {', '.join(parts)}."


def _body(plan: Plan, paint: Paint, width: int) -> Iterator[str]:
    if plan.pending:
        yield INTRODUCTION
        for step in plan.pending:
            yield "\n".join(step_lines(step, paint, width))
    yield paint("bold", summary_line(plan))
    if plan.pending:
        yield approval_paragraph(plan, paint, width)
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
