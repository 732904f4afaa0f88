"""What every format is made of: the problems found, the notebooks declared, and where in a repository we work."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from provisioner.errors import Diagnostic, SourceRange
from provisioner.views.clean import clean, one_line


@dataclass(frozen=True, slots=True)
class Findings:
    """Texts are clean: whatever a terminal would obey is spelt out. Each format escapes for itself alone.

    notebooks  each declared notebook: its address and place
    sources    bytes of the files with problems
    version    of this tool
    directory  where we work, which names of files are relative to
    root       of the repository, which other programs want them relative to
    """

    diagnostics: tuple[Diagnostic, ...]
    notebooks: tuple[tuple[str, SourceRange], ...]
    sources: Mapping[str, bytes]
    version: str
    directory: PurePath
    root: PurePath

    def path(self, file: str) -> str:
        return in_repository(file, self.directory, self.root)


def in_repository(file: str, directory: PurePath, root: PurePath) -> str:
    """What others call a file that is `file` to us; absolute when it lies elsewhere."""
    path = PurePath(os.path.normpath(directory / file))
    return one_line((path.relative_to(root) if path.is_relative_to(root) else path).as_posix())


def cleaned(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(
        replace(
            found,
            summary=one_line(found.summary),
            detail=clean(found.detail),
            hint=clean(found.hint),
            address=one_line(found.address),
            range=replace(found.range, file=one_line(found.range.file)) if found.range else None,
        )
        for found in diagnostics
    )


def rule(found: Diagnostic) -> str:
    """What was broken. A command line or a setting that cannot be obeyed has no code."""
    return found.code or "provisioner"


def words(found: Diagnostic) -> str:
    """All that is to be said: the problem, what and why, and the mend; one line each or more."""
    return "\n".join(filter(None, [found.summary, found.detail, found.hint and f"help: {found.hint}"]))
