"""What specs say of records and of the life of a notebook, through the command and over the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.project import Project
from tests.contract.sandbox import Sandbox

NOTHING = "No changes. Your infrastructure matches the configuration."
ELSEWHERE = {"workspace_id": "1b2f0c6d7e8a49f5a3c1d2e4f5061728"}
KEPT = {"lifecycle": {"prevent_destroy": True}}


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    """`alice` runs and is recorded."""
    project = Project(tmp_path, sandbox.environ)
    project.declare(alice={})
    applied(project)
    sandbox.forget()
    return project


def say(project: Project, **sections: Any) -> None:
    """A second file of the stack."""
    (project.root / "specs" / "lab" / "records.json").write_text(json.dumps({"version": 1, **sections}))


def applied(project: Project, *options: str) -> str:
    """The last screen of an apply that succeeds; the plan after it is empty."""
    result = project.run("apply", "--auto-approve", *options)
    assert 0 == result.returncode, result.stderr
    assert NOTHING in project.run("plan").stdout
    return result.stdout


def id_of(project: Project, address: str = "notebook.alice") -> str:
    return str(project.recorded()[address]["id"])


def test_a_move(project: Project, sandbox: Sandbox) -> None:
    """The record moves, and nothing is sent; the block may stay."""
    was = id_of(project)
    project.declare(anna={"name": "alice"})
    say(project, moved=[{"from": "alice", "to": "anna"}])
    shown = project.run("plan", "--detailed-exitcode")
    assert 2 == shown.returncode
    assert "  # notebook.alice has moved to notebook.anna\n" in shown.stdout
    assert "Apply complete! Resources: 0 added, 0 changed, 0 destroyed." in applied(project)
    assert ([], ["notebook.anna"], was) == (sandbox.calls(), list(project.recorded()), id_of(project, "notebook.anna"))


def test_forgetting(project: Project, sandbox: Sandbox) -> None:
    """The instance stays in the account, nobody is warned of it, and the summary counts it apart."""
    project.declare(bob={})
    say(project, removed=[{"from": "alice", "destroy": False}])
    shown = project.run("plan")
    assert "Plan: 1 to add, 0 to change, 0 to destroy, 1 to forget." in shown.stdout
    assert "W503" not in shown.stderr
    assert "Apply complete! Resources: 1 added, 0 changed, 0 destroyed, 1 forgotten." in applied(project)
    assert ["notebook.bob"] == list(project.recorded())
    assert 2 == len(sandbox.notebooks())
    assert "W503" not in project.run("plan").stderr


@pytest.mark.parametrize("options", [(), ("--no-refresh",)])
def test_an_import(project: Project, sandbox: Sandbox, options: tuple[str, ...]) -> None:
    """What was forgotten is taken over again, changed in the same plan; also when the rest is not asked for."""
    was = id_of(project)
    assert 0 == project.run("state", "rm", "alice").returncode
    project.declare(alice={"description": "ours"})
    say(project, imports=[{"to": "alice", "id": was}])
    shown = project.run("plan", *options)
    assert "Plan: 1 to import, 0 to add, 1 to change, 0 to destroy." in shown.stdout, shown.stderr
    assert f'  # (imported from "{was}")\n' in shown.stdout
    assert "Apply complete! Resources: 1 imported, 0 added, 1 changed, 0 destroyed." in applied(project, *options)
    assert (was, ["update"]) == (id_of(project), sandbox.calls())


def test_an_import_of_nothing(project: Project) -> None:
    """It is said which, and nothing is created in its place."""
    strange = "00000000-1111-4222-8333-444444444444"
    project.declare(alice={}, bob={})
    say(project, imports=[{"to": "bob", "id": strange}])
    result = project.run("apply", "--auto-approve")
    assert 1 == result.returncode
    assert f"the notebook {strange}, to be imported as notebook.bob, does not exist" in result.stderr
    assert ["notebook.alice"] == list(project.recorded())


def test_a_protection_outlives_its_block(project: Project, sandbox: Sandbox) -> None:
    """The plan is shown, the reason stands on the standard error stream, and nobody is asked anything."""
    project.declare(alice=KEPT, bob={})
    applied(project)
    sandbox.forget()
    project.declare(bob={})
    for command in (["plan"], ["apply", "--auto-approve", "--accept-loss", "all"], ["destroy", "--auto-approve"]):
        result = project.run(*command)
        assert 1 == result.returncode
        assert "# notebook.alice will be destroyed" in result.stdout
        assert "E513" in result.stderr
        assert "notebook.alice cannot be destroyed: it is protected" in result.stderr
    assert [] == sandbox.calls()

    project.declare(alice={"lifecycle": {"prevent_destroy": False}}, bob={})
    assert "Apply complete! Resources: 0 added, 1 changed, 0 destroyed." in applied(project)
    project.declare(bob={})
    assert "1 destroyed." in applied(project, "--accept-loss", "alice")


def test_ignored_changes_and_tags(project: Project, sandbox: Sandbox) -> None:
    """What others write there is theirs, plan after plan."""
    project.declare(
        alice={"description": "ours", "tags": {"a": "1"}, "lifecycle": {"ignore_changes": ["description", "tags.b"]}}
    )
    applied(project)
    sandbox.drift(id_of(project), description="theirs", tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    assert NOTHING in project.run("plan").stdout
    assert NOTHING in project.run("plan", "--no-refresh").stdout


def test_create_before_destroy(project: Project, sandbox: Sandbox) -> None:
    """The old instance goes when the new one is whole; progress tells both in that order."""
    was = id_of(project)
    project.declare(alice={**ELSEWHERE, "lifecycle": {"create_before_destroy": True}})
    shown = project.run("plan")
    assert '+/- resource "notebook" "alice" {' in shown.stdout
    result = project.run("apply", "--auto-approve", "--accept-loss", "alice")
    assert "Apply complete! Resources: 1 added, 0 changed, 1 destroyed." in result.stdout
    said = [line for line in result.stderr.splitlines() if line.startswith("notebook.alice: ")]
    assert ["Creating", "Creation", "Destroying", "Destruction"] == [
        line.removeprefix("notebook.alice: ").split()[0].rstrip(".") for line in said if "Still" not in line
    ]
    assert ["create", "delete"] == sandbox.calls()
    assert was != id_of(project)
    assert [id_of(project)] == [each["id"] for each in sandbox.notebooks()]


def test_a_trigger(project: Project) -> None:
    """What could be changed in place is replaced."""
    project.declare(alice={"flavor": "modelarts.vm.cpu.8u", "lifecycle": {"replace_triggered_by": ["flavor"]}})
    shown = project.run("plan").stdout
    assert "  # (because replace_triggered_by names what changes)\n" in shown
    assert "1 added, 0 changed, 1 destroyed." in applied(project, "--accept-loss", "alice")


def test_an_endless_start_is_refused(project: Project, sandbox: Sandbox) -> None:
    """Auto stop was switched off in the console; a lease in the spec settles it."""
    project.declare(alice={"desired_status": "STOPPED"})
    applied(project)
    sandbox.drift(id_of(project), lease={"enable": False, "type": "TIMING", "duration": -1})
    sandbox.forget()
    project.declare(alice={})
    result = project.run("apply", "--auto-approve")
    assert (1, []) == (result.returncode, sandbox.calls())
    assert "E514" in result.stderr
    assert "notebook.alice would run without end: its auto stop is off" in result.stderr
    project.declare(alice={"lease": {"duration": "8h"}})
    applied(project)


def test_a_secret_is_written_and_shown_nowhere(project: Project, sandbox: Sandbox) -> None:
    """Neither in the plan nor on disk; what it is compared with is a digest."""
    project.declare(alice={"description": "${var.word}", "tags": {"a": "${var.word}"}})
    say(project, variables={"word": {"sensitive": True, "env": "WORD"}})
    project.environ["WORD"] = "hunter2"
    shown = project.run("plan")
    assert "(sensitive value)" in shown.stdout, shown.stderr
    applied(project)
    assert "hunter2" == sandbox.notebooks()[0]["description"].split(" ")[0]
    project.environ["WORD"] = "hunter3"
    changed = project.run("plan")
    assert "Plan: 0 to add, 1 to change, 0 to destroy." in changed.stdout
    written = [path.read_bytes() for path in project.root.rglob("*") if path.is_file()]
    assert not [text for text in written if b"hunter" in text]
    assert "hunter" not in shown.stdout + shown.stderr + changed.stdout + changed.stderr
