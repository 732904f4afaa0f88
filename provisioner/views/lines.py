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
from provisioner.operations import OperationKind
from provisioner.plan import Action, Step
from provisioner.views.clean import one_line
from provisioner.views.paint import in_ascii
from provisioner.views.phrases import completed_text, elapsed_text, read_text, reading_text, seen_text, speaks_unicode

HEARTBEAT_SECONDS = 10.0
LONGEST_BEAT = 10


@dataclass(frozen=True, slots=True)
class _Words:
    """The verb and the noun of an action in Terraform's progress lines."""

    verb: str
    noun: str


_CREATION = _Words("Creating", "Creation")
_DESTRUCTION = _Words("Destroying", "Destruction")
_MODIFICATION = _Words("Modifying", "Modifications")
_WORDS = {
    Action.CREATE: _CREATION,
    Action.UPDATE: _MODIFICATION,
    Action.REPLACE: _DESTRUCTION,  # its first half; the second begins with the create call
    Action.DELETE: _DESTRUCTION,
    Action.FORGET: _Words("Forgetting", "Removal from the state"),
    Action.IMPORT: _Words("Importing", "Import"),
    Action.MOVE: _Words("Moving", "Move"),
}


@dataclass(slots=True)
class _Phase:
    """What is said of a step at present. A replacement has two: destruction and creation, in the order of its calls."""

    step: Step
    words: _Words
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
                yield self._begin(step, _first_words(step))
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
        following = _following(phase, event)
        if following is not phase.words:
            yield self._end(event.step, "complete after")
            yield self._begin(event.step, following)

    def _finish(self, event: StepCompleted | StepFailed | StepInterrupted) -> str:
        match event:
            case StepCompleted(step, identity):
                return self._end(step, "complete after", "" if _ends_in_destruction(step) else identity)
            case StepFailed(step):
                return self._end(step, "failed after")
            case StepInterrupted(step):
                return self._end(step, "interrupted after")

    def _begin(self, step: Step, words: _Words) -> str:
        self._phases[step.address] = _Phase(step, words, self._clock.monotonic())
        identity = f" [id={one_line(step.id)}]" if step.id and words is not _CREATION else ""
        return f"{_name(step)}: {words.verb}...{identity}"

    def _end(self, step: Step, how: str, identity: str = "") -> str:
        now = self._clock.monotonic()
        # A step that is refused before its first call ends without having begun.
        phase = self._phases.pop(step.address, None) or _Phase(step, _first_words(step), now)
        shown = f" [id={one_line(identity)}]" if identity else ""
        return f"{_name(step)}: {phase.words.noun} {how} {elapsed_text(now - phase.since)}{shown}"

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
            yield f"{_name(phase.step)}: Still {phase.words.verb.lower()}... {elapsed} {phase.seen}".rstrip()
        if len(old) > LONGEST_BEAT:
            yield f"... and {len(old) - LONGEST_BEAT} more"


def _first_words(step: Step) -> _Words:
    return _CREATION if step.creates_first else _WORDS[step.action]


def _following(phase: _Phase, event: OperationStarted) -> _Words:
    """What is said from this operation on."""
    if event.operation.kind is OperationKind.CREATE:
        return _CREATION
    deletes = event.operation.kind is OperationKind.DELETE and event.operation.deposed == event.step.id
    return _DESTRUCTION if deletes and phase.words is _CREATION else phase.words


def _ends_in_destruction(step: Step) -> bool:
    return step.action in {Action.DELETE, Action.FORGET} or step.creates_first


def _name(step: Step) -> str:
    return one_line(str(step.address))
