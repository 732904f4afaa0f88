"""Codes of messages: people search for them, so each has one meaning, and that is written down."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CODE = re.compile(r"[EW]\d{3}\b")
_ROW = re.compile(r"(?m)^\| ([EW]\d{3}) \| (.+?) \|")


def _told(path: Path) -> Iterator[str]:
    """The codes in the texts of a module; one stands alone, or before a colon."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (found := _CODE.match(node.value)):
            yield found[0]


def _rows() -> list[tuple[str, str]]:
    return [row for page in sorted((ROOT / "docs").glob("*.md")) for row in _ROW.findall(page.read_text())]


def test_every_code_is_in_the_docs() -> None:
    """In a table of its page; and no code is there that nothing says."""
    modules = [path for path in (ROOT / "provisioner").rglob("*.py") if "simulator" not in path.parts]
    told = {code for path in modules for code in _told(path)}
    assert sorted(told) == sorted({code for code, _ in _rows()})


def test_every_code_has_one_meaning() -> None:
    """One row, and no other row that says the same."""
    rows = _rows()
    codes, meanings = [code for code, _ in rows], [meaning for _, meaning in rows]
    assert sorted(set(codes)) == sorted(codes)
    assert sorted(set(meanings)) == sorted(meanings)
