"""What outlives a run: notebooks, saved images, tokens and temporary keys in one file.

Deadlines are times of the wall clock, so notebooks age while the simulator is down and transitions finish.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from provisioner.simulator.clock import Clock
from provisioner.simulator.identity import TemporaryKey, Token
from provisioner.simulator.record import decode, encode
from provisioner.simulator.world import World

_NAME = "simulator.json"
_LOCK = "simulator.lock"
_FORMAT = "provisioner.simulator/1"


class DataFileError(ValueError):
    """The file is there and cannot be used."""


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Make the directory and keep it for this process: one that is just ending must not overwrite what the next does.

    Waits for the other one. The kernel lets go when a process dies, however it dies.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def load(world: World, directory: Path) -> bool:
    """Take over what an earlier run left; False when there was none."""
    try:
        text = (directory / _NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    try:
        data = json.loads(text)
        if data["format"] != _FORMAT:
            raise DataFileError(f"its format is {data['format']}, not {_FORMAT}")
        world.clock = Clock(data["clock_offset"], floor=data["saved_at"])
        world.saved_images.update(data["images"])
        world.identity.tokens.update({text: Token(**token) for text, token in data["tokens"].items()})
        world.identity.temporary_keys.update({name: TemporaryKey(**key) for name, key in data["keys"].items()})
        for item in data["notebooks"]:
            world.store.put(decode(item), data["saved_at"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataFileError(f"{directory / _NAME} is no data of this simulator: {error}") from error
    return True


def save(world: World, directory: Path) -> None:
    """Write everything beside the file, then put it in its place: a crash leaves the old file or the new one."""
    now = world.clock.now()
    data = {
        "format": _FORMAT,
        "saved_at": now,
        "clock_offset": world.clock.offset,
        "notebooks": list(world.store),
        "images": world.saved_images,
        "tokens": {text: asdict(token) for text, token in world.identity.tokens.items() if token.expires_at > now},
        "keys": {name: asdict(key) for name, key in world.identity.temporary_keys.items() if key.expires_at > now},
    }
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=_NAME)  # private from the start: mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            # Not json.dump, which takes the slow encoder.
            file.write(json.dumps(data, default=encode, ensure_ascii=False, separators=(",", ":")))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(directory / _NAME)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
