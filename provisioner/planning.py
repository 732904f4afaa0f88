"""Decides what leads from what is live to what is declared: one step for each address. Pure.

Every decision is taken here; the plan that comes of it is only shown and carried out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioner.diff import Change, compare
from provisioner.errors import Diagnostic, PlanError
from provisioner.model.address import Address
from provisioner.model.behavior import Effect
from provisioner.model.observation import FAILED, GONE, Observation
from provisioner.operations import Operation, OperationKind, alteration, creation, deletion
from provisioner.plan import Action, Drift, Loss, Mode, Options, Plan, Reason, Step, as_argument, record_of
from provisioner.refusals import refusal_diagnostics, refusals_of, refused
from provisioner.spec.document import Declaration
from provisioner.state.document import Record, State
from provisioner.strays import stray_warnings

_EVERYTHING = Options()
_NONE_UNSETTLED: Mapping[str, PlanError] = {}


def build_plan(
    declared: Mapping[Address, Declaration],
    state: State,
    live: Mapping[str, Observation | None],
    *,
    serial: int,
    now_ms: int,
    options: Options = _EVERYTHING,
    strays: Sequence[Observation] = (),
    unsettled: Mapping[str, PlanError] = _NONE_UNSETTLED,
) -> Plan:
    """Decide what leads from `live` to `declared`.

    live       for each recorded address what the service says of its id, None when the instance is gone
    serial     the serial of the stored state
    now_ms     the present, in milliseconds since the epoch
    strays     instances of this stack that are not recorded
    unsettled  addresses with a create of which nobody knows what it made
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
    chosen_unsettled = {text: error for text, error in unsettled.items() if options.chooses(_recorded_address(text))}
    refusals = refusals_of(steps, strays, chosen_unsettled)
    steps = [refused(step, refusals) for step in steps]
    refreshed = _refreshed(state, live, chosen, steps)
    blocked = [step for step in steps if step.reason is Reason.BLOCKED and step.address not in refusals]
    return Plan(
        stack=state.stack,
        lineage=state.lineage,
        serial=serial,
        mode=options.mode,
        steps=tuple(steps),
        drift=tuple(_drift(state, refreshed)),
        refreshed=refreshed,
        warnings=(
            *map(_warning, blocked),
            *stray_warnings(strays, {*declared, *recorded}, refusals),
            *refusal_diagnostics(refusals, declared),
        ),
    )


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


def _drift(state: State, refreshed: Mapping[str, Record | None]) -> Iterator[Drift]:
    for address, record in refreshed.items():
        recorded = state.resources[address]
        if record is not None and recorded.incomplete:
            continue  # what a run of ours left under way went on by itself
        same = record is not None and _without_mark(record.observed) == _without_mark(recorded.observed)
        if record is None or not same or record.status != recorded.status:
            yield Drift(
                _recorded_address(address),
                {"status": recorded.status, **_without_mark(recorded.observed)},
                {"status": record.status, **_without_mark(record.observed)} if record else None,
            )


def _without_mark(observed: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the mark is there is no concern of people: nothing depends on it once the id is recorded."""
    return {name: value for name, value in observed.items() if name not in {"marker", "marker_place"}}
