"""What no part of a spec takes: empty values, and `${...}` where none may stand. Told once, and marked as BROKEN."""

from __future__ import annotations

from collections.abc import Callable

from provisioner.errors import Diagnostic
from provisioner.spec.references import MARK, refusal
from provisioner.spec.tree import BROKEN, Node

_INTERPOLATED = frozenset({"notebooks", "defaults"})


def usable(root: Node, problems: list[Diagnostic]) -> Node:
    """The top level of one file. Text with `${` in it is left where it has a meaning."""
    checking = _Checking(problems)
    return root.holding({name: checking.section(name, child) for name, child in checking.kept(root).items()})


class _Checking:
    def __init__(self, problems: list[Diagnostic]) -> None:
        self._problems = problems

    def section(self, name: str, node: Node) -> Node:
        if name in _INTERPOLATED:
            return self._tree(node, lambda text: text)
        if name == "imports" and isinstance(node.value, list):
            return node.holding([self._import(item) for item in node.value])
        return self._without_marks(node, f"`{name}`")

    def kept(self, node: Node) -> dict[str, Node]:
        """The entries of a map but for those whose key holds a `${`."""
        entries = node.entries()
        marked = [key for key in entries if MARK in key]
        self._problems += [refusal(entries[key].heading, key, "a key") for key in marked]
        return {key: child for key, child in entries.items() if key not in marked} if marked else entries

    def _import(self, node: Node) -> Node:
        if not isinstance(node.value, dict):
            return self._without_marks(node, "`imports`")
        entries = self.kept(node)
        return node.holding(
            {
                name: self._tree(child, lambda text: text)
                if name == "id"
                else self._without_marks(child, f"`{name}` of an import")
                for name, child in entries.items()
            }
        )

    def _without_marks(self, node: Node, where: str) -> Node:
        def refuse(text: Node) -> Node:
            self._problems.append(refusal(text.place, str(text.value), where))
            return text.holding(BROKEN)

        return self._tree(node, refuse)

    def _tree(self, node: Node, marked: Callable[[Node], Node]) -> Node:
        """The tree without empty values; `marked` decides about text with `${` in it."""
        match node.value:
            case dict():
                return node.holding({key: self._tree(child, marked) for key, child in self.kept(node).items()})
            case list() as items:
                return node.holding([self._tree(item, marked) for item in items])
            case None:
                hint = "remove the line or give a value"
                self._problems.append(node.heading.problem("E204", "this is empty", hint=hint))
                return node.holding(BROKEN)
            case str() as text if MARK in text:
                return marked(node)
            case _:
                return node
