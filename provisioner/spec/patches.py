"""Patch files: RFC 6902 operations on the expanded notebooks of a stack, with places kept.

jsonpatch works on plain maps and lists. Ours remember their places, and a scalar stands in a leaf that does, so that
what is wrong after a patch is shown where it was written. Finding and reading the files is in `load`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from provisioner.errors import Diagnostic
from provisioner.model.address import Address
from provisioner.model.fields import Declared, refuse
from provisioner.spec.check import validated
from provisioner.spec.expand import Instance
from provisioner.spec.interpolate import Interpolation
from provisioner.spec.near import nearest
from provisioner.spec.references import MARK, refusal
from provisioner.spec.source import Source
from provisioner.spec.tree import BROKEN, Broken, Node, Place, mapped

_WITH_VALUE = frozenset({"add", "replace", "test"})
_WITH_ORIGIN = frozenset({"move", "copy"})


class Operation(Declared):
    """One operation of RFC 6902."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"] = Field(description="What to do.")
    path: str = Field(description="JSON Pointer into the notebook, such as /volume/capacity.")
    origin: str | None = Field(default=None, alias="from", description="JSON Pointer, for move and copy.")
    value: Any = Field(default=None, description="The value, for add, replace and test.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for pointer, at in ((self.path, "path"), (self.origin, "from")):
            if pointer and not pointer.startswith("/"):
                refuse("E230", f"`{at}` is a JSON Pointer, which begins with /", hint=f"/{pointer}", at=at)
            if pointer and re.search("~(?![01])", pointer):
                refuse("E230", f"a ~ in `{at}` means nothing", hint="write ~0 for ~, and ~1 for / in a name", at=at)
        self._has("value", self.value is not None, wanted=self.op in _WITH_VALUE)
        self._has("from", self.origin is not None, wanted=self.op in _WITH_ORIGIN)
        return self

    def _has(self, key: str, given: bool, *, wanted: bool) -> None:  # noqa: FBT001 - read beside `wanted`
        if wanted and not given:
            refuse("E211", f"`{key}` is missing", hint=f"the operation {self.op} needs it", at="op")
        if given and not wanted:
            refuse("E230", f"the operation {self.op} takes no `{key}`", hint="remove it", at=key)


@dataclass(frozen=True, slots=True)
class Step:
    """A valid operation and the value that it brings, if any."""

    operation: Operation
    value: Node | None
    place: Place


@dataclass(frozen=True, slots=True)
class Patch:
    """The operations for one KEY, all its instances, or for one instance."""

    target: Address
    steps: tuple[Step, ...]
    place: Place

    def fits(self, address: Address) -> bool:
        return address == self.target or (not self.target.each and address.key == self.target.key)


def patches_of(source: Source, problems: list[Diagnostic]) -> list[Patch]:
    """What a patch file says, as far as it is right."""
    found: list[Patch] = []
    for text, node in source.root.entries().items() if source.root else ():
        target = Address.parse(text)
        if target is None:
            hint = 'KEY, or KEY["each"] under for_each'
            problems.append(node.heading.problem("E218", f"{text!r} is no address", hint=hint))
        elif not isinstance(node.value, list):
            hint = "- {op: replace, path: /flavor, value: modelarts.vm.cpu.8u}"
            problems.append(node.place.problem("E212", "a list of operations is expected here", hint=hint))
        else:
            steps = [step for item in node.items() if (step := _step(item, problems))]
            found.append(Patch(target, tuple(steps), node.heading))
    return found


def patched(
    node: Node, instance: Instance, patches: Sequence[Patch], interpolation: Interpolation, problems: list[Diagnostic]
) -> Node:
    """The notebook after the operations that are meant for it. One that fails is told, and ends them."""
    steps = [step for patch in patches if patch.fits(instance.address) for step in patch.steps]
    if not steps:
        return node
    address = str(instance.address)
    document: Any = _opened(node)
    for step in steps:
        value = step.value and interpolation.filled(step.value, instance.each, address)
        try:
            document = _applied(document, step, value)
        except _Failed as failed:
            place = step.place
            problems.append(
                place.problem("E230", failed.summary, detail=failed.reason, hint=failed.hint, address=address)
            )
            return node.holding(BROKEN)
    return _closed(document)


def with_variables(patches: Sequence[Patch], interpolation: Interpolation) -> list[Patch]:
    """The patches with what `${...}` stands for in this stack."""

    def put_in(step: Step) -> Step:
        return replace(step, value=mapped(step.value, interpolation.resolved)) if step.value else step

    return [replace(patch, steps=tuple(map(put_in, patch.steps))) for patch in patches]


def astray(patch: Patch, keys: Collection[str]) -> Diagnostic:
    """For a patch that no notebook takes."""
    near = nearest(patch.target.key, keys)
    hint = f"did you mean `{near}`?" if near else "name a KEY of the stack, or remove the entry"
    if patch.target.key in keys:
        hint = "name one of its instances, or the KEY alone for all of them"
    return patch.place.problem("E231", f"no notebook of the stack is {patch.target}", hint=hint)


class _Failed(Exception):
    """An operation that cannot be carried out."""

    def __init__(self, summary: str, reason: str, hint: str) -> None:
        super().__init__(summary)
        self.summary, self.reason, self.hint = summary, reason, hint


def _step(node: Node, problems: list[Diagnostic]) -> Step | None:
    count = len(problems)
    value = node.entry("value")
    for name, child in node.entries().items():
        if name != "value" and isinstance(child.value, str) and MARK in child.value:
            problems.append(refusal(child.place, child.value, f"`{name}` of an operation"))
    value = value and mapped(value, _not_empty(problems))
    operation, refusals = validated(Operation, node.holding(node.entries() | {"value": value}) if value else node)
    problems += refusals if isinstance(node.value, dict) else ()
    if not isinstance(node.value, dict):
        hint = "{op: replace, path: /flavor, value: modelarts.vm.cpu.8u}"
        problems.append(node.place.problem("E212", "an operation is a map", hint=hint))
    if len(problems) > count or operation is None:
        return None
    return Step(operation, value, (node.entry("op") or node).place)


def _not_empty(problems: list[Diagnostic]) -> Callable[[Node], Node]:
    def check(node: Node) -> Node:
        if node.value is not None:
            return node
        hint = "give a value; the operation remove takes a field away"
        problems.append(node.heading.problem("E204", "this is empty", hint=hint))
        return node.holding(BROKEN)

    return check


def _applied(document: Any, step: Step, value: Node | None) -> Any:
    import jsonpatch  # slow to load, and few projects have patches

    operation = step.operation
    words: dict[str, Any] = {"op": operation.op, "path": operation.path}
    if operation.origin is not None:
        words["from"] = operation.origin
    if value is not None:
        words["value"] = _opened(value)
    try:
        return jsonpatch.JsonPatch([words]).apply(document, in_place=True)
    except jsonpatch.JsonPatchTestFailed as failed:
        summary = f"the test of `{operation.path}` fails"
        raise _Failed(summary, "", "the notebook has another value there, or none") from failed
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as failed:
        what = f"`{operation.path}`" if operation.path else "the whole notebook"
        summary = f"`{operation.op}` of {what} is not possible"
        hint = "a path names what the notebook has after its defaults: /volume/capacity, /storages/0, /tags/team"
        raise _Failed(summary, _reason(document, operation), hint) from failed


def _reason(document: Any, operation: Operation) -> str:
    """Why, in our words: those of the libraries quote the document, with what is sensitive in it."""
    path, origin = operation.path, operation.origin
    if origin is not None:
        return _absence(document, origin) or (
            "it cannot go into itself" if path.startswith(f"{origin}/") else _absence(document, path, may_be_new=True)
        )
    return _absence(document, path, may_be_new=operation.op == "add")


def _absence(document: Any, pointer: str, *, may_be_new: bool = False) -> str:
    """Which part of a pointer leads nowhere; "" when none does."""
    at, above = document, "the notebook"
    parts = pointer.split("/")[1:]
    for depth, part in enumerate(parts, 1):
        name, is_new = part.replace("~1", "/").replace("~0", "~"), may_be_new and depth == len(parts)
        match at:
            case _Map() if name in at:
                at = at[name]
            case _Map():
                return "" if is_new else f"{above} has no `{name}`"
            case _List() if name in map(str, range(len(at))):
                at = at[int(name)]
            case _List():
                return f"{above} is a list of {len(at)}, counted from 0; - is behind its end, for `add`"
            case _:
                return f"{above} is no map and no list"
        above = f"`/{'/'.join(parts[:depth])}`"
    return ""


class _Map(dict[str, Any]):
    """A map that jsonpatch may change, and that remembers where it stood."""

    __slots__ = ("node",)

    def __init__(self, node: Node, entries: dict[str, Any]) -> None:
        super().__init__(entries)
        self.node = node

    def __deepcopy__(self, memo: dict[int, Any]) -> _Map:
        return _Map(self.node, {key: copy.deepcopy(value, memo) for key, value in self.items()})


class _List(list[Any]):
    """A list that jsonpatch may change, and that remembers where it stood."""

    __slots__ = ("node",)

    def __init__(self, node: Node, items: Iterator[Any]) -> None:
        super().__init__(items)
        self.node = node

    def __deepcopy__(self, memo: dict[int, Any]) -> _List:
        return _List(self.node, (copy.deepcopy(item, memo) for item in self))


@dataclass(frozen=True, slots=True, eq=False)
class _Leaf:
    """A scalar with its place, equal to another by its value alone: true is not 1, and text is what was written."""

    node: Node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Leaf) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __deepcopy__(self, memo: dict[int, Any]) -> _Leaf:
        return self

    def _key(self) -> tuple[bool, object]:
        value = self.node.value
        return isinstance(value, bool), id(value) if isinstance(value, Broken) else value


def _opened(node: Node) -> _Map | _List | _Leaf:
    match node.value:
        case dict() as entries:
            return _Map(node, {key: _opened(child) for key, child in entries.items()})
        case list() as items:
            return _List(node, (_opened(item) for item in items))
        case _:
            return _Leaf(node)


def _closed(document: _Map | _List | _Leaf) -> Node:
    match document:
        case _Map():
            return document.node.holding({key: _closed(value) for key, value in document.items()})
        case _List():
            return document.node.holding([_closed(item) for item in document])
        case _:
            return document.node
