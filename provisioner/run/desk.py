"""What all steps of a run share: the service, the journal, what is to be recorded, which ids are taken."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.clock import Clock
from provisioner.events import Listener
from provisioner.model.marker import Marking
from provisioner.model.secrets import NO_SECRETS, Secrets
from provisioner.provider.base import NotebookProvider
from provisioner.state.backend import Journal
from provisioner.state.document import Pending, Record


@dataclass(slots=True)
class Ledger:
    """What is to be recorded: the records that changed, None for removed, and the creates of unknown outcome."""

    records: dict[str, Record | None]
    pending: list[Pending] = field(default_factory=list)


class Ids:
    """Which instance belongs to which address. Safe for several threads."""

    def __init__(self, owners: Mapping[str, str]) -> None:
        self._owners = dict(owners)
        self._lock = threading.Lock()

    def claim(self, identifier: str, address: str) -> str:
        """Take an id for `address`; the address that has it already, "" when none has."""
        with self._lock:
            owner = self._owners.get(identifier, "")
            if not owner:
                self._owners[identifier] = address
            return owner

    def known(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._owners)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every step shares.

    settle_window  seconds for which a create whose answer was lost is searched for
    secrets        what may be written nowhere
    """

    provider: NotebookProvider
    journal: Journal
    ledger: Ledger
    ids: Ids
    marking: Marking
    settle_window: float
    clock: Clock
    stop: threading.Event
    listener: Listener
    secrets: Secrets = NO_SECRETS
