"""The plan as a value: what is to be done to which notebook, why, what it costs, and by which operations. Pure.

A step carries an ordered list of operations, each at most one mutating API call; views show that list, `apply` runs
that list, and nothing is decided in between. How it is decided is in `planning`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from provisioner.diff import Change
from provisioner.drift import Drift
from provisioner.errors import Diagnostic, SourceRange
from provisioner.model.address import Address
from provisioner.model.blocks import Timeouts
from provisioner.model.observation import Observation
from provisioner.model.secrets import NO_SECRETS, SHOWN, Secrets
from provisioner.operations import MOUNTING, Operation, OperationKind
from provisioner.state.document import Record


class Action(StrEnum):
    """What happens to one address."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    FORGET = "forget"
    IMPORT = "import"
    MOVE = "move"
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
    FORGOTTEN = "forgotten"
    IMPORTED = "imported"
    MOVED = "moved"
    TRIGGERED = "triggered"
    DEPOSED = "deposed"
    BY_HAND = "by_hand"
    UNCHANGED = "unchanged"
    BLOCKED = "blocked"


class Loss(StrEnum):
    """What dies with a step (API page 21, traps 11 and 37)."""

    NONE = "none"
    CONTAINER = "container"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True)
class LostVolume:
    """A volume that is deleted. `created_at` in milliseconds since the epoch, None when the service does not tell."""

    category: str
    capacity: int | None
    mount_path: str
    created_at: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one address.

    losing      the volumes that die
    id          the live instance that is changed or removed
    record      what the state holds of it
    before      its attributes as far as the service tells them
    after       the attributes declared, empty for a delete
    source      where the notebook is declared
    fields      where each of its fields is declared
    moved_from  the address under which it was recorded, when another one takes its place
    imported    the instance is recorded by this plan
    protected   what is recorded of it afterwards (`Record.protected`)
    allow_loss  its spec agreed that its volume is deleted
    sensitive   top-level fields whose values no view shows
    """

    address: Address
    action: Action
    reason: Reason
    operations: tuple[Operation, ...] = ()
    changes: tuple[Change, ...] = ()
    loss: Loss = Loss.NONE
    losing: tuple[LostVolume, ...] = ()
    id: str = ""
    record: Record | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    source: SourceRange | None = None
    fields: Mapping[str, SourceRange] = field(default_factory=dict)
    timeouts: Timeouts = field(default_factory=Timeouts)
    note: str = ""
    moved_from: Address | None = None
    imported: bool = False
    protected: bool = False
    allow_loss: bool = False
    sensitive: frozenset[str] = frozenset()

    @property
    def workspace_id(self) -> str:
        return str((self.before or self.after).get("workspace_id", "0"))

    def told(self, operation: Operation) -> str:
        """One of its operations in words, without what no view shows."""
        hidden = operation.kind in MOUNTING and "storages" in self.sensitive
        return f"{operation.kind} {SHOWN}" if hidden else str(operation)

    @property
    def creates_first(self) -> bool:
        """Whether a replacement deletes the instance only once there is another."""
        return self.action is Action.REPLACE and any(operation.deposed == self.id for operation in self.operations)

    @property
    def leftovers(self) -> int:
        """How many instances go that were deposed by an earlier run."""
        deleted = (operation for operation in self.operations if operation.kind is OperationKind.DELETE)
        return sum(operation.deposed not in {"", self.id} for operation in deleted)

    @property
    def clears_only(self) -> bool:
        """Whether nothing happens to the notebook itself: only what was deposed goes."""
        return self.reason is Reason.DEPOSED and not self.changes


@dataclass(frozen=True, slots=True)
class Summary:
    """How many objects are added, changed, destroyed, taken over and forgotten. A replacement counts as one added and
    one destroyed, a deposed instance that goes as one destroyed, and what is taken over besides what happens to it.
    """

    add: int
    change: int
    destroy: int
    take_over: int = 0
    forget: int = 0


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

    @property
    def choosing(self) -> bool:
        return bool(self.targets or self.excludes)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to one stack whose state is at `serial` of `lineage`.

    made_at    when, in milliseconds since the epoch
    partial    --target or --exclude chose among the notebooks
    refreshed  records that the refresh found different from the state; None for an instance that is gone
    rebased    records that move, that are taken over or forgotten: written before anything is sent
    warnings   what else is to be said; an error among them says why nothing is done at an address
    refusals   why nothing of the plan may be carried out
    secrets    values of sensitive variables, for what is recorded
    """

    stack: str
    lineage: str
    serial: int
    mode: Mode
    steps: tuple[Step, ...]
    made_at: int = 0
    partial: bool = False
    drift: tuple[Drift, ...] = ()
    refreshed: Mapping[str, Record | None] = field(default_factory=dict)
    rebased: Mapping[str, Record | None] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    refusals: tuple[Diagnostic, ...] = ()
    secrets: Secrets = NO_SECRETS

    @property
    def pending(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.action is not Action.NO_OP)

    @property
    def refused(self) -> bool:
        """Whether something is declared that is not going to be done."""
        return bool(self.refusals) or any(diagnostic.severity == "error" for diagnostic in self.warnings)

    @property
    def summary(self) -> Summary:
        actions = [step.action for step in self.steps]
        replaced = actions.count(Action.REPLACE)
        return Summary(
            add=actions.count(Action.CREATE) + replaced,
            change=sum(step.action is Action.UPDATE and not step.clears_only for step in self.steps),
            destroy=actions.count(Action.DELETE) + replaced + sum(step.leftovers for step in self.steps),
            take_over=sum(step.imported for step in self.pending),
            forget=actions.count(Action.FORGET),
        )


def as_argument(address: Address) -> str:
    """An address as one types it in a shell."""
    return shlex.quote(str(address).removeprefix("notebook."))


def record_of(observation: Observation, attributes: Mapping[str, Any], previous: Record | None = None) -> Record:
    """The record of an instance. What an answer does not tell of (mounts, what only we know) is kept from the
    `previous` record of it.
    """
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
        deposed=previous.deposed if previous else (),
        by_hand=previous.by_hand if previous else {},
        attributes=dict(attributes),
        observed=observed,
    )
