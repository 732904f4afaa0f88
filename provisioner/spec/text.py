"""Bytes to text: size, encoding, and the characters that no file and no value may have."""

from __future__ import annotations

import re

from provisioner.errors import Diagnostic
from provisioner.spec.tree import Place, SourceText

MAX_BYTES = 8 * 1024 * 1024

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_LINE_BREAKS = "\x85\u2028\u2029"
_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff"
# No file needs these, not even in a comment: they end lines where editors do not, or hide text from a reviewer.
_FORBIDDEN_RAW = re.compile(rf"[{_CONTROL}{_LINE_BREAKS}{_BIDI}]|\r(?!\n)")
_FORBIDDEN_VALUE = re.compile(rf"[{_CONTROL}{_LINE_BREAKS}{_BIDI}\r\u200b-\u200d\u2060\ud800-\udfff]")


class Unreadable(Exception):
    """Reading of this file ends here."""

    def __init__(self, problem: Diagnostic) -> None:
        super().__init__(problem.summary)
        self.problem = problem


def decoded(text: SourceText, data: bytes) -> str:
    """The text of a file, without its byte order mark. Raises Unreadable."""
    if len(data) > MAX_BYTES:
        problem = Place(text, 1, 1, 1, 1).problem(
            "E113",
            f"the file has more than {MAX_BYTES // 1024 // 1024} MiB",
            hint="split it; one stack may have many files",
        )
        raise Unreadable(problem)
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8").removeprefix("\ufeff")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        shown = SourceText(text.file, tuple(data.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")))
        place = Place(shown, line, column, line, column + 1)
        summary = f"the byte 0x{data[error.start]:02X} is not UTF-8"
        raise Unreadable(place.problem("E102", summary, hint="save the file as UTF-8")) from None


def refuse_raw(text: SourceText, content: str) -> None:
    """Raise Unreadable at the first character that no file may have."""
    found = _FORBIDDEN_RAW.search(content)
    if not found:
        return
    line, column = content.count("\n", 0, found.start()) + 1, found.start() - content.rfind("\n", 0, found.start())
    place = Place(text, line, column, line, column + 1)
    name = _name(found[0])
    if re.match(f"[\r{_LINE_BREAKS}]", found[0]):
        problem = place.problem("E101", f"the line break {name} is not supported", hint="end lines with LF or CR LF")
    elif re.match(f"[{_BIDI}]", found[0]):
        problem = place.problem("E104", f"the invisible character {name} hides text", hint="remove it")
    else:
        problem = place.problem("E103", f"the control character {name} is not allowed", hint="remove it")
    raise Unreadable(problem)


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"


def hidden_character(value: str) -> str:
    """The name of a character in a value that hides text or that terminals obey; "" when there is none."""
    found = _FORBIDDEN_VALUE.search(value)
    return _name(found[0]) if found else ""
