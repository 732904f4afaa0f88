"""When a failed call may be tried again, and after how long. Decisions and their clockwork; no HTTP here.

The rule of API page 16.6: what changed nothing may be repeated; a change whose answer was lost may not, ever.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.clock import Clock
    from provisioner.errors import ApiError

TRIES = 5
BACKOFF_CAP = 30.0
RETRY_AFTER_CAP = 120.0


class Retry(Enum):
    """What a failed attempt allows."""

    NEVER = auto()
    BACKOFF = auto()
    """A passing fault, and nothing was changed."""
    THROTTLED = auto()
    """Too many requests, from all threads together: all of them pause."""
    MINUTE = auto()
    """The service asks for a minute (ModelArts.6333, 6355)."""
    LOGIN = auto()
    """The token was refused: once more with a new one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How much time a call is worth, in seconds.

    reading  for one answer
    trying   no attempt begins later than this. A rate limit is no failure, so a large run waits its turn
    """

    reading: float = 60.0
    trying: float = 600.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt: what to raise when nothing helps, and what might help."""

    error: ApiError
    retry: Retry = Retry.NEVER
    retry_after: float | None = None
    cause: Exception | None = None


def parse_retry_after(value: str, now: float) -> float | None:
    """Seconds to wait, between 0 and two minutes; None when the header is absent or cannot be read."""
    try:
        seconds = float(value)
    except ValueError:
        moment = parse_http_date(value)
        if moment is None:
            return None
        seconds = moment - now
    if seconds != seconds:  # noqa: PLR0124 - only NaN differs from itself
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_CAP)


def parse_http_date(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


class Throttle:
    """One pause for all threads of a client: the service counts their requests together (API page 16.5)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until = 0.0

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._until = max(self._until, self._clock.monotonic() + seconds)

    def wait(self) -> None:
        """Sit out the pause, and a little longer: threads that wake together would be refused together."""
        while (rest := self._until - self._clock.monotonic()) > 0:
            self._clock.sleep(rest + _jitter(min(5.0, max(1.0, rest / 2))))


class Tries:
    """The attempts of one call."""

    def __init__(self, clock: Clock, throttle: Throttle, patience: Patience) -> None:
        self._clock = clock
        self._throttle = throttle
        self._latest = clock.monotonic() + patience.trying
        self._failed = 0
        self._throttled = 0
        self._renewed = False

    def may_renew(self, failure: Failure) -> bool:
        """Once per call, and only when the token was refused."""
        allowed = failure.retry is Retry.LOGIN and not self._renewed
        self._renewed = self._renewed or allowed
        return allowed

    def wait(self, failure: Failure) -> bool:
        """Wait as long as this call alone has to; False when it must not be repeated.

        The pause that all threads share is only announced here; `Throttle.wait` before each attempt sits it out.
        """
        match failure.retry:
            case Retry.NEVER | Retry.LOGIN:
                return False
            case Retry.THROTTLED:
                return self._wait_for_all(failure.retry_after)
            case Retry.MINUTE | Retry.BACKOFF:
                return self._wait_alone(failure)

    def _wait_for_all(self, retry_after: float | None) -> bool:
        self._throttled += 1
        # Not below a growing floor, or a service that says "retry after 0" would be hammered.
        floor = 2.0 ** min(self._throttled - 1, 5) - 1
        growing = 2.0 ** min(self._throttled, 5)
        pause = min(BACKOFF_CAP, growing) if retry_after is None else max(retry_after, floor)
        if self._is_too_long(pause):
            return False
        self._throttle.hold(pause)
        return True

    def _wait_alone(self, failure: Failure) -> bool:
        self._failed += 1
        if self._failed >= TRIES:
            return False
        if failure.retry is Retry.MINUTE:
            pause = 60.0 + _jitter(5.0)
        elif failure.retry_after is not None:
            pause = failure.retry_after + _jitter(1.0)
        else:
            pause = _jitter(min(BACKOFF_CAP, 2.0 ** (self._failed - 1)))
        if self._is_too_long(pause):
            return False
        self._clock.sleep(pause)
        return True

    def _is_too_long(self, pause: float) -> bool:
        return self._clock.monotonic() + pause > self._latest


def _jitter(most: float) -> float:
    return random.uniform(0.0, most)  # noqa: S311 - spreads load, guards nothing
