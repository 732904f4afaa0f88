"""What answers look like: notebooks, leases, mounts, pages and errors as JSON. No decisions, no I/O."""

from __future__ import annotations

import zlib
from http import HTTPStatus
from typing import Any

from provisioner.simulator.options import Switches
from provisioner.simulator.record import JsonObject, Lease, Mount, Notebook

_STEPS = (
    "Prepare the storage.",
    "Prepare the compute resource.",
    "Configuring the network.",
    "Initialize the notebook instance.",
)
_FREE = "modelarts.vm.cpu.free"
_NOT_YET_RUN = ("INIT", "CREATING", "CREATE_FAILED")


class ServiceError(Exception):
    """An answer that is an error: status, service code and message (API page 16)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def refused(code: str, message: str) -> ServiceError:
    """A business error: nearly all of them are status 400 with a `ModelArts.` code (API page 16.3)."""
    return ServiceError(400, f"ModelArts.{code}", message)


def over_limit(limit: int) -> ServiceError:
    return ServiceError(
        429,
        "APIGW.0308",
        f"The throttling threshold has been reached: policy user over ratelimit,limit:{limit},time:1 second",
    )


def error_body(error: ServiceError, request_id: str) -> JsonObject:
    """Shape a of API page 16.1; shape b, with the request id, for the gateway; shape f for IAM v3."""
    if error.code == "IAM":
        title = HTTPStatus(error.status).phrase
        return {"error": {"code": error.status, "message": error.message, "title": title}}
    body = {"error_code": error.code, "error_msg": error.message}
    return body | {"request_id": request_id} if error.code.startswith("APIGW.") else body


def notebook_body(notebook: Notebook, now: int, switches: Switches, region: str) -> JsonObject:
    """The notebook object of every answer but that of create (API page 3)."""
    body: JsonObject = {
        "id": notebook.id,
        "name": notebook.name,
        "description": notebook.description,
        "feature": notebook.feature,
        "flavor": notebook.flavor,
        "image": notebook.image,
        "lease": lease_body(notebook.lease),
        "status": notebook.status,
        "endpoints": [] if notebook.status in _NOT_YET_RUN else _endpoints(notebook, switches, region),
        "token": notebook.token,
        "volume": notebook.volume | ({"status": "RESIZING"} if notebook.resize else {}),
        "data_volumes": list(notebook.data_volumes),
        "workspace_id": notebook.workspace_id,
        "create_at": notebook.create_at,
        "update_at": notebook.update_at,
        "billing_items": _billing_items(notebook),
        "user": notebook.user,
        "user_id": notebook.user_id,
        "is_need_credentials": True,
        "tags": list(notebook.tags),
    }
    for key in ("pool", "custom_spec", "affinity", "run_user", "user_vpc", "fail_reason"):
        if (value := getattr(notebook, key)) is not None:
            body[key] = value
    if notebook.status not in _NOT_YET_RUN:
        body["url"] = lab_url(notebook, region)
        body["jupyter_version"] = "3.2.3"
    if notebook.status in ("CREATING", "STARTING"):
        body["action_progress"] = _progress(notebook, now)
    return body | notebook.extra


def created_body(notebook: Notebook, now: int, switches: Switches, region: str) -> JsonObject:
    """The answer of create: four waiting steps, and nothing yet of where it will be (API page 5.3)."""
    body = notebook_body(notebook, now, switches, region)
    for absent in ("volume", "url", "endpoints", "pool", "fail_reason"):
        body.pop(absent, None)
    body["action_progress"] = [
        {"step": step, "status": "WAITING", "description": text} for step, text in enumerate(_STEPS, start=1)
    ]
    if switches.legacy_create_answer:
        body["status"] = "RUNNING"
        body["action_progress"].reverse()
    return body


def sparse(body: JsonObject, request: JsonObject) -> JsonObject:
    """The answer of an update with switch S9: only the changed fields (API page 7.3)."""
    shown = {"image_id": "image", "storage_new_size": "volume"}
    return {name: body[name] for key in request if (name := shown.get(key, key)) in body}


def lease_body(lease: Lease) -> JsonObject:
    return {
        "create_at": lease.create_at,
        "update_at": lease.update_at,
        "duration": lease.duration,
        "enable": lease.enable,
        "type": lease.type,
    }


def mount_body(mount: Mount) -> JsonObject:
    body: JsonObject = {
        "id": mount.id,
        "category": mount.category,
        "mount_path": mount.mount_path,
        "uri": mount.uri,
        "status": mount.status,
        "mount_type": "DYNAMIC",
    }
    if mount.efs_id:
        body["efs_id"] = mount.efs_id
    if mount.status == "MOUNT_FAILED":
        body["failure_reason"] = mount.failure_reason
    return body


def page_body(rows: list[Any], *, total: int, offset: int, limit: int | None, first: int) -> JsonObject:
    """The envelope of every list; `first` is the number of its first page, 0 or 1 (API page 13)."""
    size = limit or total
    return {
        "current": first + (offset // size if size else 0),
        "data": rows,
        "pages": -(-total // size) if size else 0,
        "size": size,
        "total": total,
    }


def lab_url(notebook: Notebook, region: str) -> str:
    return f"https://authoring-modelarts-{_undashed(region)}.huaweicloud.com/{notebook.id}/lab"


def _ssh_uri(notebook: Notebook, region: str) -> str:
    port = 30000 + zlib.crc32(notebook.id.encode()) % 2768
    return f"ssh://ma-user@dev-modelarts-{_undashed(region)}.huaweicloud.com:{port}"


def _undashed(region: str) -> str:
    return region.replace("-", "")


def _endpoints(notebook: Notebook, switches: Switches, region: str) -> list[JsonObject]:
    """The NOTEBOOK entry is there whether or not anybody asked for it (API page 21, trap 15)."""
    shown: list[JsonObject] = [{"service": "NOTEBOOK", "uri": lab_url(notebook, region)}]
    shown += [{"uri": _ssh_uri(notebook, region)} | endpoint for endpoint in notebook.endpoints]
    if switches.legacy_endpoint_names:
        for entry in shown:
            entry["dev_service"] = entry.get("service")
            if "key_pair_names" in entry:
                entry["ssh_keys"] = entry["key_pair_names"]
    return shown


def _billing_items(notebook: Notebook) -> list[str]:
    if notebook.flavor == _FREE:
        return []
    volume = notebook.volume
    compute = ["COMPUTE"] if notebook.status in ("RUNNING", "SNAPSHOTTING") else []
    stored = volume.get("category") == "EVS" and volume.get("ownership") == "MANAGED"
    return compute + (["STORAGE"] if stored else [])


def _progress(notebook: Notebook, now: int) -> list[JsonObject]:
    """The four steps share the time of the transition evenly."""
    transition = notebook.transition
    if transition is None:
        done = len(_STEPS)
    else:
        done = len(_STEPS) * (now - transition.since) // max(transition.at - transition.since, 1)
    return [
        {
            "step": index + 1,
            "status": "COMPLETED" if index < done else "PROCESSING" if index == done else "WAITING",
            "description": text,
        }
        for index, text in enumerate(_STEPS)
    ]
