"""Diagnostics as text for people: what is wrong, where, the line that shows it, and the mend.

    error[E210]: unknown key `flavr`
      --> specs/research/notebooks.yaml:33:5
       |
    33 |     flavr: modelarts.vm.gpu.v100
       |     ^^^^^
       = help: did you mean `flavor`?

A problem without a place in a file is an `Error:` with its detail and a `hint:`. Pure: values in, a string out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from provisioner.errors import Diagnostic, ProvisionerError, SourceRange, SpecError
from provisioner.views.clean import clean, one_line
from provisioner.views.paint import Paint

_WIDTH = 120
_STYLES = {"error": "red", "warning": "yellow"}


def error_text(error: ProvisionerError, *, color: bool) -> str:
    """What ends a command, as the last thing that it prints."""
    files = error.files if isinstance(error, SpecError) else 0
    return diagnostics_text(error.diagnostics(), color=color, files=files)


def diagnostics_text(diagnostics: Sequence[Diagnostic], *, color: bool, files: int = 0) -> str:
    """Every diagnostic, and how many there are when they have codes. `files` is how many files were read, if known."""
    paint = Paint(color)
    blocks = [_block(diagnostic, paint) for diagnostic in diagnostics]
    if coded := [diagnostic for diagnostic in diagnostics if diagnostic.code]:
        blocks.append(_count(coded, files))
    return "\n\n".join(blocks)


def compact_text(warnings: Sequence[Diagnostic], *, color: bool) -> str:
    """A line for each warning: what is wrong and where."""
    paint = Paint(color)
    return "\n".join(
        f"{_headline(each, paint)}{f' ({one_line(str(each.range))})' if each.range else ''}" for each in warnings
    )


def _headline(diagnostic: Diagnostic, paint: Paint) -> str:
    severity, code = diagnostic.severity, diagnostic.code
    label = f"{severity}[{code}]:" if code else f"{severity.title()}:"
    return f"{paint(_STYLES[severity], label)} {one_line(diagnostic.summary)}"


def _block(diagnostic: Diagnostic, paint: Paint) -> str:
    coded = diagnostic.code or diagnostic.range
    body = _remarks(diagnostic, paint) if coded else _paragraphs(diagnostic, paint)
    return "\n".join([_headline(diagnostic, paint), *body])


def _paragraphs(diagnostic: Diagnostic, paint: Paint) -> Iterator[str]:
    """Words on a problem of the whole run."""
    if diagnostic.detail:
        yield f"\n{clean(diagnostic.detail)}"
    if diagnostic.hint:
        yield f"\n{paint('bold', 'hint:')} {clean(diagnostic.hint)}"


def _remarks(diagnostic: Diagnostic, paint: Paint) -> Iterator[str]:
    """The place, the line that shows it, and remarks below it."""
    place = diagnostic.range
    gutter = " " * len(str(place.line)) if place else ""
    if place:
        yield f"{gutter}{paint('dim', '-->')} {one_line(str(place))}"
    if place and diagnostic.source_line:
        text, marks = _excerpt(diagnostic.source_line, place)
        bar = paint("dim", "|")
        yield f"{gutter} {bar}"
        yield f"{paint('dim', str(place.line))} {bar} {text}"
        yield f"{gutter} {bar} {paint(_STYLES[diagnostic.severity], marks)}"
    yield from _notes(gutter, "note", diagnostic.detail, paint)
    yield from _notes(gutter, "help", diagnostic.hint, paint)


def _notes(gutter: str, label: str, text: str, paint: Paint) -> list[str]:
    """A remark below the excerpt; further lines of it are indented, so that they cannot look like lines of ours."""
    if not text:
        return []
    first, *more = clean(text).split("\n")
    return [f"{gutter} {paint('dim', '=')} {label}: {first}", *(f"{gutter}         {line}" for line in more)]


def _excerpt(line: str, place: SourceRange) -> tuple[str, str]:
    """The line, cut around the place when it is long, and the marks below it."""
    start = place.column - 1
    end = place.end_column - 1 if place.end_line == place.line else len(line)
    left = max(0, start - _WIDTH // 2) if len(line) > _WIDTH else 0
    right = min(len(line), left + _WIDTH)
    before, after = "…" if left else "", "…" if right < len(line) else ""
    prefix = before + one_line(line[left:start])
    marked = one_line(line[start : min(end, right)])
    blank = "".join("\t" if character == "\t" else " " * _cells(character) for character in prefix)
    carets = "^" * max(1, sum(map(_cells, marked)))
    return before + one_line(line[left:right]) + after, blank + carets


def _cells(character: str) -> int:
    """How many columns of a terminal a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _count(diagnostics: Sequence[Diagnostic], files: int) -> str:
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    counts = [(errors, "error"), (len(diagnostics) - errors, "warning")]
    found = ", ".join(_plural(count, noun) for count, noun in counts if count)
    concerned = len({diagnostic.range.file for diagnostic in diagnostics if diagnostic.range})
    if not concerned:
        return f"Found {found}."
    return f"Found {found} in {f'{concerned} of ' if files else ''}{_plural(files or concerned, 'file')}."


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
