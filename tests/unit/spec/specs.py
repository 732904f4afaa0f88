"""Specs for tests: a valid notebook to spoil, and a mark for the place where a problem is expected."""

from __future__ import annotations

from pathlib import Path

from provisioner.errors import Diagnostic, SpecError
from provisioner.model.address import Address
from provisioner.spec.document import Declaration, Spec
from provisioner.spec.load import load_stacks
from provisioner.spec.project import Given, Project

MARK = "§"
IMAGE = "e1a07296-22a8-4f05-8bc8-e936c8e54090"
VALID = {
    "flavor": "modelarts.vm.cpu.2u",
    "image_id": IMAGE,
    "volume": "{category: EVS, ownership: MANAGED, capacity: 50}",
}


def notebook(key: str = "a", /, **fields: str | None) -> str:
    """A spec with one notebook: valid fields, with those given in their place; None leaves one out."""
    lines = [f"    {name}: {value}" for name, value in (VALID | fields).items() if value is not None]
    return "\n".join(["notebooks:", f"  {key}:", *lines, ""])


def with_lines(*lines: str) -> str:
    """A spec with one valid notebook and further lines in it."""
    return notebook() + "".join(f"    {line}\n" for line in lines)


def unmarked(text: str) -> tuple[str, int, int]:
    """The text without its mark, and the line and column that the mark stood at."""
    before, _, after = text.partition(MARK)
    return before + after, before.count("\n") + 1, len(before) - before.rfind("\n")


def write(directory: Path, **files: str | bytes) -> None:
    """Files below `directory`; in a name __ is a slash, and the ending is .yaml unless one is given with _dot_."""
    for name, content in files.items():
        relative = name.replace("__", "/").replace("_dot_", ".")
        path = directory / (relative if "." in relative.rsplit("/", 1)[-1] else f"{relative}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


NO_PROJECT = Project()


def load(directory: Path, *paths: str, project: Project = NO_PROJECT) -> tuple[Spec, ...]:
    return load_stacks(paths or ("specs",), root=directory, project=project)


def given(**values: str) -> Project:
    """A run with these `--var NAME=VALUE`."""
    return Project(given={name: Given(value, f"--var {name}") for name, value in values.items()})


def only(stacks: tuple[Spec, ...], address: str = "a") -> Declaration:
    """The notebook at an address of the only stack."""
    (stack,) = stacks
    wanted = Address.parse(address)
    assert wanted
    return stack.notebooks[wanted]


def problems(directory: Path, *paths: str, project: Project = NO_PROJECT) -> tuple[Diagnostic, ...]:
    """What is wrong with the specs; nothing when they are valid."""
    try:
        load(directory, *paths, project=project)
    except SpecError as error:
        return error.problems
    return ()


def refusal(directory: Path, marked: str, *, project: Project = NO_PROJECT) -> Diagnostic:
    """The only problem of a spec with a mark, which must be at the mark and show its line."""
    text, line, column = unmarked(marked)
    write(directory, specs__a=text)
    (problem,) = [each for each in problems(directory, project=project) if each.severity == "error"]
    assert problem.range
    assert ("specs/a.yaml", line, column) == (problem.range.file, problem.range.line, problem.range.column)
    assert problem.source_line in {text.splitlines()[line - 1], ""}
    return problem


def words(problem: Diagnostic) -> str:
    return f"{problem.summary} {problem.detail} {problem.hint}"
