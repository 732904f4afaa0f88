"""The command as a process of its own that starts in milliseconds: forked from a server that has imported everything.

It is killed, signalled and traced like any other process. Where the start itself matters, `Project.start` starts the
interpreter as users do.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING

import provisioner
from tests.contract.sandbox import ROOT

if TYPE_CHECKING:
    from tests.contract.project import Project

PATIENCE = 60.0
# Every command imports some of them; what only `sandbox` needs stays away, a simulator is a process of its own.
_IMPORTED = (
    *(
        each.name
        for each in walk_packages(provisioner.__path__, "provisioner.")
        if not {"simulator", "__main__"} & set(each.name.split("."))
    ),
    "tests.fault.command",
)
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["__main__", *_IMPORTED])


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. A negative code is the number of the signal that killed it."""

    code: int
    stdout: str
    stderr: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Command:
    """One command under way in the directory of a project."""

    _number = 0

    def __init__(
        self,
        project: Project,
        *arguments: str,
        traced: bool = False,
        environ: Mapping[str, str] | None = None,
        answer: str = "",
    ) -> None:
        """`traced`: it does nothing until a debugger has attached; `answer` stands on its standard input."""
        Command._number += 1
        streams = _streams()
        stdin, self._stdout, self._stderr = (streams / f"{Command._number}.{end}" for end in ("in", "out", "err"))
        stdin.write_text(answer, encoding="utf-8")
        for stream in (self._stdout, self._stderr):  # it may be killed before it gets there itself
            stream.write_bytes(b"")
        outer, os.environ["PYTHONPATH"] = os.environ.get("PYTHONPATH"), str(ROOT)
        try:
            self._process = _PROCESSES.Process(
                target=_become,
                args=(
                    arguments,
                    project.root,
                    {**project.environ, **(environ or {})},
                    stdin,
                    self._stdout,
                    self._stderr,
                ),
                kwargs={"traced": traced},
            )
            self._process.start()
        finally:
            _restore("PYTHONPATH", outer)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> Ended:
        self._process.kill()
        return self.wait()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stderr(self) -> str:
        """What it has said so far."""
        return self._stderr.read_text()

    def wait(self, patience: float = PATIENCE) -> Ended:
        self._process.join(patience)
        code = self._process.exitcode
        if code is None:
            self._process.kill()
            self._process.join()
            raise AssertionError(f"the command did not end within {patience:g} s\n{self.stderr()}")
        return Ended(code, self._stdout.read_text(), self.stderr())


@cache
def _streams() -> Path:
    """Not in the project: some commands must leave nothing there."""
    directory = tempfile.TemporaryDirectory(prefix="streams-")
    atexit.register(directory.cleanup)
    return Path(directory.name)


def _become(arguments: tuple[str, ...], root: Path, environ: Mapping[str, str], *streams: Path, traced: bool) -> None:
    os.chdir(root)
    os.environ.clear()
    os.environ.update(environ)
    for number, path in enumerate(streams):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - for the life of the process
    sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, encoding="utf-8", buffering=1)  # noqa: SIM115
    while traced and not _is_traced():
        time.sleep(0.002)
    from provisioner.cli.main import main

    sys.exit(main(list(arguments)))


def _is_traced() -> bool:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return "TracerPid:\t0\n" not in status


def _restore(name: str, value: str | None) -> None:
    if value is None:
        del os.environ[name]
    else:
        os.environ[name] = value
