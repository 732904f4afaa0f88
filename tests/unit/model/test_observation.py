"""Every variant of an answer on the API page, and what is kept of it."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from provisioner.model.answer import EndpointState, LeaseState, Mount, Progress, VolumeState, standing
from provisioner.model.observation import FAILED, STABLE, TRANSITIONAL, Observation
from provisioner.model.offer import Image
from tests import builders

ID = "f9937afa-4451-42db-a76b-72d624749f66"

# API page 5.3, with the lease of its example.
CREATED: dict[str, Any] = {
    "action_progress": [{"step": n, "status": "WAITING", "description": f"step {n}"} for n in (1, 2, 3, 4)],
    "create_at": 1638841744521,
    "description": "api-test",
    "feature": "NOTEBOOK",
    "flavor": "modelarts.vm.cpu.2u",
    "id": ID,
    "image": {
        "description": "description",
        "id": "e1a07296-22a8-4f05-8bc8-e936c8e54090",
        "name": "notebook2.0-mul-kernel-cpu-cp36",
        "swr_path": "swr.xxx.xxxx.com/atelier/notebook2.0-mul-kernel-cpu-cp36:3.3.2-release_v1",
        "tag": "3.3.2-release_v1",
        "type": "BUILD_IN",
    },
    "lease": {"create_at": 1638841744515, "duration": 3600000, "enable": True, "update_at": 1638841744515},
    "name": "notebooks_test",
    "status": "CREATING",
    "token": "canary-3eff13f2-3d70-5456-6dc7-e3f99f562022",
    "update_at": 1638841744522,
    "workspace_id": "0",
}

# As much as one answer can hold (API page 3), with a canary wherever a secret stands or could be put.
FULL: dict[str, Any] = CREATED | {
    "status": "RUNNING",
    "url": "https://authoring-modelarts-cnnorth4.huaweicloud.com/canary/lab",
    "pool": {"id": "pool41664192", "name": "big", "token": "canary"},
    "custom_spec": {"cpu": 2, "memory": 4096, "gpu": None, "arch": "x86_64", "category": "gpu", "token": "canary"},
    "fail_reason": "",
    "endpoints": [
        {"service": "SSH", "key_pair_names": ["b", "a"], "allowed_access_ips": None, "uri": "ssh://canary@host:30000"},
        {"service": "NOTEBOOK", "uri": "https://canary/lab?token=canary"},
    ],
    "volume": {"category": "efs", "ownership": "dedicated", "uri": "192.168.0.1:/share", "id": "s", "read_only": False},
    "data_volumes": [
        {"category": "OBS", "mount_path": "/data/a/", "url": "obs://b/a/", "status": "MOUNTED", "mount_type": "STATIC"},
        {
            "category": "OBS",
            "mount_path": "/data/b/",
            "url": "obs://b/b/",
            "status": "MOUNTED",
            "mount_type": "DYNAMIC",
        },
    ],
    "billing_items": ["COMPUTE"],
    "user": {"id": "u", "name": "canary", "domain": {"id": "d", "name": "canary"}},
    "user_id": "canary",
    "affinity": {
        "required_during_scheduling_ignored_during_execution": [
            {"key": "zone", "operator": "In", "values": ["a"], "weight": None, "token": "canary"}
        ],
        "token": "canary",
    },
    "run_user": {"uid": 1000, "gid": 100, "user_name": "canary", "group_name": "canary"},
    "user_vpc": {
        "vpc_id": "v",
        "subnet_id": "s",
        "security_group_ids": ["g2", "g1"],
        "connect_cidrs": "10.0.0.0/8, 172.16.0.0/12",
        "port_id": ["canary"],
        "port_ip": "canary",
    },
    "ip": "canary",
    "tags": [{"key": "b", "value": "2"}, {"key": "a", "value": None}],
    "something_new": {"token": "canary"},
}


def observation(**answer: Any) -> Observation:
    return Observation.model_validate({"id": ID, "status": "RUNNING"} | answer)


def back(before: Observation) -> Observation:
    """Through the state and back."""
    kept = json.loads(json.dumps(before.payload()))
    return Observation.model_validate(kept | {"id": before.id, "status": before.status})


def test_the_answer_to_a_create() -> None:
    """The example of the page, whose volume, endpoints and URL are absent: nothing is claimed of those."""
    assert {
        "name": "notebooks_test",
        "description": "api-test",
        "feature": "NOTEBOOK",
        "flavor": "modelarts.vm.cpu.2u",
        "image_id": "e1a07296-22a8-4f05-8bc8-e936c8e54090",
        "workspace_id": "0",
        "lease": {"duration": 3600000},
        "desired_status": "RUNNING",
    } == Observation.model_validate(CREATED).attributes()


def test_a_full_answer() -> None:
    """Every field under the name and in the form of a spec."""
    assert {
        "name": "notebooks_test",
        "description": "api-test",
        "feature": "NOTEBOOK",
        "custom_spec": {"cpu": 2.0, "memory": 4096, "arch": "X86_64", "category": "GPU"},
        "image_id": "e1a07296-22a8-4f05-8bc8-e936c8e54090",
        "pool_id": "pool41664192",
        "workspace_id": "0",
        "lease": {"duration": 3600000},
        "desired_status": "RUNNING",
        "endpoints": [
            {"service": "NOTEBOOK", "key_pair_names": [], "allowed_access_ips": []},
            {"service": "SSH", "key_pair_names": ["a", "b"], "allowed_access_ips": []},
        ],
        "volume": {
            "category": "EFS",
            "ownership": "DEDICATED",
            "uri": "192.168.0.1:/share",
            "id": "s",
            "read_only": False,
        },
        "data_volumes": [{"category": "OBS", "uri": "obs://b/a/", "mount_path": "/data/a/"}],
        "affinity": {
            "required_during_scheduling_ignored_during_execution": [{"key": "zone", "operator": "In", "values": ["a"]}]
        },
        "run_user": {"uid": 1000, "gid": 100},
        "user_vpc": {
            "vpc_id": "v",
            "subnet_id": "s",
            "security_group_ids": ["g1", "g2"],
            "connect_cidrs": ["10.0.0.0/8", "172.16.0.0/12"],
        },
        "tags": {"a": "", "b": "2"},
    } == Observation.model_validate(FULL).attributes()


def test_nothing_secret_gets_past_the_parser() -> None:
    """Token, URLs, addresses, users and unknown keys have no place to stay, however deep they stand."""
    found = Observation.model_validate(FULL)
    for text in (found.model_dump_json(), json.dumps(found.payload()), json.dumps(found.attributes()), repr(found)):
        assert "canary" not in text
    assert "uri" not in found.payload()["endpoints"][0]


def test_what_is_declared_reads_back_as_declared() -> None:
    """An answer that is exactly as a spec asks has the attributes of the spec."""
    declared = builders.notebook(
        pool_id="pool41664192",
        endpoints=[{"service": "SSH", "key_pair_names": ["b", "a"], "allowed_access_ips": ["203.0.113.7"]}],
        tags={"team": "x"},
        lease={"duration": "8h", "type": "IDLE"},
        storages=[{"category": "OBS", "uri": "obs://b/d/", "mount_path": "/data/sets"}],
        affinity={"preferred_during_scheduling_ignored_during_execution": [
            {"key": "k", "operator": "Exists", "values": [], "weight": 5}
        ]},
        run_user={"uid": 1, "gid": 2},
        user_vpc={"vpc_id": "v", "subnet_id": "s", "security_group_ids": ["b", "a"], "connect_cidrs": ["10.0.0.0/8"]},
    )  # fmt: skip
    live = builders.instance(declared).attributes()
    assert declared.attributes() == {name: live.get(name) for name in declared.attributes()}


def test_the_least_answer() -> None:
    """An id and a status are enough; of all else nothing is known."""
    assert {"description": "", "workspace_id": "0", "desired_status": "RUNNING"} == observation().attributes()


@pytest.mark.parametrize("name", sorted(set(FULL) - {"id", "status"}))
def test_null_is_the_same_as_absent(name: str) -> None:
    """At any key."""
    absent = {key: value for key, value in FULL.items() if key != name}
    assert Observation.model_validate(absent) == Observation.model_validate(absent | {name: None})


def test_nulls_inside_are_the_same_as_absent() -> None:
    """In lists and in the objects of lists."""
    answer = {
        "endpoints": [None, {"service": "SSH", "key_pair_names": [None, "a"], "uri": None}],
        "tags": [None],
        "volume": {"category": None, "capacity": None},
        "lease": {"enable": None, "type": None},
        "data_volumes": None,
    }
    expected = {"endpoints": [{"service": "SSH", "key_pair_names": ["a"]}], "tags": [], "volume": {}, "lease": {}}
    assert observation(**expected) == observation(**answer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"dev_service": "ssh", "ssh_keys": ["k"]}, ("SSH", ("k",))),
        ({"service": "SSH", "key_pair_names": ["k"]}, ("SSH", ("k",))),
        ({"service": "SSH", "dev_service": "OLD", "key_pair_names": ["k"], "ssh_keys": ["old"]}, ("SSH", ("k",))),
        ({"service": "", "dev_service": "SSH", "key_pair_names": [], "ssh_keys": ["k"]}, ("SSH", ("k",))),
        ({"service": None, "dev_service": "SSH", "key_pair_names": None, "ssh_keys": ["k"]}, ("SSH", ("k",))),
        ({}, ("", ())),
    ],
)
def test_endpoint_names(answer: dict[str, Any], expected: tuple[str, tuple[str, ...]]) -> None:
    """The names of 2022 are read where the new ones say nothing (API page 3.3)."""
    found = EndpointState.model_validate(answer)
    assert expected == (found.service, found.key_pair_names)


@pytest.mark.parametrize("key", ["description", "step_description"])
def test_progress_names(key: str) -> None:
    """The text of a step comes under two names (API page 3.2)."""
    assert "Prepare." == Progress.model_validate({"step": 1, key: "Prepare.", "notebook_id": ID}).description


def test_the_step_under_way() -> None:
    """Steps may come in any order; the first that is not completed is under way."""
    statuses = {4: "WAITING", 3: "WAITING", 2: "PROCESSING", 1: "COMPLETED"}
    steps = [{"step": step, "status": status} for step, status in statuses.items()]
    under_way = observation(action_progress=steps).step_under_way()
    assert under_way is not None
    assert 2 == under_way.step
    assert observation().step_under_way() is None


@pytest.mark.parametrize("key", ["uri", "url"])
def test_volume_address_names(key: str) -> None:
    """Extra volumes spell it `url` (API page 3.7)."""
    assert "obs://b/" == VolumeState.model_validate({key: "obs://b/"}).uri


@pytest.mark.parametrize(
    ("cidrs", "expected"),
    [
        ("10.0.0.0/8,172.16.0.0/12", ["10.0.0.0/8", "172.16.0.0/12"]),
        (["10.0.0.0/8", "172.16.0.0/12"], ["10.0.0.0/8", "172.16.0.0/12"]),
        ("10.0.0.0/8", ["10.0.0.0/8"]),
        ("", None),
        ([], None),
        (None, None),
    ],
)
def test_connect_cidrs(cidrs: object, expected: list[str] | None) -> None:
    """A list in requests, text in some answers (API page 3)."""
    vpc = observation(user_vpc={"vpc_id": "v", "connect_cidrs": cidrs}).attributes()["user_vpc"]
    assert expected == vpc.get("connect_cidrs")


def test_enumerations_in_any_case() -> None:
    """Everything that is compared as an enumeration is upper case (API page 0.3)."""
    found = observation(
        status="running",
        feature="notebook",
        volume={"category": "evs", "ownership": "managed", "status": "resizing"},
        lease={"type": "idle", "duration": 900000},
        storages=[{"category": "obsfs", "status": "mounted"}],
    )
    assert ("RUNNING", "NOTEBOOK", "EVS", "MANAGED", "RESIZING") == (
        found.status,
        found.feature,
        found.volume.category,
        found.volume.ownership,
        found.volume.status,
    )
    assert {"type": "IDLE", "duration": 900000} == found.attributes()["lease"]


@pytest.mark.parametrize(
    ("workspace", "expected"), [(None, "0"), ("", "0"), (0, "0"), ("0", "0"), ("w1", "w1")], ids=repr
)
def test_the_default_workspace(workspace: object, expected: str) -> None:
    """However it is left out, it is "0"."""
    assert expected == observation(workspace_id=workspace).attributes()["workspace_id"]


@pytest.mark.parametrize("moment", [-1, 10**18])
def test_a_moment_that_no_calendar_has_is_not_told(moment: int) -> None:
    """Nothing is printed of it, in whatever message."""
    assert observation(create_at=moment, update_at=moment).create_at is None
    assert "created" not in str(Image.model_validate({"id": "a", "create_at": moment}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": None},
        {"id": ["x"]},
        {"status": None},
        {"status": {}},
        {"volume": "large"},
        {"volume": {"capacity": "large"}},
        {"endpoints": {}},
        {"tags": ["a"]},
        {"lease": {"duration": "1h"}},
        {"create_at": "yesterday"},
    ],
    ids=str,
)
def test_wrong_types_are_refused(wrong: dict[str, Any]) -> None:
    """What is there must have the documented type; nothing is guessed."""
    with pytest.raises(ValidationError):
        observation(**wrong)


# API page 9.3: update_at - create_at of the lease, the duration shown.
LEASES = [
    (0, 3600000),
    (27372, 3627372),
    (1057544, 4657544),
    (2599814, 6199814),
    (2940099, 6540099),
    (1713106, 5313106),
    (2727212, 6327212),
]


@pytest.mark.parametrize(("elapsed", "duration"), LEASES)
@pytest.mark.parametrize("names", [("create_at", "update_at"), ("create_time", "update_time")])
def test_the_requested_lease(names: tuple[str, str], elapsed: int, duration: int) -> None:
    """In each row of the page's samples one hour was asked for, under either pair of names."""
    start = 1638841744515
    lease = LeaseState.model_validate({names[0]: start, names[1]: start + elapsed, "duration": duration})
    assert (3600000, start + duration) == (lease.requested, lease.deadline)
    assert {"duration": 3600000} == lease.policy()


