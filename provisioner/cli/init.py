"""`provisioner init`: a project to begin with. What it writes stands in `starter/`, as it is written."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from provisioner.cli.terminal import may_advise

_STARTER = Path(__file__).parent / "starter"
_SPEC = "specs/research/notebooks.yaml"
_IGNORED = ".gitignore"
_PIPELINES = {"gitlab": ".gitlab-ci.yml", "github": ".github/workflows/provisioner.yml"}
_PIPELINE_TEXTS = {"gitlab": "gitlab-ci.yml", "github": "github.yml"}


def _nothing_to_prepare(context: click.Context, _option: click.Parameter, value: str | None) -> None:
    """Terraform's init prepares a directory, and what runs Terraform calls it unasked: then no project is written."""
    if value is None or context.resilient_parsing:
        return
    click.echo("Nothing to prepare: there are no plugins, and the backend stands in provisioner.yaml.")
    if may_advise(sys.stdout):
        click.echo("Without Terraform's options, `provisioner init` writes a project to begin with.")
    context.exit()


_OF_TERRAFORM = click.option(
    *("--input", "--upgrade", "--reconfigure", "--migrate-state", "--backend", "--backend-config", "--lockfile"),
    "_of_terraform",
    is_flag=False,
    flag_value="",
    is_eager=True,
    expose_value=False,
    hidden=True,
    callback=_nothing_to_prepare,
)


@click.command("init")
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--ci", type=click.Choice([*_PIPELINES]), help="Write a pipeline too: plan on review, apply on merge.")
@_OF_TERRAFORM
def command(*, directory: Path, ci: str | None) -> None:
    """Write a project to begin with into DIR: a spec, settings, their schemas for editors, .gitignore.

    Nothing is overwritten: a .gitignore that exists stays as it is, anything else is refused.
    """
    files = _files(ci)
    ignored = files.pop(_IGNORED) if (directory / _IGNORED).is_file() else ""
    _check_free(directory, files)
    for name, text in files.items():
        _write(directory / name, text)
    click.echo(f"Wrote {', '.join(files)}.")
    if ignored:
        click.echo(f"\n{directory / _IGNORED} exists and stays as it is. Add these lines to it:\n")
        click.echo("".join(f"  {line}\n" for line in ignored.splitlines() if line.startswith("/")))
    if may_advise(sys.stdout):
        _advise(directory)


def _advise(directory: Path) -> None:
    go_there = "" if directory == Path() else f"cd {shlex.quote(str(directory))} && "
    click.echo("\nTo try it against a simulator of the service, without an account:\n")
    click.echo(f"  {go_there}provisioner apply --sandbox\n")
    click.echo(f"Then write your notebooks into {_SPEC}, set HW_ACCESS_KEY and HW_SECRET_KEY, and plan.")


def _files(ci: str | None) -> dict[str, str]:
    """What is written, by its path in the project."""
    from provisioner import __version__
    from provisioner.cli.schema import as_text, settings_schema, spec_schema

    files = {
        "provisioner.yaml": _text("provisioner.yaml"),
        _SPEC: _text("notebooks.yaml"),
        "schema/spec.schema.json": as_text(spec_schema()),
        "schema/settings.schema.json": as_text(settings_schema()),
        _IGNORED: _text("gitignore"),
    }
    if ci:
        files[_PIPELINES[ci]] = _text(_PIPELINE_TEXTS[ci]).replace("{version}", __version__)
    return files


def _text(name: str) -> str:
    return (_STARTER / name).read_text(encoding="utf-8")


def _check_free(directory: Path, files: Mapping[str, str]) -> None:
    from provisioner.errors import UsageError

    present = [name for name in files if (directory / name).exists() or (directory / name).is_symlink()]
    if present:
        raise UsageError(
            f"{directory} is no empty place for a project: nothing was written",
            detail=f"There is already: {', '.join(present)}",
            hint="what is a project already needs no init; or name another directory, such as `provisioner init infra`",
        )


def _write(path: Path, text: str) -> None:
    from provisioner.errors import UsageError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written", detail=error.strerror or str(error)) from error
