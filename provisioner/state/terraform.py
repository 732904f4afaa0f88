"""The notebooks in a Terraform state, format 4, under the names that a spec has for their fields. Pure; reads no file.

Read are the resources of the official provider, `huaweicloud_modelarts_notebook` and its mount storages, and of these
what one declares: URLs and whatever else the provider computes never get past here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from provisioner.errors import UsageError
from provisioner.model.address import TERRAFORM_TYPE
from provisioner.model.blocks import endpoint_form, storage_form

MOUNT_TYPE = f"{TERRAFORM_TYPE}_mount_storage"
_FORMAT = 4
_TYPES = (TERRAFORM_TYPE, MOUNT_TYPE)
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class _Read(BaseModel):
    """Base of what is read: frozen, unknown keys dropped."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Volume(_Read):
    type: str = ""
    ownership: str = ""
    size: int | None = None
    uri: str = ""
    id: str = ""


class _NotebookAttributes(_Read):
    """What one declares of a notebook in Terraform, and its id."""

    id: str = Field(pattern=f"^{_UUID}$")
    region: str = ""
    name: str = ""
    flavor_id: str = ""
    image_id: str = ""
    description: str = ""
    key_pair: str = ""
    allowed_access_ips: tuple[str, ...] = ()
    pool_id: str = ""
    workspace_id: str = ""
    volume: tuple[_Volume, ...] = ()
    tags: dict[str, str] = {}


class _MountAttributes(_Read):
    """A mount. Its id is that of the notebook and its own, with a slash between them (API page 11)."""

    id: str = Field(pattern=f"^{_UUID}/[^/]+$")
    region: str = ""
    storage_path: str = ""
    local_mount_directory: str = ""
    type: str = ""


class _Instance(_Read):
    index_key: str | int | None = None
    status: str = ""
    deposed: str = ""
    attributes: dict[str, Any]


