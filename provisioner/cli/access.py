"""`provisioner access`: how to reach the notebooks. Reads only, and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provisioner.cli import completing
from provisioner.cli.options import addressed_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.cli.options import Request
    from provisioner.model.address import Address
    from provisioner.state.document import State
    from provisioner.views.access import Way


@click.command("access")
@click.argument("named", metavar="[ADDR]...", nargs=-1, shell_complete=completing.recorded)
@click.option("--ssh-config", is_flag=True, help="Print Host blocks for ~/.ssh/config.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--show-token", is_flag=True, help="Print the notebooks' access tokens too: who has one is in.")
@addressed_options
def command(*, named: tuple[str, ...], ssh_config: bool, as_json: bool, show_token: bool, **given: Any) -> None:
    """Print where JupyterLab and SSH of the recorded notebooks are, read live.

    Without ADDR all that are recorded. A KEY under for_each means all its instances. `--ssh-config` makes what OpenSSH,
    VS Code and PyCharm read; the private key of a key pair NAME is expected as ~/.ssh/NAME.pem.
    """
    from provisioner.cli.options import Request
    from provisioner.errors import UsageError
    from provisioner.views import access

    if ssh_config and (as_json or show_token):
        raise UsageError("--ssh-config goes with neither --json nor --show-token", hint="call it twice")
    ways = _ways(named, Request(**given))
    if ssh_config:
        text = access.ssh_config(ways)
    elif as_json:
        text = access.access_json(ways, show_token=show_token)
    else:
        text = access.access_table(ways, show_token=show_token) if ways else "Nothing is recorded.\n"
    click.echo(text, nl=False)


def _ways(named: Sequence[str], request: Request) -> list[Way]:
    from provisioner.cli.flow import addresses
    from provisioner.cli.named import by_stack, recorded
    from provisioner.cli.recorded import recorded_states
    from provisioner.cli.session import check_same_cloud, open_session
    from provisioner.executor import map_bounded
    from provisioner.views.access import Way

    asked = tuple(addresses(named))
    states = list(recorded_states(request.paths, request.environment))
    wanted = by_stack(asked, states) if asked else {state.stack: tuple(recorded(state)) for state in states}
    those = [(state, address) for state in states for address in wanted.get(state.stack, ())]
    with open_session(request) as session:

        def way(at: tuple[State, Address]) -> Way:
            state, address = at
            record = state.resources[str(address)]
            return Way(state.stack, address, record.id, session.provider.access(record.id, record.workspace_id))

        for state in states:
            check_same_cloud(state, session.cloud)
        return map_bounded(way, those, workers=request.parallelism)
