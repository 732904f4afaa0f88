"""What the service remembers about one notebook: frozen values, replaced on every change, never edited.

Fields that the API shows carry the API's names and JSON values, so that a notebook renders, persists and takes a
drift patch without a mapping; the others (`transition`, `resize`, `requested`, ...) are the service's own bookkeeping.
No behaviour here: `lifecycle.py` moves notebooks, `wire.py` shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Transition:
    """A state change under way: what the status becomes, and when. `to` is GONE when nothing remains."""

    since: int
    at: int
    to: str
    fail_reason: str | None = None
    image: JsonObject | None = None
    """What the notebook runs on afterwards: saving an image changes it (API page 7.9)."""


@dataclass(frozen=True, slots=True)
class Resize:
    at: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease as shown, plus the length that was asked for: every reset counts `requested` from now again."""

    create_at: int
    update_at: int
    duration: int
    enable: bool
    type: str
    requested: int

    @property
    def deadline(self) -> int:
        return self.create_at + self.duration


@dataclass(frozen=True, slots=True)
class Mount:
    """A dynamic storage. Until `at` it is in `status`, afterwards in `then` (None: nothing more happens)."""

    id: str
    category: str
    mount_path: str
    uri: str
    status: str
    efs_id: str | None = None
    failure_reason: str | None = None
    at: int = 0
    then: str | None = None


@dataclass(frozen=True, slots=True)
class Notebook:
    id: str
    name: str
    description: str
    feature: str
    flavor: str
    image: JsonObject
    status: str
    create_at: int
    update_at: int
    workspace_id: str
    user_id: str
    user: JsonObject
    token: str
    volume: JsonObject
    lease: Lease
    endpoints: tuple[JsonObject, ...] = ()
    data_volumes: tuple[JsonObject, ...] = ()
    tags: tuple[JsonObject, ...] = ()
    pool: JsonObject | None = None
    custom_spec: JsonObject | None = None
    affinity: JsonObject | None = None
    run_user: JsonObject | None = None
    user_vpc: JsonObject | None = None
    fail_reason: str | None = None
    extra: JsonObject = field(default_factory=dict)
    """Response fields that only a drift patch put there."""
    mounts: tuple[Mount, ...] = ()
    transition: Transition | None = None
    resize: Resize | None = None
    visible_at: int = 0
    listed_at: int = 0


_TUPLES = ("data_volumes", "tags")
_OPTIONAL = ("pool", "custom_spec", "affinity", "run_user", "user_vpc", "fail_reason")


def encode(value: object) -> JsonObject:
    """The `default` hook of json.dumps for everything declared here."""
    if isinstance(value, Transition | Resize | Lease | Mount | Notebook):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    raise TypeError(type(value).__name__)


def decode(data: JsonObject) -> Notebook:
    """The notebook that `encode` wrote."""
    notebook = Notebook(**data)
    return replace(
        notebook,
        lease=Lease(**data["lease"]),
        mounts=tuple(Mount(**mount) for mount in data["mounts"]),
        transition=Transition(**data["transition"]) if data["transition"] else None,
        resize=Resize(**data["resize"]) if data["resize"] else None,
        endpoints=tuple(data["endpoints"]),
        data_volumes=tuple(data["data_volumes"]),
        tags=tuple(data["tags"]),
    )


def patched(notebook: Notebook, before: JsonObject, after: JsonObject) -> Notebook:
    """`notebook` with what a drift patch changed between its wire object `before` and `after`.

    A changed status ends whatever was under way: somebody else decided.
    """
    known: JsonObject = {}
    extra = dict(notebook.extra)
    names = {item.name for item in fields(Notebook)}
    for key in before.keys() | after.keys():
        if before.get(key) == after.get(key):
            continue
        value = after.get(key)
        if key == "lease":
            known[key] = _patched_lease(notebook.lease, value)
        elif key == "endpoints":
            known[key] = tuple(endpoint for endpoint in value or () if endpoint.get("service") != "NOTEBOOK")
        elif key in _TUPLES:
            known[key] = tuple(value or ())
        elif key in names:
            if value is None and key not in _OPTIONAL and key != "description":
                raise ValueError(f"no notebook is without {key}")
            known[key] = "" if value is None and key == "description" else value
        elif value is None:
            extra.pop(key, None)
        else:
            extra[key] = value
    if "status" in known:
        known |= {"transition": None, "resize": None}
    return replace(notebook, extra=extra, **known)


def _patched_lease(lease: Lease, value: JsonObject | None) -> Lease:
    shown = {key: item for key, item in (value or {"enable": False}).items() if key in {f.name for f in fields(Lease)}}
    changed = replace(lease, **shown)
    requested = changed.duration - (changed.update_at - changed.create_at) if changed.enable else -1
    return replace(changed, requested=requested)
