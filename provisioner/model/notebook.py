"""The desired notebook: every field one may declare, its limits, and what a change of it costs.

Names and ranges are the API's (API page, sections 4 to 6 and 9 to 11). Nothing here knows the service's answers
(`observation`) or how a change is carried out (`plan`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from provisioner.model.behavior import IN_PLACE, LOCAL, NESTED, REPLACE, RESTART, Behavior, Effect
from provisioner.model.blocks import (
    Affinity,
    CustomSpec,
    Endpoint,
    Hooks,
    ImageSelector,
    Lease,
    PublicNetworkConfig,
    RunUser,
    Storage,
    Timeouts,
    UserVpc,
    Volume,
    endpoint_form,
    storage_form,
)
from provisioner.model.fields import (
    HOUR_MS,
    MAX_LEASE_MS,
    Declared,
    Description,
    Duration,
    Name,
    PoolId,
    TagKey,
    TagValue,
    Text,
    Uuid,
    WorkspaceId,
    duration_text,
    one_of,
    refuse,
)
from provisioner.model.lifecycle import Lifecycle

NO_AUTO_STOP = -1
MAX_TAGS = 20
MAX_STORAGES = 10


def _lease(value: object) -> object:
    if value != "never" and not isinstance(value, dict | Lease | None):
        refuse("E316", "a lease is `never` or a map", hint="lease: {duration: 8h, type: TIMING}")
    return value


def _lease_kind(value: object) -> str:
    return "never" if isinstance(value, str) else "map"


_NOT_SENT = {"duration", "image", "lifecycle", "timeouts"}
_MayNeedPool = Volume | tuple[Storage, ...] | Affinity | None


class Notebook(Declared):
    """One notebook as its spec declares it. A field that is absent is left to the service."""

    foreign: ClassVar[Mapping[str, str]] = {"for_each": "it belongs into a notebook below `notebooks`"}

    name: Annotated[Name, IN_PLACE] = Field(description="1 to 64 of A-Z a-z 0-9 - _. Default: the key.")
    description: Annotated[Description | None, IN_PLACE] = Field(
        default=None, description="Free text without & < > \" ' and /."
    )
    feature: Annotated[str | None, one_of("NOTEBOOK", "DEFAULT", kind="feature"), REPLACE] = Field(
        default=None, description="NOTEBOOK, the billed instance.", json_schema_extra={"enum": ["NOTEBOOK", "notebook"]}
    )
    flavor: Annotated[Text | None, RESTART] = Field(
        default=None, description="Flavor id, such as modelarts.vm.cpu.2u.", examples=["modelarts.vm.cpu.2u"]
    )
    custom_spec: Annotated[CustomSpec | None, RESTART] = Field(
        default=None, description="Instead of flavor, in dedicated pools.", validate_default=True
    )
    image_id: Annotated[Uuid | None, RESTART] = Field(default=None, description="Id of the image.")
    image: Annotated[ImageSelector | None, LOCAL] = Field(
        default=None, description="Instead of image_id: found by name when planning.", validate_default=True
    )
    pool_id: Annotated[PoolId | None, REPLACE] = Field(
        default=None, description="Dedicated pool; absent: shared pool.", validate_default=True
    )
    workspace_id: Annotated[WorkspaceId | None, REPLACE] = Field(default=None, description='Workspace; default "0".')
    volume: Annotated[Volume, NESTED] = Field(description="The main volume.")
    data_volumes: Annotated[tuple[Volume, ...] | None, RESTART] = Field(
        default=None, description="Extra volumes, with a mount_path each."
    )
    endpoints: Annotated[tuple[Endpoint, ...] | None, RESTART] = Field(default=None, description="SSH access.")
    storages: Annotated[tuple[Storage, ...] | None, IN_PLACE] = Field(
        default=None, description="Dynamic mounts: at most 10.", json_schema_extra={"maxItems": MAX_STORAGES}
    )
    lease: Annotated[
        Annotated[Annotated[Lease, Tag("map")] | Annotated[Literal["never"], Tag("never")], Discriminator(_lease_kind)]
        | None,
        BeforeValidator(_lease),
        IN_PLACE,
    ] = Field(default=None, description="Auto stop. Absent: the service's default, one hour from each start.")
    duration: Annotated[Duration | None, LOCAL] = Field(
        default=None, description="The API's older form of a TIMING lease, in milliseconds; -1: never."
    )
    desired_status: Annotated[str, one_of("RUNNING", "STOPPED", "UNMANAGED", kind="desired status"), IN_PLACE] = Field(
        default="RUNNING", description="RUNNING (default), STOPPED, or UNMANAGED: power is left alone."
    )
    tags: Annotated[dict[TagKey, TagValue] | None, Behavior(Effect.IN_PLACE, per_entry=True)] = Field(
        default=None, description="Labels: at most 20.", json_schema_extra={"maxProperties": MAX_TAGS}
    )
    hooks: Annotated[Hooks | None, Behavior(Effect.RESTART, write_only=True)] = Field(
        default=None, description="Scripts around the start of the container."
    )
    affinity: Annotated[Affinity | None, RESTART] = Field(default=None, description="Scheduling, in dedicated pools.")
    run_user: Annotated[RunUser | None, REPLACE] = Field(default=None, description="User of the container.")
    user_vpc: Annotated[UserVpc | None, REPLACE] = Field(default=None, description="Network interface in your VPC.")
    public_network_config: Annotated[PublicNetworkConfig | None, Behavior(Effect.RESTART, write_only=True)] = Field(
        default=None, description="Access to the public network."
    )
    lifecycle: Annotated[Lifecycle, LOCAL] = Field(default=Lifecycle(), description="What a plan may do to it.")
    timeouts: Annotated[Timeouts, LOCAL] = Field(default=Timeouts(), description="How long operations may take.")

    # Combinations are judged at the later of the two fields, not by one validator of the whole: so all are reported at
    # once, beside the refusals of other fields. A field that was refused itself is absent from `info.data`.

    @field_validator("feature")
    @classmethod
    def _managed_feature(cls, feature: str | None) -> str | None:
        if feature == "DEFAULT":
            reason = "the free CodeLab instance stops after an hour and vanishes after 72 idle hours"
            refuse("E319", "feature DEFAULT cannot be managed", hint=f"{reason}; use NOTEBOOK")
        return feature

    @field_validator("custom_spec")
    @classmethod
    def _one_compute(cls, custom_spec: CustomSpec | None, info: ValidationInfo) -> CustomSpec | None:
        flavor = info.data.get("flavor", "refused")
        if custom_spec is None and flavor is None:
            hint = "flavor: modelarts.vm.cpu.2u, or custom_spec in a dedicated pool"
            refuse("E211", "`flavor` is missing", hint=hint)
        if custom_spec is not None and flavor is not None and "flavor" in info.data:
            refuse("E303", "`flavor` and `custom_spec` exclude each other", hint="remove one")
        return custom_spec

    @field_validator("image")
    @classmethod
    def _one_image(cls, image: ImageSelector | None, info: ValidationInfo) -> ImageSelector | None:
        if "image_id" not in info.data:
            return image
        if image is None and info.data["image_id"] is None:
            hint = "add `image_id: ...` below it, the id of the image, or `image: {name: ...}`"
            refuse("E211", "`image_id` is missing", hint=hint)
        if image is not None and info.data["image_id"] is not None:
            refuse("E303", "`image_id` and `image` exclude each other", hint="remove one")
        return image

    @field_validator("pool_id")
    @classmethod
    def _pool_for_custom_spec(cls, pool_id: str | None, info: ValidationInfo) -> str | None:
        if pool_id is None and info.data.get("custom_spec") is not None:
            refuse("E302", "`custom_spec` needs a dedicated pool, `pool_id` is missing", hint="pool_id: pool41664192")
        return pool_id

    @field_validator("volume", "storages", "affinity")
    @classmethod
    def _pool_for_others(cls, value: _MayNeedPool, info: ValidationInfo) -> _MayNeedPool:
        if "pool_id" in info.data and info.data["pool_id"] is None and _needs_pool(value):
            hint = "pool_id: pool41664192"
            refuse("E302", f"this `{info.field_name}` needs a dedicated pool, `pool_id` is missing", hint=hint)
        return value

    @field_validator("volume")
    @classmethod
    def _main_mount_path(cls, volume: Volume) -> Volume:
        if volume.mount_path:
            hint = "the main volume is at /home/ma-user/work/"
            refuse("E303", "`mount_path` is for data_volumes", hint=hint, at="mount_path")
        return volume

    @field_validator("endpoints")
    @classmethod
    def _one_endpoint_per_service(cls, endpoints: tuple[Endpoint, ...] | None) -> tuple[Endpoint, ...] | None:
        _no_twins([endpoint.service for endpoint in endpoints or ()], "endpoints", "service")
        return endpoints

    @field_validator("storages")
    @classmethod
    def _few_storages(cls, storages: tuple[Storage, ...] | None) -> tuple[Storage, ...] | None:
        count = len(storages or ())
        if count > MAX_STORAGES:
            refuse("E318", f"at most {MAX_STORAGES} storages, this has {count}", hint=f"remove {count - MAX_STORAGES}")
        _no_twins([storage.mount_path.rstrip("/") for storage in storages or ()], "storages", "mount_path")
        return storages

    @field_validator("duration")
    @classmethod
    def _one_lease(cls, duration: int | None, info: ValidationInfo) -> int | None:
        if duration is None:
            return None
        if info.data.get("lease") is not None:
            refuse("E303", "`duration` and `lease` exclude each other", hint="remove `duration`")
        if duration != NO_AUTO_STOP and not HOUR_MS <= duration <= MAX_LEASE_MS:
            hint = "1h to 72h (3600000 to 259200000 milliseconds), or -1 for no auto stop"
            refuse("E316", f"{duration_text(duration)} is out of range", hint=hint)
        return duration

    @field_validator("tags")
    @classmethod
    def _few_tags(cls, tags: dict[str, str] | None) -> dict[str, str] | None:
        count = len(tags or {})
        if count > MAX_TAGS:
            refuse("E317", f"at most {MAX_TAGS} tags, this has {count}", hint=f"remove {count - MAX_TAGS}")
        return tags

    def attributes(self) -> dict[str, Any]:
        """What is declared, in the one form that is compared, recorded and shown: plain JSON values under the names
        of the spec. Fields left to the service are absent; lists without an order are sorted.
        """
        declared = self.model_dump(mode="json", exclude_none=True, exclude=_NOT_SENT, exclude_unset=True)
        declared |= {"name": self.name, "desired_status": self.desired_status}
        if self.lease is not None or self.duration is not None:
            declared["lease"] = self._lease_policy()
        if self.endpoints is not None:
            declared["endpoints"] = [endpoint_form(endpoint.model_dump(mode="json")) for endpoint in self.endpoints]
            declared["endpoints"].sort(key=lambda endpoint: endpoint["service"])
        if self.storages is not None:
            declared["storages"] = sorted(map(storage_form, declared["storages"]), key=lambda s: str(s["mount_path"]))
        if self.user_vpc is not None:
            declared["user_vpc"]["security_group_ids"].sort()
        return declared

    def _lease_policy(self) -> dict[str, Any] | str:
        if isinstance(self.lease, Lease):
            return {"type": self.lease.type, "duration": self.lease.duration}
        if self.duration is not None and self.duration != NO_AUTO_STOP:
            return {"type": "TIMING", "duration": self.duration}
        return "never"


def _needs_pool(value: _MayNeedPool) -> bool:
    """API page 5.7, 6.2 and 11: scheduling rules and SFS Turbo exist in dedicated pools alone."""
    match value:
        case Affinity():
            return True
        case Volume():
            return (value.category, value.ownership) == ("EFS", "DEDICATED")
        case None:
            return False
        case storages:
            return any(storage.category == "EFS" for storage in storages)


def _no_twins(values: list[str], at: str, key: str) -> None:
    for value in values:
        if values.count(value) > 1:
            refuse("E312", f"two {at} have the {key} {value}", hint="remove one of them")
