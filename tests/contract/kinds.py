"""Live notebooks of every kind, as several people made them in the console and with other tools: what no spec of ours
declares yet.
"""

from __future__ import annotations

from typing import Any

from provisioner.provider.modelarts import ModelArtsNotebooks
from tests.contract.lab import OTHER_IMAGE, SMALL
from tests.contract.project import eventually
from tests.contract.sandbox import Sandbox

Fields = dict[str, Any]

VISION = "1b2f0c6d7e8a49f5a3c1d2e4f5061728"
SHARE_ID = "0aa1b2c3-0000-4000-8000-00000000000a"
POOL: Fields = {"pool_id": "pool41664192"}
SSH = {"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": ["203.0.113.7"]}
MOUNT = {"category": "OBSFS", "uri": "obs://bucket/dir/", "mount_path": "/data/a/"}
EFS_MOUNT = {"category": "EFS", "uri": "share.sfsturbo.internal:/a", "mount_path": "/data/b/", "efs_id": SHARE_ID}
TERM = {"key": "zone", "operator": "In", "values": ["a"]}

# What is asked for of each, by name; `tags`, `storages` and a stop come afterwards, as the API wants it.
KINDS: dict[str, Fields] = {
    "plain": {},
    "described": {"description": "50% of ${what} we need: a start # yes"},
    "large": {"flavor": "modelarts.vm.cpu.8u", "image_id": OTHER_IMAGE},
    "elsewhere": {"workspace_id": VISION},
    "pooled": POOL,
    "custom": POOL | {"flavor": None, "custom_spec": {"cpu": 2.5, "memory": 4096, "arch": "X86_64", "category": "CPU"}},
    "affine": POOL
    | {
        "affinity": {
            "required_during_scheduling_ignored_during_execution": [TERM],
            "preferred_during_scheduling_ignored_during_execution": [TERM | {"weight": 10}],
        }
    },
    "shared": {"volume": {"category": "EFS", "ownership": "MANAGED"}},
    "turbo": POOL | {"volume": {"category": "EFS", "ownership": "DEDICATED", "uri": "192.168.0.1:/a/", "id": SHARE_ID}},
    "bucket": {"volume": {"category": "OBS", "ownership": "DEDICATED", "uri": "obs://b/a/", "dew_secret_name": "one"}},
    "parallel": {"volume": {"category": "OBSFS", "ownership": "DEDICATED", "uri": "obs://b/a/", "read_only": True}},
    "extra": {
        "data_volumes": [
            {"category": "OBSFS", "ownership": "DEDICATED", "uri": "obs://bucket/x/", "mount_path": "/data/x/"}
        ]
    },
    "reachable": {"endpoints": [SSH]},
    "open": {"endpoints": [{"service": "SSH", "key_pair_names": ["bob", "alice"]}]},
    "mounted": {"storages": [MOUNT]},
    "mounted-twice": POOL | {"storages": [EFS_MOUNT, MOUNT]},
    "timed": {"lease": {"type": "TIMING", "duration": 8 * 3_600_000}},
    "idle": {"lease": {"type": "IDLE", "duration": 900_000}},
    "never": {"lease": "never"},
    "tagged": {"tags": {"team": "vision", "cost": "1.10", "a b": "", "yes": "no", "größe": "x/y"}},
    "hooked": {"hooks": {"container_hooks": {"pre_start": {"script": "/opt/a.sh"}}}},
    "run-by": {"run_user": {"uid": 1000, "gid": 100}},
    "networked": {
        "user_vpc": {"vpc_id": "v", "subnet_id": "s", "security_group_ids": ["b", "a"], "connect_cidrs": ["10.0.0.0/8"]}
    },
    "stopped": {"stopped": True, "tags": {"team": "vision"}},
    "stopped-mounted": {"stopped": True, "storages": [MOUNT]},
    "everything": POOL
    | {
        "description": "all of it",
        "workspace_id": "0",
        "flavor": "modelarts.vm.cpu.8u",
        "endpoints": [SSH],
        "storages": [MOUNT],
        "lease": {"type": "TIMING", "duration": 72 * 3_600_000},
        "tags": {"team": "vision"},
        "run_user": {"uid": 1000, "gid": 100},
    },
    "Twin": {},
    "twin": {"tags": {"of": "another"}},
    "123": {},
    "_-_": {},
}
_AFTERWARDS = {"tags", "storages", "stopped"}


def make(provider: ModelArtsNotebooks, name: str, **asked: Any) -> str:
    """One live notebook, RUNNING; its id."""
    values = {**SMALL, "name": name, **asked}
    sent = {field: value for field, value in values.items() if value is not None and field not in _AFTERWARDS}
    identifier = provider.create(sent).id
    workspace = str(values.get("workspace_id", "0"))
    eventually(lambda: _status(provider, identifier, workspace) == "RUNNING")
    if tags := asked.get("tags"):
        provider.tag(identifier, workspace, tags)
    for storage in asked.get("storages", ()):
        provider.attach(identifier, storage)
    if asked.get("stopped"):
        provider.stop(identifier)
        eventually(lambda: _status(provider, identifier, workspace) == "STOPPED")
    return identifier


def make_all(provider: ModelArtsNotebooks) -> dict[str, str]:
    """One notebook of every kind; ids by name, the oldest first."""
    return {name: make(provider, name, **asked) for name, asked in KINDS.items()}


def spoil(sandbox: Sandbox, provider: ModelArtsNotebooks) -> dict[str, str]:
    """Notebooks with what the service allows and no spec says, and such as are not well; ids by what is odd."""
    ids = {odd: make(provider, f"odd-{odd}") for odd in ("name", "text", "tag", "lease", "frozen", "broken", "failed")}
    sandbox.drift(ids["name"], name="研究")
    sandbox.drift(ids["text"], description="see a/b & c")
    sandbox.drift(ids["tag"], tags=[{"key": "token", "value": "x"}, {"key": "team", "value": "a"}])
    sandbox.drift(ids["lease"], lease=_short_lease(sandbox, ids["lease"]))
    sandbox.happen(ids["frozen"], "freeze")
    sandbox.drift(ids["broken"], status="ERROR", fail_reason="the node is gone")
    sandbox.drift(ids["failed"], status="CREATE_FAILED")
    return ids


def _short_lease(sandbox: Sandbox, identifier: str) -> Fields:
    lease: Fields = next(each["lease"] for each in sandbox.notebooks() if each["id"] == identifier)
    return lease | {"create_at": lease["update_at"], "duration": 20 * 60_000, "type": "TIMING"}


def _status(provider: ModelArtsNotebooks, identifier: str, workspace: str) -> str:
    found = provider.read(identifier, workspace)
    return found.status if found else ""
