"""`for_each`: one notebook of a spec becomes an instance for each entry of a map or list. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from provisioner.errors import Diagnostic
from provisioner.model.address import EACH_PATTERN, Address
from provisioner.model.fields import as_written
from provisioner.spec.document import NAME_PATTERN
from provisioner.spec.interpolate import Each
from provisioner.spec.tree import BROKEN, Broken, Node, Template, is_sensitive, mapped

MAX_NOTEBOOKS = 10_000
_MAX_NAME = 64

_EACH = re.compile(EACH_PATTERN)
_NAME = re.compile(NAME_PATTERN)


@dataclass(frozen=True, slots=True)
class Instance:
    """One notebook to be: its address, what it declares itself, and what it has of its `for_each`, if there is one."""

    address: Address
    node: Node
    each: Each | None = None


def instances(notebooks: Mapping[str, Node], problems: list[Diagnostic]) -> list[Instance]:
    """Every notebook of a stack, expanded. One too many is refused before anything is made of it."""
    found: list[Instance] = []
    for key, node in notebooks.items():
        found += _of_one(key, node, problems)
        if len(found) > MAX_NOTEBOOKS:
            total = f"more than {MAX_NOTEBOOKS} notebooks in one stack"
            excess = found[MAX_NOTEBOOKS]
            place = excess.each.key.place if excess.each else excess.node.heading
            problems.append(place.problem("E214", total, hint="split the stack"))
            return found[:MAX_NOTEBOOKS]
    return found


def default_name(instance: Instance, problems: list[Diagnostic]) -> Node:
    """`KEY`, or `KEY-EACH` with - for what a name cannot have."""
    address, place = instance.address, instance.node.heading
    if not _NAME.fullmatch(address.key):  # told already
        return Node(BROKEN, place, place)
    if not address.each:
        return Node(address.key, place, place)
    name = f"{address.key}-{re.sub('[^A-Za-z0-9_-]', '-', address.each)}"
    if len(name) > _MAX_NAME:
        summary = f"the name of {address} would have {len(name)} characters, at most {_MAX_NAME} are allowed"
        hint = "give it one: `name: short-${each.key}`"
        problems.append(place.problem("E206", summary, hint=hint, address=str(address)))
        return Node(BROKEN, place, place)
    return Node(name, place, place)


def _of_one(key: str, node: Node, problems: list[Diagnostic]) -> Iterator[Instance]:
    wanted = node.entry("for_each")
    if wanted is None:
        yield Instance(Address(key), node)
        return
    own = node.holding({name: child for name, child in node.entries().items() if name != "for_each"})
    seen: dict[str, Node] = {}
    for each in _entries(mapped(wanted, _without_each(problems)), problems):
        text = str(each.key.value)
        if first := seen.get(text):
            summary = f"{text!r} stands in this `for_each` twice, first at {first.place.range}"
            problems.append(each.key.place.problem("E207", summary, hint="remove one of the two"))
        elif not _EACH.fullmatch(text):
            hint = "1 to 64 characters, no quotes, brackets, backslashes or line breaks, no space at either end"
            summary = f"{text[:_MAX_NAME]!r} cannot be a key of `for_each`"
            problems.append(each.key.place.problem("E224", summary, hint=hint))
        else:
            seen[text] = each.key
            yield Instance(Address(key, text), own, each)


def _without_each(problems: list[Diagnostic]) -> Callable[[Node], Node]:
    def check(node: Node) -> Node:
        if not isinstance(node.value, Template):
            return node
        hint = "${var.NAME} may stand here; `each` is what `for_each` gives to the rest of the notebook"
        problems.append(node.place.problem("E411", "`${each...}` means nothing in `for_each`", hint=hint))
        return node.holding(BROKEN)

    return check


def _entries(wanted: Node, problems: list[Diagnostic]) -> Iterator[Each]:
    match wanted.value:
        case dict() as entries:
            for text, node in entries.items():
                yield Each(Node(text, node.heading), node)
        case list() as items:
            for item in items:
                if key := _key(item, problems):
                    yield Each(key, key)
        case Broken():
            pass
        case _:
            hint = "for_each: [alice, bob], or for_each: {alice: {capacity: 100}}"
            problems.append(wanted.place.problem("E224", "`for_each` takes a map or a list of texts", hint=hint))


def _key(item: Node, problems: list[Diagnostic]) -> Node | None:
    """A text of a list; it becomes part of an address, which everyone may see."""
    value = as_written(item.value)
    if isinstance(value, str) and is_sensitive(item):
        hint = "use a variable that is not sensitive"
        problems.append(item.place.problem("E220", "a sensitive value cannot be part of an address", hint=hint))
    elif isinstance(value, str):
        return Node(value, item.place)
    elif value is not BROKEN:
        hint = "quote it, or use a map: for_each: {alice: {capacity: 100}}"
        problems.append(item.place.problem("E224", "a list in `for_each` has texts alone", hint=hint))
    return None
