"""Golden files: what a view prints, kept in `tests/scenarios/views` under the name that the test gives it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "scenarios" / "views"


@pytest.fixture
def agrees(update_golden: bool) -> Callable[[str, str], None]:  # noqa: FBT001 - a fixture is asked for by its name
    """Compare a text with a golden file, or write the file under --update-golden."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if update_golden:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text

    return compare