class _Resource(_Read):
    mode: str = "managed"
    type: str
    name: str
    module: str = ""
    instances: tuple[_Instance, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _ours(cls, data: Any) -> Any:
        """What instances of other types look like is no concern of ours: some have another form for ever."""
        return data if isinstance(data, dict) and data.get("type") in _TYPES else _without(data, "instances")


class _State(_Read):
    resources: tuple[_Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class TerraformNotebook:
    """One notebook, as Terraform knows it.

    address   as `terraform state list` prints it
    label     what a KEY can be made of: module path, name and index without the words that all of them have
    region    "" when the state does not say
    declared  in the form of `Notebook.attributes`, its mounts among them; absent is what Terraform left to the service
    mounts    the addresses of its mounts
    """

    address: str
    label: str
    id: str
    region: str
    declared: dict[str, Any]
    mounts: tuple[str, ...] = ()
    tainted: bool = False


@dataclass(frozen=True, slots=True)
class TerraformState:
    """What concerns us of a Terraform state.

    deposed   address and id of instances that Terraform has replaced and not deleted yet
    homeless  addresses of mounts whose notebook is not in the state
    others    how many resources are of other types
    """

    notebooks: tuple[TerraformNotebook, ...]
    deposed: tuple[tuple[str, str], ...] = ()
    homeless: tuple[str, ...] = ()
    others: int = 0


def read_terraform(data: bytes, place: str) -> TerraformState:
    """The notebooks in `data`; `place` names it in errors. Raises UsageError."""
    managed = [each for each in _parsed(data, place).resources if each.mode == "managed"]  # others are looked up
    mounts = list(_mounts(managed, place))
    notebooks: list[TerraformNotebook] = []
    deposed: list[tuple[str, str]] = []
    for resource, instance in _instances(managed, TERRAFORM_TYPE):
        address = _address(resource, instance)
        attributes = _validated(_NotebookAttributes, instance, address, place)
        if instance.deposed:
            deposed.append((address, attributes.id))
        else:
            own = [(at, mount) for at, mount in mounts if mount.id.startswith(f"{attributes.id}/")]
            notebooks.append(_notebook(address, _label(resource, instance), attributes, own, instance.status))
    known = {notebook.id for notebook in notebooks}
    return TerraformState(
        tuple(notebooks),
        tuple(deposed),
        tuple(at for at, mount in mounts if mount.id.partition("/")[0] not in known),
        sum(resource.type not in _TYPES for resource in managed),
    )


def _parsed(data: bytes, place: str) -> _State:
    try:
        document = json.loads(data)  # bytes: in whatever Unicode a shell has redirected it
    except (ValueError, RecursionError) as error:
        hint = "name a Terraform state: the file terraform.tfstate, or what `terraform state pull` prints"
        raise UsageError(
            f"{place} is no Terraform state", detail=f"It is not JSON text: {error}.", hint=hint
        ) from error
    version = document.get("version") if isinstance(document, dict) else None
    if version != _FORMAT or isinstance(version, bool):
        if isinstance(document, dict) and "format_version" in document:
            detail = "It is what `terraform show -json` prints."
        elif isinstance(document, dict) and "encrypted_data" in document:
            detail = "It is encrypted; `tofu state pull` prints it in the clear."
        else:
            detail = f"Its version is {json.dumps(version)[:40]}, this reads version {_FORMAT}."
        hint = "`terraform state pull` with Terraform 0.12 or later, or OpenTofu, prints it in the right format"
        raise UsageError(f"{place} is no Terraform state of format {_FORMAT}", detail=detail, hint=hint)
    try:
        return _State.model_validate(_without_nulls(document))
    except ValidationError as error:
        raise _damaged(place, "", error) from error


def _without(data: Any, name: str) -> Any:
    return {key: value for key, value in data.items() if key != name} if isinstance(data, dict) else data


def _without_nulls(data: Any) -> Any:
    """At every depth null is the same as absent."""
    match data:
        case dict():
            return {key: _without_nulls(value) for key, value in data.items() if value is not None}
        case list():
            return [_without_nulls(value) for value in data if value is not None]
        case _:
            return data


def _validated(model: Any, instance: _Instance, address: str, place: str) -> Any:
    try:
        return model.model_validate(instance.attributes)
    except ValidationError as error:
        raise _damaged(place, address, error) from error


def _damaged(place: str, address: str, error: ValidationError) -> UsageError:
    """Names the field and not its value, which may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(filter(None, [address, *map(str, first["loc"])]))
    hint = "`terraform state pull` prints a good copy"
    return UsageError(f"{place} is damaged", detail=f"{where}: {first['msg']}.", hint=hint)


def _instances(resources: Iterable[_Resource], kind: str) -> Iterator[tuple[_Resource, _Instance]]:
    for resource in resources:
        if resource.type == kind:
            yield from ((resource, instance) for instance in resource.instances)


def _mounts(resources: Iterable[_Resource], place: str) -> Iterator[tuple[str, _MountAttributes]]:
    for resource, instance in _instances(resources, MOUNT_TYPE):
        address = _address(resource, instance)
        if not instance.deposed:
            yield address, _validated(_MountAttributes, instance, address, place)


def _address(resource: _Resource, instance: _Instance) -> str:
    index = "" if instance.index_key is None else f"[{json.dumps(instance.index_key, ensure_ascii=False)}]"
    return ".".join(filter(None, [resource.module, resource.type, f"{resource.name}{index}"]))


def _label(resource: _Resource, instance: _Instance) -> str:
    """`module.team["a"].huaweicloud_modelarts_notebook.lab[0]` is team-a-lab-0."""
    words = [*re.findall(r"[\w-]+", re.sub(r"(^|\.)module\.", " ", resource.module)), resource.name]
    return "-".join([*words, *([] if instance.index_key is None else [str(instance.index_key)])])


def _notebook(
    address: str,
    label: str,
    attributes: _NotebookAttributes,
    mounts: Sequence[tuple[str, _MountAttributes]],
    status: str,
) -> TerraformNotebook:
    return TerraformNotebook(
        address,
        label,
        attributes.id,
        attributes.region,
        _declared(attributes, [mount for _, mount in mounts]),
        tuple(at for at, _ in mounts),
        tainted=status == "tainted",
    )


def _declared(attributes: _NotebookAttributes, mounts: Iterable[_MountAttributes]) -> dict[str, Any]:
    """Empty is absent: Terraform writes a computed default and an empty value alike."""
    volume = attributes.volume[0] if attributes.volume else _Volume()
    sized = volume.type.upper() == "EVS"
    found = {
        "name": attributes.name,
        "description": attributes.description,
        "flavor": attributes.flavor_id,
        "image_id": attributes.image_id,
        "pool_id": attributes.pool_id,
        "workspace_id": attributes.workspace_id,
        "volume": _filled(
            category=volume.type.upper(),
            ownership=volume.ownership.upper(),
            capacity=volume.size if sized else None,
            uri=volume.uri,
            id=volume.id,
        ),
        "endpoints": _endpoints(attributes),
        "tags": attributes.tags,
        "storages": sorted(map(_storage, mounts), key=lambda storage: str(storage["mount_path"])),
    }
    return {name: value for name, value in found.items() if value}


def _filled(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _endpoints(attributes: _NotebookAttributes) -> list[dict[str, Any]]:
    """The provider knows one SSH endpoint with one key pair (API page 5.2)."""
    if not attributes.key_pair:
        return []
    addresses = attributes.allowed_access_ips
    return [endpoint_form({"service": "SSH", "key_pair_names": [attributes.key_pair], "allowed_access_ips": addresses})]


def _storage(mount: _MountAttributes) -> dict[str, Any]:
    """The type reads back as that of the storage, whatever was asked for (API page 11)."""
    storage = {"category": mount.type.upper(), "uri": mount.storage_path, "mount_path": mount.local_mount_directory}
    return storage_form(storage)
