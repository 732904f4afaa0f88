"""Makes the plan of one stack: a step for each address, what is recorded besides, what is warned of and refused. Pure.

Every decision is taken here and in `steps`; the plan that comes of it is only shown and carried out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from provisioner.drift import Drift, drift_of
from provisioner.errors import Diagnostic, PlanError
from provisioner.model.address import Address
from provisioner.model.marker import is_of
from provisioner.model.observation import Observation
from provisioner.model.secrets import NO_SECRETS, Secrets
from provisioner.plan import Action, Mode, Options, Plan, Reason, Step, as_argument
from provisioner.planning.bills import endless_runs, endless_starts
from provisioner.planning.protection import protection_refusals
from provisioner.planning.refusals import refusal_diagnostics, refusals_of, refused
from provisioner.planning.renewal import Live, Sight, rebased, reinstated, renewed
from provisioner.planning.restructure import Restructured
from provisioner.planning.secrecy import recalled
from provisioner.planning.steps import Known, step_of
from provisioner.planning.strays import stray_warnings
from provisioner.spec.document import Declaration, Import
from provisioner.state.document import Record, State

_EVERYTHING = Options()
_NONE_DEPOSED: Live = {}
_NONE_UNSETTLED: Mapping[str, PlanError] = {}


def build_plan(
    declared: Mapping[Address, Declaration],
    base: State | Restructured,
    live: Live,
    *,
    serial: int,
    now_ms: int,
    options: Options = _EVERYTHING,
    strays: Sequence[Observation] = (),
    deposed: Live = _NONE_DEPOSED,
    unsettled: Mapping[str, PlanError] = _NONE_UNSETTLED,
    secrets: Secrets = NO_SECRETS,
) -> Plan:
    """Decide what leads from `live` to `declared`.

    base       what is recorded, and how that differs from what is stored where the specs move records
    live       for each recorded address what the service says of its id, None when the instance is gone
    deposed    the same for each deposed instance, by id
    serial     the serial of the stored state
    now_ms     the present, in milliseconds since the epoch
    strays     instances of this stack that are not recorded
    unsettled  addresses with a create of which nobody knows what it made
    """
    base = base if isinstance(base, Restructured) else Restructured(base)
    wanted = {} if options.mode is Mode.DESTROY else declared
    recorded = {_recorded_address(text) for text in base.state.resources}
    addresses = {*declared, *recorded, *base.forgotten}
    _check_known(addresses, base, options)
    _check_moves(base, options)
    secrets = recalled(secrets, base.state, live)
    strays = [stray for stray in strays if not _is_released(stray, base)]
    chosen = sorted(address for address in {*wanted, *recorded} if options.chooses(address))
    sight = reinstated(Sight(base.state, live, deposed))
    _check_imports(base, sight, chosen)
    decide = partial(step_of, mode=options.mode, now_ms=now_ms, secrets=secrets)
    planned = () if options.mode is Mode.REFRESH_ONLY else chosen
    steps = {address: decide(_known(address, wanted.get(address), sight, base, options)) for address in planned}
    chosen_unsettled = {text: error for text, error in unsettled.items() if options.chooses(_recorded_address(text))}
    refusals = refusals_of(steps.values(), strays, chosen_unsettled)
    steps = {address: refused(step, refusals) for address, step in steps.items()}
    steps |= {address: _forgetting(address, base) for address in base.forgotten if options.chooses(address)}
    records = renewed(sight, steps, chosen, secrets)
    refreshed = {text: fresh for text, fresh in records.items() if fresh != base.state.resources[text]}
    moved = rebased(base, records, steps)
    final = tuple(_with_record(step, moved) for _, step in sorted(steps.items()))
    return Plan(
        stack=base.state.stack,
        lineage=base.state.lineage,
        serial=serial,
        mode=options.mode,
        steps=final,
        made_at=now_ms,
        partial=options.choosing,
        drift=tuple(_drift(base, sight, refreshed, declared, now_ms)),
        refreshed=refreshed,
        rebased=moved,
        warnings=(
            *(_warning(step) for step in final if step.reason is Reason.BLOCKED and step.address not in refusals),
            *(_passed(each, base.state.resources[str(each.to)].id) for each in base.passed),
            *stray_warnings(strays, addresses, refusals),
            *endless_runs(final),
            *refusal_diagnostics(refusals, declared),
        ),
        refusals=(*protection_refusals(final, declared), *endless_starts(final)),
        secrets=secrets,
    )


def _recorded_address(text: str) -> Address:
    address = Address.parse(text)
    if address is None:
        raise PlanError(f"the state holds an address that is none: {text}")
    return address


def _check_known(addresses: Collection[Address], base: Restructured, options: Options) -> None:
    asked = {*options.targets, *options.excludes, *options.replacements}
    if unknown := sorted(asked - set(addresses)):
        known = ", ".join(str(address) for address in sorted(addresses)[:10]) or "none"
        new = next((new for new, old in base.moved.items() if old == unknown[0]), None)
        hint = f"it moves to {new}" if new else f"there are: {known}"
        raise PlanError(f"{unknown[0]} is neither declared nor recorded", hint=hint)


def _check_moves(base: Restructured, options: Options) -> None:
    """Records move all at once or not at all: half of a chain of moves would have two records at one address."""
    left_out = [(new, old) for new, old in sorted(base.moved.items()) if not options.chooses(new)]
    if left_out:
        raise PlanError(
            f"records move, and {left_out[0][0]} is left out of this plan",
            detail="\n".join(f"{old} moves to {new}" for new, old in left_out),
            hint="add " + " ".join(f"--target {as_argument(new)}" for new, _ in left_out)
            if options.targets
            else "apply once without --exclude of what moves",
        )


def _check_imports(base: Restructured, sight: Sight, chosen: Collection[Address]) -> None:
    for address in sorted(base.imported.intersection(chosen)):
        observation = sight.observation(address)
        if observation is None or observation.status == "DELETING":
            what = "is being deleted" if observation else "does not exist"
            raise PlanError(
                f"the notebook {base.state.resources[str(address)].id}, to be imported as {address}, {what}",
                hint="the id is that of a live notebook of this project and workspace; or take the import away",
            )


def _known(
    address: Address, declaration: Declaration | None, sight: Sight, base: Restructured, options: Options
) -> Known:
    record = sight.record(address)
    return Known(
        address,
        declaration,
        record,
        sight.observation(address) if record else None,
        deposed=sight.leftovers(record),
        moved_from=base.moved.get(address),
        imported=address in base.imported,
        forced=address in options.replacements,
    )


def _is_released(stray: Observation, base: Restructured) -> bool:
    """Whether it was forgotten on purpose, by this plan or an earlier one."""
    forgotten = {record.id for record in base.forgotten.values()}
    return stray.id in forgotten or any(is_of(stray.marker, str(address)) for address in base.released)


def _forgetting(address: Address, base: Restructured) -> Step:
    record = base.forgotten[address]
    return Step(
        address,
        Action.FORGET,
        Reason.FORGOTTEN,
        id=record.id,
        record=record,
        before=record.attributes,
        moved_from=base.moved.get(address),
    )


def _with_record(step: Step, moved: Mapping[str, Record | None]) -> Step:
    """A step without operations has the record that it leads to."""
    record = moved.get(str(step.address))
    return replace(step, record=record) if record is not None and not step.operations else step


def _warning(step: Step) -> Diagnostic:
    return Diagnostic(
        code="W501",
        severity="warning",
        summary=f"{step.address} is left alone: {step.note}",
        hint=f"once it is well again, run apply; or rebuild it with --replace {as_argument(step.address)}",
        range=step.source,
        address=str(step.address),
    )


def _passed(unwanted: Import, present: str) -> Diagnostic:
    return Diagnostic(
        code="W506",
        severity="warning",
        summary=f"nothing is imported as {unwanted.to}: it is recorded already, as another instance",
        detail=f"It has the id {present}, the import names {unwanted.id}.",
        hint="take the import away; or give what is recorded another address first, with `moved`",
        range=unwanted.source,
        address=str(unwanted.to),
    )


def _drift(
    base: Restructured,
    sight: Sight,
    refreshed: Mapping[str, Record | None],
    declared: Mapping[Address, Declaration],
    now_ms: int,
) -> Iterator[Drift]:
    """What is taken over has no past."""
    for text, fresh in refreshed.items():
        address = _recorded_address(text)
        if address in base.imported:
            continue
        ignored = declared[address].ignored if address in declared else frozenset()
        recorded, live = base.state.resources[text], sight.live[text]
        if found := drift_of(address, recorded, fresh, live, now_ms=now_ms, ignored=ignored):
            yield found
