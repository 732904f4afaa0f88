"""Strict YAML: bytes of a file to a tree of values with places. The only module that imports yaml.

Works on parse events, so that the limits hold before anything is built: PyYAML's C composer overflows the stack on deep
nesting, and merge keys cost exponential time. Characters are `text`, plain scalars `scalars`, and the words for
libyaml's errors `syntax`. Nothing here knows what a spec means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import yaml

from provisioner.errors import Diagnostic
from provisioner.spec.scalars import is_whole_number, resolved
from provisioner.spec.surrogates import Surrogates
from provisioner.spec.syntax import syntax_problem
from provisioner.spec.text import Unreadable, decoded, hidden_character, refuse_raw
from provisioner.spec.tree import BROKEN, SECRET_KEYS, Broken, Node, Place, Scalar, SourceText

Value = TypeVar("Value")

MAX_DEPTH = 32
MAX_NODES = 200_000
MAX_SCALAR = 64 * 1024
MAX_DIGITS = 100

_PARSER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


@dataclass(frozen=True, slots=True)
class Source:
    """One file: `root` is None when nothing can be read from it, because it is empty or because of a problem."""

    text: SourceText
    root: Node | None
    problems: tuple[Diagnostic, ...]

    @property
    def start(self) -> Place:
        return Place(self.text, 1, 1, 1, 1)


def read_source(file: str, data: bytes, *, begin: str = "notebooks:", takes_secrets: bool = False) -> Source:
    """Read one file, YAML or JSON, which must hold a map. Every problem becomes a diagnostic; nothing is raised.

    begin          how such a file begins, for whoever wrote something else
    takes_secrets  a file of values, whose lines nobody quotes, and no part of the repository
    """
    source = _read(file, data, takes_secrets=takes_secrets)
    if source.root is None or isinstance(source.root.value, dict):
        return source
    first = source.root.place
    start = Place(first.text, first.line, first.column, first.line, first.column + 1)
    problem = start.problem("E106", "a map is expected at the top of the file", hint=f"begin with `{begin}`")
    return Source(source.text, None, (*source.problems, problem))


def read_value(name: str, text: str) -> Source:
    """Read a value of any shape that stands in no file, such as an argument, by the same rules."""
    return _read(name, text.encode("utf-8"), takes_secrets=True)


def _read(file: str, data: bytes, *, takes_secrets: bool) -> Source:
    text = SourceText(file, ())
    try:
        content = decoded(text, data)
        text = SourceText(file, tuple(line.removesuffix("\r") for line in content.split("\n")))
        refuse_raw(text, content)
    except Unreadable as end:
        return Source(text, None, (end.problem,))
    builder = _Builder(text, Surrogates.of(content), takes_secrets=takes_secrets)
    root: Node | None = None
    try:
        root = builder.document()
    except Unreadable as end:
        builder.problems.append(end.problem)
    except yaml.YAMLError as error:
        builder.problems.append(syntax_problem(text, error, builder.brackets))
    return Source(text, root, tuple(builder.problems))


class _Builder:
    """Turns events into nodes. Depth is bounded, so recursion is."""

    def __init__(self, text: SourceText, pairs: Surrogates, *, takes_secrets: bool) -> None:
        self.problems: list[Diagnostic] = []
        self.brackets: list[Place] = []  # the open ones, for when the file ends before they do
        self._text = text
        self._pairs = pairs
        self._takes_secrets = takes_secrets
        self._events: Iterator[Any] = yaml.parse(pairs.readable, Loader=_PARSER)
        self._anchors: dict[str, Node | None] = {}  # None while the node is being built
        self._nodes = 0

    def document(self) -> Node | None:
        """The one document of the file; None when there is none."""
        root: Node | None = None
        first: Place | None = None
        for event in self._events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            place = self._place(event)
            if first:
                summary = f"a second document begins here, the first is at line {first.line}"
                raise Unreadable(
                    place.problem("E107", summary, hint="write one document per file, without a second ---")
                )
            if event.tags:
                raise Unreadable(place.problem("E108", "a %TAG directive is not supported", hint="remove the line"))
            first = place
            root = self._node(next(self._events), 0)
        return None if root is None or root.value is None else root

    def _node(self, event: Any, depth: int, key: Place | None = None) -> Node:
        place = self._place(event)
        self._count(place)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), place, key)
        self._open_anchor(event.anchor, place)
        if event.tag is not None:
            self._refuse(place, "E112", "tags are not allowed", "remove the !tag; quote the value if it is text")
        value: dict[str, Node] | list[Node] | Scalar
        match event:
            case yaml.MappingStartEvent():
                value = self._in_brackets(self._map, event, depth + 1)
            case yaml.SequenceStartEvent():
                value = self._in_brackets(self._list, event, depth + 1)
            case _:
                value = BROKEN if event.tag is not None else self._scalar(event, place)
        node = Node(value, place, key)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _in_brackets(self, build: Callable[[Place, int], Value], event: Any, depth: int) -> Value:
        place = self._place(event)
        if not event.flow_style:
            return build(place, depth)
        self.brackets.append(place)
        value = build(place, depth)
        self.brackets.pop()
        return value

    def _list(self, place: Place, depth: int) -> list[Node]:
        self._check_depth(place, depth)
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth))
        return items

    def _map(self, place: Place, depth: int) -> dict[str, Node]:
        self._check_depth(place, depth)
        entries: dict[str, Node] = {}
        merged: list[Node] = []
        keys: dict[str, Place] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth)
            value = self._node(next(self._events), depth, key.place)
            if not isinstance(key.value, str):
                if key.value is not BROKEN:
                    self._refuse(key.place, "E115", "a key must be text", "quote it if it is meant as text")
                continue
            if first := keys.get(key.value):
                summary = f"the key `{key.value}` stands here twice, first at line {first.line}, column {first.column}"
                self._refuse(key.place, "E114", summary, "remove one of the two")
                continue
            keys[key.value] = key.place
            if key.value == "<<" and event.implicit[0]:
                merged.extend(self._merge_sources(value))
            else:
                entries[key.value] = self._without_secret(key, value)
        for source in merged:
            for name, child in source.entries().items():
                self._count(source.place)
                entries.setdefault(name, child)
        return entries

    def _merge_sources(self, value: Node) -> list[Node]:
        sources = value.items() or [value]
        for source in sources:
            if not isinstance(source.value, dict | Broken):
                self._refuse(source.place, "E111", "`<<` merges maps alone", "name the anchor of a map: `<<: *name`")
        return sources

    def _without_secret(self, key: Node, value: Node) -> Node:
        is_secret = str(key.value).lower() in SECRET_KEYS and not self._takes_secrets
        if not is_secret or isinstance(value.value, dict):  # a map: a variable of that name
            return value
        hint = "remove it, and replace the secret if this file was ever shared; credentials come from the environment"
        self._refuse(key.place, "E413", f"`{key.value}` looks like a secret, which has no place in a file", hint)
        return value.holding(BROKEN)

    def _scalar(self, event: Any, place: Place) -> Scalar:
        start, end = event.start_mark.index, event.end_mark.index
        text = self._pairs.restored(event.value, start, end, quoted=event.style == '"')
        if len(text) > MAX_SCALAR:
            self._refuse(place, "E113", f"a value of more than {MAX_SCALAR // 1024} KiB", "shorten it")
            return BROKEN
        if found := hidden_character(text):
            self._refuse(place, "E104", f"the invisible character {found} in a value", "remove it")
            return BROKEN
        if not event.implicit[0]:
            return text
        if len(text) > MAX_DIGITS and is_whole_number(text):
            self._refuse(place, "E203", f"a number of {len(text)} digits is too large", "quote it if it is text")
            return BROKEN
        return resolved(text)

    def _alias(self, name: str, place: Place, key: Place | None) -> Node:
        """What the anchor holds. Messages do not say the name: it may be a secret that begins with *."""
        node = self._anchors.get(name)
        if node is not None:
            return self._moved(node, place, key)
        if name in self._anchors:
            self._refuse(place, "E111", "this alias stands inside of its own anchor", "an anchor cannot hold itself")
        else:
            self._refuse(place, "E111", "no anchor of this name stands above", "write it before its first use")
        return Node(BROKEN, place, key)

    def _moved(self, node: Node, place: Place, key: Place | None) -> Node:
        """A copy of an anchored node for one use of it: problems inside point at that use."""
        self._count(place)
        match node.value:
            case dict() as entries:
                return Node({name: self._moved(child, place, place) for name, child in entries.items()}, place, key)
            case list() as items:
                return Node([self._moved(child, place, None) for child in items], place, key)
            case scalar:
                return Node(scalar, place, key)

    def _open_anchor(self, name: str | None, place: Place) -> None:
        if name is None:
            return
        if name in self._anchors:
            self._refuse(place, "E111", "an anchor of this name exists already", "give it another name")
        self._anchors[name] = None

    def _check_depth(self, place: Place, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._end(place, "E109", f"maps and lists are nested deeper than {MAX_DEPTH} levels", "flatten it")

    def _count(self, place: Place) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._end(place, "E110", f"more than {MAX_NODES} values, aliases counted at each use", "split the file")

    def _refuse(self, place: Place, code: str, summary: str, hint: str) -> None:
        self.problems.append(place.problem(code, summary, hint=hint))

    def _end(self, place: Place, code: str, summary: str, hint: str) -> NoReturn:
        raise Unreadable(place.problem(code, summary, hint=hint))

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        return Place(self._text, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
