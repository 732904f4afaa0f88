"""`${...}` in a text: finding it, and what may stand in it. What it is worth is in `interpolate`."""

from __future__ import annotations

import re
from collections.abc import Collection

from provisioner.errors import Diagnostic
from provisioner.spec.tree import Node, Place, Reference

MARK = "${"

_OPENING = re.compile(r"\$?\$\{")
_NAMES = re.compile(r"[A-Za-z0-9_-]{1,128}(?:\.[A-Za-z0-9_-]{1,128})*")
_EXIST = "there are ${var.NAME}, ${var.NAME.KEY}, ${each.key}, ${each.value} and ${each.value.KEY}; $${ is the text ${"
_SHOWN = 60

Parts = tuple[str | Reference, ...]


def parts_of(node: Node, variables: Collection[str], problems: list[Diagnostic]) -> Parts | None:
    """The text of a node taken apart, or None after telling why it cannot be. `$${` is the text `${`."""
    text, at = str(node.value), 0
    parts: list[str | Reference] = []
    while opening := _OPENING.search(text, at):
        parts.append(text[at : opening.start()])
        at = opening.end()
        if len(opening[0]) > len(MARK):
            parts.append(MARK)
            continue
        end = text.find("}", at)
        if end < 0:
            hint = "close it with }; write $${ if the text ${ is meant"
            place = _spot(node.place, text[opening.start() :])
            problems.append(place.problem("E411", "`${` is never closed", hint=hint))
            return None
        reference = _reference(text[opening.start() : end + 1], node.place, variables)
        if isinstance(reference, Diagnostic):
            problems.append(reference)
            return None
        parts.append(reference)
        at = end + 1
    parts.append(text[at:])
    return tuple(part for part in parts if part)


def refusal(place: Place, text: str, where: str) -> Diagnostic:
    """For a `${` where none may stand."""
    hint = "write the value itself; `${...}` works in notebooks, defaults and ids of imports"
    return _spot(place, text[text.find(MARK) :]).problem("E411", f"`${{...}}` means nothing in {where}", hint=hint)


def _reference(written: str, place: Place, variables: Collection[str]) -> Reference | Diagnostic:
    inner = written[len(MARK) : -1].strip()
    place = _spot(place, written)
    path = tuple(inner.split("."))
    match path:
        case _ if not _NAMES.fullmatch(inner):
            words, hint = _strange(inner)
        case ("var", _, *_) | ("each", "key") | ("each", "value", *_):
            return Reference(written, path, place)
        case ("var",) | ("each", *_):
            words, hint = "names no value", _EXIST
        case ("env", *_):
            words, hint = "does not exist", "declare `variables: {name: {env: NAME}}` and write ${var.name}"
        case (name,) if name in variables:
            words, hint = "does not exist", f"write ${{var.{name}}}"
        case _:
            words, hint = "does not exist", _EXIST
    shown = written if len(written) <= _SHOWN else f"{written[:_SHOWN]}..."
    return place.problem("E411", f"`{shown}` {words}", hint=hint)


def _strange(inner: str) -> tuple[str, str]:
    if MARK in inner:
        return "holds another `${`", "references cannot be nested"
    if "(" in inner:
        return "is a call, and there are no functions", _EXIST
    return "is no reference", _EXIST


def _spot(place: Place, written: str) -> Place:
    """Where exactly a reference stands, when its line shows it as it was written."""
    line = place.text.lines[place.line - 1] if place.line <= len(place.text.lines) else ""
    at = line.find(written, place.column - 1)
    if at < 0 or place.line != place.end_line:
        return place
    return Place(place.text, place.line, at + 1, place.line, at + 1 + len(written))
