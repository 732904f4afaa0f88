"""Every field that a spec can declare, there and back: apply, the plan is empty; change it, the plan shows one step
with the right operations; apply, the plan is empty, and the service was sent exactly those calls.

All rows of the table live in one stack and are applied at once, each as a notebook that runs, one that stands still and
one whose power is left alone.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from provisioner.plan import Action, Plan
from provisioner.provider.modelarts import ModelArtsNotebooks
from provisioner.provider.offers import ModelArtsOffers
from tests.contract.lab import IMAGE, OTHER_IMAGE, SMALL, Lab, operations, step
from tests.contract.sandbox import Sandbox
from tests.fields import COMPUTED, CREATE, REFUSED, REPLACE, RESTART, RUNNING, matrix

Fields = dict[str, Any]

UUID_A = "0aa1b2c3-0000-4000-8000-00000000000a"
UUID_B = "0aa1b2c3-0000-4000-8000-00000000000b"
VISION = "1b2f0c6d7e8a49f5a3c1d2e4f5061728"
HOUR = 3_600_000

POOL: Fields = {"pool_id": "pool41664192"}
EFS = {"category": "EFS", "ownership": "MANAGED"}
SHARE = {"category": "EFS", "ownership": "DEDICATED", "uri": "192.168.0.1:/a/", "id": UUID_A}
BUCKET = {"category": "OBS", "ownership": "DEDICATED", "uri": "obs://bucket/a/", "dew_secret_name": "one"}
EXTRA = {**BUCKET, "category": "OBSFS", "mount_path": "/data/extra/"}
SSH = {"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": ["203.0.113.7"]}
MOUNT = {"category": "OBSFS", "uri": "obs://bucket/dir/", "mount_path": "/data/a/"}
EFS_MOUNT = {"category": "EFS", "uri": "share.sfsturbo.internal:/a", "mount_path": "/data/a/", "efs_id": UUID_A}
TERM = {"key": "zone", "operator": "In", "values": ["a"]}
HOOK = {"script": "/opt/a.sh", "type": "SCRIPT", "mode": "ASYNC"}
REQUIRED = "affinity.required_during_scheduling_ignored_during_execution"
PREFERRED = "affinity.preferred_during_scheduling_ignored_during_execution"

CUSTOM: Fields = POOL | {
    "flavor": None,
    "custom_spec": {
        "cpu": 2.0,
        "memory": 4096,
        "gpu": 1.0,
        "gpu_type": "V100",
        "arch": "X86_64",
        "category": "GPU",
        "resource_flavor": "node.a",
    },
}
AFFINE: Fields = POOL | {
    "affinity": {REQUIRED.partition(".")[2]: [TERM], PREFERRED.partition(".")[2]: [TERM | {"weight": 10}]}
}
PYTORCH, TENSORFLOW = "pytorch1.8-cuda10.2-cudnn7-ubuntu18.04", "tensorflow2.1-cuda10.1-cudnn7-ubuntu18.04"
NAMED: Fields = {"image_id": None, "image": {"name": PYTORCH}}
TEAM: Fields = {"name": "team-pytorch", "type": "DEDICATED"}
HOOKED: Fields = {"hooks": {"container_hooks": {"pre_start": HOOK, "post_start": HOOK}}}
NETWORKED: Fields = {
    "user_vpc": {
        "vpc_id": "vpc-a",
        "subnet_id": "subnet-a",
        "security_group_ids": ["sg-b", "sg-a"],
        "connect_cidrs": ["10.0.0.0/8"],
        "nat_id": "nat-a",
        "eip_id": "eip-a",
    }
}


@dataclass(frozen=True, slots=True)
class Ways:
    """The operations of a change: of a notebook that runs, that stands still, and whose power is left alone while it
    stands still.
    """

    running: str
    stopped: str
    unmanaged: str


NOTHING = Ways("", "", "")
REPLACED = Ways("delete; create", "delete; create; stop", "delete; create; stop")


def live(operations: str) -> Ways:
    """Done in place, whatever the power."""
    return Ways(operations, operations, operations)


def running(operations: str) -> Ways:
    """Means something for a running instance alone."""
    return Ways(operations, "", "")


def restart(field: str) -> Ways:
    return Ways(f"stop; put {field}; start", f"put {field}", f"put {field}")


@dataclass(frozen=True, slots=True)
class Row:
    """A change from one declaration to another. `path` is the field that it is about."""

    path: str
    before: Fields
    after: Fields
    ways: Ways
    remark: str = ""

    @property
    def name(self) -> str:
        return "_".join(filter(None, [self.path.replace(".", "-"), self.remark]))


def one(path: str, base: Fields, before: Any, after: Any, ways: Ways, remark: str = "") -> Row:
    """A row in which one value changes."""
    return Row(path, with_value(base, path, before), with_value(base, path, after), ways, remark)


def with_value(fields: Fields, path: str, value: Any) -> Fields:
    """`fields` with another value at `path`, which leads through the first item of lists."""
    changed = copy.deepcopy(fields)
    at: Any = changed
    *parents, last = path.split(".")
    for name in parents:
        at = at.setdefault(name, {}) if isinstance(at, dict) else at[0][name]
    (at[0] if isinstance(at, list) else at)[last] = value
    return changed


def volume(**values: Any) -> Fields:
    return {"volume": values}


ROWS = (
    # In place.
    one("name", {}, "one", "two", live("put name")),
    one("description", {}, "one", "two", live("put description")),
    one("description", {}, "one", "", live("put description"), "cleared"),
    Row("description", {}, {"description": "first"}, live("put description"), "declared"),
    one("tags", {}, {"a": "1"}, {"a": "1", "b": "2"}, live("tag b"), "added"),
    one("tags", {}, {"a": "1"}, {"a": "2"}, live("tag a"), "changed"),
    one("tags", {}, {"a": "1", "b": "2"}, {"a": "1"}, live("untag b"), "removed"),
    one("tags", {}, {"a": "1", "b": "2"}, {"b": "3", "c": ""}, live("untag a; tag b, c"), "mixed"),
    one("tags", {}, {"a": "1"}, {}, live("untag a"), "emptied"),
    # Volume growth wants a running instance (API page 6.3).
    one(
        "volume.capacity",
        SMALL,
        50,
        80,
        Ways("resize to 80 GB", "start; resize to 80 GB; stop", "start; resize to 80 GB; stop"),
    ),
    # The lease and the mounts of what stands still wait for its next start.
    one("lease.duration", {"lease": {"type": "TIMING"}}, "1h", "2h", running("lease")),
    one("lease.type", {"lease": {"duration": "1h"}}, "TIMING", "IDLE", running("lease")),
    Row("lease", {"lease": "never"}, {"lease": {"duration": "8h"}}, running("lease"), "limited"),
    Row("lease", {"lease": {"duration": "8h"}}, {"lease": "never"}, running("lease"), "never"),
    Row("lease", {}, {"lease": {"duration": "15m", "type": "IDLE"}}, running("lease"), "declared"),
    one("duration", {}, 2 * HOUR, 3 * HOUR, running("lease")),
    one("duration", {}, 2 * HOUR, -1, running("lease"), "never"),
    Row("duration", {"lease": {"duration": "2h"}}, {"duration": 2 * HOUR}, NOTHING, "respelt"),
    one("storages.category", {"storages": [MOUNT]}, "OBS", "OBSFS", running("detach /data/a/; attach /data/a/")),
    one("storages.category", {"storages": [MOUNT]}, "OBSFS", "OBS", NOTHING, "reads-back-the-same"),
    one(
        "storages.uri",
        {"storages": [MOUNT]},
        "obs://b-a/d/",
        "obs://b-b/d/",
        running("detach /data/a/; attach /data/a/"),
    ),
    one(
        "storages.mount_path", {"storages": [MOUNT]}, "/data/a", "/data/b", running("detach /data/a/; attach /data/b/")
    ),
    one(
        "storages.efs_id", POOL | {"storages": [EFS_MOUNT]}, UUID_A, UUID_B, running("detach /data/a/; attach /data/a/")
    ),
    Row("storages", {}, {"storages": [MOUNT]}, running("attach /data/a/"), "declared"),
    Row("storages", {"storages": [MOUNT]}, {"storages": []}, running("detach /data/a/"), "emptied"),
    Row(
        "storages",
        {"storages": [{**MOUNT, "category": "OBS", "uri": "obs://bucket-pfs/dir/"}]},
        {"storages": [{**MOUNT, "category": "OBS", "uri": "obs://bucket-pfs/dir/", "mount_path": "/data/a"}]},
        NOTHING,
        "parallel",
    ),
    # One stop, one PUT, one start.
    one("flavor", {}, "modelarts.vm.cpu.2u", "modelarts.vm.cpu.8u", restart("flavor")),
    one("image_id", {}, IMAGE, OTHER_IMAGE, restart("image_id")),
    # An image by its name is the id that it has.
    one("image.name", NAMED, PYTORCH, TENSORFLOW, restart("image_id")),
    one("image.type", {"image_id": None, "image": {"name": PYTORCH}}, "BUILD_IN", None, NOTHING, "either"),
    Row("image.type", NAMED, {"image_id": None, "image": TEAM}, restart("image_id"), "with-name"),
    Row("image.tag", NAMED, {"image_id": None, "image": TEAM | {"tag": "2.0"}}, restart("image_id")),
    Row("image.name", {"image_id": OTHER_IMAGE}, NAMED, NOTHING, "respelt"),
    one("custom_spec.cpu", CUSTOM, 2.0, 4.5, restart("custom_spec")),
    one("custom_spec.memory", CUSTOM, 4096, 8192, restart("custom_spec")),
    one("custom_spec.gpu", CUSTOM, 1.0, 0.5, restart("custom_spec")),
    one("custom_spec.gpu_type", CUSTOM, "V100", "P4", restart("custom_spec")),
    one("custom_spec.arch", CUSTOM, "x86_64", "aarch64", restart("custom_spec")),
    one("custom_spec.category", CUSTOM, "gpu", "cpu", restart("custom_spec")),
    one("custom_spec.resource_flavor", CUSTOM, "node.a", "node.b", restart("custom_spec")),
    one("custom_spec.gpu", CUSTOM, 1.0, None, restart("custom_spec"), "withdrawn"),
    Row("custom_spec", POOL, CUSTOM, restart("custom_spec"), "instead-of-flavor"),
    Row("flavor", CUSTOM, POOL, restart("flavor"), "instead-of-custom_spec"),
    one("volume.dew_secret_name", {"volume": BUCKET}, "one", "two", restart("dew_secret_name")),
    one("data_volumes.category", {"data_volumes": [EXTRA]}, "OBSFS", "OBS", restart("data_volumes")),
    one("data_volumes.uri", {"data_volumes": [EXTRA]}, "obs://b-a/d/", "obs://b-b/d/", restart("data_volumes")),
    one("data_volumes.mount_path", {"data_volumes": [EXTRA]}, "/data/x/", "/data/y/", restart("data_volumes")),
    one("data_volumes.read_only", {"data_volumes": [EXTRA]}, False, True, restart("data_volumes")),
    one("data_volumes.dew_secret_name", {"data_volumes": [EXTRA]}, "one", "two", restart("data_volumes")),
    one("data_volumes.capacity", {"data_volumes": [EFS]}, 50, 60, restart("data_volumes")),
    one("data_volumes.id", {"data_volumes": [SHARE]}, UUID_A, UUID_B, restart("data_volumes")),
    Row("data_volumes.ownership", {"data_volumes": [EFS]}, {"data_volumes": [SHARE]}, restart("data_volumes")),
    Row("data_volumes", {"data_volumes": [EXTRA]}, {"data_volumes": []}, restart("data_volumes"), "emptied"),
    one("endpoints.key_pair_names", {"endpoints": [SSH]}, ["alice"], ["bob", "alice"], restart("endpoints")),
    one("endpoints.allowed_access_ips", {"endpoints": [SSH]}, [], ["203.0.113.0/24"], restart("endpoints")),
    Row("endpoints.service", {"endpoints": [SSH]}, {"endpoints": [{"service": "NOTEBOOK"}]}, restart("endpoints")),
    Row("endpoints", {}, {"endpoints": [SSH]}, restart("endpoints"), "declared"),
    Row("endpoints", {"endpoints": [SSH]}, {"endpoints": []}, restart("endpoints"), "emptied"),
    Row(
        "endpoints",
        {"endpoints": [SSH]},
        {"endpoints": [{"dev_service": "ssh", "ssh_keys": ["alice"], "allowed_access_ips": ["203.0.113.7"]}]},
        NOTHING,
        "respelt",
    ),
    *(
        one(f"hooks.container_hooks.{when}.{name}", HOOKED, before, after, restart("hooks"))
        for when in ("pre_start", "post_start")
        for name, before, after in (
            ("script", "/opt/a.sh", "/opt/b.sh"),
            ("type", "SCRIPT", "COMMAND"),
            ("mode", "ASYNC", "BLOCK"),
        )
    ),
    Row("hooks", {}, HOOKED, restart("hooks"), "declared"),
    one("hooks.container_hooks.pre_start", HOOKED, HOOK, None, restart("hooks"), "withdrawn"),
    one(f"{REQUIRED}.key", AFFINE, "zone", "rack", restart("affinity")),
    one(f"{REQUIRED}.operator", AFFINE, "In", "NotIn", restart("affinity")),
    one(f"{REQUIRED}.values", AFFINE, ["a"], ["a", "b"], restart("affinity")),
    one(f"{PREFERRED}.key", AFFINE, "zone", "rack", restart("affinity")),
    one(f"{PREFERRED}.operator", AFFINE, "In", "NotIn", restart("affinity")),
    one(f"{PREFERRED}.values", AFFINE, ["a"], ["b"], restart("affinity")),
    one(f"{PREFERRED}.weight", AFFINE, 10, 20, restart("affinity")),
    one(PREFERRED, AFFINE, [TERM], None, restart("affinity"), "withdrawn"),
    one("public_network_config.public_network_type", {}, "SHARED", "FORBIDDEN", restart("public_network_config")),
    # Only by building it anew.
    one("pool_id", {}, "pool41664192", "pool-gpu", REPLACED),
    Row("pool_id", {}, POOL, REPLACED, "declared"),
    one("workspace_id", {}, "0", VISION, REPLACED),
    Row(
        "workspace_id",
        {"workspace_id": VISION, "tags": {"a": "1"}},
        {"workspace_id": "0", "tags": {"a": "1"}},
        Ways("delete; create; tag a", "delete; create; tag a; stop", "delete; create; tag a; stop"),
        "with-tags",
    ),
    one("volume.capacity", SMALL, 50, 20, REPLACED, "smaller"),
    one("volume.capacity", {"volume": EFS}, 50, 60, REPLACED, "of-efs"),
    Row("volume.category", {}, {"volume": EFS}, REPLACED),
    Row("volume.ownership", POOL | {"volume": EFS}, POOL | {"volume": SHARE}, REPLACED),
    one("volume.uri", POOL | {"volume": SHARE}, "192.168.0.1:/a/", "192.168.0.1:/b/", REPLACED),
    one("volume.id", POOL | {"volume": SHARE}, UUID_A, UUID_B, REPLACED),
    one("volume.read_only", SMALL, False, True, REPLACED),
    one("run_user.uid", {"run_user": {"gid": 100}}, 1000, 1001, REPLACED),
    one("run_user.gid", {"run_user": {"uid": 1000}}, 100, 101, REPLACED),
    one("user_vpc.vpc_id", NETWORKED, "vpc-a", "vpc-b", REPLACED),
    one("user_vpc.subnet_id", NETWORKED, "subnet-a", "subnet-b", REPLACED),
    one("user_vpc.security_group_ids", NETWORKED, ["sg-a", "sg-b"], ["sg-a"], REPLACED),
    one("user_vpc.security_group_ids", NETWORKED, ["sg-a", "sg-b"], ["sg-b", "sg-a"], NOTHING, "reordered"),
    one("user_vpc.connect_cidrs", NETWORKED, ["10.0.0.0/8"], ["10.1.0.0/16"], REPLACED),
    one("user_vpc.nat_id", NETWORKED, "nat-a", "nat-b", REPLACED),
    one("user_vpc.eip_id", NETWORKED, "eip-a", "eip-b", REPLACED),
    # Nothing to do.
    Row("feature", {}, {"feature": "notebook"}, NOTHING),
    Row("lifecycle.ignore_changes", {}, {"lifecycle": {"ignore_changes": ["name"]}, "name": "other"}, NOTHING),
    one("lifecycle.create_before_destroy", {}, False, True, NOTHING),
    one("lifecycle.replace_triggered_by", {}, [], ["image_id"], NOTHING),
    one("lifecycle.allow_data_loss", {}, False, True, NOTHING),
    one("timeouts.create", {}, "10m", "20m", NOTHING),
    one("timeouts.update", {}, "10m", "20m", NOTHING),
    one("timeouts.delete", {}, "10m", "20m", NOTHING),
    Row("tags", {"tags": {"a": "1"}}, {}, NOTHING, "left-to-the-service"),
    Row("description", {"description": "one"}, {}, NOTHING, "left-to-the-service"),
    Row("volume", {"volume": EFS}, {"volume": {"category": "efs", "ownership": "managed", "capacity": 50}}, NOTHING),
    # Several at once.
    Row(
        "several",
        {"storages": [MOUNT], "lease": {"duration": "1h"}, "tags": {"a": "1"}},
        {
            "name": "other",
            "flavor": "modelarts.vm.cpu.8u",
            "image_id": OTHER_IMAGE,
            "volume": {**SMALL["volume"], "capacity": 80},
            "storages": [MOUNT],
            "lease": {"duration": "2h"},
            "tags": {"b": "2"},
        },
        Ways(
            "resize to 80 GB; stop; put name, flavor, image_id; start; untag a; tag b; attach /data/a/",
            "put name, flavor, image_id; start; resize to 80 GB; stop; untag a; tag b",
            "put name, flavor, image_id; start; resize to 80 GB; stop; untag a; tag b",
        ),
        "and-much-else",
    ),
)

# What cannot be declared where it is: the model refuses it, with a reason.
UNDECLARABLE = {"volume.mount_path", *REFUSED}
# A plan of its own, which sends nothing: `test_protection_is_a_change_of_its_own`.
RECORDED_ALONE = {"lifecycle.prevent_destroy"}
# NOTEBOOK is the one feature that a spec may name.
UNREACHABLE = {"feature": {REPLACE}}

# The service's own fields with another value each, as somebody in the console would see it.
VALUES: dict[str, Fields] = {
    "image.origin": {"image": {"id": IMAGE, "name": "by another name", "origin": "CUSTOMIZE"}},
    "pool.name": {"pool": {"id": "pool41664192", "name": "a pool by another name"}},
    "volume.mount_type": {"volume": SMALL["volume"] | {"mount_type": "STATIC"}},
    "fail_reason": {"fail_reason": "something that is over"},
    "action_progress.step": {"action_progress": [{"step": 4, "status": "COMPLETED", "description": "done"}]},
    "create_at": {"create_at": 1},
    "update_at": {"update_at": 1},
    **{
        path: {path: value}
        for path, value in {
            "token": "3eff13f2-3d70-5456-6dc7-e3f99f562022",
            "url": "https://authoring.example/lab",
            "ip": "10.0.0.9",
            "billing_items": ["ALL"],
            "user": {"id": "somebody"},
            "user_id": "somebody",
            "jupyter_version": "4.2",
            "is_need_credentials": False,
        }.items()
    },
}
# What moves with every start, resize and mount that the other round trips cause.
MOVING = {
    "id",
    "status",
    "lease.create_at",
    "lease.update_at",
    "action_progress.status",
    "action_progress.description",
    "volume.status",
    "data_volumes.status",
    "data_volumes.mount_type",
    "storages.id",
    "storages.status",
    "storages.failure_reason",
    "endpoints.uri",
}

STOPPED, UNMANAGED = {"desired_status": "STOPPED"}, {"desired_status": "UNMANAGED"}
MOUNTED = {"storages": [MOUNT]}
# Power itself, which the other rows keep.
POWER = (
    Row("desired_status", {}, STOPPED, live("stop"), "stopped"),
    Row("desired_status", STOPPED, {"lease": "never"}, live("start"), "started"),
    Row("desired_status", STOPPED | MOUNTED, MOUNTED, live("start; attach /data/a/"), "started-with-mounts"),
    Row("desired_status", {}, UNMANAGED, NOTHING, "left-running"),
    Row("desired_status", STOPPED, UNMANAGED, NOTHING, "left-stopped"),
    Row("desired_status", UNMANAGED, UNMANAGED | {"image_id": OTHER_IMAGE}, live("stop; put image_id; start"), "kept"),
    Row("desired_status", {}, STOPPED | {"name": "other"}, live("put name; stop"), "renamed-and-stopped"),
    Row("desired_status", {}, STOPPED | {"image_id": OTHER_IMAGE}, live("stop; put image_id"), "rebuilt-and-stopped"),
    Row(
        "desired_status",
        STOPPED,
        {"image_id": OTHER_IMAGE, "volume": {**SMALL["volume"], "capacity": 80}},
        live("put image_id; start; resize to 80 GB"),
        "rebuilt-grown-and-started",
    ),
)

LOG_NAMES = {
    "put": "update",
    "resize": "update",
    "lease": "renew-lease",
    "tag": "create-tags",
    "untag": "delete-tags",
    "attach": "attach-storage",
    "detach": "detach-storage",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A row with a notebook of its own: `key` in the specs."""

    name: str
    key: str
    before: Fields
    after: Fields
    operations: str


