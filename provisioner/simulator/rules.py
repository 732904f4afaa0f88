"""What the catalogue and the account have to say about a request: the later checks of API page 5.4, in its order."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.simulator import catalog
from provisioner.simulator.options import Settings, Switches
from provisioner.simulator.record import JsonObject, Notebook
from provisioner.simulator.validation import incorrect
from provisioner.simulator.wire import refused

DEFAULT_CAPACITY = {"EVS": 5, "EFS": 50}
_GROWTH_STEP = 100


def check_workspace(workspace_id: str) -> None:
    if workspace_id not in catalog.WORKSPACES:
        raise refused("0102", f"The workspace {workspace_id} does not exist.")


def flavor_for_create(body: JsonObject, settings: Settings) -> JsonObject | None:
    """The flavor asked for; None for a custom spec, which only the pool can judge."""
    if "pool_id" in body and not catalog.pool_exists(body["pool_id"]):
        raise refused("6323", f"The resource pool {body['pool_id']} does not exist.")
    if "custom_spec" in body:
        return None
    flavor = _known_flavor(body["flavor"])
    if flavor["id"] in settings.sold_out:
        raise refused("6716", f"The flavor {flavor['id']} is sold out.")
    if flavor["feature"] != body.get("feature", "NOTEBOOK").upper():
        raise refused("6870", f"The flavor {flavor['id']} does not support the instance feature.")
    return flavor


def usable_image(image_id: str, images: Mapping[str, JsonObject]) -> JsonObject:
    image = images.get(image_id)
    if image is None or image["status"] != "ACTIVE":
        raise refused("6797", f"The image {image_id} cannot be found.")
    return image


def check_ssh(image: JsonObject, endpoints: list[JsonObject]) -> None:
    if "NOTEBOOK" in image["dev_services"] or "AI_FLOW" in image["dev_services"]:
        return
    if not any(endpoint["service"] == "SSH" for endpoint in endpoints):
        raise refused("6768", "The image supports only SSH and the SSH configuration is missing.")


def check_storage(volume: JsonObject, flavor: JsonObject | None) -> None:
    """`volume` as `stored_volume` made it."""
    if flavor and volume["category"] not in flavor["storages"]:
        raise refused("6324", f"The storage type {volume['category']} is not supported by {flavor['id']}.")
    if volume["category"] == "EVS":
        check_evs_size(volume["capacity"], 5, flavor)


def check_evs_size(capacity: int, smallest: int, flavor: JsonObject | None) -> None:
    largest = catalog.grown_to_at_most(flavor or {})
    if not smallest <= capacity <= largest:
        raise refused("6331", f"The EVS disk size must be from {smallest} to {largest} GB.")


def check_growth(notebook: Notebook, new_size: int, switches: Switches) -> None:
    """Upward only, the new size being the total (API page 6.3)."""
    if notebook.volume.get("category") != "EVS":
        raise refused("6324", "Only EVS storage can be expanded.")
    now = notebook.volume["capacity"]
    check_evs_size(new_size, now + 1, catalog.FLAVORS.get(notebook.flavor))
    if switches.growth_limit and new_size > now + _GROWTH_STEP:
        raise refused("6331", f"The EVS disk can grow by at most {_GROWTH_STEP} GB at a time.")


def check_key_pairs(endpoints: list[JsonObject], settings: Settings) -> None:
    for endpoint in endpoints:
        for name in endpoint.get("key_pair_names", ()):
            known = not name.startswith("missing-") if settings.key_pairs is None else name in settings.key_pairs
            if not known:
                raise refused("6789", f"No permission for the SSH key pair {name}.")


def check_reshape(notebook: Notebook, body: JsonObject, images: Mapping[str, JsonObject], settings: Settings) -> None:
    """A new flavor or image of a stopped notebook must be offered, and the two must fit each other."""
    if "flavor" in body and body["flavor"] not in {flavor["id"] for flavor in switchable(notebook, settings)}:
        raise refused("6792", f"The flavor cannot be changed to {body['flavor']}.")
    image = usable_image(body["image_id"], images) if "image_id" in body else notebook.image
    flavor = catalog.FLAVORS.get(body.get("flavor", notebook.flavor))
    if flavor and ("image_id" in body or "flavor" in body) and not catalog.runs(image, flavor):
        code = "6797" if "image_id" in body else "6792"
        raise refused(code, f"The image {image['name']} does not run on the flavor {flavor['id']}.")


def switchable(notebook: Notebook, settings: Settings) -> list[JsonObject]:
    """The flavors it may change to, its own included: same feature and architecture, and its storage stays."""
    arch = catalog.FLAVORS.get(notebook.flavor, notebook.image)["arch"]
    return [
        flavor
        for flavor in flavors(settings)
        if flavor["feature"] == notebook.feature
        and flavor["arch"] == arch
        and notebook.volume["category"] in flavor["storages"]
        and (not flavor["sold_out"] or flavor["id"] == notebook.flavor)
    ]


def flavors(settings: Settings) -> list[JsonObject]:
    return [flavor | {"sold_out": flavor["id"] in settings.sold_out} for flavor in catalog.FLAVORS.values()]


def stored_endpoints(asked: list[JsonObject]) -> list[JsonObject]:
    """SSH entries under the names of today, which win over those of 2022; NOTEBOOK is always there (page 5.2)."""
    stored = []
    for endpoint in asked:
        if (endpoint.get("service") or endpoint["dev_service"]).upper() == "SSH":
            entry = {"service": "SSH", "key_pair_names": endpoint.get("key_pair_names", endpoint.get("ssh_keys", []))}
            entry["allowed_access_ips"] = endpoint.get("allowed_access_ips", [])
            stored.append(entry)
    return stored


def stored_volume(asked: JsonObject) -> JsonObject:
    """Upper case, with the defaults of API page 6.1; the main volume is always mounted at the same place."""
    category = asked["category"].upper()
    volume = {
        "category": category,
        "ownership": asked["ownership"].upper(),
        "mount_path": "/home/ma-user/work/",
        "read_only": asked.get("read_only", False),
        "mount_type": "STATIC",
    }
    if capacity := asked.get("capacity", DEFAULT_CAPACITY.get(category)):
        volume["capacity"] = capacity
    return volume | {key: asked[key] for key in ("uri", "id", "dew_secret_name") if key in asked}


def stored_data_volumes(asked: list[JsonObject]) -> tuple[JsonObject, ...]:
    """Requests say `uri`, answers say `url` (API page 3.7)."""
    volumes = []
    for volume in asked:
        if volume.get("category", "").upper() not in ("EFS", "OBS", "OBSFS"):
            raise incorrect("data_volumes.category")
        volumes.append(
            {
                "category": volume["category"].upper(),
                "mount_path": volume.get("mount_path", ""),
                "url": volume.get("uri", ""),
                "mount_type": "STATIC",
                "status": "MOUNTED",
            }
        )
    return tuple(volumes)


def _known_flavor(flavor_id: str) -> JsonObject:
    flavor = catalog.FLAVORS.get(flavor_id)
    if flavor is None:
        raise refused("6323", f"The flavor {flavor_id} is not supported.")
    return flavor
