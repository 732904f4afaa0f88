"""Progress as lines, in Terraform's words, for logs and pipes.

One line when something begins or ends, and every ten seconds what is still under way. Everything goes to the stream
that is handed in, which is stderr. Errors are told at the end, by the command.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO

from provisioner.clock import Clock
from provisioner.events import (
    ApplyCompleted,
    ApplyStarted,
    Event,
    OperationStarted,
    RefreshCompleted,
    RefreshStarted,
    StatusSeen,
    StepCompleted,
    StepFailed,
    StepInterrupted,
    StepStarted,
    Tick,
)
from provisioner.model.address import Address
from provisioner.plan import Step
from provisioner.views.clean import one_line
from provisioner.views.paint import in_ascii
from provisioner.views.phases import CREATION, HEARTBEAT_SECONDS, Doing, ends_in_destruction, first_doing, following
from provisioner.views.phrases import completed_text, elapsed_text, read_text, reading_text, seen_text, speaks_unicode

LONGEST_BEAT = 10


@dataclass(slots=True)
class _Phase:
    """What is said of a step at present."""

    step: Step
    doing: Doing
    since: float
    seen: str = ""


class PlainProgress:
    """Lines on a stream. Events may come from several threads."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._ascii = not speaks_unicode(stream)
        self._lock = threading.Lock()
        self._phases: dict[Address, _Phase] = {}
        self._last_beat = clock.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __call__(self, event: Event) -> None:
        with self._lock:
            lines = [*self._lines(event), *self._beat()]
            if lines:
                self._write("\n".join(lines) + "\n")

    def _write(self, text: str) -> None:
        """A reader that went away must not end an apply."""
        with suppress(OSError):
            self._stream.write(in_ascii(text) if self._ascii else text)
            self._stream.flush()

    def _lines(self, event: Event) -> Iterator[str]:
        match event:
            case RefreshStarted() if event.recorded:
                yield reading_text(event)
            case RefreshCompleted() if event.requests:
                yield read_text(event)
            case ApplyStarted():
                self._last_beat = self._clock.monotonic()
            case ApplyCompleted():
                yield completed_text(event)
            case StepStarted(step):
                yield self._begin(step, first_doing(step))
            case OperationStarted() | StatusSeen():
                yield from self._follow(event)
            case StepCompleted() | StepFailed() | StepInterrupted():
                yield self._finish(event)
            case RefreshStarted() | RefreshCompleted() | Tick():
                pass

    def _follow(self, event: OperationStarted | StatusSeen) -> Iterator[str]:
        phase = self._phases.get(event.step.address)
        if phase is None:
            return
        phase.seen = seen_text(event) if isinstance(event, StatusSeen) else ""
        if isinstance(event, StatusSeen):
            return
        doing = following(phase.doing, event)
        if doing is not phase.doing:
            yield self._end(event.step, "complete after")
            yield self._begin(event.step, doing)

    def _finish(self, event: StepCompleted | StepFailed | StepInterrupted) -> str:
        match event:
            case StepCompleted(step, identity):
                return self._end(step, "complete after", "" if ends_in_destruction(step) else identity)
            case StepFailed(step):
                return self._end(step, "failed after")
            case StepInterrupted(step):
                return self._end(step, "interrupted after")

    def _begin(self, step: Step, doing: Doing) -> str:
        self._phases[step.address] = _Phase(step, doing, self._clock.monotonic())
        identity = f" [id={one_line(step.id)}]" if step.id and doing is not CREATION else ""
        return f"{_name(step)}: {doing.verb}...{identity}"

    def _end(self, step: Step, how: str, identity: str = "") -> str:
        now = self._clock.monotonic()
        # A step that is refused before its first call ends without having begun.
        phase = self._phases.pop(step.address, None) or _Phase(step, first_doing(step), now)
        shown = f" [id={one_line(identity)}]" if identity else ""
        return f"{_name(step)}: {phase.doing.noun} {how} {elapsed_text(now - phase.since)}{shown}"

    def _beat(self) -> Iterator[str]:
        """What has been under way for ten seconds, the longest first; the rest only by number."""
        now = self._clock.monotonic()
        if now - self._last_beat < HEARTBEAT_SECONDS:
            return
        self._last_beat = now
        old = [phase for phase in self._phases.values() if now - phase.since >= HEARTBEAT_SECONDS]
        old.sort(key=lambda phase: phase.since)
        for phase in old[:LONGEST_BEAT]:
            elapsed = f"[{elapsed_text(now - phase.since)} elapsed]"
            yield f"{_name(phase.step)}: Still {phase.doing.verb.lower()}... {elapsed} {phase.seen}".rstrip()
        if len(old) > LONGEST_BEAT:
            yield f"... and {len(old) - LONGEST_BEAT} more"


def _name(step: Step) -> str:
    return one_line(str(step.address))
