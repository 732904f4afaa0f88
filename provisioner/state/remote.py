"""A state that is kept in a store far away, by runs whose own disk may die with them.

The store gets the state before each create, with the create as pending, and the outcomes with the next upload or some
seconds later; between uploads they stand in a journal on this machine. So the store alone is enough to settle what a
dead run left, and the journal, where it survives, tells more. Each upload is a generation of its own: a new serial.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from provisioner.errors import StateDamaged, StateError, StateLocked, StateUnreachable
from provisioner.state import files
from provisioner.state.backend import Generation, LockInfo, Seen, Snapshot, StateBackend
from provisioner.state.codec import CLEAR, Codec
from provisioner.state.document import Pending, Record, State
from provisioner.state.journal import FileJournal, lineage_of, replay
from provisioner.state.store import Content, Kept, Store, Stores

# How long an outcome may stand on this machine alone.
UPLOAD_SECONDS = 5.0
# Between the tries of a call that was not answered.
_PAUSES = (0.2, 1.0, 3.0)
_PRIVATE_DIRECTORY = 0o700


class RemoteBackend:
    """A stack's state in `store`, with the journal of a run in `directory`."""

    def __init__(self, store: Store, stack: str, directory: Path, codec: Codec = CLEAR) -> None:
        self.stack = stack
        self._store = store
        self._codec = codec
        self._journal_path = directory / f"{stack}.journal"
        self._held: LockInfo | None = None
        # The digest of the state that was read or written last, with the store's version of it.
        self._known: tuple[str, str | None] | None = None

    def read(self) -> Snapshot:
        journal = self._journal()
        stored = self._stored()
        base = stored or self._unborn(journal)
        serial, digest = (stored.serial, stored.digest) if stored else (0, "")
        more = replay(journal, base, str(self._journal_path), self._codec)
        state = more.onto(base) if more else None
        return Snapshot(state or base, serial, has_journal=state is not None, stored_digest=digest)

    def is_recorded(self) -> bool:
        return self._store.read() is not None

    def _stored(self) -> State | None:
        found = self._store.read()
        if found is None:
            self._known = "", None
            return None
        state = self._codec.decode(found.data, self._store.place)
        if state.stack != self.stack:
            raise StateDamaged(
                f"the state {self._store.place} belongs to another stack",
                detail=f"It is the state of {state.stack!r}, not of {self.stack!r}.",
                hint="give each stack a place of its own; in an http address {stack} stands for its name",
            )
        self._known = state.digest, found.version
        return state

    def _unborn(self, journal: bytes) -> State:
        """Before the first state is stored its lineage stands in the journal alone."""
        empty = State.empty(self.stack)
        lineage = lineage_of(journal, str(self._journal_path))
        return empty.model_copy(update={"lineage": lineage}) if lineage else empty

    def _journal(self) -> bytes:
        try:
            return files.read_bytes(self._journal_path) or b""
        except OSError as error:
            raise StateError(f"{self._journal_path} cannot be read", detail=str(error), hint="mend it") from error

    @contextmanager
    def lock(self, info: LockInfo) -> Iterator[LockInfo | None]:
        died = self._take(info)
        self._held = info
        try:
            yield died
        except BaseException:
            with suppress(StateError):  # what went wrong says more
                self._give_back(info)
            raise
        self._give_back(info)

    def _take(self, info: LockInfo) -> LockInfo | None:
        try:
            return self._store.lock(info)
        except StateUnreachable:
            seen = self._store.holder(trying=True)
            if seen is not None and seen.id == info.id:  # the answer was lost, the lock is ours
                return None
            raise
        except StateLocked:
            seen = self._store.holder(trying=True)
            if seen is None or not seen.is_dead():
                raise
            self._store.break_lock(seen)
            return self._store.lock(info) or seen.info

    def _give_back(self, info: LockInfo) -> None:
        self._held = None
        try:
            self._store.unlock(info)
        except StateUnreachable as error:
            hint = f"see whether it is: provisioner force-unlock {info.id}"
            raise StateError(
                f"it is not known whether the lock of {self.stack} is free", detail=error.detail, hint=hint
            ) from error

    def holder(self, *, trying: bool = False) -> Seen | None:
        return self._store.holder(trying=trying)

    def force_unlock(self, seen: Seen) -> None:
        seen.check_breakable()
        self._store.break_lock(seen)

    def journal(self, state: State, *, calls: int = 0) -> RemoteJournal:
        try:
            self._journal_path.parent.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            file = FileJournal(self._journal_path, state, calls=calls, codec=self._codec)
        except OSError as error:
            raise StateError(f"{self._journal_path} cannot be written", detail=str(error), hint="mend it") from error
        return RemoteJournal(file, state, self._upload)

    def write(self, state: State, *, replacing: Snapshot) -> Snapshot:
        if self._known is None or self._known[0] != replacing.stored_digest:
            stored = self._stored()
            if (stored.digest if stored else "") != replacing.stored_digest:
                raise _changed(self._store.place, stored)
        written = self._upload(state, keep=True)
        self.forget_journal()
        return written

    def _upload(self, state: State, *, keep: bool = False) -> Snapshot:
        """Store `state` in the place of the one that was read or written last."""
        expected = self._known[1] if self._known else None
        digest = state.digest
        content = Content(self.encode(state), state.serial, digest, self._held.id if self._held else "", keep)
        self._known = digest, self._put(content, expected)
        return Snapshot(state, state.serial, stored_digest=digest)

    def _put(self, content: Content, expected: str | None) -> str:
        for pause in (*_PAUSES, None):
            try:
                return self._store.write(content, expected=expected)
            except StateUnreachable:
                if pause is None:
                    raise
            time.sleep(pause)
            with suppress(StateUnreachable):
                found = self._store.read()
                if found is not None and found.data == content.data:  # only the answer was lost
                    return found.version
                if (found.version if found else None) != expected:
                    raise _changed(self._store.place, None)
        raise AssertionError

    def forget_journal(self) -> None:
        # One that stays behind is older than the state, or adds nothing to it.
        with suppress(OSError):
            self._journal_path.unlink(missing_ok=True)

    def encode(self, state: State) -> bytes:
        return self._codec.encode(state)

    def history(self) -> list[Generation]:
        return [self._generation(kept) for kept in self._store.history()]

    def _generation(self, kept: Kept) -> Generation:
        place = f"{self._store.place} serial {kept.serial}"
        return Generation(
            place,
            kept.serial,
            kept.digest,
            kept.written,
            lambda: self._codec.decode(self._store.generation(kept), place),
        )

    def restore(self, state: State) -> State:
        """What a run that died left in the journal is not lost: it continues the restored state, or this is refused."""
        try:
            stored = self._stored()
        except StateDamaged:
            found = self._store.read()
            stored, self._known = None, ("", found.version if found else None)
            more = replay(self._journal(), state, str(self._journal_path), self._codec)
            state = (more.onto(state) if more else None) or state
        else:
            if self.read().has_journal:
                raise StateError(
                    "a run ended abruptly, and what it did stands in its journal alone",
                    detail=f"{self._journal_path} would not continue the restored state.",
                    hint="run provisioner apply, or any other command that writes the state, before this one",
                )
        with suppress(StateError):  # a store without a history has no serials to look at
            serials = [each.serial for each in self._store.history()]
            state = state.model_copy(update={"serial": max([state.serial, *serials])})
        serial = max(each.serial for each in (state, stored) if each) + 1
        restored = state.model_copy(update={"serial": serial})
        self._upload(restored, keep=True)
        self.forget_journal()
        return restored


