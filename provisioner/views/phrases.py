"""The words of progress that lines and the live area share. Pure."""

from __future__ import annotations

from typing import TextIO

from provisioner.events import ApplyCompleted, RefreshCompleted, RefreshStarted, StatusSeen
from provisioner.views.clean import one_line


def speaks_unicode(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def elapsed_text(seconds: float) -> str:
    """Whole seconds as Go and Terraform write them: 38s, 1m4s, 1h0m3s."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def seen_text(event: StatusSeen) -> str:
    """The status, and the step of `action_progress` when the service tells it (API page 3.2)."""
    stage = f" · {event.step_number}/{event.step_count} {event.step_description}" if event.step_number else ""
    return one_line(event.status + stage).rstrip()


def reading_text(event: RefreshStarted) -> str:
    return f"Reading {_notebooks(event.recorded)}..."


def read_text(event: RefreshCompleted) -> str:
    requests = f"{event.requests} request{'s' if event.requests != 1 else ''}"
    return f"Read {_notebooks(event.recorded)} in {requests}, {event.seconds:.1f}s"


def completed_text(event: ApplyCompleted) -> str:
    requests = f"{event.requests} request{'s' if event.requests != 1 else ''}"
    return f"Done after {elapsed_text(event.seconds)} and {requests}; the state is written (serial {event.serial})."


def _notebooks(number: int) -> str:
    return f"{number} notebook{'s' if number != 1 else ''}"
