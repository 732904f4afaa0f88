"""`provisioner force-unlock`: take the lock from a holder that cannot give it back."""

from __future__ import annotations

import click

from provisioner.cli.options import ENVIRONMENT


@click.command("force-unlock")
@click.argument("identifier", metavar="ID")
@click.option("--force", is_flag=True, help="Do not ask.")
@ENVIRONMENT
def command(*, identifier: str, force: bool, environment: str) -> None:
    """Break the lock with this ID, after showing its holder.

    Only for a holder that is dead, on another machine: two runs at once on one stack are what the lock prevents. A
    holder that is alive on this machine is refused. A lock whose process ended on this machine is free already.
    """
    import sys
    from pathlib import Path

    from provisioner.cli.backends import state_backends
    from provisioner.cli.settings import load_settings
    from provisioner.cli.terminal import may_ask
    from provisioner.errors import ProvisionerError, UsageError
    from provisioner.views.prompt import ANSWER

    held = state_backends(load_settings(Path(), environment)).locked()
    found = next((each for each in held if each[1].id == identifier), None)
    if found is None:
        detail = "\n\n".join(f"{backend.stack}:\n{seen.lines()}" for backend, seen in held)
        raise UsageError(f"no lock has the id {identifier}", detail=detail or "No state is locked.")
    backend, seen = found
    click.echo(f"The lock of {backend.stack} is held by:\n{seen.lines()}\n", err=True)
    seen.check_breakable()
    if not force:
        if not may_ask(wanted=True):
            raise UsageError("nobody can be asked whether to break the lock", hint="add --force")
        click.echo("Break it? Only 'yes' will be accepted: ", err=True, nl=False)
        if sys.stdin.readline().strip() != ANSWER:
            raise ProvisionerError("force-unlock cancelled", detail="The lock is as it was.")
    backend.force_unlock(seen)
    click.echo(f"The lock of {backend.stack} is free.")
