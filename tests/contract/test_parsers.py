"""What reads Terraform's output reads ours: the rules of Atlantis, tfcmt and dflook's actions as their sources have
them, on what the command really prints.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.contract.project import Project
from tests.contract.sandbox import PROVISIONER, Sandbox

SMALLER = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}
LARGE = {"flavor": "modelarts.vm.cpu.8u"}


class Atlantis:
    """As in server/events/models/models.go."""

    CHANGES = re.compile(r"Plan: (?:(\d+) to import, )?(\d+) to add, (\d+) to change, (\d+) to destroy.")
    NO_CHANGES = re.compile(
        r"No changes. (Infrastructure is up-to-date|Your infrastructure matches the configuration)."
    )
    DIFF = re.compile(
        r"(?m)^( +)([-+~]\s)(.*)(\s=\s|\s->\s|<<|\{|\(known after apply\)| {2,}[^ ]+:.*)(.*)",
    )

    @classmethod
    def summary(cls, text: str) -> str:
        found = cls.CHANGES.search(text) or cls.NO_CHANGES.search(text)
        return found[0] if found else ""

    @classmethod
    def as_diff(cls, text: str) -> list[str]:
        """With every mark at the beginning of its line, for Markdown."""
        return re.sub(r"(?m)^~", "!", cls.DIFF.sub(r"\2\1\3\4\5", text)).splitlines()


class Tfcmt:
    """As in pkg/terraform/parser.go."""

    PASS = re.compile(r"(?m)^(Plan: \d|No changes.)")
    FAIL = re.compile(r"(?m)^([│|] )?(Error: )")
    WARNING = re.compile(r"(?m)^([│|] )?(Warning: )")
    APPLIED = re.compile(r"(?m)^(Apply complete!)")
    LISTS: ClassVar = {
        "created": re.compile(r"^ *# (.*) will be created$"),
        "updated": re.compile(r"^ *# (.*) will be updated in-place$"),
        "deleted": re.compile(r"^ *# (.*) will be destroyed$"),
        "replaced": re.compile(r"^ *# (.*?)(?: is tainted, so)? must be replaced$"),
        "replaced on request": re.compile(r"^ *# (.*?) will be replaced, as requested$"),
        "imported": re.compile(r"^ *# (.*?) will be imported$"),
    }
    MOVED = re.compile(r"^ *# (.*?) has moved to (.*?)$")

    @classmethod
    def lists(cls, text: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in text.splitlines():
            for name, pattern in cls.LISTS.items():
                if match := pattern.match(line):
                    found.setdefault(name, []).append(match[1])
            if match := cls.MOVED.match(line):
                found.setdefault("moved", []).append(f"{match[1]} -> {match[2]}")
        return found


class Dflook:
    """As in image/src/plan_summary."""

    @staticmethod
    def summary(text: str) -> dict[str, int]:
        lines = [line for line in text.splitlines() if line.startswith("Plan:")]
        return {what: int(number) for line in lines for number, what in re.findall(r"(\d+) to (\w+)", line)}

    @staticmethod
    def stripped(text: str) -> str:
        """Without all up to the last `Refreshing state...`; Atlantis does the same."""
        lines = text.split("\n")
        last = max((number for number, line in enumerate(lines) if "Refreshing state..." in line), default=0)
        return "\n".join(lines[last + 1 :]) if last else text


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    """With `alice` and `bob`, both running."""
    project = Project(tmp_path, sandbox.environ)
    project.declare(alice={}, bob={})
    assert 0 == project.run("apply", "--auto-approve").returncode
    return project


def write(project: Project, notebooks: dict[str, Any], **records: Any) -> None:
    """A spec with `moved`, `removed` and `imports`."""
    project.declare(**notebooks)
    path = project.root / "specs" / "lab" / "notebooks.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | records))


def plan(project: Project, *options: str) -> str:
    """Both streams, as a pipeline has them in its log."""
    result = project.run("plan", *options)
    assert 0 == result.returncode, result.stderr
    assert result.stdout == Dflook.stripped(result.stdout)
    return result.stderr + result.stdout


def test_changes(project: Project) -> None:
    """One of each, in the summaries and in the lists."""
    project.declare(alice=LARGE, carol={})
    text = plan(project)
    assert "Plan: 1 to add, 1 to change, 1 to destroy." == Atlantis.summary(text)
    assert {"add": 1, "change": 1, "destroy": 1} == Dflook.summary(text)
    lists = {"created": ["notebook.carol"], "updated": ["notebook.alice"], "deleted": ["notebook.bob"]}
    assert lists == Tfcmt.lists(text)
    assert Tfcmt.PASS.search(text)
    assert not Tfcmt.FAIL.search(text)
    diff = Atlantis.as_diff(text)
    assert any(line.startswith("!") and "flavor" in line for line in diff), diff
    assert any(re.match(r'\+ +resource "notebook" "carol" \{', line) for line in diff), diff
    assert any(re.match(r'- +resource "notebook" "bob" \{', line) for line in diff), diff


def test_replacements(project: Project) -> None:
    """Each counts twice; one that is asked for has words of its own."""
    project.declare(alice=SMALLER, bob={})
    text = plan(project, "-replace=bob")
    assert "Plan: 2 to add, 0 to change, 2 to destroy." == Atlantis.summary(text)
    assert {"replaced": ["notebook.alice"], "replaced on request": ["notebook.bob"]} == Tfcmt.lists(text)


def test_no_changes(project: Project) -> None:
    text = plan(project)
    assert "No changes. Your infrastructure matches the configuration." == Atlantis.summary(text)
    assert ({}, {}) == (Dflook.summary(text), Tfcmt.lists(text))
    assert Tfcmt.PASS.search(text)


def test_forget_and_move(project: Project) -> None:
    """OpenTofu's tail of the summary: Atlantis' pattern ends in any character."""
    write(
        project,
        {"carol": {"name": "alice"}},
        removed=[{"from": "bob", "destroy": False}],
        moved=[{"from": "alice", "to": "carol"}],
    )
    text = plan(project)
    assert "Plan: 0 to add, 0 to change, 0 to destroy," == Atlantis.summary(text)
    assert {"add": 0, "change": 0, "destroy": 0, "forget": 1} == Dflook.summary(text)
    assert {"moved": ["notebook.alice -> notebook.carol"]} == Tfcmt.lists(text)


def test_import(project: Project) -> None:
    identifier = project.recorded()["notebook.bob"]["id"]
    assert 0 == project.run("state", "rm", "bob").returncode
    write(project, {"alice": {}, "bob": {}}, imports=[{"to": "bob", "id": identifier}])
    text = plan(project)
    assert "Plan: 1 to import, 0 to add, 0 to change, 0 to destroy." == Atlantis.summary(text)
    assert {"import": 1, "add": 0, "change": 0, "destroy": 0} == Dflook.summary(text)
    assert {"imported": ["notebook.bob"]} == Tfcmt.lists(text)


def test_drift(project: Project, sandbox: Sandbox) -> None:
    """We do not say that it was outside of Terraform, and so Atlantis adds no note of its own."""
    project.declare(alice={}, bob={"description": "team b"})
    assert 0 == project.run("apply", "--auto-approve").returncode
    sandbox.drift(project.recorded()["notebook.bob"]["id"], description="by QA")
    text = plan(project)
    assert "Note: Objects have changed outside of provisioner" in text.splitlines()
    assert "outside of Terraform" not in text
    assert "Plan: 0 to add, 1 to change, 0 to destroy." == Atlantis.summary(text)
    assert {"updated": ["notebook.bob"]} == Tfcmt.lists(text)


def test_errors(project: Project) -> None:
    """An error without a place begins its line; one in a spec has a code there, and the exit code says it."""
    for options in (["--target", "x y"], ["-nonsense"]):
        result = project.run("plan", *options)
        assert 1 == result.returncode
        assert Tfcmt.FAIL.search(result.stderr + result.stdout), result.stderr
        assert not Tfcmt.PASS.search(result.stdout)


def test_apply_and_destroy(project: Project) -> None:
    project.declare(alice=LARGE, bob={})
    applied = project.run("apply", "--auto-approve")
    assert Tfcmt.APPLIED.search(applied.stdout)
    assert not Tfcmt.FAIL.search(applied.stdout + applied.stderr)
    failed = project.run("apply", "--auto-approve", "-replace=alice")
    assert not Tfcmt.APPLIED.search(failed.stdout)
    assert Tfcmt.FAIL.search(failed.stdout + failed.stderr)


def test_in_a_gitlab_log(project: Project) -> None:
    """The same lines are found, and the body alone is folded."""
    project.declare(alice=LARGE, bob={})
    project.environ |= {"GITLAB_CI": "true", "CI": "true"}
    stdout, stderr = project.start("plan").communicate()  # a pipe, as runners have: what goes to a file is not folded
    assert "Plan: 0 to add, 1 to change, 0 to destroy." in stdout.splitlines()
    assert {"updated": ["notebook.alice"]} == Tfcmt.lists(stdout)
    # Python reads a carriage return as the end of a line.
    section, _, rest = stdout.rpartition(":provisioner_plan\n\x1b[0K\n")
    assert "will be updated in-place" in section
    assert rest.startswith("Plan: ")
    assert "Before you approve" in rest
    assert "section_start:" in stderr


def test_a_file_is_no_gitlab_log(project: Project) -> None:
    """What somebody keeps has no sections."""
    project.declare(alice=LARGE, bob={})
    kept = project.root / "plan.txt"
    with kept.open("w") as stream:
        environ = project.environ | {"GITLAB_CI": "true"}
        subprocess.run([*PROVISIONER, "plan"], cwd=project.root, env=environ, stdout=stream, check=True)
    assert "section_" not in kept.read_text()
    assert Atlantis.summary(kept.read_text())
