"""The plan as a value: what is to be done to which notebook, why, what it costs, and by which operations. Pure.

A step carries an ordered list of operations, each at most one mutating API call; views show that list, `apply` runs
that list, and nothing is decided in between. How it is decided is in `planning`.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from provisioner.diff import Change
from provisioner.errors import Diagnostic, PlanError, SourceRange
from provisioner.model.address import Address
from provisioner.model.notebook import Timeouts
from provisioner.model.observation import Observation
from provisioner.operations import Operation
from provisioner.state.document import Record


class Action(StrEnum):
    """What happens to one address."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    NO_OP = "no-op"


class Reason(StrEnum):
    """Why."""

    NOT_RECORDED = "not_recorded"
    GONE = "gone"
    CHANGED = "changed"
    CANNOT_UPDATE = "cannot_update"
    REQUESTED = "requested"
    CREATE_FAILED = "create_failed"
    NOT_DECLARED = "not_declared"
    DESTROY = "destroy"
    UNCHANGED = "unchanged"
    BLOCKED = "blocked"


class Loss(StrEnum):
    """What dies with a step (API page 21, traps 11 and 37)."""

    NONE = "none"
    CONTAINER = "container"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one address.

    id          the live instance that is changed or removed
    record      what the state holds of it
    before      its attributes as far as the service tells them
    after       the attributes declared, empty for a delete
    source      where the notebook is declared
    fields      where each of its fields is declared
    """

    address: Address
    action: Action
    reason: Reason
    operations: tuple[Operation, ...] = ()
    changes: tuple[Change, ...] = ()
    loss: Loss = Loss.NONE
    id: str = ""
    record: Record | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    source: SourceRange | None = None
    fields: Mapping[str, SourceRange] = field(default_factory=dict)
    timeouts: Timeouts = field(default_factory=Timeouts)
    note: str = ""

    @property
    def workspace_id(self) -> str:
        return str((self.before or self.after).get("workspace_id", "0"))


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed outside since it was recorded: `live` is None when the instance is gone."""

    address: Address
    recorded: Mapping[str, Any]
    live: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Summary:
    """How many objects are added, changed and destroyed; a replacement counts as one added and one destroyed."""

    add: int
    change: int
    destroy: int

    @property
    def nothing(self) -> bool:
        return not (self.add or self.change or self.destroy)


class Mode(StrEnum):
    """What a plan is for."""

    NORMAL = "normal"
    DESTROY = "destroy"
    REFRESH_ONLY = "refresh-only"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks of a plan."""

    mode: Mode = Mode.NORMAL
    targets: frozenset[Address] = frozenset()
    excludes: frozenset[Address] = frozenset()
    replacements: frozenset[Address] = frozenset()

    def chooses(self, address: Address) -> bool:
        return (not self.targets or address in self.targets) and address not in self.excludes


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to one stack whose state is at `serial` of `lineage`.

    refreshed  records that the refresh found different from the state; None for an instance that is gone
    warnings   what else is to be said; an error among them says why nothing is done at an address
    """

    stack: str
    lineage: str
    serial: int
    mode: Mode
    steps: tuple[Step, ...]
    drift: tuple[Drift, ...] = ()
    refreshed: Mapping[str, Record | None] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def pending(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.action is not Action.NO_OP)

    @property
    def refused(self) -> bool:
        """Whether something is declared that is not going to be done."""
        return any(diagnostic.severity == "error" for diagnostic in self.warnings)

    @property
    def summary(self) -> Summary:
        actions = [step.action for step in self.steps]
        replaced = actions.count(Action.REPLACE)
        return Summary(
            add=actions.count(Action.CREATE) + replaced,
            change=actions.count(Action.UPDATE),
            destroy=actions.count(Action.DELETE) + replaced,
        )


def check_safe(plan: Plan, accepted: Collection[Address], *, accept_all: bool = False) -> None:
    """Refuse a plan that deletes a volume nobody agreed to lose."""
    losers = [
        step for step in plan.steps if step.loss is Loss.VOLUME and not accept_all and step.address not in accepted
    ]
    if losers:
        lines = [f"{step.address}: {volume_text(step.before)}" for step in losers]
        flags = " ".join(f"--accept-loss {as_argument(step.address)}" for step in losers[:3])
        raise PlanError(
            f"the plan deletes {len(losers)} volume{'s' if len(losers) > 1 else ''} and nobody agreed to that",
            detail="\n".join(lines),
            hint=f"if the data may go: {flags if len(losers) <= 3 else '--accept-loss all'}",  # noqa: PLR2004
        )


def volume_text(attributes: Mapping[str, Any]) -> str:
    """A volume in a few words."""
    volume = attributes.get("volume", {})
    size = f"{volume['capacity']} GB " if "capacity" in volume else ""
    return f"{size}{volume.get('category', 'unknown')} volume"


def as_argument(address: Address) -> str:
    """An address as one types it in a shell."""
    return shlex.quote(str(address).removeprefix("notebook."))


def record_of(observation: Observation, attributes: Mapping[str, Any], previous: Record | None = None) -> Record:
    """The record of an instance. What an answer does not tell of (mounts) is kept from the `previous` one."""
    observed = observation.payload()
    mounts = observed.pop("storages", ())
    if observation.storages is None and previous is not None:
        mounts = previous.observed.get("storages", ())
    if mounts:
        observed["storages"] = mounts
    return Record(
        id=observation.id,
        status=observation.status,
        protected=previous.protected if previous else False,
        attributes=dict(attributes),
        observed=observed,
    )
