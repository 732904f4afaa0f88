"""Private files that outlive a crash: read whole, replaced whole, appended to line by line. Nothing of states here."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_PRIVATE = 0o600
_NO_PROMISE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


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


def reserve(descriptor: int, size: int) -> None:
    """Have room on the disk for `size` bytes, as far as the file system knows how to promise that."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in _NO_PROMISE:
            raise


def append(descriptor: int, data: bytes) -> None:
    """Returns once the data is on the disk."""
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)


def replace(path: Path, data: bytes, *, check: Callable[[], object] = bool) -> None:
    """Write beside the target and rename: a reader sees the old content or the new, never a part, and so does whoever
    comes after a crash. A link stays one, its target is replaced. `check` is called right before the rename, and may
    raise to prevent it.
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
        check()
        temporary.replace(target)
    except Exception:
        with suppress(OSError):
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
