"""The offers of a service in memory: a small catalogue that remembers what it was asked and can refuse to tell."""

from __future__ import annotations

import threading
from typing import Any

from provisioner.errors import ApiError
from provisioner.model.offer import Cluster, Flavor, Image, Quota, Workspace
from tests.builders import IMAGE, OTHER_IMAGE

ALL_STORAGES = ("EVS", "EFS", "OBS", "OBSFS")
FORBIDDEN = ApiError("not authorised", status=403, code="ModelArts.0108", method="GET", path="/v1/p/x")


def flavor(name: str = "modelarts.vm.cpu.2u", **told: Any) -> Flavor:
    given = {"category": "CPU", "arch": "x86_64", "feature": "NOTEBOOK", "vcpus": 2, "storages": list(ALL_STORAGES)}
    return Flavor.model_validate({"id": name} | given | told)


def gpu(name: str, vcpus: int = 8, card: str = "V100", **told: Any) -> Flavor:
    return flavor(name, category="GPU", vcpus=vcpus, gpu={"gpu": 1, "type": card}, **told)


def image(image_id: str = IMAGE, name: str = "pytorch", tag: str = "1.0", **told: Any) -> Image:
    given = {"name": name, "tag": tag, "type": "BUILD_IN", "status": "ACTIVE", "arch": "X86_64"}
    return Image.model_validate({"id": image_id} | given | told)


class FakeOffers:
    """What a test does not set is a few flavors and two images, and room for ten instances.

    unlisted  objects that are found by their id alone
    refused   methods that the account may not call
    """

    def __init__(self) -> None:
        self.shared = [flavor(), flavor("modelarts.vm.cpu.8u", vcpus=8), gpu("gpu.v100")]
        self.dedicated = list(self.shared)
        self.switchable = list(self.shared)
        self.all_images = [image(), image(OTHER_IMAGE, "tensorflow")]
        self.all_pools = [Cluster(pool_id="pool41664192", status="ACTIVE"), Cluster(pool_id="pool-gpu")]
        self.all_workspaces = [Workspace(id="0"), Workspace(id="1" * 32, name="vision", status="NORMAL")]
        self.room = Quota(quota=10, used=0)
        self.unlisted: dict[str, Any] = {}
        self.refused: set[str] = set()
        self.log: list[str] = []
        self._lock = threading.Lock()

    def flavors(self, pool_type: str) -> tuple[Flavor, ...]:
        self._note("flavors", pool_type)
        return tuple(self.shared if pool_type == "MANAGED" else self.dedicated)

    def switchable_flavors(self, notebook_id: str) -> tuple[Flavor, ...]:
        self._note("switchable_flavors", notebook_id)
        return tuple(self.switchable)

    def images(self, image_type: str, workspace_id: str) -> tuple[Image, ...]:
        self._note("images", image_type, workspace_id)
        return tuple(each for each in self.all_images if each.type == image_type)

    def image(self, image_id: str) -> Image | None:
        self._note("image", image_id)
        return self.unlisted.get(image_id)

    def pools(self, workspace_id: str) -> tuple[Cluster, ...]:
        self._note("pools", workspace_id)
        return tuple(self.all_pools)

    def pool(self, pool_id: str) -> Cluster | None:
        self._note("pool", pool_id)
        return self.unlisted.get(pool_id)

    def workspaces(self) -> tuple[Workspace, ...]:
        self._note("workspaces")
        return tuple(self.all_workspaces)

    def quota(self) -> Quota:
        self._note("quota")
        return self.room

    def _note(self, *words: str) -> None:
        with self._lock:
            self.log.append(" ".join(words))
        if words[0] in self.refused:
            raise FORBIDDEN