@pytest.mark.parametrize(
    ("answer", "policy"),
    [
        ({"enable": False, "duration": -1, "type": "TIMING"}, "never"),
        ({"enable": False, "duration": 3600000}, "never"),
        ({"duration": -1}, "never"),
        ({"enable": True}, None),
        ({}, None),
        ({"duration": 7200000, "type": "idle"}, {"type": "IDLE", "duration": 7200000}),
        ({"duration": 7200000, "create_at": 1638841744515}, {"duration": 7200000}),
        ({"duration": 7199200, "create_at": 5, "update_at": 45}, {"duration": 7200000}),
    ],
)
def test_lease_policy(answer: dict[str, Any], policy: object) -> None:
    """Switched off is never, whatever the duration says; without a duration nothing is known."""
    found = observation(lease=answer)
    assert policy == found.attributes().get("lease")
    assert policy == back(found).attributes().get("lease")


def test_no_deadline() -> None:
    """A lease that is off, or that does not tell when it began, ends at no known time."""
    answers: list[dict[str, Any]] = [
        {"enable": False, "create_at": 1, "duration": 5},
        {"duration": -1, "create_at": 1},
        {"duration": 5},
        {"duration": 10**18, "create_at": 1},
    ]
    for answer in answers:
        assert LeaseState.model_validate(answer).deadline is None


