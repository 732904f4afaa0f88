"""What a terminal can show: colour or none, all characters or ASCII alone. Colour never says anything by itself."""

from __future__ import annotations

from dataclasses import dataclass

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_MARKS = {"+": "green", "-": "red", "~": "yellow", "-/+": "red", "+/-": "red", ".": "red", "!": "red"}
_IN_ASCII = str.maketrans({"·": "-", "…": "...", "✓": "+", "✗": "x", "━": "#", "─": "."})


@dataclass(frozen=True, slots=True)
class Paint:
    """Puts text in a style, or leaves it as it is."""

    color: bool

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color and text else text

    def mark(self, mark: str) -> str:
        """A symbol of an action in its colour."""
        return self(_MARKS[mark], mark) if mark in _MARKS else mark


def in_ascii(text: str) -> str:
    """`text` for a terminal that knows nothing else; other characters become visible escapes."""
    return text.translate(_IN_ASCII).encode("ascii", "backslashreplace").decode("ascii")