class RemoteJournal:
    """The journal of one run: a file on this machine, and uploads of what it comes to.

    A create is sent once a stored state tells of it. Those that come while an upload is under way share the next one.
    """

    def __init__(self, file: FileJournal, base: State, upload: Callable[[State], Snapshot]) -> None:
        self._file = file
        self._base = base
        self._upload = upload
        self._records: dict[str, Record | None] = {}
        self._creates: dict[int, Pending] = {}
        self._told = self._uploaded = 0
        self._serial = base.serial
        self._stored: Snapshot | None = None
        self._failure: StateError | None = None
        self._telling, self._uploading = threading.Lock(), threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._upload_outcomes, daemon=True)
        self._thread.start()

    def intent(self, address: str, operation: str, at: float, body: Mapping[str, Any] | None = None) -> int:
        if self._failure is not None:
            raise self._failure
        number = self._file.intent(address, operation, at, body)
        if operation == "create":
            with self._telling:
                self._creates[number] = Pending(address=address, at=at, body=dict(body or {}))
                self._told += 1
                ticket = self._told
            self._bring_up_to(ticket)
        return number

    def outcome(self, sequence: int, address: str, record: Record | None) -> None:
        self._file.outcome(sequence, address, record)
        with self._telling:
            self._records[address] = record
            self._creates.pop(sequence, None)
            self._told += 1

    def refused(self, sequence: int, address: str) -> None:
        self._file.refused(sequence, address)
        with self._telling:
            if self._creates.pop(sequence, None):
                self._told += 1

    def close(self) -> Snapshot | None:
        self._over.set()
        self._thread.join()
        self._file.close()
        return self._stored

    def _bring_up_to(self, ticket: int) -> None:
        """Return once a stored state holds everything up to `ticket`."""
        with self._uploading:
            if self._uploaded >= ticket:
                return
            if self._failure is not None:
                raise self._failure
            with self._telling:
                told = self._told
                state = self._base.with_records(self._records)
                pending = (*self._base.pending, *self._creates.values())
            state = state.with_pending(pending).model_copy(update={"serial": self._serial + 1})
            try:
                self._file.stored(state.serial, state.digest)
                self._stored = self._upload(state)
            except StateError as error:
                self._failure = error
                raise
            self._serial, self._uploaded = state.serial, told

    def _upload_outcomes(self) -> None:
        while not self._over.wait(UPLOAD_SECONDS):
            if self._uploaded < self._told:
                with suppress(StateError):  # kept as the failure: no other create is sent
                    self._bring_up_to(self._told)


