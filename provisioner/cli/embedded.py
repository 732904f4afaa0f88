"""The simulator as a child process of one command: what `--sandbox` means."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import provisioner
from provisioner.errors import ProvisionerError

DATA = Path(".provisioner") / "sandbox"

# Quick enough for a demonstration, slow enough to be seen.
_PACE = ("--create-ms=1500", "--start-ms=800", "--stop-ms=600", "--delete-ms=500", "--resize-ms=600", "--mount-ms=300")


@contextmanager
def embedded_sandbox() -> Iterator[Mapping[str, str]]:
    """The environment by which a client reaches a simulator of its own. It ends with the block, or with this process:
    its standard input is a pipe that we hold.
    """
    home = str(Path(provisioner.__file__).parent.parent)
    command = [sys.executable, "-P", "-m", "provisioner", "sandbox", "--exit-with-stdin", f"--data={DATA}"]
    child = subprocess.Popen(
        [*command, "--quota=100000", *_PACE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": home},
        start_new_session=True,  # Ctrl-C is ours to handle: the service outlives it
    )
    assert child.stdin is not None  # noqa: S101 - both are pipes
    assert child.stdout is not None  # noqa: S101
    try:
        line = child.stdout.readline()
        if not line:
            raise ProvisionerError("the sandbox did not start", detail=f"It ended with status {child.wait()}.")
        ready = json.loads(line)
        yield {
            "PROVISIONER_ENDPOINT": ready["endpoint"],
            "PROVISIONER_IAM_ENDPOINT": ready["iam_endpoint"],
            "HW_ACCESS_KEY": ready["access_key"],
            "HW_SECRET_KEY": ready["secret_key"],
            "HW_PROJECT_ID": ready["project_id"],
            "HW_REGION_NAME": ready["region"],
        }
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()
