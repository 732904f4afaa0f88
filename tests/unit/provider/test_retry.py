"""How long is waited, and how often is tried."""

from __future__ import annotations

import threading

import pytest

from provisioner.errors import ApiError
from provisioner.provider.retry import Failure, Patience, Retry, Throttle, Tries, parse_http_date, parse_retry_after
from tests.unit.provider.fakes import NOON, FakeClock


def failed(retry: Retry, retry_after: float | None = None) -> Failure:
    return Failure(ApiError("x"), retry, retry_after)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", 1.0),
        ("0", 0.0),
        ("2.5", 2.5),
        ("-5", 0.0),
        ("1000000000", 120.0),
        ("inf", 120.0),
        ("-inf", 0.0),
        ("nan", None),
        ("", None),
        ("soon", None),
        ("Fri, 18 Nov 2022 12:00:30 GMT", 30.0),
        ("Fri, 18 Nov 2022 11:00:00 GMT", 0.0),
        ("Fri, 18 Nov 2099 12:00:00 GMT", 120.0),
        ("Fri, 99 Nov 2022 12:00:00 GMT", None),
        ("Fri, 18 Nov 99999 12:00:00 GMT", None),
    ],
)
def test_retry_after(value: str, expected: float | None) -> None:
    """Seconds or a date, always between nothing and two minutes; rubbish counts as absent."""
    assert expected == parse_retry_after(value, NOON)


def test_http_date() -> None:
    """A date without a zone is taken as UTC."""
    assert NOON == parse_http_date("Fri, 18 Nov 2022 12:00:00 GMT") == parse_http_date("Fri, 18 Nov 2022 12:00:00")


@pytest.mark.parametrize("retry", [Retry.NEVER, Retry.LOGIN])
def test_final_failures(retry: Retry) -> None:
    """What must not be repeated is not, and nothing is waited."""
    clock = FakeClock()
    assert not Tries(clock, Throttle(clock), Patience()).wait(failed(retry))
    assert [] == clock.slept


def test_backoff_grows_and_ends() -> None:
    """A passing fault is tried five times in all, after random waits below 1, 2, 4 and 8 seconds."""
    clock = FakeClock()
    tries = Tries(clock, Throttle(clock), Patience())
    assert [True] * 4 + [False] == [tries.wait(failed(Retry.BACKOFF)) for _ in range(5)]
    assert all(0 <= slept <= most for slept, most in zip(clock.slept, (1, 2, 4, 8), strict=True))


def test_backoff_is_random() -> None:
    """Two clients that fail together do not return together."""
    clock = FakeClock()
    for _ in range(10):
        Tries(clock, Throttle(clock), Patience()).wait(failed(Retry.BACKOFF))
    assert 1 < len(set(clock.slept))


def test_backoff_obeys_the_service() -> None:
    """A Retry-After on a passing fault is waited for, and up to a second more."""
    clock = FakeClock()
    assert Tries(clock, Throttle(clock), Patience()).wait(failed(Retry.BACKOFF, 7.0))
    assert 7 <= clock.slept[0] <= 8


def test_minute() -> None:
    """A busy resource gets a minute, four times."""
    clock = FakeClock()
    tries = Tries(clock, Throttle(clock), Patience())
    assert [True] * 4 + [False] == [tries.wait(failed(Retry.MINUTE)) for _ in range(5)]
    assert all(60 <= slept <= 65 for slept in clock.slept)


def test_renewal_is_tried_once() -> None:
    """A call asks for a new token once, and only after a refusal."""
    clock = FakeClock()
    tries = Tries(clock, Throttle(clock), Patience())
    outcomes = [tries.may_renew(failed(retry)) for retry in (Retry.BACKOFF, Retry.LOGIN, Retry.LOGIN)]
    assert [False, True, False] == outcomes


def throttled_waits(retry_after: float | None, count: int) -> list[float]:
    clock = FakeClock()
    throttle = Throttle(clock)
    tries = Tries(clock, throttle, Patience())
    for _ in range(count):
        assert tries.wait(failed(Retry.THROTTLED, retry_after))
        throttle.wait()
    return clock.slept


def test_throttled_without_advice() -> None:
    """Without Retry-After the pause starts at two seconds, doubles up to thirty, and is lengthened at random."""
    waits = throttled_waits(None, 7)
    assert all(least <= wait <= least + 5 for wait, least in zip(waits, (2, 4, 8, 16, 30, 30, 30), strict=True))


def test_throttled_with_advice() -> None:
    """With Retry-After: 1 the first pause is one to two seconds."""
    assert 1 <= throttled_waits(1.0, 1)[0] <= 2


def test_throttled_with_bad_advice() -> None:
    """A service that always says "retry at once" is not hammered: the pause grows all the same."""
    assert sum(throttled_waits(0.0, 6)) >= 1 + 3 + 7 + 15 + 31


def test_throttling_ends_the_call_after_ten_minutes() -> None:
    """A call waits its turn for ten minutes, then it fails."""
    clock = FakeClock()
    throttle = Throttle(clock)
    tries = Tries(clock, throttle, Patience())
    while tries.wait(failed(Retry.THROTTLED)):
        throttle.wait()
    assert 500 < clock.monotonic() < 650


@pytest.mark.parametrize(
    "failure",
    [
        Failure(ApiError("x"), Retry.THROTTLED),
        Failure(ApiError("x"), Retry.THROTTLED, 60.0),
        Failure(ApiError("x"), Retry.MINUTE),
        Failure(ApiError("x"), Retry.BACKOFF, 60.0),
        Failure(ApiError("x"), Retry.BACKOFF),
    ],
)
def test_patience_bounds_the_call(failure: Failure) -> None:
    """No attempt begins later than its patience allows, whatever the service asks for."""
    clock = FakeClock()
    throttle = Throttle(clock)
    tries = Tries(clock, throttle, Patience(trying=5.0))
    while tries.wait(failure):
        throttle.wait()
    assert clock.monotonic() <= 5 + 1  # what threads are spread over when a pause ends


def test_pause_is_shared() -> None:
    """Who was not refused waits as well; when the pause is over nobody waits."""
    clock = FakeClock()
    throttle = Throttle(clock)
    throttle.hold(10)
    throttle.hold(3)
    threads = [threading.Thread(target=throttle.wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert clock.slept
    assert 10 <= clock.slept[0] <= 15
    before = len(clock.slept)
    throttle.wait()
    assert before == len(clock.slept)
