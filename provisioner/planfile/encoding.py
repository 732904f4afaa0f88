"""A plan as JSON values and back, exactly: what is read must be what would be written, in every detail. Pure.

Secrets are no part of it: `secrecy` takes them out before, and puts them back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from provisioner.plan import Plan
from provisioner.planfile.canonical import canonical


class NotAPlan(ValueError):
    """Values that `encoded` never gives; the text says where."""


def encoded(plan: Plan) -> dict[str, Any]:
    """`plan` without its secrets."""
    found: dict[str, Any] = _adapter().dump_python(plan, mode="json", exclude={"secrets"}, by_alias=True)
    for step in found["steps"]:
        step["sensitive"].sort()  # a set has no order
    return found


def decoded(values: Mapping[str, Any]) -> Plan:
    """The plan that `values` spell. Raises NotAPlan when they are not exactly what `encoded` gives for it: a key more
    or less, a value of another type.
    """
    try:
        plan = _adapter().validate_python(values)
        again = encoded(plan)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise NotAPlan(f"{_path(first['loc'])}: {first['msg']}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise NotAPlan(f"it cannot be read: {error}") from error
    if canonical(again) != canonical(values):
        raise NotAPlan(_first_difference(values, again))
    return plan


def as_read(plan: Plan) -> Plan:
    """`plan` as it is read back: equal, with the keys of every map in the order of the file."""
    return decoded(json.loads(canonical(encoded(plan))))


@cache
def _adapter() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def _path(parts: tuple[int | str, ...]) -> str:
    return ".".join(map(str, parts))


def _first_difference(given: Any, expected: Any, path: tuple[int | str, ...] = ()) -> str:
    """Where the two part, in words."""
    if isinstance(given, Mapping) and isinstance(expected, Mapping):
        for key in sorted({*given, *expected}):
            if key not in expected:
                return f"{_path((*path, key))}: nothing of that name belongs there"
            if key not in given:
                return f"{_path((*path, key))}: it is missing"
            if canonical(given[key]) != canonical(expected[key]):
                return _first_difference(given[key], expected[key], (*path, key))
    if isinstance(given, list) and isinstance(expected, list) and len(given) == len(expected):
        for index, pair in enumerate(zip(given, expected, strict=True)):
            if canonical(pair[0]) != canonical(pair[1]):
                return _first_difference(*pair, (*path, index))
    return f"{_path(path)}: it is not written as this version writes it"
