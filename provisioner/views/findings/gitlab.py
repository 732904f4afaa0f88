"""GitLab's Code Quality report (`artifacts:reports:codequality`), which wants a file and a line for everything."""

from __future__ import annotations

import json
from typing import Any

from provisioner.errors import Diagnostic
from provisioner.views.findings.findings import Findings, rule, words
from provisioner.views.findings.fingerprint import fingerprinted

_SEVERITIES = {"error": "critical", "warning": "minor"}


def gitlab(findings: Findings) -> str:
    report = [_issue(found, fingerprint, findings) for found, fingerprint in fingerprinted(findings)]
    return json.dumps(report, indent=2) + "\n"


def _issue(found: Diagnostic, fingerprint: str, findings: Findings) -> dict[str, Any]:
    place = found.range
    location = {
        "path": findings.path(place.file if place else "."),
        "lines": {"begin": place.line if place else 1},
    }
    return {
        "description": words(found).replace("\n", " · "),
        "check_name": rule(found),
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[found.severity],
        "location": location,
    }
