"""What Ctrl-C and SIGTERM do while instances are being changed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from provisioner.cli.main import INTERRUPTED

# Runners of pipelines kill 7 to 10 seconds after they asked.
GRACE_SECONDS = 5

_STOPPING = "Stopping: nothing new begins, what runs is finished and recorded. Again to leave at once."
_LEAVING = (
    "Left with calls in flight. What was sent is in the journal: run `provisioner apply` again, it finds out what "
    "became of them and goes on."
)


def say_at_once(text: str) -> None:
    """To the standard error stream, past every buffer: whoever was interrupted may hold its lock."""
    os.write(sys.stderr.fileno(), f"\n{text}\n".encode())


@contextmanager
def stopping_gently(stop: threading.Event, say: Callable[[str], None] = say_at_once) -> Iterator[None]:
    """The first signal starts nothing new and lets what runs end and be recorded, for a few seconds; the second, or the
    end of those seconds, leaves at once. That is safe at any moment: every call was journaled before it was sent.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            _leave(say)
        stop.set()
        signal.alarm(GRACE_SECONDS)
        say(_STOPPING)

    def give_up(_number: int, _frame: FrameType | None) -> None:
        _leave(say)

    handlers = {signal.SIGINT: handle, signal.SIGTERM: handle, signal.SIGHUP: handle, signal.SIGALRM: give_up}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(say: Callable[[str], None]) -> None:
    say(_LEAVING)
    os._exit(INTERRUPTED)
