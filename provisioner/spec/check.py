"""Validation of a tree against a pydantic model: every refusal becomes a diagnostic at its place in the file.

The one table from pydantic's error types to our codes is here. What fields and combinations allow is in `model`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from provisioner.errors import Diagnostic
from provisioner.model.fields import Declared, as_written
from provisioner.spec.near import nearest
from provisioner.spec.tree import BROKEN, Node, Place, deepest, discreet, plain

Model = TypeVar("Model", bound=Declared)
Path = tuple[str | int, ...]

_OWN_CODE = re.compile(r"E\d{3}")
# What pydantic expected, and our code when another scalar stands there. A map or list in the wrong place is E212.
_EXPECTED = {
    "model_type": ("a map", "E212"),
    "dict_type": ("a map", "E212"),
    "tuple_type": ("a list", "E212"),
    "string_type": ("text", "E201"),
    "bool_type": ("true or false", "E201"),
    "int_type": ("a whole number", "E202"),
    "float_type": ("a decimal number", "E202"),
}


def validated(model: type[Model], node: Node, *, address: str = "") -> tuple[Model | None, tuple[Diagnostic, ...]]:
    """The model that `node` declares, or None and every reason why there is none."""
    try:
        return model.model_validate(plain(node)), ()
    except ValidationError as refused:
        errors = refused.errors(include_url=False)
    return None, _diagnostics(model, node, errors, address)


def misfits(model: type[Declared], node: Node) -> tuple[Diagnostic, ...]:
    """What is wrong with a part of `model` whatever is added to it: nothing about missing fields or combinations."""
    try:
        model.model_validate(plain(node))
    except ValidationError as refused:
        errors = [error for error in refused.errors(include_url=False) if not _needs_the_rest(error)]
        return _diagnostics(model, node, errors, "")
    return ()


def _needs_the_rest(error: ErrorDetails) -> bool:
    of_a_whole = _OWN_CODE.fullmatch(error["type"]) and not isinstance(error["input"], str | int | float)
    return error["type"] == "missing" or bool(of_a_whole)


def _diagnostics(model: type[Declared], node: Node, errors: list[ErrorDetails], address: str) -> tuple[Diagnostic, ...]:
    # What was refused when the file was read is not refused a second time.
    return tuple(_diagnostic(model, node, error, address) for error in errors if error["input"] is not BROKEN)


def _diagnostic(model: type[Declared], node: Node, error: ErrorDetails, address: str) -> Diagnostic:
    path, kind, context = error["loc"], error["type"], error.get("ctx", {})
    found = deepest(node, path)
    if kind == "extra_forbidden":
        code, summary, hint = _unknown_key(model, path)
        return found.heading.problem(code, summary, hint=hint, address=address)
    if kind == "missing":
        meaning = _keys(_level(model, path[:-1]))[str(path[-1])].description or ""
        hint = f"add `{path[-1]}: ...` below it. {meaning}"
        return found.heading.problem("E211", f"`{path[-1]}` is missing", hint=hint, address=address)
    if _OWN_CODE.fullmatch(kind):
        place = discreet(_place(node, path, context["at"]), found)
        return place.problem(kind, context["message"], hint=context["hint"], address=address)
    code, summary, hint = _wrong_value(error, context)
    return found.place.problem(code, summary, hint=hint, address=address)


def _place(node: Node, path: Path, at: str) -> Place:
    """A value that is refused is shown itself; a map as a whole, or an absent field, by its key."""
    found = deepest(node, path)
    blamed = found.entry(at) if at else None
    if blamed:
        return blamed.place
    key_or_absent = bool(path) and deepest(node, path[:-1]) is found
    return found.heading if key_or_absent or isinstance(found.value, dict) else found.place


def _wrong_value(error: ErrorDetails, context: Mapping[str, Any]) -> tuple[str, str, str]:
    """Code, summary and hint for the refusals of pydantic's own."""
    value = error["input"]
    wrong_shape = isinstance(value, dict | list)
    if expected := _EXPECTED.get(error["type"]):
        wanted, code = expected
        hint = _SHAPE_HINTS.get(wanted, "") if code == "E212" else f"write {wanted}"
        return "E212" if wrong_shape else code, f"{wanted} is expected here, this is {_kind(value)}", hint
    if error["type"] == "literal_error" and not wrong_shape:
        return "E306", f"{as_written(value)!r} is not allowed here", f"one of {context['expected']}"
    if error["type"] == "too_short":
        return "E203", f"at least {context['min_length']} entry is needed here", "add one"
    return "E212", error["msg"], "see the reference of the field"


_TOP_HINT = "it belongs to the {} itself, not into a map inside of it"
_SHAPE_HINTS = {
    "a map": "write `key: value` lines below it, indented",
    "a list": "write `- value` lines below it, or [a, b]",
}


def _kind(value: object) -> str:
    match value:
        case dict():
            return "a map"
        case list():
            return "a list"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case None:
            return "empty"
        case _:
            return "text"


def _unknown_key(model: type[Declared], path: Path) -> tuple[str, str, str]:
    """Code, summary and hint for a key that `model` does not have at `path`."""
    key = str(path[-1])
    here = _level(model, path[:-1])
    elsewhere = [place for place, other in levels(model).items() if key in _keys(other) and other is not here]
    if key in here.foreign:
        hint = here.foreign[key]
    elif elsewhere:
        hint = (
            f"it belongs under `{'.'.join(elsewhere[0])}`" if elsewhere[0] else _TOP_HINT.format(model.__name__.lower())
        )
    elif near := nearest(key, (*_keys(here), *here.foreign)):
        hint = f"did you mean `{near}`?"
    else:
        hint = f"the keys here are {', '.join(_keys(here))}"
    return "E210", f"unknown key `{key}`", hint


def _keys(model: type[Declared]) -> Mapping[str, FieldInfo]:
    """The fields of a map by the keys that they stand under: `from` is no name in Python."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _level(model: type[Declared], path: Path) -> type[Declared]:
    """The model of the map at `path`. Steps that are no fields (list indexes, union tags) are passed over."""
    at: tuple[str, ...] = ()
    for step in path:
        if (*at, step) in levels(model):
            at = (*at, str(step))
    return levels(model)[at]


@cache
def levels(model: type[Declared]) -> Mapping[tuple[str, ...], type[Declared]]:
    """Every map that `model` is made of, by the names that lead to it; lists are passed through."""
    found: dict[tuple[str, ...], type[Declared]] = {(): model}
    for name, field in _keys(model).items():
        if inner := _model_in(field.annotation):
            found |= {(name, *path): other for path, other in levels(inner).items()}
    return found


def _model_in(annotation: Any) -> type[Declared] | None:
    if isinstance(annotation, type) and issubclass(annotation, Declared):
        return annotation
    return next((inner for part in get_args(annotation) if (inner := _model_in(part))), None)
