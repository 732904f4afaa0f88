"""The servers on which the stores of states are tested. One more kind is one more line in `SERVERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from provisioner.state.store import Store, Stores
from tests.contract.store_http import running_http
from tests.contract.store_postgres import running_postgres


class Server(Protocol):
    """A real server as a process of its own.

    durable  it keeps what was written when it is killed
    """

    name: str
    durable: bool

    def settings(self, namespace: str) -> str:
        """What stands behind `backend:` in provisioner.yaml; states of two namespaces share nothing."""
        ...

    def environ(self) -> Mapping[str, str]:
        """What the command needs in its environment."""
        ...

    def stores(self, namespace: str) -> Stores: ...

    def open(self, namespace: str, stack: str) -> Store:
        """A handle of its own, with a connection of its own where there is one."""
        ...

    def release(self, store: Store) -> None:
        """Close what such a handle has open."""
        ...

    def lose(self, store: Store) -> None:
        """The machine of this handle is gone from the network: what it holds is held as long as the server thinks."""
        ...

    def kill(self) -> None: ...

    def start(self) -> None: ...


SERVERS: Mapping[str, Callable[[], AbstractContextManager[Server]]] = {
    "http": running_http,
    "postgres": running_postgres,
}
