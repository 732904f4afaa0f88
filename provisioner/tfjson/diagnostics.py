"""A diagnostic as Terraform's JSON has it, with our code as one more key. Reads no file: its bytes are handed in."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

from provisioner.errors import Diagnostic, SourceRange
from provisioner.model.address import Address

FORMAT_VERSION = "1.0"
NO_SOURCES: Mapping[str, bytes] = {}


def validation_document(diagnostics: Sequence[Diagnostic], sources: Mapping[str, bytes] = NO_SOURCES) -> dict[str, Any]:
    """What `terraform validate -json` prints."""
    errors = sum(found.severity == "error" for found in diagnostics)
    return {
        "format_version": FORMAT_VERSION,
        "valid": not errors,
        "error_count": errors,
        "warning_count": len(diagnostics) - errors,
        "diagnostics": [diagnostic_document(found, sources) for found in diagnostics],
    }


def diagnostic_document(found: Diagnostic, sources: Mapping[str, bytes] = NO_SOURCES) -> dict[str, Any]:
    """One problem. `sources` holds the bytes of files by name; a place in another file has no `byte`."""
    document: dict[str, Any] = {
        "severity": found.severity,
        "summary": found.summary,
        "detail": "\n\n".join(filter(None, [found.detail, found.hint and f"help: {found.hint}"])),
    }
    if found.code:
        document["code"] = found.code
    if found.address:
        address = Address.parse(found.address)
        document["address"] = address.terraform if address else found.address
    if place := found.range:
        document["range"] = _range(place, sources.get(place.file))
        if found.source_line:
            document["snippet"] = _snippet(found, place)
    return document


def _range(place: SourceRange, source: bytes | None) -> dict[str, Any]:
    return {
        "filename": place.file,
        "start": _position(source, place.line, place.column),
        "end": _position(source, place.end_line, place.end_column),
    }


def _position(source: bytes | None, line: int, column: int) -> dict[str, int]:
    position = {"line": line, "column": column}
    return position if source is None else position | {"byte": _byte(source, line, column)}


def _byte(source: bytes, line: int, column: int) -> int:
    """Our columns count characters, and none for the byte order mark."""
    starts = _line_starts(source)
    if line >= len(starts):
        return len(source)
    text = source[starts[line - 1] : starts[line]].decode("utf-8", "surrogateescape")
    return min(len(source), starts[line - 1] + _size(text[: column - 1]))


@lru_cache(maxsize=4)  # problems come by file
def _line_starts(source: bytes) -> tuple[int, ...]:
    """Where each line begins, and one behind the last would."""
    mark = len(codecs.BOM_UTF8) if source.startswith(codecs.BOM_UTF8) else 0
    return tuple(accumulate((len(line) + 1 for line in source[mark:].split(b"\n")), initial=mark))


def _snippet(found: Diagnostic, place: SourceRange) -> dict[str, Any]:
    """The line that shows it. It may be shorter than the file's: what looks like a secret is taken out."""
    code = found.source_line
    end = place.end_column - 1 if place.end_line == place.line else len(code)
    return {
        "context": None,
        "code": code,
        "start_line": place.line,
        "highlight_start_offset": _size(code[: place.column - 1]),
        "highlight_end_offset": _size(code[: max(end, place.column - 1)]),
        "values": [],
    }


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
