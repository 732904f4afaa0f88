"""JUnit's XML as Jenkins, GitLab and Azure read it: a suite for each file, a case for each notebook declared in it.

Each case has at most one failure, which tells of all its problems: GitLab shows no second one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from provisioner.errors import Diagnostic
from provisioner.views.findings.concise import line
from provisioner.views.findings.findings import Findings, rule, words

_NO_FILE = "provisioner validate"
_NOT_XML = re.compile("[\ufffe\uffff]")  # the others are clean already


@dataclass(slots=True)
class _Suite:
    """The cases of one file, by name."""

    cases: dict[str, list[Diagnostic]] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        return sum(any(found.severity == "error" for found in problems) for problems in self.cases.values())


def junit(findings: Findings) -> str:
    suites = _suites(findings)
    root = ET.Element(
        "testsuites",
        name=_NO_FILE,
        tests=str(sum(len(suite.cases) for suite in suites.values())),
        failures=str(sum(suite.failures for suite in suites.values())),
    )
    for file, suite in suites.items():
        root.append(_suite(file, suite))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_NOT_XML.sub("?", text)}\n'


def _suites(findings: Findings) -> dict[str, _Suite]:
    suites: dict[str, _Suite] = {}
    for address, place in findings.notebooks:
        suites.setdefault(findings.path(place.file), _Suite()).cases[address] = []
    for found in findings.diagnostics:
        file = findings.path(found.range.file) if found.range else _NO_FILE
        cases = suites.setdefault(file, _Suite()).cases
        cases.setdefault(found.address or file, []).append(found)
    return suites


def _suite(file: str, suite: _Suite) -> ET.Element:
    element = ET.Element(
        "testsuite",
        name=file,
        tests=str(len(suite.cases)),
        failures=str(suite.failures),
        errors="0",
        skipped="0",
    )
    element.extend(_case(file, name, problems) for name, problems in suite.cases.items())
    return element


def _case(file: str, name: str, problems: list[Diagnostic]) -> ET.Element:
    case = ET.Element("testcase", name=name, classname=file)
    if file != _NO_FILE:
        case.set("file", file)
    errors = [found for found in problems if found.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        failure = ET.SubElement(case, "failure", type=rule(errors[0]), message=errors[0].summary + more)
        failure.text = "\n".join(_told(errors))
    if warnings := [found for found in problems if found.severity == "warning"]:
        ET.SubElement(case, "system-out").text = "\n".join(_told(warnings))
    return case


def _told(problems: list[Diagnostic]) -> Iterator[str]:
    """The first line is the concise one; what is said further stands below it, indented."""
    for found in problems:
        yield line(found)
        yield from (f"  {more}" for more in words(found).split("\n")[1:])
