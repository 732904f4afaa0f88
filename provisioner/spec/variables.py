"""Variables of a stack: what is declared, and the value that each has in this run.

`--var` and files win over the environment, and that over the default; in the environment, TF_VAR_NAME wins over the
variable that the declaration names, since somebody set it for this one. Where a value is used is in `interpolate`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from provisioner.errors import Diagnostic, SourceRange
from provisioner.model.fields import as_written
from provisioner.model.secrets import NO_SECRETS, SHOWN, Secrets, digest_of
from provisioner.spec.check import validated
from provisioner.spec.document import Giver, Variable
from provisioner.spec.near import nearest
from provisioner.spec.project import Given, Project
from provisioner.spec.scalars import resolved
from provisioner.spec.source import MAX_SCALAR, read_value
from provisioner.spec.text import hidden_character
from provisioner.spec.tree import BROKEN, Node, Origin, Place, Scalar, mapped

_LEAST_SECRET = 4  # characters; a shorter one stands in the middle of other words
_KINDS = {
    "string": "text",
    "number": "a number",
    "bool": "true or false",
    "list": "a list",
    "map": "a map",
}


@dataclass(frozen=True, slots=True)
class Value:
    """What a variable is worth in this run; BROKEN when that is nothing, which was told."""

    node: Node
    origin: Origin


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of a stack by their names.

    secrets  the values of the sensitive ones
    givers   the sensitive ones
    hidden   where such a value stands in a spec: lines that no message may quote
    """

    values: Mapping[str, Value]
    secrets: Secrets = NO_SECRETS
    givers: tuple[Giver, ...] = ()
    hidden: tuple[SourceRange, ...] = ()

    def redacted(self, problem: Diagnostic) -> Diagnostic:
        """The problem without the value of any sensitive variable."""
        at = problem.range
        shows = at and any(place.file == at.file and place.line <= at.line <= place.end_line for place in self.hidden)
        # What is refused as too short would be found in other words here, and so be given away.
        texts = [text for text in self.secrets.texts if len(text) >= _LEAST_SECRET]
        if not (shows or texts):
            return problem
        line = "" if shows or any(text in problem.source_line for text in texts) else problem.source_line
        summary, detail, hint = (_veiled(words, texts) for words in (problem.summary, problem.detail, problem.hint))
        return replace(problem, summary=summary, detail=detail, hint=hint, source_line=line)


def variables_of(documents: Sequence[Node], project: Project, problems: list[Diagnostic]) -> Variables:
    """Every variable that a stack declares, with its value."""
    declared = _declared(documents, problems)
    values = {name: _value(name, node, project, problems) for name, node in declared.items()}
    sensitive = [name for name, node in declared.items() if _may_be_sensitive(node)]
    defaults = {name: node for name in sensitive if (node := declared[name].entry("default"))}
    texts = {name: _texts(values[name].node, defaults.get(name)) for name in sensitive}
    return Variables(
        values,
        Secrets.of(text for each in texts.values() for text in each),
        tuple(_giver(name, declared[name], texts[name]) for name in sensitive),
        tuple(replace(node.place.range, line=node.heading.line) for node in defaults.values()),
    )


def _texts(*nodes: Node | None) -> list[str]:
    """What a sensitive variable may stand for."""
    values = [node.value for node in nodes if node]
    return [str(as_written(value)) for value in values if isinstance(value, str | int | float)]


def _giver(name: str, declared: Node, texts: Sequence[str]) -> Giver:
    env = declared.entry("env")
    return Giver(name, str(env.value) if env else "", frozenset(map(digest_of, texts)))


def _veiled(words: str, texts: Iterable[str]) -> str:
    for text in texts:
        words = words.replace(text, SHOWN)
    return words


def undeclared(project: Project, declared: Collection[str]) -> list[Diagnostic]:
    """A value for a variable that no loaded stack has is a mistake in its name, or, in provisioner.yaml, meant for
    another stack: a warning then. Its line may hold a secret.
    """
    problems = []
    for name, given in project.given.items():
        if name in declared:
            continue
        near = nearest(name, declared)
        hint = f"did you mean `{near}`?" if near else f"declare it: `variables: {{{name}: {{}}}}`"
        summary = f"{given.origin} gives a value to `{name}`, which no spec declares"
        problem = (
            Diagnostic("E223", summary, hint=hint)
            if given.strict
            else Diagnostic("W223", summary, hint=hint, severity="warning")
        )
        at = given.value.heading.range if isinstance(given.value, Node) else None
        problems.append(replace(problem, range=at))
    return problems


