"""`${...}`: what may stand in it, and the values in its place.

In two steps: values of variables are put in once, when a file is read; what differs between the instances of a
notebook, `${each...}`, waits as a Template until they are made. What was put in is never searched for `${` again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from provisioner.errors import Diagnostic
from provisioner.model.fields import as_written
from provisioner.spec.near import nearest
from provisioner.spec.references import MARK, Parts, parts_of
from provisioner.spec.source import MAX_SCALAR
from provisioner.spec.tree import BROKEN, Node, Origin, Place, Reference, Template, mapped
from provisioner.spec.variables import Value

# What one stack may come to through `${...}`: values, and text in portions of sixteen characters.
MAX_VALUES = 5_000_000
_PORTION = 16
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Each:
    """What one instance of a notebook has of its `for_each`."""

    key: Node
    value: Node


@dataclass(frozen=True, slots=True)
class _Found:
    """What a reference in a text came to."""

    reference: Reference
    value: Node


class Interpolation:
    """Puts values in the place of `${...}`, and keeps the problems with that."""

    def __init__(self, variables: Mapping[str, Value], problems: list[Diagnostic], *, most: int = MAX_VALUES) -> None:
        self._variables = variables
        self._problems = problems
        self._most = most
        self._values = 0
        self._waiting = False

    def resolved(self, node: Node) -> Node:
        """A scalar with the values of variables in it; a Template when it differs between instances."""
        if not (isinstance(node.value, str) and MARK in node.value):
            return node
        parts = parts_of(node, self._variables, self._problems)
        if parts is None:
            return node.holding(BROKEN)
        references = [part for part in parts if isinstance(part, Reference)]
        waiting = [reference for reference in references if reference.path[0] == "each"]
        if not waiting:
            return self._evaluated(node, parts, None, "")
        if any(self._variable(reference) is None for reference in references if reference not in waiting):
            return node.holding(BROKEN)
        self._waiting = True
        return node.holding(Template(parts))

    def filled(self, node: Node, each: Each | None, address: str) -> Node:
        """The tree of one instance: no Template is left in it."""
        if not self._waiting:
            return node

        def fill(child: Node) -> Node:
            if not self._spent(child.place):
                return child.holding(BROKEN)
            if not isinstance(child.value, Template):
                return child
            return self._evaluated(child, child.value.parts, each, address)

        return mapped(node, fill)

    def _evaluated(self, node: Node, parts: Parts, each: Each | None, address: str) -> Node:
        found: list[str | _Found] = []
        for part in parts:
            if isinstance(part, str):
                found.append(part)
                continue
            value = self._found(part, each, address)
            if value is None or value.value is BROKEN:
                return node.holding(BROKEN)
            found.append(_Found(part, value))
        match found:
            case [_Found(_, value)]:  # one whole `${...}` keeps its type
                return self._copied(value, node.place, node.key)
            case _:
                return self._joined(node, found, address)

    def _joined(self, node: Node, found: list[str | _Found], address: str) -> Node:
        """Text around references, which must come to scalars there."""
        texts: list[str] = []
        origins: list[Origin] = []
        for part in found:
            if isinstance(part, str):
                texts.append(part)
                continue
            reference, value = part.reference, part.value
            if isinstance(value.value, dict | list):
                shape = "a map" if isinstance(value.value, dict) else "a list"
                hint = "let it be the whole value, or name an entry: ${var.NAME.KEY}"
                summary = f"`{reference.written}` is {shape}, which text cannot hold"
                self._tell(reference.place, summary, hint, address)
                return node.holding(BROKEN)
            texts.append(_spelled(value))
            if value.place.origin:
                origins.append(value.place.origin)
        text = "".join(texts)
        if len(text) > MAX_SCALAR:
            problem = node.place.problem("E113", f"a value of more than {MAX_SCALAR // 1024} KiB", hint="shorten it")
            self._problems.append(problem)
            return node.holding(BROKEN)
        if not self._spent(node.place, 1 + len(text) // _PORTION):
            return node.holding(BROKEN)
        words = "; ".join(dict.fromkeys(origin.words for origin in origins))
        sensitive = any(origin.sensitive for origin in origins)
        origin = Origin(words, sensitive) if origins else None
        return Node(text, replace(node.place, origin=origin), node.key)

    def _found(self, reference: Reference, each: Each | None, address: str) -> Node | None:
        """What a reference names, with its origin; None after telling that there is nothing."""
        match reference.path:
            case ("var", _, *keys):
                value = self._variable(reference)
                return value and self._entry(value, keys, reference, address)
            case (_, name, *keys) if each:
                found = self._entry(each.key if name == "key" else each.value, keys, reference, address)
                return found and _set_there(found, reference)
            case _:
                hint = "give the notebook a `for_each`, or write the value itself"
                summary = f"`{reference.written}` stands for nothing: {address or 'this'} has no `for_each`"
                self._tell(reference.place, summary, hint, address)
                return None

    def _variable(self, reference: Reference) -> Node | None:
        """The value of the variable that a reference names; None after telling that there is none."""
        name = reference.path[1]
        if value := self._variables.get(name):
            return Node(value.node.value, replace(value.node.place, origin=value.origin))
        near = nearest(name, self._variables)
        hint = f"did you mean `var.{near}`?" if near else f"declare it: `variables: {{{name}: {{}}}}`"
        problem = reference.place.problem("E227", f"no variable `{name}` is declared in this stack", hint=hint)
        self._problems.append(problem)
        return None

    def _entry(self, node: Node, keys: list[str], reference: Reference, address: str) -> Node | None:
        """The entry of a map that the last names of a reference lead to."""
        whole = node.place.origin
        for depth, key in enumerate(keys, len(reference.path) - len(keys)):
            if node.value is BROKEN:
                return node
            if entry := node.entry(key):
                node = entry
                continue
            above = ".".join(reference.path[:depth])
            if isinstance(node.value, dict):
                near = nearest(key, node.value)
                hint = f"did you mean `{near}`?" if near else f"it has {_listed(node.value)}"
                summary = f"`{above}` has no entry `{key}`"
            else:
                summary, hint = f"`{above}` is no map, so it has no `{key}`", "write ${" + above + "}"
            detail = whole.words if whole else f"`{above}` is set at {node.place.range}"
            problem = reference.place.problem("E411", summary, detail=detail, hint=hint, address=address)
            self._problems.append(problem)
            return None
        return _part(node, whole)

    def _copied(self, node: Node, place: Place, key: Place | None) -> Node:
        """A value for one use of it: problems in it point at that use, and say where it came from."""
        if not self._spent(place):
            return Node(BROKEN, place, key)
        here = replace(place, origin=node.place.origin)
        match node.value:
            case dict() as entries:
                inside = {name: self._copied(_part(child, here.origin), place, here) for name, child in entries.items()}
                return Node(inside, here, key)
            case list() as items:
                return Node([self._copied(_part(item, here.origin), place, None) for item in items], here, key)
            case scalar:
                return Node(scalar, here, key)

    def _spent(self, place: Place, count: int = 1) -> bool:
        """Whether there is room for `count` values more; the first time that there is not is told."""
        within = self._values <= self._most
        self._values += count
        if within and self._values > self._most:
            summary = f"more than {self._most} values, those of `${{...}}` counted at each use"
            self._problems.append(place.problem("E110", summary, hint="split the stack"))
        return self._values <= self._most

    def _tell(self, place: Place, summary: str, hint: str, address: str = "") -> None:
        self._problems.append(place.problem("E411", summary, hint=hint, address=address))


def without_templates(node: Node) -> Node:
    """The tree with what differs between instances left out of any judgement."""
    return mapped(node, lambda child: child.holding(BROKEN) if isinstance(child.value, Template) else child)


def _listed(keys: Iterable[str]) -> str:
    shown = [*islice(keys, _SHOWN + 1)]
    return ", ".join([*shown[:_SHOWN], "..."] if len(shown) > _SHOWN else shown) or "no entries"


def _part(node: Node, whole: Origin | None) -> Node:
    """A part of a value has the origin of the whole, unless it has one that hides it."""
    own = node.place.origin
    if whole is None or (own and own.sensitive):
        return node
    return Node(node.value, replace(node.place, origin=whole), node.key)


def _set_there(node: Node, reference: Reference) -> Node:
    """A value of `for_each`, which says where it stands."""
    origin = node.place.origin or Origin("")
    words = f"`{reference.written}` is set at {node.place.range}"
    origin = replace(origin, words=f"{words}; {origin.words}" if origin.words else words)
    return Node(node.value, replace(node.place, origin=origin), node.key)


def _spelled(node: Node) -> str:
    """A scalar inside of text, as it was written."""
    value = as_written(node.value)
    return str(value).lower() if isinstance(value, bool) else str(value)
