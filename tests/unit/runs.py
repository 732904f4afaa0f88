"""A stack in a directory of its own, on the service in memory, and how its last apply went."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from provisioner.clock import SystemClock
from provisioner.errors import StateError
from provisioner.events import Event, StepFailed, Tick
from provisioner.operations import replacement
from provisioner.plan import Action, Options, Plan, Step
from provisioner.planning.stack import build_plan
from provisioner.refresh import refresh
from provisioner.run.apply import Settings, apply_plan
from provisioner.state.backend import Snapshot
from provisioner.state.document import Cloud, Record, State
from provisioner.state.journal import FileJournal
from provisioner.state.local import LocalBackend
from tests.builders import declarations
from tests.service import NOW_MS, PureService, observed

Fields = dict[str, Any]


class FullDisk(LocalBackend):
    """Has room for `room` lines of the journal after the first."""

    def __init__(self, directory: Path, stack: str, room: int) -> None:
        super().__init__(directory, stack)
        self._place, self._room = directory / f"{stack}.journal", room

    def journal(self, state: State, *, calls: int = 0) -> FileJournal:
        return ShortJournal(self._place, state, self._room, calls=calls)


class ShortJournal(FileJournal):
    """Takes so many lines, then no more."""

    def __init__(self, path: Path, base: State, lines: int, *, calls: int) -> None:
        super().__init__(path, base, calls=calls)
        self._left = lines

    def intent(self, address: str, operation: str, at: float, body: Mapping[str, Any] | None = None) -> int:
        self._take_room()
        return super().intent(address, operation, at, body)

    def outcome(self, sequence: int, address: str, record: Record | None) -> None:
        self._take_room()
        super().outcome(sequence, address, record)

    def _take_room(self) -> None:
        if not self._left:
            raise StateError("the journal cannot be written", detail="No space left on device")
        self._left -= 1


class RacingClock(SystemClock):
    """An hour passes whenever somebody looks at it."""

    hours = count()

    def monotonic(self) -> float:
        return float(next(self.hours) * 3600)


@dataclass(slots=True)
class Run:
    """A stack in a directory, and how its last apply went."""

    directory: Path
    service: PureService = field(default_factory=PureService)
    events: list[Event] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    on_event: Callable[[Event], None] = lambda _event: None
    room: int | None = None
    clock_type: type[SystemClock] = SystemClock
    workers: int = 4

    @property
    def backend(self) -> LocalBackend:
        if self.room is not None:
            return FullDisk(self.directory, "lab", self.room)
        return LocalBackend(self.directory, "lab")

    def plan(self, declared: dict[str, Fields], options: Options | None = None) -> tuple[Plan, Snapshot]:
        snapshot, found = self.backend.read(), declarations(declared)
        live = refresh(
            snapshot.state, self.service, mounting=(), workers=1, clock=SystemClock(), listener=lambda _event: None
        ).live
        plan = build_plan(
            found, snapshot.state, live, serial=snapshot.stored_serial, now_ms=NOW_MS, options=options or Options()
        )
        return plan, snapshot

    def apply(self, declared: dict[str, Fields], options: Options | None = None) -> Run:
        return self.carry_out(*self.plan(declared, options))

    def carry_out(self, plan: Plan, snapshot: Snapshot) -> Run:
        self.events.clear()

        def listener(event: Event) -> None:
            if not isinstance(event, Tick):
                self.events.append(event)
            self.on_event(event)

        apply_plan(
            plan,
            snapshot,
            backend=self.backend,
            provider=self.service,
            settings=Settings(Cloud(region="here", project_id="p"), self.workers, 0.0),
            clock=self.clock_type(self.stop),
            stop=self.stop,
            listener=listener,
        )
        return self

    def replacing(self, declared: dict[str, Fields]) -> tuple[Plan, Snapshot]:
        """A plan whose replacements create before they delete."""
        plan, snapshot = self.plan(declared)
        steps = [self._created_first(step) if step.action is Action.REPLACE else step for step in plan.steps]
        return replace(plan, steps=tuple(steps)), snapshot

    def _created_first(self, step: Step) -> Step:
        observation = observed(self.service.notebooks[step.id])
        power = "STOPPED" if step.after["desired_status"] == "STOPPED" else "RUNNING"
        return replace(step, operations=tuple(replacement(step.after, observation, power, create_first=True)))

    @property
    def errors(self) -> list[str]:
        return [str(event.error) for event in self.events if isinstance(event, StepFailed)]

    @property
    def kinds(self) -> list[type[Event]]:
        return [type(event) for event in self.events]

    @property
    def state(self) -> State:
        return self.backend.read().state

    def journal(self) -> list[str]:
        """The kinds of the lines that are on disk."""
        lines = (self.directory / "lab.journal").read_text().rstrip("\0").splitlines()
        return [json.loads(line.partition(" ")[2])["kind"] for line in lines]


def failing(error: Exception, name: str) -> Callable[[str], None]:
    """Raises `error` at the call of that name."""

    def fail(called: str) -> None:
        if called == name:
            raise error

    return fail
