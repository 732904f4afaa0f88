"""Plans of every action and every reason, by the name of their golden files. Views, documents and events are tested on
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provisioner.plan import Action, Mode, Options, Plan, Reason
from provisioner.state.document import Deposed
from tests.builders import HOUR_MS, LINEAGE, NOW_MS, OTHER_IMAGE, instance, instance_id, parsed, planned, step

POOL = "pool41664192"
EFS: dict[str, Any] = {
    "category": "EFS",
    "ownership": "DEDICATED",
    "uri": "share.sfsturbo.internal:/lab",
    "id": "278e88d1-5b71-4766-8502-b3ba72e824d9",
}
EXPIRED_LEASE = {
    "enable": True,
    "type": "TIMING",
    "duration": HOUR_MS,
    "create_at": NOW_MS - 4 * HOUR_MS,
    "update_at": NOW_MS - 4 * HOUR_MS,
}
SSH = {"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": ["203.0.113.7"]}
SETS = {"category": "OBSFS", "uri": "obs://bucket/sets/", "mount_path": "/data/sets/"}
MODELS = {"category": "OBSFS", "uri": "obs://bucket/models/", "mount_path": "/data/models/"}
CREATE_FIRST = {"create_before_destroy": True}
DEPOSED = Deposed(id=instance_id(9))

EVERY_FIELD: dict[str, Any] = {
    "name": "alice_research",
    "description": "two words, ünïcode",
    "feature": "NOTEBOOK",
    "flavor": None,
    "custom_spec": {"cpu": 2.5, "memory": 4096, "arch": "X86_64"},
    "pool_id": POOL,
    "workspace_id": "0",
    "volume": EFS,
    "data_volumes": [
        {"category": "EVS", "ownership": "MANAGED", "capacity": 100, "mount_path": "/data", "read_only": True}
    ],
    "endpoints": [SSH],
    "storages": [SETS],
    "lease": {"duration": "90m", "type": "IDLE"},
    "desired_status": "RUNNING",
    "tags": {"owner": "alice", "cost center": "42"},
    "hooks": {"container_hooks": {"post_start": {"script": "/home/ma-user/start.sh", "mode": "ASYNC"}}},
    "affinity": {"required_during_scheduling_ignored_during_execution": [{"key": "zone", "operator": "Exists"}]},
    "run_user": {"uid": 1000, "gid": 100},
    "user_vpc": {"vpc_id": "v", "subnet_id": "s", "security_group_ids": ["g"]},
    "public_network_config": {"public_network_type": "SHARED"},
}

SCENARIOS: dict[str, Callable[[], Plan]] = {
    "create": lambda: planned(after={"alice": {}}),
    "create_every_field": lambda: planned(after={"alice": EVERY_FIELD}),
    "create_each": lambda: planned(after={'gpu["bob"]': {}, 'gpu["carol"]': {"name": "carol"}}),
    "create_gone": lambda: planned({"alice": {}}, {"alice": {}}, {"alice": None}),
    "create_while_deleting": lambda: planned({"alice": {}}, {"alice": {}}, {"alice": {"status": "DELETING"}}),
    "update_in_place": lambda: planned(
        {"alice": {"description": "old", "tags": {"team": "vision", "owner": "alice", "old": "1"}}},
        {"alice": {"description": "new", "tags": {"team": "audio", "owner": "alice", "new": "1"}}},
    ),
    "update_restart": lambda: planned(
        {"alice": {}}, {"alice": {"flavor": "modelarts.vm.cpu.8u", "image_id": OTHER_IMAGE, "tags": {"team": "vision"}}}
    ),
    "update_outside": lambda: planned(
        {"alice": {"description": "team a"}}, {"alice": {"description": "team a"}}, {"alice": {"description": "by QA"}}
    ),
    "update_grow": lambda: planned(
        {"alice": {}}, {"alice": {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 80}}}
    ),
    "update_lists": lambda: planned(
        {"alice": {"endpoints": [SSH | {"key_pair_names": ["a", "b"]}], "storages": [SETS]}},
        {"alice": {"endpoints": [SSH | {"key_pair_names": ["b", "c"]}], "storages": [MODELS]}},
    ),
    "update_lease": lambda: planned({"alice": {"lease": {"duration": "8h"}}}, {"alice": {"lease": "never"}}),
    "update_stop": lambda: planned({"alice": {}}, {"alice": {"desired_status": "STOPPED"}}),
    "update_waits": lambda: planned(
        {"alice": {}}, {"alice": {"description": "new"}}, {"alice": {"status": "SNAPSHOTTING"}}
    ),
    "replace_shrunk_volume": lambda: planned(
        {"alice": {}}, {"alice": {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}}
    ),
    "replace_grown_share": lambda: planned(
        {"alice": {"volume": {"category": "EFS", "ownership": "MANAGED", "capacity": 50}}},
        {"alice": {"volume": {"category": "EFS", "ownership": "MANAGED", "capacity": 60}}},
    ),
    "replace_keeps_share": lambda: planned(
        {"alice": {"pool_id": POOL, "volume": EFS}}, {"alice": {"pool_id": "another-pool", "volume": EFS}}
    ),
    "replace_requested": lambda: planned(
        {"alice": {}}, {"alice": {}}, options=Options(replacements=frozenset({parsed("alice")}))
    ),
    "replace_create_failed": lambda: planned({"alice": {}}, {"alice": {}}, {"alice": {"status": "CREATE_FAILED"}}),
    "delete": lambda: planned({"alice": {"tags": {"team": "vision"}}}),
    "delete_share_stays": lambda: planned({"alice": {"pool_id": POOL, "volume": EFS}}),
    "delete_what_is_gone": lambda: planned({"alice": {}}, live={"alice": None}),
    "destroy": lambda: planned({"alice": {}}, {"alice": {}}, options=Options(Mode.DESTROY)),
    "destroy_nothing": lambda: planned(after={"alice": {}}, options=Options(Mode.DESTROY)),
    "no_changes": lambda: planned({"alice": {}, "bob": {}}, {"alice": {}, "bob": {}}),
    "no_notebooks": planned,
    "blocked": lambda: planned({"alice": {}, "bob": {}}, {"alice": {}, "bob": {}}, {"bob": {"status": "FROZEN"}}),
    "stopped_by_lease": lambda: planned(
        {"alice": {}}, {"alice": {}}, {"alice": {"status": "STOPPED", "lease": EXPIRED_LEASE}}
    ),
    "import": lambda: planned(after={"alice": {"tags": {"team": "vision"}}}, imports=["alice"]),
    "import_changed": lambda: planned(
        after={"alice": {"description": "new"}}, live={"alice": {"description": "old"}}, imports=["alice"]
    ),
    "move": lambda: planned({"old": {}}, {"alice": {"name": "old"}}, moved={"old": "alice"}),
    "move_changed": lambda: planned({"old": {}}, {"alice": {}}, moved={"old": "alice"}),
    "forget": lambda: planned({"alice": {}, "bob": {}}, {"bob": {}}, forgotten=["alice"]),
    "protect": lambda: planned({"alice": {}}, {"alice": {"lifecycle": {"prevent_destroy": True}}}),
    "replace_triggered": lambda: planned(
        {"alice": {}}, {"alice": {"image_id": OTHER_IMAGE, "lifecycle": {"replace_triggered_by": ["image_id"]}}}
    ),
    "replace_create_first": lambda: planned(
        {"alice": {}}, {"alice": {"feature": None, "workspace_id": "0" * 32, "lifecycle": CREATE_FIRST}}
    ),
    "update_deposed": lambda: planned(
        {"alice": {}},
        {"alice": {}},
        records={"alice": {"deposed": (DEPOSED,)}},
        deposed={DEPOSED.id: instance(number=9)},
    ),
    "update_sensitive": lambda: planned(
        {"alice": {"description": "old"}}, {"alice": {"description": "hunter2"}}, secrets=["hunter2", "old"]
    ),
    "create_sensitive": lambda: planned(after={"alice": {"tags": {"a": "hunter2"}}}, secrets=["hunter2"]),
    "stopped_by_hand": lambda: planned(
        {"alice": {}},
        {"alice": {}},
        {"alice": {"status": "STOPPED"}},
        records={"alice": {"by_hand": {"desired_status": "STOPPED"}, "status": "STOPPED"}},
    ),
    "by_hand": lambda: Plan("lab", LINEAGE, 7, Mode.NORMAL, (step(Action.UPDATE, reason=Reason.BY_HAND),)),
    "refresh_only_nothing": lambda: planned({"alice": {}}, {"alice": {}}, options=Options(Mode.REFRESH_ONLY)),
    "refresh_only": lambda: planned(
        {"alice": {"tags": {"team": "vision"}}, "bob": {}, "carol": {}},
        live={
            "alice": {
                "tags": [{"key": "team", "value": "audio"}, {"key": "new", "value": "1"}],
                "description": "by QA",
            },
            "bob": {"status": "STOPPED", "lease": EXPIRED_LEASE | {"duration": 3 * HOUR_MS}},
            "carol": None,
        },
        options=Options(Mode.REFRESH_ONLY),
    ),
    "everything": lambda: planned(
        {"alice": {}, "bob": {}, "dave": {}},
        {
            "alice": {"flavor": "modelarts.vm.cpu.8u"},
            "bob": {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}},
            "carol": {},
            "erin": {},
        },
    ),
}
