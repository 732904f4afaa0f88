"""`import --all` is killed at every system call on the spec and the state: the same command once more converges."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from tests.contract.project import Project
from tests.fault.flows import Flow
from tests.fault.syscalls import MISSING, STRACE, fired, traced
from tests.fault.world import World

IMPORT = Flow("import", {}, {}, ("import", "--all", "--auto-approve"))
FILES = (
    *("specs/imported/imported.yaml", "specs/imported/.imported.yaml.new"),
    *("state/imported.json", "state/.imported.json.new"),
)
NEEDED = ("openat", "write", "fsync", "unlink")
CALLS = (*NEEDED, "rename", "renameat", "link", "linkat")  # which of these a name takes depends on the machine
_MOST = 50

pytestmark = pytest.mark.skipif(not STRACE, reason=MISSING)


@pytest.fixture
def ids(world: World) -> set[str]:
    """Two live notebooks that nobody has recorded."""
    world.project.declare(one={}, two={})
    assert 0 == world.run("apply", "--auto-approve").code
    return {each["id"] for each in world.sandbox.notebooks()}


@pytest.mark.parametrize("call", CALLS)
def test_a_killed_import_converges(call: str, ids: set[str], world: World, tmp_path: Path) -> None:
    """Whenever it dies, the next one records every notebook once, and the plan is empty."""
    killed = 0
    for k in itertools.count(1):
        assert k < _MOST, f"there is no end of {call}"
        another = _project_beside(world, tmp_path / f"{call}{k}")
        _, trace = traced(another, IMPORT, FILES, f"{call}:signal=KILL:when={k}")
        if not fired(trace):
            break
        killed += 1
        again = another.run(*IMPORT.arguments)
        assert 0 == again.code, (k, again.stderr)
        recorded = json.loads((another.project.root / "state/imported.json").read_text())["resources"].values()
        assert ids == {record["id"] for record in recorded}
        plan = another.run("plan", "--detailed-exitcode")
        assert 0 == plan.code, (k, plan.stdout)
    assert killed or call not in NEEDED, f"{call} is never called"


def _project_beside(world: World, directory: Path) -> World:
    """An empty project with the same account, whose notebooks stay as they are."""
    directory.mkdir()
    return World(Project(directory, world.project.environ), world.sandbox)
