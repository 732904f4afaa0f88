"""What `import` is about to record, before it asks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioner.model.address import Address
from provisioner.model.observation import Observation
from provisioner.views.clean import one_line
from provisioner.views.table import table
from provisioner.views.values import count

Row = tuple[Address, Observation]


def adoption_text(stack: str, written: Sequence[Row], declared: Sequence[Row], file: str) -> str:
    """The notebooks that a new `file` declares, and those that the specs declare already."""
    return "\n".join(_lines(stack, written, declared, file)) + "\n"


def _lines(stack: str, written: Sequence[Row], declared: Sequence[Row], file: str) -> Iterator[str]:
    yield f"Stack {stack}: {count(len(written) + len(declared), 'notebook')} to import"
    if written:
        yield from ("", f"Written to {file}, and recorded", *_table(written))
    if declared:
        yield from ("", "Declared already, to be recorded", *_table(declared))


def _table(rows: Sequence[Row]) -> Iterator[str]:
    cells = [(str(address), live.id, live.status, _compute(live), one_line(live.name)) for address, live in rows]
    return table(cells, indent="  ")


def _compute(live: Observation) -> str:
    return one_line(live.flavor) if live.custom_spec is None else "custom"


def adoption_question(file: str, *, writes: bool) -> str:
    """The text before the answer; the answer follows it on the same line."""
    what = f"write {file} and record these notebooks" if writes else "record these notebooks"
    return (
        f"Do you want to import these notebooks?\n  provisioner will {what}; no notebook is changed.\n"
        "  Only 'yes' will be accepted to approve.\n\n  Enter a value: "
    )
