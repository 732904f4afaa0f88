"""The parts of an answer of the service about a notebook, tolerant of every variant on the API page, sections 3 and 19.

Unknown keys, missing keys and null are accepted everywhere. What is secret or of no use has no field here, so it never
gets past the parser. The notebook itself is in `observation`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from provisioner.model.blocks import endpoint_form
from provisioner.model.fields import MINUTE_MS

_YEAR_10000 = 253_402_300_800_000  # in milliseconds; no calendar goes further
_VOLUME_BUSY = frozenset({"INITIALIZING", "RESIZING", "DELETING"})


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _sorted(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(values))


Upper = Annotated[str, BeforeValidator(_upper)]
# Lists whose order means nothing: the service does not keep it.
Names = Annotated[tuple[str, ...], AfterValidator(_sorted)]


class Answer(BaseModel):
    """Base of all answers: frozen, unknown keys dropped, null is the same as absent."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        present = {key: value for key, value in data.items() if value is not None}
        return {
            key: [item for item in value if item is not None] if isinstance(value, list) else value
            for key, value in present.items()
        }


class ImageRef(Answer):
    """The image of a notebook. Its tag is left out: lists may not show what a single answer does (API page 3.4).

    type    BUILD_IN or DEDICATED
    origin  IMAGE_SAVE: saved from a notebook; a single answer alone may tell
    """

    id: str = ""
    name: str = ""
    type: Upper = ""
    origin: Upper = ""


class Pool(Answer):
    """The dedicated pool of a notebook."""

    id: str = ""
    name: str = ""


def moment(milliseconds: int | None) -> int | None:
    """Milliseconds since the epoch, None for what no calendar has."""
    return milliseconds if milliseconds is not None and 0 <= milliseconds < _YEAR_10000 else None


Moment = Annotated[int | None, AfterValidator(moment)]


class LeaseState(Answer):
    """The lease clock, milliseconds (API page 3.5 and 9.3): deadline = create_at + duration.

    ended  a record alone says so, which does not keep the clock: it was the lease that stopped the instance
    """

    enable: bool = True
    type: Upper = ""
    duration: int = 0
    create_at: int = Field(default=0, validation_alias=AliasChoices("create_at", "create_time"))
    update_at: int = Field(default=0, validation_alias=AliasChoices("update_at", "update_time"))
    ended: bool = False

    @property
    def requested(self) -> int:
        """The duration that was asked for: what is shown grows with every lease reset, this does not. Whole minutes,
        since the service's two clocks differ by milliseconds. 0 when the answer does not tell.
        """
        elapsed = self.update_at - self.create_at if self.update_at and self.create_at else 0
        return round((self.duration - elapsed) / MINUTE_MS) * MINUTE_MS

    @property
    def deadline(self) -> int | None:
        """When the service stops the instance, None when it does not or when the answer does not tell."""
        return moment(self.create_at + self.duration) if self.enable and self.duration > 0 and self.create_at else None

    def policy(self) -> dict[str, Any] | str | None:
        """The lease in the form of a spec, None when the answer does not tell. The duration of a lease that is switched
        off means nothing (API page 9.3).
        """
        if not self.enable or self.duration < 0:
            return "never"
        return {**self._kind(), "duration": self.requested} if self.requested > 0 else None

    def _kind(self) -> dict[str, str]:
        """Older answers have no type (API page 3.5): then nothing is known of it."""
        return {"type": self.type} if self.type else {}

    def payload(self) -> dict[str, Any]:
        """What of it does not move by itself."""
        match self.policy():
            case {"duration": duration}:
                return {"enable": True, **self._kind(), "duration": duration}
            case policy:
                return {"enable": policy is None, **self._kind()}


