"""Dynamic storages of a running notebook: E14 to E17 of the API page, rules in its section 11."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

from provisioner.simulator import lifecycle, validation
from provisioner.simulator.call import Answer, Call
from provisioner.simulator.record import JsonObject, Mount, Notebook
from provisioner.simulator.validation import incorrect, is_uuid, missing, wrong_type
from provisioner.simulator.wire import mount_body, page_body, refused
from provisioner.simulator.world import World

_MOST = 10
_MOUNT_PATH = re.compile(r"/data(/[a-zA-Z0-9_.-]+)+/?")
_BUCKET = re.compile(r"obs://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.*)")
_DETACHABLE = ("MOUNTED", "UNMOUNT_FAILED", "MOUNT_FAILED")


def attach(world: World, call: Call) -> Answer:
    """E14. A bucket whose name begins with `missing-` fails to mount, one with `pfs` in it is a file system."""
    notebook = world.notebook(call.ids["id"], call.now)
    body = validation.parse_object(call.body)
    category = _checked(body, notebook)
    lifecycle.check_allowed(notebook, "mount")
    if len(notebook.mounts) >= _MOST:
        raise incorrect("mounts")
    if any(mount.mount_path.rstrip("/") == body["mount_path"].rstrip("/") for mount in notebook.mounts):
        raise incorrect("mount_path")
    failed = body["uri"].startswith("obs://missing-")
    mount = Mount(
        id=str(uuid.uuid4()),
        category=category,
        mount_path=body["mount_path"],
        uri=body["uri"],
        status="MOUNTING",
        efs_id=body.get("efs_id"),
        failure_reason="The bucket cannot be accessed." if failed else None,
        at=call.now + world.settings.mount_ms,
        then="MOUNT_FAILED" if failed else "MOUNTED",
    )
    world.store.put(replace(notebook, mounts=(*notebook.mounts, mount)), call.now)
    return Answer(mount_body(mount))


def list_attached(world: World, call: Call) -> Answer:
    """E15. No paging, and the page is number 1."""
    notebook = world.notebook(call.ids["id"], call.now)
    rows = [mount_body(mount) for mount in notebook.mounts]
    return Answer(page_body(rows, total=len(rows), offset=0, limit=None, first=1))


def show(world: World, call: Call) -> Answer:
    """E16."""
    return Answer(mount_body(_mount(world, world.notebook(call.ids["id"], call.now), call)))


def detach(world: World, call: Call) -> Answer:
    """E17. Answers UNMOUNTING; afterwards it is not found."""
    notebook = world.notebook(call.ids["id"], call.now)
    mount = _mount(world, notebook, call)
    lifecycle.check_allowed(notebook, "mount")
    if mount.status not in _DETACHABLE:
        raise lifecycle.refusal("6357", notebook)
    leaving = replace(mount, status="UNMOUNTING", at=call.now + world.settings.mount_ms, then="UNMOUNTED")
    mounts = tuple(leaving if known.id == mount.id else known for known in notebook.mounts)
    world.store.put(replace(notebook, mounts=mounts), call.now)
    return Answer(mount_body(leaving))


def _mount(world: World, notebook: Notebook, call: Call) -> Mount:
    for mount in notebook.mounts:
        if mount.id == call.ids["storage_id"]:
            return mount
    raise world.not_found("storage", call.ids["storage_id"])


def _checked(body: JsonObject, notebook: Notebook) -> str:
    """The category it will read back as: OBS for a parallel file system reads back OBSFS."""
    for key in ("category", "mount_path", "uri"):
        if key not in body:
            raise missing(key)
        if not isinstance(body[key], str):
            raise wrong_type(key)
    category: str = body["category"].upper()
    if category not in ("OBS", "OBSFS", "EFS"):
        raise incorrect("category")
    if not _MOUNT_PATH.fullmatch(body["mount_path"]) or len(body["mount_path"]) > 256:
        raise incorrect("mount_path")
    if len(body["uri"]) > 256:
        raise incorrect("uri")
    if category == "EFS":
        if "efs_id" not in body:
            raise missing("efs_id")
        if not is_uuid(body["efs_id"]) or notebook.pool is None:
            raise incorrect("efs_id")
        return category
    return _object_storage(body["uri"], category)


def _object_storage(uri: str, category: str) -> str:
    match = _BUCKET.fullmatch(uri)
    if match is None:
        raise refused("6317", "The OBS path is missing: it looks like obs://bucket/dir/.")
    if not match[2].strip("/"):
        raise refused("6358", "The root directory of an OBS bucket is not allowed.")
    if not uri.endswith("/"):
        raise refused("6318", "The OBS path must end with a slash (/).")
    return "OBSFS" if "pfs" in match[1] else category
