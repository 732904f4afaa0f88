"""The operations on notebooks: E1 and E4 to E10, E13 of the API page. No HTTP and no clock of their own.

Lists are in `listing.py`, dynamic storages and tags in `storages.py` and `tags.py`, the rules they share in `rules.py`.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

from provisioner.simulator import catalog, lease, lifecycle, rules, validation
from provisioner.simulator.call import Answer, Call
from provisioner.simulator.record import JsonObject, Notebook, Resize, Transition
from provisioner.simulator.validation import incorrect, missing
from provisioner.simulator.wire import created_body, lease_body, refused, sparse
from provisioner.simulator.world import World, new_token

_RENAMING = {"name", "description"}
_STORING = {"storage_new_size"}
_IMAGE_NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]{0,126}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_IMAGE_TAG = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def create(world: World, call: Call) -> Answer:
    """E1. The checks come in the order of API page 5.4."""
    body = validation.create_body(call.body, world.switches)
    workspace_id = body.get("workspace_id", "0")
    feature = body.get("feature", "NOTEBOOK").upper()
    rules.check_workspace(workspace_id)
    flavor = rules.flavor_for_create(body, world.settings)
    image = rules.usable_image(body["image_id"], world.images)
    endpoints = rules.stored_endpoints(body.get("endpoints", []))
    rules.check_ssh(image, endpoints)
    volume = rules.stored_volume(body["volume"])
    rules.check_storage(volume, flavor)
    # A free instance stops after an hour whatever is asked (API page 9.2).
    asked = lease.LeaseRequest() if feature == "DEFAULT" else lease.from_body(body)
    rules.check_key_pairs(endpoints, world.settings)
    _check_quota(world, feature)
    notebook = Notebook(
        id=str(uuid.uuid4()),
        name=body["name"],
        description=body.get("description", ""),
        feature=feature,
        flavor=flavor["id"] if flavor else catalog.CUSTOM_FLAVOR,
        image=image,
        status="CREATING",
        create_at=call.now,
        update_at=call.now,
        workspace_id=workspace_id,
        user_id=world.identity.user_id,
        user=world.identity.user,
        token=new_token(),
        volume=volume,
        lease=lease.granted(asked, call.now),
        endpoints=tuple(endpoints),
        data_volumes=rules.stored_data_volumes(body.get("data_volumes", [])),
        pool=catalog.pool(body["pool_id"]) if "pool_id" in body else None,
        custom_spec=body.get("custom_spec"),
        affinity=body.get("affinity"),
        run_user=body.get("run_user"),
        user_vpc=body.get("user_vpc"),
        transition=_transition(call, world.settings.create_ms, "RUNNING"),
        visible_at=call.unseen_until,
        listed_at=call.unlisted_until,
    )
    world.store.put(notebook, call.now)
    return Answer(created_body(notebook, call.now, world.switches, world.region))


def show(world: World, call: Call) -> Answer:
    """E4."""
    return Answer(world.shown(world.notebook(call.ids["id"], call.now), call.now))


def update(world: World, call: Call) -> Answer:
    """E5. Partial in spite of PUT; one field that the state forbids refuses the whole request (API page 7.3)."""
    notebook = world.notebook(call.ids["id"], call.now)
    body = validation.update_body(call.body, world.switches)
    _check_update_allowed(world, notebook, body)
    rules.check_reshape(notebook, body, world.images, world.settings)
    endpoints = rules.stored_endpoints(body.get("endpoints", []))
    rules.check_key_pairs(endpoints, world.settings)
    changed = replace(
        notebook,
        name=body.get("name", notebook.name),
        description=body.get("description", notebook.description),
        flavor=body.get("flavor", notebook.flavor),
        image=world.images[body["image_id"]] if "image_id" in body else notebook.image,
        endpoints=tuple(endpoints) if "endpoints" in body else notebook.endpoints,
        affinity=body.get("affinity", notebook.affinity),
        update_at=call.now,
    )
    if "custom_spec" in body:
        changed = _custom(changed, body["custom_spec"])
    elif "flavor" in body:
        changed = replace(changed, custom_spec=None)
    if "data_volumes" in body:
        changed = replace(changed, data_volumes=rules.stored_data_volumes(body["data_volumes"]))
    if "dew_secret_name" in body:
        changed = replace(changed, volume=notebook.volume | {"dew_secret_name": body["dew_secret_name"]})
    if "storage_new_size" in body:
        rules.check_growth(notebook, body["storage_new_size"], world.switches)
        resize = Resize(call.now + world.settings.resize_ms, body["storage_new_size"])
        changed = replace(changed, resize=resize)
    world.store.put(changed, call.now)
    answer = world.shown(changed, call.now)
    return Answer(sparse(answer, body) if world.switches.sparse_update_answer else answer)


def delete(world: World, call: Call) -> Answer:
    """E6. Running notebooks too, in spite of what the page of the service says (API page 7.4; S4 believes it)."""
    notebook = world.notebook(call.ids["id"], call.now)
    lifecycle.check_allowed(notebook, "delete")
    if world.switches.delete_needs_stopped and notebook.status == "RUNNING":
        raise refused("6304", f"Stop the instance {notebook.name} before deleting it.")
    transition = _transition(call, world.settings.delete_ms, lifecycle.GONE)
    return _moved(world, call, replace(notebook, status="DELETING", transition=transition))


def start(world: World, call: Call) -> Answer:
    """E7. Without a duration the default hour applies again."""
    notebook = world.notebook(call.ids["id"], call.now)
    lifecycle.check_allowed(notebook, "start")
    asked = lease.lease_request(call.number("duration", None), call.query.get("type"))
    if notebook.feature == "DEFAULT":
        asked = lease.LeaseRequest()
    started = replace(
        notebook,
        status="STARTING",
        token=new_token(),
        fail_reason=None,
        transition=_transition(call, world.settings.start_ms, "RUNNING"),
        lease=lease.renewed(notebook.lease, asked, call.now),
    )
    return _moved(world, call, started)


def stop(world: World, call: Call) -> Answer:
    """E8."""
    notebook = world.notebook(call.ids["id"], call.now)
    lifecycle.check_allowed(notebook, "stop")
    to, why = call.outcome or ("STOPPED", None)
    return _moved(world, call, lifecycle.stopping(notebook, call.now, world.settings.stop_ms, to=to, why=why))


def renew_lease(world: World, call: Call) -> Answer:
    """E9. A duration in the query wins over the body and forces TIMING."""
    notebook = world.notebook(call.ids["id"], call.now)
    lifecycle.check_allowed(notebook, "lease")
    body = validation.lease_body(call.body)
    if call.query.get("duration"):
        body = {"duration": call.number("duration", None)}
    asked = lease.lease_request(body.get("duration"), body.get("type"))
    renewed = replace(notebook, lease=lease.renewed(notebook.lease, asked, call.now))
    world.store.put(renewed, call.now)
    return Answer(lease_body(renewed.lease))


def show_lease(world: World, call: Call) -> Answer:
    """E10."""
    notebook = world.notebook(call.ids["id"], call.now)
    if world.switches.lease_needs_running:
        lifecycle.check_allowed(notebook, "lease")
    return Answer(lease_body(notebook.lease))


def save_image(world: World, call: Call) -> Answer:
    """E13. Saving changes the notebook's own image, once it is done (API page 7.9)."""
    notebook = world.notebook(call.ids["id"], call.now)
    lifecycle.check_allowed(notebook, "save-image")
    body = validation.parse_object(call.body)
    for key, pattern in (("name", _IMAGE_NAME), ("namespace", _NAMESPACE), ("tag", _IMAGE_TAG)):
        if key not in body and key != "tag":
            raise missing(key)
        if not pattern.fullmatch(str(body.get(key, "latest"))):
            raise incorrect(key)
    image = _saved_image(notebook, body, call.now)
    if any(known["swr_path"] == image["swr_path"] for known in world.saved_images.values()):
        raise refused("6737", f"The image tag {image['tag']} already exists.")
    world.saved_images[image["id"]] = image
    done = call.now + world.settings.create_ms
    moved = replace(notebook, status="SNAPSHOTTING", transition=Transition(call.now, done, "RUNNING", image=image))
    world.store.put(moved, call.now)
    return Answer(image | {"status": "INIT"})


