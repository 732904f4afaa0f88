"""`--filter` of `import --all`: which live notebooks are meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self

from provisioner.errors import UsageError

if TYPE_CHECKING:
    from provisioner.model.observation import Observation

_TAG = "tag."
_FIELDS = ("name", "status", "flavor", "pool_id", "workspace_id")
_HINT = "name=GLOB, status=, flavor=, pool_id=, workspace_id=, tag.KEY=VALUE or tag.KEY"


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. `value` is None when a tag may have any."""

    field: str
    value: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        field, equals, value = text.partition("=")
        if field.startswith(_TAG) and len(field) > len(_TAG):
            return cls(field, value if equals else None)
        if field in _FIELDS and value:
            return cls(field, value)
        if field in _FIELDS:
            raise UsageError(f"the filter {text!r} has no value", hint=f"write {field}=VALUE")
        raise UsageError(f"{text!r} is no filter", hint=f"there are {_HINT}")

    def fits(self, notebook: Observation) -> bool:
        match self.field:
            case "name":
                return fnmatchcase(notebook.name, self.value or "")
            case "status":
                return notebook.status == (self.value or "").upper()
            case "flavor":
                return notebook.flavor == self.value
            case "pool_id":
                return notebook.pool.id == self.value
            case "workspace_id":
                return notebook.workspace_id == self.value
            case tag:
                values = {each.key: each.value for each in notebook.tags or ()}
                key = tag.removeprefix(_TAG)
                return key in values and self.value in {None, values[key]}


def workspaces_of(filters: Sequence[Filter]) -> list[str]:
    """The workspaces to look through: those that are asked for, else the default one."""
    return [each.value for each in filters if each.field == "workspace_id" and each.value] or ["0"]
