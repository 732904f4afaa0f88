"""What every place that keeps a state offers. Implementations live beside this file, one module each."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from provisioner.state.document import State
from provisioner.state.journal import Journal
from provisioner.state.process import Process


def _terraform_name(field: str) -> str:
    return "ID" if field == "id" else field.capitalize()


class LockInfo(BaseModel):
    """Who holds a lock; the field names are Terraform's, and more of the process.

    host, boot, process, started  which process it is (`Process`)
    job                           the address of the CI job, "" outside of CI
    """

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=_terraform_name, validate_by_name=True)

    id: str
    operation: str
    who: str
    version: str
    created: str
    info: str = ""
    path: str = ""
    host: str = ""
    boot: str = ""
    process: int = 0
    started: str = ""
    job: str = ""

    @property
    def holder(self) -> Process:
        return Process(self.host, self.boot, self.process, self.started)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a backend holds at one moment.

    state          the stored state with what the journal of a run that died adds to it
    stored_serial  serial of the stored state, 0 when there is none
    has_journal    the journal holds something that the stored state does not
    stored_digest  of the stored state, "" when there is none
    """

    state: State
    stored_serial: int = 0
    has_journal: bool = False
    stored_digest: str = ""


class StateReader(Protocol):
    """What planning needs: it writes nothing."""

    def read(self) -> Snapshot:
        """What is recorded; an empty state when nothing is."""
        ...


class StateBackend(StateReader, Protocol):
    """What applying needs."""

    def lock(self, info: LockInfo) -> AbstractContextManager[LockInfo | None]:
        """Hold the lock. Gives the holder before us when that one died with it; raises StateLocked, naming the holder,
        when another run has it.
        """
        ...

    def journal(self, state: State, *, calls: int = 0) -> Journal:
        """The open journal of this run, based on `state`, with room for `calls`. Under the lock only."""
        ...

    def write(self, state: State, *, replacing: Snapshot) -> Snapshot:
        """Replace the state and clear the journal, and give what is stored then. Refused when what is stored is not
        what `replacing` was read from, lock or no lock.
        """
        ...

    def forget_journal(self) -> None:
        """Drop a journal that holds nothing the state does not."""
        ...
