"""What apply and destroy share: plan under the lock, get consent, run the plan, say how it went."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import click

from provisioner.cli.backends import state_backend
from provisioner.cli.failures import failures_of
from provisioner.cli.flow import Planned, addresses, make_plan
from provisioner.cli.interrupt import stopping_gently
from provisioner.cli.locking import locked
from provisioner.cli.main import FAILED, INTERRUPTED
from provisioner.cli.options import Request
from provisioner.cli.project import load_specs
from provisioner.cli.rescue import rescue
from provisioner.cli.session import Session, open_session
from provisioner.cli.terminal import may_ask
from provisioner.errors import PlanRefused, ProvisionerError, StateNotSaved, UsageError
from provisioner.model.address import Address
from provisioner.plan import Mode, Plan, as_argument
from provisioner.planning.losses import check_safe, check_touched, unconsented
from provisioner.run.apply import Settings, apply_plan
from provisioner.views.outcome import Outcome
from provisioner.views.prompt import demand, is_consent, question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.events import Event
    from provisioner.spec.document import Spec


@dataclass(frozen=True, slots=True)
class Consent:
    """What the command line agreed to already."""

    approved: bool
    accept_all: bool
    accepted: frozenset[Address]

    @classmethod
    def given(cls, *, auto_approve: bool, accepted: tuple[str, ...], ask: bool) -> Self:
        """Refuses at once when nobody has approved and nobody can be asked."""
        if not auto_approve and not may_ask(wanted=ask):
            raise UsageError("nobody can be asked to approve the plan", hint="add --auto-approve")
        named = frozenset(addresses(text for text in accepted if text != "all"))
        return cls(approved=auto_approve, accept_all="all" in accepted, accepted=named)


def apply_stacks(request: Request, consent: Consent) -> int:
    """One stack after the other; the first that does not come to a clean end is the last."""
    specs = load_specs(request)
    _check_one_meant(specs, consent)
    with open_session(request) as session:
        for spec in specs:
            session.screen.diagnostics(spec.warnings)
            code = _apply_stack(spec, request, session, consent)
            if code:
                return code
    return 0


def _check_one_meant(specs: Sequence[Spec], consent: Consent) -> None:
    """Several stacks may have a notebook of the same address, and consent is for one of them."""
    if len(specs) > 1 and consent.accepted:
        raise UsageError(
            f"--accept-loss {as_argument(min(consent.accepted))} does not say in which of {len(specs)} stacks",
            hint="name the PATH of one stack, or --accept-loss all",
        )


def _apply_stack(spec: Spec, request: Request, session: Session, consent: Consent) -> int:
    backend = state_backend(session.settings, spec.stack)
    with locked(backend, "OperationTypeApply", session.clock, timeout=request.lock_timeout, note=session.screen.note):
        planned = make_plan(spec, request, session, for_apply=True)
        session.screen.diagnostics(planned.plan.warnings)
        session.screen.plan(planned.plan)
        if planned.plan.refusals:
            raise PlanRefused(planned.plan.refusals)
        agree(planned.plan, consent)
        outcome = run_plan(planned, request, session)
    return conclude(planned.plan, outcome, session)


def run_plan(planned: Planned, request: Request, session: Session) -> Outcome:
    """Carry out a plan that was agreed to. The caller holds the lock."""
    outcome = Outcome()
    try:
        _run(planned, request, session, outcome)
    except StateNotSaved as unsaved:
        session.screen.diagnostics(failures_of(outcome, planned.plan.secrets))
        raise rescue(unsaved, planned.plan.stack) from unsaved
    return outcome


def conclude(plan: Plan, outcome: Outcome, session: Session) -> int:
    """Say how a run ended. The exit code."""
    failures = failures_of(outcome, plan.secrets)
    session.screen.outcome(outcome, plan.mode)
    session.screen.diagnostics(failures)
    if session.clock.stop.is_set() and not failures:
        return INTERRUPTED
    return 0 if outcome.complete and not plan.refused else FAILED


def agree(plan: Plan, consent: Consent) -> None:
    """Ask, unless that was agreed to already. Raises when the answer is no."""
    asks_for_names = plan.mode is Mode.DESTROY and not consent.approved
    if not asks_for_names:
        check_safe(plan, consent.accepted, accept_all=consent.accept_all)
    check_touched(plan, consent.accepted)
    if consent.approved or not _changes_anything(plan):
        return
    losers = unconsented(plan, consent.accepted, accept_all=consent.accept_all)
    click.echo(f"\n{question(plan, losers)}", err=True, nl=False)
    answer = sys.stdin.readline()
    click.echo(err=True)
    if not is_consent(answer, plan, losers):
        what = "Destroy" if plan.mode is Mode.DESTROY else "Apply"
        hint = demand(plan, losers) if losers else ""
        raise ProvisionerError(f"{what} cancelled", detail="Nothing was changed.", hint=hint)


def _changes_anything(plan: Plan) -> bool:
    return bool(plan.pending) or (plan.mode is Mode.REFRESH_ONLY and bool(plan.refreshed))


def _run(planned: Planned, request: Request, session: Session, outcome: Outcome) -> None:
    with (
        stopping_gently(session.clock.stop, session.screen.interrupted),
        session.screen.listening(session.clock) as progress,
    ):

        def listener(event: Event) -> None:
            outcome(event)
            progress(event)

        apply_plan(
            planned.plan,
            planned.snapshot,
            backend=planned.backend,
            provider=session.provider,
            settings=Settings(
                session.cloud,
                request.parallelism,
                session.poll_interval,
                session.marking(planned.plan.stack),
                session.settle_window,
            ),
            clock=session.clock,
            stop=session.clock.stop,
            listener=listener,
        )
