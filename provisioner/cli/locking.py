"""Holding the lock of a state for one command: who we are, waiting for our turn, what the one before left."""

from __future__ import annotations

import getpass
import os
import platform
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import click

from provisioner import __version__
from provisioner.cli.ci import job_url
from provisioner.clock import Clock
from provisioner.errors import StateLocked
from provisioner.state.backend import LockInfo, StateBackend, StateReader
from provisioner.state.process import this_process

# How a remark reaches whoever looks on.
Note = Callable[[str], None]

_LONGEST_PAUSE = 16.0


def _to_stderr(text: str) -> None:
    click.echo(text, err=True)


@contextmanager
def locked(
    backend: StateBackend, operation: str, clock: Clock, *, timeout: float = 0.0, note: Note = _to_stderr
) -> Iterator[None]:
    """Hold the lock, after waiting for it at most `timeout` seconds."""
    with ExitStack() as stack:
        died = _enter(stack, backend, operation, _Patience(clock, timeout, note))
        if died is not None:
            note(f"The previous run ended abruptly ({died.who}, {died.operation}, since {died.created}); recovering.")
        yield


def _enter(stack: ExitStack, backend: StateBackend, operation: str, patience: _Patience) -> LockInfo | None:
    info = lock_info(operation, backend.stack, os.environ)
    while True:
        try:
            return stack.enter_context(backend.lock(info))
        except StateLocked as error:
            if not patience.wait_for(error.holder):
                raise


class _Patience:
    """Waiting for others, each time longer, until the time is over."""

    def __init__(self, clock: Clock, seconds: float, note: Note) -> None:
        self._clock = clock
        self._note = note
        self._deadline = clock.monotonic() + seconds
        self._pause = 1.0

    def wait_for(self, holder: str) -> bool:
        """False when the time is over."""
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            return False
        self._note(f"Waiting for the lock of {holder}... [{left:.0f}s left]")
        self._clock.sleep(min(self._pause, left))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return True


def note_running(backend: StateReader, clock: Clock, *, timeout: float = 0.0, note: Note = _to_stderr) -> None:
    """For who takes no lock: wait at most `timeout` seconds for a run under way; say so when it still is."""
    patience = _Patience(clock, timeout, note)
    while (seen := backend.holder()) and not seen.is_dead():
        if not patience.wait_for(str(seen)):
            break
    if seen and seen.is_dead():
        note(f"The previous run ended abruptly: {seen}. The next apply goes on where it stopped.")
    elif seen:
        note(f"Another run is under way: {seen}. What it changes from now on is not shown.")


def lock_info(operation: str, path: str, environ: Mapping[str, str]) -> LockInfo:
    process = this_process()
    return LockInfo(
        id=str(uuid.uuid4()),
        operation=operation,
        who=f"{_user()}@{platform.node()}",
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        path=path,
        host=process.host,
        boot=process.boot,
        process=process.number,
        started=process.started,
        job=job_url(environ),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
