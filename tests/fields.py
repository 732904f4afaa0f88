"""Every field of a notebook and what a change of it does, read off the models: for the table in docs/spec.md, and for
the round trips that prove it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from provisioner.model.behavior import Behavior, Effect, behaviors
from provisioner.model.notebook import Notebook
from provisioner.model.observation import Observation

CREATE, RUNNING, RESTART, REPLACE, COMPUTED = "create", "in place", "restart", "replace", "computed"
COLUMNS = (CREATE, RUNNING, RESTART, REPLACE, COMPUTED)

_COLUMN_OF = {Effect.IN_PLACE: RUNNING, Effect.RESTART: RESTART, Effect.REPLACE: REPLACE}
# What a declared field stands for, where its own behaviour is that nothing is sent.
_MEANT = {"duration": "lease", "image": "image_id"}
# Names of an answer for what a spec declares under another name (API page 3).
_SPELT = {"image.id", "pool.id", "lease.enable", "tags.key", "tags.value"}
# A required rule weighs nothing; the model refuses it (API page 5.7).
REFUSED = {"affinity.required_during_scheduling_ignored_during_execution.weight"}
# Ours, taken out of a text: no field of an answer.
_OURS = {"marker", "marker_place", "lease.ended"}
# What an answer has and no model of ours reads (API page 3): of no use, or secret.
UNREAD = (
    "token",
    "url",
    "ip",
    "billing_items",
    "user",
    "user_id",
    "jupyter_version",
    "is_need_credentials",
    "endpoints.uri",
)


def matrix() -> dict[str, frozenset[str]]:
    """Dotted path of every field to the columns that it has a mark in, declared fields first."""
    declared = {path: frozenset(_columns(path)) for path in leaves(Notebook)}
    told = [path for path in leaves(Observation) if path not in declared and path not in _SPELT | _OURS]
    return declared | {path: frozenset({COMPUTED}) for path in (*told, *UNREAD)}


def _columns(path: str) -> Iterator[str]:
    top, _, rest = path.partition(".")
    behavior = _behavior(".".join(filter(None, [_MEANT.get(top, top), "" if top in _MEANT else rest])))
    if behavior.effect is Effect.NONE or path in REFUSED:
        return
    if path == "volume.mount_path":  # of extra volumes alone
        yield COMPUTED
        return
    yield CREATE
    yield _COLUMN_OF[behavior.effect]
    if behavior.grow_only:
        yield REPLACE


def _behavior(path: str) -> Behavior:
    """A field inside of a map costs what the map costs, unless it says otherwise."""
    known = behaviors(Notebook)
    while path not in known:
        path = path.rpartition(".")[0]
    return known[path]


def leaves(model: type[BaseModel]) -> Iterator[str]:
    """Dotted path of every value of `model`."""
    for name, info in model.model_fields.items():
        inner = _models_in(info.annotation)
        if not inner:
            yield name
        for each in inner:
            yield from (f"{name}.{leaf}" for leaf in leaves(each))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation mentions, within unions, tuples and Annotated."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]
