"""The maps inside a notebook: volumes, endpoints, mounts, lease, hooks and the rest, with their limits.

Names and ranges are the API's (API page, sections 5, 6, 9 and 11). What a notebook is made of is in `notebook`, what
may happen to it in `lifecycle`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from provisioner.model.behavior import REPLACE, RESTART, Behavior, Effect
from provisioner.model.fields import (
    HOUR_MS,
    MAX_LEASE_MS,
    MINUTE_MS,
    Boolean,
    Declared,
    Duration,
    IpAddress,
    Script,
    Text,
    Uuid,
    decimal,
    duration_text,
    matching,
    one_of,
    refuse,
    text,
    whole,
)

MIN_IDLE_MS = 15 * MINUTE_MS
MAX_ALLOWED_IPS = 5


class Volume(Declared):
    """The main volume, mounted at /home/ma-user/work (API page 6)."""

    category: Annotated[str, one_of("EVS", "EFS", "OBS", "OBSFS", kind="volume category"), REPLACE] = Field(
        description="EVS: a disk of its own. EFS: a shared file system. OBS, OBSFS: object storage."
    )
    ownership: Annotated[str, one_of("MANAGED", "DEDICATED", kind="volume ownership"), REPLACE] = Field(
        description="MANAGED: the service owns it and deletes it with the instance. DEDICATED: it is yours."
    )
    capacity: Annotated[int | None, whole(5, 4096, "GB", code="E304"), Behavior(Effect.IN_PLACE, grow_only=True)] = (
        Field(default=None, description="Size in GB. An EVS volume grows in place; it never shrinks.")
    )
    uri: Annotated[str | None, text(1024), REPLACE] = Field(
        default=None, description="Address of a DEDICATED volume: an SFS Turbo share or obs://bucket/dir/."
    )
    id: Annotated[Uuid | None, REPLACE] = Field(default=None, description="Id of the SFS Turbo file system (EFS).")
    mount_path: Annotated[str | None, text(256), REPLACE] = Field(
        default=None, description="Where an extra volume is mounted; the main one is at /home/ma-user/work/."
    )
    read_only: Annotated[Boolean | None, REPLACE] = Field(default=None, description="Mount it read-only.")
    dew_secret_name: Annotated[
        str | None,
        matching(
            r"[A-Za-z0-9_-]{1,64}",
            "E307",
            "a DEW secret name has 1 to 64 letters, digits, - and _",
            "use its name, not its id",
        ),
        RESTART,
    ] = Field(default=None, description="Name of the DEW secret that opens the bucket (OBS).")

    @model_validator(mode="after")
    def _combination(self) -> Self:
        """API page 6.2."""
        match self.category, self.ownership:
            case "EVS", "DEDICATED":
                refuse("E301", "an EVS volume is always MANAGED", hint="DEDICATED goes with EFS", at="ownership")
            case "EVS", _ if self.capacity is None:
                refuse("E304", "an EVS volume needs `capacity`", hint="capacity: 50, in GB, from 5 to 4096")
            case "OBS" | "OBSFS", "MANAGED":
                hint = "ownership: DEDICATED"
                refuse("E301", f"a volume of category {self.category} is always DEDICATED", hint=hint, at="ownership")
            case "EFS", "DEDICATED" if not (self.uri and self.id):
                missing = "uri" if not self.uri else "id"
                hint = "uri and id are those of the SFS Turbo file system"
                refuse("E302", f"an EFS volume that is DEDICATED needs `{missing}`", hint=hint, at="ownership")
            case "OBS" | "OBSFS", _ if not self.uri:
                refuse("E302", f"a volume of category {self.category} needs `uri`", hint="obs://bucket/dir/")
            case "OBS", _ if not self.dew_secret_name:
                refuse("E302", "a volume of category OBS needs `dew_secret_name`", hint="the DEW secret of the bucket")
            case _, "MANAGED" if self.uri or self.id:
                at = "uri" if self.uri else "id"
                refuse("E303", f"`{at}` is for DEDICATED volumes, this one is MANAGED", hint="remove it", at=at)
            case _:
                pass
        return self


class Endpoint(Declared):
    """How to reach the instance (API page 5.2). The names of 2022, `dev_service` and `ssh_keys`, are accepted too."""

    service: Annotated[str, one_of("SSH", "NOTEBOOK", kind="service")] = Field(
        description="SSH or NOTEBOOK (HTTPS, always there)."
    )
    key_pair_names: tuple[Text, ...] = Field(default=(), description="SSH key pairs of the KPS service.")
    allowed_access_ips: tuple[IpAddress, ...] = Field(
        default=(),
        description="IPv4 addresses that may connect with SSH; none: every address may.",
        json_schema_extra={"maxItems": MAX_ALLOWED_IPS},
    )

    @model_validator(mode="after")
    def _access(self) -> Self:
        addresses = self.allowed_access_ips
        if len(addresses) > MAX_ALLOWED_IPS:
            hint = "a network such as 203.0.113.0/24 covers many addresses"
            message = f"at most {MAX_ALLOWED_IPS} addresses, this has {len(addresses)}"
            refuse("E308", message, hint=hint, at="allowed_access_ips")
        if len(set(addresses)) < len(addresses):
            twice = next(address for address in addresses if addresses.count(address) > 1)
            refuse("E312", f"the address {twice} stands here twice", hint="remove one", at="allowed_access_ips")
        if self.service == "SSH" and not self.key_pair_names:
            refuse("E313", "an SSH endpoint needs `key_pair_names`", hint="key_pair_names: [my-key]")
        return self


class Storage(Declared):
    """A dynamic mount under /data/ (API page 11)."""

    category: Annotated[str, one_of("OBS", "OBSFS", "EFS", kind="storage category")] = Field(
        description="OBS: a bucket. OBSFS: a parallel file system. EFS: SFS Turbo, in dedicated pools."
    )
    uri: Annotated[str, text(256)] = Field(
        description="obs://bucket/dir/ or share.sfsturbo.internal:/dir", examples=["obs://bucket/dir/"]
    )
    mount_path: Annotated[
        str,
        matching(r"/data/[A-Za-z0-9_-]{1,248}/?", "E318", "a mount path is a directory below /data/", "/data/sets/"),
    ] = Field(description="A directory below /data/.")
    efs_id: Uuid | None = Field(default=None, description="Id of the SFS Turbo file system (EFS).")

    @model_validator(mode="after")
    def _combination(self) -> Self:
        if self.category == "EFS" and not self.efs_id:
            refuse("E302", "a storage of category EFS needs `efs_id`", hint="the id of the SFS Turbo file system")
        if self.category != "EFS" and self.efs_id:
            refuse("E303", "`efs_id` is for category EFS", hint="remove it", at="efs_id")
        if self.category != "EFS" and not self.uri.startswith("obs://"):
            hint = "uri: obs://bucket/dir/"
            refuse("E303", f"a storage of category {self.category} lies in a bucket", hint=hint, at="uri")
        return self


class Lease(Declared):
    """Auto stop (API page 9)."""

    duration: Duration = Field(description="How long: 8h, 90m, or milliseconds. TIMING 1h to 72h, IDLE from 15m.")
    type: Annotated[str, one_of("TIMING", "IDLE", kind="lease type")] = Field(
        default="TIMING", description="TIMING stops at a fixed time, IDLE after inactivity."
    )

    @model_validator(mode="after")
    def _range(self) -> Self:
        low, low_text = (MIN_IDLE_MS, "15m") if self.type == "IDLE" else (HOUR_MS, "1h")
        if not low <= self.duration <= MAX_LEASE_MS:
            message = (
                f"{duration_text(self.duration)} is out of range: a lease of type {self.type} lasts {low_text} to 72h"
            )
            refuse("E316", message, hint="`lease: never` switches auto stop off", at="duration")
        return self


class Hook(Declared):
    """A script that runs in the container (API page 5.5)."""

    script: Script = Field(description="Base64 content (COMMAND) or an absolute path (SCRIPT).")
    type: Annotated[str | None, one_of("COMMAND", "SCRIPT", kind="hook type")] = Field(
        default=None, description="Default SCRIPT."
    )
    mode: Annotated[str | None, one_of("BLOCK", "ASYNC", kind="hook mode")] = Field(
        default=None, description="Default ASYNC."
    )


class ContainerHooks(Declared):
    """Hooks around the start of the container."""

    pre_start: Hook | None = Field(default=None, description="Before the container starts.")
    post_start: Hook | None = Field(default=None, description="After the container started.")


class Hooks(Declared):
    """Scripts at points in the life of an instance."""

    container_hooks: ContainerHooks = Field(description="Hooks around the start of the container.")


class CustomSpec(Declared):
    """A flavor of one's own, in dedicated pools (API page 5.6)."""

    cpu: Annotated[float, decimal(0.4, 2)] = Field(description="Cores, at least 0.4.")
    memory: Annotated[int, whole(513, 10**10 - 1, "MB")] = Field(description="Memory in MB, at least 513.")
    gpu: Annotated[float | None, decimal(0, 2)] = Field(default=None, description="Cards, in GPU pools.")
    gpu_type: Text | None = Field(default=None, description="Card type, in GPU pools.")
    arch: Annotated[str | None, one_of("X86_64", "AARCH64", kind="architecture")] = Field(
        default=None, description="Architecture."
    )
    category: Annotated[str | None, one_of("CPU", "GPU", kind="category")] = Field(
        default=None, description="CPU or GPU."
    )
    resource_flavor: Text | None = Field(default=None, description="Node flavor inside the pool.")


