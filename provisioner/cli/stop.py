"""`provisioner stop`: stop notebooks once, whatever their specs say of power."""

from __future__ import annotations

from typing import Any

import click

from provisioner.cli import completing
from provisioner.cli.options import AUTO_APPROVE, INPUT, LOCK_TIMEOUT, addressed_options


@click.command("stop")
@click.argument("named", metavar="ADDR...", nargs=-1, required=True, shell_complete=completing.recorded)
@addressed_options
@LOCK_TIMEOUT
@AUTO_APPROVE
@INPUT
def command(*, named: tuple[str, ...], auto_approve: bool, ask: bool, **given: Any) -> int:
    """Stop notebooks. Says before what is lost, and asks.

    One that runs by its spec stays stopped, until `provisioner start` or until the spec's desired_status changes. A KEY
    under for_each means all its instances.
    """
    from provisioner.cli.by_hand import Order, carry_out
    from provisioner.cli.carry_out import Consent
    from provisioner.cli.options import Request
    from provisioner.planning.power import stopping

    consent = Consent.given(auto_approve=auto_approve, accepted=(), ask=ask)
    return carry_out(Order("OperationTypeStop", named, stopping, consent), Request(**given))
