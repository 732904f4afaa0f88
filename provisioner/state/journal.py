"""The write-ahead journal of one run: an append-only file, one fsynced line before and one after each mutating call.

What an outcome line says is as good as recorded: `replay` folds it into the state. An intent without an outcome is a
call whose effect nobody saw. The cost of a line does not depend on how many notebooks there are. A line is the checksum
of an entry and the entry: a run that dies leaves at most the last one torn. Room on the disk is taken before the first
call, so a full disk shows before money is spent; what of it is not used yet is zeros at the end.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from provisioner.errors import StateError
from provisioner.state import files
from provisioner.state.codec import CLEAR, Codec
from provisioner.state.document import Pending, Record, Recorded, State

# Of two lines, whatever a spec may hold: most take a third of it.
_ROOM_PER_CALL = 4096


class Entry(Recorded):
    """One line.

    open     the first line: the lineage and serial of the state that this journal continues
    intent   a mutating call is about to be sent
    outcome  it was answered: `record` is what now stands at the address, null for nothing
    refused  the service refused it, nothing changed
    stored   a state that holds everything up to here is about to be stored elsewhere: its serial and digest
    """

    kind: Literal["open", "intent", "outcome", "refused", "stored"]
    lineage: str = ""
    serial: int = 0
    digest: str = ""
    sequence: int = 0
    at: float = 0
    address: str = ""
    operation: str = ""
    record: Record | None = None
    body: dict[str, Any] | None = None

    def line(self, codec: Codec = CLEAR) -> bytes:
        """The first line is never sealed: whose journal this is can be told without a key."""
        text = json.dumps(self.model_dump(mode="json", exclude_defaults=True)).encode()
        text = text if self.kind == "open" else codec.seal_line(text)
        return b"%08x %s\n" % (zlib.crc32(text), text)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a journal adds to a state that it continues.

    Of the calls without an outcome only creates are kept: what any other call did is seen on the instance itself.
    `answered` are creates of this run, by address and time, that a state stored meanwhile may hold as pending.
    """

    records: Mapping[str, Record | None]
    pending: tuple[Pending, ...]
    answered: frozenset[tuple[str, float]] = frozenset()

    def onto(self, base: State) -> State | None:
        """`base` with it all, None when that is nothing new."""
        kept = tuple(each for each in base.pending if (each.address, each.at) not in self.answered)
        pending = (*kept, *(each for each in self.pending if each not in kept))
        if not self.records and pending == base.pending:
            return None
        return base.with_records(self.records).with_pending(pending)


class FileJournal:
    """A new journal; what stood in its place was folded into `base`. Safe for several threads. `intent` returns the
    sequence number that the outcome repeats. Once a line could not be written no other is: what cannot be recorded must
    not be sent.
    """

    def __init__(self, path: Path, base: State, *, calls: int = 0, codec: Codec = CLEAR) -> None:
        self._lock = threading.Lock()
        self._codec = codec
        self._sequence = 0
        self._failure: OSError | None = None
        self._file = files.open_private(path, os.O_WRONLY | os.O_TRUNC)
        try:
            files.reserve(self._file, _ROOM_PER_CALL * (calls + 1))
            self._append(Entry(kind="open", lineage=base.lineage, serial=base.serial))
            files.sync_directory(path.parent)
        except BaseException:
            self.close()
            raise

    def intent(self, address: str, operation: str, at: float, body: Mapping[str, Any] | None = None) -> int:
        held = dict(body) if body else None
        with self._lock:
            self._sequence += 1
            number = self._sequence
            self._append(Entry(kind="intent", sequence=number, at=at, address=address, operation=operation, body=held))
        return number

    def outcome(self, sequence: int, address: str, record: Record | None) -> None:
        with self._lock:
            self._append(Entry(kind="outcome", sequence=sequence, address=address, record=record))

    def refused(self, sequence: int, address: str) -> None:
        with self._lock:
            self._append(Entry(kind="refused", sequence=sequence, address=address))

    def stored(self, serial: int, digest: str) -> None:
        with self._lock:
            self._append(Entry(kind="stored", serial=serial, digest=digest))

    def close(self) -> None:
        with suppress(OSError):  # every line is on the disk already, or has failed
            os.ftruncate(self._file, os.lseek(self._file, 0, os.SEEK_CUR))
        with suppress(OSError):
            os.close(self._file)

    def _append(self, entry: Entry) -> None:
        try:
            if self._failure is not None:
                raise self._failure
            files.append(self._file, entry.line(self._codec))
        except OSError as error:
            # Half a line may stand there now. And after a failed fsync a later one may succeed and prove nothing.
            self._failure = error
            hint = "nothing more is sent; mend the disk and run apply again"
            raise StateError("the journal cannot be written", detail=str(error), hint=hint) from error


def replay(data: bytes, base: State, place: str, codec: Codec = CLEAR) -> Replay | None:
    """What the journal `data` adds to `base`; None when `base` holds it already."""
    entries = list(_entries(data, place, codec))
    if not entries:
        return Replay({}, ())
    head = entries[0]
    if head.kind != "open" or head.lineage != base.lineage or head.serial > base.serial:
        raise StateError(
            f"the journal {place} belongs to another state",
            detail=f"It continues serial {head.serial} of lineage {head.lineage or '?'}; "
            f"the state has serial {base.serial} of lineage {base.lineage}.",
            hint="put back the state that was there when the journal was written",
        )
    if head.serial < base.serial and not _stored_by(entries, base):
        return None
    records: dict[str, Record | None] = {}
    creates: dict[int, Pending] = {}
    answered: set[tuple[str, float]] = set()
    for entry in entries[1:]:
        if entry.kind == "intent" and entry.operation == "create":
            creates[entry.sequence] = Pending(address=entry.address, at=entry.at, body=entry.body or {})
        elif entry.kind in {"outcome", "refused"} and (known := creates.pop(entry.sequence, None)):
            answered.add((known.address, known.at))
        if entry.kind == "outcome":
            records[entry.address] = entry.record
    return Replay(records, tuple(creates.values()), frozenset(answered))


def _stored_by(entries: list[Entry], base: State) -> bool:
    """Whether `base` is a state that the run of this journal stored on its way. Every line says what stands afterwards,
    so those that it holds already may be told once more.
    """
    digests = [entry.digest for entry in entries if entry.kind == "stored" and entry.serial == base.serial]
    return bool(digests) and base.digest in digests


def lineage_of(data: bytes, place: str) -> str:
    """The lineage of the state that the journal continues, "" when it does not say."""
    head = next(_entries(data, place, CLEAR), None)
    return head.lineage if head else ""


def _entries(data: bytes, place: str, codec: Codec) -> Iterator[Entry]:
    """The entries, without the last line when it is torn: it never happened."""
    lines = data.rstrip(b"\0").splitlines()
    for number, line in enumerate(lines, start=1):
        checksum, _, text = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text):
            if number == len(lines):
                return
            raise _damaged(place, f"Line {number} of {len(lines)} does not agree with its checksum.")
        try:
            yield Entry.model_validate_json(text if number == 1 else codec.open_line(text, place))
        except ValidationError as error:
            raise _damaged(place, f"Line {number} is none that this version writes.") from error


def _damaged(place: str, detail: str) -> StateError:
    hint = "nothing was changed; keep a copy of it and of the state, then put back a good copy of both"
    return StateError(f"the journal {place} cannot be read", detail=detail, hint=hint)
