"""Notebooks of Huawei Cloud ModelArts: one method, one API call (API page 2). No waiting and no decisions here."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from provisioner.errors import ApiError, NotFound, OutcomeUnknown
from provisioner.model.access import Access
from provisioner.model.answer import Mount
from provisioner.model.marker import Place
from provisioner.model.observation import Observation
from provisioner.provider import wire
from provisioner.provider.base import PAGE_SIZE, Page
from provisioner.provider.client import Client

_ID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
BUSY_OR_GONE = "ModelArts.6357"
NOT_RUNNING = "ModelArts.6327"

_Seen = TypeVar("_Seen", Observation, Access)


class ModelArtsNotebooks:
    """The notebooks of one project. Safe for several threads."""

    def __init__(self, client: Client, project_id: str) -> None:
        self._client = client
        self._base = f"/v1/{project_id}/notebooks"
        self._count_lock = threading.Lock()
        self._requests = 0

    @property
    def requests(self) -> int:
        return self._requests

    def page(
        self, workspace_id: str, offset: int, *, notebook_id: str = "", place: Place = "description", mark: str = ""
    ) -> Page:
        payload = self._list(workspace_id, offset, notebook_id=notebook_id, place=place, mark=mark)
        found = tuple(wire.parse_notebook(row) for row in wire.rows(payload))
        return Page(found, wire.total(payload))

    def read(self, notebook_id: str, workspace_id: str) -> Observation | None:
        return self._shown(notebook_id, workspace_id, wire.parse_notebook)

    def access(self, notebook_id: str, workspace_id: str) -> Access | None:
        """How to reach one notebook, None when it does not exist. What it returns is secret."""
        return self._shown(notebook_id, workspace_id, wire.parse_access)

    def _shown(self, notebook_id: str, workspace_id: str, parse: Callable[[Any], _Seen]) -> _Seen | None:
        try:
            found = parse(self._send("GET", f"/{_checked(notebook_id)}"))
        except NotFound:
            return None
        except ApiError as error:
            if error.code != BUSY_OR_GONE:
                raise
            # 6357 says "busy" as well as "gone" (API page 16.2): the list knows which.
            rows = wire.rows(self._list(workspace_id, 0, notebook_id=notebook_id))
            return next((found for found in map(parse, rows) if found.id == notebook_id), None)
        if found.id != notebook_id:
            raise ApiError(f"asked for notebook {notebook_id}, the service answered with {found.id}")
        return found

    def _list(
        self, workspace_id: str, offset: int, *, notebook_id: str = "", place: Place = "description", mark: str = ""
    ) -> dict[str, Any]:
        query = {"limit": str(PAGE_SIZE), "offset": str(offset), "workspace_id": workspace_id}
        if notebook_id:
            query["id"] = notebook_id
        if mark:
            query[place] = mark
        return self._send("GET", "", query=query)

    def mounts(self, notebook_id: str) -> tuple[Mount, ...] | None:
        try:
            payload = self._send("GET", f"/{_checked(notebook_id)}/storage")
        except NotFound:
            return None
        except ApiError as error:
            if error.code != NOT_RUNNING:
                raise
            return None
        return tuple(wire.parse_mount(row) for row in wire.rows(payload))

    def create(self, values: Mapping[str, Any]) -> Observation:
        payload = self._send("POST", "", body=wire.create_body(values))
        identifier = payload.get("id")
        if not isinstance(identifier, str) or not _ID.fullmatch(identifier):
            # It was accepted, but under which id nobody knows.
            raise OutcomeUnknown("the service answered a create without an id", method="POST", path=self._base)
        try:
            return wire.parse_notebook(payload)
        except ApiError:
            # The id must not be lost because of what stands beside it; the rest is read later.
            return Observation(id=identifier, status="CREATING")

    def update(self, notebook_id: str, values: Mapping[str, Any]) -> None:
        self._send("PUT", f"/{_checked(notebook_id)}", body=dict(values))

    def resize(self, notebook_id: str, capacity: int) -> None:
        self.update(notebook_id, {"storage_new_size": capacity})

    def start(self, notebook_id: str, lease: Mapping[str, Any] | str | None) -> None:
        self._send("POST", f"/{_checked(notebook_id)}/start", query=wire.lease_query(lease))

    def stop(self, notebook_id: str) -> None:
        self._send("POST", f"/{_checked(notebook_id)}/stop")

    def renew_lease(self, notebook_id: str, lease: Mapping[str, Any] | str) -> None:
        self._send("PATCH", f"/{_checked(notebook_id)}/lease", body=wire.lease_body(lease))

    def tag(self, notebook_id: str, workspace_id: str, tags: Mapping[str, str]) -> None:
        self._tags("POST", "create", notebook_id, workspace_id, tags)

    def untag(self, notebook_id: str, workspace_id: str, tags: Mapping[str, str]) -> None:
        self._tags("DELETE", "delete", notebook_id, workspace_id, tags)

    def _tags(self, method: str, verb: str, notebook_id: str, workspace_id: str, tags: Mapping[str, str]) -> None:
        path = f"/{_checked(notebook_id)}/tags/{verb}"
        self._send(method, path, query={"workspace_id": workspace_id}, body=wire.tag_body(tags))

    def attach(self, notebook_id: str, storage: Mapping[str, Any]) -> None:
        self._send("POST", f"/{_checked(notebook_id)}/storage", body=dict(storage))

    def detach(self, notebook_id: str, storage_id: str) -> None:
        self._send("DELETE", f"/{_checked(notebook_id)}/storage/{_checked(storage_id)}")

    def delete(self, notebook_id: str) -> None:
        self._send("DELETE", f"/{_checked(notebook_id)}")

    def _send(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        with self._count_lock:
            self._requests += 1
        return self._client.request(method, self._base + path, query=query, body=body)


def _checked(identifier: str) -> str:
    """An id is a UUID before it becomes part of a URL: it comes from the service or from a file."""
    if not _ID.fullmatch(identifier):
        raise ApiError(f"{identifier!r} is not an id of the form 8-4-4-4-12 hexadecimal digits")
    return identifier
