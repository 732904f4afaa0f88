"""The last generations of a state, each a file of its own: `history/NAME.SERIAL.DIGEST8.json`.

They are copies, not links: what spoils the state in its place does not spoil its copy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from provisioner.errors import StateDamaged
from provisioner.state import files
from provisioner.state.backend import Generation
from provisioner.state.codec import CLEAR, Codec
from provisioner.state.document import State

KEPT = 10
_SHOWN = 8


class History:
    """The generations of `stack` in `directory`, which is made when there is something to keep."""

    def __init__(self, directory: Path, stack: str, codec: Codec = CLEAR) -> None:
        self._directory = directory
        self._stack = stack
        self._codec = codec
        self._name = re.compile(rf"{re.escape(stack)}\.(\d+)\.([0-9a-f]{{{_SHOWN}}})\.json")

    def generations(self) -> list[Generation]:
        """The newest first."""
        found = sorted(self._found(), key=lambda each: (each.serial, each.written))
        return found[::-1]

    def _found(self) -> Iterator[Generation]:
        for path in self._directory.glob(f"{self._stack}.*.json"):
            if named := self._name.fullmatch(path.name):
                yield Generation(str(path), int(named[1]), named[2], path.stat().st_mtime, partial(self._load, path))

    def _load(self, path: Path) -> State:
        return self._codec.decode(files.read_bytes(path) or b"", str(path))

    def newest_good(self) -> Generation | None:
        return next((each for each in self.generations() if each.good()), None)

    def keep(self, state: State, data: bytes) -> None:
        """Have a copy of this generation, which `data` spells."""
        path = self._directory / f"{self._stack}.{state.serial}.{state.digest[:_SHOWN]}.json"
        if not path.exists():
            self._directory.mkdir(mode=0o700, exist_ok=True)
            files.replace(path, data)

    def set_aside(self, data: bytes) -> None:
        """Keep what stood in the place of the state and is none, for whoever wants to look into it."""
        name = f"{self._stack}.damaged.{hashlib.sha256(data).hexdigest()[:_SHOWN]}.json"
        self._directory.mkdir(mode=0o700, exist_ok=True)
        files.replace(self._directory / name, data)

    def prune(self) -> None:
        for generation in self.generations()[KEPT:]:
            Path(generation.place).unlink(missing_ok=True)

    def with_way_back(self, error: StateDamaged) -> StateDamaged:
        """The same error, with the command that puts back the newest copy that can be read."""
        good = self.newest_good()
        if good is None:
            return error
        hint = (
            f"nothing was changed; {good.place} is good: provisioner state restore {good.serial} --stack {self._stack}"
        )
        return StateDamaged(error.summary, detail=error.detail, hint=hint)
