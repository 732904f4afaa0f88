"""Workflow commands of GitHub Actions, which shows them beside the lines of a change.

It keeps ten of each severity of a step and drops the rest without a word, so the rest is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from provisioner.errors import Diagnostic
from provisioner.views.findings.findings import Findings
from provisioner.views.runner_log import annotation

MOST = 10


def github(findings: Findings) -> str:
    lines, left = annotation_lines(findings.diagnostics, findings.path)
    if left:
        lines.append(f"::notice::{left} more: GitHub shows {MOST} of each severity, `provisioner validate` prints all")
    return "".join(f"{line}\n" for line in lines)


def annotation_lines(diagnostics: Sequence[Diagnostic], path: Callable[[str], str]) -> tuple[list[str], int]:
    """Errors first, as many as are shown, and how many are left. `path` is the name of a file in the repository."""
    told: list[Diagnostic] = []
    for severity in ("error", "warning"):
        told += [found for found in diagnostics if found.severity == severity][:MOST]
    return [annotation(_placed(found, path)) for found in told], len(diagnostics) - len(told)


def _placed(found: Diagnostic, path: Callable[[str], str]) -> Diagnostic:
    return replace(found, range=replace(found.range, file=path(found.range.file))) if found.range else found
