"""A project with a saved plan, and the commands on it: forked from a process that has imported everything already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.state.local import LocalBackends
from tests.contract.project import Project
from tests.contract.sandbox import Sandbox
from tests.fault.command import Command, Ended

PLAN = "plan.bin"
LARGE = {"flavor": "modelarts.vm.cpu.8u"}


@dataclass(frozen=True, slots=True)
class World:
    """A project and its simulator."""

    sandbox: Sandbox
    project: Project

    @classmethod
    def empty(cls, sandbox: Sandbox, root: Path) -> World:
        sandbox.reset()
        return cls(sandbox, Project(root, sandbox.environ))

    @property
    def file(self) -> Path:
        return self.project.root / PLAN

    def id(self, key: str) -> str:
        return str(self.project.recorded()[f"notebook.{key}"]["id"])

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found

    def declare(self, more: Mapping[str, Any] | None = None, /, **notebooks: Mapping[str, Any]) -> None:
        """`more` stands in the spec beside the notebooks."""
        self.project.declare(**notebooks)
        path = self.project.root / "specs" / "lab" / "notebooks.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | dict(more or {})))

    def run(self, *arguments: str, **environ: str) -> Ended:
        return Command(self.project, *arguments, environ=environ).wait()

    def done(self, *arguments: str, **environ: str) -> Ended:
        """What must succeed."""
        ended = self.run(*arguments, **environ)
        assert 0 == ended.code, ended.stdout + ended.stderr
        return ended

    def applied(self, **notebooks: Mapping[str, Any]) -> None:
        """Declared, and applied without a plan file."""
        self.declare(**notebooks)
        self.done("apply", "--auto-approve", "--accept-loss=all")

    def plan(self, *arguments: str, **environ: str) -> Ended:
        return self.done("plan", f"--out={PLAN}", *arguments, **environ)

    def apply(self, *arguments: str, **environ: str) -> Ended:
        return self.run("apply", PLAN, "--accept-loss=all", *arguments, **environ)

    def refused(self, *arguments: str, **environ: str) -> str:
        """What is said when the plan is refused, and nothing else happened."""
        before, log = self.bytes_of_state(), len(self.sandbox.calls())
        ended = self.apply(*arguments, **environ)
        assert 1 == ended.code, ended.stdout
        assert log == len(self.sandbox.calls())
        assert before == self.bytes_of_state()
        assert [] == LocalBackends(self.project.root / "state").locked()
        return ended.stderr

    def bytes_of_state(self) -> dict[str, tuple[bytes, int]]:
        return self.project.bytes_of_state() if (self.project.root / "state").is_dir() else {}

    def is_empty(self, *arguments: str) -> bool:
        """Whether there is nothing to do."""
        return self.run("plan", "--detailed-exitcode", *arguments).code == 0


def changing(sandbox: Sandbox, root: Path) -> World:
    """Its plan changes alice, creates carol, deletes dave and leaves bob alone."""
    world = World.empty(sandbox, root)
    world.applied(alice={}, bob={}, dave={})
    world.declare(alice=LARGE, bob={}, carol={})
    world.plan()
    return world
