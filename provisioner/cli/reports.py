"""`--report KIND=FILE`: which reports are asked for, and how they get into their files.

Asked for is checked before a plan is made: who waits for a plan is not to learn then that a directory is missing.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.errors import ProvisionerError, UsageError

if TYPE_CHECKING:
    from provisioner.views.reported import Reported

_EXAMPLES = {"markdown": "plan.md", "html": "plan.html", "gitlab": "plan-report.json", "json": "plan.json"}
# Pipelines hand reports to others; unlike a plan file they hold nothing that is not to be read.
_READABLE = 0o644


@dataclass(frozen=True, slots=True)
class Wanted:
    """One report that is asked for."""

    kind: str
    path: Path


def wanted_reports(requested: Sequence[str], beside: Path | None = None) -> tuple[Wanted, ...]:
    """What `requested` says, each as KIND=FILE. Raises where one cannot be written, or would replace another or the
    plan that is saved `beside` it.
    """
    wanted = tuple(_wanted(text) for text in requested)
    places = [path.resolve() for path in (*(each.path for each in wanted), *([beside] if beside else []))]
    for each in wanted:
        if places.count(each.path.resolve()) > 1:
            raise UsageError(f"two files would be written to {each.path}", hint="give each report a file of its own")
    return wanted


def write_reports(requested: Sequence[str], reported: Reported, limit: int) -> tuple[Wanted, ...]:
    """Write every report; each file has all of it or what it had. What was written."""
    writers = _writers(reported, limit)
    wanted = wanted_reports(requested)
    for each in wanted:
        _replace(each.path, writers[each.kind]())
    return wanted


def _writers(reported: Reported, limit: int) -> Mapping[str, Callable[[], str]]:
    """Each kind with what makes its text. Only what is asked for is loaded."""

    def markdown() -> str:
        from provisioner.cli.ci import Pipeline, pipeline
        from provisioner.views.markdown import Flavour, markdown

        flavours = {Pipeline.GITLAB: Flavour.GITLAB, Pipeline.OTHER: Flavour.PLAIN}
        return markdown(reported, limit=limit, flavour=flavours.get(pipeline(os.environ), Flavour.GITHUB))

    def html() -> str:
        from provisioner.views.html import html

        return html(reported)

    def gitlab() -> str:
        from provisioner.views.gitlab import widget

        return _json(widget(reported.plan))

    return {"markdown": markdown, "html": html, "gitlab": gitlab, "json": lambda: _json(reported.document)}


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _wanted(text: str) -> Wanted:
    kind, equals, name = text.partition("=")
    kind = kind.strip().lower()
    if kind not in _EXAMPLES:
        raise UsageError(f"--report {text}: there is no report of the kind {kind!r}", hint=_kinds_hint(kind))
    if not (equals and name):
        raise UsageError(f"--report {text}: no file is named", hint=f"--report {kind}={_EXAMPLES[kind]}")
    path = Path(name)
    for problem, hint in _problems(path):
        raise UsageError(f"--report {text}: {problem}", hint=hint)
    return Wanted(kind, path)


def _kinds_hint(kind: str) -> str:
    from difflib import get_close_matches

    known = f"there are {', '.join(_EXAMPLES)}"
    near = get_close_matches(kind, _EXAMPLES, n=1)
    return f"did you mean {near[0]}? {known}" if near else known


def _problems(path: Path) -> Iterator[tuple[str, str]]:
    """Why nothing can be written at `path`."""
    if str(path) == "-":
        yield "the standard output has the text of the plan", "name a file"
    elif path.is_dir():
        yield f"{path} is a directory", f"name a file in it: {path / 'plan.md'}"
    elif path.exists() and not path.is_file():
        yield f"{path} is not a file", "name a file"
    elif not path.parent.is_dir():
        yield f"there is no directory {path.parent}", f"mkdir -p {shlex.quote(str(path.parent))}"
    elif not os.access(path.parent, os.W_OK):
        yield f"nothing can be written in {path.parent}", "name a file in another directory"


def _replace(path: Path, text: str) -> None:
    """Write beside the target and rename, so that no reader sees a part. A link stays one."""
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.new")
    try:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _READABLE)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        temporary.replace(target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise ProvisionerError(
            f"the report {path} cannot be written",
            detail=f"{error.strerror or error}. What stood there before is as it was.",
            hint="make room or name another file; the plan itself changed nothing",
        ) from error