@pytest.mark.parametrize(
    ("status", "power", "settled"),
    [
        *((status, "", False) for status in ("DELETING", "SOMETHING_NEW")),
        *((status, "RUNNING", False) for status in ("INIT", "CREATING", "STARTING", "SNAPSHOTTING")),
        ("RUNNING", "RUNNING", True),
        ("STOPPING", "STOPPED", False),
        ("STOPPED", "STOPPED", True),
        ("START_FAILED", "STOPPED", True),
        *((status, "", True) for status in ("CREATE_FAILED", "DELETE_FAILED", "ERROR", "FROZEN")),
    ],
)
def test_power(status: str, power: str, *, settled: bool) -> None:
    """What an instance is or is about to be; a broken one and an unknown word are neither."""
    found = observation(status=status)
    assert (power, settled) == (found.power, found.settled)


def test_every_status_has_its_place() -> None:
    """The words of API page 8, each in one of the two sets; DELETED is no status of something that exists."""
    words = """INIT CREATING STARTING STOPPING DELETING RUNNING STOPPED SNAPSHOTTING CREATE_FAILED START_FAILED
    DELETE_FAILED ERROR FROZEN"""
    assert set(words.split()) == TRANSITIONAL | STABLE
    assert not TRANSITIONAL & STABLE
    assert FAILED < STABLE


