"""A terminal of a given size with the command running in it: a real pseudo-terminal, and an emulator that reads what is
written and shows what a person would see.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import pexpect
import pyte

from tests.contract.project import PATIENCE, Project
from tests.contract.sandbox import PROVISIONER

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Terminal:
    """What a person has in front of them. Use as a context manager."""

    def __init__(
        self, project: Project, *arguments: str, columns: int = 100, lines: int = 40, environ: Mapping[str, str] = {}
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.raw = ""
        self.frames: list[tuple[str, ...]] = []
        self._stream = pyte.Stream(self.screen)
        settings = {"TERM": "xterm-256color", "LANG": "C.UTF-8", **environ}
        self._process = pexpect.spawn(
            PROVISIONER[0],
            [*PROVISIONER[1:], *arguments],
            cwd=str(project.root),
            env={**project.environ, **settings},
            dimensions=(lines, columns),
            encoding="utf-8",
            timeout=PATIENCE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.close(force=True)

    def until(self, condition: Callable[[], Any]) -> None:
        """Read until the screen is so; each repaint is kept as a frame."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self._read(), "it ended: " + "\n".join(self.shown)
            assert time.monotonic() < deadline, "\n".join(self.shown)

    def until_shows(self, text: str) -> None:
        self.until(lambda: any(text in line for line in self.shown))

    def type(self, text: str) -> None:
        self._process.send(text)

    def interrupt(self) -> None:
        """Ctrl-C, as the terminal's driver sends it to who runs in the foreground."""
        self._process.sendintr()

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        self._process.setwinsize(lines, columns)

    def end(self) -> int:
        """Read to the end. The exit code."""
        while self._read():
            pass
        self._process.wait()
        assert self._process.exitstatus is not None
        return int(self._process.exitstatus)

    @property
    def shown(self) -> list[str]:
        """The lines that are not blank; ids look all the same."""
        return [_UUID.sub("ID", line.rstrip()) for line in self.screen.display if line.strip()]

    def _read(self) -> bool:
        try:
            data = self._process.read_nonblocking(4096, timeout=PATIENCE)
        except pexpect.EOF:
            return False
        self.raw += data
        self._stream.feed(data)
        self.frames.append(tuple(self.screen.display))
        return True
