"""`provisioner validate`: are the specs usable? Offline: nothing is read but the specs, and nothing is sent."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provisioner import __version__
from provisioner.cli.options import PATHS, spec_options
from provisioner.cli.terminal import colored
from provisioner.errors import ProvisionerError, SpecError

if TYPE_CHECKING:
    from provisioner.cli.options import Request
    from provisioner.views.findings.findings import Findings

# The names of `views.findings.formats`, which only a run that prints one of them loads.
FORMATS = ("text", "concise", "json", "github", "gitlab", "sarif", "junit")
_FAILED = 1


@click.command("validate")
@PATHS
@spec_options
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="How to print what is found.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format=json, as Terraform spells it.")
def command(*, form: str, as_json: bool, **given: Any) -> int:
    """Check the specs at PATH (files or directories; default: specs), offline.

    Every problem of every file is printed at once, each with its place and the way to mend it.
    """
    from provisioner.cli.options import Request

    request = Request(**given)
    if as_json:
        form = "json"
    return _print_text(request) if form == "text" else _print_findings(request, form)


def _print_text(request: Request) -> int:
    """For people: what is wrong ends the command as any error does."""
    from provisioner.cli.ci import annotate
    from provisioner.cli.project import load_specs
    from provisioner.views.diagnostics import diagnostics_text

    stacks = load_specs(request)
    files = sum(len(stack.files) for stack in stacks)
    warnings = [warning for stack in stacks for warning in stack.warnings]
    if warnings:
        click.echo(diagnostics_text(warnings, color=colored(sys.stderr), files=files), err=True, color=True)
        annotate(warnings)
        click.echo("Success! The configuration is valid, but there were some validation warnings as shown above.")
    else:
        click.echo("Success! The configuration is valid.")
    notebooks = sum(len(stack.notebooks) for stack in stacks)
    click.echo(f"{_plural(notebooks, 'notebook')} in {_plural(len(stacks), 'stack')}, {_plural(files, 'file')}.")
    return 0


def _print_findings(request: Request, form: str) -> int:
    """For programs: stdout is one whole document, whatever stood in the way of checking the specs."""
    from provisioner.views.findings.formats import FORMATS as WRITERS

    found = _findings(request)
    click.echo(WRITERS[form](found).encode(), nl=False)  # UTF-8, whatever the locale: readers of data expect it
    return _FAILED if any(each.severity == "error" for each in found.diagnostics) else 0


def _findings(request: Request) -> Findings:
    from provisioner.cli.ci import repository
    from provisioner.cli.project import load_specs
    from provisioner.spec.files import sources_of
    from provisioner.spec.load import notebook_places
    from provisioner.views.findings.findings import Findings, cleaned

    try:
        stacks = load_specs(request)
    except ProvisionerError as error:
        diagnostics = error.diagnostics()
        notebooks = error.notebooks if isinstance(error, SpecError) else ()
    else:
        diagnostics = tuple(warning for stack in stacks for warning in stack.warnings)
        notebooks = notebook_places(stacks)
    directory = Path.cwd()
    root = repository(directory, os.environ)
    return Findings(cleaned(diagnostics), notebooks, sources_of(diagnostics), __version__, directory, root)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
