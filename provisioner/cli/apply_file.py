"""Applies a saved plan: holds it against everything that it was made from, then runs exactly its steps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from provisioner.cli.backends import state_backend
from provisioner.cli.carry_out import Consent, agree, conclude, run_plan
from provisioner.cli.delivery import file_digests
from provisioner.cli.flow import Planned, settled_snapshot
from provisioner.cli.locking import locked
from provisioner.cli.options import Request
from provisioner.cli.session import Session, open_session
from provisioner.errors import PlanRefused, UsageError
from provisioner.planfile.reading import SavedPlan, read_plan
from provisioner.planfile.secrecy import given, revealed
from provisioner.planfile.verification import (
    all_secrets,
    check_approved,
    check_cloud,
    check_live,
    check_shown,
    check_state,
    creating_in,
    file_warnings,
    mounting,
    touched,
)
from provisioner.planning.guards import policy_refusals
from provisioner.refresh import Refreshed, refresh
from provisioner.state.backend import Snapshot

if TYPE_CHECKING:
    from provisioner.model.secrets import Secrets
    from provisioner.plan import Plan
    from provisioner.state.backend import StateBackend

# They would change what is planned, and that is done.
_PLANNING: Mapping[str, str] = {
    "targets": "--target",
    "excludes": "--exclude",
    "replacements": "--replace",
    "variables": "--var",
    "variable_files": "--var-file",
    "environment": "--env",
    "destroy": "--destroy",
    "refresh_only": "--refresh-only",
    "refresh": "--no-refresh",
    "offline": "--offline",
    "accept_missing": "--accept-missing",
}


def check_options(context: click.Context, path: Path) -> None:
    """Refuse what would have to change the plan."""
    for name, option in _PLANNING.items():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"{option} has no effect on a plan that is made already: {path}",
                hint=f"leave it out; or give it to provisioner plan --out {path}",
            )


def apply_file(path: Path, request: Request, consent: Consent, approved: str | None) -> int:
    """Carry out the plan in a file, or refuse it before anything is changed."""
    saved = read_plan(path)
    if approved is not None:
        check_approved(saved, approved)
    if saved.plan.refusals:
        raise PlanRefused(saved.plan.refusals)
    secrets = given(saved.header.sensitive, os.environ)
    request = replace(request, environment=saved.header.environment)
    with open_session(request) as session:
        check_cloud(saved, session.cloud)
        backend = state_backend(session.settings, saved.plan.stack)
        with locked(
            backend, "OperationTypeApply", session.clock, timeout=request.lock_timeout, note=session.screen.note
        ):
            planned = _verified(saved, backend, request, session, secrets)
            session.screen.diagnostics(
                (*file_warnings(saved, file_digests(saved.header.files)), *planned.plan.warnings)
            )
            session.screen.approved(planned.plan)
            if refusals := policy_refusals(planned.plan, session.settings.policy):
                raise PlanRefused(refusals)
            agree(planned.plan, consent)
            outcome = run_plan(planned, request, session)
        return conclude(planned.plan, outcome, session)


def _verified(saved: SavedPlan, backend: StateBackend, request: Request, session: Session, secrets: Secrets) -> Planned:
    """The plan, with its secrets, once state and service are as it was planned on."""
    snapshot, _ = settled_snapshot(backend, session, secrets=secrets, for_apply=True)
    if not snapshot.stored_digest and not snapshot.has_journal:
        # Nothing is recorded yet: the lineage begins with the plan, so that it can be carried out only once.
        unborn = snapshot.state.model_copy(update={"lineage": saved.plan.lineage})
        snapshot = replace(snapshot, state=unborn)
    check_state(saved, snapshot)
    check_shown(saved, snapshot.state)
    plan = revealed(saved.plan, secrets)
    seen = _seen(plan, snapshot, request, session)
    strays = tuple(stray for stray in seen.strays if stray.id not in snapshot.state.owners)
    secrets = all_secrets(plan, snapshot.state, seen.live, secrets)
    check_live(saved.plan, seen.live, strays, secrets)
    return Planned(replace(plan, secrets=secrets), snapshot, backend, strays)


def _seen(plan: Plan, snapshot: Snapshot, request: Request, session: Session) -> Refreshed:
    """The instances that the plan touches, and what was made meanwhile where it creates."""
    records = touched(plan, snapshot.state)
    workspaces = creating_in(plan)
    if not (records or workspaces):
        return Refreshed({})
    with session.screen.listening(session.clock) as listener:
        return refresh(
            snapshot.state.model_copy(update={"resources": records}),
            session.provider,
            mounting=mounting(plan),
            workers=request.parallelism,
            clock=session.clock,
            listener=listener,
            marking=session.marking(plan.stack),
            workspaces=workspaces,
        )
