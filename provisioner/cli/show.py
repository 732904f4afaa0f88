"""`provisioner show`: what is recorded."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli.options import ENVIRONMENT, PATHS


@click.command("show")
@PATHS
@ENVIRONMENT
def command(*, paths: tuple[Path, ...], environment: str) -> None:
    """Show the recorded notebooks with their ids and statuses. Offline.

    PATH is a file or directory of specs; each names a stack. Without one, every recorded stack is shown, or
    with --env every one of that environment.
    """
    from provisioner.cli.recorded import recorded_states
    from provisioner.views.state import state_table

    for state in recorded_states(paths, environment):
        click.echo(state_table(state))
