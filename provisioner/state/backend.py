"""What every place that keeps a state offers. Implementations live beside this file, one module each."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from provisioner.state.document import State
from provisioner.state.journal import Journal


def _terraform_name(field: str) -> str:
    return "ID" if field == "id" else field.capitalize()


class LockInfo(BaseModel):
    """Who holds a lock; the field names are Terraform's."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=_terraform_name, validate_by_name=True)

    id: str
    operation: str
    who: str
    version: str
    created: str
    info: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a backend holds at one moment.

    state          the stored state with what the journal of a run that died adds to it
    stored_serial  serial of the stored state, 0 when there is none
    has_journal    the journal holds something that the stored state does not
    """

    state: State
    stored_serial: int = 0
    has_journal: bool = False


class StateReader(Protocol):
    """What planning needs: it writes nothing."""

    def read(self) -> Snapshot:
        """What is recorded; an empty state when nothing is."""
        ...


class StateBackend(StateReader, Protocol):
    """What applying needs."""

    def lock(self, info: LockInfo) -> AbstractContextManager[None]:
        """Hold the lock; raises StateLocked, naming the holder, when another run has it."""
        ...

    def journal(self, state: State) -> Journal:
        """The open journal of this run, based on `state`. Under the lock only."""
        ...

    def write(self, state: State, *, expected_serial: int) -> None:
        """Replace the state and clear the journal; refused when the stored serial is not `expected_serial`."""
        ...

    def forget_journal(self) -> None:
        """Drop a journal that holds nothing the state does not."""
        ...
