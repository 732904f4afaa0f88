"""A project directory, and the command as a process of its own in it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.contract.lab import SMALL
from tests.contract.sandbox import PROVISIONER, ROOT
from tests.fault.command import Command

PATIENCE = 30.0


class Project:
    """A stack `lab` of small notebooks. The environment holds nothing but what a test gives."""

    def __init__(self, root: Path, environ: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "PYTHONPATH": str(ROOT),
            "PROVISIONER_POLL_INTERVAL": "20ms",
            "PROVISIONER_SETTLE_WINDOW": "1s",
            **(environ or {}),
        }

    def declare(self, **notebooks: Mapping[str, Any]) -> None:
        directory = self.root / "specs" / "lab"
        directory.mkdir(parents=True, exist_ok=True)
        declared = {key: {**SMALL, **fields} for key, fields in notebooks.items()}
        (directory / "notebooks.json").write_text(json.dumps({"version": 1, "notebooks": declared}, indent=1))

    def run(self, *arguments: str, answer: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """The command with `answer` on its standard input and files for streams; its process need not import first."""
        ended = Command(self, *arguments, environ=environ, answer=answer).wait(PATIENCE)
        return subprocess.CompletedProcess(arguments, ended.code, ended.stdout, ended.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The same, left running."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*PROVISIONER, *arguments], cwd=self.root, env=self.environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )

    def recorded(self) -> dict[str, Any]:
        """The recorded notebooks by address."""
        found: dict[str, Any] = json.loads((self.root / "state" / "lab.json").read_text())["resources"]
        return found

    def bytes_of_state(self) -> dict[str, tuple[bytes, int]]:
        """Content and time of change of every file of the state but the lock, which is written to be held."""
        files = [path for path in (self.root / "state").iterdir() if path.is_file() and path.suffix != ".lock"]
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def until_it_asks(process: subprocess.Popen[str]) -> None:
    """Read what a command says up to its question; it waits for the answer then."""
    assert process.stderr is not None
    said = ""
    while "Enter a value:" not in said:
        letter = process.stderr.read(1)
        assert letter, said
        said += letter


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what another process is about to do."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
