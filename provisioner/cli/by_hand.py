"""What start, stop and extend share: find the notebooks, plan, carry it out under the lock, say until when they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from provisioner.cli.backends import state_backend
from provisioner.cli.carry_out import Consent, agree, conclude, run_plan
from provisioner.cli.flow import Planned, addresses
from provisioner.cli.locking import locked
from provisioner.cli.named import by_stack
from provisioner.cli.options import Request
from provisioner.cli.project import load_specs
from provisioner.cli.session import Session, check_same_cloud, open_session
from provisioner.errors import OutcomeUnknown
from provisioner.events import StepCompleted, StepFailed
from provisioner.executor import map_bounded
from provisioner.model.address import Address
from provisioner.plan import Plan, Step
from provisioner.planning.power import Decide, Subject, power_plan, taken_back
from provisioner.refresh import refresh
from provisioner.spec.document import Spec
from provisioner.state.document import State
from provisioner.views.clean import one_line
from provisioner.views.lease import lease_text
from provisioner.views.outcome import Outcome

_AGREED = Consent(approved=True, accept_all=False, accepted=frozenset())


@dataclass(frozen=True, slots=True)
class Order:
    """What a command is told to do.

    operation  as a lock tells it to those who wait
    named      the notebooks, as they were typed
    decide     what it means for one of them
    """

    operation: str
    named: tuple[str, ...]
    decide: Decide
    consent: Consent = _AGREED


def carry_out(order: Order, request: Request) -> int:
    """One stack after the other; the first that does not come to a clean end is the last. The exit code."""
    asked = tuple(addresses(order.named))
    specs = load_specs(request)
    with open_session(request) as session:
        states = [state_backend(session.settings, spec.stack).read().state for spec in specs]
        wanted = by_stack(asked, states)
        for spec in specs:
            if spec.stack in wanted and (code := _in_stack(spec, wanted[spec.stack], order, request, session)):
                return code
    return 0


def _in_stack(spec: Spec, wanted: Sequence[Address], order: Order, request: Request, session: Session) -> int:
    backend, outcome = state_backend(session.settings, spec.stack), Outcome()
    with locked(backend, order.operation, session.clock, timeout=request.lock_timeout):
        snapshot = backend.read()
        by_stack(wanted, [snapshot.state])  # somebody may have removed one before it was our turn
        check_same_cloud(snapshot.state, session.cloud)
        subjects = _subjects(wanted, spec, snapshot.state, request, session)
        plan = power_plan(subjects, order.decide, snapshot.state, serial=snapshot.stored_serial, secrets=spec.secrets)
        planned = Planned(plan, snapshot, backend)
        if plan.pending:
            session.screen.plan(plan)
            agree(plan, order.consent)
        if plan.pending or plan.rebased:
            outcome = run_plan(planned, request, session)
            _take_back(planned, outcome, session)
    code = conclude(plan, outcome, session) if plan.pending else _say_notes(plan)
    _say_leases([step for step in plan.steps if _stands(step, outcome)], session)
    return code


def _subjects(
    wanted: Sequence[Address], spec: Spec, state: State, request: Request, session: Session
) -> Iterator[Subject]:
    records = {str(address): state.resources[str(address)] for address in wanted}
    with session.screen.listening(session.clock) as listener:
        seen = refresh(
            state.model_copy(update={"resources": records}),
            session.provider,
            mounting=(),
            workers=request.parallelism,
            clock=session.clock,
            listener=listener,
        )
    for address in wanted:
        yield Subject(address, records[str(address)], spec.notebooks.get(address), seen.live[str(address)])


def _take_back(planned: Planned, outcome: Outcome, session: Session) -> None:
    """What was asked for and certainly not done is not recorded any longer."""
    failed = {step.address for step in outcome.steps if _is_undone(step, outcome)}
    now = planned.backend.read()
    if undone := taken_back(planned.plan, planned.snapshot.state, now.state, failed):
        state = now.state.with_records(undone).model_copy(update={"serial": now.stored_serial})
        planned.backend.write(state.next(session.cloud), replacing=now)


def _is_undone(step: Step, outcome: Outcome) -> bool:
    match outcome.ends.get(step.address):
        case StepCompleted() | StepFailed(error=OutcomeUnknown()):
            return False
        case _:
            return True


def _stands(step: Step, outcome: Outcome) -> bool:
    """Whether a notebook is as it was asked for."""
    return not step.operations or step in outcome.completed


def _say_notes(plan: Plan) -> int:
    for step in plan.steps:
        click.echo(f"{one_line(str(step.address))} {step.note}.")
    return 0


def _say_leases(steps: Sequence[Step], session: Session) -> None:
    """Until when those run that do. It is read anew: no record tells of a deadline, which moves."""
    seen = map_bounded(lambda step: session.provider.read(step.id, step.workspace_id), steps, workers=10)
    for step, observation in zip(steps, seen, strict=True):
        if observation is not None and observation.status == "RUNNING":
            click.echo(lease_text(step.address, observation, session.clock.now()))
