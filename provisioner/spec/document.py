"""What spec files declare: the shape of one file, and the validated stack. No reading and no YAML here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from provisioner.errors import Diagnostic, SourceRange
from provisioner.model.address import Address
from provisioner.model.fields import Checked, Declared, as_written, matching, refuse
from provisioner.model.notebook import Notebook


def _version(value: object) -> object:
    if value != 1 or isinstance(value, bool):
        refuse(
            "E217", f"this version of provisioner reads specs of version 1, not {as_written(value)}", hint="version: 1"
        )
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


class Document(Declared):
    """The top level of one spec file."""

    # Maps are open here: what is in them is judged notebook by notebook, after the defaults are merged.
    later: ClassVar[frozenset[str]] = frozenset({"variables", "imports", "moved", "removed", "patches", "environments"})

    version: Version = Field(default=1, description="Version of the spec format: 1.")
    stack: StackName | None = Field(
        default=None, description="Name of the stack. Default: the name of the directory or file."
    )
    defaults: dict[str, Any] = Field(default={}, description="Merged under every notebook of the stack.")
    notebooks: dict[Key, dict[str, Any]] = Field(default={}, description="The notebooks, by KEY.")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One notebook and where it stands.

    source  the place of its KEY
    fields  the place of each of its top-level fields, for errors that come later (also those from `defaults`)
    """

    address: Address
    notebook: Notebook
    source: SourceRange
    fields: Mapping[str, SourceRange]


@dataclass(frozen=True, slots=True)
class Spec:
    """One stack: everything that one state manages. `files` are those it was read from."""

    stack: str
    notebooks: Mapping[Address, Declaration]
    warnings: tuple[Diagnostic, ...] = ()
    files: tuple[str, ...] = ()
