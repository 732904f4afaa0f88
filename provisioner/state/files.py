"""Private files that outlive a crash: read whole, replaced whole, appended to line by line. Nothing of states here."""

from __future__ import annotations

import os
from pathlib import Path

_PRIVATE = 0o600


def open_private(path: Path, flags: int) -> int:
    """A descriptor of a file that its owner alone may read and write, whatever the umask says."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
    os.fchmod(descriptor, _PRIVATE)
    return descriptor


def read_bytes(path: Path) -> bytes | None:
    """What the file holds, None when there is none. Something that is no file (a pipe) does not hold us up."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def append(descriptor: int, data: bytes) -> None:
    """Returns once the data is on the disk."""
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)


def replace(path: Path, data: bytes) -> None:
    """Write beside the target and rename: a reader sees the old content or the new, never a part, and so does whoever
    comes after a crash. A link stays one, its target is replaced.
    """
    target = Path(os.path.realpath(path))
    # One name for all attempts: what a killed one left is written over by the next.
    temporary = target.with_name(f".{target.name}.new")
    try:
        descriptor = open_private(temporary, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
        try:
            append(descriptor, data)
        finally:
            os.close(descriptor)
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)


def sync_directory(directory: Path) -> None:
    """A new name is on the disk only when its directory is."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