def cases() -> Iterator[Case]:
    for number, row in enumerate(ROWS):
        for power, asked_before, asked_after in (
            ("running", {}, {}),
            ("stopped", STOPPED, STOPPED),
            ("unmanaged", STOPPED, UNMANAGED),
        ):
            before, after = row.before | asked_before, row.after | asked_after
            yield Case(f"{row.name}_{power}", f"row-{number}-{power}", before, after, getattr(row.ways, power))
    for number, row in enumerate(POWER):
        yield Case(row.name, f"power-{number}", row.before, row.after, row.ways.running)


CASES = {case.key: case for case in cases()}


@dataclass(slots=True)
class Journey:
    """What happened on the way."""

    settled: Plan
    changing: Plan
    changed: Plan
    errors: dict[str, str]
    calls: dict[str, list[str]] = field(default_factory=dict)
    creates: int = 0


@pytest.fixture(scope="module")
def journey(
    shared_sandbox: Sandbox,
    provider: ModelArtsNotebooks,
    offers: ModelArtsOffers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Journey:
    """All cases at once: applied, changed, applied again."""
    shared_sandbox.reset()
    lab = Lab(shared_sandbox, provider, offers, tmp_path_factory.mktemp("round_trip"))
    before = {case.key: {"name": case.key} | case.before for case in CASES.values()}
    after = {case.key: {"name": case.key} | case.after for case in CASES.values()}
    lab.applied(before)
    settled = lab.plan(before)
    shared_sandbox.forget()
    owner = lab.owners()
    done = lab.apply(after)
    log = [entry for entry in shared_sandbox.log() if entry["operation"] in shared_sandbox.calls()]
    owner |= lab.owners()
    journey = Journey(settled, done.plan, lab.plan(after), {key: str(error) for key, error in done.errors.items()})
    for entry in log:
        if entry["operation"] == "create":
            journey.creates += 1
        else:
            journey.calls.setdefault(owner[entry["path"].split("/")[4]], []).append(entry["operation"])
    return journey


@pytest.mark.parametrize("case", CASES.values(), ids=[case.name for case in CASES.values()])
def test_round_trip(case: Case, journey: Journey) -> None:
    """Applied, the plan is empty; changed, one step does it with these operations; applied, the plan is empty again."""
    planned = step(journey.changing, case.key)
    assert Action.NO_OP == step(journey.settled, case.key).action, operations(journey.settled, case.key)
    assert case.operations == operations(journey.changing, case.key)
    assert action(case.operations) == planned.action
    assert case.key not in journey.errors
    assert calls(case.operations) == journey.calls.get(case.key, [])
    assert Action.NO_OP == step(journey.changed, case.key).action, operations(journey.changed, case.key)


def test_nothing_was_created_that_was_not_planned(journey: Journey) -> None:
    """As many create calls as creates in the plan; nobody's own change shows as drift."""
    planned = Counter(str(each.kind) for step in journey.changing.steps for each in step.operations)
    assert planned["create"] == journey.creates
    assert () == journey.settled.drift
    assert () == journey.changed.drift


@pytest.mark.parametrize("path", matrix())
def test_the_table_says_what_the_round_trips_show(path: str) -> None:
    """Each row of the table of changes in docs/spec.md is what the round trips of that field do; one without fails."""
    marks = matrix()[path]
    rows = [row for row in (*ROWS, *POWER[:2]) if row.path == path]
    if COMPUTED in marks:
        assert not rows
        assert path in UNDECLARABLE or path in VALUES or path in MOVING
    elif path not in UNDECLARABLE | RECORDED_ALONE:
        assert rows
        shown = {effect for row in rows if (effect := effect_of(row.ways.running))}
        assert marks - {CREATE} - UNREACHABLE.get(path, set()) == shown


def test_protection_is_a_change_of_its_own(lab: Lab) -> None:
    """prevent_destroy is recorded by a step without operations; then the plan is empty."""
    lab.applied({"alice": {}})
    lab.sandbox.forget()
    protected = {"alice": {"lifecycle": {"prevent_destroy": True}}}
    done = lab.applied(protected)
    assert (Action.UPDATE, "") == (step(done.plan).action, operations(done.plan))
    assert [] == lab.sandbox.calls()
    assert () == lab.plan(protected).pending
    record = lab.record()
    assert record is not None
    assert record.protected


@pytest.mark.parametrize("path", VALUES)
def test_the_services_own_fields_are_no_change(path: str, lab: Lab) -> None:
    """Whatever the service makes of its own fields, the plan is empty."""
    notebooks = {"alice": POOL | {"storages": [MOUNT], "data_volumes": [EXTRA]}}
    lab.applied(notebooks)
    lab.sandbox.drift(lab.id(), **VALUES[path])
    assert () == lab.plan(notebooks).pending


def effect_of(operations: str) -> str:
    if "delete" in operations:
        return REPLACE
    if "stop; put" in operations:
        return RESTART
    return RUNNING if operations else ""


def action(operations: str) -> Action:
    if "delete" in operations:
        return Action.REPLACE
    return Action.UPDATE if operations else Action.NO_OP


def calls(operations: str) -> list[str]:
    """The log's names for the operations, without create, which has no id in its path."""
    kinds = [operation.split()[0] for operation in operations.split("; ") if operation]
    return [LOG_NAMES.get(kind, kind) for kind in kinds if kind != "create"]
