"""Workflow commands of GitHub Actions, which shows them beside the lines of a change.

It keeps ten of each severity of a step and drops the rest without a word, so the rest is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from provisioner.errors import Diagnostic
from provisioner.views.findings.findings import Findings
from provisioner.views.runner_log import annotation

MOST = 10


def github(findings: Findings) -> str:
    return "".join(f"{line}\n" for line in _lines(findings))


def _lines(findings: Findings) -> Iterator[str]:
    left = 0
    for severity in ("error", "warning"):
        alike = [found for found in findings.diagnostics if found.severity == severity]
        yield from (annotation(_in_repository(found, findings)) for found in alike[:MOST])
        left += len(alike[MOST:])
    if left:
        yield f"::notice::{left} more: GitHub shows {MOST} of each severity, `provisioner validate` prints all"


def _in_repository(found: Diagnostic, findings: Findings) -> Diagnostic:
    return replace(found, range=replace(found.range, file=findings.path(found.range.file))) if found.range else found
