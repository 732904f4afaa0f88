"""A project that uses every feature of the language at once, and random edits of it.

Values only: what is written into the files of the project. `campaign` applies it and judges.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.lab import IMAGE, OTHER_IMAGE

Fields = dict[str, Any]

UUIDS = [f"0aa1b2c3-0000-4000-8000-00000000000{digit}" for digit in "abc"]
VISION = "1b2f0c6d7e8a49f5a3c1d2e4f5061728"
POOLS = ["pool41664192", "pool-gpu"]
FLAVORS = ["modelarts.vm.cpu.2u", "modelarts.vm.cpu.8u"]
HOOK = {"script": "/opt/a.sh", "type": "SCRIPT", "mode": "ASYNC"}
TERM = {"key": "zone", "operator": "In", "values": ["a"]}


@dataclass(slots=True)
class Declared:
    """What the files of the project say.

    forgotten  what a notebook declared that lives on and is in no record, by the key that it had
    """

    notebooks: dict[str, Fields]
    each: dict[str, Fields]
    owner: str = "alice"
    moved: list[Fields] = field(default_factory=list)
    removed: list[Fields] = field(default_factory=list)
    imports: list[Fields] = field(default_factory=list)
    patch: dict[str, list[Fields]] = field(default_factory=dict)
    forgotten: dict[str, Fields] = field(default_factory=dict)

    def spec(self) -> Fields:
        """The one spec file."""
        return {
            "version": 1,
            "variables": {
                "owner": {"type": "string", "default": self.owner},
                "image": {"type": "string", "default": IMAGE},
                "sizes": {"type": "map", "default": {"small": 50, "large": 100}},
                "secret": {"type": "string", "default": "canary-7f3a91", "sensitive": True},
            },
            "defaults": {
                "flavor": FLAVORS[0],
                "image_id": "${var.image}",
                "volume": {"category": "EVS", "ownership": "MANAGED"},
                "tags": {"owner": "${var.owner}"},
            },
            "notebooks": self.notebooks | self.each,
            **({"moved": self.moved} if self.moved else {}),
            **({"removed": self.removed} if self.removed else {}),
            **({"imports": self.imports} if self.imports else {}),
        }

    def settings(self) -> Fields:
        """`provisioner.yaml`."""
        return {
            "version": 1,
            "default_tags": {"managed-by": "provisioner"},
            "ignore_tags": ["cost-centre"],
            "policy": {"max_changes": 60, "max_destroys": 50},
            "environments": {"prod": {"patches": ["specs/lab/prod.patch.yaml"], "variables": {"owner": self.owner}}},
        }


def first() -> Declared:
    """Forty notebooks that use every feature."""
    notebooks: dict[str, Fields] = {}
    for number in range(14):
        notebooks[f"plain-{number}"] = {"volume": {"capacity": "${var.sizes.small}"}, **PLAIN[number % len(PLAIN)]}
    for number in range(12):
        base = {"pool_id": POOLS[number % 2], "volume": {"capacity": 50}}
        notebooks[f"pooled-{number}"] = base | copy.deepcopy(POOLED[number % len(POOLED)])
    notebooks["bucket"] = {
        "volume": {"category": "OBS", "ownership": "DEDICATED", "uri": "obs://bucket/a/", "dew_secret_name": "one"}
    }
    notebooks["shared"] = {"volume": {"category": "EFS"}}
    notebooks["share"] = {
        "pool_id": POOLS[0],
        "volume": {"category": "EFS", "ownership": "DEDICATED", "uri": "192.168.0.1:/a/", "id": UUIDS[0]},
    }
    notebooks["elsewhere"] = {"workspace_id": VISION, "volume": {"capacity": 50}}
    people = {f"person-{number}": {"capacity": 50 + 10 * number} for number in range(6)}
    each = {
        "people": {
            "for_each": people,
            "name": "p_${each.key}",
            "volume": {"capacity": "${each.value.capacity}"},
            "lifecycle": {"ignore_changes": ["description"]},
        },
        "listed": {"for_each": ["a", "b", "c", "d"], "volume": {"capacity": 50}, "tags": {"each": "${each.key}"}},
    }
    patch = {"plain-0": [{"op": "add", "path": "/tags/env", "value": "prod"}]}
    return Declared(notebooks, each, patch=patch)


PLAIN: tuple[Fields, ...] = (
    {"description": "exploration", "lease": {"duration": "8h"}},
    {"image_id": OTHER_IMAGE, "lease": "never"},
    {"image": {"name": "pytorch1.8-cuda10.2-cudnn7-ubuntu18.04"}, "desired_status": "STOPPED"},
    {"endpoints": [{"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": ["203.0.113.7"]}]},
    {"storages": [{"category": "OBSFS", "uri": "obs://bucket/dir/", "mount_path": "/data/a/"}]},
    {"hooks": {"container_hooks": {"post_start": HOOK}}, "lifecycle": {"prevent_destroy": True}},
    {"public_network_config": {"public_network_type": "SHARED"}, "duration": 7_200_000},
    {"description": "knows ${var.secret}", "lifecycle": {"replace_triggered_by": ["image_id"]}},
    {"desired_status": "UNMANAGED", "lifecycle": {"create_before_destroy": True, "allow_data_loss": True}},
)
POOLED: tuple[Fields, ...] = (
    {"affinity": {"required_during_scheduling_ignored_during_execution": [TERM]}},
    {"run_user": {"uid": 1000, "gid": 100}},
    {"user_vpc": {"vpc_id": "vpc-a", "subnet_id": "subnet-a", "security_group_ids": ["sg-a", "sg-b"]}},
    {"storages": [{"category": "EFS", "uri": "x.sfsturbo.internal:/", "mount_path": "/data/a/", "efs_id": UUIDS[0]}]},
    {
        "data_volumes": [
            {"category": "OBSFS", "ownership": "DEDICATED", "uri": "obs://bucket/", "mount_path": "/data/x/"}
        ]
    },
    {"lease": {"duration": "15m", "type": "IDLE"}},
)

Values = Callable[[random.Random], Any]


def of(*values: Any) -> Values:
    return lambda chance: copy.deepcopy(chance.choice(values))


def word(prefix: str) -> Values:
    return lambda chance: f"{prefix}{chance.randrange(10_000)}"


# A value of None takes the field out of the spec: it is left to the service.
ANYWHERE: dict[str, Values] = {
    "name": word("n-"),
    "description": lambda chance: chance.choice([None, "", f"text {chance.randrange(1000)}", "the ${var.owner} one"]),
    "desired_status": of(None, "RUNNING", "STOPPED", "UNMANAGED"),
    "lease": lambda chance: chance.choice(
        [None, "never", {"duration": f"{chance.randint(1, 72)}h"}, {"duration": "20m", "type": "IDLE"}]
    ),
    "flavor": of(*FLAVORS),
    "image_id": of(None, IMAGE, OTHER_IMAGE),
    "tags.owner": word("o"),
    "tags.team": lambda chance: chance.choice([None, f"t{chance.randrange(9)}"]),
    "endpoints": of(
        None,
        [],
        [{"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": ["203.0.113.7"]}],
        [{"service": "SSH", "key_pair_names": ["alice", "bob"], "allowed_access_ips": ["203.0.113.0/24"]}],
        [{"service": "NOTEBOOK"}],
    ),
    "storages": lambda chance: [
        {"category": chance.choice(["OBS", "OBSFS"]), "uri": f"obs://bucket/{chance.randrange(3)}/", "mount_path": path}
        for path in ("/data/a/", "/data/b/", "/data/c/")
        if chance.random() < 0.5
    ],
    "hooks": of(None, {"container_hooks": {"post_start": HOOK}}, {"container_hooks": {"pre_start": HOOK}}),
    "public_network_config": of(None, {"public_network_type": "SHARED"}, {"public_network_type": "FORBIDDEN"}),
    "data_volumes": of(
        None,
        [],
        [{"category": "OBSFS", "ownership": "DEDICATED", "uri": "obs://bucket/d/", "mount_path": "/data/x/"}],
    ),
    "lifecycle": lambda chance: {
        **({"prevent_destroy": chance.random() < 0.2} if chance.random() < 0.5 else {}),
        **({"ignore_changes": [chance.choice(["description", "tags.team", "lease"])]} if chance.random() < 0.4 else {}),
        "create_before_destroy": chance.random() < 0.5,
        **({"replace_triggered_by": ["flavor"]} if chance.random() < 0.2 else {}),
        "allow_data_loss": chance.random() < 0.3,
    },
    "timeouts": of(None, {"create": "20m"}, {"update": "10m", "delete": "10m"}),
    "workspace_id": of(None, "0", VISION),
}
# Fields of notebooks with a disk of their own, and of those in a dedicated pool.
DISK: dict[str, Values] = {"volume.capacity": lambda chance: chance.choice([50, 60, 80, 120, 200, 430])}
POOL: dict[str, Values] = {
    "pool_id": of(*POOLS),
    "affinity": of(None, {"preferred_during_scheduling_ignored_during_execution": [TERM | {"weight": 10}]}),
    "run_user": of(None, {"uid": 1000, "gid": 100}, {"uid": 1001, "gid": 100}),
    "custom_spec": of({"cpu": 2.0, "memory": 4096, "arch": "X86_64", "category": "CPU"}),
}
RIVALS = {"lease": "duration", "image_id": "image", "custom_spec": "flavor", "flavor": "custom_spec"}


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit under way: of `declared`, at a notebook of it that was chosen. `ids` are those of what was forgotten."""

    declared: Declared
    key: str
    ids: Mapping[str, str]
    chance: random.Random

    @property
    def fields(self) -> Fields:
        return self.declared.notebooks[self.key]

    def add(self) -> None:
        self.declared.notebooks[self._fresh()] = self.chance.choice(copy.deepcopy(PLAIN)) | {"volume": {"capacity": 50}}

    def remove(self) -> None:
        if len(self.declared.notebooks) <= 25 or self._is_touched():
            return
        fields = self.declared.notebooks.pop(self.key)
        self.declared.patch.pop(self.key, None)
        match self.chance.choice(["silent", "destroy", "forget"]):
            case "destroy":
                self.declared.removed.append({"from": self.key, "destroy": True})
            case "forget":
                self.declared.removed.append({"from": self.key, "destroy": False})
                self.declared.forgotten[self.key] = fields
            case _:
                pass

    def take_back(self) -> None:
        """Import what was forgotten, under another key."""
        for known in sorted(self.declared.forgotten.keys() & self.ids.keys())[:1]:
            key = self._fresh()
            self.declared.notebooks[key] = {"name": known} | self.declared.forgotten.pop(known)
            self.declared.imports.append({"to": key, "id": self.ids[known]})

    def move(self) -> None:
        if self._is_touched():
            return
        key, patch = self._fresh(), self.declared.patch
        self.declared.notebooks[key] = {"name": self.key} | self.declared.notebooks.pop(self.key)
        self.declared.patch = {key if at == self.key else at: operations for at, operations in patch.items()}
        self.declared.moved.append({"from": self.key, "to": key})

    def change_people(self) -> None:
        """More or fewer instances under for_each."""
        people = self.declared.each["people"]["for_each"]
        if len(people) > 3 and self.chance.random() < 0.5:
            people.pop(self.chance.choice(sorted(people)))
        else:
            people[f"person-{self.chance.randrange(100, 200)}"] = {"capacity": 50}

    def forget_person(self) -> None:
        """One instance under for_each lives on without a record."""
        people = self.declared.each["people"]["for_each"]
        person = self.chance.choice(sorted(people))
        address = f'people["{person}"]'
        if len(people) > 3 and not self._is_named(address):
            fields = {"name": f"p_{person}", "volume": {"capacity": people.pop(person)["capacity"]}}
            self.declared.removed.append({"from": address, "destroy": False})
            self.declared.forgotten[address] = fields

    def move_among_people(self) -> None:
        """A notebook moves into the for_each, where other things are declared of it."""
        people, person = self.declared.each["people"]["for_each"], f"person-{self.chance.randrange(200, 300)}"
        if self._is_touched() or person in people or len(self.declared.notebooks) <= 25:
            return
        self.declared.notebooks.pop(self.key)
        self.declared.patch.pop(self.key, None)
        people[person] = {"capacity": 200}
        self.declared.moved.append({"from": self.key, "to": f'people["{person}"]'})

    def resize_person(self) -> None:
        person = self.chance.choice(list(self.declared.each["people"]["for_each"].values()))
        person["capacity"] += self.chance.choice([10, 20, -10]) if person["capacity"] > 60 else 10

    def change_variable(self) -> None:
        self.declared.owner = f"owner-{self.chance.randrange(1000)}"

    def patch(self) -> None:
        value = f"prod-{self.chance.randrange(100)}"
        self.declared.patch[self.key] = [{"op": "add", "path": "/tags/env", "value": value}]

    def change_lifecycle(self) -> None:
        self.fields["lifecycle"] = ANYWHERE["lifecycle"](self.chance)

    def change_pool(self) -> None:
        if "pool_id" in self.fields:
            self.fields["pool_id"] = self.chance.choice(POOLS)

    def change_field(self) -> None:
        fields, possible = self.fields, dict(ANYWHERE)
        if fields.get("volume", {}).get("category", "EVS") == "EVS":
            possible |= DISK
        if "pool_id" in fields:
            possible |= POOL
        path = self.chance.choice(sorted(possible))
        value = possible[path](self.chance)
        top, _, rest = path.partition(".")
        fields.pop(RIVALS.get(top, ""), None)
        at = fields.setdefault(top, {}) if rest else fields
        at.pop(rest or top, None)
        if value is not None:
            at[rest or top] = value

    def _is_touched(self) -> bool:
        """Whether a move or an import of this edit is about the notebook."""
        return self._is_named(self.key)

    def _is_named(self, address: str) -> bool:
        moved, others = self.declared.moved, self.declared.imports + self.declared.removed
        return address in {each.get(end) for each in [*moved, *others] for end in ("from", "to")}

    def _fresh(self) -> str:
        taken = {*self.declared.notebooks, *(each["from"] for each in self.declared.moved + self.declared.removed)}
        keys = (f"new-{self.chance.randrange(100_000)}" for _ in iter(int, 1))
        return next(key for key in keys if key not in taken)


EDITS: dict[Callable[[Edit], None], int] = {
    Edit.add: 1,
    Edit.remove: 2,
    Edit.take_back: 2,
    Edit.move: 1,
    Edit.move_among_people: 1,
    Edit.forget_person: 1,
    Edit.change_people: 1,
    Edit.resize_person: 1,
    Edit.change_variable: 1,
    Edit.patch: 1,
    Edit.change_lifecycle: 3,
    Edit.change_pool: 2,
    Edit.change_field: 15,
}


def edited(before: Declared, chance: random.Random, ids: Mapping[str, str]) -> Declared:
    """`before` after a person has been at it. `ids` are those of what was forgotten, by the key that it had."""
    after = copy.deepcopy(before)
    after.moved, after.removed, after.imports = [], [], []
    for change in chance.choices(list(EDITS), list(EDITS.values()), k=chance.randint(1, 6)):
        change(Edit(after, chance.choice(sorted(after.notebooks)), ids, chance))
    return after
