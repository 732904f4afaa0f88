"""The recorded state as a value: what exists, under which id. Replaced, never edited. No files here."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provisioner.errors import StateDamaged, StateError
from provisioner.model.marker import marked, unmarked
from provisioner.model.secrets import Secrets

FORMAT = "provisioner.state/1"
_DIGEST = "sha256"
_IDENTIFYING = frozenset({"marker", "marker_place", "workspace_id"})


class Recorded(BaseModel):
    """Base of everything read back from a state: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Deposed(Recorded):
    """An instance that another has taken the place of and that is not deleted yet (create_before_destroy)."""

    id: str = Field(min_length=1)
    workspace_id: str = "0"


class Record(Recorded):
    """One notebook that exists.

    protected   no plan deletes or replaces it (lifecycle.prevent_destroy)
    attributes  what was declared when it was last applied (`Notebook.attributes`)
    observed    what the service said of it (`Observation.payload`): no secret, nothing that moves by itself
    incomplete  an apply was cut off or failed between two operations on it
    deposed     instances before it that are still to be deleted
    by_hand     attributes that `start`, `stop` or `extend` set since: they count until the spec says something else
    """

    id: str = Field(min_length=1)
    status: str
    protected: bool = False
    incomplete: bool = Field(default=False, exclude_if=lambda incomplete: not incomplete)
    deposed: tuple[Deposed, ...] = Field(default=(), exclude_if=lambda deposed: not deposed)
    by_hand: dict[str, Any] = Field(default_factory=dict, exclude_if=lambda by_hand: not by_hand)
    attributes: dict[str, Any] = Field(default_factory=dict)
    observed: dict[str, Any] = Field(default_factory=dict)

    @property
    def workspace_id(self) -> str:
        return str(self.observed.get("workspace_id") or self.attributes.get("workspace_id") or "0")

    def hidden(self, secrets: Secrets) -> Self:
        """The same without the secret texts; what identifies the instance stays."""
        return self.model_copy(
            update={
                "by_hand": _hidden(self.by_hand, secrets),
                "attributes": _hidden(self.attributes, secrets),
                "observed": _hidden(self.observed, secrets),
            }
        )


class Pending(Recorded):
    """A create that was sent and whose answer nobody saw: the instance may exist.

    at    seconds since the epoch when it was sent
    body  what was asked for, under the names of the spec, with the mark by which it is searched for
    """

    address: str
    at: float
    body: dict[str, Any]

    def hidden(self, secrets: Secrets) -> Self:
        """The same without the secret texts; what it is searched for by stays."""
        body, mark, place = unmarked(self.body)
        return self.model_copy(update={"body": marked(_hidden(body, secrets), mark, place)})


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

    @property
    def owners(self) -> dict[str, str]:
        """The id of every instance that is recorded, a deposed one too, with the address that it belongs to."""
        return {
            identifier: address
            for address, record in self.resources.items()
            for identifier in (record.id, *(deposed.id for deposed in record.deposed))
        }

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

    @property
    def digest(self) -> str:
        return _digest(self.model_dump(mode="json"))

    def dumps(self) -> str:
        """The one spelling of this state, with its digest: sorted, two spaces, one newline at the end."""
        document = self.model_dump(mode="json")
        document[_DIGEST] = _digest(document)
        return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _hidden(values: Mapping[str, Any], secrets: Secrets) -> dict[str, Any]:
    """A secret may be a short word that stands by chance in what identifies an instance."""
    return {name: value if name in _IDENTIFYING else secrets.hidden(value) for name, value in values.items()}


def _digest(document: Mapping[str, Any]) -> str:
    """Of what is said, not of how it is spelt: line ends and indentation do not matter."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parse_state(data: bytes, place: str) -> State:
    """The state that `data` spells; `place` names it in errors.

    StateDamaged when it cannot be trusted: another copy of it may take its place. A state without a digest was written
    before there were digests, or edited by somebody who took it out on purpose.
    """
    document = _document(data, place)
    digest = document.pop(_DIGEST, None)
    if digest is not None and digest != _digest(document):
        detail = f'It does not agree with its "{_DIGEST}": it was edited by hand, or the disk spoiled it.'
        raise _damaged(place, detail)
    try:
        return State.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _damaged(place, f"{where}: {first['msg']}.") from error


def _document(data: bytes, place: str) -> dict[str, Any]:
    """What `data` spells, in the format that this version reads."""
    if not data.strip(b"\0 \t\r\n"):
        raise _damaged(place, "An empty file is damage, not an empty state.", what="is empty")
    try:
        document = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise _damaged(place, f"It is not JSON text: {error}.") from error
    found = document.get("format") if isinstance(document, dict) else None
    if isinstance(document, dict) and found == FORMAT:
        return document
    detail = f"Its format is {found!r}, this version reads {FORMAT!r}."
    if isinstance(found, str) and found.startswith("provisioner.state/"):
        hint = "use the version of provisioner that wrote it, or a newer one"
        raise StateError(f"the state {place} cannot be read by this version", detail=detail, hint=hint)
    raise _damaged(place, detail, what="cannot be read by this version")


def _damaged(place: str, detail: str, *, what: str = "is damaged") -> StateDamaged:
    hint = "nothing was changed; put back a good copy of it, or ask for help before running apply"
    return StateDamaged(f"the state {place} {what}", detail=detail, hint=hint)