def test_a_volume_at_work_is_not_settled() -> None:
    """RUNNING with a volume that grows is not at rest (API page 6.3)."""
    assert not observation(volume={"status": "RESIZING"}).settled
    assert observation(volume={"status": "NORMAL"}).settled


MOVING: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"token": "a", "url": "https://a/"}, {"token": "b", "url": "https://b/"}),
    ({"update_at": 1}, {"update_at": 2}),
    ({"action_progress": [{"step": 1}]}, {"action_progress": []}),
    ({"volume": {"capacity": 5, "status": "RESIZING"}}, {"volume": {"capacity": 5}}),
    ({"billing_items": []}, {"billing_items": ["COMPUTE"]}),
    *(
        (
            {"lease": {"create_at": 9, "update_at": 9 + a, "duration": b}},
            {"lease": {"create_at": 9, "update_at": 9 + c, "duration": d}},
        )
        for (a, b), (c, d) in pairwise(LEASES)
    ),
    (
        {"data_volumes": [{"url": "obs://b/", "status": "MOUNTING"}]},
        {"data_volumes": [{"url": "obs://b/", "status": "MOUNTED"}, {"url": "obs://x/", "mount_type": "DYNAMIC"}]},
    ),
    (
        {"tags": [{"key": "a", "value": "1"}, {"key": "b"}]},
        {"tags": [{"key": "b", "value": ""}, {"key": "a", "value": "1"}]},
    ),
    (
        {"endpoints": [{"service": "SSH", "key_pair_names": ["a", "b"]}, {"service": "NOTEBOOK", "uri": "x"}]},
        {"endpoints": [{"service": "NOTEBOOK"}, {"service": "SSH", "key_pair_names": ["b", "a"], "uri": "y"}]},
    ),
    (
        {"storages": [{"id": "m", "mount_path": "/data/a", "status": "MOUNTING"}]},
        {
            "storages": [
                {"id": "n", "mount_path": "/data/b/", "status": "UNMOUNTED"},
                {"id": "m", "mount_path": "/data/a/", "status": "MOUNTED"},
            ]
        },
    ),
]


