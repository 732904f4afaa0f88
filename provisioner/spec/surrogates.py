r"""Characters that are written as two escapes, as json.dumps writes an emoji: `"\ud83d\ude00"`.

JSON allows that and libyaml refuses it. So both halves become private characters while it parses, `"\ue03d\ue600"`,
which take as much room: every place stays true. Pure text, nothing of YAML but its escapes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_UPPER, _LOWER = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_PAIR = re.compile(rf"(?<!\\)((?:\\\\)*)({_UPPER}{_LOWER})")
_PRIVATE = re.compile(r"[\ue000-\ue7ff]|\\u[eE][0-7]")
_STAND_IN = re.compile(r"[\ue000-\ue3ff][\ue400-\ue7ff]|\\ue[0-3]..\\ue[4-7]..")
_MOVED = 0xE000 - 0xD800


@dataclass(frozen=True, slots=True)
class Surrogates:
    """The pairs of one file.

    original  its text
    readable  the same as libyaml may have it
    """

    original: str
    readable: str

    @classmethod
    def of(cls, text: str) -> Surrogates:
        """A file that has such private characters of its own is left alone: they could not be told from ours."""
        has_pairs = _PAIR.search(text) and not _PRIVATE.search(text)
        return cls(text, _PAIR.sub(_hidden, text) if has_pairs else text)

    def restored(self, value: str, start: int, end: int, *, quoted: bool) -> str:
        """The value of the scalar from `start` to `end`. Where escapes mean nothing the text is as it was written."""
        if self.readable is self.original:
            return value
        pairs = (found[2] for found in _PAIR.finditer(self.original, start, end))
        return _STAND_IN.sub(lambda _: _character(next(pairs)) if quoted else next(pairs), value)


def _hidden(found: re.Match[str]) -> str:
    halves = (int(half, 16) + _MOVED for half in found[2].split(r"\u")[1:])
    return found[1] + "".join(rf"\u{half:x}" for half in halves)


def _character(pair: str) -> str:
    halves = (int(half, 16) for half in pair.split(r"\u")[1:])
    return b"".join(half.to_bytes(2) for half in halves).decode("utf-16-be")
