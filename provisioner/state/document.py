"""The recorded state as a value: what exists, under which id. Replaced, never edited. No files here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provisioner.errors import StateError

FORMAT = "provisioner.state/1"


class Recorded(BaseModel):
    """Base of everything read back from a state: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Record(Recorded):
    """One notebook that exists.

    attributes  what was declared when it was last applied (`Notebook.attributes`)
    observed    what the service said of it (`Observation.payload`): no secret, nothing that moves by itself
    incomplete  an apply was cut off or failed between two operations on it
    """

    id: str = Field(min_length=1)
    status: str
    protected: bool = False
    incomplete: bool = Field(default=False, exclude_if=lambda incomplete: not incomplete)
    attributes: dict[str, Any] = Field(default_factory=dict)
    observed: dict[str, Any] = Field(default_factory=dict)


class Pending(Recorded):
    """A create that was sent and whose answer nobody saw: the instance may exist.

    at    seconds since the epoch when it was sent
    body  what was asked for, under the names of the spec
    """

    address: str
    at: float
    body: dict[str, Any]


class Cloud(Recorded):
    """Where the recorded instances live; another project or region must not be compared with them."""

    region: str
    project_id: str


class State(Recorded):
    """Everything recorded for one stack. `serial` grows with each written change, `lineage` never changes."""

    format: Literal["provisioner.state/1"] = "provisioner.state/1"
    lineage: str
    serial: int = Field(ge=0)
    stack: str
    cloud: Cloud | None = Field(default=None, exclude_if=lambda cloud: cloud is None)
    resources: Mapping[str, Record] = Field(default_factory=dict)
    pending: tuple[Pending, ...] = Field(default=(), exclude_if=lambda pending: not pending)

    @classmethod
    def empty(cls, stack: str) -> Self:
        return cls(lineage=str(uuid.uuid4()), serial=0, stack=stack)

    def with_records(self, changes: Mapping[str, Record | None]) -> Self:
        """The state after `changes`: a record replaces what stood at its address, None removes it."""
        merged = {**self.resources, **changes}
        kept = {address: record for address, record in sorted(merged.items()) if record is not None}
        return self.model_copy(update={"resources": kept})

    def with_pending(self, pending: tuple[Pending, ...]) -> Self:
        return self.model_copy(update={"pending": pending})

    def next(self, cloud: Cloud | None) -> Self:
        """The same content as the following generation."""
        return self.model_copy(update={"serial": self.serial + 1, "cloud": cloud or self.cloud})

    def dumps(self) -> str:
        """The one spelling of this state: sorted, two spaces, one newline at the end."""
        document = self.model_dump(mode="json")
        return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def parse_state(data: bytes, place: str) -> State:
    """The state that `data` spells; `place` names it in errors."""
    hint = "nothing was changed; put back a good copy of it, or ask for help before running apply"
    if not data.strip(b"\0 \t\r\n"):
        raise StateError(
            f"the state {place} is empty", detail="An empty file is damage, not an empty state.", hint=hint
        )
    try:
        document = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise StateError(f"the state {place} is damaged", detail=f"It is not JSON text: {error}.", hint=hint) from error
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        newer = isinstance(found, str) and found.startswith("provisioner.state/")
        detail = f"Its format is {found!r}, this version reads {FORMAT!r}."
        mend = "use the version of provisioner that wrote it, or a newer one" if newer else hint
        raise StateError(f"the state {place} cannot be read by this version", detail=detail, hint=mend)
    try:
        return State.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StateError(f"the state {place} is damaged", detail=f"{where}: {first['msg']}.", hint=hint) from error
