"""Updates (API page 7.3) and volume growth (6.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.client import Answer, Api

GPU_IMAGE = "278e88d1-5b71-4766-8502-b3ba72e824d9"
CPU_IMAGE = "9d63f4d1-dc09-4873-b669-3483cea777c0"


def put(api: Api, notebook_id: str, **fields: Any) -> Answer:
    return api.call("PUT", f"/notebooks/{notebook_id}", fields)


def test_an_update_is_partial(api: Api) -> None:
    """Absent fields stay, an empty description clears it, and the answer is the whole notebook."""
    notebook_id = api.running(description="before")
    renamed = put(api, notebook_id, name="renamed").body
    assert ("renamed", "before") == (renamed["name"], renamed["description"])
    assert "" == put(api, notebook_id, description="").body["description"]
    assert "renamed" == api.show(notebook_id)["name"]


def test_what_a_stopped_notebook_takes(api: Api) -> None:
    """Flavor, image and endpoints change together while it is stopped."""
    notebook_id = api.stopped()
    endpoints = [{"service": "SSH", "key_pair_names": ["bob"], "allowed_access_ips": []}]
    changed = put(
        api,
        notebook_id,
        flavor="modelarts.bm.gpu.v100NV32",
        image_id=GPU_IMAGE,
        endpoints=endpoints,
        affinity={"a": []},
    ).body
    assert ("modelarts.bm.gpu.v100NV32", GPU_IMAGE) == (changed["flavor"], changed["image"]["id"])
    assert ["bob"] == changed["endpoints"][1]["key_pair_names"]
    assert {"a": []} == changed["affinity"]


def test_one_forbidden_field_refuses_all(api: Api) -> None:
    """A mixed body is refused as a whole."""
    notebook_id = api.running()
    assert "6347" == put(api, notebook_id, name="renamed", flavor="modelarts.vm.cpu.8u").code
    assert "notebook" == api.show(notebook_id)["name"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"flavor": "modelarts.vm.none"}, "6792"),
        ({"flavor": "modelarts.bm.gpu.4v100NV32.nosdi"}, "6792"),
        ({"flavor": "modelarts.kat1.xlarge"}, "6792"),
        ({"image_id": GPU_IMAGE, "flavor": "modelarts.vm.cpu.8u"}, None),
        ({"image_id": CPU_IMAGE, "flavor": "modelarts.bm.gpu.v100NV32"}, "6797"),
        ({"image_id": "59a6e9f5-93c0-44dd-85b0-82f390c5d53b"}, "6797"),
        ({"image_id": "00000000-0000-4000-8000-000000000000"}, "6797"),
        ({"endpoints": [{"service": "SSH", "key_pair_names": ["missing-key"]}]}, "6789"),
        ({"name": "<"}, "6334"),
        ({"storage_new_size": "7"}, "6332"),
        ({"custom_spec": {"cpu": 1, "memory": 1024}}, "6336"),
        ({"workspace_id": "ignored"}, None),
        ({"hooks": {}, "public_network_config": {"public_network_type": "SHARED"}}, None),
    ],
)
def test_values(api: Api, fields: dict[str, Any], code: str | None) -> None:
    """A flavor that is not switchable, an image that does not fit, and values that no create would take."""
    assert code == put(api, api.stopped(), **fields).code


def test_known_key_pairs(api: Api) -> None:
    """With a list of known key pairs, only those are accepted."""
    api.control("POST", "/settings", {"key_pairs": ["alice"]})
    ssh = {"service": "SSH", "key_pair_names": ["bob"]}
    assert "6789" == api.create(endpoints=[ssh]).code
    assert 200 == api.create(endpoints=[ssh | {"key_pair_names": ["alice"]}]).status


def test_growth(api: Api) -> None:
    """The notebook runs on while the volume is RESIZING; the capacity changes at the end."""
    notebook_id = api.running()
    growing = put(api, notebook_id, storage_new_size=20).body
    assert ("RUNNING", "RESIZING", 5) == (growing["status"], growing["volume"]["status"], growing["volume"]["capacity"])
    api.advance(199)
    assert "RESIZING" == api.show(notebook_id)["volume"]["status"]
    api.advance(1)
    grown = api.show(notebook_id)["volume"]
    assert (20, False) == (grown["capacity"], "status" in grown)


def test_growth_survives_a_stop(api: Api) -> None:
    """The size stays what it became."""
    notebook_id = api.running()
    put(api, notebook_id, storage_new_size=20)
    api.advance(200)
    api.call("POST", f"/notebooks/{notebook_id}/stop")
    api.advance(200)
    assert 20 == api.show(notebook_id)["volume"]["capacity"]


@pytest.mark.parametrize(("size", "code"), [(5, "6331"), (4, "6331"), (6, None), (4096, None), (4097, "6331")])
def test_growth_is_upward_only(api: Api, size: int, code: str | None) -> None:
    """More than now and at most 4096."""
    assert code == put(api, api.running(), storage_new_size=size).code


def test_other_storage_does_not_grow(api: Api) -> None:
    """Only EVS can be expanded."""
    notebook_id = api.running(volume={"category": "EFS", "ownership": "MANAGED"})
    assert "6324" == put(api, notebook_id, storage_new_size=60).code


def test_extra_volumes_and_secret(api: Api) -> None:
    """Data volumes and the name of the secret change while it is stopped."""
    notebook_id = api.stopped()
    volume = {"category": "OBSFS", "uri": "obs://bucket/dir/", "mount_path": "/data/extra/"}
    changed = put(api, notebook_id, data_volumes=[volume], dew_secret_name="secret").body
    assert ("obs://bucket/dir/", "secret") == (changed["data_volumes"][0]["url"], changed["volume"]["dew_secret_name"])


def test_custom_spec_in_a_pool(api: Api) -> None:
    """A notebook in a dedicated pool changes to a custom spec and back to a flavor."""
    notebook_id = api.stopped(pool_id="pool41664192")
    spec = {"cpu": 2, "memory": 4096}
    custom = put(api, notebook_id, custom_spec=spec).body
    assert ("custom.flavor.spec.code", spec) == (custom["flavor"], custom["custom_spec"])
    assert "custom_spec" not in put(api, notebook_id, flavor="modelarts.vm.cpu.2u").body
