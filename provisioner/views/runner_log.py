"""What the logs of GitHub Actions and GitLab CI understand beside text: annotations and sections. Pure.

That foreign text says nothing to a log is for `clean`.
"""

from __future__ import annotations

from provisioner.errors import Diagnostic
from provisioner.views.clean import clean
from provisioner.views.findings.findings import words


def annotation(found: Diagnostic) -> str:
    """A problem as a workflow command of GitHub, which shows it beside its line in review."""
    place = found.range
    properties = {"title": found.code}
    if place:
        properties = {"file": place.file, "line": str(place.line), "endLine": str(place.end_line)} | properties
    if place and place.line == place.end_line:  # GitHub mistakes the columns of several lines
        properties |= {"col": str(place.column), "endColumn": str(place.end_column)}
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{found.severity}{f' {told}' if told else ''}::{_data(clean(words(found)))}"


def section_start(name: str, title: str, seconds: float, *, collapsed: bool) -> str:
    """The line that opens a section of a GitLab log and shows `title`."""
    options = "[collapsed=true]" if collapsed else ""
    return f"\x1b[0Ksection_start:{seconds:.0f}:{name}{options}\r\x1b[0K{title}\n"


def section_end(name: str, seconds: float) -> str:
    return f"\x1b[0Ksection_end:{seconds:.0f}:{name}\r\x1b[0K\n"


def folded(text: str, summary: str, *, title: str, seconds: float) -> str:
    """The screen of a plan with everything above its summary line in a section."""
    body, line, rest = text.partition(f"\n{summary}\n")
    if not line:
        return text
    name = "provisioner_plan"
    start = section_start(name, title, seconds, collapsed=True)
    return f"{start}{body.rstrip()}\n{section_end(name, seconds)}{line.lstrip()}{rest}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(clean(text)).replace(":", "%3A").replace(",", "%2C")
