"""Kill an apply at a chosen point, run it again, and count what went wrong."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.contract.project import Project
from tests.contract.sandbox import Sandbox
from tests.fault.command import Command, Ended
from tests.fault.flows import Flow
from tests.fault.world import Finding, World

# The service here shows at once what it made.
QUICK = {"PROVISIONER_SETTLE_WINDOW": "300ms", "PROVISIONER_POLL_INTERVAL": "20ms"}
# Long enough between an intent and its outcome for a look from outside.
LATENCY_MS = 15


@dataclass(frozen=True, slots=True)
class Point:
    """When to kill: the `k`th request before or after its effect, once the journal has `k` lines, or after a while."""

    where: Literal["before request", "after request", "journal line", "instant"]
    k: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.where} {self.k or f'{self.seconds:.2f} s'}"


@dataclass(frozen=True, slots=True)
class Case:
    """What one kill came to. `landed`: the command was under way and died of it."""

    flow: Flow
    point: Point
    landed: bool
    faults: int
    runs: int
    findings: tuple[Finding, ...]


def summary(cases: Sequence[Case]) -> dict[str, Any]:
    """The sum of many cases."""
    landed = [case for case in cases if case.landed]
    found = Counter(finding.kind for case in cases for finding in case.findings)
    return {
        "cases": len(cases),
        "kills": len(landed),
        "by flow": Counter(case.flow.name for case in landed),
        "by point": Counter(case.point.where for case in landed),
        "faults fired": sum(case.faults for case in cases),
        "runs to convergence": Counter(str(case.runs) for case in landed),
        "findings": {kind: found[kind] for kind in ("orphan", "duplicate", "lost", *sorted(found))},
        "where": [
            f"{case.flow.name}, {case.point}: {finding.kind}: {finding.text[-600:]}"
            for case in cases
            for finding in case.findings
        ],
    }


def world_in(directory: Path, sandbox: Sandbox) -> World:
    sandbox.reset()
    directory.mkdir(parents=True)
    return World(Project(directory, {**sandbox.environ, **QUICK}), sandbox)


def boundaries(directory: Path, sandbox: Sandbox, flow: Flow) -> list[Point]:
    """Every boundary of one undisturbed run."""
    world = world_in(directory, sandbox)
    world.prepare(flow)
    ended = world.run(*flow.command)
    assert 0 == ended.code, ended.stderr
    requests, changes = len(sandbox.log()), len(world.changes())
    points = [Point("before request", k) for k in range(1, requests + 1)]
    points += [Point("after request", k) for k in range(1, requests + 1)]
    return points + [Point("journal line", k) for k in range(1, 2 + 2 * changes)]


def instants(count: int, most: float, seed: float) -> Iterator[Point]:
    chance = random.Random(seed)
    for _ in range(count):
        yield Point("instant", seconds=chance.uniform(0.02, most))


def kill_at(directory: Path, sandbox: Sandbox, flow: Flow, point: Point) -> Case:
    world = world_in(directory, sandbox)
    world.prepare(flow)
    ended = kill(world, flow, point)
    began = world.journal.exists() or bool(sandbox.log())
    faults = world.fired()
    world.calm()
    sandbox.pace(latency_ms=0)
    runs, findings = world.settle(flow)
    return Case(flow, point, ended.killed and began, faults, runs, tuple(findings))


def kill(world: World, flow: Flow, point: Point) -> Ended:
    """Start the command and kill it at `point`; how it ended, which may be before."""
    if point.where in {"before request", "after request"}:
        world.arm("hang", nth=point.k, when=point.where.split()[0])
    else:
        world.sandbox.pace(latency_ms=LATENCY_MS)
    command = world.start(*flow.command)
    if point.where in {"before request", "after request"}:
        world.until_fired(command)
    elif point.where == "journal line":
        _until_lines(world.journal, point.k, command)
    else:
        time.sleep(point.seconds)
    ended = command.kill()
    world.ended.append(ended)
    return ended


def _until_lines(journal: Path, count: int, command: Command) -> None:
    looks = 0
    while _lines(journal) < count and (looks % 50 or command.running):
        looks += 1
        time.sleep(0.0005)


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0
