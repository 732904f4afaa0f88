"""Time, as something that is handed in: the clock that the product uses, and what a clock must offer.

Tests hand in their own clock, so that nothing ever waits for real. No other module reads the time or sleeps.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

from provisioner.errors import ProvisionerError


class Interrupted(ProvisionerError):
    """The process was asked to stop while it waited. Nothing was sent during the wait."""

    def __init__(self) -> None:
        super().__init__("interrupted")


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch, UTC. May jump; for talking to others about time."""

    def monotonic(self) -> float:
        """Seconds since some moment, never backwards. For measuring."""

    def sleep(self, seconds: float) -> None:
        """Wait. Raises `Interrupted` as soon as the process is asked to stop."""


class SystemClock:
    """The machine's time. Setting `stop` ends every sleep of every thread, now and later."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if self.stop.wait(max(seconds, 0.0)):
            raise Interrupted