class VolumeState(Answer):
    """A volume, main or extra (API page 3.6 and 3.7; extra volumes spell the address `url`)."""

    category: Upper = ""
    ownership: Upper = ""
    capacity: int | None = None
    mount_path: str = ""
    status: Upper = ""
    uri: str = Field(default="", validation_alias=AliasChoices("uri", "url"))
    id: str = ""
    read_only: bool | None = None
    dew_secret_name: str = ""
    mount_type: Upper = ""

    @property
    def busy(self) -> bool:
        return self.status in _VOLUME_BUSY

    def form(self) -> dict[str, Any]:
        """What the answer tells, in the form of a spec."""
        told = {name: getattr(self, name) for name in ("category", "ownership", "uri", "id", "dew_secret_name")}
        found = {name: value for name, value in told.items() if value}
        if self.capacity is not None:
            found["capacity"] = self.capacity
        if self.read_only is not None:
            found["read_only"] = self.read_only
        if self.mount_path:
            found["mount_path"] = self.mount_path
        return found


class EndpointState(Answer):
    """How to reach the instance, without the address itself; the names of 2022 are read too (API page 3.3)."""

    service: Upper = Field(default="", validation_alias=AliasChoices("service", "dev_service"))
    key_pair_names: Names = Field(default=(), validation_alias=AliasChoices("key_pair_names", "ssh_keys"))
    allowed_access_ips: Names = ()

    @model_validator(mode="before")
    @classmethod
    def _without_empties(cls, data: Any) -> Any:
        """A new name that is empty leaves the word to the old one."""
        return {key: value for key, value in data.items() if value} if isinstance(data, dict) else data

    def form(self) -> dict[str, Any]:
        return endpoint_form(self.model_dump(mode="json"))


class Progress(Answer):
    """One of the four steps of a create or a start (API page 3.2)."""

    step: int = 0
    status: Upper = ""
    description: str = Field(default="", validation_alias=AliasChoices("description", "step_description"))


class Tag(Answer):
    """A tag as the service writes it."""

    key: str = ""
    value: str = ""


class CustomSpecState(Answer):
    """The flavor of one's own (API page 5.6)."""

    cpu: float | None = None
    memory: int | None = None
    gpu: float | None = None
    gpu_type: str | None = None
    arch: Upper | None = None
    category: Upper | None = None
    resource_flavor: str | None = None


class AffinityTermState(Answer):
    """One scheduling rule; its weight is null where it is required (API page 5.7)."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()
    weight: int | None = None


class AffinityState(Answer):
    """Where the instance is scheduled (API page 5.7)."""

    required_during_scheduling_ignored_during_execution: tuple[AffinityTermState, ...] | None = None
    preferred_during_scheduling_ignored_during_execution: tuple[AffinityTermState, ...] | None = None


class RunUserState(Answer):
    """The user of the container's processes; their names are the service's own."""

    uid: int | None = None
    gid: int | None = None


class UserVpcState(Answer):
    """The network interface; its ports are the service's own. `connect_cidrs` is a list in requests and text in some
    answers (API page 3).
    """

    vpc_id: str | None = None
    subnet_id: str | None = None
    security_group_ids: Names = ()
    connect_cidrs: Annotated[tuple[str, ...], BeforeValidator(_split)] | None = None
    nat_id: str | None = None
    eip_id: str | None = None


class Mount(Answer):
    """A dynamic mount (API page 11)."""

    id: str = ""
    category: Upper = ""
    uri: str = ""
    mount_path: Annotated[str, AfterValidator(lambda path: path.rstrip("/") + "/")] = ""
    status: Upper = ""
    efs_id: str = ""
    failure_reason: str = ""

    @property
    def usable(self) -> bool:
        """Whether it serves its purpose, now or soon. One that failed does not, and holds its path all the same."""
        return self.status not in {"MOUNT_FAILED", "UNMOUNTING", "UNMOUNTED"}

    def form(self) -> dict[str, Any]:
        """What the answer tells, in the form of a spec."""
        found = {"category": self.category, "uri": self.uri, "mount_path": self.mount_path}
        return found | ({"efs_id": self.efs_id} if self.efs_id else {})


def standing(mounts: Iterable[Mount]) -> tuple[Mount, ...]:
    """The mounts that hold their paths, by path, without a status that passes by itself."""
    kept = [mount for mount in mounts if mount.usable or mount.status == "MOUNT_FAILED"]
    kept.sort(key=lambda mount: mount.mount_path)
    return tuple(mount.model_copy(update={"status": ""}) if mount.usable else mount for mount in kept)
