"""Runs many tasks on a bounded number of threads. The only module that starts threads.

A task is a generator. What it does between two yields runs on a worker; what it yields is something to wait for, and
waiting occupies no worker: the thread that called `run` asks `poll` for everything that waits at once. Knows nothing of
notebooks.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import IntEnum, auto
from itertools import count
from typing import Any, Generic, TypeVar

from provisioner.clock import Clock, Interrupted

Ticket = TypeVar("Ticket")
Item = TypeVar("Item")
Result = TypeVar("Result")

# How often the calling thread looks up while nothing is to be polled: for Ctrl-C and the heartbeat.
IDLE_SECONDS = 0.25


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Ticket]):
    """A task that waits, and what for."""

    task: Generator[Ticket, Any, None]
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Poller(Generic[Ticket]):
    """How waiting ends.

    look      asks about all tickets at once; answers those whose wait is over, each with what its task receives;
              an error of it is raised in every task that waits
    interval  seconds until the next look
    idle      called between looks
    """

    look: Callable[[Sequence[Ticket]], Sequence[tuple[Ticket, Any]]]
    interval: Callable[[Sequence[Ticket]], float]
    idle: Callable[[], None] = field(default=lambda: None)


def run(
    tasks: Iterable[Generator[Ticket, Any, None]],
    poller: Poller[Ticket],
    *,
    workers: int,
    clock: Clock,
    stop: threading.Event,
) -> None:
    """Run all tasks to their end; what was begun goes on before anything else begins.

    When `stop` is set no further task begins, and each that waits receives Interrupted where it waits. Errors are a
    task's own affair: one that gets out of it sets `stop`, and is raised once nothing runs any more.
    """
    _Run(poller, workers=workers, clock=clock, stop=stop).run(list(tasks))


def map_bounded(function: Callable[[Item], Result], items: Sequence[Item], *, workers: int) -> list[Result]:
    """`function` of each item, in order, on at most `workers` threads; the first error ends it."""
    if len(items) < 2:  # noqa: PLR2004 - one needs no thread
        return [function(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(workers, len(items))) as pool:
        return list(pool.map(function, items))


class _Order(IntEnum):
    """Which of the things to do comes first."""

    RESUME = auto()
    BEGIN = auto()
    LEAVE = auto()


@dataclass(order=True, frozen=True, slots=True)
class _Job(Generic[Ticket]):
    """What a worker does next: let `task` run to its next yield, with `value` for the one it stands at."""

    order: _Order
    number: int
    task: Generator[Ticket, Any, None] | None = field(compare=False, default=None)
    value: Any = field(compare=False, default=None)


class _Run(Generic[Ticket]):
    """One call of `run`. Workers take jobs and report; all else belongs to the calling thread."""

    def __init__(self, poller: Poller[Ticket], *, workers: int, clock: Clock, stop: threading.Event) -> None:
        self._poller = poller
        self._workers = workers
        self._clock = clock
        self._stop = stop
        self._jobs: queue.PriorityQueue[_Job[Ticket]] = queue.PriorityQueue()
        self._reports: queue.SimpleQueue[_Waiting[Ticket] | BaseException | None] = queue.SimpleQueue()
        self._numbers = count()
        self._waiting: list[_Waiting[Ticket]] = []
        self._open = 0
        self._next_look = 0.0
        self._error: BaseException | None = None

    def run(self, tasks: list[Generator[Ticket, Any, None]]) -> None:
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(self._workers, len(tasks)))]
        # All of them before anything is sent: a thread that finds no memory to begin with holds `start` for ever.
        for thread in threads:
            thread.start()
        self._open = len(tasks)
        for task in tasks:
            self._put(_Order.BEGIN, task)
        try:
            self._watch()
        except BaseException:
            self._stop.set()
            raise
        finally:
            for _ in threads:
                self._put(_Order.LEAVE)
            for thread in threads:
                thread.join()
        if self._error is not None:
            raise self._error

    def _put(self, order: _Order, task: Generator[Ticket, Any, None] | None = None, value: Any = None) -> None:
        self._jobs.put(_Job(order, next(self._numbers), task, value))

    def _watch(self) -> None:
        while self._open:
            if self._stop.is_set():
                self._end_waiting(Interrupted())
            if self._waiting and self._clock.monotonic() >= self._next_look:
                self._look()
                self._next_look = self._clock.monotonic() + self._poller.interval(self._tickets())
            left = self._next_look - self._clock.monotonic() if self._waiting else IDLE_SECONDS
            self._collect(min(max(left, 0.0), IDLE_SECONDS))
            self._poller.idle()

    def _collect(self, seconds: float) -> None:
        """Take in what the workers report, waiting at most `seconds` for the first report."""
        try:
            self._take(self._reports.get(timeout=seconds))
            while True:
                self._take(self._reports.get_nowait())
        except queue.Empty:
            pass

    def _take(self, report: _Waiting[Ticket] | BaseException | None) -> None:
        if isinstance(report, _Waiting):
            # It may need an earlier look than those that wait already.
            look = self._clock.monotonic() + self._poller.interval([report.ticket])
            self._next_look = min(self._next_look, look) if self._waiting else look
            self._waiting.append(report)
            return
        self._open -= 1
        if report is not None:
            self._error = self._error or report
            self._stop.set()

    def _look(self) -> None:
        try:
            over = {id(ticket): value for ticket, value in self._poller.look(self._tickets())}
        except Exception as error:  # noqa: BLE001 - whoever waits is told; each task knows what to do about it
            self._end_waiting(error)
            return
        done = [waiting for waiting in self._waiting if id(waiting.ticket) in over]
        self._waiting = [waiting for waiting in self._waiting if id(waiting.ticket) not in over]
        for waiting in done:
            self._put(_Order.RESUME, waiting.task, over[id(waiting.ticket)])

    def _end_waiting(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            self._put(_Order.RESUME, each.task, error)

    def _tickets(self) -> list[Ticket]:
        return [waiting.ticket for waiting in self._waiting]

    def _work(self) -> None:
        while (task := (job := self._jobs.get()).task) is not None:
            try:
                ticket = self._advance(task, job)
            except StopIteration:
                self._reports.put(None)
            except BaseException as error:  # noqa: BLE001 - carried to the thread that called run
                self._reports.put(error)
            else:
                self._reports.put(_Waiting(task, ticket))

    def _advance(self, task: Generator[Ticket, Any, None], job: _Job[Ticket]) -> Ticket:
        if job.order is _Order.RESUME:
            return task.throw(job.value) if isinstance(job.value, BaseException) else task.send(job.value)
        if self._stop.is_set():
            raise StopIteration
        return next(task)
