"""Every API request in order of arrival, for tests that count and compare them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from provisioner.simulator.record import JsonObject

_KEPT = 200_000


@dataclass(slots=True)
class Entry:
    """`status` 0 means that no whole answer was sent; `code` then says how."""

    seq: int
    t: int
    method: str
    path: str
    query: str
    operation: str
    status: int = 0
    code: str | None = None


class RequestLog:
    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._seq = 0

    def open(self, now: int, method: str, path: str, query: str, operation: str) -> Entry:
        self._seq += 1
        entry = Entry(self._seq, now, method, path, query, operation)
        self._entries.append(entry)
        return entry

    def report(self, operation: str | None) -> list[JsonObject]:
        return [
            {name: getattr(entry, name) for name in Entry.__slots__}
            for entry in self._entries
            if operation in (None, entry.operation)
        ]

    def clear(self) -> None:
        self._entries.clear()
