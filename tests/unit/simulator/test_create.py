"""Creating notebooks: the answer of the seed page (API page 5.3), the checks of 5.4 and the volumes of section 6."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.client import IMAGE, Api, body

POOL = "pool41664192"
GPU = {"flavor": "modelarts.bm.gpu.v100NV32", "image_id": "278e88d1-5b71-4766-8502-b3ba72e824d9"}
SSH_ONLY = {
    "image_id": "e1a07296-22a8-4f05-8bc8-e936c8e54088",
    "flavor": "modelarts.bm.snt9.xlarge.2",
    "volume": {"category": "EFS", "ownership": "MANAGED"},
}


def test_the_seed_example(api: Api) -> None:
    """The request of the seed page gets the answer of the seed page."""
    answer = api.call(
        "POST",
        "/notebooks",
        {
            "name": "notebooks_test",
            "feature": "NOTEBOOK",
            "workspace_id": "0",
            "description": "api-test",
            "flavor": "modelarts.vm.cpu.2u",
            "image_id": IMAGE,
            "volume": {"category": "efs", "ownership": "managed", "capacity": 50},
        },
    )
    created = answer.body
    lease = created["lease"]
    assert 200 == answer.status
    assert ("CREATING", "0", "api-test", "NOTEBOOK", "modelarts.vm.cpu.2u", "notebooks_test") == tuple(
        created[key] for key in ("status", "workspace_id", "description", "feature", "flavor", "name")
    )
    assert {
        "description": "description",
        "id": IMAGE,
        "name": "notebook2.0-mul-kernel-cpu-cp36",
        "swr_path": "swr.xxx.xxxx.com/atelier/notebook2.0-mul-kernel-cpu-cp36:3.3.2-release_v1",
        "tag": "3.3.2-release_v1",
        "type": "BUILD_IN",
    }.items() <= created["image"].items()
    assert (True, 3_600_000, lease["create_at"]) == (lease["enable"], lease["duration"], lease["update_at"])
    assert [(step, "WAITING") for step in (1, 2, 3, 4)] == [
        (step["step"], step["status"]) for step in created["action_progress"]
    ]
    assert "Prepare the storage." == created["action_progress"][0]["description"]
    assert not {"volume", "url", "endpoints", "pool", "fail_reason"} & created.keys()


def test_what_appears_later(api: Api) -> None:
    """Once it runs a notebook has a volume, a URL, and endpoints with the NOTEBOOK entry nobody asked for."""
    ssh = {"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": ["203.0.113.7"]}
    notebook = api.show(api.running(endpoints=[ssh], pool_id=POOL))
    jupyter, shell = notebook["endpoints"]
    assert {"category": "EVS", "ownership": "MANAGED", "capacity": 5}.items() <= notebook["volume"].items()
    assert notebook["url"].endswith(f"/{notebook['id']}/lab")
    assert ("NOTEBOOK", notebook["url"]) == (jupyter["service"], jupyter["uri"])
    assert ssh.items() <= shell.items()
    assert shell["uri"].startswith("ssh://ma-user@dev-modelarts-cnnorth4.huaweicloud.com:3")
    assert {"id": POOL, "name": POOL} == notebook["pool"]


def test_names_of_2022(api: Api) -> None:
    """`dev_service` and `ssh_keys` are understood, and read back under the names of today."""
    notebook = api.show(api.running(endpoints=[{"dev_service": "SSH", "ssh_keys": ["alice"]}]))
    assert ("SSH", ["alice"]) == (notebook["endpoints"][1]["service"], notebook["endpoints"][1]["key_pair_names"])


def test_what_is_echoed_and_what_is_not(api: Api) -> None:
    """Scheduling, user and network read back; hooks, the public network and unknown keys do not."""
    echoed = {
        "custom_spec": {"cpu": 2, "memory": 4096, "arch": "X86_64", "category": "CPU"},
        "affinity": {"required_during_scheduling_ignored_during_execution": []},
        "run_user": {"uid": 1000, "gid": 100},
        "user_vpc": {"vpc_id": "v", "subnet_id": "s", "security_group_ids": ["g"]},
    }
    silent = {
        "hooks": {"container_hooks": {"pre_start": {"script": "ZWNobw==", "type": "COMMAND"}}},
        "public_network_config": {"public_network_type": "SHARED"},
        "tags": [{"key": "k", "value": "v"}],
        "env_variables": {"A": "1"},
    }
    notebook = api.show(api.running(flavor=None, pool_id=POOL, **echoed, **silent))
    assert echoed == {key: notebook[key] for key in echoed}
    assert "custom.flavor.spec.code" == notebook["flavor"]
    assert (set(), []) == ({"hooks", "public_network_config", "env_variables"} & notebook.keys(), notebook["tags"])


def test_extra_volumes_answer_url(api: Api) -> None:
    """A data volume is sent with `uri` and read back with `url` (API page 21, trap 23)."""
    volume = {"category": "OBSFS", "uri": "obs://bucket/dir/", "mount_path": "/data/extra/"}
    (shown,) = api.show(api.running(data_volumes=[volume]))["data_volumes"]
    assert ("obs://bucket/dir/", "STATIC", "MOUNTED") == (shown["url"], shown["mount_type"], shown["status"])


def test_order_of_checks(api: Api) -> None:
    """A body that is wrong in every way meets the checks one by one, in the order of API page 5.4."""
    assert "6400" == api.call("POST", "/notebooks", b"{").code
    assert "6400" == api.call("POST", "/notebooks", []).code
    api.control("POST", "/settings", {"quota": 0})
    wrong: dict[str, Any] = {
        "name": 7,
        "description": "<b>",
        "feature": "COFFEE",
        "workspace_id": "f" * 32,
        "flavor": "modelarts.vm.none",
        "image_id": "00000000-0000-4000-8000-000000000000",
        "volume": {"category": "OBSFS", "ownership": "DEDICATED", "uri": "obs://b/d/"},
        "duration": 1,
        "endpoints": [],
    }
    mends: list[tuple[str, dict[str, Any]]] = [
        ("6335", {"image_id": wrong.pop("image_id")}),
        ("6332", {"name": "notebook"}),
        ("6334", {"description": "plain"}),
        ("6336", {"feature": "DEFAULT"}),
        ("0102", {"workspace_id": "0"}),
        ("6323", {"flavor": "modelarts.bm.gpu.4v100NV32.nosdi"}),
        ("6716", {"flavor": "modelarts.bm.snt9.xlarge.2"}),
        ("6870", {"feature": "NOTEBOOK"}),
        ("6797", {"image_id": SSH_ONLY["image_id"]}),
        ("6768", {"endpoints": [{"service": "SSH", "key_pair_names": ["missing-key"]}]}),
        (
            "6324",
            {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 4}, "flavor": "modelarts.kat1.xlarge"},
        ),
        ("6331", {"volume": {"category": "EVS", "ownership": "MANAGED"}}),
        ("6349", {"duration": -1}),
        ("6789", {"endpoints": [{"service": "SSH", "key_pair_names": ["alice"]}]}),
    ]
    for code, mend in mends:
        assert code == api.call("POST", "/notebooks", wrong).code
        wrong |= mend
    assert "6302" == api.call("POST", "/notebooks", wrong).code
    api.control("POST", "/settings", {"quota": 1})
    assert 200 == api.call("POST", "/notebooks", wrong).status


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": ""}, "6336"),
        ({"name": "n" * 128}, None),
        ({"name": "n" * 129}, "6336"),
        ({"name": "笔记_1-b"}, None),
        ({"name": "a b"}, "6334"),
        ({"name": None}, "6335"),
        ({"description": "d" * 512}, None),
        ({"description": "d" * 513}, "6336"),
        ({"description": "path/like"}, "6334"),
        ({"image_id": "not-a-uuid"}, "6336"),
        ({"image_id": "a1b2c3d4-0000-4000-8000-000000000002"}, "6797"),
        ({"pool_id": "Pool"}, "6336"),
        ({"pool_id": "missing-pool"}, "6323"),
        ({"workspace_id": "x"}, "6336"),
        ({"workspace_id": "1b2f0c6d7e8a49f5a3c1d2e4f5061728"}, None),
        ({"flavor": None}, "6335"),
        ({"flavor": None, "custom_spec": {"cpu": 1, "memory": 1024}}, "6336"),
        ({"flavor": None, "custom_spec": {"cpu": 1}, "pool_id": POOL}, "6335"),
        ({"flavor": None, "custom_spec": {"cpu": 0.3, "memory": 1024}, "pool_id": POOL}, "6336"),
        ({"endpoints": [{"service": "FTP"}]}, "6336"),
        ({"endpoints": ["SSH"]}, "6332"),
        ({"endpoints": [{"service": "SSH", "key_pair_names": [1]}]}, "6332"),
        ({"endpoints": [{"service": "SSH", "allowed_access_ips": ["203.0.113.7"] * 6}]}, "6336"),
        ({"user_vpc": {"vpc_id": "v"}}, "6335"),
        ({"public_network_config": {"public_network_type": "OTHER"}}, "6336"),
        ({"data_volumes": [{"category": "EVS"}]}, "6336"),
        (GPU, None),
        (SSH_ONLY, "6768"),
        (SSH_ONLY | {"endpoints": [{"service": "SSH", "key_pair_names": ["alice"]}]}, None),
    ],
)
def test_values(api: Api, fields: dict[str, Any], code: str | None) -> None:
    """Bounds of names, identifiers and nested objects."""
    assert code == api.create(**fields).code


@pytest.mark.parametrize(
    ("volume", "code"),
    [
        ({}, "6335"),
        ({"category": "EVS"}, "6335"),
        ({"category": "TAPE", "ownership": "MANAGED"}, "6336"),
        ({"category": "EVS", "ownership": "MANAGED", "capacity": "5"}, "6332"),
        ({"category": "EVS", "ownership": "MANAGED", "capacity": True}, "6332"),
        ({"category": "evs", "ownership": "managed", "capacity": 4096}, None),
        ({"category": "EVS", "ownership": "MANAGED", "capacity": 4097}, "6331"),
        ({"category": "EVS", "ownership": "DEDICATED"}, "6336"),
        ({"category": "EFS", "ownership": "MANAGED"}, None),
        ({"category": "EFS", "ownership": "MANAGED", "capacity": 5000}, "6336"),
        ({"category": "EFS", "ownership": "DEDICATED", "uri": "h:/"}, "6336"),
        ({"category": "OBS", "ownership": "MANAGED"}, "6336"),
        ({"category": "OBS", "ownership": "DEDICATED", "uri": "obs://b/d/"}, "6336"),
        ({"category": "OBS", "ownership": "DEDICATED", "uri": "obs://b/d/", "dew_secret_name": "s"}, None),
        ({"category": "OBSFS", "ownership": "DEDICATED", "uri": "obs://b/d/"}, None),
        ({"category": "OBSFS", "ownership": "DEDICATED"}, "6336"),
    ],
)
def test_volumes(api: Api, volume: dict[str, Any], code: str | None) -> None:
    """The combination matrix of API page 6.2."""
    assert code == api.create(volume=volume).code


def test_a_dedicated_file_system(api: Api) -> None:
    """EFS DEDICATED needs a pool, a uri and an id, and reads back all of it."""
    volume = {"category": "EFS", "ownership": "DEDICATED", "uri": "x.sfsturbo.internal:/", "id": IMAGE}
    assert "6336" == api.create(volume=volume).code
    notebook = api.show(api.running(volume=volume, pool_id=POOL))
    assert volume.items() <= notebook["volume"].items()


@pytest.mark.parametrize(("category", "capacity"), [("EVS", 5), ("EFS", 50)])
def test_default_capacity(api: Api, category: str, capacity: int) -> None:
    """5 GB of EVS, 50 GB of EFS."""
    notebook_id = api.running(volume={"category": category, "ownership": "MANAGED"})
    assert capacity == api.show(notebook_id)["volume"]["capacity"]


def test_a_free_instance(api: Api) -> None:
    """One per user, an hour long whatever is asked, hidden from lists that do not ask, and never billed."""
    free = {"feature": "DEFAULT", "flavor": "modelarts.vm.cpu.free", "duration": -1}
    notebook_id = api.running(**free)
    api.call("POST", f"/notebooks/{notebook_id}/stop")
    api.advance(200)
    api.call("POST", f"/notebooks/{notebook_id}/start", duration=-1)
    notebook = api.show(notebook_id)
    assert (True, []) == (notebook["lease"]["enable"], notebook["billing_items"])
    assert "6302" == api.create(**free).code
    assert [] == api.names()
    assert ["notebook"] == api.names(feature="default")


def test_names_are_not_unique(api: Api) -> None:
    """Two notebooks may have one name, and every one counts against the quota."""
    api.control("POST", "/settings", {"quota": 2})
    assert 2 == len({api.created(), api.created()})
    assert "6302" == api.create().code


def test_nothing_is_left_of_a_refused_create(api: Api) -> None:
    """A refused create made nothing."""
    api.call("POST", "/notebooks", body(duration=1))
    assert [] == api.names()
