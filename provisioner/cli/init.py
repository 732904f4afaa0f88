"""`provisioner init`: a project to begin with. What it writes stands in `starter/`, as it is written."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import click

_STARTER = Path(__file__).parent / "starter"
_SPEC = "specs/research/notebooks.yaml"
_IGNORED = ".gitignore"
_PIPELINES = {"gitlab": ".gitlab-ci.yml", "github": ".github/workflows/provisioner.yml"}
_PIPELINE_TEXTS = {"gitlab": "gitlab-ci.yml", "github": "github.yml"}


@click.command("init")
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--ci", type=click.Choice([*_PIPELINES]), help="Write a pipeline too: plan on review, apply on merge.")
def command(*, directory: Path, ci: str | None) -> None:
    """Write a project to begin with into DIR: a spec, settings, their schemas for editors, .gitignore.

    Nothing is overwritten: a .gitignore that exists stays as it is, anything else is refused.
    """
    files = _files(ci)
    ignored = files.pop(_IGNORED) if (directory / _IGNORED).is_file() else ""
    _check_free(directory, files)
    for name, text in files.items():
        _write(directory / name, text)
    click.echo(f"Wrote {', '.join(files)}.\n")
    if ignored:
        click.echo(f"{directory / _IGNORED} exists and stays as it is. Add these lines to it:\n")
        click.echo("".join(f"  {line}\n" for line in ignored.splitlines() if line.startswith("/")))
    go_there = "" if directory == Path() else f"cd {shlex.quote(str(directory))} && "
    click.echo("To try it against a simulator of the service, without an account:\n")
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
            hint="name another directory, such as `provisioner init infra`, and copy from it what you need",
        )


def _write(path: Path, text: str) -> None:
    from provisioner.errors import UsageError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written", detail=error.strerror or str(error)) from error
