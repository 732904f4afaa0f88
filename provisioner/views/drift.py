"""What changed outside since it was recorded, one line for each field. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from provisioner.model.address import Address
from provisioner.model.fields import duration_text
from provisioner.model.observation import STABLE, TRANSITIONAL
from provisioner.plan import Drift, Mode, Plan
from provisioner.views.clean import one_line
from provisioner.views.paint import Paint
from provisioner.views.table import table
from provisioner.views.values import inline, literal

HEADING = "Note: Objects have changed outside of provisioner"

_LONGEST = 60
_TAG = {"key", "value"}


def drift_paragraph(plan: Plan, paint: Paint) -> str:
    """The note above a plan; empty when nothing moved that anybody would wonder about."""
    explained = {step.address for step in plan.steps if step.note}
    rows = [row for drift in plan.drift for row in _rows(drift) if row[2] != "status" or _odd(plan, drift, explained)]
    if not rows:
        return ""
    cells = [(f"{paint.mark(mark)} {address}", field, text) for mark, address, field, text in rows]
    return "\n".join([paint("bold", HEADING), "", *table(cells, indent="  ")])


def _odd(plan: Plan, drift: Drift, explained: Collection[Address]) -> bool:
    """Whether a change of status is worth a line: neither told by the note of its step, nor the mere end of what an
    earlier run had begun. A refresh-only plan shows all that it would record.
    """
    if plan.mode is Mode.REFRESH_ONLY or drift.live is None:
        return True
    settled = drift.recorded["status"] in TRANSITIONAL and drift.live["status"] in STABLE
    return drift.address not in explained and not settled


def _rows(drift: Drift) -> Iterator[tuple[str, str, str, str]]:
    address = one_line(str(drift.address))
    if drift.live is None:
        yield "-", address, "missing", "not in the account any more"
        return
    for path, recorded, live in _differences("", drift.recorded, drift.live):
        mark = "+" if recorded is None else "-" if live is None else "~"
        yield mark, address, path, f"{_short(path, recorded)} -> {_short(path, live)}"


def _differences(path: str, recorded: Any, live: Any) -> Iterator[tuple[str, Any, Any]]:
    recorded, live = _by_key(recorded), _by_key(live)
    if isinstance(recorded, Mapping) and isinstance(live, Mapping):
        for key in sorted({*recorded, *live}):
            inner = f"{path}.{one_line(key)}" if path else one_line(key)
            yield from _differences(inner, recorded.get(key), live.get(key))
    elif recorded != live:
        yield path, recorded, live


def _by_key(value: Any) -> Any:
    """Tags, a list of keys and values on the wire (API page 10), are a map to people."""
    tags = isinstance(value, list) and value and all(isinstance(tag, Mapping) and tag.keys() == _TAG for tag in value)
    return {tag["key"]: tag["value"] for tag in value} if tags else value


def _short(path: str, value: Any) -> str:
    if path == "status":
        return one_line(str(value))
    if path == "lease.duration" and isinstance(value, int):
        return literal(duration_text(value))
    text = inline(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
