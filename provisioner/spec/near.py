"""Guessing what a misspelt word was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Collection

# A comparison with each of very many words, once for each of very many mistakes, would take minutes.
_FEW = 500


def nearest(word: str, known: Collection[str]) -> str:
    """The one of the `known` words that is most like `word`; "" when none is."""
    near = difflib.get_close_matches(word, known, n=1) if len(known) <= _FEW else []
    return near[0] if near else ""
