"""`provisioner version`."""

from __future__ import annotations

import click

from provisioner import __version__


@click.command("version")
def command() -> None:
    """Print the version."""
    click.echo(f"provisioner {__version__}")
