"""The state in a directory: `NAME.json`, `NAME.journal` while a run is under way, `NAME.lock`.

The lock is the kernel's own, on a file of its own that is never renamed or removed: it ends with its holder, however
that dies. What the lock file says is for whoever is turned away.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from provisioner.errors import StateError, StateLocked
from provisioner.state import files
from provisioner.state.backend import LockInfo, Snapshot
from provisioner.state.document import State, parse_state
from provisioner.state.journal import Journal, lineage_of, replay

_PRIVATE_DIRECTORY = 0o700
# More than any lock file of ours holds.
_LOCK_BYTES = 65536


class LocalBackend:
    """A stack's state in `directory`."""

    def __init__(self, directory: Path, stack: str) -> None:
        self._directory = directory
        self._stack = stack
        self._state_path = directory / f"{stack}.json"
        self._journal_path = directory / f"{stack}.journal"
        self._lock_path = directory / f"{stack}.lock"

    def read(self) -> Snapshot:
        # The journal first: when a run ends in between, its journal is older than the state and adds nothing.
        journal = _read(self._journal_path) or b""
        stored = self._stored()
        base = stored or self._unborn(journal)
        serial = stored.serial if stored else 0
        more = replay(journal, base, str(self._journal_path))
        if more is None or not (more.records or more.pending):
            return Snapshot(base, stored_serial=serial)
        state = base.with_records(more.records).with_pending((*base.pending, *more.pending))
        return Snapshot(state, serial, has_journal=True)

    def _stored(self) -> State | None:
        data = _read(self._state_path)
        if data is None:
            return None
        state = parse_state(data, str(self._state_path))
        if state.stack != self._stack:
            raise StateError(
                f"the state {self._state_path} belongs to another stack",
                detail=f"It is the state of {state.stack!r}, not of {self._stack!r}.",
                hint="put back the state of this stack, or give the file the name of its own",
            )
        return state

    def _unborn(self, journal: bytes) -> State:
        """Before the first state is written its lineage stands in the journal alone."""
        empty = State.empty(self._stack)
        lineage = lineage_of(journal, str(self._journal_path))
        return empty.model_copy(update={"lineage": lineage}) if lineage else empty

    @contextmanager
    def lock(self, info: LockInfo) -> Iterator[None]:
        self._make_directory()
        try:
            descriptor = files.open_private(self._lock_path, os.O_RDWR)
        except OSError as error:
            raise _unwritable(self._lock_path, error) from error
        try:
            self._take(descriptor, info)
            try:
                yield
            finally:
                with suppress(OSError):  # what it says means nothing once the lock is free
                    os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int, info: LockInfo) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, (info.model_dump_json(by_alias=True) + "\n").encode(), 0)
        except BlockingIOError as error:
            raise _held(descriptor) from error
        except OSError as error:
            raise _unwritable(self._lock_path, error) from error

    def journal(self, state: State) -> Journal:
        self._make_directory()
        try:
            return Journal(self._journal_path, state)
        except OSError as error:
            raise _unwritable(self._journal_path, error) from error

    def write(self, state: State, *, expected_serial: int) -> None:
        stored = self._stored()
        found = stored.serial if stored else 0
        if found != expected_serial or (stored is not None and stored.lineage != state.lineage):
            now = f"serial {stored.serial} of lineage {stored.lineage}" if stored else "no state"
            raise StateError(
                "the state was changed by another run",
                detail=f"There is {now}; this run began with serial {expected_serial} of lineage {state.lineage}.",
                hint="run the command again",
            )
        self._make_directory()
        try:
            files.replace(self._state_path, state.dumps().encode())
        except OSError as error:
            raise _unwritable(self._state_path, error) from error
        self.forget_journal()

    def forget_journal(self) -> None:
        try:
            self._journal_path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(self._journal_path, error) from error

    def _make_directory(self) -> None:
        try:
            self._directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self._directory, error) from error


def _read(path: Path) -> bytes | None:
    try:
        return files.read_bytes(path)
    except OSError as error:
        raise StateError(f"{path} cannot be read", detail=str(error), hint="nothing was changed") from error


def _held(descriptor: int) -> StateLocked:
    try:
        holder = LockInfo.model_validate_json(os.pread(descriptor, _LOCK_BYTES, 0))
    except ValidationError:
        detail = "The lock file does not say by whom yet."
    else:
        told = {"Who": holder.who, "Operation": holder.operation, "Since": holder.created, "ID": holder.id}
        detail = "\n".join(f"{name:<10} {value}" for name, value in told.items())
    hint = "wait until it ends, then run again"
    return StateLocked("the state is locked by another run", detail=detail, hint=hint)


def _unwritable(path: Path, error: OSError) -> StateError:
    return StateError(f"{path} cannot be written", detail=str(error), hint="mend it and run again")
