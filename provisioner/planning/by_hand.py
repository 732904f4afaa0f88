"""What `start`, `stop` and `extend` did by hand, and how long it counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.leases import same_lease
from provisioner.model.observation import Observation
from provisioner.model.secrets import Secrets
from provisioner.state.document import Record


def still_by_hand(
    record: Record, declared: Mapping[str, Any], observation: Observation, secrets: Secrets
) -> dict[str, Any]:
    """The attributes set by hand that count instead of the declared ones: those of which the spec says the same as when
    they were set, and that nobody has undone since.
    """
    return {
        field: value
        for field, value in record.by_hand.items()
        if record.attributes.get(field) == secrets.hidden(declared.get(field))
        if _stands(field, value, record, declared, observation)
    }


def _stands(field: str, value: Any, record: Record, declared: Mapping[str, Any], observation: Observation) -> bool:
    """A lease lasts until it is another one or the next start counts it anew. Power that is as declared has been
    brought back by somebody, unless a run of ours was cut off on its way.
    """
    if field == "lease":
        told = observation.lease.policy() if observation.lease else None
        return observation.power == "RUNNING" and same_lease(value, told)
    return record.incomplete or observation.power != declared.get(field)


def by_hand_note(kept: Mapping[str, Any], argument: str) -> str:
    """What is said of a notebook that is left as it was set by hand; `argument` is its address on a command line."""
    match kept.get("desired_status"):
        case "STOPPED":
            return f"stopped by `provisioner stop`; `provisioner start {argument}` starts it"
        case "RUNNING":
            return f"started by `provisioner start`; `provisioner stop {argument}` stops it"
        case _:
            return "lease set by `provisioner extend`, until its next start" if "lease" in kept else ""
