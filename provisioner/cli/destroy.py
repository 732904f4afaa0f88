"""`provisioner destroy`: remove everything that is recorded."""

from __future__ import annotations

from typing import Any

import click

from provisioner.cli.options import ACCEPT_LOSS, AS_JSON, AUTO_APPROVE, INPUT, shared_options


@click.command("destroy")
@shared_options
@AUTO_APPROVE
@ACCEPT_LOSS
@INPUT
@AS_JSON
def command(*, auto_approve: bool, accepted: tuple[str, ...], ask: bool, **given: Any) -> int:
    """Delete every recorded notebook of a stack, and their volumes with them.

    The typed answer is the consent to lose the volumes; with --auto-approve, --accept-loss must be given.
    """
    from provisioner.cli.carry_out import Consent, apply_stacks
    from provisioner.cli.options import Request

    request = Request(**given, destroy=True)
    consent = Consent.given(auto_approve=auto_approve, accepted=accepted, ask=ask and not request.as_json)
    return apply_stacks(request, consent)