def _declared(documents: Sequence[Node], problems: list[Diagnostic]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for root in documents:
        section = root.entry("variables")
        for name, node in section.entries().items() if section else ():
            if name in found:
                summary = f"the variable `{name}` is declared already, at {found[name].heading.range}"
                problems.append(node.heading.problem("E207", summary, hint="remove one of the two"))
            else:
                found[name] = node
    return found


def _may_be_sensitive(node: Node) -> bool:
    """What is wrongly declared may be meant as a secret."""
    sensitive = node.entry("sensitive")
    return bool(sensitive and sensitive.value is not False)


def _value(name: str, node: Node, project: Project, problems: list[Diagnostic]) -> Value:
    declared, _ = validated(Variable, node)  # refusals were told with those of the whole document
    sensitive = _may_be_sensitive(node)
    broken = Value(Node(BROKEN, node.place), Origin(f"`var.{name}`", sensitive))
    if declared is None:
        return broken
    given, default = project.given.get(name), node.entry("default")
    for variable in (f"TF_VAR_{name}", declared.env or ""):
        if given is None and variable in project.environ:
            given = Given(project.environ[variable], f"the environment variable {variable}")
    if given is None and default is None:
        ways = [
            f"--var {name}=VALUE",
            "--var-file FILE",
            *([f"the environment variable {declared.env}"] if declared.env else ()),
        ]
        hint = f"give it one: {', '.join(ways)}, or `default: ...` in its declaration"
        problems.append(node.heading.problem("E221", f"the variable `{name}` has no value", hint=hint))
        return broken
    reading = _Reading(name, declared.type, node.heading, problems)
    if given is None:
        assert default is not None  # noqa: S101 - told above
        found, source = reading.written(default), f"its default at {default.place.range}"
    elif isinstance(given.value, Node):
        found, source = reading.from_file(given.value), f"{given.origin}, at {given.value.place.range}"
    else:
        found, source = reading.typed(given.value, given.origin), given.origin
    if sensitive:
        problems += _too_short(name, node, [found, *([default] if default else ())])
    mend = f"declare the type of the variable: `{name}: {{type: number}}`" if declared.type == "string" else ""
    return Value(found, Origin(f"`var.{name}` is a {declared.type} from {source}", sensitive, mend))


def _too_short(name: str, declared: Node, values: Sequence[Node]) -> Iterator[Diagnostic]:
    """A record hides a secret wherever it stands: a very short one would garble every other word. An empty one hides
    nothing.
    """
    if any(0 < len(str(as_written(value.value))) < _LEAST_SECRET for value in values if _fits("string", value.value)):
        summary = f"the sensitive variable `{name}` has fewer than {_LEAST_SECRET} characters"
        hint = "take a longer value; anybody would guess this one"
        yield replace(declared.heading.problem("E220", summary, hint=hint), source_line="")


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads one value by the type that its variable is declared with."""

    name: str
    kind: str
    declared: Place
    problems: list[Diagnostic]

    def written(self, node: Node) -> Node:
        """A value in a spec."""
        refused = self._misfit(node)
        if refused:
            self._tell(node.place, *refused)
            return node.holding(BROKEN)
        return node.holding(as_text(node)) if self.kind == "string" else node

    def from_file(self, node: Node) -> Node:
        """A value in a file of values. Its line is not quoted: a secret may stand beside it."""
        count = len(self.problems)
        node = mapped(node, self._not_empty)
        if len(self.problems) == count:
            node = self.written(node)
        self.problems[count:] = [replace(problem, source_line="") for problem in self.problems[count:]]
        return node

    def typed(self, text: str, origin: str) -> Node:
        """Text from the command line or the environment, held to the rules for values in files."""
        broken = Node(BROKEN, self.declared)
        if found := hidden_character(text):
            self._tell(self.declared, "E104", f"the invisible character {found} in the value of {origin}", "remove it")
            return broken
        if len(text) > MAX_SCALAR:
            self._tell(self.declared, "E113", f"{origin} has more than {MAX_SCALAR // 1024} KiB", "shorten it")
            return broken
        node = self._parsed(text, origin) if self.kind in {"list", "map"} else Node(self._scalar(text), self.declared)
        if node is None:
            return broken
        if refused := self._misfit(node):
            code, summary, hint = refused
            self._tell(self.declared, code, f"{origin}: {summary}", hint)
            return broken
        return node

    def _scalar(self, text: str) -> Scalar:
        value = text if self.kind == "string" else resolved(text.strip())
        return text if value is None else value

    def _parsed(self, text: str, origin: str) -> Node | None:
        """Text that holds a list or a map. Problems are told at the declaration: the text is in no file."""
        source = read_value(origin, text)
        problems = list(source.problems)
        root = source.root
        if root:
            empties = _Reading(self.name, self.kind, self.declared, problems)
            root = mapped(root, empties._not_empty)
        for problem in problems:
            at = f"line {problem.range.line}, column {problem.range.column} of " if problem.range else ""
            self._tell(self.declared, problem.code, f"{problem.summary}: {at}{origin}", problem.hint)
        return None if problems else root or Node(text, self.declared)

    def _not_empty(self, node: Node) -> Node:
        if node.value is None:
            hint = "remove the line or give a value"
            self.problems.append(node.heading.problem("E204", "this is empty", hint=hint))
            return node.holding(BROKEN)
        return node

    def _misfit(self, node: Node) -> tuple[str, str, str] | None:
        """Code, summary and hint when a value is not of the declared type."""
        value = node.value
        if value is BROKEN or _fits(self.kind, value):
            return None
        hint = f"give {_KINDS[self.kind]}, or declare `type: {_kind_of(value)}`"
        summary = f"the variable `{self.name}` is a {self.kind}, this value is a {_kind_of(value)}"
        return "E222", summary, hint

    def _tell(self, place: Place, code: str, summary: str, hint: str) -> None:
        self.problems.append(place.problem(code, summary, hint=hint))


def as_text(node: Node) -> str:
    """A plain number where text is declared is text as it was written."""
    return str(as_written(node.value))


def _fits(kind: str, value: object) -> bool:
    if kind == "string":
        return _kind_of(value) in {"string", "number"}
    return _kind_of(value) == kind


def _kind_of(value: object) -> str:
    match value:
        case dict():
            return "map"
        case list():
            return "list"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case _:
            return "string"
