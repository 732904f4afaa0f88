"""What libyaml says about bad syntax, in our words: where it began, what it is, and the mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.errors import Diagnostic
from provisioner.spec.tree import Place, SourceText


@dataclass(frozen=True, slots=True)
class _Fault:
    """A part of libyaml's message, which has no codes, and our words. `at_start`: shown where the construct began."""

    part: str
    summary: str
    hint: str
    code: str = "E101"
    at_start: bool = False


_FAULTS = (
    _Fault(
        "while scanning a quoted scalar", "this quote is never closed", "close it with the same quote", at_start=True
    ),
    _Fault(
        "expected ',' or ']'", "this list is not closed properly", "put , between items, end it with ]", at_start=True
    ),
    _Fault(
        "expected ',' or '}'", "this map is not closed properly", "put , between entries, end it with }", at_start=True
    ),
    _Fault("expected ':'", "a key without a colon", "write `key: value`; a list item is `- value`", at_start=True),
    _Fault(
        "mapping values are not allowed",
        "a second `: ` in one line, or wrong indentation",
        "quote the value if it holds a colon; align keys of one map",
    ),
    _Fault("invalid Unicode character escape", "this escape is no character", "write the character itself", "E104"),
    _Fault("unknown escape character", "this escape does not exist", "use single quotes, or double the backslash"),
    _Fault("incompatible YAML document", "this YAML version is not supported", "remove the %YAML line", "E108"),
    _Fault("directive", "this directive is not supported", "remove the line that begins with %", "E108", at_start=True),
    _Fault("<document start>", "text after the end of the document", "a spec is one map of `key: value`"),
    _Fault("undefined tag handle", "tags are not allowed", "remove the !tag; quote the value if it is text", "E112"),
)


def syntax_problem(text: SourceText, error: Exception, brackets: Sequence[Place]) -> Diagnostic:
    """The diagnostic for a yaml.YAMLError. `brackets` are the open ones; at the end of the file they are to blame."""
    words = f"{getattr(error, 'context', None) or ''} {getattr(error, 'problem', None) or ''}".strip()
    mark, opened = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    general = _Fault("", f"no valid YAML: {words}", "check indentation, colons and quotes near this place")
    fault = next((fault for fault in _FAULTS if fault.part in words), general)
    at = (fault.at_start and opened) or mark
    line, column = (at.line + 1, at.column + 1) if at else (1, 1)
    if brackets and not any(text.lines[line - 1 :]):
        return brackets[-1].problem("E101", "this bracket is never closed", hint="close it with ] or }")
    if line > len(text.lines):  # libyaml counts a last line that no editor shows
        line, column = len(text.lines), len(text.lines[-1]) + 1
    place = Place(text, line, column, line, column + 1)
    match text.lines[line - 1][column - 1 : column]:
        case "\t":
            return place.problem("E101", "a tab where indentation is expected", hint="use spaces")
        case "@" | "`" | "%" as first if fault.code == "E101":
            return place.problem("E101", f"a value cannot begin with {first}", hint="quote the value")
        case _:
            return place.problem(fault.code, fault.summary, hint=fault.hint)
