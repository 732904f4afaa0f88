"""The service as a value in memory: an independent, tiny reading of API page 8, its operations and its states.

Transitions are over at once. What the state does not allow is refused with the code of the page. Values come in under
the names of the spec, as `NotebookProvider` hands them over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from provisioner.errors import ApiError, NotFound
from provisioner.model.answer import Mount
from provisioner.model.marker import Place
from provisioner.model.observation import Observation
from provisioner.provider.base import PAGE_SIZE, Page

NOW_MS = 1_760_000_000_000
HOUR_MS = 3_600_000
CUSTOM = "custom.flavor.spec.code"

# The states in which an operation is allowed, and the code of the refusal everywhere else.
ALLOWED = {
    "start": ({"STOPPED", "START_FAILED"}, "6357"),
    "stop": ({"RUNNING"}, "6357"),
    "rename": ({"RUNNING", "STOPPED", "START_FAILED"}, "6347"),
    "reshape": ({"STOPPED", "START_FAILED"}, "6347"),
    "resize": ({"RUNNING"}, "6347"),
    "lease": ({"RUNNING"}, "6327"),
    "mount": ({"RUNNING"}, "6327"),
}


class PureService:
    """Notebooks by id. `before` and `after` are called around each change with its name: to fail it, or to lose it."""

    def __init__(self) -> None:
        self.notebooks: dict[str, dict[str, Any]] = {}
        self.attached: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[str] = []
        self.reads = 0
        self.growth_cap: int | None = None
        self.before: Callable[[str], None] = lambda _name: None
        self.after: Callable[[str], None] = lambda _name: None
        self._numbers = 0

    @property
    def requests(self) -> int:
        return len(self.calls) + self.reads

    def page(
        self, workspace_id: str, offset: int, *, notebook_id: str = "", place: Place = "description", mark: str = ""
    ) -> Page:
        self.reads += 1
        shown = [each for each in reversed(self.notebooks.values()) if each["workspace_id"] == workspace_id]
        if notebook_id:
            shown = [each for each in shown if each["id"] == notebook_id]
        shown = [each for each in shown if mark in each.get(place, "")]
        return Page(tuple(map(observed, shown[offset : offset + PAGE_SIZE])), len(shown))

    def read(self, notebook_id: str, workspace_id: str) -> Observation | None:  # noqa: ARG002 - the protocol's
        self.reads += 1
        return observed(self.notebooks[notebook_id]) if notebook_id in self.notebooks else None

    def mounts(self, notebook_id: str) -> tuple[Mount, ...] | None:
        self.reads += 1
        if self.notebooks.get(notebook_id, {}).get("status") != "RUNNING":
            return None
        return tuple(Mount.model_validate(mount) for mount in self.attached.get(notebook_id, []))

    def create(self, values: Mapping[str, Any]) -> Observation:
        self.before("create")
        self._numbers += 1
        identifier = self._identifier()
        told = {name: value for name, value in values.items() if name not in {"hooks", "public_network_config"}}
        told["image"] = {"id": told.pop("image_id")}
        told["pool"] = {"id": told.pop("pool_id", "")}
        told["flavor"] = CUSTOM if "custom_spec" in told else told["flavor"]
        told["lease"] = _lease(values.get("lease"))
        told |= {"workspace_id": told.get("workspace_id", "0"), "id": identifier, "status": "RUNNING", "tags": []}
        self.notebooks[identifier] = {"create_at": NOW_MS, "update_at": NOW_MS, "feature": "NOTEBOOK"} | told
        self._done("create")
        return observed(self.notebooks[identifier])

    def update(self, notebook_id: str, values: Mapping[str, Any]) -> None:
        if values.keys() & {"name", "description"}:
            self._allowed(notebook_id, "rename")
        if values.keys() - {"name", "description"}:
            self._allowed(notebook_id, "reshape")
        changed = {name: value for name, value in values.items() if name not in {"hooks", "public_network_config"}}
        if "image_id" in changed:
            changed["image"] = {"id": changed.pop("image_id")}
        if "custom_spec" in changed:
            changed["flavor"] = CUSTOM
        elif "flavor" in changed:
            changed["custom_spec"] = None
        self.before("update")
        self.notebooks[notebook_id] |= changed
        self._done("update")

    def resize(self, notebook_id: str, capacity: int) -> None:
        volume = self._allowed(notebook_id, "resize")["volume"]
        if volume["category"] != "EVS" or capacity <= volume["capacity"]:
            raise ApiError("EVS size out of range", status=400, code="ModelArts.6331")
        if self.growth_cap is not None and capacity > volume["capacity"] + self.growth_cap:
            raise ApiError("EVS grows too far at once", status=400, code="ModelArts.6331")
        self.before("resize")
        self.notebooks[notebook_id]["volume"] = {**volume, "capacity": capacity}
        self._done("resize")

    def start(self, notebook_id: str, lease: Mapping[str, Any] | str | None) -> None:
        self._allowed(notebook_id, "start")
        self.before("start")
        self.notebooks[notebook_id] |= {"status": "RUNNING", "lease": _lease(lease)}
        self._done("start")

    def stop(self, notebook_id: str) -> None:
        self._allowed(notebook_id, "stop")
        self.before("stop")
        self.notebooks[notebook_id] |= {"status": "STOPPED"}
        self.attached.pop(notebook_id, None)
        self._done("stop")

    def renew_lease(self, notebook_id: str, lease: Mapping[str, Any] | str) -> None:
        self._allowed(notebook_id, "lease")
        self.before("lease")
        self.notebooks[notebook_id]["lease"] = _lease(lease)
        self._done("lease")

    def tag(self, notebook_id: str, workspace_id: str, tags: Mapping[str, str]) -> None:
        self._retag(notebook_id, workspace_id, "tag", lambda present: {**present, **tags})

    def untag(self, notebook_id: str, workspace_id: str, tags: Mapping[str, str]) -> None:
        """Only those whose value matches (API page 10)."""
        self._retag(
            notebook_id,
            workspace_id,
            "untag",
            lambda present: {key: value for key, value in present.items() if tags.get(key) != value},
        )

    def attach(self, notebook_id: str, storage: Mapping[str, Any]) -> None:
        self._allowed(notebook_id, "mount")
        present = self.attached.setdefault(notebook_id, [])
        if any(mount["mount_path"] == storage["mount_path"] for mount in present):
            raise ApiError("mount_path", status=400, code="ModelArts.6336")
        self.before("attach")
        self._numbers += 1
        present.append({**storage, "id": self._identifier(), "status": "MOUNTED"})
        self._done("attach")

    def detach(self, notebook_id: str, storage_id: str) -> None:
        self._allowed(notebook_id, "mount")
        present = self.attached.get(notebook_id, [])
        if storage_id not in {mount["id"] for mount in present}:
            raise NotFound("no such storage", status=400, code="ModelArts.6404")
        self.before("detach")
        self.attached[notebook_id] = [mount for mount in present if mount["id"] != storage_id]
        self._done("detach")

    def delete(self, notebook_id: str) -> None:
        self._found(notebook_id)
        self.before("delete")
        del self.notebooks[notebook_id]
        self.attached.pop(notebook_id, None)
        self._done("delete")

    def _retag(
        self, notebook_id: str, workspace_id: str, name: str, change: Callable[[dict[str, str]], dict[str, str]]
    ) -> None:
        notebook = self._found(notebook_id)
        if notebook["workspace_id"] != workspace_id:
            raise NotFound("no such notebook in this workspace", status=400, code="ModelArts.6404")
        self.before(name)
        present = change({tag["key"]: tag["value"] for tag in notebook["tags"]})
        notebook["tags"] = [{"key": key, "value": value} for key, value in present.items()]
        self._done(name)

    def _allowed(self, notebook_id: str, operation: str) -> dict[str, Any]:
        notebook = self._found(notebook_id)
        states, code = ALLOWED[operation]
        if notebook["status"] not in states:
            raise ApiError(f"{operation} while {notebook['status']}", status=400, code=f"ModelArts.{code}")
        return notebook

    def _found(self, notebook_id: str) -> dict[str, Any]:
        if notebook_id not in self.notebooks:
            raise NotFound(f"no notebook {notebook_id}", status=400, code="ModelArts.6404")
        return self.notebooks[notebook_id]

    def _identifier(self) -> str:
        return f"{self._numbers:08x}-0000-4000-8000-000000000000"

    def _done(self, name: str) -> None:
        self.calls.append(name)
        self.after(name)


def observed(notebook: Mapping[str, Any]) -> Observation:
    """As an answer shows it: with the NOTEBOOK endpoint that nobody asked for."""
    ssh = [each for each in notebook.get("endpoints", ()) if each["service"] == "SSH"]
    return Observation.model_validate({**notebook, "endpoints": [{"service": "NOTEBOOK"}, *ssh]})


def _lease(policy: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Omitted means one hour (API page 5.3)."""
    if isinstance(policy, str):
        return {"enable": False, "type": "TIMING", "duration": -1}
    asked = policy or {"type": "TIMING", "duration": HOUR_MS}
    return {"enable": True, **asked, "create_at": NOW_MS, "update_at": NOW_MS}
