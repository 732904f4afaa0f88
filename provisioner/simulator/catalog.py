"""What the cloud offers: images, flavors, workspaces, pools (fixtures of API page 12.3 and 12.5, and a few more).

Data and look-ups only. The page gives some rows incompletely; the missing columns are filled in plausibly, and a few
rows are added so that every accelerator has a flavor that is for sale and an image that runs on it.
"""

from __future__ import annotations

import hashlib
import re

from provisioner.simulator.record import JsonObject

_EPOCH = 1_638_000_000_000
_ALL_STORAGES = ["EVS", "OBSFS", "EFS", "OBS"]


def _image(image_id: str, name: str, tag: str, categories: list[str], **more: object) -> JsonObject:
    image: JsonObject = {
        "id": image_id,
        "name": name,
        "tag": tag,
        "namespace": "atelier",
        "description": "description",
        "swr_path": f"swr.xxx.xxxx.com/atelier/{name}:{tag}",
        "type": "BUILD_IN",
        "status": "ACTIVE",
        "visibility": "PUBLIC",
        "arch": "x86_64",
        "dev_services": ["NOTEBOOK", "SSH"],
        "service_type": "UNKNOWN",
        "size": 3_800_000_000,
        "workspace_id": "0",
        "create_at": _EPOCH,
        "update_at": _EPOCH,
    }
    if categories:
        image["resource_categories"] = categories
    return image | more


def _flavor(flavor_id: str, category: str, vcpus: int, memory_gb: int, **more: object) -> JsonObject:
    flavor: JsonObject = {
        "id": flavor_id,
        "name": f"{category}: {vcpus} vCPUs {memory_gb} GB",
        "description": f"{category} instance",
        "arch": "x86_64",
        "category": category,
        "feature": "NOTEBOOK",
        "free": False,
        "memory": memory_gb * 1024 * 1024,  # KB (API page 12.4)
        "vcpus": vcpus,
        "sold_out": False,
        "storages": _ALL_STORAGES,
        "billing": {"code": flavor_id, "unit_num": 1},
        "grow_support_type": "COMMON",
    }
    return flavor | more


def _v100(cards: float) -> JsonObject:
    return {"gpu": cards, "gpu_memory": "32", "type": "V100"}


def _ascend(cards: int) -> JsonObject:
    return {"npu": cards, "npu_memory": "32", "type": "Snt9", "chip": cards}


_IMAGES = (
    # The seed page shows this one without resource categories, so nothing is held against running it anywhere.
    _image("e1a07296-22a8-4f05-8bc8-e936c8e54090", "notebook2.0-mul-kernel-cpu-cp36", "3.3.2-release_v1", []),
    _image("278e88d1-5b71-4766-8502-b3ba72e824d9", "pytorch1.8-cuda10.2-cudnn7-ubuntu18.04", "v1.0.0", ["CPU", "GPU"]),
    _image(
        "e1a07296-22a8-4f05-8bc8-e936c8e54100", "tensorflow2.1-cuda10.1-cudnn7-ubuntu18.04", "v1.0.0", ["CPU", "GPU"]
    ),
    _image("9d63f4d1-dc09-4873-b669-3483cea777c0", "mindspore1.7.0-ubuntu18.04-default", "v1.0.0", ["CPU"]),
    _image(
        "59a6e9f5-93c0-44dd-85b0-82f390c5d53b",
        "tensorflow1.15-mindspore1.7.0-cann5.1.0-euler2.8-aarch64",
        "v1.0.0",
        ["CPU", "ASCEND"],
        arch="aarch64",
    ),
    _image(
        "e1a07296-22a8-4f05-8bc8-e936c8e54088",
        "mindstudio5.0.rc1-ascend910-cann5.1-euler2.8.3-aarch64",
        "v1.0.0",
        ["ASCEND"],
        arch="aarch64",
        dev_services=["SSH"],
    ),
    _image(
        "e1a07296-22a8-4f05-8bc8-e936c8e54103",
        "modelbox1.3.0-libtorch1.9.1-cuda10.2-ubuntu18.04",
        "v1.0.0",
        ["GPU"],
        dev_services=["AI_FLOW", "SSH"],
    ),
    _image(
        "a1b2c3d4-0000-4000-8000-000000000001",
        "team-pytorch",
        "2.0",
        ["CPU", "GPU"],
        type="DEDICATED",
        namespace="team",
        visibility="PRIVATE",
        origin="CUSTOMIZE",
    ),
    _image(
        "a1b2c3d4-0000-4000-8000-000000000002",
        "team-broken",
        "1.0",
        ["CPU"],
        type="DEDICATED",
        namespace="team",
        visibility="PRIVATE",
        origin="CUSTOMIZE",
        status="ERROR",
        status_message="The image cannot be pulled.",
    ),
)

