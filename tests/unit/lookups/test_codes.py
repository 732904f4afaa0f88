"""Every code of the look-ups is documented."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_every_code_is_in_the_docs() -> None:
    """The table names the codes that the product says, and no others."""
    sources = "".join(path.read_text() for path in (ROOT / "provisioner" / "lookups").glob("*.py"))
    table = (ROOT / "docs" / "lookups.md").read_text().replace("W601-W606", ", ".join(f"W60{n}" for n in range(1, 7)))
    assert set(re.findall(r'"([EW]6\d\d)"', sources)) == set(re.findall(r"\b[EW]6\d\d\b", table))
