"""`provisioner extend`: count the lease of notebooks anew."""

from __future__ import annotations

from typing import Any

import click

from provisioner.cli import completing
from provisioner.cli.options import LOCK_TIMEOUT, addressed_options


def _milliseconds(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    from provisioner.model.fields import duration_ms

    milliseconds = None if text is None else duration_ms(text)
    if text is not None and milliseconds is None:
        raise click.BadParameter("write a duration: 90m, 4h, 1h30m")
    return milliseconds


@click.command("extend")
@click.argument("named", metavar="ADDR...", nargs=-1, required=True, shell_complete=completing.recorded)
@click.option(
    "--for",
    "duration",
    metavar="DURATION",
    callback=_milliseconds,
    help="How long from now. Without it, for as long as the spec declares.",
)
@addressed_options
@LOCK_TIMEOUT
def command(*, named: tuple[str, ...], duration: int | None, **given: Any) -> int:
    """Count the lease of running notebooks anew from now, and say until when they run.

    Another duration than that of the spec holds until the next start. A KEY under for_each means all its instances.
    """
    from provisioner.cli.by_hand import Order, carry_out
    from provisioner.cli.options import Request
    from provisioner.planning.power import extending

    return carry_out(Order("OperationTypeExtend", named, extending(duration)), Request(**given))
