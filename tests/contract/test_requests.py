"""How many requests a run sends: planning and waiting cost pages of lists, whatever the number of notebooks."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.contract.project import Project
from tests.contract.sandbox import Sandbox

COUNT = 60
PAGES = 2
CREATE_MS = 2500
TICK = 1.0
DESTROY = ("destroy", "--auto-approve", "--accept-loss", "all")


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    sandbox.pace(create_ms=CREATE_MS)
    project = Project(tmp_path, sandbox.environ | {"PROVISIONER_POLL_INTERVAL": f"{TICK:.0f}s"})
    project.declare(**{f"n{number}": {} for number in range(COUNT)})
    return project


def test_sixty_notebooks(project: Project, sandbox: Sandbox) -> None:
    """Sixty creates, at most one list a tick while they come up, two lists for a plan, and no notebook read alone."""
    began = time.monotonic()
    result = project.run("apply", "--auto-approve", "--parallelism", "20")
    elapsed = time.monotonic() - began
    assert (0, "") == (result.returncode, "".join(line for line in result.stderr.splitlines() if "rror" in line))
    sent = Counter(entry["operation"] for entry in sandbox.log())
    looked_up = {"list-flavors": 1, "list-images": 2, "show-feature": 1}
    assert looked_up | {"create": COUNT, "list": sent["list"]} == sent
    assert sent["list"] <= elapsed / TICK + 1

    sandbox.forget()
    assert 0 == project.run("plan", "--detailed-exitcode").returncode
    assert ["list"] * PAGES == [entry["operation"] for entry in sandbox.log()]

    sandbox.pace(delete_ms=5)
    sandbox.forget()
    assert 0 == project.run(*DESTROY, PROVISIONER_POLL_INTERVAL="20ms").returncode
    sent = Counter(entry["operation"] for entry in sandbox.log())
    assert COUNT == sent["delete"]
    assert [] == sandbox.notebooks()
