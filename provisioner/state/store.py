"""What a place far away must be able to do to keep a state: five calls on bytes. `remote.py` makes a backend of it.

Every store has both belts: a lock, and a write that is refused when what stands there is not what was read.
A call that was not answered raises StateUnreachable; the caller finds out what became of it. Nothing here knows what a
state is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from provisioner.state.backend import LockInfo, Seen


@dataclass(frozen=True, slots=True)
class Stored:
    """What stands in the place of the state. `version` is the store's own word for this content, and no other's."""

    data: bytes = field(repr=False)
    version: str


@dataclass(frozen=True, slots=True)
class Content:
    """What is to be stored.

    serial, digest  of the state that `data` spells
    keep            the end of a run: a store with a history keeps it as a generation
    lock            id of the lock under which it is written
    """

    data: bytes = field(repr=False)
    serial: int
    digest: str
    lock: str
    keep: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A generation in the history of a store. `name` is how the store finds it again."""

    name: str
    serial: int
    digest: str
    written: float


class Store(Protocol):
    """The place of one stack's state. One thread at a time."""

    @property
    def place(self) -> str:
        """How people call it: an address without a secret."""
        ...

    def read(self) -> Stored | None:
        """None when there is no state."""
        ...

    def write(self, content: Content, *, expected: str | None) -> str:
        """Replace what has the version `expected`, None for nothing. The new version. StateError when something else
        stands there, or when the lock is not ours any more.
        """
        ...

    def lock(self, info: LockInfo) -> LockInfo | None:
        """Take the lock. Gives a holder that died with it, where the store can tell; StateLocked when it is held."""
        ...

    def unlock(self, info: LockInfo) -> None:
        """Give the lock back; StateError when it is not ours any more."""
        ...

    def holder(self, *, trying: bool = False) -> Seen | None:
        """Who holds the lock, None when it is free, or when a look does not tell: `trying` may take it and give it
        back where there is no other way.
        """
        ...

    def break_lock(self, seen: Seen) -> None:
        """Take the lock from that holder and from no other."""
        ...

    def history(self) -> list[Kept]:
        """The newest first; StateError where the store keeps none, with whatever keeps it instead."""
        ...

    def generation(self, kept: Kept) -> bytes: ...


class Stores(Protocol):
    """Where the stores of all stacks are."""

    @property
    def place(self) -> str: ...

    def of(self, stack: str) -> Store: ...

    def stacks(self) -> list[str] | None:
        """The stacks that have a state or a lock, None when the store cannot list them."""
        ...

    def close(self) -> None: ...
