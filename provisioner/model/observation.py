"""What the service says of one notebook at one moment.

`id` and `status` alone are required (API page 0.3). The notebook's access token and its URL never get past the parser:
they are secrets (API page 21, trap 14). The parts of the answer are in `answer`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from provisioner.model.answer import (
    AffinityState,
    Answer,
    CustomSpecState,
    EndpointState,
    ImageRef,
    LeaseState,
    Moment,
    Mount,
    Pool,
    Progress,
    RunUserState,
    Tag,
    Upper,
    UserVpcState,
    VolumeState,
    standing,
)
from provisioner.model.marker import Place, unmarked

TRANSITIONAL = frozenset({"INIT", "CREATING", "STARTING", "STOPPING", "DELETING", "SNAPSHOTTING"})
FAILED = frozenset({"CREATE_FAILED", "START_FAILED", "DELETE_FAILED", "ERROR"})
STABLE = frozenset({"RUNNING", "STOPPED", "FROZEN"}) | FAILED
GONE = "DELETED"

# A start that failed left the instance stopped, with its data (API page 8).
_POWER = {
    "INIT": "RUNNING",
    "CREATING": "RUNNING",
    "STARTING": "RUNNING",
    "RUNNING": "RUNNING",
    "SNAPSHOTTING": "RUNNING",
    "STOPPING": "STOPPED",
    "STOPPED": "STOPPED",
    "START_FAILED": "STOPPED",
}


def power_of(status: str) -> str:
    """RUNNING or STOPPED: what it is or is about to be; "" when neither can be said."""
    return _POWER.get(status, "")


def _static(volumes: tuple[VolumeState, ...]) -> tuple[VolumeState, ...]:
    """Dynamic mounts are shown among the extra volumes too; `storages` tells of them."""
    return tuple(volume for volume in volumes if volume.mount_type != "DYNAMIC")


def _by_service(endpoints: tuple[EndpointState, ...]) -> tuple[EndpointState, ...]:
    return tuple(sorted(endpoints, key=lambda endpoint: endpoint.service))


def _by_key(tags: tuple[Tag, ...]) -> tuple[Tag, ...]:
    return tuple(sorted((tag for tag in tags if tag.key), key=lambda tag: tag.key))


# What moves by itself, or is the key under which a record keeps the rest.
_NOT_KEPT: Any = {
    "id": True,
    "status": True,
    "action_progress": True,
    "update_at": True,
    "lease": True,
    "tags": True,
    "image": {"type", "origin"},
    "volume": {"status"},
    "data_volumes": {"__all__": {"status"}},
}


class Observation(Answer):
    """One notebook as the service shows it at one moment."""

    id: str = Field(min_length=1)
    status: Upper = Field(min_length=1)
    name: str = ""
    description: str = ""
    marker: str = ""
    """The mark that the description or the name carried; neither shows it."""
    marker_place: Place = "description"
    feature: Upper = ""
    flavor: str = ""
    custom_spec: CustomSpecState | None = None
    image: ImageRef = ImageRef()
    lease: LeaseState | None = None
    pool: Pool = Pool()
    fail_reason: str = ""
    action_progress: tuple[Progress, ...] = ()
    endpoints: Annotated[tuple[EndpointState, ...], AfterValidator(_by_service)] | None = None
    volume: VolumeState = VolumeState()
    data_volumes: Annotated[tuple[VolumeState, ...], AfterValidator(_static)] | None = None
    workspace_id: Annotated[str, AfterValidator(lambda workspace: workspace or "0")] = "0"
    create_at: Moment = None
    update_at: Moment = None
    tags: Annotated[tuple[Tag, ...], AfterValidator(_by_key)] | None = None
    affinity: AffinityState | None = None
    run_user: RunUserState | None = None
    user_vpc: UserVpcState | None = None
    storages: Annotated[tuple[Mount, ...], AfterValidator(standing)] | None = None
    """Dynamic mounts; None when nobody asked for them, the notebook itself does not tell."""

    @model_validator(mode="before")
    @classmethod
    def _without_mark(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        bare, mark, place = unmarked(data)
        return {**bare, "marker": mark, "marker_place": place} if mark else data

    @property
    def power(self) -> str:
        return power_of(self.status)

    @property
    def settled(self) -> bool:
        """No operation is under way, neither on the instance nor on its volume."""
        return self.status in STABLE and not self.volume.busy

    def stopped_by_lease(self, now_ms: int | None = None) -> bool:
        """Whether it stands still because its lease ended. `now_ms` counts where the answer does not tell since when it
        does. A stop by hand counts the lease anew (API page 9.3), so its deadline lies after that moment.
        """
        if self.lease is None or self.status not in {"STOPPING", "STOPPED"}:
            return False
        since = (self.update_at if self.status == "STOPPED" else None) or now_ms
        deadline = self.lease.deadline
        return self.lease.ended or (deadline is not None and since is not None and deadline <= since)

    def step_under_way(self) -> Progress | None:
        """The step of `action_progress` that the service works on; their order in the answer means nothing."""
        steps = sorted(self.action_progress, key=lambda progress: progress.step)
        return next((progress for progress in steps if progress.status in {"PROCESSING", "FAILED", "WAITING"}), None)

    def with_mounts(self, mounts: Iterable[Mount]) -> Self:
        return self.model_copy(update={"storages": standing(mounts)})

    def attributes(self) -> dict[str, Any]:
        """What the answer tells, under the names and in the form of `Notebook.attributes`. A field that the answer
        lacks is absent: nothing is known of it.
        """
        found: dict[str, Any] = {"description": self.description, "workspace_id": self.workspace_id}
        custom_spec = _told(self.custom_spec)
        plain = {
            "name": self.name,
            "feature": self.feature,
            "image_id": self.image.id,
            "pool_id": self.pool.id,
            "flavor": "" if custom_spec else self.flavor,
            "custom_spec": custom_spec,
            "affinity": _told(self.affinity),
            "run_user": _told(self.run_user),
            "user_vpc": _told(self.user_vpc),
            "volume": self.volume.form(),
            "lease": self.lease.policy() if self.lease else None,
            "desired_status": self.power,
        }
        found |= {name: value for name, value in plain.items() if value}
        if self.tags is not None:
            found["tags"] = {tag.key: tag.value for tag in self.tags}
        if self.storages is not None:
            found["storages"] = [mount.form() for mount in self.storages if mount.usable]
        if self.endpoints is not None:
            found["endpoints"] = [endpoint.form() for endpoint in self.endpoints]
        if self.data_volumes is not None:
            found["data_volumes"] = [volume.form() for volume in self.data_volumes]
        return found

    def payload(self) -> dict[str, Any]:
        """What the state keeps, under the service's own names: without secrets and without anything that moves by
        itself. `Observation.model_validate(payload | id | status)` reads it back.
        """
        told = self.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_KEPT)
        kept = {name: value for name, value in told.items() if value != {}}
        if self.lease is not None:
            kept["lease"] = self.lease.payload() | ({"ended": True} if self.stopped_by_lease() else {})
        if self.tags is not None:
            kept["tags"] = [tag.model_dump(mode="json") for tag in self.tags]
        return kept


def _told(answer: Answer | None) -> dict[str, Any]:
    """What `answer` tells; empty lists tell nothing."""
    found = answer.model_dump(mode="json", exclude_none=True) if answer else {}
    return {name: value for name, value in found.items() if value not in ("", [])}
