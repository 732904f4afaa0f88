"""From `provisioner.yaml` and the command line to what the specs are told."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from provisioner.cli.main import COMMANDS, cli, main
from provisioner.cli.options import Request
from provisioner.cli.project import project_of
from provisioner.cli.settings import Settings, load_settings
from provisioner.errors import SpecError, UsageError
from provisioner.spec.project import Given, Policy
from provisioner.spec.tree import plain

# Every command that takes --env, with what else it needs.
TAKING_ENVIRONMENTS = {
    "access": "",
    "apply": "--auto-approve",
    "destroy": "--auto-approve",
    "drift": "",
    "export": "",
    "extend": "a",
    "force-unlock": "x",
    "import": "a b",
    "plan": "",
    "show": "",
    "stacks list": "",
    "start": "a",
    "auth status": "",
    "state history": "",
    "state migrate": "--from x",
    "state list": "",
    "state mv": "a b",
    "state pull": "",
    "state restore": "1",
    "state rm": "a",
    "state show": "a",
    "stop": "a --auto-approve",
    "validate": "",
}


def value(given: Given) -> object:
    return given.value if isinstance(given.value, str) else plain(given.value)


def test_the_last_one_on_the_command_line_wins(tmp_path: Path) -> None:
    """--var over --var-file, a later one over an earlier, and both over the environment's variables."""
    (tmp_path / "provisioner.yaml").write_text(
        "environments: {prod: {variables: {a: settings, b: settings, c: settings, d: [1, 2]}}}"
    )
    first, second = tmp_path / "first.yaml", tmp_path / "second.json"
    first.write_text("# of everybody\nb: first\nc: first\nsize: 100\n")
    second.write_text('{"c": "second"}')
    request = Request(environment="prod", variables=("c=x", "e=1=2", "c=var", "empty="), variable_files=(first, second))
    given = project_of(load_settings(tmp_path, "prod"), request, {}).given
    expected = {"a": "settings", "b": "first", "c": "var", "d": [1, 2], "e": "1=2", "empty": "", "size": 100}
    assert expected == {name: value(each) for name, each in given.items()}
    origins = {"a": "provisioner.yaml", "b": str(first), "c": "--var c", "size": str(first)}
    assert origins == {name: given[name].origin for name in origins}


def test_only_what_is_given_for_this_run_must_be_declared(tmp_path: Path) -> None:
    """An environment has variables of other stacks too."""
    (tmp_path / "provisioner.yaml").write_text("environments: {prod: {variables: {a: 1, b: 2}}}")
    (tmp_path / "vars.yaml").write_text("c: 3")
    request = Request(environment="prod", variables=("b=2",), variable_files=(tmp_path / "vars.yaml",))
    given = project_of(load_settings(tmp_path, "prod"), request, {}).given
    assert {"a": False, "b": True, "c": True} == {name: each.strict for name, each in given.items()}


def test_what_holds_for_every_stack_is_passed_on() -> None:
    """Unchanged."""
    settings = Settings(
        environment="prod",
        patches=("a.patch.yaml",),
        policy=Policy(require_lease=True),
        default_tags={"a": "b"},
        ignore_tags=frozenset({"c"}),
    )
    project = project_of(settings, Request(), {"OWNER": "alice"})
    assert ("prod", {"OWNER": "alice"}, ("a.patch.yaml",)) == (project.environment, project.environ, project.patches)
    assert (Policy(require_lease=True), {"a": "b"}, frozenset({"c"})) == (
        project.policy,
        project.default_tags,
        project.ignore_tags,
    )


@pytest.mark.parametrize("text", ["hunter2", "=hunter2", " =hunter2", ""])
def test_a_variable_has_a_name_and_a_value(text: str) -> None:
    """What is not quoted: it may be a secret without its name."""
    with pytest.raises(UsageError, match="--var needs a name and a value") as refused:
        project_of(Settings(), Request(variables=(text,)), {})
    assert "--var owner=alice" == refused.value.hint
    assert "hunter2" not in f"{refused.value}{refused.value.detail}"


