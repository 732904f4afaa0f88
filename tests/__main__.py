"""`python -m tests`: every gate, in one command, the same here and in CI.

Each gate runs whatever the others say, the quick ones first. What each of them demands is written in `pyproject.toml`.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

GATES = (
    "ruff check",
    "ruff format --check",
    "lint-imports --no-logo",
    "mypy",
    "pytest -n 2 --dist worksteal --cov",
)


def passes(gate: str) -> bool:
    """Run one gate, with its output on the terminal, and say how it ended."""
    print(f"== {gate}", flush=True)
    began = time.monotonic()
    status = subprocess.run(shlex.split(gate), cwd=ROOT, env=environment(), check=False).returncode
    if status:
        print(f"== {gate}: exit {status} after {time.monotonic() - began:.0f} s", flush=True)
    return status == 0


def environment() -> dict[str, str]:
    """The environment with the tools of this interpreter's virtual environment before all others."""
    tools = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join([tools, os.environ.get("PATH", os.defpath)])}


def main() -> int:
    failed = [gate for gate in GATES if not passes(gate)]
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
