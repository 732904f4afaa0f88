"""`provisioner stacks`: which stacks a project has. Offline, without credentials, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import ENVIRONMENT, PATHS

if TYPE_CHECKING:
    from provisioner.spec.load import Outline
    from provisioner.spec.project import Project
    from provisioner.views.stacks import Listed


@click.group("stacks")
def command() -> None:
    """List the stacks of a project. Offline."""


@command.command("list")
@PATHS
@ENVIRONMENT
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON, for the matrix of a pipeline.")
def list_command(*, paths: tuple[Path, ...], environment: str, as_json: bool) -> None:
    """Print the stacks below PATH (default: specs), each with what plan takes as its PATH.

    A stack whose notebooks are not valid is listed as well: its own plan says what is wrong.
    """
    from provisioner.views.stacks import stacks_json, stacks_table

    listed = _listed(paths, environment)
    click.echo(stacks_json(listed) if as_json else stacks_table(listed), nl=False)


def _listed(paths: tuple[Path, ...], environment: str) -> list[Listed]:
    import os

    from provisioner.cli.backends import state_backend
    from provisioner.cli.options import Request
    from provisioner.cli.project import project_of
    from provisioner.cli.settings import load_settings
    from provisioner.spec.load import DEFAULT_PATHS, outlines
    from provisioner.views.stacks import Listed

    settings = load_settings(Path(), environment)
    project = project_of(settings, Request(environment=environment), os.environ)
    return [
        Listed(
            name=each.name.partition(".")[0],
            state=each.name,
            environment=environment,
            path=each.path,
            files=each.files,
            notebooks=_count(each, project),
            serial=state_backend(settings, each.name).read().stored_serial or None,
        )
        for each in outlines(paths or DEFAULT_PATHS, root=Path(), project=project)
    ]


def _count(stack: Outline, project: Project) -> int | None:
    assembled = stack.assembled(project)
    return None if assembled.problems else len(assembled.addresses)
