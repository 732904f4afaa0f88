"""`provisioner version`."""

from __future__ import annotations

import json
import platform

import click

from provisioner import __version__


@click.command("version")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document for scripts.")
def command(*, as_json: bool) -> None:
    """Print the version."""
    if not as_json:
        click.echo(f"provisioner {__version__}")
        return
    where = f"{platform.system()}_{platform.machine()}".lower()
    click.echo(json.dumps({"provisioner_version": __version__, "platform": where}, indent=2))
