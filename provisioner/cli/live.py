"""Reads notebooks that nobody may have recorded: list pages, and the mounts of those that run. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from provisioner.executor import map_bounded
from provisioner.provider.base import NotebookReader, every_notebook

if TYPE_CHECKING:
    from provisioner.model.observation import Observation

DEFAULT_WORKSPACE = "0"


def listed(reader: NotebookReader, workspaces: Iterable[str]) -> list[Observation]:
    """What the caller's lists show in these workspaces, each notebook once."""
    found = {each.id: each for workspace in dict.fromkeys(workspaces) for each in every_notebook(reader, workspace)}
    return list(found.values())


def by_id(reader: NotebookReader, ids: Collection[str], *, workers: int) -> dict[str, Observation | None]:
    """Each asked for alone; None for one that does not exist."""
    wanted = list(dict.fromkeys(ids))
    return dict(
        zip(
            wanted, map_bounded(lambda each: reader.read(each, DEFAULT_WORKSPACE), wanted, workers=workers), strict=True
        )
    )


def with_mounts(reader: NotebookReader, notebooks: Sequence[Observation], *, workers: int) -> list[Observation]:
    """No list tells of mounts, and what does not run has none (API page 11)."""

    def told(notebook: Observation) -> Observation:
        mounts = reader.mounts(notebook.id) if notebook.status == "RUNNING" else None
        return notebook if mounts is None else notebook.with_mounts(mounts)

    return map_bounded(told, notebooks, workers=workers)
