"""What changed outside since it was recorded, one line for each field: the note above a plan, the screen and the
document of `drift`. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.drift import Cause, Drift, FieldDrift
from provisioner.errors import SourceRange
from provisioner.model.address import Address
from provisioner.model.fields import duration_text
from provisioner.model.observation import Observation
from provisioner.plan import Mode, Plan
from provisioner.spec.document import Declaration, Spec
from provisioner.views.clean import one_line
from provisioner.views.paint import Paint, in_ascii
from provisioner.views.table import table
from provisioner.views.values import count, inline, literal

HEADING = "Note: Objects have changed outside of provisioner"
FORMAT = "provisioner.drift/1"

_LONGEST = 60
BECAUSE = {
    Cause.OUTSIDE: "changed outside",
    Cause.SERVICE: "by the service",
    Cause.LEASE: "stopped by its lease",
    Cause.FREE_PURGE: "free instances vanish when idle for 72 hours",
    Cause.OWN_RUN: "an interrupted run of ours went on",
    Cause.BY_HAND: "by provisioner start, stop or extend",
    Cause.SAVED_IMAGE: "a saved image",
    Cause.UNDER_WAY: "what was under way goes on",
    Cause.AS_DECLARED: "as the spec says",
    Cause.IGNORED: "the spec leaves it alone",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """One stack as `drift` found it. `plan` is a refresh-only plan: it tells what moved and does nothing."""

    spec: Spec
    plan: Plan
    strays: tuple[Observation, ...]
    recorded: int
    requests: int
    seconds: float

    @property
    def foreign(self) -> tuple[Drift, ...]:
        return tuple(drift for drift in self.plan.drift if not drift.expected)

    @property
    def drifted(self) -> bool:
        return bool(self.foreign or self.strays)


def drift_paragraph(plan: Plan, paint: Paint) -> str:
    """The note above a plan; empty when nothing moved that anybody would wonder about. A refresh-only plan shows all
    that it would record.
    """
    everything = plan.mode is Mode.REFRESH_ONLY
    explained = {step.address for step in plan.steps if step.note}
    rows = [
        row
        for drift in plan.drift
        for row in _rows(drift, paint, expected=None if everything else False)
        if row[1] != "status" or drift.address not in explained
    ]
    told = [(*row[:3], "" if row[3] == BECAUSE[Cause.OUTSIDE] else row[3]) for row in rows]  # the heading says so
    return "\n".join([paint("bold", HEADING), "", *table(told, indent="  ")]) if told else ""


def drift_screen(checked: Checked, command: str, *, color: bool, ascii_only: bool = False) -> str:
    """The whole screen of one stack. `command` is how `apply` is called for it, ready for a shell."""
    paint = Paint(color)
    number = len(checked.foreign)
    differ = f"{count(number, 'object')} differ{'s' if number == 1 else ''} from the last applied state"
    paragraphs = [
        _paragraph(
            f"Note: {differ}", (row for each in checked.plan.drift for row in _rows(each, paint, expected=False))
        ),
        _paragraph("Expected", (row for d in checked.plan.drift for row in _rows(d, paint, expected=True))),
        _paragraph("Unmanaged, with the mark of this stack", (_stray(stray, paint) for stray in checked.strays)),
        "\n".join([paint("bold", _summary(checked)), *_ways_out(checked, command)]),
    ]
    text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
    return in_ascii(text) if ascii_only else text


def drift_document(stacks: Sequence[Checked]) -> dict[str, Any]:
    """What scripts read; `docs/drift.md` is its reference. Holds nothing that two runs would see differently."""
    return {
        "format": FORMAT,
        "drifted": any(checked.drifted for checked in stacks),
        "stacks": [
            {
                "stack": checked.spec.stack,
                "serial": checked.plan.serial,
                "checked": checked.recorded,
                "drift": [_document(drift) for drift in checked.plan.drift],
                "unmanaged": [{"id": each.id, "name": each.name, "status": each.status} for each in checked.strays],
            }
            for checked in stacks
        ],
    }


def _document(drift: Drift) -> dict[str, Any]:
    found: dict[str, Any] = {
        "address": str(drift.address),
        "id": drift.id,
        "action": "delete" if drift.gone else "update",
        "expected": drift.expected,
    }
    if drift.gone:
        return {**found, "cause": str(drift.gone), "changes": []}
    changes = [
        {
            "path": change.path,
            "field": change.field,
            "recorded": change.recorded,
            "live": change.live,
            "cause": str(change.cause),
            "expected": change.cause.expected,
        }
        for change in drift.changes
    ]
    return {**found, "changes": changes}


def _paragraph(heading: str, rows: Iterable[tuple[str, ...]]) -> str:
    lines = list(table(list(rows), indent="  "))
    return "\n".join([heading, "", *lines]) if lines else ""


def _rows(drift: Drift, paint: Paint, *, expected: bool | None) -> Iterator[tuple[str, str, str, str]]:
    """A row for each change that is expected or not; None: for each."""
    address = one_line(str(drift.address))
    if drift.gone and expected in {None, drift.gone.expected}:
        yield f"{paint.mark('-')} {address}", "missing", "not in the account any more", BECAUSE[drift.gone]
    for change in drift.changes:
        if expected in {None, change.cause.expected}:
            mark = "+" if change.recorded is None else "-" if change.live is None else "~"
            told = f"{short(change, change.recorded)} -> {short(change, change.live)}"
            yield f"{paint.mark(mark)} {address}", one_line(change.path), told, because(drift, change)


def because(drift: Drift, change: FieldDrift) -> str:
    reason = f": {one_line(drift.reason)}" if change.cause is Cause.SERVICE and drift.reason else ""
    return f"{BECAUSE[change.cause]}{reason}"


def _stray(stray: Observation, paint: Paint) -> tuple[str, ...]:
    return f"{paint.mark('+')} {one_line(stray.id)}", one_line(stray.name), one_line(stray.status)


def short(change: FieldDrift, value: Any) -> str:
    if change.path == "status":
        return one_line(str(value))
    if change.path == "lease.duration" and isinstance(value, int):
        return literal(duration_text(value))
    text = inline(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _summary(checked: Checked) -> str:
    asked = count(checked.requests, "request") or "0 requests"
    looked = count(checked.recorded, "notebook") or "0 notebooks"
    found = f"Drift: {len(checked.foreign)} changed, {len(checked.strays)} unmanaged."
    return f"{found} Checked {looked} in {asked}, {checked.seconds:.1f}s."


def _ways_out(checked: Checked, command: str) -> Iterator[str]:
    """What to do about it, each as a command or an edit."""
    ways = [way for drift in checked.plan.drift for way in _keeping(drift, checked.spec.notebooks)]
    rows = [("keep the live value:", one_line(f"{way}, then {command}")) for way in dict.fromkeys(ways)]
    if rows or checked.foreign:
        rows.append(("only record it:", f"{command} --refresh-only"))
    if ways:
        rows.append(("restore the YAML:", command))
    yield from table(rows, indent="  ") if rows else ()


def _keeping(drift: Drift, declared: Mapping[Address, Declaration]) -> Iterator[str]:
    """How the specs are brought to say what is live, for what they tell of and apply would undo."""
    declaration = declared.get(drift.address)
    if declaration is None:
        return
    if drift.gone and not drift.expected:
        yield f"remove {drift.address} at {_place(declaration.source)}"
    for change in drift.changes:
        source = _declared_at(change, declaration)
        if _would_be_undone(change) and source and (value := _as_written(change, drift)):
            yield f"write it at {_place(source)} ({value})"


def _would_be_undone(change: FieldDrift) -> bool:
    """Apply leaves what is to be expected as it is, but it puts the declared image in the place of a saved one."""
    return not change.cause.expected or (change.cause is Cause.SAVED_IMAGE and change.field == "image_id")


def _declared_at(change: FieldDrift, declaration: Declaration) -> SourceRange | None:
    top = change.field.partition(".")[0]
    match top:
        case "desired_status":  # need not be written to mean RUNNING
            return declaration.fields.get(top, declaration.source)
        case "image_id":
            return declaration.fields.get(top, declaration.fields.get("image"))
        case "lease":
            return declaration.fields.get(top, declaration.fields.get("duration"))
        case _:
            return declaration.fields.get(top)


def _as_written(change: FieldDrift, drift: Drift) -> str:
    """What a spec would say; empty for what none can say. JSON is YAML, and always quoted right."""
    live = drift.live or {}
    match change.field.partition("."):
        case "desired_status", _, _:
            return f"desired_status: {live['status']}" if live["status"] in {"RUNNING", "STOPPED"} else ""
        case "lease", _, _ if not live["lease"]["enable"]:
            return "lease: never"
        case "lease", _, _:
            kind, duration = live["lease"].get("type", "TIMING"), live["lease"]["duration"]
            return f"lease: {{duration: {duration_text(duration)}, type: {kind}}}"
        case ("endpoints" | "storages" | "data_volumes") as name, _, _:
            return f"{name}, as shown above"
        case _ if change.live is None:
            return f"without {change.field}"
        case _:
            return f"{change.field}: {json.dumps(change.live, ensure_ascii=False)}"


def _place(source: SourceRange) -> str:
    return f"{source.file}:{source.line}"
