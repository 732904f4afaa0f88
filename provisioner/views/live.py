"""Progress as a live area on a terminal: what ended scrolls away above, what is under way stands below.

Imported only when stderr is a terminal, since rich is slow to import. The area is drawn when an event arrives, at most
eight times a second; the ticks of a run keep the clock in it going. It always fits the window: rows are cut, never
wrapped.
"""
# ruff: noqa: TID253 - nothing but `progress_for` imports this module

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

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
from provisioner.plan import Action, Step
from provisioner.views.clean import one_line
from provisioner.views.paint import in_ascii
from provisioner.views.phrases import completed_text, elapsed_text, read_text, reading_text, seen_text, speaks_unicode

SECONDS_BETWEEN_DRAWS = 1 / 8
FRAMES_PER_SECOND = 8
BAR_CELLS = 20
# Header, footer, and the line that the cursor stands on.
LINES_AROUND = 3

_DOING = {
    Action.CREATE: "creating",
    Action.UPDATE: "changing",
    Action.REPLACE: "replacing",
    Action.DELETE: "destroying",
    Action.FORGET: "forgetting",
    Action.IMPORT: "importing",
    Action.MOVE: "moving",
    Action.NO_OP: "",
}
_DONE = {
    Action.CREATE: "created",
    Action.UPDATE: "changed",
    Action.REPLACE: "replaced",
    Action.DELETE: "destroyed",
    Action.FORGET: "forgotten",
    Action.IMPORT: "imported",
    Action.MOVE: "moved",
    Action.NO_OP: "",
}


@dataclass(slots=True)
class _Row:
    """A step under way."""

    step: Step
    since: float
    doing: str
    seen: str = ""


class LiveProgress:
    """Events may come from several threads; all of them draw, one at a time."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str], clock: Clock) -> None:
        # rich reads NO_COLOR, TERM, COLUMNS and LINES itself.
        self.console = Console(file=stream, force_terminal=True, highlight=False, soft_wrap=True, _environ=environment)
        self._clock = clock
        self._unicode = speaks_unicode(stream)
        self._spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if self._unicode else "|/-\\"
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._drawn = 0.0
        self._reading = ""
        self._rows: dict[Address, _Row] = {}
        self._names = 0
        self._total = 0
        self._ended = 0
        self._failed = 0
        self._since = 0.0

    def __enter__(self) -> Self:
        # Only stderr is redirected, so that a warning scrolls above the area; stdout carries data.
        self._live = Live(console=self.console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock, suppress(OSError):
            if self._live:
                self._live.update(Group())
                self._live.stop()
                self._live = None

    def __call__(self, event: Event) -> None:
        with self._lock:
            line = self._take(event)
            with suppress(OSError):  # a terminal that was closed must not end an apply
                if line:
                    self.console.print(line)
                self._draw()

    def _take(self, event: Event) -> Text | None:
        """Take an event in; what it ended is said in a line that stays."""
        match event:
            case RefreshStarted():
                self._reading = reading_text(event) if event.recorded else ""
            case RefreshCompleted():
                self._reading = ""
                return Text(read_text(event)) if event.requests else None
            case ApplyStarted(steps):
                self._since, self._total, self._ended, self._failed = self._clock.monotonic(), len(steps), 0, 0
                self._rows.clear()
                self._names = max((cell_len(_name(step)) for step in steps), default=0)
            case ApplyCompleted():
                self._total = 0
                return Text(completed_text(event))
            case Tick():
                pass
            case StepStarted(step):
                self._rows[step.address] = _Row(step, self._clock.monotonic(), _DOING[step.action])
            case OperationStarted() | StatusSeen():
                self._follow(event)
            case StepCompleted() | StepFailed() | StepInterrupted():
                return self._end(event)
        return None

    def _follow(self, event: OperationStarted | StatusSeen) -> None:
        row = self._rows.get(event.step.address)
        if row is None:
            return
        row.seen = seen_text(event) if isinstance(event, StatusSeen) else ""
        count = len(event.step.operations)
        if isinstance(event, OperationStarted) and count > 1:
            row.doing = f"{_DOING[event.step.action]}: {event.operation.kind} {event.number}/{count}"

    def _end(self, event: StepCompleted | StepFailed | StepInterrupted) -> Text:
        step, now = event.step, self._clock.monotonic()
        row = self._rows.pop(step.address, None) or _Row(step, now, "")
        self._ended += 1
        row.seen = ""
        match event:
            case StepCompleted():
                row.doing = _DONE[step.action]
                return self._row("✓", "green", row, now)
            case StepFailed():
                self._failed += 1
                row.doing, row.seen = "failed", one_line(event.error.summary)
                return self._row("✗", "red", row, now)
            case StepInterrupted():
                row.doing, row.seen = "interrupted", "the next apply continues it"
                return self._row("!", "yellow", row, now)

    def _draw(self) -> None:
        now = self._clock.monotonic()
        if self._live and now - self._drawn >= SECONDS_BETWEEN_DRAWS:
            self._drawn = now
            self._live.update(Group(*self._area(now)), refresh=True)

    def _area(self, now: float) -> Iterator[Text]:
        frame = self._spinner[int(now * FRAMES_PER_SECOND) % len(self._spinner)]
        if self._reading:
            yield self._cut(Text(f" {frame} {self._reading}"))
        if not self._total:
            return
        yield self._cut(self._header(now))
        rows = sorted(self._rows.values(), key=lambda row: row.since)
        shown = rows[: max(self.console.height - LINES_AROUND, 1)]
        for row in shown:
            yield self._row(frame, "cyan", row, now)
        yield self._cut(self._footer(len(rows) - len(shown)))

    def _header(self, now: float) -> Text:
        filled = BAR_CELLS * self._ended // self._total
        bar = ((self._said("━" * filled), "green"), (self._said("─" * (BAR_CELLS - filled)), "dim"))
        words = f"  {self._ended} of {self._total} · {elapsed_text(now - self._since)}"
        return Text.assemble(" ", *bar, self._said(f"{words} · ctrl-c once to stop after running operations"))

    def _footer(self, hidden: int) -> Text:
        waiting = self._total - self._ended - len(self._rows)
        parts = [f"+ {hidden} under way"] if hidden else []
        parts += [f"+ {waiting} waiting"] if waiting else []
        parts += [f"{self._failed} failed"] if self._failed else []
        return Text(self._said(f"   {' · '.join(parts)}"), style="dim")

    def _row(self, symbol: str, style: str, row: _Row, now: float) -> Text:
        """One step, the most important first: what does not fit is cut at the end."""
        name = _name(row.step).ljust(min(self._names, self.console.width // 2))
        rest = f"  {elapsed_text(now - row.since):>7}  {row.doing}{f'  {row.seen}' if row.seen else ''}"
        return self._cut(Text.assemble(" ", (self._said(symbol), style), " ", self._said(name + rest)))

    def _cut(self, text: Text) -> Text:
        """A row of the area is one line of the window, whatever it says."""
        text.truncate(self.console.width - 1, overflow="ellipsis" if self._unicode else "crop")
        return text

    def _said(self, text: str) -> str:
        return text if self._unicode else in_ascii(text)


def _name(step: Step) -> str:
    return one_line(str(step.address))
