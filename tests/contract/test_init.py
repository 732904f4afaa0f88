"""`provisioner init`: what it writes can be used at once, and it writes over nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import jsonschema
import pytest
import yaml

from provisioner.cli.main import cli
from tests.contract.project import Project
from tests.contract.terminal import Terminal

FILES = [
    ".gitignore",
    "provisioner.yaml",
    "schema/settings.schema.json",
    "schema/spec.schema.json",
    "specs/research/notebooks.yaml",
]
PIPELINES = {"gitlab": ".gitlab-ci.yml", "github": ".github/workflows/provisioner.yml"}


def written(directory: Path) -> dict[str, str]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_text() for path in files}


def committable(directory: Path) -> list[str]:
    """What git would take into a repository."""
    git = str(shutil.which("git"))
    subprocess.run([git, "init", "--quiet"], cwd=directory, check=True)
    command = [git, "ls-files", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    return listed.stdout.splitlines()


def test_a_newcomer_can_run_it_at_once(tmp_path: Path) -> None:
    """With the command that it prints, without an account; then a plan is empty, and git sees the state alone."""
    with Terminal(Project(tmp_path), "init", "my project") as terminal:
        assert 0 == terminal.end()
    assert "  cd 'my project' && provisioner apply --sandbox" in terminal.shown
    project = Project(tmp_path / "my project")
    assert FILES == sorted(written(project.root))
    valid = project.run("validate")
    assert (0, "", "1 notebook in 1 stack, 1 file.") == (valid.returncode, valid.stderr, valid.stdout.splitlines()[-1])
    planned = project.run("plan", "--sandbox", "--detailed-exitcode")
    assert (2, True) == (planned.returncode, "Plan: 1 to add, 0 to change, 0 to destroy." in planned.stdout)
    applied = project.run("apply", "--sandbox", answer="yes\n")
    assert 0 == applied.returncode, applied.stderr
    assert "Apply complete! Resources: 1 added, 0 changed, 0 destroyed." in applied.stdout
    assert ["state/research.json"] == [name for name in committable(project.root) if name not in FILES]
    again = project.run("plan", "--sandbox", "--detailed-exitcode")
    assert 0 == again.returncode, again.stdout


def test_it_begins_where_one_stands(tmp_path: Path) -> None:
    """Without a directory; nothing to change to."""
    with Terminal(Project(tmp_path), "init") as terminal:
        assert 0 == terminal.end()
    assert "  provisioner apply --sandbox" in terminal.shown
    assert FILES == sorted(written(tmp_path))


@pytest.mark.parametrize("name", ["TF_IN_AUTOMATION", "CI"])
def test_a_machine_is_given_no_advice(name: str, tmp_path: Path) -> None:
    """What was written is a fact, what comes next is not its affair; nor is it that of a file."""
    with Terminal(Project(tmp_path), "init", "made", environ={name: "true"}) as terminal:
        terminal.end()
    assert ["Wrote provisioner.yaml, "] == [line[:24] for line in terminal.raw.splitlines() if line]
    assert "simulator" not in Project(tmp_path).run("init", "other").stdout


@pytest.mark.parametrize("words", ["-input=false", "-input=false -upgrade", "-backend-config key=x -reconfigure"])
def test_terraforms_init_finds_nothing_to_do(words: str, tmp_path: Path) -> None:
    """What runs Terraform calls it in every job, and would commit what it wrote."""
    project = Project(tmp_path)
    said = project.run("init", *words.split())
    expected = "Nothing to prepare: there are no plugins, and the backend stands in provisioner.yaml.\n"
    assert (0, expected, "") == (said.returncode, said.stdout, said.stderr)
    assert {} == written(tmp_path)


def test_the_schemas_are_where_the_first_lines_say(tmp_path: Path) -> None:
    """An editor follows them, and finds nothing wrong."""
    Project(tmp_path).run("init")
    for name in ("provisioner.yaml", "specs/research/notebooks.yaml"):
        path = tmp_path / name
        text = path.read_text()
        schema = path.parent / text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
        jsonschema.Draft7Validator(yaml.safe_load(schema.read_text())).validate(yaml.safe_load(text))


def test_a_repository_has_a_gitignore_already(tmp_path: Path) -> None:
    """It stays as it is; the lines that it lacks are printed, without the comments."""
    (tmp_path / ".gitignore").write_text("/dist/\n")
    said = Project(tmp_path).run("init")
    assert (0, "") == (said.returncode, said.stderr)
    assert "/dist/\n" == (tmp_path / ".gitignore").read_text()
    assert FILES == sorted(written(tmp_path))
    told = said.stdout.partition(".gitignore exists and stays as it is. Add these lines to it:\n\n")[2].split("\n\n")[0]
    (tmp_path / ".gitignore").write_text(told.replace("  ", ""))
    for name in (".provisioner/x", "state/lab.journal", "state/lab.lock", "state/history/1", "state/lab.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert sorted([*FILES, "state/lab.json"]) == sorted(committable(tmp_path))


@pytest.mark.parametrize("present", ["schema/spec.schema.json", "specs/research/notebooks.yaml"])
def test_nothing_is_overwritten(present: str, tmp_path: Path) -> None:
    """Where one of the files exists nothing is written; all that exist are named."""
    for name in (present, "provisioner.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    said = Project(tmp_path).run("init")
    assert (1, "") == (said.returncode, said.stdout)
    assert "nothing was written" in said.stderr
    named = said.stderr.partition("There is already: ")[2].splitlines()[0].split(", ")
    assert sorted(["provisioner.yaml", present]) == sorted(named)
    assert {present: "mine", "provisioner.yaml": "mine"} == written(tmp_path)


def test_a_link_that_leads_nowhere_is_no_free_place(tmp_path: Path) -> None:
    """What is written through it would stand elsewhere."""
    (tmp_path / "provisioner.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    said = Project(tmp_path).run("init")
    assert (1, True) == (said.returncode, "There is already: provisioner.yaml" in said.stderr)
    assert not (tmp_path / "elsewhere.yaml").exists()


def test_a_place_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / "file").write_text("mine")
    said = Project(tmp_path).run("init", "file")
    assert (1, "") == (said.returncode, said.stdout)
    assert "file/provisioner.yaml cannot be written" in said.stderr


@pytest.mark.parametrize("kind", PIPELINES)
def test_a_pipeline_has_commands_that_exist(kind: str, tmp_path: Path) -> None:
    """YAML of the file that the service reads, with options that the commands take, under this version."""
    said = Project(tmp_path).run("init", "--ci", kind)
    assert 0 == said.returncode, said.stderr
    assert sorted([*FILES, PIPELINES[kind]]) == sorted(written(tmp_path))
    text = (tmp_path / PIPELINES[kind]).read_text()
    assert isinstance(yaml.safe_load(text), dict)
    assert "{version}" not in text
    commands = re.findall(r"(?m)^ +.*[-:;] provisioner ([^#|\n]+)", text)
    assert ["validate", "plan", "plan", "apply", "drift"] == [command.split()[0] for command in commands]
    for name, *words in map(str.split, commands):
        options = [word for word in words if word.startswith("--")]
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert set(options) <= {text for option in command.params for text in option.opts}


def test_a_pipeline_is_not_overwritten_either(tmp_path: Path) -> None:
    """It may deploy more than notebooks."""
    (tmp_path / ".gitlab-ci.yml").write_text("mine")
    said = Project(tmp_path).run("init", "--ci=gitlab")
    assert (1, True) == (said.returncode, "There is already: .gitlab-ci.yml" in said.stderr)
    assert {".gitlab-ci.yml": "mine"} == written(tmp_path)


def test_an_unknown_pipeline_is_refused(tmp_path: Path) -> None:
    """With those that there are."""
    said = Project(tmp_path).run("init", "--ci", "jenkins")
    assert (1, True) == (said.returncode, "'gitlab', 'github'" in said.stderr)
    assert {} == written(tmp_path)
