"""A plan as reviewers read it, the riskiest first: a row for each step, and what is to be read before all else. Pure.

Markdown and HTML write down the same values. Every text is one line without controls, and otherwise as foreign as what
it was made of: each view escapes it for its own sink.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from provisioner.errors import Diagnostic
from provisioner.leases import NEVER
from provisioner.model.behavior import Effect
from provisioner.operations import GROWTH, OperationKind
from provisioner.plan import Action, Loss, Plan, Step
from provisioner.views.approval import WORST, warning_of
from provisioner.views.block import MARKS, lost_text, remarks
from provisioner.views.change_words import machine, words_of
from provisioner.views.clean import one_line

_ACCELERATED = re.compile(r"gpu|npu|snt\d|ascend", re.IGNORECASE)
_EVERYWHERE = frozenset({"0.0.0.0/0", "0.0.0.0"})  # noqa: S104 - nothing is bound to it
_RECORDS = frozenset({Action.FORGET, Action.IMPORT, Action.MOVE})
_POWER = frozenset({OperationKind.CREATE, OperationKind.START, OperationKind.STOP})


class Risk(IntEnum):
    """How much a step may spoil, the worst first."""

    DATA_LOSS = 0
    DESTROY = 1
    REPLACE = 2
    RESTART = 3
    UPDATE = 4
    CREATE = 5
    RECORD = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One step.

    mark   the symbol of its action, as in the text of a plan
    words  what changes, in short
    place  `file:line` of its declaration, "" when there is none
    loss   what dies, "" for nothing
    """

    step: Step
    risk: Risk
    mark: str
    address: str
    words: str
    place: str
    loss: str


@dataclass(frozen=True, slots=True)
class Caution:
    """Something to be read first: a fixed word of ours, the address that it is about ("" for the whole plan), and
    what is to be said of it, a paragraph each.
    """

    word: str
    address: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """What is pending, by risk, and what is to be read first, the worst first."""

    rows: tuple[Row, ...]
    cautions: tuple[Caution, ...]


_WORDS = ("REFUSED", *WORST[:1], "REPLACED", *WORST[1:], "EXPOSED", "BILLING", "WARNING")


def review_of(plan: Plan) -> Review:
    rows = sorted((_row(step) for step in plan.pending), key=lambda row: (row.risk, row.step.address))
    cautions = [
        *_diagnosed("REFUSED", (*plan.refusals, *(each for each in plan.warnings if each.severity == "error"))),
        *_diagnosed("WARNING", (each for each in plan.warnings if each.severity != "error")),
        *(caution for row in rows for caution in _cautions(row.step, plan)),
    ]
    return Review(tuple(rows), tuple(sorted(cautions, key=lambda caution: _WORDS.index(caution.word))))


def counts_text(plan: Plan) -> str:
    """`2 add, 1 change, 2 destroy`; only what there is, and whether it may be carried out."""
    summary = plan.summary
    counts = {
        "import": summary.take_over,
        "add": summary.add,
        "change": summary.change,
        "destroy": summary.destroy,
        "forget": summary.forget,
        "move": sum(step.action is Action.MOVE for step in plan.steps),
    }
    told = [f"{number} {what}" for what, number in counts.items() if number] or ["no changes"]
    return ", ".join([*told, "refused"] if plan.refused else told)


def risk_of(step: Step) -> Risk:
    if step.loss is Loss.VOLUME:
        return Risk.DATA_LOSS
    match step.action:
        case Action.DELETE:
            return Risk.DESTROY
        case Action.REPLACE:
            return Risk.REPLACE
        case Action.UPDATE:
            return Risk.RESTART if step.loss is Loss.CONTAINER else Risk.UPDATE
        case Action.CREATE:
            return Risk.CREATE
        case _:
            return Risk.RECORD


