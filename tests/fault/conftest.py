"""One simulator for all tests of this directory, as good as new for each of them, and a project beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.sandbox import FAST, Sandbox, running_sandbox
from tests.fault.campaign import world_in
from tests.fault.world import LOGIN, World


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    user, password, domain = LOGIN.values()
    with running_sandbox(*FAST, f"--user={user}", f"--password={password}", f"--domain={domain}") as sandbox:
        yield sandbox


@pytest.fixture
def world(shared_sandbox: Sandbox, tmp_path: Path) -> World:
    return world_in(tmp_path / "project", shared_sandbox)
