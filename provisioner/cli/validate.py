"""`provisioner validate`: are the specs usable? Offline: nothing is read but the specs, and nothing is sent."""

from __future__ import annotations

import sys
from typing import Any

import click

from provisioner.cli.options import PATHS, spec_options
from provisioner.cli.terminal import colored


@click.command("validate")
@PATHS
@spec_options
@click.option("--format", "_format", type=click.Choice(["text"]), default="text", help="How to print what is found.")
def command(*, _format: str, **given: Any) -> None:
    """Check the specs at PATH (files or directories; default: specs), offline.

    Every problem of every file is printed at once, each with its place and the way to mend it.
    """
    from provisioner.cli.options import Request
    from provisioner.cli.project import load_specs
    from provisioner.views.diagnostics import diagnostics_text

    stacks = load_specs(Request(**given))
    files = sum(len(stack.files) for stack in stacks)
    warnings = [warning for stack in stacks for warning in stack.warnings]
    if warnings:
        click.echo(diagnostics_text(warnings, color=colored(sys.stderr), files=files), err=True, color=True)
        click.echo("Success! The configuration is valid, but there were some validation warnings as shown above.")
    else:
        click.echo("Success! The configuration is valid.")
    notebooks = sum(len(stack.notebooks) for stack in stacks)
    click.echo(f"{_plural(notebooks, 'notebook')} in {_plural(len(stacks), 'stack')}, {_plural(files, 'file')}.")


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
