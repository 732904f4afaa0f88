"""A screen for programs: one event a line on the standard output, and nothing else there."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from provisioner.clock import Clock, SystemClock
from provisioner.errors import Diagnostic
from provisioner.plan import Mode, Plan
from provisioner.spec.files import sources_of
from provisioner.views.outcome import Outcome
from provisioner.views.ui_events import (
    RunEvents,
    UiEvent,
    diagnostic_event,
    log_event,
    outcome_events,
    plan_events,
    saved_event,
    version_event,
)

if TYPE_CHECKING:
    from provisioner.events import Event, Listener

# How long a signal handler waits for the line that is being written. It may be the line of the thread that it stopped,
# which then writes what the handler left.
_PATIENCE = 0.2


class JsonScreen:
    """Begins with the version as soon as there is one."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._descriptor = sys.stdout.fileno()
        self._lock = threading.Lock()
        self._left: deque[bytes] = deque()
        self._tell([version_event()])

    def diagnostics(self, diagnostics: Sequence[Diagnostic]) -> None:
        sources = sources_of(diagnostics)
        self._tell(diagnostic_event(found, sources) for found in diagnostics)

    def plan(self, plan: Plan) -> None:
        self._tell(plan_events(plan))

    def approved(self, plan: Plan) -> None:
        self._tell(plan_events(plan, approved=True))

    def saved(self, path: str, digest: str, text: str) -> None:  # noqa: ARG002 - `text` is for people
        self._tell([saved_event(path, digest)])

    def say(self, text: str) -> None:
        self._tell([log_event(text)])

    def note(self, text: str) -> None:
        self._tell([log_event(text)])

    def interrupted(self, text: str) -> None:
        """Called by a signal handler, at any moment of any line."""
        self._left.append(self._lines([log_event(text)]))
        if self._lock.acquire(timeout=_PATIENCE):
            self._end()

    @contextmanager
    def listening(self, clock: Clock) -> Iterator[Listener]:
        events = RunEvents(clock)

        def listener(event: Event) -> None:
            self._tell(events(event))

        yield listener

    def outcome(self, outcome: Outcome, mode: Mode) -> None:
        self._tell(outcome_events(outcome, mode))

    def _tell(self, events: Iterable[UiEvent]) -> None:
        """Whole lines, each event's at once: no thread writes into the line of another."""
        data = self._lines(events)
        self._lock.acquire()
        try:
            self._write(data)
        finally:
            self._end()

    def _end(self) -> None:
        """Write what a signal handler could not, and let the next one write."""
        while self._left:
            self._write(self._left.popleft())
        self._lock.release()

    def _lines(self, events: Iterable[UiEvent]) -> bytes:
        return "".join(f"{event.line(self._clock.now())}\n" for event in events).encode()

    def _write(self, data: bytes) -> None:
        """A reader that went away must not end an apply. Past Python's buffer, which would complain at exit."""
        with suppress(OSError):
            while data:
                data = data[os.write(self._descriptor, data) :]
