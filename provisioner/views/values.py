"""Attribute values and their changes in Terraform's notation: literals, and trees of marked lines.

Knows nothing of plans; `text` and `state` decide what is shown, this module how a value is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner.model.fields import duration_text
from provisioner.views.clean import one_line
from provisioner.views.paint import Paint

KNOWN_AFTER_APPLY = "(known after apply)"

_GONE = " -> null"
# What names an element of a list of maps, so that its two sides are held against each other.
_NAMING = ("service", "mount_path")


@dataclass(frozen=True, slots=True)
class Node:
    """An attribute, or an element of a list when `name` is empty, with everything below it.

    text    a literal, `old -> new`, or the bracket that opens what `close` closes
    hidden  what is left out below, such as `2 unchanged attributes`
    """

    mark: str
    name: str
    text: str
    children: tuple[Node, ...] = ()
    close: str = ""
    hidden: str = ""
    note: str = ""


def whole(mark: str, name: str, value: Any) -> Node:
    """A value that appears, vanishes or stands there as a whole."""
    value = humane(name, value)
    end = "," if not name else _GONE if mark == "-" else ""
    match value:
        case Mapping() if value:
            inner = tuple(whole(mark, label(name, key), value[key]) for key in sorted(value))
            return Node(mark, name, "{", inner, close="}" + end)
        case list() if value:
            return Node(mark, name, "[", tuple(whole(mark, "", element) for element in value), close="]" + end)
        case _:
            return Node(mark, name, literal(value) + end)


def changed(name: str, live: Any, desired: Any, *, note: str = "") -> Node:
    """A value on its way from `live` to `desired`; None is an absent one."""
    if live is None:
        return replace(whole("+", name, desired), note=note)
    if desired is None:
        return replace(whole("-", name, live), note=note)
    live, desired = humane(name, live), humane(name, desired)
    end = "" if name else ","
    match live, desired:
        case Mapping(), Mapping():
            pairs = {key: (live.get(key), desired.get(key)) for key in sorted({*live, *desired})}
            moved = tuple(changed(label(name, key), *pair) for key, pair in pairs.items() if pair[0] != pair[1])
            return nested("~", name, moved, unchanged=len(pairs) - len(moved), end=end, note=note)
        case list(), list() if live and desired:
            elements = _paired(live, desired)
            moved = tuple(changed("", *pair) for pair in elements if pair[0] != pair[1])
            hidden = count(len(elements) - len(moved), "unchanged element")
            return Node("~", name, "[", moved, close="]" + end, hidden=hidden, note=note)
        case _:
            return Node("~", name, f"{inline(live)} -> {inline(desired)}{end}", note=note)


def nested(mark: str, name: str, children: tuple[Node, ...], *, unchanged: int, end: str = "", note: str = "") -> Node:
    """A map of which only some entries are shown."""
    kind = "element" if name == "tags" else "attribute"
    return Node(mark, name, "{", children, close="}" + end, hidden=count(unchanged, f"unchanged {kind}"), note=note)


def lines(nodes: Sequence[Node], paint: Paint, *, margin: int) -> Iterator[str]:
    """The lines of `nodes`, marks in column `margin`, equal signs below each other."""
    width = max((len(node.name) for node in nodes), default=0)
    for node in nodes:
        start = f"{node.name.ljust(width)} = " if node.name else ""
        note = paint("red", f" # {node.note}") if node.note else ""
        yield f"{' ' * margin}{paint.mark(node.mark)} {start}{node.text}{note}"
        yield from lines(node.children, paint, margin=margin + 4)
        if node.hidden:
            yield hidden_line(node.hidden, paint, margin=margin + 4)
        if node.close:
            yield f"{' ' * margin}  {node.close}"


def hidden_line(hidden: str, paint: Paint, *, margin: int) -> str:
    return " " * margin + paint("dim", f"  # ({hidden} hidden)")


def label(parent: str, key: str) -> str:
    """A key as it stands before the equal sign; keys of tags are free text and quoted."""
    return one_line(key) if key.isidentifier() and parent != "tags" else literal(key)


def literal(value: Any) -> str:
    """A scalar as in JSON and HCL, without anything that a terminal would obey."""
    return one_line(json.dumps(value, ensure_ascii=False))


def inline(value: Any) -> str:
    """Any value on one line."""
    match value:
        case Mapping() if value:
            entries = [f"{label('', key)} = {inline(value[key])}" for key in sorted(value)]
            return f"{{ {', '.join(entries)} }}"
        case list():
            return f"[{', '.join(map(inline, value))}]"
        case _:
            return literal(value)


def count(number: int, noun: str) -> str:
    """`2 notebooks`, `1 notebook`; nothing at all when there is none."""
    return f"{number} {noun}{'s' if number > 1 else ''}" if number else ""


def humane(name: str, value: Any) -> Any:
    """A lease lasts `8h`, as in a spec, and not 28800000."""
    if name == "lease" and isinstance(value, Mapping) and isinstance(value.get("duration"), int):
        return {**value, "duration": duration_text(value["duration"])}
    return value


def _paired(live: list[Any], desired: list[Any]) -> list[tuple[Any, Any]]:
    """Elements that belong together: by what names them, by place where names repeat or the order alone differs."""
    left = {_identity(element): element for element in live}
    right = {_identity(element): element for element in desired}
    if len(left) < len(live) or len(right) < len(desired) or left == right:
        left, right = dict(enumerate(live)), dict(enumerate(desired))
    return [(left.get(key), right.get(key)) for key in {**left, **right}]


def _identity(element: Any) -> Any:
    names = [element[name] for name in _NAMING if name in element] if isinstance(element, Mapping) else []
    return names[0] if names else json.dumps(element, sort_keys=True)
