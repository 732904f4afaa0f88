"""The reference server of Terraform's http protocol, started as a process of its own, for the tests of stores."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from provisioner.state.http import HttpStores
from provisioner.state.http_settings import Settings
from provisioner.state.store import Store, Stores
from tests.contract.sandbox import ROOT
from tests.contract.state_server import PASSWORD, USER


class HttpServer:
    """States on a disk, so that they outlive its death."""

    name = "http"
    durable = True

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self._opened: list[Stores] = []
        self.start()

    def address(self, namespace: str, kind: str = "states") -> str:
        return f"http://127.0.0.1:{self.port}/{kind}/{namespace}-{{stack}}"

    def settings(self, namespace: str) -> str:
        return f'{{type: http, address: "{self.address(namespace)}"}}'

    def environ(self) -> Mapping[str, str]:
        return {"TF_HTTP_USERNAME": USER, "TF_HTTP_PASSWORD": PASSWORD}

    def stores(self, namespace: str) -> Stores:
        return HttpStores(Settings(self.address(namespace), username=USER, password=PASSWORD))

    def open(self, namespace: str, stack: str) -> Store:
        self._opened.append(self.stores(namespace))
        return self._opened[-1].of(stack)

    def release(self, store: Store) -> None:
        """All at the end: a client has no other name than its store."""

    def lose(self, store: Store) -> None:
        """A server of this kind knows no connections."""

    def log(self) -> list[str]:
        """A line for each request so far."""
        log = self.directory / "log"
        return log.read_text().splitlines() if log.exists() else []

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.contract.state_server", str(self.directory), str(self.port)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._process.communicate()

    def close(self) -> None:
        for stores in self._opened:
            stores.close()
        self.kill()


@contextmanager
def running_http() -> Iterator[HttpServer]:
    with tempfile.TemporaryDirectory() as directory:
        server = HttpServer(Path(directory))
        try:
            yield server
        finally:
            server.close()
