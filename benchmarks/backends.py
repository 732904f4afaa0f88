"""What it costs to keep the state far away: an apply of many notebooks on each backend, beside the local one.

    python benchmarks/backends.py [NOTEBOOKS]

Runs the command itself, 200 notebooks unless told, three times on each backend that can be started here, taking turns,
against a simulator that creates at once. Prints JSON: medians of seconds, and how often the state was stored.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest

from tests.contract.project import Project
from tests.contract.sandbox import Sandbox, running_sandbox
from tests.contract.stores import SERVERS, Server

ROUNDS = 3


def main() -> None:
    notebooks = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seconds: dict[str, list[float]] = {}
    serials: dict[str, int] = {}
    with ExitStack() as stack:
        sandbox = stack.enter_context(running_sandbox("--create-ms=5", f"--quota={10 * notebooks}"))
        servers: dict[str, Server | None] = {"local": None}
        for name, running in SERVERS.items():
            try:
                servers[name] = stack.enter_context(running())
            except pytest.skip.Exception as absent:
                print(f"without {name}: {absent}", file=sys.stderr)
        for turn in range(ROUNDS):
            for name, server in servers.items():
                took, serials[name] = apply(sandbox, server, f"r{turn}{time.time_ns()}", notebooks)
                seconds.setdefault(name, []).append(took)
    print(
        json.dumps(
            {
                name: {"seconds": round(statistics.median(took), 2), "stored": serials[name]}
                for name, took in seconds.items()
            },
            indent=2,
        )
    )


def apply(sandbox: Sandbox, server: Server | None, namespace: str, count: int) -> tuple[float, int]:
    """Seconds of one apply, and the serial it ended with."""
    sandbox.reset()
    with tempfile.TemporaryDirectory() as scratch:
        project = Project(Path(scratch), {**sandbox.environ, **(server.environ() if server else {})})
        project.declare(**{f"n{number}": {} for number in range(count)})
        backend = server.settings(namespace) if server else "{type: local, path: state}"
        (project.root / "provisioner.yaml").write_text(f"version: 1\nbackend: {backend}\n")
        began = time.perf_counter()
        done = project.run("apply", "--auto-approve", "--parallelism", "10")
        took = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(done.stderr)
        return took, json.loads(project.run("state", "pull").stdout)["serial"]


if __name__ == "__main__":
    main()
