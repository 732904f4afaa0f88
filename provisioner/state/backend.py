"""What every place that keeps a state offers. Implementations live beside this file, one module each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from provisioner.errors import StateError, StateLocked
from provisioner.state.document import Record, State
from provisioner.state.process import Process

# The id of a holder that died before it could say who it is.
UNKNOWN = "unknown"


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
class Seen:
    """A lock that is held.

    place    where it stands
    info     what it says of its holder, None when that cannot be read
    touched  when the holder last gave a sign of life, None where nothing tells
    """

    place: str
    info: LockInfo | None
    touched: datetime | None = None

    def lines(self) -> str:
        """Who, what, where, since when: a line each."""
        if self.info is None:
            return f"The lock does not say by whom yet.\nID         {UNKNOWN}"
        told = {
            "Who": self.info.who,
            "Operation": self.info.operation,
            "Host": self.info.host,
            "Process": str(self.info.process or ""),
            "Job": self.info.job,
            "Since": self.info.created,
            "Last seen": self.touched.isoformat(timespec="seconds") if self.touched else "",
            "ID": self.info.id,
        }
        return "\n".join(f"{name:<10} {value}" for name, value in told.items() if value)

    @property
    def id(self) -> str:
        return self.info.id if self.info else UNKNOWN

    def is_dead(self) -> bool:
        return self.info is not None and self.info.holder.is_dead()

    def check_breakable(self) -> None:
        """A holder that lives on this machine can be ended instead."""
        if self.info is not None and self.info.holder.is_here() and not self.is_dead():
            hint = f"end it first: kill {self.info.process}"
            raise StateLocked("the holder of the lock is alive", detail=self.lines(), hint=hint, holder=str(self))

    def __str__(self) -> str:
        if self.info is None:
            return "another run"
        told = (self.info.operation, self.info.created and f"since {self.info.created}")
        return f"{self.info.who} ({', '.join(filter(None, told))})"


def locked_by(seen: Seen | None) -> StateLocked:
    """The refusal of a lock that somebody holds."""
    detail = seen.lines() if seen else "The lock does not say by whom yet."
    hint = "wait until it ends, then run again; apply --lock-timeout 10m waits by itself"
    if seen and not (seen.info and seen.info.holder.is_here() and not seen.is_dead()):
        hint += f". If it is dead: provisioner force-unlock {seen.id}"
    return StateLocked(
        "the state is locked by another run", detail=detail, hint=hint, holder=str(seen or "another run")
    )


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


@dataclass(frozen=True, slots=True)
class Generation:
    """An earlier state that is kept: when it was written, in seconds since the epoch, and how its digest begins."""

    place: str
    serial: int
    digest: str
    written: float
    load: Callable[[], State] = field(repr=False, compare=False)

    def read(self) -> State:
        """The state of then; StateDamaged when this copy is spoilt too."""
        return self.load()

    def good(self) -> State | None:
        """The state of then, None when this copy is spoilt too."""
        try:
            return self.load()
        except (StateError, OSError):
            return None


class Journal(Protocol):
    """The write-ahead journal of one run. Safe for several threads. Once a line could not be written no other is: what
    cannot be recorded must not be sent.
    """

    def intent(self, address: str, operation: str, at: float, body: Mapping[str, Any] | None = None) -> int:
        """A mutating call is about to be sent. Its number, which the outcome repeats."""
        ...

    def outcome(self, sequence: int, address: str, record: Record | None) -> None:
        """It was answered: `record` is what now stands at the address, None for nothing."""
        ...

    def refused(self, sequence: int, address: str) -> None:
        """The service refused it, nothing changed."""
        ...

    def close(self) -> Snapshot | None:
        """Ends the journal. What is stored now on its account, None when it stored nothing of its own."""
        ...


class StateReader(Protocol):
    """What planning needs: it writes nothing."""

    @property
    def stack(self) -> str: ...

    def read(self) -> Snapshot:
        """What is recorded; an empty state when nothing is."""
        ...

    def holder(self) -> Seen | None:
        """Who holds the lock, dead or alive; None when it is free. Touches nothing."""
        ...


class StateBackend(StateReader, Protocol):
    """What applying and repairing need."""

    def lock(self, info: LockInfo) -> AbstractContextManager[LockInfo | None]:
        """Hold the lock. Gives the holder before us when that one died with it; raises StateLocked, naming the holder,
        when another run has it.
        """
        ...

    def force_unlock(self, seen: Seen) -> None:
        """Take the lock from the holder that `seen` names, who is not alive on this machine."""
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

    def encode(self, state: State) -> bytes:
        """The state as this backend keeps it at rest."""
        ...

    def history(self) -> list[Generation]:
        """The generations that are kept, the newest first."""
        ...

    def restore(self, state: State) -> State:
        """Make `state` the stored one, whatever stands there, under a serial above all others. Under the lock only."""
        ...


class StateBackends(Protocol):
    """One place with the states of many stacks."""

    def of(self, stack: str) -> StateBackend: ...

    def recorded(self) -> list[str]:
        """The stacks that have a state, sorted."""
        ...

    def locked(self) -> list[tuple[StateBackend, Seen]]:
        """The stacks whose lock somebody holds, dead or alive."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
