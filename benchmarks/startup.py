"""How long short commands take as whole processes, beside an empty interpreter, and the spec and state that they need.

    python benchmarks/startup.py [RUNS]

Starts the simulator, applies the quick start specs in a directory of its own, then times each command. Prints JSON:
the median of wall seconds per command, and its ratio to `python -c pass`.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPECS = Path(__file__).resolve().parent.parent / "specs" / "quickstart"
PROVISIONER = (sys.executable, "-P", "-m", "provisioner")
COMMANDS = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "--help": (*PROVISIONER, "--help"),
    "--version": (*PROVISIONER, "--version"),
    "validate": (*PROVISIONER, "validate"),
    "plan, nothing to do": (*PROVISIONER, "plan"),
}


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(SPECS, Path(scratch) / "specs" / "quickstart")
        with subprocess.Popen((*PROVISIONER, "sandbox", "--create-ms=10"), stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            environment = os.environ | access(json.loads(server.stdout.readline()))
            run((*PROVISIONER, "apply", "--auto-approve"), scratch, environment)
            medians = {name: median(command, scratch, environment, runs) for name, command in COMMANDS.items()}
            server.terminate()
    floor = medians["python -c pass"]
    results = {name: {"seconds": round(m, 3), "ratio": round(m / floor, 1)} for name, m in medians.items()}
    print(json.dumps(results, indent=2))


def access(ready: dict[str, str]) -> dict[str, str]:
    return {
        "PROVISIONER_ENDPOINT": ready["endpoint"],
        "PROVISIONER_IAM_ENDPOINT": ready["iam_endpoint"],
        "HW_ACCESS_KEY": ready["access_key"],
        "HW_SECRET_KEY": ready["secret_key"],
        "HW_PROJECT_ID": ready["project_id"],
        "HW_REGION_NAME": ready["region"],
    }


def median(command: tuple[str, ...], directory: str, environment: dict[str, str], runs: int) -> float:
    run(command, directory, environment)  # warm-up
    return statistics.median(run(command, directory, environment) for _ in range(runs))


def run(command: tuple[str, ...], directory: str, environment: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run(command, cwd=directory, env=environment, check=True, capture_output=True)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
