"""`provisioner drift`: what changed outside. Takes no lock, reads only, writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.options import (
    ACCEPT_MISSING,
    COMPACT_WARNINGS,
    LOCK,
    LOCK_TIMEOUT,
    NO_INPUT,
    PARALLELISM,
    PATHS,
    SANDBOX,
    spec_options,
)

if TYPE_CHECKING:
    from provisioner.cli.options import Request
    from provisioner.cli.session import Session
    from provisioner.spec.document import Spec
    from provisioner.views.drift import Checked

DRIFTED = 2


@click.command("drift")
@PATHS
@spec_options
@PARALLELISM
@LOCK
@LOCK_TIMEOUT
@ACCEPT_MISSING
@COMPACT_WARNINGS
@NO_INPUT
@SANDBOX
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document for scripts.")
def command(*, as_json: bool, **given: Any) -> int:
    """Show what changed outside since it was recorded, and change nothing.

    PATH is a file or directory of specs; each sub-directory of specs/ is a stack of its own. Exit code 0: nothing but
    what was to be expected, 2: something else.
    """
    from provisioner.cli.main import FAILED
    from provisioner.cli.options import Request
    from provisioner.cli.project import load_specs
    from provisioner.cli.screens import show_diagnostics, show_drift
    from provisioner.cli.session import open_session

    request = Request(**given, refresh_only=True, offline=True)
    stacks: list[Checked] = []
    with open_session(request) as session:
        for spec in load_specs(request):
            checked = _checked(spec, request, session)
            show_diagnostics(checked.plan.warnings, compact_warnings=request.compact_warnings)
            if not as_json:
                show_drift(checked, _apply_command(spec, request))
            stacks.append(checked)
    if as_json:
        _print_document(stacks)
    if any(diagnostic.severity == "error" for checked in stacks for diagnostic in checked.plan.warnings):
        return FAILED
    return DRIFTED if any(checked.drifted for checked in stacks) else 0


def _checked(spec: Spec, request: Request, session: Session) -> Checked:
    from provisioner.cli.backends import state_backend
    from provisioner.cli.flow import make_plan
    from provisioner.cli.locking import note_running
    from provisioner.views.drift import Checked

    note_running(state_backend(session.settings, spec.stack), session.clock, timeout=request.lock_timeout)
    began, before = session.clock.monotonic(), session.provider.requests
    planned = make_plan(spec, request, session)
    return Checked(
        spec,
        planned.plan,
        planned.strays,
        recorded=len(planned.snapshot.state.resources),
        requests=session.provider.requests - before,
        seconds=session.clock.monotonic() - began,
    )


def _print_document(stacks: list[Checked]) -> None:
    import json

    from provisioner.views.drift import drift_document

    click.echo(json.dumps(drift_document(stacks), indent=2))


def _apply_command(spec: Spec, request: Request) -> str:
    """How `apply` is called for the same specs, ready for a shell; a sensitive value is not repeated."""
    import shlex

    directory = click.get_current_context().find_root().params.get("chdir")
    return shlex.join(
        [
            "provisioner",
            *(["--chdir", directory] if directory else []),
            "apply",
            *(["--sandbox"] if request.sandbox else []),
            *(["--env", request.environment] if request.environment else []),
            *(word for path in request.variable_files for word in ("--var-file", str(path))),
            *(word for text in request.variables for word in ("--var", spec.secrets.hidden(text))),
            *map(str, request.paths),
        ]
    )
