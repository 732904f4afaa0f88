"""The command on instances that are ours and not recorded: a lost state, strays, `import`, and what is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from provisioner.model.marker import Marking
from provisioner.provider.modelarts import ModelArtsNotebooks
from tests.contract.lab import SMALL
from tests.contract.project import Project
from tests.contract.sandbox import Sandbox

APPLY = ("apply", "--auto-approve")


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    found = Project(tmp_path, sandbox.environ)
    found.declare(alice={}, bob={})
    return found


@pytest.fixture
def applied(project: Project) -> Project:
    result = project.run(*APPLY)
    assert 0 == result.returncode, result.stderr
    return project


def ids(project: Project) -> dict[str, str]:
    return {address: record["id"] for address, record in project.recorded().items()}


def test_a_lost_state_is_rebuilt_by_imports(applied: Project, sandbox: Sandbox) -> None:
    """Nothing is created; the commands that the refusals name bring everything back, and nothing is left to do."""
    before = ids(applied)
    shutil.rmtree(applied.root / "state")
    told = ""
    for command in (["plan"], ["plan", "--detailed-exitcode"], [*APPLY, "--no-refresh"], [*APPLY]):
        result = applied.run(*command)
        told = result.stderr
        assert (1, 2, False) == (result.returncode, told.count("error[E512]"), "No changes" in result.stdout)
    hints = [line.partition("keep it: ")[2].partition(";")[0] for line in told.splitlines()]
    for hint in filter(None, hints):
        done = applied.run(*hint.split()[1:])
        assert 0 == done.returncode, done.stderr
    assert before == ids(applied)
    assert 0 == applied.run("plan", "--detailed-exitcode").returncode
    assert 2 == len(sandbox.notebooks())


def test_a_stray_is_deleted_as_the_warning_says(
    applied: Project, sandbox: Sandbox, provider: ModelArtsNotebooks
) -> None:
    """Import it under a key of its own, then destroy that; what is recorded stays."""
    mark = Marking.of("lab", sandbox.project_id, "cn-north-4", "description").fresh("notebook.alice")
    stray = provider.create({"name": "alice", **SMALL, "description": mark}).id
    result = applied.run(*APPLY)
    assert (0, True, True) == (result.returncode, "warning[W503]" in result.stderr, stray in result.stderr)
    key = f"stray-{stray[:8]}"
    assert f"provisioner import {key} {stray} && provisioner destroy --target {key}" in result.stderr
    assert 0 == applied.run("import", key, stray).returncode
    done = applied.run("destroy", "--target", key, "--auto-approve", "--accept-loss", key)
    assert 0 == done.returncode, done.stderr
    assert sorted(ids(applied).values()) == sorted(each["id"] for each in sandbox.notebooks())
    assert "W503" not in applied.run("plan").stderr


class TestImport:
    def test_of_one_that_nobody_marked(self, project: Project, sandbox: Sandbox, provider: ModelArtsNotebooks) -> None:
        """What differs from the spec is shown by the next plan and changed by the next apply."""
        made = provider.create({"name": "other", **SMALL}).id
        assert 0 == project.run("import", "alice", made).returncode
        assert {"notebook.alice": made} == ids(project)
        assert '"other" -> "alice"' in project.run("plan").stdout
        assert 0 == project.run(*APPLY).returncode
        assert {"alice", "bob"} == {each["name"] for each in sandbox.notebooks()}
        assert 0 == project.run("plan", "--detailed-exitcode").returncode

    def test_what_is_recorded_is_not_taken(self, applied: Project) -> None:
        """Neither its address, nor its id, nor one that does not exist."""
        known = ids(applied)
        before = applied.bytes_of_state()
        nothing = "00000000-0000-4000-8000-000000000000"
        for key, identifier, word in (
            ("alice", nothing, "notebook.alice is recorded already"),
            ("carol", known["notebook.bob"], "as notebook.bob"),
            ("carol", nothing, "does not exist"),
            ("carol", "../x", "is not an id"),
        ):
            result = applied.run("import", key, identifier)
            assert (1, True) == (result.returncode, word in result.stderr), result.stderr
        assert before == applied.bytes_of_state()


def test_too_much_is_missing(project: Project, sandbox: Sandbox) -> None:
    """Four of four at once are not believed, unless somebody says so; the state stays as it is."""
    project.declare(**{f"n{number}": {} for number in range(4)})
    assert 0 == project.run(*APPLY).returncode
    before = project.bytes_of_state()
    for each in sandbox.notebooks():
        sandbox.happen(each["id"], "vanish")
    for command in (["plan"], [*APPLY], ["destroy", "--auto-approve"]):
        result = project.run(*command)
        assert (1, True) == (result.returncode, "--accept-missing 4" in result.stderr)
    assert before == project.bytes_of_state()
    result = project.run(*APPLY, "--accept-missing", "4")
    assert (0, 4) == (result.returncode, len(sandbox.notebooks())), result.stderr


class TestPlaces:
    """`cloud.marker` in provisioner.yaml."""

    def test_names_leave_room(self, project: Project, sandbox: Sandbox) -> None:
        """40 characters are one too many beside a mark in the name; the plan says so, and nothing is sent."""
        (project.root / "provisioner.yaml").write_text("cloud: {marker: name}\n")
        project.declare(alice={"name": "n" * 40})
        result = project.run(*APPLY)
        assert (1, []) == (result.returncode, sandbox.notebooks())
        assert "shorten it to 39 characters" in result.stderr
        project.declare(alice={"name": "n" * 39})
        assert 0 == project.run(*APPLY).returncode
        assert 64 == len(sandbox.only()["name"])
        assert 0 == project.run("plan", "--detailed-exitcode").returncode
        assert "mp-" not in project.run("show").stdout + project.run("state", "show", "alice").stdout

    def test_without_marks_a_person_decides(self, project: Project, sandbox: Sandbox) -> None:
        """A lost create is not adopted: the candidate is shown with the command that adopts it."""
        (project.root / "provisioner.yaml").write_text("cloud: {marker: none}\n")
        project.declare(alice={})
        sandbox.fault("create", "lose")
        assert 1 == project.run(*APPLY).returncode
        made = sandbox.only()
        assert "" == made["description"]
        result = project.run(*APPLY)
        assert (1, True) == (result.returncode, "error[E511]" in result.stderr)
        assert f"provisioner import alice {made['id']}" in result.stderr
        assert 0 == project.run("import", "alice", made["id"]).returncode
        assert 0 == project.run(*APPLY).returncode
        assert made["id"] == sandbox.only()["id"]
