"""What moved outside since it was recorded: the recorded payload against the live one, and what is behind it. Pure.

Explains and never decides: what is to be done is for `diff` and `planning`, field by field against the specs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from provisioner.leases import left_by_lease, same_lease
from provisioner.model.address import Address
from provisioner.model.observation import FAILED, GONE, Observation, power_of
from provisioner.state.document import Record

# Free instances vanish when they are not started again for so long (API page 9.3 and 21, trap 38).
FREE_IDLE_MS = 72 * 3_600_000

# Which field of a spec tells of what the service shows. What is not here, no spec tells of: nobody needs to hear of it.
DECLARED_AS: Mapping[str, str] = {
    "name": "name",
    "description": "description",
    "feature": "feature",
    "flavor": "flavor",
    "custom_spec": "custom_spec",
    "image.id": "image_id",
    "pool.id": "pool_id",
    "workspace_id": "workspace_id",
    "volume": "volume",
    "data_volumes": "data_volumes",
    "endpoints": "endpoints",
    "storages": "storages",
    "lease": "lease",
    "lease.enable": "lease",
    "status": "desired_status",
    "tags": "tags",
    "affinity": "affinity",
    "run_user": "run_user",
    "user_vpc": "user_vpc",
}

# What names an element of a list on the wire, so that its two sides are held against each other.
_NAMED_BY = {"tags": "key", "endpoints": "service", "storages": "mount_path", "data_volumes": "mount_path"}
_MAPS = frozenset({"tags", "volume", "custom_spec", "lease", "run_user", "user_vpc", "affinity"})
_TROUBLE = FAILED | {"FROZEN"}


class Cause(StrEnum):
    """What is behind a change, as far as can be told."""

    OUTSIDE = "outside"
    SERVICE = "service"
    LEASE = "lease"
    FREE_PURGE = "free_purge"
    OWN_RUN = "own_run"
    BY_HAND = "by_hand"
    SAVED_IMAGE = "saved_image"
    UNDER_WAY = "under_way"
    AS_DECLARED = "as_declared"
    IGNORED = "ignored"

    @property
    def expected(self) -> bool:
        """Whether nobody needs to be alarmed."""
        return self not in {Cause.OUTSIDE, Cause.SERVICE}


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field that moved; None stands for absent.

    path   under the names of the service; elements of lists by what names them: `tags.team`, `endpoints.SSH`
    field  the path in a spec
    """

    path: str
    field: str
    recorded: Any
    live: Any
    cause: Cause


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed of one notebook since it was recorded: `live` is None when the instance is gone.

    changes  field by field; none when it is gone
    gone     what is behind that
    reason   what the service says of its trouble
    """

    address: Address
    id: str
    recorded: Mapping[str, Any]
    live: Mapping[str, Any] | None
    changes: tuple[FieldDrift, ...] = ()
    gone: Cause | None = None
    reason: str = ""

    @property
    def expected(self) -> bool:
        return all(cause.expected for cause in (self.gone, *(change.cause for change in self.changes)) if cause)


def drift_of(
    address: Address,
    recorded: Record,
    fresh: Record | None,
    live: Observation | None,
    *,
    now_ms: int,
    ignored: Collection[str] = (),
) -> Drift | None:
    """What moved between the `recorded` and the `fresh` record of an instance, None when nothing did that anybody
    would wonder about.

    live     the answer that `fresh` was made of; both are None when the instance is gone
    ignored  paths of which the live value is right: `lifecycle.ignore_changes`
    """
    before = payload_of(recorded)
    if fresh is None or live is None:
        return Drift(address, recorded.id, before, None, gone=_why_gone(recorded, now_ms))
    after = payload_of(fresh)
    if before == after:
        return None
    judge = _Judge(recorded, live, now_ms, frozenset(ignored))
    changes = tuple(
        FieldDrift(path, field, was, now, judge.cause(path, field))
        for path, was, now in _differences(_named(before), _named(after))
        if (field := spec_path(path))
    )
    return Drift(address, recorded.id, before, after, changes, reason=live.fail_reason) if changes else None


def payload_of(record: Record) -> dict[str, Any]:
    """What is recorded of an instance. Whether our mark is there is no concern of people: nothing depends on it once
    the id is recorded.
    """
    observed = {name: value for name, value in record.observed.items() if name not in {"marker", "marker_place"}}
    return {"status": record.status, **observed}


def spec_path(path: str) -> str:
    """Where a spec tells of what the service shows at `path`; empty when none does."""
    if path in DECLARED_AS:
        return DECLARED_AS[path]
    top, _, rest = path.partition(".")
    field = DECLARED_AS.get(top, "")
    return f"{field}.{rest}" if field in _MAPS else field


@dataclass(frozen=True, slots=True)
class _Judge:
    """Tells what is behind the changes of one instance."""

    recorded: Record
    live: Observation
    now_ms: int
    ignored: frozenset[str]

    def cause(self, path: str, field: str) -> Cause:
        of_status = path == "status"
        if of_status and {self.recorded.status, self.live.status} & _TROUBLE:
            return Cause.SERVICE
        if self.recorded.incomplete:
            return Cause.OWN_RUN
        return self._cause_of_status() if of_status else self._cause_of_field(path, field)

    def _cause_of_field(self, path: str, field: str) -> Cause:
        if self._is_ignored(field):
            return Cause.IGNORED
        if field == "image_id" and self._is_saved_image():
            return Cause.SAVED_IMAGE
        by_hand = path.partition(".")[0] == "lease" and self._lease_by_hand()
        return Cause.BY_HAND if by_hand else Cause.OUTSIDE

    def _cause_of_status(self) -> Cause:
        before, after = self.recorded.status, self.live.status
        if "SNAPSHOTTING" in {before, after} and {before, after} <= {"RUNNING", "SNAPSHOTTING"}:
            return Cause.SAVED_IMAGE
        if self.live.power and self.live.power == power_of(before):
            return Cause.UNDER_WAY
        return self._cause_of_power()

    def _cause_of_power(self) -> Cause:
        """Why it runs and stood still, or the other way round."""
        power, declared = self.live.power, self.recorded.attributes.get("desired_status")
        if left_by_lease(self.live, self.recorded, self.now_ms):
            return Cause.LEASE
        if power and power == self.recorded.by_hand.get("desired_status"):
            return Cause.BY_HAND
        if declared == "UNMANAGED" or self._is_ignored("desired_status"):
            return Cause.IGNORED
        # Who starts again what its lease stopped, and what was recorded as stopped, does what the spec says.
        return Cause.AS_DECLARED if declared == power else Cause.OUTSIDE

    def _is_ignored(self, field: str) -> bool:
        return any(path in {"all", field} or field.startswith(f"{path}.") for path in self.ignored)

    def _is_saved_image(self) -> bool:
        """Saving an image makes the notebook run on it (API page 21, trap 13). Where the answer does not tell how an
        image came about, any image of one's own counts.
        """
        image = self.live.image
        return image.type == "DEDICATED" and image.origin in {"", "IMAGE_SAVE"}

    def _lease_by_hand(self) -> bool:
        by_hand, lease = self.recorded.by_hand.get("lease"), self.live.lease
        return by_hand is not None and lease is not None and same_lease(by_hand, lease.policy())


def _why_gone(recorded: Record, now_ms: int) -> Cause:
    """A free instance may have been purged once it is old enough for that."""
    if recorded.status in {"DELETING", GONE}:
        return Cause.UNDER_WAY
    observed = recorded.observed
    free = observed.get("feature") == "DEFAULT" or str(observed.get("flavor", "")).endswith(".free")
    old_enough = now_ms - int(observed.get("create_at", now_ms)) >= FREE_IDLE_MS
    return Cause.FREE_PURGE if free and old_enough else Cause.OUTSIDE


def _named(payload: Mapping[str, Any]) -> dict[str, Any]:
    """`payload` with lists as maps by what names their elements, where it names each of them; of the image and the
    pool, their ids.
    """
    found = {key: value for key, value in payload.items() if key not in {"image", "pool", "lease"}}
    # That it ended, the status tells.
    found |= {"lease": {key: value for key, value in payload.get("lease", {}).items() if key != "ended"}}
    found |= {f"{key}.id": payload[key]["id"] for key in ("image", "pool") if "id" in payload.get(key, {})}
    for field, name in _NAMED_BY.items():
        elements = [element for element in payload.get(field, ()) if not _is_of_service(element.get(name, ""))]
        named = {str(element.get(name, "")): _nameless(field, element) for element in elements}
        found[field] = named if len(named) == len(elements) else elements
    return found


def _is_of_service(name: str) -> bool:
    """Tags that begin with _sys_ are the service's own (API page 10), and so is the NOTEBOOK endpoint: it comes unasked
    and has nothing to set (API page 21, trap 15).
    """
    return name == "NOTEBOOK" or name.startswith("_sys_")


def _nameless(field: str, element: Mapping[str, Any]) -> Any:
    """Of a tag only its value is left. A mount has a new id each time it is mounted."""
    if field == "tags":
        return element.get("value", "")
    dropped = {_NAMED_BY[field], "id"} if field == "storages" else {_NAMED_BY[field]}
    return {key: value for key, value in element.items() if key not in dropped}


def _differences(recorded: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The paths at which the two differ, with both values; a list differs as a whole."""
    from deepdiff import DeepDiff  # slow to import, and seldom needed

    found = DeepDiff(
        recorded, live, view="tree", ignore_numeric_type_changes=True, threshold_to_diff_deeper=0
    )  # 0: or maps with little in common would differ as a whole
    ways = {_to_list(level.path(output_format="list")) for levels in found.values() for level in levels}
    for way in sorted(ways):
        yield ".".join(way), _at(recorded, way), _at(live, way)


def _to_list(way: list[Any]) -> tuple[str, ...]:
    """`way` as far as it leads through maps."""
    keys = []
    for key in way:
        if not isinstance(key, str):
            break
        keys.append(key)
    return tuple(keys)


def _at(payload: Any, way: tuple[str, ...]) -> Any:
    for key in way:
        payload = payload.get(key) if isinstance(payload, Mapping) else None
    return payload
