"""Reads everything recorded from the service. Reads only.

List pages serve all notebooks of a workspace, those that carry the mark of the stack alone where all that is recorded
does; the same pages show what is ours and is not recorded. Only one that no page shows is asked for by its id, and only
one whose spec or record has mounts is asked for them, since no list tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from provisioner.clock import Clock
from provisioner.errors import StateError
from provisioner.events import Listener, RefreshCompleted, RefreshStarted
from provisioner.executor import map_bounded
from provisioner.model.marker import UNMARKED, Marking, Place, unmarked
from provisioner.model.observation import GONE, Observation
from provisioner.provider.base import PAGE_SIZE, NotebookReader, Page, every_notebook
from provisioner.state.document import Deposed, Record, State


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What the service says.

    live     by recorded address, None when the instance does not exist
    strays   instances that carry a mark of this stack and are neither recorded nor what a pending create asked for
    deposed  by id every deposed instance, None when it does not exist
    """

    live: Mapping[str, Observation | None]
    strays: tuple[Observation, ...] = ()
    deposed: Mapping[str, Observation | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Sought:
    """A recorded instance. `marked`: the list of what carries our mark is expected to show it."""

    id: str
    workspace: str
    marked: bool


def refresh(
    state: State,
    provider: NotebookReader,
    *,
    mounting: Collection[str],
    workers: int,
    clock: Clock,
    listener: Listener,
    marking: Marking = UNMARKED,
    workspaces: Collection[str] = (),
) -> Refreshed:
    """Read everything recorded, and look for what is ours and is not.

    mounting    addresses whose mounts are wanted besides those that are recorded with some
    workspaces  to be looked through besides those of the records
    """
    began, before = clock.monotonic(), provider.requests
    recorded = {address: record.id for address, record in state.resources.items()}
    listener(RefreshStarted(state.stack, len(recorded), recorded))
    sought = list(_sought(state, marking))
    shown = _shown(sought, workspaces, marking, provider, workers)
    missing = [each for each in sought if each.id not in shown]
    found = map_bounded(lambda each: _asked_for(each, provider), missing, workers=workers)
    live: dict[str, Observation | None] = {**shown}
    live |= {each.id: observation for each, observation in zip(missing, found, strict=True)}
    wanted = [
        notebook
        for address, record in state.resources.items()
        if address in mounting or record.attributes.get("storages") or record.observed.get("storages")
        if (notebook := live[record.id]) is not None and notebook.status == "RUNNING"
    ]
    live |= {each.id: each for each in map_bounded(lambda each: _with_mounts(each, provider), wanted, workers=workers)}
    seconds = clock.monotonic() - began
    there = {address: each for address, each in recorded.items() if live[each] is not None}
    listener(RefreshCompleted(state.stack, len(recorded), provider.requests - before, seconds, there))
    return Refreshed(
        {address: live[each] for address, each in recorded.items()},
        tuple(_strays(shown.values(), state, marking)),
        {each.id: live[each.id] for each in _deposed(state)},
    )


def sweep(
    state: State, provider: NotebookReader, *, marking: Marking, workspaces: Collection[str], workers: int
) -> tuple[Observation, ...]:
    """The strays alone, for who asks nothing else of the service."""
    shown = _shown((), workspaces, marking, provider, workers)
    return tuple(_strays(shown.values(), state, marking))


def recall(state: State) -> Refreshed:
    """What the state remembers, in place of a refresh. Of a deposed instance that is nothing but that it is there."""
    return Refreshed(
        {address: _recalled(address, record) for address, record in state.resources.items()},
        deposed={
            each.id: Observation(id=each.id, status="RUNNING", workspace_id=each.workspace_id)
            for each in _deposed(state)
        },
    )


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


def _with_mounts(notebook: Observation, provider: NotebookReader) -> Observation:
    mounts = provider.mounts(notebook.id)
    # None: it stopped in between.
    return notebook if mounts is None else notebook.with_mounts(mounts)


def _sought(state: State, marking: Marking) -> Iterator[_Sought]:
    for record in state.resources.values():
        yield _Sought(record.id, record.workspace_id, _carries_mark(record, marking))
    for deposed in _deposed(state):
        # It was made like the one in its place; if not, asking for its id costs less than a list of everything.
        yield _Sought(deposed.id, deposed.workspace_id, marking.place is not None)


def _deposed(state: State) -> Iterator[Deposed]:
    return (deposed for record in state.resources.values() for deposed in record.deposed)


def _asked_for(sought: _Sought, provider: NotebookReader) -> Observation | None:
    """One that no page showed. That it is gone takes two proofs: neither its id nor a list of its id shows it."""
    found = provider.read(sought.id, sought.workspace)
    if found is not None:
        return found
    listed = provider.page(sought.workspace, 0, notebook_id=sought.id).notebooks
    return next((notebook for notebook in listed if notebook.id == sought.id), None)


def _strays(shown: Iterable[Observation], state: State, marking: Marking) -> Iterator[Observation]:
    known = state.owners
    awaited = {unmarked(pending.body)[1] for pending in state.pending}
    for notebook in shown:
        if notebook.id in known or notebook.marker in awaited or notebook.status in {"DELETING", GONE}:
            continue
        if marking.owns(notebook.marker):
            yield notebook


def _shown(
    sought: Iterable[_Sought], workspaces: Collection[str], marking: Marking, provider: NotebookReader, workers: int
) -> dict[str, Observation]:
    """What the lists show, by id."""
    recorded: dict[str, list[_Sought]] = {workspace: [] for workspace in workspaces}
    for each in sought:
        recorded.setdefault(each.workspace, []).append(each)
    found: dict[str, Observation] = {}
    for workspace, those in sorted(recorded.items()):
        pages = _Pages(provider, workspace, workers)
        complete = False
        if not all(each.marked for each in those):
            # Some were imported, or somebody removed the mark: only a list of everything shows them.
            complete = pages.read({each.id for each in those})
        if marking.place is not None and not complete:
            pages.read_marked(marking.prefix, marking.place)
        found |= pages.found
    return found


def _carries_mark(record: Record, marking: Marking) -> bool:
    place = record.observed.get("marker_place", "description")
    return place == marking.place and marking.owns(record.observed.get("marker", ""))


class _Pages:
    """What the list pages of one workspace show. Rows may shift while pages are read, so a row may come twice or not at
    all (API page 13): the caller asks for those missing by id.
    """

    def __init__(self, provider: NotebookReader, workspace: str, workers: int) -> None:
        self.found: dict[str, Observation] = {}
        self._provider = provider
        self._workspace = workspace
        self._workers = workers

    def read(self, ids: Collection[str]) -> bool:
        """Read until those with `ids` are found, or it costs less to ask for each: the workspace is full of other
        people's. Says whether all there are were read.
        """
        first = self._page(0)
        if first.is_last(len(first.notebooks)):
            return True
        missing = len(set(ids) - self.found.keys())
        if not missing or (first.total or 0) - len(first.notebooks) > missing * PAGE_SIZE:
            return False
        self._read_rest(first, "")
        return True

    def read_marked(self, mark: str, place: Place) -> None:
        """Read all that carry a mark which begins so."""
        first = self._page(0, mark, place)
        if not first.is_last(len(first.notebooks)):
            self._read_rest(first, mark, place)

    def _read_rest(self, first: Page, mark: str, place: Place = "description") -> None:
        """All pages after the first, some at a time; pages that show nothing new are the end, whatever the total."""
        if first.total is None:
            self._add(every_notebook(self._provider, self._workspace, place=place, mark=mark))
            return
        offsets = range(len(first.notebooks), first.total, PAGE_SIZE)
        for start in range(0, len(offsets), self._workers):
            before = len(self.found)
            some = offsets[start : start + self._workers]
            map_bounded(lambda row: self._page(row, mark, place), some, workers=self._workers)
            if len(self.found) == before:
                return

    def _page(self, row: int, mark: str = "", place: Place = "description") -> Page:
        page = self._provider.page(self._workspace, row, place=place, mark=mark)
        self._add(page.notebooks)
        return page

    def _add(self, notebooks: Iterable[Observation]) -> None:
        self.found.update({notebook.id: notebook for notebook in notebooks})
