"""The plan: what is to be done to which notebook, why, what it costs, and by which operations. Pure.

Every decision is taken here. A step carries an ordered list of operations, each at most one mutating API call; views
show that list, `apply` runs that list, and nothing is decided in between.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from provisioner.diff import Change, compare
from provisioner.errors import Diagnostic, PlanError, SourceRange
from provisioner.model.address import Address
from provisioner.model.behavior import Effect
from provisioner.model.notebook import Timeouts
from provisioner.model.observation import FAILED, GONE, Observation
from provisioner.operations import Operation, OperationKind, alteration, creation, deletion
from provisioner.spec.document import Declaration
from provisioner.state.document import Record, State


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
    def summary(self) -> Summary:
        actions = [step.action for step in self.steps]
        replaced = actions.count(Action.REPLACE)
        return Summary(
            add=actions.count(Action.CREATE) + replaced,
            change=actions.count(Action.UPDATE),
            destroy=actions.count(Action.DELETE) + replaced,
        )


def build_plan(
    declared: Mapping[Address, Declaration],
    state: State,
    live: Mapping[str, Observation | None],
    *,
    serial: int,
    now_ms: int,
    options: Options = Options(),
) -> Plan:
    """Decide what leads from `live` to `declared`.

    live    for each recorded address what the service says of its id, None when the instance is gone
    serial  the serial of the stored state
    now_ms  the present, in milliseconds since the epoch
    """
    wanted = {} if options.mode is Mode.DESTROY else declared
    recorded = {_recorded_address(text) for text in state.resources}
    _check_known(sorted({*declared, *recorded}), options)
    chosen = [address for address in sorted({*wanted, *recorded}) if options.chooses(address)]
    steps: list[Step] = []
    if options.mode is not Mode.REFRESH_ONLY:
        steps = [
            _step(address, wanted.get(address), state.resources.get(str(address)), live, options=options, now_ms=now_ms)
            for address in chosen
        ]
    refreshed = _refreshed(state, live, chosen, steps)
    return Plan(
        stack=state.stack,
        lineage=state.lineage,
        serial=serial,
        mode=options.mode,
        steps=tuple(steps),
        drift=tuple(_drift(state, refreshed)),
        refreshed=refreshed,
        warnings=tuple(_warning(step) for step in steps if step.reason is Reason.BLOCKED),
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


def _recorded_address(text: str) -> Address:
    address = Address.parse(text)
    if address is None:
        raise PlanError(f"the state holds an address that is none: {text}")
    return address


def _check_known(addresses: Sequence[Address], options: Options) -> None:
    asked = {*options.targets, *options.excludes, *options.replacements}
    if unknown := sorted(asked - set(addresses)):
        known = ", ".join(str(address) for address in addresses[:10]) or "none"
        raise PlanError(f"{unknown[0]} is neither declared nor recorded", hint=f"there are: {known}")


def _step(
    address: Address,
    declaration: Declaration | None,
    record: Record | None,
    live: Mapping[str, Observation | None],
    *,
    options: Options,
    now_ms: int,
) -> Step:
    observation = live.get(str(address)) if record else None
    if observation is not None and observation.status == GONE:
        observation = None
    if declaration is None:
        assert record is not None  # noqa: S101 - an address is declared or recorded
        return _removal(address, record, observation, options.mode)
    attributes = declaration.notebook.attributes()
    blank = Step(
        address,
        Action.NO_OP,
        Reason.UNCHANGED,
        after=attributes,
        source=declaration.source,
        fields=declaration.fields,
        timeouts=declaration.notebook.timeouts,
    )
    power = "STOPPED" if attributes["desired_status"] == "STOPPED" else "RUNNING"
    if observation is None:
        reason = Reason.GONE if record else Reason.NOT_RECORDED
        return replace(blank, action=Action.CREATE, reason=reason, operations=tuple(creation(attributes, power)))
    if observation.status == "DELETING":
        operations = (*deletion(observation), *creation(attributes, power))
        return replace(blank, action=Action.CREATE, reason=Reason.GONE, id=observation.id, operations=operations)
    step = replace(blank, id=observation.id, record=record, before=_before(observation))
    assert record is not None  # noqa: S101 - what is observed was recorded
    return _existing(step, observation, record, now_ms, forced=address in options.replacements)


def _before(observation: Observation) -> dict[str, Any]:
    """Its attributes. What does not run has no mounts (API page 11), whatever the last one who asked was told."""
    mounted = observation.status in {"RUNNING", "SNAPSHOTTING"}
    return observation.attributes() | ({} if mounted else {"storages": []})


def _removal(address: Address, record: Record, observation: Observation | None, mode: Mode) -> Step:
    if observation is None:
        return Step(address, Action.NO_OP, Reason.GONE, id=record.id, record=record)
    return Step(
        address,
        Action.DELETE,
        Reason.DESTROY if mode is Mode.DESTROY else Reason.NOT_DECLARED,
        operations=tuple(deletion(observation)),
        loss=_loss_of_deletion(observation),
        id=observation.id,
        record=record,
        before=observation.attributes(),
    )


def _existing(step: Step, observation: Observation, record: Record, now_ms: int, *, forced: bool) -> Step:
    changes = compare(step.after, step.before, record.attributes)
    if reason := _why_replace(observation, changes, forced=forced):
        power = _target_power(step.after, observation, left=False)
        operations = (*deletion(observation), *creation(step.after, power))
        loss = _loss_of_deletion(observation)
        step = replace(step, action=Action.REPLACE, reason=reason, operations=operations, changes=changes, loss=loss)
        return _unless_blocked(step, observation)
    left = _left_by_lease(observation, record, now_ms)
    power = _target_power(step.after, observation, left=left)
    changes = tuple(change for change in changes if _applies(change, power))
    operations = tuple(alteration(step.after, observation, changes, power))
    if not (changes or record.incomplete):
        operations = ()  # what others have under way is theirs
    if operations:
        loss = _loss_of_alteration(operations, observation)
        step = replace(
            step, action=Action.UPDATE, reason=Reason.CHANGED, operations=operations, changes=changes, loss=loss
        )
    elif left:
        step = replace(step, note="stopped by its lease")
    return _unless_blocked(step, observation)


def _why_replace(observation: Observation, changes: Sequence[Change], *, forced: bool) -> Reason | None:
    if observation.status == "CREATE_FAILED":
        return Reason.CREATE_FAILED
    if forced:
        return Reason.REQUESTED
    return Reason.CANNOT_UPDATE if any(change.effect is Effect.REPLACE for change in changes) else None


def _unless_blocked(step: Step, observation: Observation) -> Step:
    """An instance that is frozen or broken is left alone until a person has looked at it (API page 8)."""
    blocking = observation.status == "FROZEN" or observation.status in FAILED - {"CREATE_FAILED", "START_FAILED"}
    if not blocking or (step.action is Action.REPLACE and step.reason is Reason.REQUESTED):
        return step
    because = "the account is in arrears" if observation.status == "FROZEN" else observation.fail_reason
    note = f"the instance is {observation.status}{f': {because}' if because else ''}"
    return replace(
        step, action=Action.NO_OP, reason=Reason.BLOCKED, operations=(), changes=(), loss=Loss.NONE, note=note
    )


def _warning(step: Step) -> Diagnostic:
    return Diagnostic(
        code="W501",
        severity="warning",
        summary=f"{step.address} is left alone: {step.note}",
        hint=f"once it is well again, run apply; or rebuild it with --replace {as_argument(step.address)}",
        range=step.source,
        address=str(step.address),
    )


def _target_power(desired: Mapping[str, Any], observation: Observation, *, left: bool) -> str:
    """RUNNING or STOPPED: how the instance is to end."""
    wanted = str(desired["desired_status"])
    return observation.power if wanted == "UNMANAGED" or (wanted == "RUNNING" and left) else wanted


def _left_by_lease(observation: Observation, record: Record, now_ms: int) -> bool:
    """Whether it stands still because its lease ended. That is left as it is: starting again each night what the lease
    stopped would be a fight that nobody asked for. What is to run since the spec changed, and what an apply of ours
    stopped in passing, is started.

    A stop by hand counts the lease anew (API page 9.3), so its deadline lies after the moment when STOPPED was reached.
    """
    if record.incomplete or record.attributes.get("desired_status") != "RUNNING":
        return False
    deadline = observation.lease.deadline if observation.lease else None
    stopped_at = (observation.update_at if observation.status == "STOPPED" else None) or now_ms
    return observation.status in {"STOPPING", "STOPPED"} and deadline is not None and deadline <= stopped_at


def _applies(change: Change, power: str) -> bool:
    """A stopped instance has neither a running lease nor mounts; both are given at its next start."""
    if change.path == "desired_status":
        return bool(change.desired == power)
    return power == "RUNNING" or change.path not in {"lease", "storages"}


def _loss_of_deletion(observation: Observation) -> Loss:
    """A managed volume dies with its instance; one whose creation failed never held data, and of one that is being
    deleted nothing is left to lose.
    """
    if observation.status in {"CREATE_FAILED", "DELETING"}:
        return Loss.NONE
    return Loss.CONTAINER if observation.volume.ownership == "DEDICATED" else Loss.VOLUME


def _loss_of_alteration(operations: Sequence[Operation], observation: Observation) -> Loss:
    """A stop wipes the container; one that we start and stop again in passing has nothing in it."""
    stops = any(operation.kind is OperationKind.STOP for operation in operations)
    return Loss.CONTAINER if stops and observation.power == "RUNNING" else Loss.NONE


def _refreshed(
    state: State, live: Mapping[str, Observation | None], chosen: Collection[Address], steps: Sequence[Step]
) -> dict[str, Record | None]:
    """Records to renew. Where live already is as declared, what is declared becomes what was applied, and what a run
    left unfinished is finished.
    """
    agreed = {str(step.address): step.after for step in steps if step.reason is Reason.UNCHANGED}
    found: dict[str, Record | None] = {}
    for address in map(str, chosen):
        record = state.resources.get(address)
        if record is None or address not in live:
            continue
        fresh = _renewed(record, live[address], agreed.get(address))
        if fresh != record:
            found[address] = fresh
    return found


def _renewed(record: Record, observation: Observation | None, agreed: Mapping[str, Any] | None) -> Record | None:
    if observation is None or observation.status == GONE:
        return None
    fresh = record_of(observation, record.attributes if agreed is None else agreed, record)
    return fresh.model_copy(update={"incomplete": record.incomplete and agreed is None})


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


def _drift(state: State, refreshed: Mapping[str, Record | None]) -> Iterator[Drift]:
    for address, record in refreshed.items():
        recorded = state.resources[address]
        if record is not None and recorded.incomplete:
            continue  # what a run of ours left under way went on by itself
        if record is None or record.observed != recorded.observed or record.status != recorded.status:
            yield Drift(
                _recorded_address(address),
                {"status": recorded.status, **recorded.observed},
                {"status": record.status, **record.observed} if record else None,
            )
