"""`provisioner export`: live notebooks as a spec. Reads only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import ENVIRONMENT, PARALLELISM, SANDBOX

if TYPE_CHECKING:
    from provisioner.cli.session import Session
    from provisioner.model.observation import Observation


@click.command("export")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--workspace", "workspaces", multiple=True, metavar="ID", help="List this workspace too; repeatable.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write a new file instead of printing.")
@PARALLELISM
@ENVIRONMENT
@SANDBOX
def command(
    *,
    ids: tuple[str, ...],
    workspaces: tuple[str, ...],
    out: Path | None,
    parallelism: int,
    environment: str,
    sandbox: bool,
) -> None:
    """Print the live notebooks as a spec; with ID just those.

    Without ID all of yours in the default workspace. Its `imports` make the first apply record them instead of creating
    any. `provisioner import --all` does that at once.
    """
    from provisioner.adoption import UNTOLD, adoption
    from provisioner.cli.live import with_mounts
    from provisioner.cli.new_spec import DEFAULT_FILE, check_free, schema_of, write_new
    from provisioner.cli.options import Request
    from provisioner.cli.screens import show_diagnostics
    from provisioner.cli.session import open_session
    from provisioner.spec.writing import spec_text

    if out is not None:
        check_free(out)
    with open_session(Request(environment=environment, sandbox=sandbox)) as session:
        found = _asked(session, ids, parallelism) if ids else _all(session, workspaces)
        exported = adoption(
            with_mounts(session.provider, found, workers=parallelism),
            ignored_tags=session.settings.ignore_tags,
            defaulted=session.settings.defaulted,
        )
    show_diagnostics(exported.warnings)
    text = spec_text(exported.entries, exported.ids, schema=schema_of(out or DEFAULT_FILE), remarks=[UNTOLD])
    if out is None:
        click.echo(text, nl=False)
        return
    write_new(out, text)
    click.echo(f"Wrote {out}: {len(exported.adopted)} of {len(found)} notebooks. provisioner apply records them.")


def _all(session: Session, workspaces: tuple[str, ...]) -> list[Observation]:
    from provisioner.cli.live import DEFAULT_WORKSPACE, listed

    return listed(session.provider, (DEFAULT_WORKSPACE, *workspaces))


def _asked(session: Session, ids: tuple[str, ...], workers: int) -> list[Observation]:
    from provisioner.cli.live import by_id
    from provisioner.errors import UsageError

    found = by_id(session.provider, ids, workers=workers)
    if missing := [each for each, notebook in found.items() if notebook is None]:
        hint = "the ids are those of live notebooks of this project; without ids all are exported"
        raise UsageError(f"the notebook {', '.join(missing)} does not exist", hint=hint)
    return [notebook for notebook in found.values() if notebook is not None]
