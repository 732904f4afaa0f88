"""A service in memory for what only reads: it answers like the lists of API page 13 and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from provisioner.errors import ProvisionerError
from provisioner.model.answer import Mount
from provisioner.model.marker import Place
from provisioner.model.observation import Observation
from provisioner.provider.base import PAGE_SIZE, Page


def seen(number: int, status: str = "RUNNING", **answer: Any) -> Observation:
    return Observation.model_validate({"id": f"n{number}", "status": status, "workspace_id": "0"} | answer)


class FakeNotebooks:
    """Rows in the order of the list.

    told      whether a list says how many rows there are
    hidden    ids that no list shows
    failures  raised by the next requests, first come first served
    on_page   called before a page is cut
    """

    def __init__(self, *rows: Observation) -> None:
        self.rows = list(rows)
        self.told = True
        self.hidden: set[str] = set()
        self.failures: list[ProvisionerError] = []
        self.attached: dict[str, tuple[Mount, ...]] = {}
        self.log: list[str] = []
        self.on_page: Callable[[], None] = lambda: None

    @property
    def requests(self) -> int:
        return len(self.log)

    @property
    def lists(self) -> int:
        return sum(line.startswith("list") for line in self.log)

    def page(
        self, workspace_id: str, offset: int, *, notebook_id: str = "", place: Place = "description", mark: str = ""
    ) -> Page:
        self._note(f"list {workspace_id} {offset}{f' {notebook_id or mark}' if notebook_id or mark else ''}")
        self.on_page()
        shown = [row for row in self.rows if row.workspace_id == workspace_id and row.id not in self.hidden]
        if notebook_id:
            shown = [row for row in shown if row.id == notebook_id]
        if mark:
            shown = [row for row in shown if row.marker_place == place and mark in row.marker]
        return Page(tuple(shown[offset : offset + PAGE_SIZE]), len(shown) if self.told else None)

    def read(self, notebook_id: str, workspace_id: str) -> Observation | None:
        self._note(f"get {notebook_id} {workspace_id}")
        return next((row for row in self.rows if row.id == notebook_id), None)

    def mounts(self, notebook_id: str) -> tuple[Mount, ...] | None:
        self._note(f"mounts {notebook_id}")
        return self.attached.get(notebook_id)

    def put(self, *rows: Observation) -> None:
        """Show these instead of what has the same ids; new ones come first."""
        fresh: Mapping[str, Observation] = {row.id: row for row in rows}
        known = {row.id for row in self.rows}
        self.rows = [row for row in rows if row.id not in known] + [fresh.get(row.id, row) for row in self.rows]

    def remove(self, notebook_id: str) -> None:
        self.rows = [row for row in self.rows if row.id != notebook_id]

    def _note(self, line: str) -> None:
        self.log.append(line)
        if self.failures:
            raise self.failures.pop(0)
