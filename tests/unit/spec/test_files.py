"""Which files make which stack, and what in a directory cannot be a spec."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from tests.unit.spec.specs import load, notebook, problems, words, write

ONE = notebook()


def stacks(directory: Path, *paths: str) -> dict[str, tuple[str, ...]]:
    """The files of every stack."""
    return {stack.stack: stack.files for stack in load(directory, *paths)}


def codes(directory: Path, *paths: str) -> list[str]:
    return [problem.code for problem in problems(directory, *paths)]


def test_each_directory_with_specs_below_the_default_path_is_a_stack(tmp_path: Path) -> None:
    """Called after the directory; files in the order of their names; all three endings count."""
    write(
        tmp_path,
        specs__b__two_dot_yml="notebooks: {}",
        specs__b__one="notebooks: {}",
        specs__a__x_dot_json='{"notebooks": {}}',
    )
    write(tmp_path, specs__deep__down__c__x=ONE)
    expected = {
        "a": ("specs/a/x.json",),
        "b": ("specs/b/one.yaml", "specs/b/two.yml"),
        "c": ("specs/deep/down/c/x.yaml",),
    }
    assert expected == stacks(tmp_path)


def test_a_directory_with_specs_is_one_stack(tmp_path: Path) -> None:
    """Specs further down are not part of it, and a warning says so."""
    write(tmp_path, specs__a=ONE, specs__old__b=ONE)
    (stack,) = load(tmp_path)
    assert ("specs", ("specs/a.yaml",)) == (stack.stack, stack.files)
    assert ["W405"] == [warning.code for warning in stack.warnings]
    assert "specs/old" in stack.warnings[0].summary


def test_a_file_is_a_stack(tmp_path: Path) -> None:
    """Called after its stem, wherever it lies; an absolute path is fine."""
    write(tmp_path, elsewhere__lab=ONE)
    assert {"lab": ("elsewhere/lab.yaml",)} == stacks(tmp_path, str(tmp_path / "elsewhere" / "lab.yaml"))
    inside = tmp_path / "elsewhere"
    assert {"lab": ("lab.yaml",)} == stacks(inside, "../elsewhere/lab.yaml")


def test_stack_renames_the_stack(tmp_path: Path) -> None:
    """In one file or alike in several; contradictions are refused where the second stands."""
    write(tmp_path, specs__x__a="stack: lab\n" + ONE, specs__x__b="stack: lab\n")
    assert ["lab"] == list(stacks(tmp_path))
    write(tmp_path, specs__x__b="stack: other\n")
    (problem,) = problems(tmp_path)
    assert ("E215", "specs/x/b.yaml:1:8") == (problem.code, str(problem.range))
    assert "specs/x/a.yaml:1:8" in problem.summary


def test_two_stacks_cannot_have_one_name(tmp_path: Path) -> None:
    """They would share a state; case makes no difference on some file systems."""
    write(tmp_path, specs__a__x=ONE, specs__b__x="stack: A\n" + ONE)
    (problem,) = problems(tmp_path)
    assert "E215" == problem.code
    assert "specs/a/x.yaml" in problem.detail
    assert "stack: my-stack" in problem.hint


def test_a_directory_whose_name_is_no_name_needs_another(tmp_path: Path) -> None:
    """The name of a stack becomes the name of its state."""
    write(tmp_path, **{"specs__a b__x": ONE})
    (problem,) = problems(tmp_path)
    assert ("E206", "specs/a b/x.yaml:1:1") == (problem.code, str(problem.range))
    write(tmp_path, **{"specs__a b__x": "stack: ab\n" + ONE})
    assert ["ab"] == list(stacks(tmp_path))


def test_leftovers_and_other_files_are_no_specs(tmp_path: Path) -> None:
    """B87: dot files, backups of editors, patches, provisioner.yaml and foreign endings."""
    write(tmp_path, specs__a__x=ONE)
    for name in (".x.yaml", ".x.yaml.swp", "x.yaml~", "prod.patch.yaml", "provisioner.yaml", "README.md"):
        (tmp_path / "specs" / "a" / name).write_bytes(b"\xff")
    (tmp_path / "specs" / ".hidden").mkdir()
    (tmp_path / "specs" / ".hidden" / "x.yaml").write_bytes(b"\xff")
    assert {"a": ("specs/a/x.yaml",)} == stacks(tmp_path)


def test_a_file_is_read_once(tmp_path: Path) -> None:
    """B88: by whatever paths it is named."""
    write(tmp_path, specs__a__x=ONE)
    assert {"a": ("specs/a/x.yaml",)} == stacks(tmp_path, "specs", "specs/a", "specs/a/x.yaml", "specs/../specs/a")


@pytest.mark.parametrize(
    ("path", "said"), [("nope", "nope does not exist"), ("nope/*.yaml", "nope/*.yaml does not exist")]
)
def test_a_path_that_is_missing_is_named(path: str, said: str, tmp_path: Path) -> None:
    """B83, E401: nothing else is guessed."""
    (problem,) = problems(tmp_path, path)
    assert ("E401", said) == (problem.code, problem.summary)


def test_a_directory_without_specs_says_what_was_searched(tmp_path: Path) -> None:
    """B83, E401."""
    write(tmp_path, specs__a__README_dot_md="")
    (problem,) = problems(tmp_path)
    assert "E401" == problem.code
    assert "searched specs and its sub-directories for *.yaml, *.yml, *.json" == problem.detail


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """B84, E402: a FIFO, a device, a directory called x.yaml, a socket, a file of another kind."""
    write(tmp_path, specs__a__x=ONE)
    os.mkfifo(tmp_path / "specs" / "a" / "pipe.yaml")
    (tmp_path / "specs" / "a" / "dir.yaml").mkdir()
    assert ["E402", "E402"] == codes(tmp_path)
    assert ["E402"] == codes(tmp_path, "specs/a/pipe.yaml")
    assert ["E402"] == codes(tmp_path, "/dev/zero")
    write(tmp_path, notes_dot_txt="x")
    assert ["E402"] == codes(tmp_path, "notes.txt")


def test_a_socket_is_refused(tmp_path: Path) -> None:
    """B84, E402. Its directory has a short name, for the address of a socket is short."""
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{short}/s.yaml")
        assert ["E402"] == codes(tmp_path, f"{short}/s.yaml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """B84, E402: the permissions of a file, or for root, who may read every file, what the disk says."""
    write(tmp_path, lab=ONE)
    if os.geteuid() == 0:
        (tmp_path / "lab.yaml").unlink()
        (tmp_path / "lab.yaml").symlink_to("/proc/self/mem")  # a regular file whose first page is no memory
    else:
        (tmp_path / "lab.yaml").chmod(0)
    (problem,) = problems(tmp_path, "lab.yaml")
    assert "E402" == problem.code
    assert "lab.yaml cannot be read" in problem.summary


def test_links_that_lead_nowhere_in_circles_or_out_are_refused(tmp_path: Path) -> None:
    """B85, E403: a repository must not show a reader's other files."""
    write(tmp_path, outside__secret="notebooks: {}")
    root = tmp_path / "project"
    write(root, specs__a__x=ONE)
    (root / "specs" / "a" / "out.yaml").symlink_to(tmp_path / "outside" / "secret.yaml")
    (root / "specs" / "a" / "loop.yaml").symlink_to("loop.yaml")
    (root / "specs" / "circle").symlink_to(".")
    (root / "specs" / "away").symlink_to(tmp_path / "outside")
    assert ["E403"] * 4 == codes(root)
    assert ["E403"] == codes(root, "specs/a/loop.yaml")


def test_links_inside_of_the_project_are_followed(tmp_path: Path) -> None:
    """As mounted configuration has them."""
    write(tmp_path, specs__a__x=ONE, shared__base="defaults: {tags: {k: v}}")
    (tmp_path / "specs" / "a" / "base.yaml").symlink_to("../../shared/base.yaml")
    (stack,) = load(tmp_path)
    assert ("specs/a/base.yaml", "specs/a/x.yaml") == stack.files
    assert [{"k": "v"}] == [declared.notebook.tags for declared in stack.notebooks.values()]


def test_directories_end_somewhere(tmp_path: Path) -> None:
    """B86, E404."""
    deep = tmp_path / "specs" / Path(*["d"] * 70)
    deep.mkdir(parents=True)
    (problem,) = problems(tmp_path)
    assert "E404" == problem.code
    assert "64" in words(problem)
