"""A state that could not be written where it belongs is written elsewhere, or printed: no id is lost to a full disk."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from provisioner.errors import StateError, StateNotSaved
from provisioner.state import files


def rescue(unsaved: StateNotSaved, stack: str) -> StateError:
    """Save the state that `unsaved` carries; the same problem, with the command that puts it back."""
    path = Path(f"errored.{stack}.json")
    try:
        files.replace(path, unsaved.data)
    except OSError as error:
        _print(unsaved.data.decode(), path)
        saved = f"Nor could {path} be written ({error}): the state is printed above, between the two marked lines."
        first = f"save those lines as {path}, "
    else:
        saved, first = f"The state of this run stands in {path}.", ""
    return StateError(
        unsaved.summary,
        detail=f"{unsaved.detail}\n{saved} Its journal is kept.",
        hint=f"mend the disk, {first}then run: provisioner state push {path}",
    )


def _print(text: str, path: Path) -> None:
    with suppress(OSError):
        click.echo(f"----- BEGIN STATE {path} -----\n{text}----- END STATE {path} -----", err=True)
