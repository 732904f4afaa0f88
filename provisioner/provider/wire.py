"""Between the names of a spec and the bodies of the API. Pure: no requests here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from provisioner.errors import ApiError
from provisioner.model.access import Access
from provisioner.model.answer import Mount
from provisioner.model.notebook import NO_AUTO_STOP
from provisioner.model.observation import Observation

_Answer = TypeVar("_Answer", bound=BaseModel)


def create_body(values: Mapping[str, Any]) -> dict[str, Any]:
    """E1 (API page 5.1). A lease goes as `lease`; "never" can only be said as duration -1 (API page 19)."""
    body = {name: value for name, value in values.items() if name != "lease"}
    match values.get("lease"):
        case "never":
            body["duration"] = NO_AUTO_STOP
        case Mapping() as lease:
            body["lease"] = dict(lease)
        case _:
            pass
    return body


def lease_query(lease: Mapping[str, Any] | str | None) -> dict[str, str]:
    """E7 (API page 7.5): a start without these resets the lease to one hour."""
    match lease:
        case None:
            return {}
        case Mapping():
            return {"duration": str(lease["duration"]), "type": str(lease.get("type", "TIMING"))}
        case _:
            return {"duration": str(NO_AUTO_STOP)}


def lease_body(lease: Mapping[str, Any] | str) -> dict[str, Any]:
    """E9 (API page 7.7): in the body, because a duration in the query forces TIMING."""
    return dict(lease) if isinstance(lease, Mapping) else {"duration": NO_AUTO_STOP}


def tag_body(tags: Mapping[str, str]) -> dict[str, Any]:
    """E18 and E19 (API page 10)."""
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def parse_notebook(payload: Any) -> Observation:
    """A notebook from an answer of the service."""
    return parse(Observation, payload, "a notebook")


def parse_access(payload: Any) -> Access:
    """How to reach a notebook, from an answer of the service."""
    return parse(Access, payload, "a notebook")


def parse_mount(payload: Any) -> Mount:
    """A dynamic mount from an answer of the service."""
    return parse(Mount, payload, "a mount")


def rows(payload: Mapping[str, Any], name: str = "data") -> list[Any]:
    """The rows of a list (API page 13)."""
    found = payload.get(name)
    if found is None:
        found = []
    if not isinstance(found, list):
        raise ApiError(f"the service answered a list whose `{name}` is {type(found).__name__}")
    return found


def total(payload: Mapping[str, Any]) -> int | None:
    """How many rows all pages have, None when the service does not say."""
    found = payload.get("total")
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def parse(model: type[_Answer], payload: Any, what: str) -> _Answer:
    """`payload` as a `model`; `what` it is, for the error."""
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the answer"
        raise ApiError(f"the service answered {what} that cannot be read: {where}: {first['msg']}") from error