class AffinityTerm(Declared):
    """One scheduling rule over node labels (API page 5.7)."""

    key: Annotated[str, text(317)] = Field(description="Label key.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = Field(description="Comparison.")
    values: tuple[Text, ...] = Field(default=(), description="Label values.")
    weight: Annotated[int | None, whole(0, 100)] = Field(
        default=None, description="0 to 100, for preferred rules alone."
    )


class Affinity(Declared):
    """Where the instance is scheduled, in dedicated pools (API page 5.7)."""

    required_during_scheduling_ignored_during_execution: tuple[AffinityTerm, ...] | None = Field(
        default=None, description="Rules that must hold."
    )
    preferred_during_scheduling_ignored_during_execution: tuple[AffinityTerm, ...] | None = Field(
        default=None, description="Rules that weigh."
    )

    @model_validator(mode="after")
    def _weights(self) -> Self:
        for term in self.required_during_scheduling_ignored_during_execution or ():
            if term.weight is not None:
                refuse("E303", "`weight` is for preferred rules alone", hint="remove it")
        return self


class RunUser(Declared):
    """The user of the container's processes."""

    uid: Annotated[int, whole(0, 2**31 - 1)] = Field(description="User id.")
    gid: Annotated[int, whole(0, 2**31 - 1)] = Field(description="Group id.")


class UserVpc(Declared):
    """A network interface in a VPC of one's own (API page 5.8)."""

    vpc_id: Text = Field(description="Id of the VPC.")
    subnet_id: Text = Field(description="Id of the subnet.")
    security_group_ids: tuple[Text, ...] = Field(description="Ids of the security groups.", min_length=1)
    connect_cidrs: tuple[Text, ...] | None = Field(default=None, description="Networks routed into the VPC.")
    nat_id: Text | None = Field(default=None, description="Id of the NAT gateway.")
    eip_id: Text | None = Field(default=None, description="Id of the elastic IP.")


class PublicNetworkConfig(Declared):
    """Access to the public network."""

    public_network_type: Annotated[str, one_of("SHARED", "EXCLUSIVE", "FORBIDDEN", kind="public network type")] = Field(
        description="SHARED, EXCLUSIVE or FORBIDDEN."
    )


class Timeouts(Declared):
    """How long an operation may take before it counts as failed."""

    create: Duration = Field(default=30 * MINUTE_MS, description="Default 30m.")
    update: Duration = Field(default=20 * MINUTE_MS, description="Default 20m.")
    delete: Duration = Field(default=20 * MINUTE_MS, description="Default 20m.")


class ImageSelector(Declared):
    """An image by what people call it; a plan finds the one id that it means (API page 12)."""

    name: Text = Field(description="Name of the image, exactly.")
    type: Annotated[str | None, one_of("BUILD_IN", "DEDICATED", kind="image type")] = Field(
        default=None, description="BUILD_IN: preset. DEDICATED: your own."
    )
    tag: Text | None = Field(default=None, description="Its tag, where several images have the name.")


def endpoint_form(endpoint: dict[str, Any]) -> dict[str, Any]:
    """An endpoint as it is compared: three fields, lists in no order."""
    return {
        "service": endpoint["service"],
        "key_pair_names": sorted(endpoint.get("key_pair_names") or ()),
        "allowed_access_ips": sorted(endpoint.get("allowed_access_ips") or ()),
    }


def storage_form(storage: dict[str, Any]) -> dict[str, Any]:
    """A mount as it is compared: its path ends in a slash."""
    return storage | {"mount_path": storage["mount_path"].rstrip("/") + "/"}
