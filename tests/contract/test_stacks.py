"""`provisioner stacks list`: which stacks there are, offline, for people and for the matrix of a pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.lab import SMALL
from tests.contract.project import Project
from tests.contract.sandbox import Sandbox


def declare(root: Path, name: str, **document: Any) -> None:
    """A stack in a file of its own below specs/NAME; without `notebooks` it has one."""
    path = root / "specs" / name / "notebooks.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({"version": 1, "notebooks": {"one": SMALL}} | document))


def listed(project: Project, *arguments: str) -> list[dict[str, Any]]:
    said = project.run("stacks", "list", "--json", *arguments)
    assert (0, "") == (said.returncode, said.stderr)
    assert 1 == said.stdout.count("\n"), "the outputs of a job are single lines"
    found: list[dict[str, Any]] = json.loads(said.stdout)
    return found


def test_every_stack_is_listed_with_what_plan_takes(tmp_path: Path) -> None:
    """Name, state, path, files and the number of notebooks, those of for_each counted each."""
    gpu = SMALL | {"for_each": ["ann", "ben"]}
    declare(tmp_path, "deep/research", notebooks={"one": SMALL, "gpu": gpu})
    declare(tmp_path, "vision", stack="sight")
    expected = [
        {"name": "research", "path": "specs/deep/research", "notebooks": 3},
        {"name": "sight", "path": "specs/vision", "notebooks": 1},
    ]
    found = listed(Project(tmp_path))
    assert expected == [{name: each[name] for name in ("name", "path", "notebooks")} for each in found]
    assert ["specs/vision/notebooks.yaml"] == found[1]["files"]
    assert [("research", "", None), ("sight", "", None)] == [
        (each["state"], each["environment"], each["serial"]) for each in found
    ]


def test_a_path_narrows_the_list(tmp_path: Path) -> None:
    """A file is a stack of its own; its path is the file."""
    declare(tmp_path, "research")
    declare(tmp_path, "vision")
    assert ["vision"] == [each["name"] for each in listed(Project(tmp_path), "specs/vision")]
    [only] = listed(Project(tmp_path), "specs/vision/notebooks.yaml")
    assert ("notebooks", "specs/vision/notebooks.yaml") == (only["name"], only["path"])


def test_an_environment_has_states_of_its_own(tmp_path: Path) -> None:
    """The state is named for it, and counts with its variables."""
    declare(
        tmp_path, "research", variables={"who": {"type": "list"}}, notebooks={"gpu": SMALL | {"for_each": "${var.who}"}}
    )
    (tmp_path / "provisioner.yaml").write_text("version: 1\nenvironments: {prod: {variables: {who: [ann, ben]}}}\n")
    [prod] = listed(Project(tmp_path), "--env", "prod")
    assert ("research", "research.prod", "prod", 2) == (
        prod["name"],
        prod["state"],
        prod["environment"],
        prod["notebooks"],
    )
    [bare] = listed(Project(tmp_path))
    assert None is bare["notebooks"]


def test_a_table_is_for_people(tmp_path: Path) -> None:
    """What is not known is a question mark, what is not recorded a dash."""
    declare(tmp_path, "research")
    declare(tmp_path, "wrong", notebooks={"one": {"flavr": "x"}})
    said = Project(tmp_path).run("stacks", "list")
    assert (0, "") == (said.returncode, said.stderr)
    rows = [line.split() for line in said.stdout.splitlines()]
    assert ["NAME", "PATH", "NOTEBOOKS", "SERIAL"] == rows[0]
    assert [["research", "specs/research", "1", "-"], ["wrong", "specs/wrong", "?", "-"]] == rows[1:]


def test_what_is_recorded_has_a_serial(sandbox: Sandbox, tmp_path: Path) -> None:
    """After an apply; and the list leaves the state as it was, without credentials."""
    project = Project(tmp_path, sandbox.environ)
    project.declare(alice={})
    applied = project.run("apply", "--auto-approve")
    assert 0 == applied.returncode, applied.stderr
    before = project.bytes_of_state()
    [only] = listed(Project(tmp_path))
    assert json.loads((tmp_path / "state" / "lab.json").read_text())["serial"] == only["serial"]
    assert before == project.bytes_of_state()


def test_nothing_is_written(tmp_path: Path) -> None:
    """Not even a directory of states."""
    declare(tmp_path, "research")
    listed(Project(tmp_path))
    assert ["specs"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"stack": "Research"}, "two stacks are called research"),
        ({"stack": "a/b"}, "a stack's name has 1 to 64 letters"),
    ],
)
def test_names_that_cannot_be_told_apart_are_refused(document: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Their jobs would write one state; a name that is none has no state at all."""
    declare(tmp_path, "research")
    declare(tmp_path, "other", **document)
    refused = Project(tmp_path).run("stacks", "list", "--json")
    assert (1, "") == (refused.returncode, refused.stdout)
    assert said in refused.stderr