def _row(step: Step) -> Row:
    return Row(
        step,
        risk_of(step),
        "+/-" if step.creates_first else MARKS.get(step.action, ""),
        one_line(str(step.address)),
        words_of(step),
        one_line(f"{step.source.file}:{step.source.line}") if step.source else "",
        lost_text(step),
    )


def _diagnosed(word: str, diagnostics: Iterable[Diagnostic]) -> Iterator[Caution]:
    for each in diagnostics:
        place = f"{each.range.file}:{each.range.line}" if each.range else ""
        code = f"{each.code}: " if each.code else ""
        texts = (code + each.summary, each.detail, f"hint: {each.hint}" if each.hint else "", place)
        yield Caution(word, one_line(each.address), tuple(one_line(text) for text in texts if text))


def _cautions(step: Step, plan: Plan) -> Iterator[Caution]:
    address = one_line(str(step.address))
    if warned := warning_of(step, plan):
        yield Caution(warned.word, address, tuple(map(one_line, warned.paragraphs)))
    if step.action is Action.REPLACE:
        yield Caution("REPLACED", address, tuple(_replaced(step)))
    if exposed := _exposed(step):
        yield Caution("EXPOSED", address, (exposed,))
    if bills := tuple(text for text in (*_bills(step), _grown(step)) if text):
        yield Caution("BILLING", address, bills)


def _replaced(step: Step) -> Iterator[str]:
    """Which field it is, and what has to be told to whoever works there."""
    fields = [change.path for change in step.changes if change.effect is Effect.REPLACE]
    yield from [f"{one_line(', '.join(fields))} cannot be changed in place"] if fields else remarks(step)
    yield f"the id {one_line(step.id)} ends, another one takes its place"


def _exposed(step: Step) -> str:
    """That SSH is opened to everybody, where this plan does that."""
    wide = _open_to_all(step.after)
    if not wide or (_open_to_all(step.before) and step.action is not Action.REPLACE):
        return ""
    return "SSH is open to every address: allowed_access_ips names none"


def _open_to_all(attributes: Mapping[str, Any]) -> bool:
    ssh = [each for each in attributes.get("endpoints") or () if each.get("service") == "SSH"]
    allowed = [set(each.get("allowed_access_ips") or ()) for each in ssh]
    return any(not addresses or addresses & _EVERYWHERE for addresses in allowed)


def _bills(step: Step) -> Iterator[str]:
    """What may cost more afterwards. Prices are not known here."""
    if not _runs(step):
        return
    ran = step.before.get("desired_status") == "RUNNING"
    was, will = machine(step, step.before), machine(step, step.after)
    if _accelerated(step.after) and not (ran and _accelerated(step.before)):
        yield one_line(f"an accelerator runs: {will}")
    elif step.before and not ran:
        yield one_line(f"starts to run: {will}")
    elif any(change.path in {"flavor", "custom_spec"} for change in step.changes):
        yield one_line(f"another flavor, another price: {was} → {will}")
    if step.after.get("lease") == NEVER and step.before.get("lease") != NEVER:
        yield "runs without end: `lease: never`"


def _grown(step: Step) -> str:
    """How much more storage there is; it is paid for while the instance stands still, too."""
    for change in step.changes:
        if change.path == GROWTH and change.live and change.desired > change.live and "volume" not in step.sensitive:
            return f"the volume grows by {change.desired - change.live} GB"
    return ""


def _runs(step: Step) -> bool:
    """Whether it runs once this step is done."""
    if step.action in _RECORDS or step.action is Action.DELETE:
        return False
    powers = [operation.kind for operation in step.operations if operation.kind in _POWER]
    return powers[-1] is not OperationKind.STOP if powers else step.before.get("desired_status") == "RUNNING"


def _accelerated(attributes: Mapping[str, Any]) -> bool:
    custom = attributes.get("custom_spec") or {}
    return bool(custom.get("gpu") or _ACCELERATED.search(str(attributes.get("flavor") or "")))
