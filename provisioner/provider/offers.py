"""What a project may use: images, flavors, pools, workspaces and the quota. Reads alone, each list to its end."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any, TypeVar

from provisioner.errors import ApiError, NotFound
from provisioner.model.answer import Answer
from provisioner.model.offer import DEDICATED_POOL, Cluster, Flavor, Image, Quota, Workspace
from provisioner.provider import wire
from provisioner.provider.client import Client
from provisioner.provider.retry import Patience

PAGE_SIZE = 200  # the default of E21; flavors take any (API page 12)
WORKSPACES_PAGE = 1000  # the default of E32 (API page 14)
# A plan can do without: it does not wait long for a region that has trouble with one of these.
PATIENCE = Patience(reading=10.0, trying=5.0)
_FEATURE = "NOTEBOOK"

_Offer = TypeVar("_Offer", bound=Answer)


class ModelArtsOffers:
    """The offers to one project. Safe for several threads."""

    def __init__(self, client: Client, project_id: str) -> None:
        self._client = client
        self._base = f"/v1/{project_id}"

    def flavors(self, pool_type: str) -> tuple[Flavor, ...]:
        """E11."""
        rows = self._rows("/notebooks/flavors", {"type": pool_type, "feature": _FEATURE}, key="id", name="flavors")
        return _parsed(Flavor, rows, "a flavor")

    def switchable_flavors(self, notebook_id: str) -> tuple[Flavor, ...]:
        """E12."""
        rows = self._rows(f"/notebooks/{notebook_id}/flavors", {}, key="id", name="flavors")
        return _parsed(Flavor, rows, "a flavor")

    def images(self, image_type: str, workspace_id: str) -> tuple[Image, ...]:
        """E21. Without a type the service lists preset images alone (API page 12.2)."""
        rows = self._rows("/images", {"type": image_type, "workspace_id": workspace_id}, key="id")
        return _parsed(Image, rows, "an image")

    def image(self, image_id: str) -> Image | None:
        """E23."""
        try:
            return wire.parse(Image, self._get(f"/images/{image_id}"), "an image")
        except NotFound:
            return None

    def pools(self, workspace_id: str) -> tuple[Cluster, ...]:
        """E29. Its `type` is mandatory."""
        query = {"type": DEDICATED_POOL, "workspace_id": workspace_id}
        return _parsed(Cluster, self._rows("/authoring/clusters", query, key="pool_id"), "a pool")

    def pool(self, pool_id: str) -> Cluster | None:
        """E30."""
        try:
            return wire.parse(Cluster, self._get(f"/authoring/clusters/{pool_id}"), "a pool")
        except NotFound:
            return None

    def workspaces(self) -> tuple[Workspace, ...]:
        """E32. Here the offset is a page, and the rows have a name of their own (API page 14)."""
        found: dict[str, Workspace] = {}
        for page in count():
            payload = self._get("/workspaces", {"limit": str(WORKSPACES_PAGE), "offset": str(page)})
            rows = _parsed(Workspace, wire.rows(payload, "workspaces"), "a workspace")
            before = len(found)
            found |= {row.id: row for row in rows}
            if len(found) == before or len(rows) < WORKSPACES_PAGE:
                break
        return tuple(found.values())

    def quota(self) -> Quota:
        """E31."""
        return wire.parse(Quota, self._get(f"/authoring/features/{_FEATURE}"), "a quota")

    def _rows(self, path: str, query: dict[str, str], *, key: str, name: str = "data") -> list[Any]:
        """The rows of all pages, each once. A list of which rows are missing at the end is no answer: what it lacks
        would look as if it did not exist (API page 13).
        """
        found: dict[str, Any] = {}
        read = 0
        while True:
            payload = self._get(path, query | {"limit": str(PAGE_SIZE), "offset": str(read)})
            # Flavors stand under two names, of which either may be missing (API page 7.8 and 12.4).
            rows = wire.rows(payload) or wire.rows(payload, name)
            fresh = {str(row.get(key)): row for row in rows if isinstance(row, dict)}
            new = fresh.keys() - found.keys()
            found |= fresh
            read += len(rows)
            total = wire.total(payload)
            if not new or (len(rows) < PAGE_SIZE if total is None else read >= total):
                break
        if total is not None and len(found) < total:
            raise ApiError(f"the list has {total} rows and shows {len(found)}", method="GET", path=self._base + path)
        return list(found.values())

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self._client.request("GET", self._base + path, query=query, patience=PATIENCE)


def _parsed(model: type[_Offer], rows: list[Any], what: str) -> tuple[_Offer, ...]:
    return tuple(wire.parse(model, row, what) for row in rows)
