"""A notebook under the names that the Terraform provider has for its attributes, and ours where it has none. Pure.

Policies that were written for Terraform read these names. `state.terraform` reads them the other way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from provisioner.diff import BEHAVIORS, Change
from provisioner.model.observation import Observation
from provisioner.model.secrets import SHOWN
from provisioner.planning.protection import PATH as PROTECTION
from provisioner.state.document import Record

# Under which names each field of a spec is shown; where there are several, the first of them is the field itself.
SHOWN_AS: Mapping[str, tuple[str, ...]] = {
    "name": ("name",),
    "description": ("description",),
    "feature": ("feature",),
    "flavor": ("flavor_id",),
    "custom_spec": ("custom_spec",),
    "image_id": ("image_id", "image_name"),
    "pool_id": ("pool_id", "pool_name"),
    "workspace_id": ("workspace_id",),
    "volume": ("volume",),
    "data_volumes": ("data_volumes",),
    "endpoints": ("endpoints", "key_pair", "allowed_access_ips"),
    "storages": ("storages", "mount_storages"),
    "lease": ("lease", "auto_stop_enabled"),
    "desired_status": ("desired_status", "status"),
    "tags": ("tags",),
    "hooks": ("hooks",),
    "affinity": ("affinity",),
    "run_user": ("run_user",),
    "user_vpc": ("user_vpc",),
    "public_network_config": ("public_network_config",),
}
# Where the service has other names for what a spec declares.
_OF_SERVICE = {"image": "image_id", "pool": "pool_id"}

# What the provider lets one leave out, so that it stands there as null.
OPTIONAL = ("allowed_access_ips", "description", "flavor_id", "key_pair", "pool_id", "tags")
# What the service decides where a spec is silent: unknown until the instance exists.
COMPUTED = (
    *("auto_stop_enabled", "created_at", "feature", "id", "image_id", "image_name", "lease", "mount_storages"),
    *("pool_name", "region", "status", "workspace_id"),
)
# What only the service can tell once the field is changed.
_UNKNOWN_AFTER = {"image_id": "image_name", "storages": "mount_storages", "desired_status": "status"}
# Each of them leaves no room for the other.
_EXCLUDES = {"flavor": "custom_spec", "custom_spec": "flavor"}

_WRITE_ONLY = frozenset(path for path, behavior in BEHAVIORS.items() if behavior.write_only)
_VOLUME = {"category": "type", "capacity": "size"}
_STORAGE = {"category": "type", "uri": "path"}


def named(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """`attributes`, in the form of `Notebook.attributes`, under the names of the provider."""
    found: dict[str, Any] = dict.fromkeys(OPTIONAL)
    for field, value in attributes.items():
        found |= _named(field, value)
    return found


def told(record: Record) -> dict[str, Any]:
    """What the service said of an instance when it was recorded, and what it never tells, in the form of
    `Notebook.attributes`.
    """
    answer = {**record.observed, "id": record.id, "status": record.status or "UNKNOWN"}
    silent = {name: value for name, value in record.attributes.items() if name in _WRITE_ONLY}
    return Observation.model_validate(answer).attributes() | silent


def recorded(record: Record, region: str) -> dict[str, Any]:
    """The instance of a record."""
    return existing(told(record), record, region)


def existing(attributes: Mapping[str, Any], record: Record, region: str) -> dict[str, Any]:
    """An instance with `attributes`, and with what its record alone tells of it."""
    found = named(attributes)
    observed = record.observed
    plain = {
        "id": record.id,
        "status": record.status,
        "created_at": _moment(observed.get("create_at")),
        "image_name": observed.get("image", {}).get("name"),
        "pool_name": observed.get("pool", {}).get("name"),
        "region": region,
    }
    found |= {name: value for name, value in plain.items() if value}
    ids = {mount.get("mount_path"): mount.get("id") for mount in observed.get("storages", ())}
    for mount in found.get("mount_storages", ()):
        mount["id"] = ids.get(mount["mount_path"])
    return dict(sorted((found | {"prevent_destroy": record.protected}).items()))


def deposed(identifier: str, workspace_id: str, region: str) -> dict[str, Any]:
    """An instance that another has taken the place of: nothing more is recorded of it."""
    return {"id": identifier, "workspace_id": workspace_id} | ({"region": region} if region else {})


def before_change(before: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """`before`, with what changes exactly as it was compared."""
    return _laid(before, ((change.path, change.live) for change in changes))


def after_change(before: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """What becomes of `before` by the changes: a field that is not declared stays as it is."""
    changes = tuple(changes)
    excluded = {_EXCLUDES.get(change.path) for change in changes if change.desired is not None}
    kept = {name: value for name, value in before.items() if name not in excluded}
    return _laid(kept, ((change.path, change.desired) for change in changes))


def was_protected(changes: Iterable[Change], *, protected: bool) -> bool:
    """Whether it was before the `changes`, where that is `protected` once they are recorded."""
    return next((bool(change.live) for change in changes if change.path == PROTECTION), protected)


def unknown_after(changes: Iterable[Change]) -> frozenset[str]:
    """The names whose values nobody knows before the service has carried the changes out."""
    return frozenset(_UNKNOWN_AFTER[change.path] for change in changes if change.path in _UNKNOWN_AFTER)


def unknown_at_creation(after: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a new instance that is declared as `after`, in the form of `after_unknown`."""
    found: dict[str, Any] = {name: True for name in COMPUTED if name not in after}
    if not isinstance(volumes := after.get("volume"), list):
        return found
    parts = {"mount_path": True} | ({} if "size" in volumes[0] else {"size": True})
    return found | {"volume": [parts]}


