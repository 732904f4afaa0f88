"""From paths to validated stacks: read each file once, assemble each stack, raise every problem together.

The decisions are elsewhere: `files` (what is a stack), `source` (YAML), `stack` and `check` (what a spec may say).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from provisioner.errors import Diagnostic, SourceRange, SpecError
from provisioner.spec.document import Spec
from provisioner.spec.files import StackFiles, find_stacks, read_bytes, shown
from provisioner.spec.source import Source, read_source
from provisioner.spec.stack import assemble

DEFAULT_PATHS = ("specs",)


def load_stacks(paths: Iterable[str | Path] = DEFAULT_PATHS, *, root: Path) -> tuple[Spec, ...]:
    """Every stack that `paths` name, relative to `root`. Raises one SpecError with every problem of every file."""
    root = root.absolute()
    found = find_stacks(paths, root)
    problems = list(found.problems)
    specs = []
    for files in found.stacks:
        spec, more = _load(files, root)
        specs.append(spec)
        problems += more
    problems += _name_clashes(specs)
    if problems:
        warnings = [warning for spec in specs for warning in spec.warnings]
        read = [file for spec in specs for file in spec.files]
        raise SpecError(in_order([*problems, *warnings], read), files=len(read))
    return tuple(specs)


def in_order(problems: Sequence[Diagnostic], files: Sequence[str]) -> tuple[Diagnostic, ...]:
    """By file as read, line and column. A fault in `defaults` shows in every notebook and is told once."""
    rank = {file: index for index, file in enumerate(files)}

    def key(problem: Diagnostic) -> tuple[int, int, int]:
        place = problem.range
        return (rank[place.file], place.line, place.column) if place else (-1, 0, 0)

    distinct: dict[tuple[str, str, SourceRange | None], Diagnostic] = {}
    for problem in problems:
        distinct.setdefault((problem.code, problem.summary, problem.range), problem)
    return tuple(sorted(distinct.values(), key=key))


def _load(files: StackFiles, root: Path) -> tuple[Spec, list[Diagnostic]]:
    sources: list[Source] = []
    problems: list[Diagnostic] = []
    for path in files.files:
        name = shown(path, root)
        try:
            data = read_bytes(path)
        except OSError as error:
            summary = f"{name} cannot be read: {error.strerror or error}"
            problems.append(Diagnostic("E402", summary, hint="check its permissions"))
            continue
        source = read_source(name, data)
        problems += source.problems
        if not source.root and not source.problems:
            hint = "write `notebooks:` and a notebook below it, or delete the file"
            problems.append(source.start.problem("E105", "this file is empty", hint=hint))
        sources.append(source)
    spec, more = assemble(files.name, sources)
    warnings = in_order([*files.warnings, *spec.warnings], spec.files)
    return replace(spec, warnings=warnings), [*problems, *more]


def _name_clashes(specs: Sequence[Spec]) -> list[Diagnostic]:
    """Two stacks of one name would share a state; on some file systems case makes no difference."""
    problems = []
    first: dict[str, Spec] = {}
    for spec in specs:
        other = first.setdefault(spec.stack.casefold(), spec)
        if other is not spec:
            detail = f"{', '.join(other.files)} is one of them, {', '.join(spec.files)} the other"
            hint = "give one of them another name in a spec: `stack: my-stack`"
            problems.append(Diagnostic("E215", f"two stacks are called {spec.stack}", detail, hint))
    return problems