@pytest.mark.parametrize(("before", "after"), MOVING)
def test_what_moves_by_itself_is_not_kept(before: dict[str, Any], after: dict[str, Any]) -> None:
    """The service's own movements, and orders that mean nothing, change no byte of the state."""
    assert observation(**before).payload() == observation(**after).payload()


def test_the_payload_has_the_names_of_the_service() -> None:
    """What the state keeps reads like an answer."""
    payload = Observation.model_validate(FULL).payload()
    assert {"enable": True, "duration": 3600000} == payload["lease"]
    assert [{"key": "a", "value": ""}, {"key": "b", "value": "2"}] == payload["tags"]
    assert {"id": "pool41664192", "name": "big"} == payload["pool"]
    assert not {"id", "status", "token", "url", "update_at", "action_progress"} & payload.keys()


def test_mounts() -> None:
    """A mount that failed holds its path and serves nothing: it is kept, and is not what was asked for."""
    mounts = [
        Mount.model_validate({"id": status, "category": "OBS", "mount_path": f"/data/{status}", "status": status})
        for status in ("UNMOUNT_FAILED", "MOUNTED", "UNMOUNTED", "MOUNT_FAILED", "MOUNTING", "UNMOUNTING")
    ]
    kept = standing(mounts)
    assert ["MOUNTED", "MOUNTING", "MOUNT_FAILED", "UNMOUNT_FAILED"] == [mount.id for mount in kept]
    found = observation().with_mounts(mounts)
    assert ["/data/MOUNTED/", "/data/MOUNTING/", "/data/UNMOUNT_FAILED/"] == [
        storage["mount_path"] for storage in found.attributes()["storages"]
    ]
    assert found.attributes() == back(found).attributes()


