"""`provisioner show`: what is recorded, or what a plan file says."""

from __future__ import annotations

import json
from pathlib import Path

import click

from provisioner.cli.options import ENVIRONMENT, PATHS
from provisioner.errors import UsageError


@click.command("show")
@PATHS
@ENVIRONMENT
@click.option("--json", "kind", flag_value="json", help="Print a state, or a plan file, as Terraform does.")
@click.option("--markdown", "kind", flag_value="markdown", help="Print a plan file as Markdown.")
@click.option("--html", "kind", flag_value="html", help="Print a plan file as a page of HTML.")
def command(*, paths: tuple[Path, ...], environment: str, kind: str | None) -> None:
    """Show the recorded notebooks with their ids and statuses, or a plan file. Offline.

    PATH is a file or directory of specs; each names a stack. Without one, every recorded stack is shown, or
    with --env every one of that environment. PATH may be the file of plan --out instead.
    """
    from provisioner.planfile.recognition import plan_file

    path = plan_file(paths)
    if path is not None:
        from provisioner.cli.show_plan import show_plan

        show_plan(path, kind or "text")
        return
    if kind not in {None, "json"}:
        raise UsageError(f"--{kind} needs a plan file", hint=f"provisioner show --{kind} FILE")
    from provisioner.cli.recorded import recorded_states
    from provisioner.views.state import state_table

    for state in recorded_states(paths, environment):
        if kind == "json":
            from provisioner.tfjson.state import state_document
            from provisioner.views.clean import clean_json

            click.echo(clean_json(json.dumps(state_document(state), ensure_ascii=False, allow_nan=False)))
        else:
            click.echo(state_table(state))
