"""`provisioner plan`: show what apply would do. Reads only."""

from __future__ import annotations

from typing import Any

import click

from provisioner.cli.options import planning_options

CHANGES_PENDING = 2


@click.command("plan")
@planning_options
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
def command(*, detailed_exitcode: bool, **given: Any) -> int:
    """Show what apply would do, and change nothing.

    PATH is a file or directory of specs; each sub-directory of specs/ is a stack of its own.
    """
    from provisioner.cli.flow import make_plan
    from provisioner.cli.locking import note_running
    from provisioner.cli.main import FAILED
    from provisioner.cli.options import Request
    from provisioner.cli.project import load_specs
    from provisioner.cli.session import open_session, state_backend

    request = Request(**given)
    specs = load_specs(request)
    pending, refused = False, False
    with open_session(request) as session:
        for spec in specs:
            session.screen.diagnostics(spec.warnings)
            note_running(state_backend(session.settings, spec.stack), session.clock, timeout=request.lock_timeout)
            plan = make_plan(spec, request, session).plan
            session.screen.diagnostics(plan.warnings)
            session.screen.plan(plan)
            session.screen.diagnostics(plan.refusals)
            pending, refused = pending or bool(plan.pending), refused or plan.refused
    if refused:
        return FAILED
    return CHANGES_PENDING if pending and detailed_exitcode else 0
