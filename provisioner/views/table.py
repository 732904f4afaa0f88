"""Columns of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_GAP = "  "


def table(rows: Sequence[Sequence[str]], *, indent: str = "") -> Iterator[str]:
    """Lines with cells below each other; the last column is as wide as it is. Nothing is cut."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield (indent + _GAP.join([*cells, row[-1]])).rstrip()
