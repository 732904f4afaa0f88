"""The mark by which an instance is known as ours: what it says, where it stands, how it is put on and taken off.

A create carries no token and names repeat (API page 18), so each instance carries the mark of the one request that made
it: `mp-SSSSS-AAAAAAA-OOOOOOO` tells the stack, the address and the operation. It stands at the end of the description,
or of the name, and belongs to no spec: what people write and see is the text without it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

Place = Literal["description", "name"]

SEPARATORS: Mapping[Place, str] = {"description": " ", "name": "-"}
# With its separator.
MARK_LENGTH = 25

# A word of its own, wherever it stands: people may have written something behind it.
_MARK = re.compile(r"(?<![A-Za-z0-9])mp-[a-z2-7]{5}-[a-z2-7]{7}-[a-z2-7]{7}(?![A-Za-z0-9])")
_ADDRESS = slice(9, 16)


@dataclass(frozen=True, slots=True)
class Marking:
    """How the instances of one stack are marked.

    prefix  how all their marks begin
    place   where a new instance carries its mark; None: new ones carry none
    """

    prefix: str = ""
    place: Place | None = None

    @classmethod
    def of(cls, stack: str, project_id: str, region: str, place: Place | None) -> Self:
        return cls(f"mp-{_digest(stack, project_id, region)[:5]}-", place)

    def fresh(self, address: str) -> str:
        """The mark of one create; "" where new instances carry none."""
        if self.place is None:
            return ""
        return f"{self.prefix}{_digest(address)[:7]}-{_letters(secrets.token_bytes(5))[:7]}"

    def owns(self, mark: str) -> bool:
        return bool(self.prefix) and mark.startswith(self.prefix)


UNMARKED = Marking()


def is_of(mark: str, address: str) -> bool:
    """Whether an instance with `mark` was made for `address`."""
    return mark[_ADDRESS] == _digest(address)[:7]


def join(text: str, mark: str, place: Place) -> str:
    """`text` with the mark at its end."""
    return f"{text}{SEPARATORS[place]}{mark}" if text and mark else text or mark


def split(text: str, place: Place) -> tuple[str, str]:
    """`text` without its mark, and the mark; "" when there is none."""
    found = _MARK.search(text)
    if found is None:
        return text, ""
    before, after = text[: found.start()], text[found.end() :]
    return before.removesuffix(SEPARATORS[place]) + after, found[0]


def marked(values: Mapping[str, Any], mark: str, place: Place | None) -> dict[str, Any]:
    """The values of a create or of a PUT, with the mark put on."""
    if place is None or not mark:
        return dict(values)
    return {**values, place: join(values.get(place, ""), mark, place)}


def unmarked(values: Mapping[str, Any]) -> tuple[dict[str, Any], str, Place]:
    """`values` as people know them, the mark that they carry, and where; "" when they carry none."""
    for place in SEPARATORS:
        text = values.get(place)
        bare, mark = split(text, place) if isinstance(text, str) else ("", "")
        if mark:
            kept = {**values, place: bare}
            return ({name: value for name, value in kept.items() if name != place or value}), mark, place
    return dict(values), "", "description"


def _digest(*parts: str) -> str:
    return _letters(hashlib.sha256("\0".join(parts).encode()).digest())


def _letters(data: bytes) -> str:
    return base64.b32encode(data).decode().lower().rstrip("=")
