"""Tags (API page 10) and dynamic storages (11)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.client import IMAGE, Answer, Api

OBS = {"category": "OBS", "uri": "obs://bucket/dir/", "mount_path": "/data/sets/"}


def tag(api: Api, notebook_id: str, what: str, *tags: tuple[str, str]) -> Answer:
    method = {"create": "POST", "delete": "DELETE"}[what]
    body = {"tags": [{"key": key, "value": value} for key, value in tags]}
    return api.call(method, f"/notebooks/{notebook_id}/tags/{what}", body, workspace_id=0)


def attach(api: Api, notebook_id: str, **changes: Any) -> Answer:
    body = {key: value for key, value in (OBS | changes).items() if value is not None}
    return api.call("POST", f"/notebooks/{notebook_id}/storage", body)


def test_tags_are_merged_by_key(api: Api) -> None:
    """The same key again overwrites; success is 204 without a body."""
    notebook_id = api.running()
    answer = tag(api, notebook_id, "create", ("team", "vision"), ("owner", "数据组"))
    assert (204, None) == (answer.status, answer.body)
    tag(api, notebook_id, "create", ("team", "speech"))
    assert {"team": "speech", "owner": "数据组"} == {row["key"]: row["value"] for row in api.show(notebook_id)["tags"]}


def test_deleting_tags(api: Api) -> None:
    """A value that is given must match, none given matches any, an unknown key is no error."""
    notebook_id = api.running()
    tag(api, notebook_id, "create", ("a", "1"), ("b", "2"), ("c", "3"))
    answer = tag(api, notebook_id, "delete", ("a", "other"), ("b", ""), ("c", "3"), ("d", "4"))
    assert (204, [{"key": "a", "value": "1"}]) == (answer.status, api.show(notebook_id)["tags"])


def test_tags_in_use(api: Api) -> None:
    """The values of one key from all notebooks come together."""
    first, second = api.running(), api.running()
    tag(api, first, "create", ("team", "vision"))
    tag(api, second, "create", ("team", "speech"), ("env", "dev"))
    assert [
        {"key": "env", "values": ["dev"]},
        {"key": "team", "values": ["speech", "vision"]},
    ] == api.call("GET", "/notebooks/tags").body["tags"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "6335"),
        ({"tags": "k"}, "6332"),
        ({"tags": ["k"]}, "6332"),
        ({"tags": [{"key": 1}]}, "6332"),
        ({"tags": [{"key": ""}]}, "6336"),
        ({"tags": [{"key": "k" * 129}]}, "6336"),
        ({"tags": [{"key": " k"}]}, "6336"),
        ({"tags": [{"key": "_sys_k"}]}, "6336"),
        ({"tags": [{"key": "k/k"}]}, "6336"),
        ({"tags": [{"key": "k", "value": "v" * 256}]}, "6336"),
        ({"tags": [{"key": "k", "value": "v*"}]}, "6336"),
        ({"tags": [{"key": f"k{number}"} for number in range(21)]}, "6336"),
        ({"tags": [{"key": "клю.ч:=+-@ 1", "value": "a/b"}]}, None),
        ({"tags": [{"key": f"k{number}"} for number in range(20)]}, None),
    ],
)
def test_tag_rules(api: Api, body: Any, code: str | None) -> None:
    """Length, characters and number of tags."""
    assert code == api.call("POST", f"/notebooks/{api.running()}/tags/create", body).code


def test_a_mount_and_its_end(api: Api) -> None:
    """MOUNTING, MOUNTED, UNMOUNTING, not found."""
    notebook_id = api.running()
    mount = attach(api, notebook_id).body
    path = f"/notebooks/{notebook_id}/storage/{mount['id']}"
    assert ("MOUNTING", "OBS", "DYNAMIC") == (mount["status"], mount["category"], mount["mount_type"])
    assert "6357" == api.call("DELETE", path).code
    api.advance(100)
    assert "MOUNTED" == api.call("GET", path).body["status"]
    page = api.call("GET", f"/notebooks/{notebook_id}/storage").body
    assert (1, 1, 1, 1) == tuple(page[key] for key in ("current", "pages", "size", "total"))
    assert "UNMOUNTING" == api.call("DELETE", path).body["status"]
    api.advance(100)
    assert (400, "6404") == (api.call("GET", path).status, api.call("GET", path).code)


def test_a_parallel_file_system_reads_back_as_one(api: Api) -> None:
    """OBS asked for a bucket that is a parallel file system (here: `pfs` in its name) answers OBSFS."""
    assert "OBSFS" == attach(api, api.running(), uri="obs://my-pfs/dir/").body["category"]


def test_a_mount_that_fails(api: Api) -> None:
    """It says why, and can be detached."""
    notebook_id = api.running()
    mount = attach(api, notebook_id, uri="obs://missing-bucket/dir/").body
    api.advance(100)
    path = f"/notebooks/{notebook_id}/storage/{mount['id']}"
    failed = api.call("GET", path).body
    assert ("MOUNT_FAILED", "The bucket cannot be accessed.") == (failed["status"], failed["failure_reason"])
    assert 200 == api.call("DELETE", path).status


def test_a_stop_drops_mounts(api: Api) -> None:
    """Nothing is mounted after a stop and a start."""
    notebook_id = api.running()
    attach(api, notebook_id)
    api.call("POST", f"/notebooks/{notebook_id}/stop")
    api.advance(200)
    api.call("POST", f"/notebooks/{notebook_id}/start")
    api.advance(200)
    assert [] == api.call("GET", f"/notebooks/{notebook_id}/storage").body["data"]


def test_ten_mounts_at_most(api: Api) -> None:
    """The eleventh is refused, and so is a second one in the same place."""
    notebook_id = api.running()
    for number in range(10):
        assert 200 == attach(api, notebook_id, mount_path=f"/data/d{number}/").status
    assert "6336" == attach(api, notebook_id, mount_path="/data/more/").code
    other = api.running()
    attach(api, other)
    assert "6336" == attach(api, other).code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"category": None}, "6335"),
        ({"uri": None}, "6335"),
        ({"mount_path": 1}, "6332"),
        ({"category": "EVS"}, "6336"),
        ({"mount_path": "/home/x/"}, "6336"),
        ({"mount_path": "/data/"}, "6336"),
        ({"uri": "obs://bucket/" + "d" * 256 + "/"}, "6336"),
        ({"uri": "s3://bucket/dir/"}, "6317"),
        ({"uri": "obs://bucket/"}, "6358"),
        ({"uri": "obs://bucket/dir"}, "6318"),
        ({"category": "EFS", "uri": "x.sfsturbo.internal:/"}, "6335"),
        ({"category": "EFS", "uri": "x.sfsturbo.internal:/", "efs_id": IMAGE}, "6336"),
        ({"category": "obsfs", "mount_path": "/data/a/b"}, None),
    ],
)
def test_mount_rules(api: Api, changes: dict[str, Any], code: str | None) -> None:
    """Fields, paths and buckets of API page 11; EFS wants a dedicated pool."""
    assert code == attach(api, api.running(), **changes).code


def test_a_file_system_in_a_pool(api: Api) -> None:
    """EFS mounts in a dedicated pool and reads back its id."""
    notebook_id = api.running(pool_id="pool41664192")
    mount = attach(api, notebook_id, category="EFS", uri="x.sfsturbo.internal:/", efs_id=IMAGE).body
    assert ("EFS", IMAGE) == (mount["category"], mount["efs_id"])
