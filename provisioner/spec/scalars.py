"""Plain scalars by their spelling: the YAML 1.2 core schema, narrowed to one spelling each.

Plain decimal numbers, true, false and null; everything else is text (yes, 010, 1:30, a date), and the type of the field
decides what is right.
"""

from __future__ import annotations

import re

from provisioner.spec.tree import Scalar, WrittenFloat, WrittenInt

_INT = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(
    r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)|\.[0-9]+(?:[eE][+-]?[0-9]+)?)"
)


def is_whole_number(text: str) -> bool:
    return _INT.fullmatch(text) is not None


def resolved(text: str) -> Scalar:
    """A plain scalar by its spelling."""
    if text in {"", "~", "null"}:
        return None
    if text in {"true", "false"}:
        return text == "true"
    number: WrittenInt | WrittenFloat
    if is_whole_number(text):
        number = WrittenInt(text)
    elif _FLOAT.fullmatch(text):
        number = WrittenFloat(text)
    else:
        return text
    number.source_text = text
    return number
