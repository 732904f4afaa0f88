"""`provisioner apply`: plan, ask, do."""

from __future__ import annotations

from typing import Any

import click

from provisioner.cli.options import ACCEPT_LOSS, AUTO_APPROVE, INPUT, planning_options


@click.command("apply")
@planning_options
@AUTO_APPROVE
@ACCEPT_LOSS
@INPUT
def command(*, auto_approve: bool, accepted: tuple[str, ...], ask: bool, **given: Any) -> int:
    """Make the notebooks as the specs declare them.

    PATH is a file or directory of specs; each sub-directory of specs/ is a stack of its own. Shows the plan and asks
    before anything is changed.
    """
    from provisioner.cli.carry_out import Consent, apply_stacks
    from provisioner.cli.options import Request

    return apply_stacks(Request(**given), Consent.given(auto_approve=auto_approve, accepted=accepted, ask=ask))
