"""Which process holds something, so that whoever comes later can tell whether it still lives.

Linux says all of it; where `/proc` does not exist nobody is ever known to be dead.
"""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_ENDED = frozenset("ZXx")
# Fields of /proc/PID/stat, counted from the one after the name.
_STATE, _START = 0, 19


@dataclass(frozen=True, slots=True)
class Process:
    """One process of all machines and times.

    boot     the machine's boot and its namespace of process numbers, "" when unknown
    started  when it began, in ticks since the boot: a number is given again, this is not
    """

    host: str
    boot: str
    number: int
    started: str

    def is_here(self) -> bool:
        """It ran, or runs, on this machine, under numbers that mean something to us."""
        return bool(self.boot) and (self.host, self.boot) == (platform.node(), _boot())

    def is_dead(self) -> bool:
        """Provably: an unknown fate is not death."""
        if not self.is_here():
            return False
        started = _started(self.number)
        return started != self.started if started is not None else not _exists(self.number)


def this_process() -> Process:
    return Process(platform.node(), _boot(), os.getpid(), _started(os.getpid()) or "")


def _boot() -> str:
    with suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    return ""


def _started(number: int) -> str | None:
    """When a process began, "" when it has ended, None when nothing is told of it."""
    try:
        text = (_PROC / str(number) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name stands in parentheses and may hold anything.
    fields = text.rpartition(")")[2].split()
    return "" if fields[_STATE] in _ENDED else fields[_START]


def _exists(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, and hidden from us
        return True
    return True
