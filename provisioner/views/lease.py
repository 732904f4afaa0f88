"""Until when a notebook runs, in one sentence. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from provisioner.model.address import Address
from provisioner.model.fields import duration_text
from provisioner.model.observation import Observation
from provisioner.views.clean import one_line
from provisioner.views.phrases import elapsed_text


def lease_text(address: Address, observation: Observation, now: float) -> str:
    """What ends the run of a notebook that runs; `now` in seconds since the epoch."""
    name, lease = one_line(str(address)), observation.lease
    if lease is not None and lease.policy() == "never":
        return f"{name} has no auto stop: it runs, and costs, until somebody stops it."
    if lease is None or lease.deadline is None:
        return f"{name} runs; the service does not tell until when."
    if lease.type == "IDLE":
        return f"{name} stops once nobody used it for {duration_text(lease.requested)}."
    seconds = lease.deadline / 1000
    until = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{name} runs until {until} ({elapsed_text(max(seconds - now, 0))} from now)."
