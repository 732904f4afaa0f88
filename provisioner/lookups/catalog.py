"""The offers of the service as one plan asks about them: each list at most once, however many notebooks ask.

A look-up that the account or the region refuses is remembered as refused: nothing is decided on it. No decisions here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from provisioner.errors import ApiError, Diagnostic
from provisioner.executor import map_bounded
from provisioner.model.offer import DEDICATED_POOL, SHARED_POOL, Cluster, Flavor, Image, Quota, Workspace
from provisioner.provider.base import OfferReader

SINGLE_READS = 5
"""So many objects that no list shows are asked for one by one."""

# What each look-up is about, and the code of the warning that it was refused.
_LOOKUPS = {
    "flavors": ("W601", "flavors"),
    "switchable flavors": ("W602", "the flavors that an instance may change to"),
    "images": ("W603", "images"),
    "quota": ("W604", "the quota of instances"),
    "pools": ("W605", "dedicated pools"),
    "workspaces": ("W606", "workspaces"),
}

_Told = TypeVar("_Told")


class Unanswered(Exception):
    """The service refused to tell: nothing can be said. `Catalog.warnings` says it once."""


class Catalog:
    """Every method raises Unanswered. Safe for threads that ask different questions."""

    def __init__(self, reader: OfferReader, *, workers: int) -> None:
        self._reader = reader
        self._workers = workers
        self._told: dict[tuple[str, ...], Any] = {}
        self._refused: dict[str, ApiError] = {}

    def flavors(self, *, dedicated: bool) -> tuple[Flavor, ...]:
        """Those sold in dedicated pools, or in the shared one."""
        kind = DEDICATED_POOL if dedicated else SHARED_POOL
        return self._once("flavors", kind, read=lambda: self._reader.flavors(kind))

    def switchable_flavors(self, *alike: str, notebook_id: str) -> tuple[Flavor, ...]:
        """Those that any instance which is `alike` may change to; `notebook_id` is one of them."""
        return self._once("switchable flavors", *alike, read=lambda: self._reader.switchable_flavors(notebook_id))

    def images(self, image_type: str, workspace_id: str) -> tuple[Image, ...]:
        """One of `image_lists`."""
        return self._once(
            "images", image_type, workspace_id, read=lambda: self._reader.images(image_type, workspace_id)
        )

    def image(self, image_id: str, workspace_id: str) -> Image | None:
        """None when it does not exist. A public image of somebody else is in no list and may be used by its id (API
        page 12.1).
        """
        for each in image_lists(workspace_id):
            for image in self.images(*each):
                if image.id == image_id:
                    return image
        return self._single("images", image_id, self._reader.image)

    def pools(self, workspace_id: str) -> tuple[Cluster, ...]:
        return self._once("pools", workspace_id, read=lambda: self._reader.pools(workspace_id))

    def pool(self, pool_id: str, workspace_id: str) -> Cluster | None:
        """None when it does not exist."""
        for pool in self.pools(workspace_id):
            if pool.pool_id == pool_id:
                return pool
        return self._single("pools", pool_id, self._reader.pool)

    def workspaces(self) -> tuple[Workspace, ...]:
        return self._once("workspaces", read=self._reader.workspaces)

    def quota(self) -> Quota:
        return self._once("quota", read=self._reader.quota)

    def fetch(self, reads: Iterable[Callable[[], object]]) -> None:
        """Ask all these side by side; their answers are at hand afterwards."""
        map_bounded(_quietly, list(reads), workers=self._workers)

    def warnings(self) -> Iterator[Diagnostic]:
        """One for each look-up that was refused."""
        for lookup, error in sorted(self._refused.items()):
            code, what = _LOOKUPS[lookup]
            yield Diagnostic(
                code=code,
                severity="warning",
                summary=f"{what} could not be looked up",
                detail=f"{error.summary}\n{error.detail}".strip(),
                hint="what is declared goes to the service unchecked; --offline plans without looking anything up",
            )

    def _single(self, lookup: str, identifier: str, read: Callable[[str], _Told | None]) -> _Told | None:
        """One object that is in no list."""

        def ask() -> _Told | None:
            if sum(key[:2] == (lookup, "single") for key in self._told) >= SINGLE_READS:
                raise ApiError(f"more than {SINGLE_READS} {lookup} are in no list")
            return read(identifier)

        return self._once(lookup, "single", identifier, read=ask)

    def _once(self, lookup: str, *question: str, read: Callable[[], _Told]) -> _Told:
        key = (lookup, *question)
        if key not in self._told:
            try:
                self._told[key] = read()
            except ApiError as error:
                self._told[key] = error
                self._refused.setdefault(lookup, error)
        if isinstance(self._told[key], ApiError):
            raise Unanswered(self._told[key].summary)
        told: _Told = self._told[key]
        return told


def image_lists(workspace_id: str, image_type: str | None = None) -> list[tuple[str, str]]:
    """The lists in which the images of a workspace stand. Preset images are the same in all of them."""
    lists = [("BUILD_IN", "0"), ("DEDICATED", workspace_id)]
    return [each for each in lists if image_type in {each[0], None}]


def _quietly(read: Callable[[], object]) -> None:
    with suppress(Unanswered):
        read()