_FLAVORS = (
    _flavor("modelarts.vm.cpu.free", "CPU", 2, 4, feature="DEFAULT", free=True, storages=["EFS", "EVS"]),
    _flavor("modelarts.vm.cpu.2u", "CPU", 2, 8),
    _flavor("modelarts.vm.cpu.8u", "CPU", 8, 32),
    _flavor("modelarts.vm.cpu.16u", "CPU", 16, 64, storages=["EVS", "EFS"], evs_max_size="500"),
    _flavor("modelarts.bm.gpu.v100NV32", "GPU", 8, 64, gpu=_v100(1)),
    _flavor("modelarts.bm.gpu.4v100NV32.nosdi", "GPU", 32, 128, gpu=_v100(4)),
    _flavor("modelarts.bm.gpu.2v100NV32.share", "GPU", 8, 64, gpu=_v100(0.5)),
    _flavor("modelarts.kat1.xlarge", "ASCEND", 24, 96, arch="aarch64", ascend=_ascend(1)),
    _flavor("modelarts.kat1.8xlarge", "ASCEND", 192, 768, arch="aarch64", ascend=_ascend(8)),
    _flavor("modelarts.bm.snt9.xlarge.2", "ASCEND", 48, 192, arch="aarch64", ascend=_ascend(2), storages=["EFS"]),
    _flavor("modelarts.bm.snt9.xlarge.8", "ASCEND", 192, 768, arch="aarch64", ascend=_ascend(8), storages=["EFS"]),
)

IMAGES: dict[str, JsonObject] = {image["id"]: image for image in _IMAGES}
FLAVORS: dict[str, JsonObject] = {flavor["id"]: flavor for flavor in _FLAVORS}

CUSTOM_FLAVOR = "custom.flavor.spec.code"
"""What `flavor` reads for a notebook with a custom spec (API page 3)."""

WORKSPACES: dict[str, JsonObject] = {
    workspace_id: {
        "id": workspace_id,
        "name": name,
        "description": "",
        "auth_type": "PUBLIC",
        "status": "NORMAL",
        "create_time": _EPOCH,
        "update_time": _EPOCH,
        "enterprise_project_id": "0",
    }
    for workspace_id, name in (
        ("0", "default"),
        ("1b2f0c6d7e8a49f5a3c1d2e4f5061728", "vision"),
        ("7c9e6679f8d14b5ea0c3d4e5f6a7b8c9", "speech"),
    )
}

POOL_PATTERN = re.compile(r"[a-z][a-z0-9-]{2,62}[a-z0-9]")
"""Any pool whose id looks like one exists, except when it begins with `missing-`."""
POOLS = ("pool41664192", "pool-gpu")


def pool_exists(pool_id: str) -> bool:
    return not pool_id.startswith("missing-")


def pool(pool_id: str) -> JsonObject:
    return {"id": pool_id, "name": pool_id}


def runs(image: JsonObject, flavor: JsonObject) -> bool:
    """Whether the image fits the flavor; the page does not say how the service decides (API page 7.3)."""
    categories = image.get("resource_categories", [flavor["category"]])
    return flavor["category"] in categories and image["arch"].lower() == flavor["arch"].lower()


def grown_to_at_most(flavor: JsonObject) -> int:
    """The largest EVS volume in GB; the flavor's own bound is a string (API page 12.4)."""
    return int(flavor.get("evs_max_size", 4096))


def hexadecimal(*words: str) -> str:
    """A stable 32-digit identifier made from words."""
    return hashlib.sha256("/".join(words).encode()).hexdigest()[:32]
