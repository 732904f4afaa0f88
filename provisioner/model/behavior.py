"""What a change of a field costs. Declared on each field of `notebook.Notebook`, read by `diff` and `plan`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from pydantic import BaseModel


class Effect(IntEnum):
    """The dearest thing that a change needs; an instance pays the maximum over its changed fields."""

    NONE = 0
    IN_PLACE = 1
    RESTART = 2
    REPLACE = 3


@dataclass(frozen=True, slots=True)
class Behavior:
    """How one field behaves.

    per_entry   a map whose entries change one by one (tags)
    grow_only   in place when it grows, a replacement when it shrinks
    write_only  no answer of the service carries it: compared with what was recorded, never with live
    """

    effect: Effect
    per_entry: bool = False
    grow_only: bool = False
    write_only: bool = False


LOCAL = Behavior(Effect.NONE)
IN_PLACE = Behavior(Effect.IN_PLACE)
RESTART = Behavior(Effect.RESTART)
REPLACE = Behavior(Effect.REPLACE)


@dataclass(frozen=True, slots=True)
class Nested:
    """Marks a field whose own fields carry the behaviours."""


NESTED = Nested()


def behaviors(model: type[BaseModel]) -> Mapping[str, Behavior]:
    """Dotted path of every declared field of `model` to its behaviour, in the order of declaration."""
    found: dict[str, Behavior] = {}
    for name, field in model.model_fields.items():
        marks: list[Any] = [mark for mark in field.metadata if isinstance(mark, Behavior | Nested)]
        if len(marks) != 1:
            raise TypeError(f"{model.__name__}.{name} must declare exactly one behaviour, it has {len(marks)}")
        if isinstance(marks[0], Behavior):
            found[name] = marks[0]
        else:
            inner = field.annotation
            assert isinstance(inner, type)  # noqa: S101 - a nested field is one model, not a union
            found |= {f"{name}.{path}": behavior for path, behavior in behaviors(inner).items()}
    return found
