"""A spec file after reading: its text, and its values as a tree in which every key and value knows its place.

Pure data, no YAML (`source` makes these) and no meaning (`check` and `load` give it).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from provisioner.errors import Diagnostic, SourceRange

SECRET_KEYS = frozenset({"access_key", "secret_key", "password", "token", "ak", "sk"})
_SECRET_IN_LINE = re.compile(rf"""(?i)(\b(?:{"|".join(sorted(SECRET_KEYS))})["']?\s*:\s*)\S.*""")
_OF_TYPES = frozenset({"E201", "E202"})
_SECRET_IN_URL = re.compile(r"(://)[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class SourceText:
    """One file as read: the name that diagnostics show, and its lines."""

    file: str
    lines: tuple[str, ...]

    def line(self, number: int) -> str:
        """The line as a diagnostic may quote it: nothing after a key that looks like a secret, no user in a URL."""
        if not 1 <= number <= len(self.lines):
            return ""
        return _SECRET_IN_LINE.sub(r"\1***", _SECRET_IN_URL.sub(r"\1***@", self.lines[number - 1]))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value came from that a `${...}` stands for.

    words      for messages
    sensitive  the value is never shown
    mend       what to do when it is of a wrong type, for the file holds only the `${...}`
    """

    words: str
    sensitive: bool = False
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a file; lines and columns count from 1, in characters. `origin` when the value stands elsewhere."""

    text: SourceText
    line: int
    column: int
    end_line: int
    end_column: int
    origin: Origin | None = None

    @property
    def range(self) -> SourceRange:
        return SourceRange(self.text.file, self.line, self.column, self.end_line, self.end_column)

    def problem(
        self,
        code: str,
        summary: str,
        *,
        detail: str = "",
        hint: str = "",
        severity: Literal["error", "warning"] = "error",
        address: str = "",
    ) -> Diagnostic:
        """A diagnostic at this place, with the line that shows it."""
        if self.origin and self.origin.sensitive:
            summary, hint = "this value is not allowed here, and not shown: it is sensitive", "check it where it is set"
            detail = self.origin.words
        elif self.origin:
            detail = f"{detail}; {self.origin.words}" if detail else self.origin.words
            hint = (self.origin.mend if code in _OF_TYPES else "") or hint
        return Diagnostic(code, summary, detail, hint, severity, self.range, self.text.line(self.line), address)


class Broken:
    """Stands for a value that was refused already, so that nothing else is said about it."""


BROKEN: Final = Broken()


class WrittenInt(int):
    """A whole number that remembers its spelling, for fields that are text (`as_written`)."""

    source_text: str


class WrittenFloat(float):
    """A decimal number that remembers its spelling: `1.10` is a version as often as a number."""

    source_text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A `${...}` as it is written, and the names in it: `("each", "value", "size")`."""

    written: str
    path: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Template:
    """Text with `${each...}` in it: every instance of a notebook fills it in its own way (`interpolate`)."""

    parts: tuple[str | Reference, ...]


Scalar = str | bool | WrittenInt | WrittenFloat | Broken | Template | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place; `key` is the place of the key that it stands under."""

    value: dict[str, Node] | list[Node] | Scalar
    place: Place
    key: Place | None = None

    @property
    def heading(self) -> Place:
        """Where to point when the value as a whole is meant: at its key."""
        return self.key or self.place

    def entry(self, key: str) -> Node | None:
        """The value under `key`, when this is a map that has it."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def entries(self) -> dict[str, Node]:
        """The entries of a map; none when this is no map."""
        return self.value if isinstance(self.value, dict) else {}

    def items(self) -> list[Node]:
        """The items of a list; none when this is no list."""
        return self.value if isinstance(self.value, list) else []

    def holding(self, value: dict[str, Node] | list[Node] | Scalar) -> Node:
        """Another value at the same place."""
        return Node(value, self.place, self.key)


def mapped(node: Node, change: Callable[[Node], Node]) -> Node:
    """The tree with every scalar changed; the very same tree when nothing is."""
    match node.value:
        case dict() as entries:
            changed = {key: mapped(child, change) for key, child in entries.items()}
            same = all(map(operator.is_, changed.values(), entries.values()))
            return node if same else node.holding(changed)
        case list() as items:
            changed_items = [mapped(item, change) for item in items]
            return node if all(map(operator.is_, changed_items, items)) else node.holding(changed_items)
        case _:
            return change(node)


def is_sensitive(node: Node) -> bool:
    """Whether a sensitive variable gave the value, or a part of it."""
    if node.place.origin and node.place.origin.sensitive:
        return True
    return any(map(is_sensitive, (*node.entries().values(), *node.items())))


def discreet(place: Place, node: Node) -> Place:
    """The place for words that may quote any part of `node`: they are not said when one is sensitive."""
    return replace(place, origin=Origin("a part of it is sensitive", sensitive=True)) if is_sensitive(node) else place


def plain(node: Node) -> Any:
    """The values alone, as pydantic takes them."""
    match node.value:
        case dict() as entries:
            return {key: plain(child) for key, child in entries.items()}
        case list() as items:
            return [plain(child) for child in items]
        case scalar:
            return scalar


def deepest(node: Node, path: tuple[str | int, ...]) -> Node:
    """The node at the end of `path`, or the last one on the way. Steps that are no entries are passed over."""
    for step in path:
        if isinstance(step, str):
            node = node.entry(step) or node
        elif step < len(node.items()):
            node = node.items()[step]
    return node
