"""The simulator against the official Python SDK: its client signs, the simulator verifies, its models parse.

Nothing of ours is on the calling side, so what holds here holds for other people's programs too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkmodelarts import v1 as sdk

IMAGE = "e1a07296-22a8-4f05-8bc8-e936c8e54090"
# Transitions end at once: the SDK does not wait, and a test should not.
INSTANT = [f"--{what}-ms=0" for what in ("create", "start", "stop", "delete", "resize", "mount")]


@pytest.fixture(scope="module")
def ready() -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "provisioner", "sandbox", "--exit-with-stdin", "--quota=100", *INSTANT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())


def client_of(ready: dict[str, str], secret_key: str | None = None) -> Any:
    credentials = BasicCredentials(ready["access_key"], secret_key or ready["secret_key"], ready["project_id"])
    builder = sdk.ModelArtsClient.new_builder().with_credentials(credentials)
    return builder.with_endpoints([ready["endpoint"]]).build()


@pytest.fixture
def client(ready: dict[str, str]) -> Any:
    return client_of(ready)


def create(client: Any, name: str, **fields: Any) -> Any:
    volume = sdk.VolumeMountRequest(category="EVS", ownership="MANAGED", capacity=5)
    body = sdk.NotebookCreateRequest(name=name, flavor="modelarts.vm.cpu.2u", image_id=IMAGE, volume=volume, **fields)
    return client.create_notebook(sdk.CreateNotebookRequest(body=body))


def show(client: Any, notebook_id: str) -> Any:
    return client.show_notebook(sdk.ShowNotebookRequest(id=notebook_id))


def test_create_and_show(client: Any) -> None:
    """The SDK's models hold everything: progress and lease at first, then volume, endpoints and URL."""
    endpoints = [sdk.EndpointsReq(service="SSH", key_pair_names=["alice"])]
    created = create(client, "made", description="by the sdk", endpoints=endpoints)
    shown = show(client, created.id)
    assert ("CREATING", [1, 2, 3, 4]) == (created.status, [step.step for step in created.action_progress])
    assert (True, 3_600_000, "TIMING") == (created.lease.enable, created.lease.duration, created.lease.type)
    assert ("RUNNING", "EVS", 5, "by the sdk") == (
        shown.status,
        shown.volume.category,
        shown.volume.capacity,
        shown.description,
    )
    assert [("NOTEBOOK", None), ("SSH", ["alice"])] == [
        (entry.service, entry.key_pair_names) for entry in shown.endpoints
    ]
    assert shown.url == shown.endpoints[0].uri


def test_list(client: Any) -> None:
    """Filters with characters that need encoding arrive as they were meant, signature and all."""
    created = create(client, "listed")
    tags = sdk.CreateTmsTagsRequest(tags=[sdk.TmsTag(key="env", value="a/b+c 数据")])
    client.create_notebook_tags(sdk.CreateNotebookTagsRequest(resource_id=created.id, workspace_id="0", body=tags))
    page = client.list_notebooks(sdk.ListNotebooksRequest(limit=50, offset=0, name="list", tags="env|a/b+c 数据"))
    everyone = client.list_all_notebooks(sdk.ListAllNotebooksRequest(limit=50, name="listed"))
    assert ([created.id], 1) == ([row.id for row in page.data], page.total)
    assert [created.id] == [row.id for row in everyone.data]


def test_update(client: Any) -> None:
    """Name, description and volume change on a running notebook."""
    notebook_id = create(client, "before").id
    body = sdk.NotebookUpdateRequest(name="after", description="", storage_new_size=9)
    answer = client.update_notebook(sdk.UpdateNotebookRequest(id=notebook_id, body=body))
    shown = show(client, notebook_id)
    assert ("after", "RESIZING") == (answer.name, answer.volume.status)
    assert ("after", 9, None) == (shown.name, shown.volume.capacity, shown.volume.status)


def test_power_and_lease(client: Any) -> None:
    """Stop, start without auto stop, and a lease again."""
    notebook_id = create(client, "powered").id
    assert "STOPPING" == client.stop_notebook(sdk.StopNotebookRequest(id=notebook_id)).status
    assert "STOPPED" == show(client, notebook_id).status
    started = client.start_notebook(sdk.StartNotebookRequest(id=notebook_id, duration=-1))
    assert ("STARTING", False) == (started.status, started.lease.enable)
    renewal = sdk.RenewLeaseRequest(id=notebook_id, body=sdk.LeaseReq(duration=7_200_000, type="timing"))
    renewed = client.renew_lease(renewal)
    lease = client.show_lease(sdk.ShowLeaseRequest(id=notebook_id))
    assert (True, 7_200_000) == (renewed.enable, renewed.duration - (renewed.update_at - renewed.create_at))
    assert (renewed.duration, "TIMING") == (lease.duration, lease.type)


