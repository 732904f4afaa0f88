"""What of yesterday is a secret still, though its variable is gone or has another value now. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.model.observation import Observation
from provisioner.model.secrets import Secrets, holds_hidden
from provisioner.state.document import Record, State


def recalled(secrets: Secrets, state: State, live: Mapping[str, Observation | None]) -> Secrets:
    """`secrets` and those that no variable has any more while the service still shows them."""
    for text, record in state.resources.items():
        if (observation := live.get(text)) is not None:
            payload = observation.payload()
            secrets = secrets.recalled(record.attributes, payload).recalled(record.observed, payload)
    return secrets


def sensitive_fields(record: Record | None) -> frozenset[str]:
    """The top-level fields in which a secret is recorded."""
    values = [*record.attributes.items(), *record.observed.items()] if record else ()
    return frozenset(name for name, value in values if holds_hidden(value))
