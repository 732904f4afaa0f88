"""`provisioner apply`: plan, ask, do."""

from __future__ import annotations

from typing import Any

import click

from provisioner.cli.options import ACCEPT_LOSS, AS_JSON, AUTO_APPROVE, INPUT, planning_options
from provisioner.errors import UsageError


@click.command("apply")
@planning_options
@AUTO_APPROVE
@ACCEPT_LOSS
@INPUT
@AS_JSON
@click.option(
    "--approved-digest", "approved", metavar="DIGEST", help="Refuse a plan file with another digest than sha256:DIGEST."
)
def command(*, auto_approve: bool, accepted: tuple[str, ...], ask: bool, approved: str | None, **given: Any) -> int:
    """Make the notebooks as the specs declare them.

    PATH is a file or directory of specs; each sub-directory of specs/ is a stack of its own. Shows the plan and asks
    before anything is changed. PATH may be the file of plan --out instead: then exactly that plan is carried out,
    without a question.
    """
    from provisioner.cli.carry_out import Consent, apply_stacks
    from provisioner.cli.options import Request
    from provisioner.planfile.recognition import plan_file

    request = Request(**given)
    path = plan_file(request.paths)
    if path is not None:
        from provisioner.cli.apply_file import apply_file, check_options

        check_options(click.get_current_context(), path)
        consent = Consent.given(auto_approve=True, accepted=accepted, ask=ask)
        return apply_file(path, request, consent, approved)
    if approved is not None:
        raise UsageError("--approved-digest needs a plan file", hint="provisioner apply FILE --approved-digest DIGEST")
    return apply_stacks(
        request, Consent.given(auto_approve=auto_approve, accepted=accepted, ask=ask and not request.as_json)
    )