# ------------------------------------------------------------------------------------------------------------ law

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(min_value=0, max_value=10**13)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of the keys, each also as null."""
    return st.fixed_dictionaries({}, optional={name: st.none() | strategy for name, strategy in fields.items()})


VOLUMES = some(
    category=st.sampled_from(["evs", "EFS", "OBS"]),
    ownership=st.sampled_from(["MANAGED", "dedicated"]),
    capacity=st.integers(0, 4096),
    mount_path=WORDS,
    status=st.sampled_from(["", "RESIZING"]),
    uri=WORDS,
    url=WORDS,
    read_only=st.booleans(),
    mount_type=st.sampled_from(["STATIC", "DYNAMIC"]),
)
MOUNTS = some(
    id=WORDS,
    category=WORDS,
    uri=WORDS,
    mount_path=WORDS,
    status=st.sampled_from(["MOUNTED", "MOUNT_FAILED", "UNMOUNTED"]),
    efs_id=WORDS,
    failure_reason=WORDS,
)
TERMS = some(key=WORDS, operator=WORDS, values=st.lists(WORDS, max_size=2), weight=st.integers(0, 100), other=WORDS)
ANSWERS = some(
    name=WORDS,
    description=WORDS,
    feature=WORDS,
    flavor=WORDS,
    custom_spec=some(cpu=st.integers(1, 64), memory=NUMBERS, gpu=st.floats(0, 8), arch=WORDS, other=WORDS),
    image=some(id=WORDS, name=WORDS, tag=WORDS, swr_path=WORDS),
    lease=some(
        enable=st.booleans(),
        type=st.sampled_from(["timing", "IDLE"]),
        duration=st.integers(-1, 10**9),
        create_at=NUMBERS,
        update_at=NUMBERS,
    ),
    pool=some(id=WORDS, name=WORDS),
    fail_reason=WORDS,
    endpoints=st.lists(some(service=WORDS, ssh_keys=st.lists(WORDS, max_size=3), uri=WORDS), max_size=3),
    volume=VOLUMES,
    data_volumes=st.lists(VOLUMES, max_size=2),
    workspace_id=WORDS,
    create_at=NUMBERS,
    tags=st.lists(some(key=WORDS, value=WORDS), max_size=3),
    affinity=some(required_during_scheduling_ignored_during_execution=st.lists(TERMS, max_size=2)),
    run_user=some(uid=NUMBERS, gid=NUMBERS, user_name=WORDS),
    user_vpc=some(vpc_id=WORDS, security_group_ids=st.lists(WORDS, max_size=3), connect_cidrs=WORDS, port_ip=WORDS),
    storages=st.lists(MOUNTS, max_size=3),
    token=WORDS,
    url=WORDS,
)


@given(ANSWERS)
def test_a_payload_reads_back_as_itself(answer: dict[str, Any]) -> None:
    """Through the state and back an observation tells the same and is kept in the same words."""
    before = observation(**answer)
    after = back(before)
    assert before.payload() == after.payload()
    assert before.attributes() == after.attributes()
