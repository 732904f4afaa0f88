"""All notebooks of the project, indexed for what is asked often: by id, by when they change, by how they are listed.

Every change is one `put`; `settle` brings the world up to a time and costs only what fell due.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from heapq import heappop, heappush

from provisioner.simulator import lifecycle
from provisioner.simulator.record import Notebook

_Place = tuple[int, int, str]
"""Creation time, a counter that keeps simultaneous ones in order, id: how lists are sorted unless told otherwise."""

EVERYONE = "*"


class Store:
    def __init__(self, own_user_id: str) -> None:
        self._own = own_user_id
        self._notebooks: dict[str, Notebook] = {}
        self._places: dict[str, _Place] = {}
        self._listed: dict[str, tuple[tuple[str, str, str], ...]] = {}
        self._shelves: dict[tuple[str, str, str], list[_Place]] = {}
        self._due: list[tuple[int, str]] = []
        self._counter = 0
        self.version = 0
        """Grows with every change, so that persistence knows whether there is anything new."""

    def __len__(self) -> int:
        return len(self._notebooks)

    def __iter__(self) -> Iterator[Notebook]:
        return iter(self._notebooks.values())

    def find(self, notebook_id: str) -> Notebook | None:
        return self._notebooks.get(notebook_id)

    def put(self, notebook: Notebook, now: int) -> None:
        """Add a notebook, or replace the one with its id."""
        before = self._notebooks.get(notebook.id)
        self._notebooks[notebook.id] = notebook
        self.version += 1
        if before is None or before.create_at != notebook.create_at:
            self._unlist(notebook.id)
            self._counter += 1
            self._places[notebook.id] = (notebook.create_at, self._counter, notebook.id)
        if notebook.listed_at > now:
            heappush(self._due, (notebook.listed_at, notebook.id))
        else:
            self._list(notebook)
        moment = lifecycle.due(notebook)
        if moment is not None:
            heappush(self._due, (moment, notebook.id))

    def remove(self, notebook_id: str) -> None:
        self._unlist(notebook_id)
        del self._notebooks[notebook_id]
        del self._places[notebook_id]
        self.version += 1

    def clear(self) -> None:
        for notebook_id in list(self._notebooks):
            self.remove(notebook_id)
        self._due.clear()

    def settle(self, now: int, stop_ms: int) -> None:
        """Let time do what it does to every notebook. A stale entry of the queue changes nothing."""
        while self._due and self._due[0][0] <= now:
            _, notebook_id = heappop(self._due)
            notebook = self._notebooks.get(notebook_id)
            if notebook is None:
                continue
            settled = lifecycle.settled(notebook, now, stop_ms)
            if settled is None:
                self.remove(notebook_id)
            elif settled is not notebook or notebook_id not in self._listed:
                self.put(settled, now)

    def shelf(self, workspace_id: str, feature: str, user_id: str = EVERYONE) -> list[_Place]:
        """What one list call covers, oldest first: only the caller's own, or EVERYONE's."""
        return self._shelves.get((workspace_id, feature, user_id), [])

    def _list(self, notebook: Notebook) -> None:
        shelves = [(notebook.workspace_id, notebook.feature, EVERYONE)]
        if notebook.user_id == self._own:
            shelves.append((notebook.workspace_id, notebook.feature, self._own))
        wanted = tuple(shelves)
        if self._listed.get(notebook.id) == wanted:
            return
        self._unlist(notebook.id)
        for shelf in wanted:
            insort(self._shelves.setdefault(shelf, []), self._places[notebook.id])
        self._listed[notebook.id] = wanted

    def _unlist(self, notebook_id: str) -> None:
        for shelf in self._listed.pop(notebook_id, ()):
            places = self._shelves[shelf]
            del places[bisect_left(places, self._places[notebook_id])]
