"""`provisioner state`: look into the recorded state. Offline."""

from __future__ import annotations

from pathlib import Path

import click

_SPECS = click.option(
    "--specs", "paths", multiple=True, type=click.Path(path_type=Path), help="File or directory of specs; repeatable."
)


@click.group("state")
def command() -> None:
    """Look into the recorded state."""


@command.command("list")
@_SPECS
def list_command(*, paths: tuple[Path, ...]) -> None:
    """Print the address of every recorded notebook."""
    from provisioner.cli.recorded import recorded_states
    from provisioner.views.state import state_list

    for state in recorded_states(paths):
        click.echo(state_list(state), nl=False)


@command.command("show")
@click.argument("address")
@_SPECS
def show_command(*, address: str, paths: tuple[Path, ...]) -> None:
    """Print what is recorded of one notebook."""
    from provisioner.cli.flow import addresses
    from provisioner.cli.recorded import recorded_states
    from provisioner.errors import UsageError
    from provisioner.views.state import state_show

    wanted = next(addresses([address]))
    for state in recorded_states(paths):
        if str(wanted) in state.resources:
            click.echo(state_show(state, wanted), nl=False)
            return
    raise UsageError(f"{wanted} is not recorded", hint="provisioner state list")
