"""The sources of one stack to its Spec, every problem collected. No I/O.

What happens here, in order: variables get their values, `${...}` is replaced, `for_each` is expanded, defaults are put
under, patches applied, and what has come out of that is validated. Each of these has a module of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provisioner.errors import Diagnostic
from provisioner.model.address import Address
from provisioner.model.fields import as_written
from provisioner.model.notebook import Notebook
from provisioner.spec.access import access_problems
from provisioner.spec.check import misfits, validated
from provisioner.spec.document import Declaration, Document, Spec
from provisioner.spec.expand import Instance, default_name, instances
from provisioner.spec.interpolate import Interpolation, without_templates
from provisioner.spec.lifecycle import ignored_paths, lifecycle_problems, with_default_tags
from provisioner.spec.merge import joined, modern, with_defaults
from provisioner.spec.patches import Patch, patched, with_variables
from provisioner.spec.project import Project, state_name
from provisioner.spec.records import records_of
from provisioner.spec.source import Source
from provisioner.spec.tree import Node, Place, is_sensitive, mapped
from provisioner.spec.usable import usable
from provisioner.spec.variables import variables_of

# What may come from a file that could not be read: said of whole stacks alone.
_OF_WHOLE_STACKS = frozenset({"E227", "E240"})


@dataclass(frozen=True, slots=True)
class Assembled:
    """A stack and its errors; the Spec counts only without them.

    variables  names of those that it declares
    keys       of its notebooks, as they are written
    addresses  of its notebooks, also of those that are refused
    whole      every file could be read
    """

    spec: Spec
    problems: tuple[Diagnostic, ...]
    variables: frozenset[str]
    keys: frozenset[str]
    addresses: frozenset[Address]
    whole: bool


def assemble(name: str, sources: Sequence[Source], project: Project, patches: Sequence[Patch] = ()) -> Assembled:
    """The stack, called `name` unless a spec says otherwise, for one environment."""
    stack = _Stack(project)
    roots = [usable(source.root, stack.problems) for source in sources if source.root]
    whole = len(roots) == len(sources)
    variables = variables_of(roots, project, stack.problems)
    interpolation = Interpolation(variables.values, stack.problems)
    documents = [stack.document(root, interpolation) for root in roots]
    if documents and whole:
        stack.require_notebooks(documents, sources[0].start)
    keys = stack.keys(documents)
    found = instances(keys, stack.problems)
    defaults = stack.defaults(documents)
    making = _Making(
        project,
        interpolation,
        defaults,
        with_variables([patch for patch in patches if patch.target.key in keys], interpolation),
        hides=bool(variables.secrets.texts),
    )
    declarations = [making.declaration(instance, stack.problems, stack.warnings) for instance in found]
    addresses = frozenset(instance.address for instance in found)
    records = records_of(documents, keys, addresses, stack.problems)
    spec = Spec(
        stack.name(documents, name, sources[0].start) if sources else name,
        {declaration.address: declaration for declaration in declarations if declaration},
        tuple(map(variables.redacted, stack.warnings)),
        tuple(source.text.file for source in sources),
        records.imports,
        records.moved,
        records.removed,
        variables.secrets,
        variables.givers,
        frozenset(_defaulted(defaults)) if defaults else frozenset(),
    )
    problems = [each for each in stack.problems if whole or each.code not in _OF_WHOLE_STACKS]
    redacted = tuple(map(variables.redacted, problems))
    return Assembled(spec, redacted, frozenset(variables.values), frozenset(keys), addresses, whole)


def stack_name(name: str, sources: Sequence[Source], project: Project) -> tuple[str, tuple[Diagnostic, ...]]:
    """The name of a stack alone: who wants no more needs no values of variables."""
    stack = _Stack(project)
    documents = [source.root for source in sources if source.root]
    for node in filter(None, (root.entry("stack") for root in documents)):  # it becomes the name of a file
        stack.problems += validated(Document, Node({"stack": node}, node.place))[1]
    return stack.name(documents, name, sources[0].start) if sources else name, tuple(stack.problems)


class _Stack:
    """What its files say together, with the problems found so far."""

    def __init__(self, project: Project) -> None:
        self.problems: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []
        self._project = project

    def document(self, root: Node, interpolation: Interpolation) -> Node:
        """The same with values in the place of `${...}`. Problems with its shape are told."""
        root = mapped(root, interpolation.resolved)
        if imports := root.entry("imports"):
            imports = interpolation.filled(imports, None, "an import")
            root = root.holding(root.entries() | {"imports": imports})
        self.problems += validated(Document, root)[1]
        return root

    def require_notebooks(self, documents: Sequence[Node], start: Place) -> None:
        """A forgotten `notebooks` must not become a plan that destroys everything."""
        if not any(root.entry("notebooks") for root in documents):
            hint = "write `notebooks:` and a notebook below it; `notebooks: {}` declares that there are none"
            self.problems.append(start.problem("E105", "no notebooks in this stack", hint=hint))

    def name(self, documents: Sequence[Node], default: str, start: Place) -> str:
        """What `stack:` says, in one file or alike in several; else the name of the directory or file. A state of its
        own for each environment.
        """
        nodes = [node for root in documents if (node := root.entry("stack"))]
        given = [(name, node.place) for node in nodes if isinstance(name := as_written(node.value), str)]
        for name, place in given[1:]:
            if name != given[0][0]:
                summary = f"this stack is called {given[0][0]} already, at {given[0][1].range}"
                hint = "remove `stack:`, or move the file into a directory of its own"
                self.problems.append(place.problem("E215", summary, hint=hint))
        if not given:
            self.problems += validated(Document, Node({"stack": Node(default, start)}, start))[1]
        return state_name(given[0][0] if given else default, self._project.environment)

    def defaults(self, documents: Sequence[Node]) -> Node | None:
        """The defaults of all files as one map."""
        together: Node | None = None
        for root in documents:
            node = root.entry("defaults")
            if node and isinstance(node.value, dict):
                self.problems += misfits(Notebook, modern(without_templates(node), self.problems))
                together = joined(together, node, self.problems) if together else node
        return together

    def keys(self, documents: Sequence[Node]) -> dict[str, Node]:
        """Every notebook of the stack by its KEY. People confuse keys that differ in case only, so these clash too."""
        found: dict[str, Node] = {}
        spellings: dict[str, str] = {}
        for key, node in (entry for root in documents for entry in _notebooks(root)):
            known = spellings.setdefault(key.casefold(), key)
            if known in found:
                case = f"; `{key}` differs in case only" if known != key else ""
                summary = f"the notebook `{known}` exists already, at {found[known].heading.range}{case}"
                self.problems.append(node.heading.problem("E207", summary, hint="rename one of the two"))
            else:
                found[key] = node
        return found


class _Making:
    """Makes one declaration after the other."""

    def __init__(
        self,
        project: Project,
        interpolation: Interpolation,
        defaults: Node | None,
        patches: Sequence[Patch],
        *,
        hides: bool,
    ) -> None:
        self._project = project
        self._interpolation = interpolation
        self._defaults = defaults
        self._patches = patches
        self._hides = hides
        self._names: dict[str, str] = {}

    def declaration(
        self, instance: Instance, problems: list[Diagnostic], warnings: list[Diagnostic]
    ) -> Declaration | None:
        """The notebook of an instance, or None after telling why it is none."""
        if not isinstance(instance.node.value, dict):
            return None
        address, project = str(instance.address), self._project
        node = patched(self._expanded(instance, problems), instance, self._patches, self._interpolation, problems)
        problems += lifecycle_problems(node, project.ignore_tags, address)
        node = with_default_tags(node, project.default_tags)
        notebook, refused = validated(Notebook, node, address=address)
        problems += refused
        if not notebook:
            return None
        for problem in access_problems(notebook, node, project.policy, address):
            (problems if problem.severity == "error" else warnings).append(problem)
        warnings += self._namesakes(notebook, node, address)
        fields = node.entries()
        return Declaration(
            instance.address,
            notebook,
            instance.node.heading.range,
            {name: child.heading.range for name, child in fields.items()},
            ignored_paths(notebook, project.ignore_tags),
            frozenset(name for name, child in fields.items() if self._hides and is_sensitive(child)),
        )

    def _expanded(self, instance: Instance, problems: list[Diagnostic]) -> Node:
        """What an instance declares, with its defaults under it."""

        def filled(node: Node) -> Node:
            return self._interpolation.filled(node, instance.each, str(instance.address))

        node = filled(instance.node)
        node = with_defaults(self._defaults, node, filled) if self._defaults else node
        node = modern(node, problems)
        return node if node.entry("name") else node.holding(node.entries() | {"name": default_name(instance, problems)})

    def _namesakes(self, notebook: Notebook, node: Node, address: str) -> Iterator[Diagnostic]:
        other = self._names.setdefault(notebook.name, address)
        if other != address:
            summary = f"{other} has the name {notebook.name} too"
            hint = "the service allows it; people will confuse them"
            place = (node.entry("name") or node).place
            yield place.problem("W213", summary, hint=hint, severity="warning", address=address)


def _defaulted(defaults: Node) -> Iterator[str]:
    tags = defaults.entry("tags")
    yield from defaults.entries()
    yield from (f"tags.{key}" for key in (tags.entries() if tags else ()))


def _notebooks(root: Node) -> Iterator[tuple[str, Node]]:
    notebooks = root.entry("notebooks")
    yield from notebooks.entries().items() if notebooks else ()
