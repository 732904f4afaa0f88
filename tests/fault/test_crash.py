"""The crash campaign, short: an apply is killed at its boundaries and at random instants, then run again.

`benchmarks/crash.py` is the long one.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tests.contract.sandbox import Sandbox
from tests.fault.campaign import Point, boundaries, instants, kill, kill_at, world_in
from tests.fault.flows import CREATE, FLOWS, REPLACE, SAVED, SAVED_FIRST, Flow
from tests.fault.world import World

SEED = 20


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name.replace(" ", "-"))
def test_a_kill_costs_nothing(flow: Flow, shared_sandbox: Sandbox, tmp_path: Path) -> None:
    """F01-F05, F07-F09, F55, F56, F62, F65: some of all boundaries of each flow, and instants in between."""
    chance = random.Random(SEED)
    found = boundaries(tmp_path / "undisturbed", shared_sandbox, flow)
    points = [*chance.sample(found, 4), *instants(2, 0.3, SEED)]
    cases = [kill_at(tmp_path / str(n), shared_sandbox, flow, point) for n, point in enumerate(points)]
    assert any(case.landed for case in cases), "no kill landed inside an apply"
    assert {} == {str(case.point): case.findings for case in cases if case.findings}


@pytest.mark.parametrize("flow", [CREATE, REPLACE], ids=lambda flow: flow.name)
def test_killed_ten_times_in_a_row(flow: Flow, world: World) -> None:
    """F10: killed again during every recovery, it still converges."""
    world.prepare(flow)
    chance, landed = random.Random(SEED), 0
    for _ in range(10):
        k = chance.randint(1, 5)
        point = chance.choice((Point("before request", k), Point("after request", k)))
        landed += kill(world, flow, point).killed
        assert world.journal.exists() or (world.state / "lab.json").exists() or not world.changes()
        world.calm()
    assert landed, "no kill landed inside an apply"
    assert [] == world.settle(flow)[1]


@pytest.mark.parametrize("flow", [SAVED_FIRST, SAVED], ids=lambda flow: flow.name.replace(" ", "-"))
def test_the_same_plan_file_after_a_kill(flow: Flow, shared_sandbox: Sandbox, tmp_path: Path) -> None:
    """F129: nothing is done twice: it is refused, and says how to go on, where the first run got to change anything."""
    chance = random.Random(SEED)
    found = boundaries(tmp_path / "undisturbed", shared_sandbox, flow)
    refused = 0
    for n, point in enumerate(chance.sample(found, 3)):
        world = world_in(tmp_path / str(n), shared_sandbox)
        world.prepare(flow)
        kill(world, flow, point)
        world.calm()
        shared_sandbox.pace(latency_ms=0)
        again = world.run(*flow.command)
        if again.code:
            refused += 1
            assert re.search(r"error\[E70[123]\]", again.stderr), again.stderr
            assert "plan again" in again.stderr
        assert [] == world.settle(flow)[1], str(point)
    assert refused, "no kill changed anything"


@pytest.mark.parametrize("cut", [1, 8, 9, 40, -2, -1])
def test_a_torn_line(cut: int, world: World) -> None:
    """F06, F83: whatever part of the last journal line reached the disk, the instance is found."""
    world.prepare(CREATE)
    kill(world, CREATE, Point("journal line", 6))
    lines = world.journal.read_bytes().splitlines(keepends=True)
    assert len(lines) >= 6
    world.journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:cut])
    world.sandbox.pace(latency_ms=0)
    assert [] == world.settle(CREATE)[1]


@pytest.mark.parametrize("tail", [b"\0" * 100, b"\0" * 5000])
def test_a_zero_tail(tail: bytes, world: World) -> None:
    """F83: what a file system that lost power makes of a line, or of reserved space, is no line."""
    world.prepare(CREATE)
    kill(world, CREATE, Point("journal line", 6))
    world.journal.write_bytes(world.journal.read_bytes().rstrip(b"\0") + tail)
    world.sandbox.pace(latency_ms=0)
    assert [] == world.settle(CREATE)[1]


def test_unsynced_lines_are_lost(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    """F12: after a power cut any number of whole lines at the end may be missing.

    Only what was never promised may go: each line is synced before the run goes on, so at most the last.
    """
    for keep in (-1, None):
        world = world_in(tmp_path / f"keep{keep}", shared_sandbox)
        world.prepare(CREATE)
        kill(world, CREATE, Point("journal line", 5))
        lines = world.journal.read_bytes().rstrip(b"\0").splitlines(keepends=True)
        world.journal.write_bytes(b"".join(lines[:keep]))
        shared_sandbox.pace(latency_ms=0)
        assert [] == world.settle(CREATE)[1]
