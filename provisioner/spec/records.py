"""What a spec says of records: `imports`, `moved` and `removed`, checked against what is declared. Pure.

What becomes of the state is decided in `restructure`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from provisioner.errors import Diagnostic
from provisioner.model.address import Address
from provisioner.spec.check import validated
from provisioner.spec.document import Import, ImportEntry, Move, MovedEntry, Removal, RemovedEntry
from provisioner.spec.near import nearest
from provisioner.spec.tree import Node, is_sensitive


@dataclass(frozen=True, slots=True)
class Records:
    """The three lists of a stack, from all its files."""

    imports: tuple[Import, ...]
    moved: tuple[Move, ...]
    removed: tuple[Removal, ...]


def records_of(
    documents: Sequence[Node], keys: Collection[str], declared: Collection[Address], problems: list[Diagnostic]
) -> Records:
    """`keys` are those of the notebooks, `declared` their addresses after `for_each`."""
    reading = _Records(keys, declared, problems)
    return Records(
        reading.imports(_entries(documents, "imports")),
        reading.moved(_entries(documents, "moved")),
        reading.removed(_entries(documents, "removed")),
    )


def _entries(documents: Sequence[Node], name: str) -> Iterator[Node]:
    for root in documents:
        section = root.entry(name)
        yield from section.items() if section else ()


def _address(text: str) -> Address:
    address = Address.parse(text)
    assert address is not None  # noqa: S101 - the entry is valid
    return address


class _Records:
    """Reads entry by entry. The shape of each was judged with the document: here a wrong one is passed over."""

    def __init__(self, keys: Collection[str], declared: Collection[Address], problems: list[Diagnostic]) -> None:
        self._keys = keys
        self._declared = declared
        self._problems = problems
        self._left: dict[Address, Node] = {}

    def imports(self, nodes: Iterator[Node]) -> tuple[Import, ...]:
        found: list[Import] = []
        addresses: dict[Address, Node] = {}
        ids: dict[str, Node] = {}
        for node in nodes:
            entry, _ = validated(ImportEntry, node)
            if entry is None:
                continue
            to = _address(entry.to)
            at_to, at_id = node.entries()["to"], node.entries()["id"]
            if is_sensitive(at_id):
                hint = "use a variable that is not sensitive"
                self._tell(at_id, "E220", "an id is recorded and shown, so it cannot be sensitive", hint)
            if to not in self._declared:
                self._tell(at_to, "E240", f"{to} is not declared, so nothing can be recorded there", self._near(to))
            self._once(addresses, to, at_to, f"an import to {to}")
            self._once(ids, entry.id, at_id, f"an import of {entry.id}")
            found.append(Import(to, entry.id, node.place.range))
        return tuple(found)

    def moved(self, nodes: Iterator[Node]) -> tuple[Move, ...]:
        found: list[Move] = []
        arrived: dict[Address, Node] = {}
        for node in nodes:
            entry, _ = validated(MovedEntry, node)
            if entry is None:
                continue
            origin, to = _address(entry.origin), _address(entry.to)
            at_origin, at_to = node.entries()["from"], node.entries()["to"]
            # `from: a` with `to: a["x"]` gives the one notebook a a for_each: KEY stays, the address a does not.
            whole = not (origin.each or to.each)
            if origin in self._declared or (whole and origin.key in self._keys and origin != to):
                hint = "rename the notebook in the spec too, or remove this entry"
                self._tell(at_origin, "E241", f"{origin} is declared, so it cannot be what was moved", hint)
            self._once(self._left, origin, at_origin, f"what becomes of {origin}")
            self._once(arrived, to, at_to, f"a move to {to}")
            found.append(Move(origin, to, node.place.range))
        self._refuse_circles(found)
        return tuple(found)

    def removed(self, nodes: Iterator[Node]) -> tuple[Removal, ...]:
        found: list[Removal] = []
        for node in nodes:
            entry, _ = validated(RemovedEntry, node)
            if entry is None:
                continue
            origin = _address(entry.origin)
            at = node.entries()["from"]
            if origin in self._declared or (not origin.each and origin.key in self._keys):
                hint = "remove the notebook from the spec too, or remove this entry"
                self._tell(at, "E241", f"{origin} is declared, so it is not removed", hint)
            self._once(self._left, origin, at, f"what becomes of {origin}")
            found.append(Removal(origin, entry.destroy, node.place.range))
        return tuple(found)

    def _refuse_circles(self, moves: Sequence[Move]) -> None:
        steps = {move.origin: move.to for move in moves}
        done: set[Address] = set()
        for start in steps:
            path: list[Address] = []
            at: Address | None = start
            while at is not None and at not in done:
                done.add(at)
                path.append(at)
                at = steps.get(at)
            if at in path:
                circle = [*path[path.index(at) :], at]
                hint = "remove one of these entries"
                summary = f"these moves go in a circle: {' to '.join(map(str, circle))}"
                self._tell(self._left[circle[0]], "E242", summary, hint)

    def _once(self, seen: dict[Address, Node] | dict[str, Node], what: Address | str, node: Node, words: str) -> None:
        known: dict[Address | str, Node] = seen  # type: ignore[assignment]  # one kind of key in each
        first = known.setdefault(what, node)
        if first is not node:
            self._tell(node, "E207", f"{words} is said already, at {first.place.range}", "remove one of the two")

    def _near(self, address: Address) -> str:
        if address.key in self._keys:
            own = sorted(str(known) for known in self._declared if known.key == address.key)
            return f"its instances are {', '.join(own[:5])}" if own else "its `for_each` has no entries"
        near = nearest(address.key, self._keys)
        return f"did you mean `{near}`?" if near else "declare the notebook first"

    def _tell(self, node: Node, code: str, summary: str, hint: str) -> None:
        self._problems.append(node.place.problem(code, summary, hint=hint))
