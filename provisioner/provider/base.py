"""What planning and applying need of the service: one method, one API call. And how a list is read to its end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any, Protocol

from provisioner.model.answer import Mount
from provisioner.model.marker import Place
from provisioner.model.observation import Observation
from provisioner.model.offer import Cluster, Flavor, Image, Quota, Workspace

PAGE_SIZE = 50  # the largest that the service allows (API page 7.1)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: `total` counts the rows of all pages, None when the service does not say."""

    notebooks: tuple[Observation, ...]
    total: int | None

    def is_last(self, rows: int) -> bool:
        """Whether nothing follows, `rows` being read with this page (API page 13)."""
        if self.total is None or not self.notebooks:
            return len(self.notebooks) < PAGE_SIZE
        return rows >= self.total


class NotebookReader(Protocol):
    """The reads."""

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        ...

    def page(
        self, workspace_id: str, offset: int, *, notebook_id: str = "", place: Place = "description", mark: str = ""
    ) -> Page:
        """At most PAGE_SIZE notebooks of a workspace from row `offset`, newest first; with `notebook_id` that one; with
        `mark` those that have it, or a mark that begins so, in their `place`.
        """
        ...

    def read(self, notebook_id: str, workspace_id: str) -> Observation | None:
        """One notebook, None when it does not exist. The workspace helps when the answer is ambiguous."""
        ...

    def mounts(self, notebook_id: str) -> tuple[Mount, ...] | None:
        """The dynamic mounts of a notebook, None when it does not run or does not exist."""
        ...


class NotebookProvider(NotebookReader, Protocol):
    """The reads and the changes. Each change raises OutcomeUnknown when it may have taken effect unseen.

    Values are those of `operations.Operation`, under the names of the spec.
    """

    def create(self, values: Mapping[str, Any]) -> Observation: ...

    def update(self, notebook_id: str, values: Mapping[str, Any]) -> None: ...

    def resize(self, notebook_id: str, capacity: int) -> None: ...

    def start(self, notebook_id: str, lease: Mapping[str, Any] | str | None) -> None: ...

    def stop(self, notebook_id: str) -> None: ...

    def renew_lease(self, notebook_id: str, lease: Mapping[str, Any] | str) -> None: ...

    def tag(self, notebook_id: str, workspace_id: str, tags: Mapping[str, str]) -> None: ...

    def untag(self, notebook_id: str, workspace_id: str, tags: Mapping[str, str]) -> None: ...

    def attach(self, notebook_id: str, storage: Mapping[str, Any]) -> None: ...

    def detach(self, notebook_id: str, storage_id: str) -> None: ...

    def delete(self, notebook_id: str) -> None: ...


class OfferReader(Protocol):
    """What the project may use (API page 12 and 14). Every list is read to its end."""

    def flavors(self, pool_type: str) -> tuple[Flavor, ...]:
        """Those sold in the shared pool or in dedicated ones: model.offer.SHARED_POOL or DEDICATED_POOL."""
        ...

    def switchable_flavors(self, notebook_id: str) -> tuple[Flavor, ...]:
        """Those that one instance may change to."""
        ...

    def images(self, image_type: str, workspace_id: str) -> tuple[Image, ...]:
        """BUILD_IN or DEDICATED images."""
        ...

    def image(self, image_id: str) -> Image | None:
        """One image, in a list or not; None when it does not exist."""
        ...

    def pools(self, workspace_id: str) -> tuple[Cluster, ...]:
        """The dedicated pools."""
        ...

    def pool(self, pool_id: str) -> Cluster | None:
        """One dedicated pool, in a list or not; None when it does not exist."""
        ...

    def workspaces(self) -> tuple[Workspace, ...]: ...

    def quota(self) -> Quota: ...


def every_notebook(
    reader: NotebookReader, workspace_id: str, *, place: Place = "description", mark: str = ""
) -> Iterator[Observation]:
    """All notebooks of a workspace, or those with `mark`, page after page, each once: rows may shift while they are
    read.
    """
    rows, shown = 0, set[str]()
    while True:
        page = reader.page(workspace_id, rows, place=place, mark=mark)
        fresh = {notebook.id: notebook for notebook in page.notebooks if notebook.id not in shown}
        yield from fresh.values()
        shown |= fresh.keys()
        rows += len(page.notebooks)
        if not fresh or page.is_last(rows):
            return


def with_marks(
    reader: NotebookReader, workspace_id: str, marks: Collection[tuple[str, Place]]
) -> dict[str, list[Observation]]:
    """The notebooks that carry each of `marks`. A part of a text is enough for the service (API page 7.1), so one list
    of what the marks have in common serves all that stand in one place.
    """
    found: dict[str, list[Observation]] = {mark: [] for mark, _ in marks}
    for place in sorted({place for _, place in marks}):
        common = commonprefix([mark for mark, at in marks if at == place])  # noqa: RUF071 - these are no paths
        for notebook in every_notebook(reader, workspace_id, place=place, mark=common):
            if notebook.marker in found:
                found[notebook.marker].append(notebook)
    return found
