"""Which recorded states a command means, by paths, names and environments."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.cli.main import main
from provisioner.state.document import Record
from provisioner.state.local import LocalBackend

Run = Callable[..., str]

SETTINGS = "environments: {prod: {}, far: {backend: {path: far}}, empty: {}}"
# Usable by nothing that needs more than its name: its variable has no value.
SPEC = "variables: {size: {}}\nnotebooks: {alice: {flavour: '${var.size}'}}\n"


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """What a command prints, in a project whose stack `lab` is recorded three times: without an environment, in prod,
    and in far, which has a directory of its own.
    """
    monkeypatch.chdir(tmp_path)
    Path("provisioner.yaml").write_text(SETTINGS)
    Path("specs/lab").mkdir(parents=True)
    Path("specs/lab/notebooks.yaml").write_text(SPEC)
    for stack, key, directory in (("lab", "alice", "state"), ("lab.prod", "bob", "state"), ("lab.far", "carol", "far")):
        backend = LocalBackend(Path(directory), stack)
        snapshot = backend.read()
        known = Record(id=f"id-of-{key}", status="RUNNING", attributes={"name": key})
        backend.write(snapshot.state.with_records({f"notebook.{key}": known}).next(None), replacing=snapshot)

    def run(*arguments: str) -> str:
        code = main(list(arguments))
        said = capsys.readouterr()
        assert (0, "") == (code, said.err)
        return said.out

    return run


@pytest.fixture
def refused(done: Run, capsys: pytest.CaptureFixture[str]) -> Run:
    """What a command says that fails, there."""

    def run(*arguments: str) -> str:
        assert 1 == main(list(arguments))
        said = capsys.readouterr()
        assert "" == said.out
        return said.err

    return run


@pytest.mark.parametrize(("options", "key"), [((), "alice"), (("--env", "prod"), "bob"), (("--env=far",), "carol")])
@pytest.mark.parametrize("named", [True, False])
def test_each_environment_sees_its_own(done: Run, options: tuple[str, ...], key: str, named: bool) -> None:  # noqa: FBT001
    """With a stack, or a path to its specs, and without. What is wrong in the specs stands in nobody's way."""
    paths, stack = (("specs",), ("--stack", "lab")) if named else ((), ())
    assert f"notebook.{key}\n" == done("state", "list", *(f"--specs={path}" for path in paths), *options)
    shown = done("show", *paths, *options)
    assert [key] == [name for name in ("alice", "bob", "carol") if f"notebook.{name} " in shown]
    pulled = json.loads(done("state", "pull", *stack, *options))
    assert [f"notebook.{key}"] == list(pulled["resources"])


def test_a_state_may_be_called_by_its_whole_name(done: Run) -> None:
    """As messages do; its environment is known by that, and where it keeps its states."""
    pulled = json.loads(done("state", "pull", "--stack", "lab.far"))
    assert ("lab.far", ["notebook.carol"]) == (pulled["stack"], list(pulled["resources"]))
    said = done("state", "mv", "carol", "dave", "--env", "far")
    undo = said.rpartition("To undo: provisioner ")[2].split()
    assert ["state", "restore", "1", "--stack", "lab.far"] == undo
    done(*undo)
    assert "notebook.carol\n" == done("state", "list", "--env", "far")


def test_a_state_goes_back_to_its_environment(done: Run) -> None:
    """Nothing but its own name is needed."""
    pulled = json.loads(done("state", "pull", "--env", "far")) | {"serial": 9}
    del pulled["sha256"]
    Path("pushed.json").write_text(json.dumps(pulled))
    done("state", "push", "pushed.json")
    assert 9 == json.loads(Path("far/lab.far.json").read_text())["serial"]
    assert not Path("state/lab.far.json").exists()


def test_a_name_and_an_environment_that_disagree_are_refused(refused: Run) -> None:
    """Which is meant cannot be known."""
    said = refused("state", "pull", "--stack", "lab.prod", "--env", "far")
    assert "lab.prod is of the environment prod, not of far" in said
    assert "leave out --env far" in said


def test_an_environment_without_states_has_none(done: Run, refused: Run) -> None:
    """Those of others are not taken for its own."""
    assert "nothing is recorded in the environment empty" in refused("state", "pull", "--env", "empty")
    assert "" == done("state", "list", "--env", "empty")


def test_a_number_is_a_name(done: Run) -> None:
    """As it is written: `1.10` is no 1.1."""
    Path("specs/lab/b.yaml").write_text("stack: 42\n")
    assert "Stack 42, serial 0" in done("show", "specs")


@pytest.mark.parametrize(
    ("spec", "place"), [("stack: ../lab\n", "specs/lab/b.yaml:1:8"), ("stack: [\n", "specs/lab/b.yaml:1:8")]
)
def test_a_stack_must_have_a_name(spec: str, place: str, refused: Run) -> None:
    """It becomes the name of a file."""
    Path("specs/lab/b.yaml").write_text(spec)
    for command in (("state", "list", "--specs", "specs"), ("show", "specs")):
        assert f"--> {place}" in refused(*command)


def test_specs_must_be_there(refused: Run) -> None:
    """A path that is none is a mistake."""
    assert "nowhere does not exist" in refused("show", "nowhere")
