"""Who tells of progress: the live area for a person at a terminal, lines for everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self, TextIO

from provisioner.clock import Clock
from provisioner.events import Event
from provisioner.views.lines import PlainProgress


class Progress(Protocol):
    """A listener that may be entered and left any number of times."""

    def __call__(self, event: Event) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def progress_for(stream: TextIO, environment: Mapping[str, str], clock: Clock) -> Progress:
    """The live area for a person at a terminal, lines for everybody else."""
    in_ci = environment.get("CI", "") not in {"", "0", "false"}
    if not stream.isatty() or in_ci or environment.get("TERM") == "dumb":
        return PlainProgress(stream, clock)
    from provisioner.views.live import LiveProgress

    return LiveProgress(stream, environment, clock)
