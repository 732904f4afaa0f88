"""The auto-stop clock of a notebook (API page 9): what may be asked for, and what a reset makes of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from provisioner.simulator.record import JsonObject, Lease
from provisioner.simulator.wire import refused

HOUR = 3_600_000
NEVER = -1
_LONGEST = 72 * HOUR
_SHORTEST = {"TIMING": HOUR, "IDLE": 900_000}


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    duration: int = HOUR
    """Omitted means one hour, not unlimited (API page 5.3)."""
    type: str = "TIMING"


def from_body(body: JsonObject) -> LeaseRequest:
    """Of a create: a top-level `duration` overrides `lease` and forces TIMING (API page 5.1)."""
    if body.get("duration") is not None:
        return lease_request(body["duration"], None)
    lease = body.get("lease") or {}
    return lease_request(lease.get("duration"), lease.get("type"))


def lease_request(duration: Any, kind: str | None) -> LeaseRequest:
    asked = LeaseRequest(HOUR if duration is None else duration, (kind or "TIMING").upper())
    if asked.type not in _SHORTEST:
        raise refused("6336", f"The value of type is incorrect: {kind}.")
    if asked.duration != NEVER and not _SHORTEST[asked.type] <= asked.duration <= _LONGEST:
        shortest = _SHORTEST[asked.type]
        raise refused("6349", f"The duration is out of range. It must be -1 or from {shortest} to {_LONGEST}.")
    return asked


def granted(asked: LeaseRequest, now: int) -> Lease:
    """The first lease of a notebook."""
    return renewed(Lease(now, now, 0, enable=True, type=asked.type, requested=asked.duration), asked, now)


def renewed(lease: Lease, asked: LeaseRequest, now: int) -> Lease:
    """`create_at` never moves, so the duration shown grows: deadline = create_at + duration (API page 9.3)."""
    if asked.duration == NEVER:
        return replace(lease, update_at=now, duration=NEVER, enable=False, type="TIMING", requested=NEVER)
    shown = now - lease.create_at + asked.duration
    return replace(lease, update_at=now, duration=shown, enable=True, type=asked.type, requested=asked.duration)


def reset(lease: Lease, now: int) -> Lease:
    """The same length again, counted from now."""
    return renewed(lease, LeaseRequest(lease.requested, lease.type), now)
