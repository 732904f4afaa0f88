"""The state in a directory: `NAME.json`, its last generations below `history/`, `NAME.lock`, and `NAME.journal` while a
run is under way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from provisioner.errors import StateDamaged, StateError
from provisioner.state import files
from provisioner.state.backend import Generation, LockInfo, Seen, Snapshot, StateBackend
from provisioner.state.codec import CLEAR, Codec
from provisioner.state.document import State
from provisioner.state.history import History
from provisioner.state.journal import FileJournal, lineage_of, replay
from provisioner.state.lock import Lock

_PRIVATE_DIRECTORY = 0o700


class LocalBackend:
    """A stack's state in `directory`."""

    def __init__(self, directory: Path, stack: str, codec: Codec = CLEAR) -> None:
        self.stack = stack
        self._codec = codec
        self._directory = directory
        self._state_path = directory / f"{stack}.json"
        self._journal_path = directory / f"{stack}.journal"
        self._lock = Lock(directory / f"{stack}.lock")
        self._history = History(directory / "history", stack, codec)

    def read(self) -> Snapshot:
        # The journal first: when a run ends in between, its journal is older than the state and adds nothing.
        journal = _read(self._journal_path) or b""
        stored = self._stored()
        base = stored or self._unborn(journal)
        serial, digest = (stored.serial, stored.digest) if stored else (0, "")
        state = self._with_journal(base, journal)
        return Snapshot(state or base, serial, has_journal=state is not None, stored_digest=digest)

    def _with_journal(self, base: State, journal: bytes) -> State | None:
        """The state with what the journal adds to it, None when that is nothing."""
        more = replay(journal, base, str(self._journal_path), self._codec)
        return more.onto(base) if more else None

    def _stored(self) -> State | None:
        """What stands in the place of the state; StateDamaged says how to put back a good copy."""
        try:
            data = _read(self._state_path)
            if data is None:
                self._check_never_written()
                return None
            state = self._codec.decode(data, str(self._state_path))
            self._check_ours(state)
        except StateDamaged as error:
            raise self._history.with_way_back(error) from error
        return state

    def _check_ours(self, state: State) -> None:
        if state.stack != self.stack:
            raise StateDamaged(
                f"the state {self._state_path} belongs to another stack",
                detail=f"It is the state of {state.stack!r}, not of {self.stack!r}.",
                hint="put back the state of this stack, or give the file the name of its own",
            )

    def _check_never_written(self) -> None:
        """A missing state is no empty one: all that it recorded would be created once more."""
        if self._history.generations():
            raise StateDamaged(
                f"the state {self._state_path} is missing",
                detail="Its history is there, so it was written before.",
                hint=f"put it back; to begin anew, remove its history {self._directory / 'history' / self.stack}.*",
            )

    def _unborn(self, journal: bytes) -> State:
        """Before the first state is written its lineage stands in the journal alone."""
        empty = State.empty(self.stack)
        lineage = lineage_of(journal, str(self._journal_path))
        return empty.model_copy(update={"lineage": lineage}) if lineage else empty

    @contextmanager
    def lock(self, info: LockInfo) -> Iterator[LockInfo | None]:
        self._make_directory()
        with ExitStack() as stack:
            try:
                died = stack.enter_context(self._lock.hold(info))
            except OSError as error:
                raise _unwritable(self._lock.path, error) from error
            yield died

    def holder(self) -> Seen | None:
        """What the lock says of its holder, dead or alive."""
        return self._lock.seen()

    def force_unlock(self, seen: Seen) -> None:
        """Take the lock from the holder that `seen` names, who is not alive on this machine."""
        self._lock.break_open(seen)

    def journal(self, state: State, *, calls: int = 0) -> FileJournal:
        self._make_directory()
        try:
            return FileJournal(self._journal_path, state, calls=calls, codec=self._codec)
        except OSError as error:
            raise _unwritable(self._journal_path, error) from error

    def write(self, state: State, *, replacing: Snapshot) -> Snapshot:
        before = _read(self._state_path)
        stored = self._unchanged(replacing)
        data = self.encode(state)

        def check() -> None:
            if _read(self._state_path) != before:  # what was read above need not be parsed again
                self._unchanged(replacing)

        self._make_directory()
        try:
            if stored and before:
                self._history.keep(stored, before)
            files.replace(self._state_path, data, check=check)
        except OSError as error:
            raise _unwritable(self._state_path, error) from error
        self._keep(state, data)
        self.forget_journal()
        return Snapshot(state, state.serial, stored_digest=state.digest)

    def _unchanged(self, expected: Snapshot) -> State | None:
        """What is stored, which must be what `expected` was read from."""
        stored = self._stored()
        if (stored.digest if stored else "") == expected.stored_digest:
            return stored
        now = f"serial {stored.serial} of lineage {stored.lineage}" if stored else "no state"
        raise StateError(
            "the state was changed by another run",
            detail=f"There is {now}; this run began with serial {expected.stored_serial} "
            f"of lineage {expected.state.lineage}.",
            hint="run the command again",
        )

    def _keep(self, state: State, data: bytes) -> None:
        """A copy of what was written: what spoils the state tomorrow then costs nothing. The state is safe already, so
        a disk that refuses now is no error; the next write keeps it first.
        """
        with suppress(OSError):
            self._history.keep(state, data)
            self._history.prune()

    def encode(self, state: State) -> bytes:
        return self._codec.encode(state)

    def history(self) -> list[Generation]:
        """The newest first."""
        return self._history.generations()

    def restore(self, state: State) -> State:
        """Make `state` the stored one, whatever stands there, under a serial above all others. Under the lock only.

        What a run that died left in the journal is not lost: it continues the restored state, or this is refused.
        """
        try:
            stored = self._stored()
        except StateDamaged:
            stored = None
            state = self._with_journal(state, _read(self._journal_path) or b"") or state
        else:
            if self.read().has_journal:
                raise StateError(
                    "a run ended abruptly, and what it did stands in its journal alone",
                    detail=f"{self._journal_path} would not continue the restored state.",
                    hint="run provisioner apply, or any other command that writes the state, before this one",
                )
        serials = [each.serial for each in (state, stored, *self.history()) if each]
        restored = state.model_copy(update={"serial": max(serials) + 1})
        data = self.encode(restored)
        self._make_directory()
        try:
            self._set_aside(stored)
            files.replace(self._state_path, data)
        except OSError as error:
            raise _unwritable(self._state_path, error) from error
        self._keep(restored, data)
        self.forget_journal()
        return restored

    def _set_aside(self, stored: State | None) -> None:
        data = _read(self._state_path)
        if stored and data:
            self._history.keep(stored, data)
        elif data:
            self._history.set_aside(data)

    def forget_journal(self) -> None:
        # One that stays behind is older than the state, or adds nothing to it.
        with suppress(OSError):
            self._journal_path.unlink(missing_ok=True)

    def _make_directory(self) -> None:
        try:
            self._directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self._directory, error) from error


class LocalBackends:
    """The states in one directory."""

    def __init__(self, directory: Path, codec: Codec = CLEAR) -> None:
        self._directory = directory
        self._codec = codec

    def of(self, stack: str) -> LocalBackend:
        return LocalBackend(self._directory, stack, self._codec)

    def recorded(self) -> list[str]:
        return sorted(path.stem for path in self._directory.glob("*.json"))

    def locked(self) -> list[tuple[StateBackend, Seen]]:
        names = sorted({path.name.split(".lock")[0] for path in self._directory.glob("*.lock*")})
        backends = map(self.of, names)
        return [(backend, seen) for backend in backends if (seen := backend.holder())]

    def close(self) -> None:
        """Nothing is held open."""


def _read(path: Path) -> bytes | None:
    try:
        return files.read_bytes(path)
    except OSError as error:
        raise StateError(f"{path} cannot be read", detail=str(error), hint="nothing was changed") from error


def _unwritable(path: Path, error: OSError) -> StateError:
    return StateError(f"{path} cannot be written", detail=str(error), hint="mend it and run again")
