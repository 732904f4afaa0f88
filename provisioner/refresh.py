"""Reads everything recorded from the service. Reads only.

List pages serve all notebooks of a workspace; only one that no page shows is asked for by its id, and only one whose
spec or record has mounts is asked for them, since no list tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from pydantic import ValidationError

from provisioner.clock import Clock
from provisioner.errors import StateError
from provisioner.events import Listener, RefreshCompleted, RefreshStarted
from provisioner.executor import map_bounded
from provisioner.model.observation import Observation
from provisioner.provider.base import PAGE_SIZE, NotebookReader, every_notebook
from provisioner.state.document import Record, State


def refresh(
    state: State,
    provider: NotebookReader,
    *,
    mounting: Collection[str],
    workers: int,
    clock: Clock,
    listener: Listener,
) -> dict[str, Observation | None]:
    """For each recorded address what the service says now, None when the instance does not exist.

    mounting  addresses whose mounts are wanted besides those that are recorded with some
    """
    began, before = clock.monotonic(), provider.requests
    listener(RefreshStarted(state.stack, len(state.resources)))
    listed = _listed(state.resources.values(), provider, workers)
    missing = [record for record in state.resources.values() if record.id not in listed]
    found = map_bounded(lambda record: provider.read(record.id, workspace_of(record)), missing, workers=workers)
    live = listed | {record.id: observation for record, observation in zip(missing, found, strict=True)}
    wanted = [
        notebook
        for address, record in state.resources.items()
        if address in mounting or record.attributes.get("storages") or record.observed.get("storages")
        if (notebook := live[record.id]) is not None and notebook.status == "RUNNING"
    ]
    live |= {each.id: each for each in map_bounded(lambda each: _with_mounts(each, provider), wanted, workers=workers)}
    seconds = clock.monotonic() - began
    listener(RefreshCompleted(state.stack, len(state.resources), provider.requests - before, seconds))
    return {address: live[record.id] for address, record in state.resources.items()}


def recall(state: State) -> dict[str, Observation | None]:
    """What the state remembers, in place of a refresh."""
    return {address: _recalled(address, record) for address, record in state.resources.items()}


def _recalled(address: str, record: Record) -> Observation:
    try:
        return Observation.model_validate({**record.observed, "id": record.id, "status": record.status})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StateError(
            f"what the state holds of {address} cannot be read",
            detail=f"observed.{where}: {first['msg']}.",
            hint="plan without --no-refresh: it asks the service instead",
        ) from error


def workspace_of(record: Record) -> str:
    return str(record.observed.get("workspace_id") or record.attributes.get("workspace_id") or "0")


def _with_mounts(notebook: Observation, provider: NotebookReader) -> Observation:
    mounts = provider.mounts(notebook.id)
    # None: it stopped in between.
    return notebook if mounts is None else notebook.with_mounts(mounts)


def _listed(records: Iterable[Record], provider: NotebookReader, workers: int) -> dict[str, Observation | None]:
    wanted: dict[str, set[str]] = {}
    for record in records:
        wanted.setdefault(workspace_of(record), set()).add(record.id)
    found: dict[str, Observation | None] = {}
    for workspace, ids in sorted(wanted.items()):
        found |= {notebook.id: notebook for notebook in _shown(workspace, ids, provider, workers)}
    return found


def _shown(workspace: str, ids: set[str], provider: NotebookReader, workers: int) -> Iterator[Observation]:
    """The notebooks with `ids` as far as the pages show them. Rows may shift while pages are read, so a row may come
    twice or not at all (API page 13): the caller asks for those missing by id.
    """
    first = provider.page(workspace, 0)
    rows = len(first.notebooks)
    found = [notebook for notebook in first.notebooks if notebook.id in ids]
    yield from found
    if len(found) == len(ids) or first.is_last(rows):
        return
    if first.total is None:
        yield from (notebook for notebook in every_notebook(provider, workspace) if notebook.id in ids)
        return
    offsets = range(rows, first.total, PAGE_SIZE)
    if len(offsets) > len(ids) - len(found):
        return  # it costs less to ask for each: the workspace is full of other people's
    for page in map_bounded(lambda offset: provider.page(workspace, offset), offsets, workers=workers):
        yield from (notebook for notebook in page.notebooks if notebook.id in ids)