def path_of(path: str) -> list[str | int]:
    """Where a change of `path`, as a spec has it, is shown."""
    top, _, rest = path.partition(".")
    if top == "volume" and rest:
        return ["volume", 0, _VOLUME.get(rest, rest)]
    if path == PROTECTION:
        return ["prevent_destroy"]
    name = "flavor_id" if top == "flavor" else SHOWN_AS[top][0]
    return [name, rest] if rest else [name]


def masked(values: Mapping[str, Any], fields: Collection[str]) -> tuple[dict[str, Any], dict[str, bool]]:
    """`values` without those of sensitive `fields`, and the map that says which these are."""
    names = {name for field in fields for name in SHOWN_AS.get(_OF_SERVICE.get(field, field), ())}
    hidden = {name for name in names if values.get(name) is not None} - {"status"}
    return (
        {name: SHOWN if name in hidden else value for name, value in values.items()},
        dict.fromkeys(sorted(hidden), True),
    )


def _named(field: str, value: Any) -> dict[str, Any]:
    match field:
        case "flavor":
            return {"flavor_id": value}
        case "volume":
            return {"volume": [{"uri": None, "id": None, **_renamed(value, _VOLUME)}]}
        case "endpoints":
            return {"endpoints": value, **_access(value)}
        case "storages":
            return {"storages": value, "mount_storages": [_renamed(storage, _STORAGE) for storage in value]}
        case "lease":
            return {"lease": value, "auto_stop_enabled": value != "never"}
        case _:
            return {field: value}


def _access(endpoints: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The provider knows one SSH endpoint with one key pair (API page 5.2); `endpoints` has all of them."""
    ssh: Mapping[str, Any] = next((each for each in endpoints if each["service"] == "SSH"), {})
    keys = ssh.get("key_pair_names") or [None]
    return {"key_pair": keys[0], "allowed_access_ips": ssh.get("allowed_access_ips") or None}


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}


def _laid(attributes: Mapping[str, Any], values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """`attributes` with each of `values` at its path; None takes away what stands there."""
    found = dict(attributes)
    for path, value in values:
        top, _, rest = path.partition(".")
        if path == PROTECTION:
            continue
        found[top] = _with(found.get(top) or {}, rest, value) if rest else value
    return {name: value for name, value in found.items() if value is not None}


def _with(values: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    kept = {name: each for name, each in values.items() if name != key}
    return kept if value is None else kept | {key: value}


def _moment(milliseconds: int | None) -> str | None:
    """As the provider writes it."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC" if milliseconds else None
