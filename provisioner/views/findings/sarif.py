"""SARIF 2.1.0. What has a place is a result, what has none a notification: readers refuse results without a place.

No `helpUri`: it must be absolute, and where the documentation is published is not ours to say.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from provisioner.errors import Diagnostic, SourceRange
from provisioner.views.findings.findings import Findings, rule, words
from provisioner.views.findings.fingerprint import fingerprinted
from provisioner.views.findings.meanings import MEANINGS

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HELP = "The table at the end of docs/spec.md of provisioner lists every code; `provisioner validate` shows the mend."


def sarif(findings: Findings) -> str:
    placed = [(found, mark, place) for found, mark in fingerprinted(findings) if (place := found.range)]
    levels = {rule(found): found.severity for found, _, _ in placed}
    rules = sorted(levels)
    run = {
        "tool": {
            "driver": {
                "name": "provisioner",
                "semanticVersion": findings.version,
                "rules": [_rule(code, levels[code]) for code in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation([found for found in findings.diagnostics if not found.range])],
        "results": [_result(found, mark, _location(place, findings), rules) for found, mark, place in placed],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str, level: str) -> dict[str, Any]:
    return {
        "id": code,
        "shortDescription": {"text": MEANINGS.get(code, "a problem of the specs")},
        "help": {"text": _HELP},
        "defaultConfiguration": {"level": level},
    }


def _result(found: Diagnostic, mark: str, location: dict[str, Any], rules: list[str]) -> dict[str, Any]:
    return {
        "ruleId": rule(found),
        "ruleIndex": rules.index(rule(found)),
        "level": found.severity,
        "message": {"text": words(found)},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"primaryLocationLineHash": mark},
    }


def _location(place: SourceRange, findings: Findings) -> dict[str, Any]:
    path = Path(findings.path(place.file))
    inside = {"uri": quote(path.as_posix()), "uriBaseId": "%SRCROOT%"}
    return {
        "artifactLocation": {"uri": path.as_uri()} if path.is_absolute() else inside,
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        },
    }


def _invocation(unplaced: list[Diagnostic]) -> dict[str, Any]:
    """The run as a whole: it succeeds when every file could be looked at, whatever was found in them."""
    notifications: list[dict[str, Any]] = [
        {"level": found.severity, "message": {"text": words(found)}}
        | ({"descriptor": {"id": found.code}} if found.code else {})
        for found in unplaced
    ]
    return {
        "executionSuccessful": all(found.severity != "error" for found in unplaced),
        "toolConfigurationNotifications": notifications,
    }
