"""What is read from a Terraform state: the notebooks in it and their mounts, and nothing secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner.errors import UsageError
from provisioner.state.terraform import TerraformState, read_terraform

NOTEBOOK = "huaweicloud_modelarts_notebook"
MOUNT = "huaweicloud_modelarts_notebook_mount_storage"
ID = "0aa1b2c3-0000-4000-8000-00000000000a"
OTHER_ID = "0aa1b2c3-0000-4000-8000-00000000000b"

ATTRIBUTES: dict[str, Any] = {
    "id": ID,
    "name": "lab",
    "region": "cn-north-4",
    "flavor_id": "modelarts.vm.cpu.2u",
    "image_id": "e1a07296-22a8-4f05-8bc8-e936c8e54090",
    "description": "",
    "key_pair": "alice",
    "allowed_access_ips": ["203.0.113.7"],
    "pool_id": None,
    "pool_name": "",
    "workspace_id": "0",
    "volume": [
        {"type": "EVS", "size": 50, "ownership": "MANAGED", "uri": "", "id": None, "mount_path": "/home/ma-user/work/"}
    ],
    "tags": {"team": "vision"},
    "url": "https://authoring/lab?token=secret",
    "auto_stop_enabled": True,
}


def resource(name: str = "lab", kind: str = NOTEBOOK, *instances: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "mode": "managed",
        "type": kind,
        "name": name,
        "provider": 'provider["registry.terraform.io/huaweicloud/huaweicloud"]',
        "instances": list(instances) or [instance()],
        **more,
    }


def instance(identifier: str = ID, index: str | int | None = None, **more: Any) -> dict[str, Any]:
    keyed = {} if index is None else {"index_key": index}
    return {"schema_version": 0, "attributes": {**ATTRIBUTES, "id": identifier}, "private": "bnVsbA==", **keyed, **more}


def mount(identifier: str, directory: str = "/data/a/") -> dict[str, Any]:
    attributes = {
        "id": identifier,
        "notebook_id": identifier.partition("/")[0],
        "mount_id": identifier.partition("/")[2],
        "storage_path": "obs://bucket/dir/",
        "local_mount_directory": directory,
        "type": "OBSFS",
        "status": "MOUNTED",
        "region": "cn-north-4",
    }
    return {"schema_version": 0, "attributes": attributes}


def state(*resources: dict[str, Any]) -> bytes:
    document = {"version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "x", "outputs": {}}
    return json.dumps(document | {"resources": list(resources), "check_results": None}).encode()


def read(*resources: dict[str, Any]) -> TerraformState:
    return read_terraform(state(*resources), "terraform.tfstate")


def test_a_notebook_is_read_under_the_names_of_a_spec() -> None:
    """Without what the provider computes, and without what it leaves empty."""
    (notebook,) = read(resource()).notebooks
    assert (f"{NOTEBOOK}.lab", "lab", ID, "cn-north-4") == (
        notebook.address,
        notebook.label,
        notebook.id,
        notebook.region,
    )
    assert notebook.declared == {
        "name": "lab",
        "flavor": "modelarts.vm.cpu.2u",
        "image_id": "e1a07296-22a8-4f05-8bc8-e936c8e54090",
        "workspace_id": "0",
        "volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 50},
        "endpoints": [{"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": ["203.0.113.7"]}],
        "tags": {"team": "vision"},
    }
    assert "secret" not in repr(notebook)


def test_mounts_belong_to_their_notebook() -> None:
    """By the id before the slash; one without a notebook is told."""
    found = read(
        resource(),
        resource("data", MOUNT, mount(f"{ID}/m1", "/data/b"), mount(f"{ID}/m2") | {"index_key": "x"}),
        resource("lost", MOUNT, mount(f"{OTHER_ID}/m3")),
    )
    (notebook,) = found.notebooks
    assert [
        {"category": "OBSFS", "uri": "obs://bucket/dir/", "mount_path": "/data/a/"},
        {"category": "OBSFS", "uri": "obs://bucket/dir/", "mount_path": "/data/b/"},
    ] == notebook.declared["storages"]
    assert (f"{MOUNT}.data", f'{MOUNT}.data["x"]') == notebook.mounts
    assert (f"{MOUNT}.lost",) == found.homeless


@pytest.mark.parametrize(
    ("module", "index", "address", "label"),
    [
        ("", None, f"{NOTEBOOK}.lab", "lab"),
        ("", 0, f"{NOTEBOOK}.lab[0]", "lab-0"),
        ("", "bob", f'{NOTEBOOK}.lab["bob"]', "lab-bob"),
        ("module.team", None, f"module.team.{NOTEBOOK}.lab", "team-lab"),
        (
            'module.team["a b"].module.gpu[1]',
            2,
            f'module.team["a b"].module.gpu[1].{NOTEBOOK}.lab[2]',
            "team-a-b-gpu-1-lab-2",
        ),
    ],
)
def test_an_address_is_as_terraform_prints_it(module: str, index: str | int | None, address: str, label: str) -> None:
    """And the label has its words."""
    more = {"module": module} if module else {}
    (notebook,) = read(resource("lab", NOTEBOOK, instance(index=index), **more)).notebooks
    assert (address, label) == (notebook.address, notebook.label)


def test_tainted_and_deposed_instances_are_told_apart() -> None:
    """A deposed one is no notebook of the state any more."""
    found = read(resource("lab", NOTEBOOK, instance(status="tainted"), instance(OTHER_ID, deposed="0a1b2c3d")))
    assert [(ID, True)] == [(each.id, each.tainted) for each in found.notebooks]
    assert ((f"{NOTEBOOK}.lab", OTHER_ID),) == found.deposed


def test_other_resources_are_counted() -> None:
    """Data sources are none."""
    found = read(
        resource("net", "huaweicloud_vpc"), resource("image", "huaweicloud_modelarts_notebook_images", mode="data")
    )
    assert ((), 1) == (found.notebooks, found.others)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_what_a_shell_redirected_is_read(encoding: str) -> None:
    """PowerShell writes UTF-16, and others a mark at the beginning."""
    text = state(resource()).decode()
    assert [ID] == [each.id for each in read_terraform(text.encode(encoding), "f").notebooks]


def test_instances_of_other_types_may_have_any_form() -> None:
    """Such as that of old providers, whose attributes stand under another name."""
    found = read(resource("net", "huaweicloud_vpc", {"attributes_flat": {"id": "1"}}), resource())
    assert ([ID], 1) == ([each.id for each in found.notebooks], found.others)


def test_null_is_absent_at_every_depth() -> None:
    """A tag without a value is none."""
    attributes = ATTRIBUTES | {"tags": {"a": None, "b": ""}, "volume": [None], "allowed_access_ips": None}
    (notebook,) = read(resource("lab", NOTEBOOK, instance() | {"attributes": attributes})).notebooks
    assert {"b": ""} == notebook.declared["tags"]
    assert "volume" not in notebook.declared


def test_only_an_evs_volume_has_a_size() -> None:
    """That of a shared one is the service's own."""
    attributes = ATTRIBUTES | {"volume": [{"type": "EFS", "size": 50, "ownership": "MANAGED"}], "key_pair": ""}
    (notebook,) = read(resource("lab", NOTEBOOK, instance() | {"attributes": attributes})).notebooks
    assert {"category": "EFS", "ownership": "MANAGED"} == notebook.declared["volume"]
    assert "endpoints" not in notebook.declared


