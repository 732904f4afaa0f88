"""What a reviewer must not overlook, below a plan: data that dies, downtime, what goes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from provisioner.model.address import Address
from provisioner.plan import Action, Loss, Plan, Reason, Step
from provisioner.planning.losses import WORK_DIRECTORY, deletes, safer_way, surviving_mounts, volumes_text
from provisioner.views.clean import one_line
from provisioner.views.paint import Paint

WORST = ("DATA LOSS", "DOWNTIME", "removed")
# Stands for a space in what is to be copied; `one_line` leaves none of these in a text.
_KEPT = "\0"
_TO_COPY = re.compile(r"`[^`]*`")
# A column narrower than this is hard to read: the text then stands below its address.
_NARROWEST = 40


@dataclass(frozen=True, slots=True)
class Warned:
    """One row: what it is about, and what is to be said of it, a paragraph each."""

    word: str
    address: Address
    paragraphs: tuple[str, ...]


def approval_paragraph(plan: Plan, paint: Paint, width: int) -> str:
    """What a reviewer must not overlook, the worst first."""
    found = [warning for step in plan.pending if (warning := warning_of(step, plan))]
    if not found:
        return ""
    found.sort(key=lambda warning: (WORST.index(warning.word), warning.address))
    words = max(len(warning.word) for warning in found)
    addresses = max(len(one_line(str(warning.address))) for warning in found)
    margin = len("  ! ") + words + 2 + addresses + 2
    lines = (line for each in found for line in _lines(each, paint, words, addresses, margin=margin, width=width))
    return "\n".join([paint("bold", "Before you approve"), *lines])


def _lines(warning: Warned, paint: Paint, words: int, addresses: int, *, margin: int, width: int) -> Iterator[str]:
    mark = paint.mark("-" if warning.word == "removed" else "!")
    head = f"  {mark} {warning.word.ljust(words)}  {one_line(str(warning.address))}"
    beside = width - margin >= _NARROWEST
    indent = margin if beside else len("      ")
    texts = [line for paragraph in warning.paragraphs for line in _wrapped(paragraph, max(width - indent, 20))]
    if beside:
        head += " " * (addresses - len(one_line(str(warning.address)))) + "  " + texts.pop(0)
    yield head
    yield from (" " * indent + text for text in texts)


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width`, but for what cannot be broken: words, and what is to be copied."""
    whole = _TO_COPY.sub(lambda found: found[0].replace(" ", _KEPT), one_line(text))
    lines = wrap(whole, width, break_long_words=False, break_on_hyphens=False)
    return [line.replace(_KEPT, " ") for line in lines]


def warning_of(step: Step, plan: Plan) -> Warned | None:
    """What one step is warned of, if anything."""
    gone = ", not in the specs any more" if step.reason is Reason.NOT_DECLARED else ""
    match step.loss, step.action:
        case Loss.VOLUME, _:
            return Warned("DATA LOSS", step.address, tuple(_of_data_loss(step, plan)))
        case _, Action.DELETE:
            kept = "; its volume is kept" if step.loss is Loss.CONTAINER else ""
            return Warned("removed", step.address, (f"destroyed{gone}{kept}",))
        case Loss.CONTAINER, Action.REPLACE:
            text = "replaced, its volume is kept; id, URL and SSH address are new"
            return Warned("DOWNTIME", step.address, (text,))
        case Loss.CONTAINER, _:
            kinds = ", ".join(dict.fromkeys(operation.kind for operation in step.operations))
            text = f"{kinds}; what is outside {WORK_DIRECTORY} is lost"
            return Warned("DOWNTIME", step.address, (text,))
        case _:
            return None


def _of_data_loss(step: Step, plan: Plan) -> Iterator[str]:
    """What dies for good, what stays, and how to lose less."""
    why = "not in the specs any more: " if step.reason is Reason.NOT_DECLARED else ""
    are = "are" if len(step.losing) > 1 else "is"
    how = "deleted with the instance" if deletes(step) else "taken away"
    if deletes(step) and step.action is Action.UPDATE:
        how = "deleted with the instance that was replaced before"
    yield f"{why}the {volumes_text(step, plan.made_at)} {are} {how} and cannot be recovered"
    if step.action is Action.REPLACE:
        yield f"packages outside {WORK_DIRECTORY} go too; id, URL and SSH address are new"
    if mounts := surviving_mounts(step):
        yield f"stays: {', '.join(mounts)}"
    yield from safer_way(step, plan.mode)
