"""A store in a directory, with the faults that a network has: answers that are lost, before or after the effect."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from provisioner.errors import StateError, StateUnreachable
from provisioner.state.backend import LockInfo, Seen, locked_by
from provisioner.state.store import Content, Kept, Store, Stored


@dataclass
class Shelf:
    """One stack's place. `faults` say of each call, by its name, what becomes of the next ones: `unheard` (nothing
    happened), `unanswered` (it happened), or nothing.
    """

    directory: Path
    stack: str = "lab"
    faults: dict[str, list[str]] = field(default_factory=dict)
    writes: list[Content] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"shelf {self.stack}"

    def read(self) -> Stored | None:
        data = self._data()
        return None if data is None else Stored(data, _version(data))

    def write(self, content: Content, *, expected: str | None) -> str:
        fault = self._fault("write")
        if fault == "unheard":
            raise StateUnreachable("the shelf does not answer")
        data = self._data()
        if (None if data is None else _version(data)) != expected:
            raise StateError("something else stands on the shelf")
        if (held := self._info()) and held.id != content.lock:
            raise StateError("the lock is not ours any more")
        self._file("new").write_bytes(content.data)
        self._file("new").replace(self._file("json"))  # whoever reads meanwhile sees one state or the other
        self.writes.append(content)
        if content.keep:
            self._file(f"{content.serial}.{content.digest[:8]}.kept").write_bytes(content.data)
        if fault == "unanswered":
            raise StateUnreachable("the shelf does not answer")
        return _version(content.data)

    def lock(self, info: LockInfo) -> LockInfo | None:
        fault = self._fault("lock")
        try:
            with self._file("lock").open("x") as file:
                file.write(info.model_dump_json(by_alias=True))
        except FileExistsError:
            raise locked_by(self.holder()) from None
        if fault == "unanswered":
            raise StateUnreachable("the shelf does not answer")
        return None

    def unlock(self, info: LockInfo) -> None:
        if self._fault("unlock") == "unheard":
            raise StateUnreachable("the shelf does not answer")
        held = self._info()
        if held is None or held.id != info.id:
            raise StateError("the lock is not ours any more")
        self._file("lock").unlink()

    def holder(self, *, trying: bool = False) -> Seen | None:
        del trying  # a look is enough
        return Seen(self.place, info) if (info := self._info()) else None

    def break_lock(self, seen: Seen) -> None:
        if self._info() != seen.info:
            raise StateError("the lock is not held by that run any more")
        self._file("lock").unlink()

    def history(self) -> list[Kept]:
        found = sorted(self.directory.glob(f"{self.stack}.*.kept"), key=lambda each: -each.stat().st_mtime_ns)
        names = [path.name.removeprefix(f"{self.stack}.").split(".") for path in found]
        moments = [path.stat().st_mtime for path in found]
        return [Kept(path.name, int(n[0]), n[1], at) for path, n, at in zip(found, names, moments, strict=True)]

    def generation(self, kept: Kept) -> bytes:
        return (self.directory / kept.name).read_bytes()

    def _data(self) -> bytes | None:
        path = self._file("json")
        return path.read_bytes() if path.exists() else None

    def _info(self) -> LockInfo | None:
        path = self._file("lock")
        return LockInfo.model_validate_json(path.read_bytes()) if path.exists() else None

    def _fault(self, call: str) -> str:
        planned = self.faults.get(call)
        return planned.pop(0) if planned else ""

    def _file(self, kind: str) -> Path:
        return self.directory / f"{self.stack}.{kind}"


@dataclass
class Shelves:
    directory: Path

    @property
    def place(self) -> str:
        return f"shelves {self.directory}"

    def of(self, stack: str) -> Store:
        return Shelf(self.directory, stack)

    def stacks(self) -> list[str] | None:
        return None

    def close(self) -> None:
        pass


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