@pytest.mark.parametrize(
    ("data", "summary", "detail"),
    [
        (b"\xff", "f is no Terraform state", "It is not JSON text"),
        (b"{", "f is no Terraform state", "It is not JSON text"),
        (b"[]", "f is no Terraform state of format 4", "Its version is null, this reads version 4."),
        (b'{"version": 3}', "f is no Terraform state of format 4", "Its version is 3, this reads version 4."),
        (b'{"version": true}', "f is no Terraform state of format 4", "Its version is true, this reads version 4."),
        (
            b'{"format_version": "1.0"}',
            "f is no Terraform state of format 4",
            "It is what `terraform show -json` prints.",
        ),
        (b'{"version": 4, "resources": {}}', "f is damaged", "resources: Input should be a valid tuple."),
        (
            state(resource("lab", NOTEBOOK, {"attributes": {"name": "secret"}})),
            "f is damaged",
            f"{NOTEBOOK}.lab.id: Field required.",
        ),
        (
            state(resource("m", MOUNT, mount("without-slash"))),
            "f is damaged",
            f"{MOUNT}.m.id: String should match pattern",
        ),
        (
            state(resource("lab", NOTEBOOK, instance("../secret"))),
            "f is damaged",
            f"{NOTEBOOK}.lab.id: String should match pattern",
        ),
        (
            b'{"encrypted_data": "c2VjcmV0", "encryption_version": "v0"}',
            "f is no Terraform state of format 4",
            "It is encrypted; `tofu state pull` prints it in the clear.",
        ),
    ],
)
def test_what_cannot_be_read_is_told(data: bytes, summary: str, detail: str) -> None:
    """With the field and the mend, and without values, which may be secret."""
    with pytest.raises(UsageError) as refused:
        read_terraform(data, "f")
    assert summary == refused.value.summary
    assert refused.value.detail.startswith(detail)
    assert "terraform state pull" in refused.value.hint
    assert "secret" not in refused.value.detail