def _saved_image(notebook: Notebook, body: JsonObject, now: int) -> JsonObject:
    tag = body.get("tag", "latest")
    return notebook.image | {
        "id": str(uuid.uuid4()),
        "name": body["name"],
        "namespace": body["namespace"],
        "tag": tag,
        "description": body.get("description", ""),
        "swr_path": f"swr.xxx.xxxx.com/{body['namespace']}/{body['name']}:{tag}",
        "type": "DEDICATED",
        "origin": "IMAGE_SAVE",
        "visibility": "PRIVATE",
        "workspace_id": body.get("workspace_id", notebook.workspace_id),
        "create_at": now,
        "update_at": now,
    }


def _check_quota(world: World, feature: str) -> None:
    """So many in all, and one free instance per user (API page 14)."""
    free_taken = feature == "DEFAULT" and any(notebook.feature == "DEFAULT" for notebook in world.store)
    if len(world.store) >= world.settings.quota or free_taken:
        raise refused("6302", f"The maximum number of instances ({world.settings.quota}) has been reached.")


def _check_update_allowed(world: World, notebook: Notebook, body: JsonObject) -> None:
    reshaping = body.keys() - _RENAMING - _STORING
    if world.switches.endpoints_when_running and notebook.status == "RUNNING":
        reshaping -= {"endpoints"}
    # A request without any field is held to what a rename needs.
    if reshaping:
        lifecycle.check_allowed(notebook, "reshape")
    if "storage_new_size" in body and not (world.switches.resize_when_stopped and notebook.status == "STOPPED"):
        lifecycle.check_allowed(notebook, "resize")
    if body.keys() & _RENAMING or not body:
        lifecycle.check_allowed(notebook, "rename")


def _custom(notebook: Notebook, spec: JsonObject) -> Notebook:
    if notebook.pool is None:
        raise incorrect("custom_spec")
    return replace(notebook, custom_spec=spec, flavor=catalog.CUSTOM_FLAVOR)


def _transition(call: Call, duration_ms: int, to: str) -> Transition:
    """To where the operation leads, or to where a fault rule wants it to end."""
    status, reason = call.outcome or (to, None)
    return Transition(call.now, call.now + duration_ms, status, reason)


def _moved(world: World, call: Call, notebook: Notebook) -> Answer:
    world.store.put(notebook, call.now)
    return Answer(world.shown(notebook, call.now))
