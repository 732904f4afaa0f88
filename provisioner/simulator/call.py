"""One request as the operations see it, and their answer. Knows nothing of sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.simulator.validation import incorrect, wrong_type


@dataclass(frozen=True, slots=True)
class Call:
    """`now` is read once, so that everything in one answer agrees."""

    now: int
    ids: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    outcome: tuple[str, str] | None = None
    """A fault rule's final status and fail_reason for whatever the operation sets going."""
    unseen_until: int = 0
    """A fault rule's moment before which what is created cannot be read, ..."""
    unlisted_until: int = 0
    """... and the one before which no list has it: never earlier."""

    def number(self, name: str, default: int | None) -> int | None:
        text = self.query.get(name)
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise wrong_type(name) from None

    def chosen(self, name: str, *allowed: str) -> str | None:
        """An enumerated parameter in upper case."""
        text = self.query.get(name)
        if not text:
            return None
        if text.upper() not in allowed:
            raise incorrect(name)
        return text.upper()


@dataclass(frozen=True, slots=True)
class Answer:
    """Success is 200 unless the page says otherwise; `body` None is an answer without one."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
