"""The simulator's time: wall clock plus an offset that tests may advance, or a clock that stands still."""

from __future__ import annotations

import time


class Clock:
    """Milliseconds since the epoch, never running backwards."""

    def __init__(self, offset: int = 0, *, floor: int = 0) -> None:
        self.offset = offset
        self._frozen_at: int | None = None
        self._last = floor

    @property
    def frozen(self) -> bool:
        return self._frozen_at is not None

    def now(self) -> int:
        reading = wall_time() + self.offset if self._frozen_at is None else self._frozen_at
        self._last = max(self._last, reading)
        return self._last

    def advance(self, milliseconds: int) -> None:
        if self._frozen_at is None:
            self.offset += milliseconds
        else:
            self._frozen_at += milliseconds

    def freeze(self) -> None:
        self._frozen_at = self.now()

    def thaw(self) -> None:
        """Go on from where the clock stood."""
        if self._frozen_at is not None:
            self.offset = self.now() - wall_time()
            self._frozen_at = None


def wall_time() -> int:
    return time.time_ns() // 1_000_000
