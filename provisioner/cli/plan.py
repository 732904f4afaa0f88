"""`provisioner plan`: show what apply would do. Reads only."""

from __future__ import annotations

from typing import Any

import click

from provisioner.cli.options import AS_JSON, NO_INPUT, OUT, REPORT_SIZE, REPORTS, planning_options

CHANGES_PENDING = 2


@click.command("plan")
@planning_options
@NO_INPUT
@AS_JSON
@OUT
@REPORTS
@REPORT_SIZE
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
def command(*, detailed_exitcode: bool, **given: Any) -> int:
    """Show what apply would do, and change nothing.

    PATH is a file or directory of specs; each sub-directory of specs/ is a stack of its own.
    """
    from provisioner.cli.backends import state_backend
    from provisioner.cli.ci import publish
    from provisioner.cli.delivery import check_deliverable, deliver
    from provisioner.cli.flow import make_plan
    from provisioner.cli.locking import note_running
    from provisioner.cli.main import FAILED
    from provisioner.cli.options import Request
    from provisioner.cli.project import load_specs
    from provisioner.cli.screens import advise
    from provisioner.cli.session import open_session
    from provisioner.views.reported import Reported

    request = Request(**given)
    specs = load_specs(request)
    check_deliverable(request, specs)
    pending, refused, reported = False, False, list[Reported]()
    with open_session(request) as session:
        for spec in specs:
            session.screen.diagnostics(spec.warnings)
            note_running(
                state_backend(session.settings, spec.stack),
                session.clock,
                timeout=request.lock_timeout,
                note=session.screen.note,
            )
            planned = make_plan(spec, request, session)
            plan = planned.plan
            session.screen.diagnostics(plan.warnings)
            session.screen.plan(plan)
            session.screen.diagnostics(plan.refusals)
            if delivered := deliver(planned, spec, request, session):
                reported.append(delivered)
            pending, refused = pending or bool(plan.pending), refused or plan.refused
    publish(reported)
    if pending and not refused and not request.out:
        advise("You did not use --out: apply plans again, and may find something else to do by then.")
    if refused:
        return FAILED
    return CHANGES_PENDING if pending and detailed_exitcode else 0
