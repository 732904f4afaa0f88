"""The clock of the product."""

from __future__ import annotations

import threading
import time

import pytest

from provisioner.clock import Interrupted, SystemClock


def test_now_is_the_time_of_the_machine() -> None:
    """`now` lies between two readings of the machine's time around it."""
    before = time.time()
    now = SystemClock().now()
    assert before <= now <= time.time()


def test_monotonic_never_goes_back() -> None:
    """A later reading is not smaller."""
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()


@pytest.mark.parametrize("seconds", [0.0, -5.0, 0.001])
def test_sleep_ends(seconds: float) -> None:
    """A sleep ends by itself, one of negative length at once."""
    SystemClock().sleep(seconds)


def test_stop_ends_the_sleep_of_every_thread() -> None:
    """A thread that sleeps for an hour wakes with `Interrupted` when the stop event is set."""
    stop = threading.Event()
    woken: list[Interrupted] = []

    def sleep() -> None:
        try:
            SystemClock(stop).sleep(3600)
        except Interrupted as error:
            woken.append(error)

    threads = [threading.Thread(target=sleep) for _ in range(3)]
    for thread in threads:
        thread.start()
    stop.set()
    for thread in threads:
        thread.join(30)
    assert 3 == len(woken)


def test_stopped_clock_sleeps_no_more() -> None:
    """After the stop even a new sleep is refused."""
    clock = SystemClock()
    clock.stop.set()
    with pytest.raises(Interrupted):
        clock.sleep(3600)
