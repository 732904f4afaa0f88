"""From paths to plans, and from plans to results: the order of things that plan, apply and destroy share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provisioner.cli.backends import state_backend
from provisioner.cli.options import Request
from provisioner.cli.session import Session, check_same_cloud
from provisioner.errors import UsageError
from provisioner.lookups.catalog import Catalog
from provisioner.lookups.checks import looked_up
from provisioner.lookups.images import resolved
from provisioner.model.address import Address
from provisioner.plan import Mode, Options, Plan, as_argument
from provisioner.planning.guards import check_missing, check_names, policy_refusals
from provisioner.planning.restructure import Restructured, restructured
from provisioner.planning.stack import build_plan
from provisioner.refresh import Refreshed, recall, refresh, sweep
from provisioner.run.settle import Settled, settle
from provisioner.state.backend import Snapshot, StateBackend
from provisioner.state.document import Pending, State

if TYPE_CHECKING:
    from provisioner.cli.screens import Screen
    from provisioner.model.observation import Observation
    from provisioner.model.secrets import Secrets
    from provisioner.spec.document import Spec


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what it was made from. `strays` carry our mark and are not recorded."""

    plan: Plan
    snapshot: Snapshot
    backend: StateBackend
    strays: tuple[Observation, ...] = ()


def make_plan(spec: Spec, request: Request, session: Session, *, for_apply: bool = False) -> Planned:
    """Read the state and the service and decide. Sends nothing but reads."""
    backend = state_backend(session.settings, spec.stack)
    snapshot, settled = settled_snapshot(backend, session, secrets=spec.secrets, for_apply=for_apply)
    options = options_of(request)
    base = _restructured(snapshot.state, spec, options)
    marking = session.marking(spec.stack)
    seen = (
        _refreshed(base.state, spec, request, session) if request.refresh else _recalled(base, spec, request, session)
    )
    check_missing(base.state, seen.live, accepted=request.accept_missing)
    catalog = None if request.offline else Catalog(session.offers, workers=request.parallelism)
    found = resolved(spec, base.state, options, catalog)
    plan = build_plan(
        found.spec.notebooks,
        base,
        seen.live,
        serial=snapshot.stored_serial,
        now_ms=int(session.clock.now() * 1000),
        options=options,
        strays=seen.strays,
        deposed=seen.deposed,
        unsettled=settled.refused,
        secrets=spec.secrets,
    )
    check_names(plan, marking)
    plan = plan if catalog is None else looked_up(plan, catalog)
    warnings = (*settled.notes, *found.warnings, *plan.warnings)
    refusals = (*plan.refusals, *policy_refusals(plan, session.settings.policy))
    return Planned(replace(plan, warnings=warnings, refusals=refusals), snapshot, backend, seen.strays)


def settled_snapshot(
    backend: StateBackend, session: Session, *, secrets: Secrets, for_apply: bool
) -> tuple[Snapshot, Settled]:
    """What is recorded, once it is known what became of creates whose answer was lost."""
    snapshot = backend.read()
    check_same_cloud(snapshot.state, session.cloud)
    if not snapshot.state.pending:
        return snapshot, Settled(snapshot.state)
    settled = settle(
        snapshot.state,
        session.provider,
        session.clock,
        window=session.settle_window,
        waiting=_searching(session.screen) if for_apply else None,
        secrets=secrets,
    )
    return replace(snapshot, state=settled.state, has_journal=True), settled


def _restructured(state: State, spec: Spec, options: Options) -> Restructured:
    """The records as the specs mean them; who only refreshes takes them as they are."""
    if options.mode is Mode.REFRESH_ONLY:
        return Restructured(state)
    return restructured(state, spec, importing=options.mode is Mode.NORMAL)


def _refreshed(state: State, spec: Spec, request: Request, session: Session) -> Refreshed:
    """What the service says of everything recorded."""
    with session.screen.listening(session.clock) as listener:
        return refresh(
            state,
            session.provider,
            mounting={str(address) for address, each in spec.notebooks.items() if each.notebook.storages is not None},
            workers=request.parallelism,
            clock=session.clock,
            listener=listener,
            marking=session.marking(spec.stack),
            workspaces=_workspaces(spec),
        )


def _recalled(base: Restructured, spec: Spec, request: Request, session: Session) -> Refreshed:
    """What the state remembers. What it cannot is asked for, and what it may have forgotten is looked for: nothing is
    ever created twice.
    """
    imported = {str(address) for address in base.imported}
    recalled = recall(base.state.with_records(dict.fromkeys(imported)))
    if imported:
        recorded = base.state.resources.keys() - imported
        asked = _refreshed(base.state.with_records(dict.fromkeys(recorded)), spec, request, session)
        recalled = replace(recalled, live={**recalled.live, **asked.live})
    if all(str(address) in recalled.live for address in spec.notebooks):
        return recalled
    marking = session.marking(spec.stack)
    strays = sweep(
        base.state, session.provider, marking=marking, workspaces=_workspaces(spec), workers=request.parallelism
    )
    return replace(recalled, strays=strays)


def _workspaces(spec: Spec) -> set[str]:
    return {str(each.notebook.workspace_id or "0") for each in spec.notebooks.values()}


def _searching(screen: Screen) -> Callable[[Pending, float], None]:
    return lambda pending, seconds: screen.note(
        f"{pending.address}: Searching for a create that got no answer... [{seconds:.0f}s left]"
    )


def options_of(request: Request) -> Options:
    mode = Mode.DESTROY if request.destroy else Mode.REFRESH_ONLY if request.refresh_only else Mode.NORMAL
    return Options(
        mode=mode,
        targets=frozenset(addresses(request.targets)),
        excludes=frozenset(addresses(request.excludes)),
        replacements=frozenset(addresses(request.replacements)),
    )


def addresses(texts: Iterable[str]) -> Iterator[Address]:
    for text in texts:
        address = Address.parse(text)
        if address is None:
            raise UsageError(f"{text!r} is not an address", hint=_address_hint(text))
        yield address


def _address_hint(text: str) -> str:
    key, _, each = text.partition("[")
    meant = Address.parse(f'{key}["{each.removesuffix("]")}"]')
    if meant is None:
        return "write notebook.KEY or KEY"
    return f"quoted, or a shell takes the inner quotes away: {as_argument(meant)}"