def test_tags(client: Any) -> None:
    """Created, shown on the notebook and among all in use, and deleted by a DELETE with a body."""
    notebook_id = create(client, "tagged").id
    tags = sdk.CreateTmsTagsRequest(
        tags=[sdk.TmsTag(key="team", value="vision"), sdk.TmsTag(key="owner", value="alice")]
    )
    client.create_notebook_tags(sdk.CreateNotebookTagsRequest(resource_id=notebook_id, workspace_id="0", body=tags))
    assert {"team": "vision", "owner": "alice"} == {tag.key: tag.value for tag in show(client, notebook_id).tags}
    in_use = client.show_notebook_tags(sdk.ShowNotebookTagsRequest()).tags
    assert {"team": ["vision"], "owner": ["alice"]}.items() <= {tag.key: tag.values for tag in in_use}.items()
    unwanted = sdk.DeleteTmsTagsRequest(tags=[sdk.TmsTagForDeletion(key="team", value="vision")])
    client.delete_notebook_tags(sdk.DeleteNotebookTagsRequest(resource_id=notebook_id, workspace_id="0", body=unwanted))
    assert ["owner"] == [tag.key for tag in show(client, notebook_id).tags]


def test_dynamic_storages(client: Any) -> None:
    """Attached, listed, shown and detached."""
    notebook_id = create(client, "mounted").id
    body = sdk.DataVolumesReq(category="OBS", uri="obs://my-pfs/dir/", mount_path="/data/sets/")
    attached = client.attach_dynamic_storage(sdk.AttachDynamicStorageRequest(instance_id=notebook_id, body=body))
    which = {"instance_id": notebook_id, "storage_id": attached.id}
    listed = client.list_dynamic_storages(sdk.ListDynamicStoragesRequest(instance_id=notebook_id))
    shown = client.show_dynamic_storage(sdk.ShowDynamicStorageRequest(**which))
    detached = client.detach_dynamic_storage(sdk.DetachDynamicStorageRequest(**which))
    assert ("MOUNTING", "MOUNTED", "UNMOUNTING", "OBSFS") == (
        attached.status,
        shown.status,
        detached.status,
        shown.category,
    )
    assert [attached.id] == [row.id for row in listed.data]


def test_flavors_and_images(client: Any) -> None:
    """What is on offer parses, numbers and nested objects included."""
    flavors = client.list_flavors(sdk.ListFlavorsRequest(category="GPU")).data
    everything = client.list_flavors(sdk.ListFlavorsRequest()).data
    switchable = client.show_switchable_flavors(sdk.ShowSwitchableFlavorsRequest(id=create(client, "flavored").id))
    images = client.list_image(sdk.ListImageRequest(type="BUILD_IN", name="pytorch", limit=10))
    image = client.show_image(sdk.ShowImageRequest(id=IMAGE))
    assert {"V100"} == {flavor.gpu.type for flavor in flavors}
    assert {1, 2, 8} == {flavor.ascend.chip for flavor in everything if flavor.ascend}
    assert "modelarts.vm.cpu.8u" in {flavor.id for flavor in switchable.data}
    assert (["pytorch1.8-cuda10.2-cudnn7-ubuntu18.04"], 1) == ([row.name for row in images.data], images.total)
    assert ("BUILD_IN", "3.3.2-release_v1") == (image.type, image.tag)


def test_places(client: Any) -> None:
    """Pools, workspaces, the quota and groups of images parse, each to its end."""
    pools = client.list_authoring_clusters(sdk.ListAuthoringClustersRequest(type="DEDICATED"))
    pool = client.show_cluster(sdk.ShowClusterRequest(cluster_id=pools.data[0].pool_id))
    workspaces = client.list_workspace(sdk.ListWorkspaceRequest(limit=10, offset=0)).workspaces
    workspace = client.show_workspace(sdk.ShowWorkspaceRequest(workspace_id=workspaces[0].id))
    quota = client.list_features(sdk.ListFeaturesRequest(feature="NOTEBOOK"))
    groups = client.list_image_group(sdk.ListImageGroupRequest(type="BUILD_IN"))
    assert (pools.data[0].pool_id, "ACTIVE") == (pool.pool_id, pool.status)
    assert "modelarts.vm.cpu.2u" in {flavor.id for flavor in pool.flavors}
    assert workspaces[0].name == workspace.name
    assert 100 == quota.quota
    assert groups.total == len(groups.data)


def test_delete(client: Any) -> None:
    """DELETING, and then the not-found error with its code and request id."""
    notebook_id = create(client, "gone").id
    assert "DELETING" == client.delete_notebook(sdk.DeleteNotebookRequest(id=notebook_id)).status
    with pytest.raises(ClientRequestException) as raised:
        show(client, notebook_id)
    assert (400, "ModelArts.6404", 32) == (
        raised.value.status_code,
        raised.value.error_code,
        len(raised.value.request_id),
    )


def test_a_wrong_secret_key(ready: dict[str, str]) -> None:
    """The SDK's signature with another key is refused, so it was the right one that opened everything above."""
    with pytest.raises(ClientRequestException) as raised:
        show(client_of(ready, "wrong"), IMAGE)
    assert (401, "APIGW.0301") == (raised.value.status_code, raised.value.error_code)
    assert "verify aksk signature fail" in raised.value.error_msg
