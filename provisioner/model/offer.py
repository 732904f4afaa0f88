"""What the service offers: images, flavors, pools, workspaces and room for instances (API page, sections 12 and 14).

Parsed from answers, tolerant like `answer`: enumerations are open, and what an answer does not tell is empty, which
says nothing. What is decided on these is in `lookups`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator

from provisioner.model.answer import Answer, Moment, Upper

SHARED_POOL = "MANAGED"
DEDICATED_POOL = "DEDICATED"
CUSTOM_FLAVOR = "custom.flavor.spec.code"
"""What `flavor` reads for a notebook with a custom spec (API page 3)."""


def _uppers(value: object) -> object:
    return [item.upper() if isinstance(item, str) else item for item in value] if isinstance(value, list) else value


Uppers = Annotated[tuple[str, ...], BeforeValidator(_uppers)]


class Accelerator(Answer):
    """The cards of a flavor."""

    type: str = ""


class Flavor(Answer):
    """A flavor (API page 12.4). `sold_out` true means that it is not to be had (API page 21, trap 20)."""

    id: str = ""
    category: Upper = ""
    arch: Upper = ""
    feature: Upper = ""
    sold_out: bool = False
    vcpus: float = 0
    storages: Uppers = ()
    evs_max_size: str = ""
    gpu: Accelerator = Accelerator()
    ascend: Accelerator = Accelerator()

    @property
    def card(self) -> str:
        """The type of its GPU or NPU, "" without one."""
        return self.gpu.type or self.ascend.type

    @property
    def largest_disk(self) -> int | None:
        """The largest EVS volume in GB. The answer spells the number as text (API page 12.4)."""
        return int(self.evs_max_size) if self.evs_max_size.isdecimal() else None


class Image(Answer):
    """An image (API page 12.1). What it runs on may be told under either of two names."""

    id: str = ""
    name: str = ""
    tag: str = ""
    type: Upper = ""
    status: Upper = ""
    arch: Upper = ""
    dev_services: Uppers = ()
    resource_categories: Uppers = ()
    support_res_categories: Uppers = ()
    create_at: Moment = None

    @property
    def usable(self) -> bool:
        return self.status in {"ACTIVE", ""}

    @property
    def categories(self) -> frozenset[str]:
        """The kinds of flavor it runs on; none: the answer does not tell."""
        return frozenset({*self.resource_categories, *self.support_res_categories})

    @property
    def ssh_only(self) -> bool:
        return set(self.dev_services) == {"SSH"}

    def __str__(self) -> str:
        """One line that tells it from others of its name."""
        told = [self.id, f"{self.name}:{self.tag}" if self.tag else self.name, self.type]
        if self.create_at is not None:
            told.append(f"created {datetime.fromtimestamp(self.create_at / 1000, UTC):%Y-%m-%d}")
        if not self.usable:
            told.append(self.status)
        return "  ".join(part for part in told if part)


class Cluster(Answer):
    """A dedicated pool that notebooks may use, and the flavors in it (API page 14)."""

    pool_id: str = ""
    status: Upper = ""
    flavors: tuple[Flavor, ...] = ()


class Workspace(Answer):
    """A workspace (API page 14)."""

    id: str = ""
    name: str = ""
    status: Upper = ""


class Quota(Answer):
    """How many instances there may be and are. Nothing told, or a negative quota: no limit is known."""

    quota: int | None = None
    used: int = 0

    @property
    def free(self) -> int | None:
        """Room for so many more, None without a limit."""
        return None if self.quota is None or self.quota < 0 else max(self.quota - self.used, 0)
