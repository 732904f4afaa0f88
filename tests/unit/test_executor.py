"""Many tasks on few threads, and one thread that waits for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any

import pytest

from provisioner.clock import Interrupted, SystemClock
from provisioner.executor import Poller, map_bounded, run

Task = Generator[str, Any, None]


class Gauge:
    """How many are inside at once, and how many were at most."""

    def __init__(self) -> None:
        self.highest = 0
        self._inside = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            self.highest = max(self.highest, self._inside)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1


def at_once(tickets: Sequence[str]) -> Sequence[tuple[str, Any]]:
    """Every wait is over."""
    return [(each, each) for each in tickets]


def carry_out(
    tasks: Sequence[Task],
    look: Callable[[Sequence[str]], Sequence[tuple[str, Any]]] = at_once,
    *,
    workers: int = 4,
    stop: threading.Event | None = None,
    idle: Callable[[], None] = lambda: None,
) -> None:
    poller = Poller(look=look, interval=lambda _: 0.001, idle=idle)
    run(tasks, poller, workers=workers, clock=SystemClock(), stop=stop or threading.Event())


def test_a_task_receives_what_its_wait_brought() -> None:
    """What `look` answers for a ticket is sent into the task that yielded it, step after step."""
    got: list[str] = []

    def task() -> Task:
        got.append((yield "first"))
        got.append((yield "second"))

    carry_out([task()], lambda tickets: [(each, each.upper()) for each in tickets])
    assert ["FIRST", "SECOND"] == got


def test_no_task_is_no_work() -> None:
    """Without tasks nothing is polled and the run ends."""
    carry_out([], lambda _: pytest.fail("there is nothing to look at"))


def test_a_thousand_tasks_end_within_the_bound() -> None:
    """1,000 tasks that wait twice all end, and never more than four are at work at once."""
    gauge, ended = Gauge(), []

    def task(number: int) -> Task:
        for turn in range(2):
            with gauge:
                threading.Event().wait(0.0001)
            yield f"{number}.{turn}"
        ended.append(number)

    carry_out([task(number) for number in range(1000)])
    assert list(range(1000)) == sorted(ended)
    assert 1 < gauge.highest <= 4


def test_waiting_occupies_no_worker() -> None:
    """Twenty tasks wait at the same time though there are two workers."""
    together: list[int] = []

    def task(number: int) -> Task:
        yield str(number)

    def look(tickets: Sequence[str]) -> Sequence[tuple[str, Any]]:
        together.append(len(tickets))
        return [(each, None) for each in tickets] if len(tickets) == 20 else []

    carry_out([task(number) for number in range(20)], look, workers=2)
    assert 20 == together[-1]


def test_what_was_begun_goes_on_first() -> None:
    """With one worker a task whose wait is over goes on before the next one begins."""
    order: list[str] = []
    waits, over = threading.Event(), threading.Event()

    def first() -> Task:
        waits.set()
        yield "ticket"
        order.append("went on")

    def busy() -> Task:
        over.wait(10)
        order.append("busy")
        yield from ()

    def later() -> Task:
        order.append("began")
        yield from ()

    # `idle` comes after a look: by then the first task is queued again, behind nothing but the busy one.
    def idle() -> None:
        if waits.is_set():
            calls.append(1)
            if len(calls) > 2:
                over.set()

    calls: list[int] = []
    carry_out([first(), busy(), later()], workers=1, idle=idle)
    assert ["busy", "went on", "began"] == order


def test_a_new_wait_does_not_wait_for_the_slow_tick_of_the_others() -> None:
    """The next look comes as early as the most impatient ticket wants it."""
    looks: list[list[str]] = []

    def slow() -> Task:
        yield "slow"

    def quick() -> Task:
        began.wait(10)
        yield "quick"

    def look(tickets: Sequence[str]) -> Sequence[tuple[str, Any]]:
        looks.append(list(tickets))
        began.set()
        return [(each, None) for each in tickets] if "quick" in tickets else []

    began = threading.Event()
    poller = Poller(look=look, interval=lambda tickets: 0.001 if "quick" in tickets or not looks else 3600.0)
    run([slow(), quick()], poller, workers=2, clock=SystemClock(), stop=threading.Event())
    assert [["slow"], ["slow", "quick"]] == looks


def test_stop_interrupts_what_waits_and_begins_nothing() -> None:
    """After a stop the waiting task receives Interrupted, the working one ends its stretch, the others never begin."""
    stop, heard = threading.Event(), []

    def waiter() -> Task:
        try:
            yield "for ever"
        except Interrupted:
            heard.append("interrupted")

    def worker() -> Task:
        stop.wait(10)
        heard.append("ended its stretch")
        try:
            yield "more"
        except Interrupted:
            heard.append("interrupted later")

    def other() -> Task:
        heard.append("began")
        yield ""

    def look(_tickets: Sequence[str]) -> Sequence[tuple[str, Any]]:
        stop.set()
        return []

    carry_out([waiter(), worker(), *(other() for _ in range(5))], look, workers=1, stop=stop)
    assert ["ended its stretch", "interrupted", "interrupted later"] == sorted(heard)


def test_stop_before_the_start_begins_nothing() -> None:
    """With `stop` set already no task begins."""
    stop = threading.Event()
    stop.set()
    began: list[int] = []

    def task() -> Task:
        began.append(1)
        yield ""

    carry_out([task() for _ in range(10)], stop=stop)
    assert [] == began


def test_an_error_of_a_task_ends_the_run_in_order() -> None:
    """An error that gets out of a task stops the others as a signal would, and is raised when nothing runs any more."""
    stop, heard = threading.Event(), []

    def broken() -> Task:
        yield from ()
        raise KeyError("a bug")

    def waiter() -> Task:
        try:
            yield "for ever"
        except Interrupted:
            heard.append("interrupted")

    with pytest.raises(KeyError, match="a bug"):
        carry_out([waiter(), broken()], lambda _: [], workers=1, stop=stop)
    assert ["interrupted"] == heard
    assert stop.is_set()


def test_an_error_of_look_reaches_everyone_who_waits() -> None:
    """What `look` raises is raised where each task waits; a task may go on after it."""
    heard: list[str] = []
    fail = iter([True, False])

    def task(name: str) -> Task:
        try:
            yield name
        except OSError:
            heard.append(name)
        yield f"{name} again"

    def look(tickets: Sequence[str]) -> Sequence[tuple[str, Any]]:
        if len(tickets) < 2:
            return []
        if next(fail):
            raise OSError
        return [(each, None) for each in tickets]

    carry_out([task("a"), task("b")], look)
    assert ["a", "b"] == sorted(heard)


def test_an_interrupt_of_the_caller_stops_the_workers() -> None:
    """KeyboardInterrupt in the calling thread sets `stop` and leaves no thread behind."""
    stop, before = threading.Event(), threading.active_count()

    def task() -> Task:
        yield ""

    def look(_tickets: Sequence[str]) -> Sequence[tuple[str, Any]]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out([task() for _ in range(5)], look, stop=stop)
    assert stop.is_set()
    assert threading.active_count() <= before


def test_idle_is_called_while_others_work() -> None:
    """The calling thread has time for its heartbeat whatever the workers do."""
    beats = threading.Event()

    def task() -> Task:
        assert beats.wait(10)
        yield from ()

    carry_out([task()], idle=beats.set)
    assert beats.is_set()


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_map_keeps_the_order(count: int) -> None:
    """Results come in the order of the items."""
    assert [n * n for n in range(count)] == map_bounded(lambda n: n * n, range(count), workers=3)


def test_map_keeps_within_the_bound() -> None:
    """Never more than `workers` calls run at once."""
    gauge = Gauge()

    def call(_item: int) -> None:
        with gauge:
            threading.Event().wait(0.001)

    map_bounded(call, range(40), workers=3)
    assert 1 < gauge.highest <= 3


def test_map_raises_the_first_error_and_leaves_the_rest() -> None:
    """The first error ends it: what has not begun by then is not called."""
    called: list[int] = []

    def call(item: int) -> None:
        called.append(item)
        if item == 0:
            raise OSError
        threading.Event().wait(0.05)

    with pytest.raises(OSError):  # noqa: PT011 - it says nothing
        map_bounded(call, range(1000), workers=2)
    assert len(called) < 1000