class RemoteBackends:
    """The states in `stores`. `known` are the stacks of the specs, for a store that cannot list what it has; journals
    stand below `directory`, those of each place apart.
    """

    def __init__(self, stores: Stores, directory: Path, known: Callable[[], list[str]], codec: Codec = CLEAR) -> None:
        self._stores = stores
        self._directory = directory / hashlib.sha256(stores.place.encode()).hexdigest()[:12]
        self._known = known
        self._codec = codec
        self._opened: dict[str, RemoteBackend] = {}

    def of(self, stack: str) -> RemoteBackend:
        if stack not in self._opened:
            self._opened[stack] = RemoteBackend(self._stores.of(stack), stack, self._directory, self._codec)
        return self._opened[stack]

    def recorded(self) -> list[str]:
        return [name for name in self._names() if self.of(name).is_recorded()]

    def locked(self) -> list[tuple[StateBackend, Seen]]:
        backends = map(self.of, self._names())
        return [(backend, seen) for backend in backends if (seen := backend.holder(trying=True))]

    def _names(self) -> list[str]:
        listed = self._stores.stacks()
        return sorted(set(self._known() if listed is None else listed))

    def close(self) -> None:
        self._stores.close()


def _changed(place: str, stored: State | None) -> StateError:
    now = f"There is serial {stored.serial} of lineage {stored.lineage} now." if stored else ""
    return StateError(
        "the state was changed by another run", detail=f"{place}\n{now}".rstrip(), hint="run the command again"
    )
