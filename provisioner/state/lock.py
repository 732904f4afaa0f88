"""The lock of a state: one run at a time changes it.

The kernel's own (`flock`) on a file that is never renamed: it ends with its holder, however that dies, and what the
file still says afterwards tells the next run that the one before it ended abruptly. Where the file system has no such
locks (ENOLCK and its like, on network shares) a second file that only one can create takes its place; that one outlives
its holder, and is broken when the holder is provably dead, else by `provisioner force-unlock`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from provisioner.errors import StateError
from provisioner.state import files
from provisioner.state.backend import LockInfo, Seen, locked_by

# How often the holder touches the file: whoever is turned away sees when it was last alive.
BEAT_SECONDS = 15.0
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}
# More than any lock file of ours holds.
_BYTES = 65536


class Lock:
    """The lock whose file is `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._substitute = path.with_name(f"{path.name}.held")

    @contextmanager
    def hold(self, info: LockInfo, *, beat: float = BEAT_SECONDS) -> Iterator[LockInfo | None]:
        """Gives the holder that died with the lock, if one did."""
        with ExitStack() as stack:
            try:
                descriptor, died = _by_kernel(self.path, info)
                stack.callback(_leave_kernel, descriptor)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                descriptor, died = _by_file(self._substitute, info)
                stack.callback(_leave_file, self._substitute, descriptor)
            stack.enter_context(_beating(descriptor, beat))
            yield died

    def seen(self) -> Seen | None:
        """What the files say, None when nobody holds the lock; a holder may be dead. Touches nothing: to try the lock
        would turn away a run that begins at this moment.
        """
        return next(filter(None, map(_seen, (self._substitute, self.path))), None)

    def break_open(self, seen: Seen) -> None:
        """Take the lock from this holder; refused when it is another one by now, or alive on this machine."""
        now = self.seen()
        if now is None or now.info != seen.info:
            detail = now.lines() if now else "It is free."
            raise StateError("the lock is not held by that run any more", detail=detail)
        seen.check_breakable()
        Path(seen.place).unlink(missing_ok=True)


def _by_kernel(path: Path, info: LockInfo) -> tuple[int, LockInfo | None]:
    while True:
        descriptor = files.open_private(path, os.O_RDWR)
        try:
            _flock(descriptor, path)
            if _is_at(path, descriptor):
                seen = _told(descriptor, path)
                _say(descriptor, info)
                return descriptor, seen.info if seen else None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # broken open between our opening it and our locking it


def _flock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise locked_by(_told(descriptor, path)) from error


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _leave_kernel(descriptor: int) -> None:
    with suppress(OSError):  # what it says means nothing once the lock is free
        os.ftruncate(descriptor, 0)
    os.close(descriptor)


def _by_file(path: Path, info: LockInfo) -> tuple[int, LockInfo | None]:
    died = None
    while True:
        try:
            descriptor = files.open_private(path, os.O_RDWR | os.O_EXCL)
        except FileExistsError as error:
            seen = _seen(path)
            if seen and not seen.is_dead():
                raise locked_by(seen) from error
            if seen and seen.info:
                _break_dead(path, seen.info)
                died = seen.info
            continue
        try:
            _say(descriptor, info)
        except OSError:
            _leave_file(path, descriptor)
            raise
        return descriptor, died


def _break_dead(path: Path, dead: LockInfo) -> None:
    """Another run may break it at this moment too, and hold it already: what was taken away is looked at once more."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        path.rename(aside)
        seen = _seen(aside)
        if seen and seen.info != dead:
            with suppress(FileExistsError):
                path.hardlink_to(aside)
        aside.unlink()


def _leave_file(path: Path, descriptor: int) -> None:
    if _is_at(path, descriptor):
        with suppress(OSError):
            path.unlink()
    os.close(descriptor)


def _say(descriptor: int, info: LockInfo) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, (info.model_dump_json(by_alias=True) + "\n").encode(), 0)


def _seen(path: Path) -> Seen | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        return _told(descriptor, path)
    finally:
        os.close(descriptor)


def _told(descriptor: int, path: Path) -> Seen | None:
    """None for an empty file: nobody holds it, or nobody has said so yet."""
    data = os.pread(descriptor, _BYTES, 0)
    if not data and path.suffix == ".lock":
        return None
    touched = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
    try:
        return Seen(str(path), LockInfo.model_validate_json(data), touched)
    except ValidationError:
        return Seen(str(path), None, touched)


@contextmanager
def _beating(descriptor: int, seconds: float) -> Iterator[None]:
    over = threading.Event()

    def beat() -> None:
        while not over.wait(seconds):
            with suppress(OSError):
                os.utime(descriptor)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
