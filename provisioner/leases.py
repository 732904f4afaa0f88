"""What a lease is to a plan: when two are the same, and what one left standing still. Pure."""

from __future__ import annotations

from typing import Any

from provisioner.model.fields import MINUTE_MS
from provisioner.model.observation import Observation
from provisioner.state.document import Record

NEVER = "never"
STOPPED_BY_LEASE = "stopped by its lease"


def same_lease(wanted: Any, told: Any) -> bool:
    """Whether two policies are the same. The service tells of a deadline, from which the duration is counted back (API
    page 9.3): that is exact to some seconds.
    """
    if not (isinstance(wanted, dict) and isinstance(told, dict)):
        return bool(wanted == told)
    same_type: bool = wanted["type"] == told.get("type", wanted["type"])
    return same_type and bool(abs(wanted["duration"] - told["duration"]) <= MINUTE_MS)


def left_by_lease(observation: Observation, record: Record, now_ms: int) -> bool:
    """Whether it stands still because its lease ended. That is left as it is: starting again each night what the lease
    stopped would be a fight that nobody asked for. What is to run since the spec changed, and what an apply of ours
    stopped in passing, is started.
    """
    meant = {**record.attributes, **record.by_hand}.get("desired_status")
    return not record.incomplete and meant == "RUNNING" and observation.stopped_by_lease(now_ms)
