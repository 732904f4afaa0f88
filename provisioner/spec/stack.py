"""The sources of one stack to its Spec: defaults merged, every notebook validated, every problem collected. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network

from provisioner.errors import Diagnostic
from provisioner.model.address import Address
from provisioner.model.notebook import Notebook
from provisioner.spec.check import misfits, validated
from provisioner.spec.document import NAME_PATTERN, Declaration, Document, Spec
from provisioner.spec.merge import joined, modern, with_defaults
from provisioner.spec.source import Source
from provisioner.spec.tree import BROKEN, Node, Place

MAX_NOTEBOOKS = 10_000

# RFC 1918 and loopback; `is_private` also counts the networks of documentation, which examples use.
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")))


def assemble(name: str, sources: Sequence[Source]) -> tuple[Spec, tuple[Diagnostic, ...]]:
    """The stack, called `name` unless a spec says otherwise, and its errors; the Spec counts only without them."""
    stack = _Stack()
    documents = [stack.document(source.root) for source in sources if source.root]
    if documents and len(documents) == len(sources):
        stack.require_notebooks(documents, sources[0].start)
    stack_name = stack.name(documents, name, sources[0].start) if sources else name
    defaults = stack.defaults(documents)
    declarations = [stack.declaration(key, node, defaults) for key, node in stack.keys(documents).items()]
    notebooks = {declaration.address: declaration for declaration in declarations if declaration}
    files = tuple(source.text.file for source in sources)
    return Spec(stack_name, notebooks, tuple(stack.warnings), files), tuple(stack.problems)


class _Stack:
    """The steps of `assemble`, which share the problems found so far."""

    def __init__(self) -> None:
        self.problems: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []
        self._names: dict[str, str] = {}

    def document(self, root: Node) -> Node:
        """The top level of one file: its own problems are told, and values that nothing takes are marked."""
        root = self._usable(root)
        self.problems += validated(Document, root)[1]
        return root

    def _usable(self, node: Node) -> Node:
        match node.value:
            case dict() as entries:
                return node.holding({key: self._usable(child) for key, child in entries.items()})
            case list() as items:
                return node.holding([self._usable(child) for child in items])
            case None:
                hint = "remove the line or give a value"
                self.problems.append(node.heading.problem("E204", "this is empty", hint=hint))
                return node.holding(BROKEN)
            case str() as text if "${" in text:
                summary = "variables, `${...}`, are not supported by this version yet"
                self.problems.append(node.place.problem("E216", summary, hint="write the value itself"))
                return node.holding(BROKEN)
            case _:
                return node

    def require_notebooks(self, documents: Sequence[Node], start: Place) -> None:
        """A forgotten `notebooks` must not become a plan that destroys everything."""
        if not any(root.entry("notebooks") for root in documents):
            hint = "write `notebooks:` and a notebook below it; `notebooks: {}` declares that there are none"
            self.problems.append(start.problem("E105", "no notebooks in this stack", hint=hint))

    def name(self, documents: Sequence[Node], default: str, start: Place) -> str:
        """What `stack:` says, in one file or alike in several; else the name of the directory or file."""
        given = [node for root in documents if (node := root.entry("stack")) and isinstance(node.value, str)]
        for other in given[1:]:
            if other.value != given[0].value:
                summary = f"this stack is called {given[0].value} already, at {given[0].place.range}"
                hint = "remove `stack:`, or move the file into a directory of its own"
                self.problems.append(other.place.problem("E215", summary, hint=hint))
        if given:
            return str(given[0].value)
        self.problems += validated(Document, Node({"stack": Node(default, start)}, start))[1]
        return default

    def defaults(self, documents: Sequence[Node]) -> Node | None:
        """The defaults of all files as one map."""
        together: Node | None = None
        for root in documents:
            node = root.entry("defaults")
            if node and isinstance(node.value, dict):
                node = modern(node, self.problems)
                self.problems += misfits(Notebook, node)
                together = joined(together, node, self.problems) if together else node
        return together

    def keys(self, documents: Sequence[Node]) -> dict[str, Node]:
        """Every notebook of the stack by its KEY. People confuse keys that differ in case only, so these clash too."""
        found: dict[str, Node] = {}
        spellings: dict[str, str] = {}
        notebooks = [entry for root in documents for entry in _notebooks(root)]
        for key, node in notebooks:
            known = spellings.setdefault(key.casefold(), key)
            if known in found:
                case = f"; `{key}` differs in case only" if known != key else ""
                summary = f"the notebook `{known}` exists already, at {found[known].heading.range}{case}"
                self.problems.append(node.heading.problem("E207", summary, hint="rename one of the two"))
            else:
                found[key] = node
        if len(found) > MAX_NOTEBOOKS:
            summary = f"{len(found)} notebooks in one stack, at most {MAX_NOTEBOOKS} are allowed"
            self.problems.append(notebooks[MAX_NOTEBOOKS][1].heading.problem("E214", summary, hint="split the stack"))
        return found

    def declaration(self, key: str, node: Node, defaults: Node | None) -> Declaration | None:
        """The notebook under KEY, or None after telling why it is none."""
        if not isinstance(node.value, dict):
            return None
        address = Address(key)
        merged = modern(node, self.problems)
        merged = with_defaults(defaults, merged) if defaults else merged
        name = Node(key if re.fullmatch(NAME_PATTERN, key) else BROKEN, node.heading, node.heading)
        merged = merged.holding({"name": name} | merged.entries())
        notebook, problems = validated(Notebook, merged, address=str(address))
        self.problems += problems
        if not notebook:
            return None
        self.warnings += _access_warnings(notebook, merged, str(address))
        self._warn_of_namesake(notebook, merged, str(address))
        fields = {name: child.heading.range for name, child in merged.entries().items()}
        return Declaration(address, notebook, node.heading.range, fields)

    def _warn_of_namesake(self, notebook: Notebook, node: Node, address: str) -> None:
        other = self._names.setdefault(notebook.name, address)
        if other != address:
            summary = f"{other} has the name {notebook.name} too"
            hint = "the service allows it; people will confuse them"
            place = (node.entry("name") or node).place
            self.warnings.append(place.problem("W213", summary, hint=hint, severity="warning", address=address))


def _notebooks(root: Node) -> Iterator[tuple[str, Node]]:
    notebooks = root.entry("notebooks")
    yield from notebooks.entries().items() if notebooks else ()


def _access_warnings(notebook: Notebook, node: Node, address: str) -> Iterator[Diagnostic]:
    """An absent allow-list opens SSH to every address (API page 5.2)."""
    written = node.entry("endpoints")
    items = written.items() if written else []
    for endpoint, item in zip(notebook.endpoints or (), items, strict=True):
        if endpoint.service != "SSH":
            continue
        place = (item.entry("allowed_access_ips") or item.entry("service") or item).heading
        networks = [IPv4Network(text) for text in endpoint.allowed_access_ips]
        if not networks or any(network.prefixlen == 0 for network in networks):
            hint = "allowed_access_ips: [203.0.113.7]"
            yield place.problem("W309", "SSH is open to every address", hint=hint, severity="warning", address=address)
        for network in networks:
            if network.prefixlen and any(network.subnet_of(private) for private in _PRIVATE):
                hint = "the service sees public addresses: name the one that your network goes out with"
                summary = f"{network.with_prefixlen.removesuffix('/32')} is a private address"
                yield place.problem("W311", summary, hint=hint, severity="warning", address=address)
