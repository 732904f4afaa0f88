"""What the project may use: flavors, images, pools, workspaces and the quota.

E11, E12, E21, E23, E26, E29 to E32 of the API page, reads only.
"""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.simulator import catalog, rules
from provisioner.simulator.call import Answer, Call
from provisioner.simulator.listing import plain_page
from provisioner.simulator.record import JsonObject
from provisioner.simulator.validation import missing
from provisioner.simulator.wire import refused
from provisioner.simulator.world import World

_FLAVOR_KEYS = {key: key for key in ("id", "name", "vcpus", "memory")}
_IMAGE_KEYS = {
    "name": "name",
    "create_at": "create_at",
    "createTime": "create_at",
    "update_at": "update_at",
    "updateTime": "update_at",
}


def list_flavors(world: World, call: Call) -> Answer:
    """E11."""
    category = call.chosen("category", "CPU", "GPU", "ASCEND")
    feature = call.chosen("feature", "DEFAULT", "NOTEBOOK") or "NOTEBOOK"
    call.chosen("type", "MANAGED", "DEDICATED")  # every flavor is sold in both kinds of pool here
    rows = [
        flavor
        for flavor in rules.flavors(world.settings)
        if flavor["feature"] == feature and category in (None, flavor["category"])
    ]
    return _flavor_page(world, call, rows)


def list_switchable_flavors(world: World, call: Call) -> Answer:
    """E12."""
    return _flavor_page(world, call, rules.switchable(world.notebook(call.ids["id"], call.now), world.settings))


def _flavor_page(world: World, call: Call, rows: list[JsonObject]) -> Answer:
    page = plain_page(world, call, rows, _FLAVOR_KEYS, default=None, first=1)
    return Answer(page | {"flavors": page["data"]})


def list_images(world: World, call: Call) -> Answer:
    """E21. Preset images unless another type is asked for."""
    kind = call.chosen("type", "BUILD_IN", "DEDICATED") or "BUILD_IN"
    rows = [
        image
        for image in _images(world)
        if image["type"] == kind and _image_matches(image, call) and _in_workspace(image, call)
    ]
    return Answer(plain_page(world, call, rows, _IMAGE_KEYS, default=200, first=0))


def show_image(world: World, call: Call) -> Answer:
    """E23."""
    for image in _images(world):
        if image["id"] == call.ids["id"]:
            return Answer(image)
    raise world.not_found("image", call.ids["id"])


def list_image_groups(world: World, call: Call) -> Answer:
    """E26: the images of one name and namespace are a group."""
    kind = call.chosen("type", "BUILD_IN", "DEDICATED") or "BUILD_IN"
    groups: dict[str, JsonObject] = {}
    for image in _images(world):
        if image["type"] == kind and _image_matches(image, call):
            key = catalog.hexadecimal(image["namespace"], image["name"])
            group = groups.setdefault(
                key,
                {
                    "id": key,
                    "name": image["name"],
                    "namespace": image["namespace"],
                    "description": image["description"],
                    "version_count": 0,
                    "create_at": image["create_at"],
                    "update_at": image["update_at"],
                },
            )
            group["version_count"] += 1
    page = plain_page(world, call, list(groups.values()), _IMAGE_KEYS, default=200, first=1)
    return Answer(page | {"is_swr_enterprise": False})


def _images(world: World) -> Iterable[JsonObject]:
    """A saved image is CREATING until its notebook is free again."""
    if not world.saved_images:
        return catalog.IMAGES.values()
    busy = {n.transition.image["id"] for n in world.store if n.transition and n.transition.image}
    return [image | {"status": "CREATING"} if image["id"] in busy else image for image in world.images.values()]


def _image_matches(image: JsonObject, call: Call) -> bool:
    name, namespace = call.query.get("name", ""), call.query.get("namespace", "")
    exact = call.query.get("name_fuzzy_match") == "false"
    named = name in ("", image["name"]) if exact else name in image["name"]
    return named and namespace in ("", image["namespace"])


def _in_workspace(image: JsonObject, call: Call) -> bool:
    wanted = call.query.get("workspace_id")
    return image["type"] == "BUILD_IN" or wanted in (None, "", image["workspace_id"])


def list_clusters(world: World, call: Call) -> Answer:
    """E29: a few pools that notebooks can use; `type` is mandatory."""
    kind = call.chosen("type", "MANAGED", "DEDICATED")
    if kind is None:
        raise missing("type")
    rows = [_cluster(world, pool_id) for pool_id in catalog.POOLS] if kind == "DEDICATED" else []
    return Answer(plain_page(world, call, rows, {}, default=1000, first=1))


def show_cluster(world: World, call: Call) -> Answer:
    """E30. A pool that no list shows may exist all the same."""
    pool_id = call.ids["cluster_id"]
    if not catalog.pool_exists(pool_id):
        raise world.not_found("cluster", pool_id)
    return Answer(_cluster(world, pool_id))


def _cluster(world: World, pool_id: str) -> JsonObject:
    return {
        "pool_id": pool_id,
        "logic_cluster_id": catalog.hexadecimal("cluster", pool_id),
        "type": "DEDICATED",
        "status": "ACTIVE",
        "resource_categories": ["CPU", "GPU"],
        "workspace_id": "0",
        "project_id": world.identity.account.project_id,
        "domain_id": world.identity.domain_id,
        "is_allow_root": False,
        "flavors": [{**flavor, "support_eni": True} for flavor in rules.flavors(world.settings)],
    }


def show_feature(world: World, call: Call) -> Answer:
    """E31: the switch and the quota of notebooks."""
    body = {
        "id": catalog.hexadecimal("feature", call.ids["feature"]),
        "name": call.ids["feature"],
        "enabled": True,
        "quota": world.settings.quota,
        "used": len(world.store),
        "user_id": world.identity.user_id,
    }
    return Answer(body)


def list_workspaces(_world: World, call: Call) -> Answer:
    """E32. Here the offset is a page (API page 13)."""
    limit, page = call.number("limit", 1000) or 1000, call.number("offset", 0) or 0
    rows = list(catalog.WORKSPACES.values())[page * limit : (page + 1) * limit]
    return Answer({"total_count": len(catalog.WORKSPACES), "count": len(rows), "workspaces": rows})


def show_workspace(_world: World, call: Call) -> Answer:
    workspace = catalog.WORKSPACES.get(call.ids["workspace_id"])
    if workspace is None:
        raise refused("7005", f"The workspace {call.ids['workspace_id']} does not exist.")
    return Answer(workspace)
