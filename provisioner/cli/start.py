"""`provisioner start`: start notebooks once, whatever their specs say of power."""

from __future__ import annotations

from typing import Any

import click

from provisioner.cli import completing
from provisioner.cli.options import LOCK_TIMEOUT, addressed_options


@click.command("start")
@click.argument("named", metavar="ADDR...", nargs=-1, required=True, shell_complete=completing.recorded)
@addressed_options
@LOCK_TIMEOUT
def command(*, named: tuple[str, ...], **given: Any) -> int:
    """Start notebooks, with the lease and the mounts that their specs declare.

    One that stands still by its spec runs all the same, until `provisioner stop` or until the spec's desired_status
    changes. A KEY under for_each means all its instances. Nothing is asked: the command is the consent.
    """
    from provisioner.cli.by_hand import Order, carry_out
    from provisioner.cli.options import Request
    from provisioner.planning.power import starting

    return carry_out(Order("OperationTypeStart", named, starting), Request(**given))
