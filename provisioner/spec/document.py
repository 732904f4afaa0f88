"""What spec files declare: the shape of one file, and the validated stack. No reading and no YAML here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from provisioner.errors import Diagnostic, SourceRange
from provisioner.model.address import Address
from provisioner.model.fields import Boolean, Checked, Declared, Text, Uuid, as_written, matching, refuse
from provisioner.model.notebook import Notebook
from provisioner.model.secrets import NO_SECRETS, Secrets


def _version(value: object) -> object:
    if value != 1 or isinstance(value, bool):
        refuse("E217", f"this provisioner reads version 1 of the format, not {as_written(value)}", hint="version: 1")
    return 1


NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"

Version = Annotated[int, Checked(_version, {"const": 1})]
Key = Annotated[
    str,
    matching(
        NAME_PATTERN,
        "E206",
        "a KEY has 1 to 64 letters, digits, - and _, and begins with a letter or a digit",
        "rename it; the instance may have another name: `name: ...`",
    ),
]
StackName = Annotated[
    str,
    matching(
        NAME_PATTERN,
        "E206",
        "a stack's name has 1 to 64 letters, digits, - and _, and begins with a letter or a digit",
        "give it a name in a spec: `stack: my-stack`",
    ),
]


VariableName = Annotated[
    str,
    matching(
        r"[A-Za-z_][A-Za-z0-9_-]{0,63}",
        "E206",
        "a variable's name has 1 to 64 letters, digits, - and _, and begins with a letter or _",
        "rename it: `${var.name}` must be able to say it",
    ),
]
# A spec comes with a merge request; nobody's credentials may end up in the description of a notebook because of it.
_CREDENTIAL = re.compile(r"(?i)(HW|HUAWEICLOUD|OS)_.*(_AK|_SK|KEY|TOKEN|PASSWORD|CREDENTIAL).*")


def _environment_name(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        hint = "letters, digits and _, no digit first: env: CI_COMMIT_AUTHOR"
        refuse("E206", "this is no name of an environment variable", hint=hint)
    if isinstance(value, str) and _CREDENTIAL.fullmatch(value):
        refuse("E412", f"{value} holds a credential of the cloud, which no spec may read", hint="name another variable")
    return value


EnvironmentVariable = Annotated[
    str, Checked(_environment_name, {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"})
]


class Variable(Declared):
    """One variable of a stack."""

    type: Literal["string", "number", "bool", "list", "map"] = Field(
        default="string", description="string (default), number, bool, list or map."
    )
    default: Any = Field(default=None, description="Its value when none is given.")
    env: EnvironmentVariable | None = Field(default=None, description="Environment variable that may give its value.")
    sensitive: Boolean = Field(default=False, description="true: its value is shown nowhere and recorded as a digest.")
    description: Text | None = Field(default=None, description="What it is for.")

    @field_validator("sensitive")
    @classmethod
    def _strings_alone(cls, sensitive: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's way to call
        if sensitive and info.data.get("type", "string") != "string":
            hint = "make each secret a string variable of its own"
            refuse("E220", "only a string can be sensitive: numbers and parts of maps cannot be hidden", hint=hint)
        return sensitive


def _address(value: object) -> object:
    if isinstance(value, str) and not Address.parse(value):
        refuse("E218", f"{value!r} is no address", hint='KEY, notebook.KEY, or KEY["each"] under for_each')
    return value


AddressText = Annotated[str, Checked(_address, {"type": "string", "minLength": 1})]


class ImportEntry(Declared):
    """A live instance to record."""

    to: AddressText = Field(description='Address that it gets: KEY, or KEY["each"].')
    id: Uuid = Field(description="Id of the live instance.")


class MovedEntry(Declared):
    """Another address for what is recorded."""

    origin: AddressText = Field(alias="from", description="Address under which it is recorded.")
    to: AddressText = Field(description="Address that it gets.")


class RemovedEntry(Declared):
    """A notebook that is not declared any more."""

    origin: AddressText = Field(alias="from", description="Address under which it is recorded.")
    destroy: Boolean = Field(default=True, description="false: forget it and leave the instance alone.")


_SETTING = "it belongs into provisioner.yaml at the root of the project"


class Document(Declared):
    """The top level of one spec file."""

    foreign: ClassVar[Mapping[str, str]] = {
        "patches": "name patch files in provisioner.yaml: environments: {prod: {patches: [FILE]}}",
        "environments": _SETTING,
        "cloud": _SETTING,
        "backend": _SETTING,
        "policy": _SETTING,
        "default_tags": _SETTING,
        "ignore_tags": _SETTING,
    }

    # Maps are open here: what is in them is judged notebook by notebook, after the defaults are merged.
    version: Version = Field(default=1, description="Version of the spec format: 1.")
    stack: StackName | None = Field(
        default=None, description="Name of the stack. Default: the name of the directory or file."
    )
    defaults: dict[str, Any] = Field(default={}, description="Merged under every notebook of the stack.")
    notebooks: dict[Key, dict[str, Any]] = Field(default={}, description="The notebooks, by KEY.")
    variables: dict[VariableName, Variable] = Field(default={}, description="Values that `${var.NAME}` stands for.")
    imports: tuple[ImportEntry, ...] = Field(default=(), description="Live instances to record.")
    moved: tuple[MovedEntry, ...] = Field(default=(), description="New addresses of what is recorded.")
    removed: tuple[RemovedEntry, ...] = Field(
        default=(), description="What is not declared any more, and what becomes of it."
    )


@dataclass(frozen=True, slots=True)
class Declaration:
    """One notebook and where it stands.

    source     the place of its KEY
    fields     the place of each of its top-level fields, for errors that come later (also those from `defaults`)
    ignored    paths of which the live value is right: `lifecycle.ignore_changes`, and `tags.KEY` for `ignore_tags`
    sensitive  top-level fields with a value that a sensitive variable gave
    """

    address: Address
    notebook: Notebook
    source: SourceRange
    fields: Mapping[str, SourceRange]
    ignored: frozenset[str] = frozenset()
    sensitive: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Import:
    """A live instance that is to be recorded under an address."""

    to: Address
    id: str
    source: SourceRange


@dataclass(frozen=True, slots=True)
class Move:
    """What is recorded under `origin` is meant by `to`. Both are of one KEY with all its instances, or of one each."""

    origin: Address
    to: Address
    source: SourceRange


@dataclass(frozen=True, slots=True)
class Removal:
    """What is recorded under `origin` is not declared any more; with `destroy` false it is forgotten, not deleted."""

    origin: Address
    destroy: bool
    source: SourceRange


@dataclass(frozen=True, slots=True)
class Giver:
    """A sensitive variable: where its value can be given again, and what stands in the place of that.

    env      its environment variable, "" when it declares none
    digests  of its value, and of its default (`Secrets.hidden`)
    """

    name: str
    env: str
    digests: frozenset[str]


@dataclass(frozen=True, slots=True)
class Spec:
    """One stack: everything that one state manages. `files` are those it was read from, `secrets` the values of its
    sensitive variables, `givers` those variables, `defaulted` the fields, and `tags.KEY`, that have a default in it.
    """

    stack: str
    notebooks: Mapping[Address, Declaration]
    warnings: tuple[Diagnostic, ...] = ()
    files: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()
    moved: tuple[Move, ...] = ()
    removed: tuple[Removal, ...] = ()
    secrets: Secrets = NO_SECRETS
    givers: tuple[Giver, ...] = ()
    defaulted: frozenset[str] = frozenset()
