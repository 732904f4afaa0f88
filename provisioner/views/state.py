"""What is recorded, as text: a table, a list of addresses, or one notebook as a block. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from provisioner.errors import StateError
from provisioner.model.address import Address
from provisioner.state.backend import Generation
from provisioner.state.document import Record, State
from provisioner.views.clean import one_line
from provisioner.views.paint import Paint
from provisioner.views.table import table
from provisioner.views.values import count, label, lines, whole

_HEADINGS = ("ADDRESS", "ID", "STATUS", "FLAVOR")


def state_table(state: State) -> str:
    """The stack in one line, then one line for each notebook."""
    where = f", {one_line(state.cloud.region)}" if state.cloud else ""
    number = count(len(state.resources), "notebook") or "nothing recorded"
    title = f"Stack {one_line(state.stack)}{where}, serial {state.serial}: {number}"
    if not state.resources:
        return f"{title}\n"
    rows = [tuple(map(one_line, row)) for at, record in _sorted(state) for row in _rows(at, record)]
    return "\n".join([title, "", *table([_HEADINGS, *rows])]) + "\n"


def _rows(at: str, record: Record) -> Iterator[tuple[str, ...]]:
    yield at, record.id, record.status, _flavor(record)
    for deposed in record.deposed:
        yield f"{at} (deposed)", deposed.id, "", ""


def state_list(state: State) -> str:
    """The addresses, one a line."""
    return "".join(f"{one_line(at)}\n" for at, _ in _sorted(state))


def state_show(state: State, address: Address) -> str:
    """One notebook as a block, with what the service said of it."""
    record = state.resources.get(str(address))
    if record is None:
        raise StateError(f"{address} is not recorded", hint="provisioner state list shows what is")
    observed = {name: value for name, value in record.observed.items() if name not in {"marker", "marker_place"}}
    return _block(str(address), record, {"observed": observed} if observed else {})


def state_history(generations: Sequence[tuple[Generation, State | None]]) -> str:
    """A table of what can be restored: each generation with what it holds, None when it is damaged."""
    if not generations:
        return "No history.\n"
    rows = [(str(each.serial), each.digest, _moment(each.written), _content(held)) for each, held in generations]
    return "\n".join(table([("SERIAL", "DIGEST", "WRITTEN", "HOLDS"), *rows])) + "\n"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _content(held: State | None) -> str:
    if held is None:
        return "damaged"
    return count(len(held.resources), "notebook") or "nothing recorded"


def _sorted(state: State) -> Iterator[tuple[str, Record]]:
    for address in sorted(state.resources):
        yield address, state.resources[address]


def _block(at: str, record: Record, more: dict[str, Any]) -> str:
    address = Address.parse(at)
    key = address.key if address else at
    marks: dict[str, Any] = {name: True for name in ("protected", "incomplete") if getattr(record, name)}
    if record.deposed:
        marks["deposed"] = [deposed.id for deposed in record.deposed]
    shown = {**record.attributes, "id": record.id, "status": record.status, **marks, **more}
    nodes = [whole(" ", label("", name), shown[name]) for name in sorted(shown)]
    body = lines(nodes, Paint(color=False), margin=2)
    return "\n".join([f"# {one_line(at)}:", f'resource "notebook" "{one_line(key)}" {{', *body, "}"]) + "\n"


def _flavor(record: Record) -> str:
    """What it runs on: live if the service told, else as declared."""
    told = record.observed.get("flavor") or record.attributes.get("flavor")
    return str(told) if told else "custom_spec"
