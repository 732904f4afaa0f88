"""`--env` and `--var` against a service, and the limits of a project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.contract.lab import SMALL
from tests.contract.project import Project
from tests.contract.sandbox import Sandbox

SETTINGS: Mapping[str, Any] = {"environments": {"prod": {"variables": {"size": 20, "elsewhere": "unused"}}}}


def write_settings(project: Project, **settings: Any) -> None:
    (project.root / "provisioner.yaml").write_text(json.dumps({**SETTINGS, **settings}))


def declare_sized(project: Project) -> None:
    """One notebook in a stack `lab`, whose size is a variable without a value."""
    directory = project.root / "specs" / "lab"
    directory.mkdir(parents=True)
    sized = {**SMALL, "volume": {"category": "EVS", "ownership": "MANAGED", "capacity": "${var.size}"}}
    variables = {"size": {"type": "number"}}
    (directory / "notebooks.json").write_text(json.dumps({"variables": variables, "notebooks": {"alice": sized}}))


class TestVariables:
    """What is told to the specs of a run."""

    @pytest.fixture
    def project(self, sandbox: Sandbox, tmp_path: Path) -> Project:
        project = Project(tmp_path, sandbox.environ)
        write_settings(project)
        declare_sized(project)
        return project

    def test_an_environment_has_its_own_values_and_state(self, sandbox: Sandbox, project: Project) -> None:
        """The same specs twice: two instances, neither of which is known to the other state."""
        done(project, "apply", "--auto-approve", "--env", "prod")
        done(project, "apply", "--auto-approve", "--var", "size=30")
        assert [20, 30] == sorted(each["volume"]["capacity"] for each in sandbox.notebooks())
        assert ["lab.json", "lab.prod.json"] == sorted(path.name for path in (project.root / "state").glob("*.json"))
        for options in (("--env", "prod"), ("--var", "size=30")):
            assert "No changes." in done(project, "plan", "--detailed-exitcode", *options)

    def test_the_command_line_wins(self, sandbox: Sandbox, project: Project) -> None:
        """A file over the environment's variables, and --var over the file."""
        (project.root / "size.yaml").write_text("size: 40\n")
        assert "capacity  = 40" in done(project, "plan", "--env=prod", "--var-file=size.yaml")
        planned = done(project, "plan", "--env=prod", "-var", "size=50", "-var-file=size.yaml")
        assert "capacity  = 50" in planned
        assert [] == sandbox.notebooks()

    def test_a_name_that_nobody_declared(self, project: Project) -> None:
        """An error on the command line and in a file; a warning in provisioner.yaml, for other stacks may know it."""
        (project.root / "vars.yaml").write_text("size: 40\nsiez: 41\n")
        assert "siez" in refused(project, "validate", "--var-file", "vars.yaml")
        said = refused(project, "validate", "--var", "size=5", "--var", "sice=5")
        assert "did you mean `size`?" in said
        result = project.run("validate", "--env", "prod")
        assert 0 == result.returncode
        assert "warning[W223]: provisioner.yaml gives a value to `elsewhere`" in result.stderr

    def test_a_value_of_another_type(self, project: Project) -> None:
        """It is told where it came from, and what is expected."""
        assert "a number" in refused(project, "validate", "--var", "size=large")
        (project.root / "vars.yaml").write_text("size: large\n")
        assert "vars.yaml:1:7" in refused(project, "validate", "--var-file", "vars.yaml")
        write_settings(project, environments={"prod": {"variables": {"size": [1]}}})
        assert "provisioner.yaml:1:" in refused(project, "validate", "--env", "prod")


class TestLimits:
    """`policy` in provisioner.yaml."""

    @pytest.fixture
    def project(self, sandbox: Sandbox, tmp_path: Path) -> Project:
        project = Project(tmp_path, sandbox.environ)
        project.declare(alice={}, bob={})
        return project

    def test_a_plan_beyond_them_is_shown_and_refused(self, sandbox: Sandbox, project: Project) -> None:
        """Exit code 1 from plan and apply; nothing is asked and nothing is sent."""
        write_settings(project, policy={"max_changes": 1})
        for command in (("plan",), ("apply", "--auto-approve"), ("apply",)):
            said = project.run(*command, answer="yes\n")
            assert (1, True) == (said.returncode, "Plan: 2 to add, 0 to change, 0 to destroy." in said.stdout)
            assert "error[E515]: the plan changes 2 notebooks" in said.stderr
            assert "policy.max_changes allows 1: notebook.alice (create), notebook.bob (create)" in said.stderr
            assert "Enter a value" not in said.stderr
        assert [] == sandbox.notebooks()

    def test_a_part_of_it_may_be_within_them(self, sandbox: Sandbox, project: Project) -> None:
        """As the hint says."""
        write_settings(project, policy={"max_changes": 1})
        for key in ("alice", "bob"):
            done(project, "apply", "--auto-approve", "--target", key)
        assert 2 == len(sandbox.notebooks())

    def test_destroy_keeps_to_them(self, sandbox: Sandbox, project: Project) -> None:
        """Consent to lose the volumes does not lift them."""
        done(project, "apply", "--auto-approve")
        write_settings(project, policy={"max_destroys": 1})
        said = project.run("destroy", "--auto-approve", "--accept-loss=all")
        assert 1 == said.returncode
        assert "error[E516]: the plan deletes or replaces 2 notebooks" in said.stderr
        assert 2 == len(sandbox.notebooks())


def done(project: Project, *arguments: str, answer: str = "") -> str:
    result = project.run(*arguments, answer=answer)
    assert 0 == result.returncode, result.stderr
    return result.stdout


def refused(project: Project, *arguments: str) -> str:
    result = project.run(*arguments)
    assert (1, "") == (result.returncode, result.stdout), result.stdout
    return result.stderr
