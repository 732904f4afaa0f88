"""What Ctrl-C and SIGTERM do while instances are being changed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from provisioner.cli.main import INTERRUPTED

# Runners of pipelines kill 7 to 10 seconds after they asked.
GRACE_SECONDS = 5

_STOPPING = b"\nStopping: nothing new begins, what runs is finished and recorded. Again to leave at once.\n"
_LEAVING = (
    b"Left with calls in flight. What was sent is in the journal: run `provisioner apply` again, it finds out what "
    b"became of them and goes on.\n"
)


@contextmanager
def stopping_gently(stop: threading.Event) -> Iterator[None]:
    """The first signal starts nothing new and lets what runs end and be recorded, for a few seconds; the second, or the
    end of those seconds, leaves at once. That is safe at any moment: every call was journaled before it was sent.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            _leave()
        stop.set()
        signal.alarm(GRACE_SECONDS)
        os.write(sys.stderr.fileno(), _STOPPING)

    def give_up(_number: int, _frame: FrameType | None) -> None:
        _leave()

    handlers = {signal.SIGINT: handle, signal.SIGTERM: handle, signal.SIGHUP: handle, signal.SIGALRM: give_up}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave() -> None:
    os.write(sys.stderr.fileno(), _LEAVING)
    os._exit(INTERRUPTED)
