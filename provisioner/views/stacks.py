"""The stacks of a project: as a table for people, as JSON for the matrix of a pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from provisioner.views.clean import one_line
from provisioner.views.table import table

_HEAD = ("NAME", "PATH", "NOTEBOOKS", "SERIAL")


@dataclass(frozen=True, slots=True)
class Listed:
    """One stack. The names of the fields are those of the JSON.

    state      the name of its state, `NAME.ENVIRONMENT`
    path       what the other commands take as PATH
    notebooks  None when the specs are not valid as they are, or a variable has no value here
    serial     of the recorded state, None when nothing is recorded
    """

    name: str
    state: str
    environment: str
    path: str
    files: tuple[str, ...]
    notebooks: int | None
    serial: int | None


def stacks_table(stacks: Sequence[Listed]) -> str:
    return "".join(f"{line}\n" for line in table([_HEAD, *_rows(stacks)]))


def stacks_json(stacks: Sequence[Listed]) -> str:
    """One line: the outputs of a job take no more."""
    return json.dumps([asdict(each) for each in stacks]) + "\n"


def _rows(stacks: Sequence[Listed]) -> Iterator[tuple[str, ...]]:
    for each in stacks:
        count = "?" if each.notebooks is None else str(each.notebooks)
        yield (one_line(each.state), one_line(each.path), count, "-" if each.serial is None else str(each.serial))