def test_a_file_of_variables_must_be_readable(tmp_path: Path) -> None:
    """One that is not there, and a directory."""
    for path in (tmp_path / "vars.yaml", tmp_path):
        with pytest.raises(UsageError, match=r"the file of variables .* cannot be read") as refused:
            project_of(Settings(), Request(variable_files=(path,)), {})
        assert refused.value.detail


def test_a_file_of_variables_may_be_a_pipe() -> None:
    """`--var-file <(sops --decrypt secrets.yaml)` leaves nothing on the disk."""
    reading, writing = os.pipe()
    os.write(writing, b"size: 5\n")
    os.close(writing)
    given = project_of(Settings(), Request(variable_files=(Path(f"/dev/fd/{reading}"),)), {}).given
    os.close(reading)
    assert {"size": 5} == {name: value(each) for name, each in given.items()}


def test_a_file_of_variables_may_hold_secrets(tmp_path: Path) -> None:
    """It is what a secret is decrypted into; a variable may be called after what it is."""
    path = tmp_path / "vars.yaml"
    path.write_text("token: hunter2\nlogin: {password: hunter2}\n")
    given = project_of(Settings(), Request(variable_files=(path,)), {}).given
    assert "hunter2" == value(given["token"])
    assert {"token", "login"} == given.keys()


BAD_FILES = {
    "anchor": ("a: *hunter2\n", "E111", "1:4", "no anchor of this name"),
    "anchor-twice": ("a: &hunter2 x\nb: &hunter2 y\n", "E111", "2:4", "give it another name"),
    "own-anchor": ("a: &hunter2 [*hunter2]\n", "E111", "1:14", "an anchor cannot hold itself"),
    "escape": ('a: "hunter2\\ud83d"\n', "E104", "1:14", "this escape is no character"),
    "list": ("- a\n", "E106", "1:1", "begin with `NAME: value`"),
    "text": ("owner=alice\n", "E106", "1:1", "begin with `NAME: value`"),
    "twice": ("a: 1\na: 2\n", "E114", "2:1", "remove one of the two"),
    "tag": ("a: !!python/name:os.system\n", "E112", "1:4", "tags are not allowed"),
    "hidden": ("a: x\u200bhunter2\n", "E104", "1:4", "remove it"),
    "documents": ("a: 1\n---\nb: 2\n", "E107", "2:1", "one document"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_of_variables_is_read_as_strictly_as_a_spec(case: str, tmp_path: Path) -> None:
    """At its place, without the line: a secret may stand in it."""
    text, code, place, mend = BAD_FILES[case]
    path = tmp_path / "vars.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as refused:
        project_of(Settings(), Request(variable_files=(path,)), {})
    (problem,) = refused.value.problems
    assert (code, f"{path}:{place}", "") == (problem.code, str(problem.range), problem.source_line)
    assert mend in f"{problem.summary} {problem.hint}"
    assert "hunter2" not in f"{problem.summary} {problem.detail} {problem.hint}"


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    """As a pipeline writes it that has nothing to say."""
    path = tmp_path / "vars.yaml"
    path.write_text("# none\n")
    assert {} == project_of(Settings(), Request(variable_files=(path,)), {}).given


@pytest.mark.parametrize("command", TAKING_ENVIRONMENTS)
def test_an_environment_must_be_declared(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command that takes one names those that exist, before it does anything else."""
    monkeypatch.chdir(tmp_path)
    Path("provisioner.yaml").write_text("environments: {prod: {}, dev: {}}")
    assert 1 == main([*command.split(), *TAKING_ENVIRONMENTS[command].split(), "--env", "production"])
    said = capsys.readouterr()
    assert "" == said.out
    assert "there is no environment 'production'" in said.err
    assert "provisioner.yaml declares dev, prod." in said.err


def test_those_are_all_commands_that_take_an_environment() -> None:
    """Of every command, and of every one below a group."""
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in COMMANDS}
    for group in [name for name, each in commands.items() if isinstance(each, click.Group)]:
        below = commands.pop(group)
        assert isinstance(below, click.Group)
        commands |= {f"{group} {name}": each for name, each in below.commands.items()}
    taking = [name for name, each in commands.items() if each and "environment" in {p.name for p in each.params}]
    assert sorted(TAKING_ENVIRONMENTS) == sorted(taking)
