"""From paths to validated stacks: read each file once, assemble each stack, raise every problem together.

The decisions are elsewhere: `files` (what is a stack), `source` (YAML), `stack` and `check` (what a spec may say).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.errors import Diagnostic, SourceRange, SpecError
from provisioner.spec.document import Spec
from provisioner.spec.files import StackFiles, find_stacks, read_bytes, shown
from provisioner.spec.patch_files import read_patches, unused
from provisioner.spec.project import Project
from provisioner.spec.source import Source, read_source
from provisioner.spec.stack import Assembled, assemble, stack_name
from provisioner.spec.variables import undeclared

DEFAULT_PATHS = ("specs",)
_NO_PROJECT = Project()


@dataclass(frozen=True, slots=True)
class Outline:
    """A stack as it is found, its notebooks not looked at: the name of its state, and the path that is the stack."""

    name: str
    path: str
    sources: tuple[Source, ...]

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(source.text.file for source in self.sources)

    def assembled(self, project: Project) -> Assembled:
        return assemble(self.name.partition(".")[0], self.sources, project)


def load_stacks(
    paths: Iterable[str | Path] = DEFAULT_PATHS, *, root: Path, project: Project = _NO_PROJECT
) -> tuple[Spec, ...]:
    """Every stack that `paths` name, relative to `root`. Raises one SpecError with every problem of every file."""
    root = root.absolute()
    found = find_stacks(paths, root)
    problems = list(found.problems)
    patch_files = read_patches(project.patches, root, found.stacks, problems)
    assembled: dict[StackFiles, Assembled] = {}
    for files in found.stacks:
        patches = [patch for file in patch_files if file.is_for(files) for patch in file.patches]
        stack = assemble(files.name, _sources(files, root, problems), project, patches)
        assembled[files] = stack
        problems += stack.problems
    specs = tuple(_with_warnings(stack.spec, files) for files, stack in assembled.items())
    problems += _name_clashes([(spec.stack, spec.files) for spec in specs])
    problems += unused(patch_files, assembled)
    if all(stack.whole for stack in assembled.values()):
        found_undeclared = undeclared(project, {name for stack in assembled.values() for name in stack.variables})
        problems += [each for each in found_undeclared if each.severity == "error"]
        specs = _noting(specs, [each for each in found_undeclared if each.severity == "warning"])
    if problems:
        warnings = [warning for spec in specs for warning in spec.warnings]
        read = [*(file for spec in specs for file in spec.files), *(file.name for file in patch_files)]
        shown_files = {problem.range.file for problem in problems if problem.range}  # values come from files too
        told = in_order([*problems, *warnings], read)
        raise SpecError(told, files=len(shown_files.union(read)), notebooks=notebook_places(specs))
    return specs


def notebook_places(specs: Iterable[Spec]) -> tuple[tuple[str, SourceRange], ...]:
    """Where each notebook is declared, with its address; stacks may share one."""
    return tuple((str(address), each.source) for spec in specs for address, each in spec.notebooks.items())


def outlines(
    paths: Iterable[str | Path] = DEFAULT_PATHS, *, root: Path, project: Project = _NO_PROJECT
) -> tuple[Outline, ...]:
    """The stacks alone, for who reads states or lists them: variables need no values for that."""
    root = root.absolute()
    found = find_stacks(paths, root)
    problems = list(found.problems)
    outlined = []
    for files in found.stacks:
        sources = _sources(files, root, problems)
        name, more = stack_name(files.name, sources, project)
        problems += more
        outlined.append(Outline(name, shown(files.path, root), tuple(sources)))
    problems += _name_clashes([(each.name, each.files) for each in outlined])
    if problems:
        read = [file for each in outlined for file in each.files]
        raise SpecError(in_order(problems, read), files=len(read))
    return tuple(outlined)


def in_order(problems: Sequence[Diagnostic], files: Sequence[str]) -> tuple[Diagnostic, ...]:
    """By file as read, line and column. A fault in `defaults` shows in every notebook and is told once."""
    rank = {file: index for index, file in enumerate(files)}

    def key(problem: Diagnostic) -> tuple[int, int, int]:
        place = problem.range
        return (rank.get(place.file, len(rank)), place.line, place.column) if place else (-1, 0, 0)

    distinct: dict[tuple[str, str, SourceRange | None], Diagnostic] = {}
    for problem in problems:
        distinct.setdefault((problem.code, problem.summary, problem.range), problem)
    return tuple(sorted(distinct.values(), key=key))


def _sources(files: StackFiles, root: Path, problems: list[Diagnostic]) -> list[Source]:
    sources: list[Source] = []
    for path in files.files:
        name = shown(path, root)
        try:
            data = read_bytes(path)
        except OSError as error:
            summary = f"{name} cannot be read: {error.strerror or error}"
            problems.append(Diagnostic("E402", summary, hint="check its permissions"))
            continue
        source = read_source(name, data)
        # Where the value of a sensitive variable stands is not known before the file is understood.
        quoted = b"sensitive" not in data
        problems += [problem if quoted else replace(problem, source_line="") for problem in source.problems]
        if not source.root and not source.problems:
            hint = "write `notebooks:` and a notebook below it, or delete the file"
            problems.append(source.start.problem("E105", "this file is empty", hint=hint))
        sources.append(source)
    return sources


def _with_warnings(spec: Spec, files: StackFiles) -> Spec:
    return replace(spec, warnings=in_order([*files.warnings, *spec.warnings], spec.files))


def _noting(specs: tuple[Spec, ...], warnings: Sequence[Diagnostic]) -> tuple[Spec, ...]:
    """What is said of no stack in particular is said with the first."""
    if not specs:
        return specs
    first, *others = specs
    return (replace(first, warnings=(*warnings, *first.warnings)), *others)


def _name_clashes(stacks: Iterable[tuple[str, tuple[str, ...]]]) -> list[Diagnostic]:
    """Two stacks of one name would share a state; on some file systems case makes no difference."""
    problems = []
    first: dict[str, tuple[str, ...]] = {}
    for name, files in stacks:
        other = first.setdefault(name.casefold(), files)
        if other is not files:
            detail = f"{', '.join(other)} is one of them, {', '.join(files)} the other"
            hint = "give one of them another name in a spec: `stack: my-stack`"
            problems.append(Diagnostic("E215", f"two stacks are called {name}", detail, hint))
    return problems
