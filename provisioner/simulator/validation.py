"""The shape of request bodies: the first five checks of API page 5.4, in its order and with its codes. Pure.

Not here: anything that needs the catalogue or a notebook's state; `rules.py` has that.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from provisioner.simulator.catalog import POOL_PATTERN
from provisioner.simulator.options import Switches
from provisioner.simulator.record import JsonObject
from provisioner.simulator.wire import ServiceError, refused

_TYPES: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "flavor": str,
    "image_id": str,
    "volume": dict,
    "description": str,
    "feature": str,
    "duration": int,
    "lease": dict,
    "endpoints": list,
    "pool_id": str,
    "workspace_id": str,
    "custom_spec": dict,
    "hooks": dict,
    "affinity": dict,
    "run_user": dict,
    "data_volumes": list,
    "user_vpc": dict,
    "public_network_config": dict,
    "storage_new_size": int,
    "dew_secret_name": str,
    "lease.duration": int,
    "lease.type": str,
    "volume.category": str,
    "volume.ownership": str,
    "volume.capacity": int,
    "volume.uri": str,
    "volume.id": str,
    "volume.mount_path": str,
    "volume.read_only": bool,
    "volume.dew_secret_name": str,
    "endpoints.service": str,
    "endpoints.dev_service": str,
    "endpoints.key_pair_names": list,
    "endpoints.ssh_keys": list,
    "endpoints.allowed_access_ips": list,
    "data_volumes.category": str,
    "data_volumes.uri": str,
    "data_volumes.mount_path": str,
    "custom_spec.cpu": (int, float),
    "custom_spec.memory": int,
    "run_user.uid": int,
    "run_user.gid": int,
    "user_vpc.vpc_id": str,
    "user_vpc.subnet_id": str,
    "user_vpc.security_group_ids": list,
    "public_network_config.public_network_type": str,
}
_UPDATE_ONLY = frozenset({"storage_new_size", "dew_secret_name"})
CREATE_KEYS = frozenset(key for key in _TYPES if "." not in key) - _UPDATE_ONLY
UPDATE_KEYS = _UPDATE_ONLY | {
    "name",
    "description",
    "flavor",
    "custom_spec",
    "image_id",
    "endpoints",
    "hooks",
    "affinity",
    "data_volumes",
    "public_network_config",
}
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAME = re.compile(r"[A-Za-z0-9_\-\u4e00-\u9fff]*")
_WORKSPACE = re.compile(r"0|[0-9a-z]{32}")
_CATEGORIES = ("EVS", "EFS", "OBS", "OBSFS")


@dataclass(frozen=True, slots=True)
class _Form:
    allowed: frozenset[str]
    mandatory: tuple[str, ...]


_CREATE = _Form(CREATE_KEYS, ("name", "flavor", "image_id", "volume", "volume.category", "volume.ownership"))
_UPDATE = _Form(UPDATE_KEYS, ())


def parse_object(raw: bytes, *, optional: bool = False) -> JsonObject:
    """The body as an object without its null members, which mean the same as absent ones."""
    if optional and not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise refused("6400", "The request payload is not valid JSON.") from None
    if not isinstance(body, dict):
        raise refused("6400", "The request payload is not a JSON object.")
    return {key: _without_nulls(value) for key, value in body.items() if value is not None}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def create_body(raw: bytes, switches: Switches) -> JsonObject:
    body = _checked(parse_object(raw), _CREATE, switches)
    _check_volume(body)
    return body


def update_body(raw: bytes, switches: Switches) -> JsonObject:
    """Fields that an update does not have are ignored like any unknown key (API page 7.3)."""
    body = parse_object(raw)
    checked = _checked({key: body[key] for key in body.keys() & UPDATE_KEYS}, _UPDATE, switches)
    if switches.reject_unknown_keys and (unknown := body.keys() - UPDATE_KEYS):
        raise refused("6400", f"The request payload has an unknown property: {min(unknown)}.")
    return checked


def lease_body(raw: bytes) -> JsonObject:
    """Of a lease renewal, which may come without one."""
    body = parse_object(raw, optional=True)
    _check_types({"lease": body})
    return body


def _checked(body: JsonObject, form: _Form, switches: Switches) -> JsonObject:
    if switches.reject_unknown_keys and (unknown := body.keys() - form.allowed):
        raise refused("6400", f"The request payload has an unknown property: {min(unknown)}.")
    _check_present(body, form.mandatory)
    _check_types(body)
    _check_characters(body, switches)
    _check_values(body)
    return body


def _check_present(body: JsonObject, mandatory: tuple[str, ...]) -> None:
    for path in mandatory:
        if path == "flavor" and "custom_spec" in body:
            continue
        parent, _, key = path.rpartition(".")
        holder = body.get(parent) if parent else body
        if isinstance(holder, dict) and key not in holder:
            raise missing(path)


def _check_types(body: JsonObject) -> None:
    for key, value in body.items():
        _check_type(key, value)
        members = value if isinstance(value, list) else [value]
        for member in members:
            if isinstance(value, list) and key in ("endpoints", "data_volumes") and not isinstance(member, dict):
                raise wrong_type(key)
            if isinstance(member, dict):
                for name, item in member.items():
                    _check_type(f"{key}.{name}", item)


def _check_type(path: str, value: Any) -> None:
    wanted = _TYPES.get(path)
    if wanted is None:
        return
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise wrong_type(path)
    if path.startswith("endpoints.") and isinstance(value, list) and not all(isinstance(item, str) for item in value):
        raise wrong_type(path)


def _check_characters(body: JsonObject, switches: Switches) -> None:
    if not _NAME.fullmatch(body.get("name", "")):
        raise refused("6334", "The name contains an illegal character.")
    forbidden = "&<>\"'/" if switches.strict_description else "<>"
    if set(forbidden) & set(body.get("description", "")):
        raise refused("6334", f"The description contains an illegal character, one of {forbidden}.")


def _check_values(body: JsonObject) -> None:
    if "name" in body and not 1 <= len(body["name"]) <= 128:
        raise incorrect("name")
    if len(body.get("description", "")) > 512:
        raise incorrect("description")
    if body.get("feature", "NOTEBOOK").upper() not in ("DEFAULT", "NOTEBOOK"):
        raise incorrect("feature")
    if "image_id" in body and not _UUID.fullmatch(body["image_id"]):
        raise incorrect("image_id")
    if "pool_id" in body and not POOL_PATTERN.fullmatch(body["pool_id"]):
        raise incorrect("pool_id")
    if not _WORKSPACE.fullmatch(body.get("workspace_id", "0")):
        raise incorrect("workspace_id")
    for endpoint in body.get("endpoints", ()):
        _check_endpoint(endpoint)
    _check_custom_spec(body)
    _check_network(body)


def _check_network(body: JsonObject) -> None:
    for key in ("vpc_id", "subnet_id", "security_group_ids"):
        if "user_vpc" in body and not body["user_vpc"].get(key):
            raise missing(f"user_vpc.{key}")
    network = body.get("public_network_config", {}).get("public_network_type", "SHARED")
    if network.upper() not in ("SHARED", "EXCLUSIVE", "FORBIDDEN"):
        raise incorrect("public_network_type")


def _check_endpoint(endpoint: JsonObject) -> None:
    service = endpoint.get("service") or endpoint.get("dev_service") or ""
    if service.upper() not in ("NOTEBOOK", "SSH"):
        raise incorrect("endpoints.service")
    if len(endpoint.get("allowed_access_ips", ())) > 5:
        raise incorrect("endpoints.allowed_access_ips")


def _check_custom_spec(body: JsonObject) -> None:
    spec = body.get("custom_spec")
    if spec is None:
        return
    for key in ("cpu", "memory"):
        if key not in spec:
            raise missing(f"custom_spec.{key}")
    if spec["cpu"] < 0.4 or spec["memory"] < 513:
        raise incorrect("custom_spec")


def _check_volume(body: JsonObject) -> None:
    """The combination matrix of API page 6.2."""
    volume = body["volume"]
    category, ownership = volume["category"].upper(), volume["ownership"].upper()
    if category not in _CATEGORIES or ownership not in ("MANAGED", "DEDICATED"):
        raise incorrect("volume")
    if (category, ownership) in {("EVS", "DEDICATED"), ("OBS", "MANAGED"), ("OBSFS", "MANAGED")}:
        raise incorrect("volume.ownership")
    if ownership == "DEDICATED" and not volume.get("uri"):
        raise incorrect("volume.uri")
    if (category, ownership) == ("EFS", "DEDICATED") and not (body.get("pool_id") and is_uuid(volume.get("id"))):
        raise incorrect("volume.id")
    if category == "OBS" and not volume.get("dew_secret_name"):
        raise incorrect("volume.dew_secret_name")
    if category != "EVS" and not 1 <= volume.get("capacity", 50) <= 4096:
        raise incorrect("volume.capacity")
    if body.get("custom_spec") and not body.get("pool_id"):
        raise incorrect("custom_spec")


def is_uuid(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def missing(path: str) -> ServiceError:
    return refused("6335", f"The required property {path} is missing.")


def wrong_type(path: str) -> ServiceError:
    return refused("6332", f"The type of the parameter {path} is wrong.")


def incorrect(path: str) -> ServiceError:
    return refused("6336", f"The value of the property {path} is incorrect.")
