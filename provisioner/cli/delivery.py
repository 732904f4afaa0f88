"""What becomes of a plan beside the screen: the plan file, the reports, what a pipeline is told."""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.errors import PlanRefused, UsageError
from provisioner.spec.files import SETTINGS_FILE

if TYPE_CHECKING:
    from provisioner.cli.flow import Planned
    from provisioner.cli.options import Request
    from provisioner.cli.session import Session
    from provisioner.planfile.document import Basis
    from provisioner.spec.document import Spec
    from provisioner.views.reported import Reported


def check_deliverable(request: Request, specs: Sequence[Spec]) -> None:
    """Refuse before anything is asked of the service what cannot be written afterwards."""
    if request.out is None and not request.reports:
        return
    if len(specs) != 1:
        option = "--out" if request.out else "--report"
        names = ", ".join(spec.stack for spec in specs)
        raise UsageError(
            f"{option} needs exactly one stack, and here are {len(specs)}: {names}",
            hint="name the PATH of one; a matrix of jobs does all: provisioner stacks list --json",
        )
    if request.out is not None:
        from provisioner.planfile.reading import check_place

        check_place(request.out)
    if request.reports:
        from provisioner.cli.reports import wanted_reports

        wanted_reports(request.reports, beside=request.out)


def deliver(planned: Planned, spec: Spec, request: Request, session: Session) -> Reported | None:
    """Save the plan and write its reports, as `request` asks. A plan that is refused is reported and not saved. What a
    pipeline is to be told, None outside of one.
    """
    from provisioner.cli.ci import Pipeline, origin, pipeline

    tells = pipeline(os.environ) is not Pipeline.NONE
    if not (request.out or request.reports or tells):
        return None
    from provisioner.planfile.document import document_of
    from provisioner.planfile.reading import write_plan
    from provisioner.views.reported import Reported

    plan = planned.plan
    saves = request.out is not None and not plan.refusals
    document = document_of(plan, planned.snapshot.state, _basis(planned, spec, session, must_be_given=saves))
    digest = document["provisioner"]["digest"]
    if request.out is not None and saves:
        write_plan(request.out, document)
    reported = Reported(
        plan,
        document,
        digest,
        session.settings.environment,
        session.cloud.region,
        session.cloud.project_id,
        str(request.out) if saves else "",
        origin(os.environ),
    )
    if request.reports:
        from provisioner.cli.reports import write_reports

        write_reports(request.reports, reported, request.report_limit)
    if request.out is not None:
        if saves:
            session.screen.saved(str(request.out), digest, _saved(request.out, digest, request))
        else:
            session.screen.say(_not_saved(request.out))
    return reported if tells else None


def file_digests(files: Iterable[str]) -> dict[str, str]:
    """What files hold, by their names; those that are not there, or cannot be read any more, are left out."""
    found = {}
    for name in files:
        try:
            found[name] = f"sha256:{hashlib.sha256(Path(name).read_bytes()).hexdigest()}"
        except OSError:
            continue
    return found


def _basis(planned: Planned, spec: Spec, session: Session, *, must_be_given: bool) -> Basis:
    from provisioner.planfile.document import Basis
    from provisioner.planfile.secrecy import hidden, needed

    try:
        sensitive = needed(hidden(planned.plan), spec.givers)
    except PlanRefused:
        if must_be_given:
            raise
        sensitive = ()  # a report is for reading
    return Basis(session.cloud, session.settings.environment, file_digests(_read_for(spec, session)), sensitive)


def _read_for(spec: Spec, session: Session) -> Iterator[str]:
    """The files that a plan was made from. Those of variables are left out: they may be pipes, and hold secrets."""
    yield from spec.files
    yield from session.settings.patches
    yield SETTINGS_FILE


def _saved(path: Path, digest: str, request: Request) -> str:
    from provisioner.cli.terminal import may_advise

    saved = f"\nSaved {path} ({digest})."
    words = ["provisioner", *_chdir(), "apply", *(["--sandbox"] if request.sandbox else []), str(path)]
    return f"{saved} To apply exactly this:\n  {shlex.join(words)}" if may_advise(sys.stdout) else saved


def _not_saved(path: Path) -> str:
    return f"\nNot saved as {path}: the plan is refused."


def _chdir() -> list[str]:
    """How the command was led to its directory: only from where it was called does its argument make sense."""
    import click

    parent = click.get_current_context().find_root()
    chdir = parent.params.get("chdir")
    return ["--chdir", str(chdir)] if chdir else []
