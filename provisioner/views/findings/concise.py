"""One line a problem, as compilers write it: `path:line:col: error[E210] message`. For grep and problem matchers."""

from __future__ import annotations

from provisioner.errors import Diagnostic
from provisioner.views.findings.findings import Findings


def concise(findings: Findings) -> str:
    return "".join(f"{line(found)}\n" for found in findings.diagnostics)


def line(found: Diagnostic) -> str:
    """A problem of the whole run has no place."""
    place = f"{found.range}: " if found.range else ""
    code = f"[{found.code}]" if found.code else ""
    return f"{place}{found.severity}{code} {found.summary}"
