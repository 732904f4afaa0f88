"""Lists of notebooks (API page 7.1, 13) and what the project may use (12, 14)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.client import IMAGE, Api

VISION = "1b2f0c6d7e8a49f5a3c1d2e4f5061728"


def named(api: Api, *names: str) -> list[str]:
    """Notebooks made one after another, oldest first."""
    ids = []
    for name in names:
        ids.append(api.created(name=name))
        api.advance(1)
    return ids


def test_newest_first_in_pages(api: Api) -> None:
    """Ten rows unless asked otherwise; the offset counts rows; the last page is short."""
    named(api, *(f"n{number:02}" for number in range(23)))
    first = api.call("GET", "/notebooks").body
    assert [f"n{number:02}" for number in range(22, 12, -1)] == [row["name"] for row in first["data"]]
    assert (0, 3, 10, 23) == tuple(first[key] for key in ("current", "pages", "size", "total"))
    last = api.call("GET", "/notebooks", limit=20, offset=20).body
    assert ["n02", "n01", "n00"] == [row["name"] for row in last["data"]]
    assert (1, 2, 20, 23) == tuple(last[key] for key in ("current", "pages", "size", "total"))
    assert [] == api.names(offset=23)
    assert [] == api.names(offset=1000)
    assert ["n00", "n01"] == api.names(sort_dir="asc")[:2]
    assert ["n22"] == api.names(sort_dir="ASC", offset=22)


def test_an_empty_list(api: Api) -> None:
    """No rows are no pages."""
    page = api.call("GET", "/notebooks").body
    assert {"current": 0, "data": [], "pages": 0, "size": 10, "total": 0} == page


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": 11}, "6336"),
        ({"limit": 0}, "6336"),
        ({"limit": "many"}, "6332"),
        ({"offset": -1}, "6336"),
        ({"status": "ASLEEP"}, "6336"),
        ({"billing": "FREE"}, "6336"),
        ({"feature": "ALL"}, "6336"),
        ({"sort_key": "colour"}, "6303"),
        ({"sort_dir": "UP"}, "6336"),
        ({"tags": ",a|b"}, "6336"),
        ({"tags": "a|b,"}, "6336"),
        ({"tags": "a||b"}, "6336"),
        ({"ip": "here"}, "6336"),
        ({"limit": 50, "sort_key": "createTime,name"}, None),
    ],
)
def test_parameters(api: Api, query: dict[str, Any], code: str | None) -> None:
    """A list call with a parameter that makes no sense is refused."""
    assert code == api.call("GET", "/notebooks", **query).code


def test_filters(api: Api) -> None:
    """Every filter narrows; together they all have to hold."""
    plain, other = named(api, "alpha", "beta")
    api.advance(1000)
    api.call("POST", f"/notebooks/{other}/stop")
    api.advance(1000)
    api.call("PUT", f"/notebooks/{other}", {"description": "second one", "flavor": "modelarts.vm.cpu.8u"})
    api.call("POST", f"/notebooks/{other}/tags/create", {"tags": [{"key": "env", "value": "dev"}, {"key": "x"}]})
    api.created(name="pooled", pool_id="pool41664192")
    api.created(name="elsewhere", workspace_id=VISION)

    both = {"name": ["alpha", "beta", "pooled"]}["name"]
    assert sorted(both) == sorted(api.names())
    for query, names in (
        ({"name": "lph"}, ["alpha"]),
        ({"id": plain}, ["alpha"]),
        ({"status": "stopped"}, ["beta"]),
        ({"status": "DELETED"}, []),
        ({"flavor": "cpu.8"}, ["beta"]),
        ({"description": "second"}, ["beta"]),
        ({"image_id": IMAGE, "status": "RUNNING"}, ["alpha"]),
        ({"swr_path": "atelier/notebook2.0", "status": "RUNNING"}, ["alpha"]),
        ({"pool_id": "pool41664192"}, ["pooled"]),
        ({"pool_name": "4166"}, ["pooled"]),
        ({"billing": "COMPUTE"}, ["alpha"]),
        ({"billing": "ALL"}, ["alpha"]),
        ({"tags": "env|dev"}, ["beta"]),
        ({"tags": "env|dev,x|"}, ["beta"]),
        ({"tags": "env|prod"}, []),
        ({"username": "sandbox", "name": "alpha"}, ["alpha"]),
        ({"owner": "0" * 32}, []),
        ({"ip": "192.0.2.1"}, []),
        ({"workspace_id": VISION}, ["elsewhere"]),
        ({"workspaceId": VISION}, ["elsewhere"]),
        ({"name": "a", "status": "STOPPED"}, ["beta"]),
    ):
        assert names == api.names(**query), query


def test_sorting(api: Api) -> None:
    """By the keys of API page 7.1, descending unless told otherwise, and before paging."""
    ids = named(api, "b", "c", "a")
    assert ["c", "b", "a"] == api.names(sort_key="name")
    assert ["a", "b", "c"] == api.names(sort_key="name", sort_dir="ASC")
    api.advance(1000)
    api.call("PUT", f"/notebooks/{ids[0]}", {"description": "touched"})
    assert "b" == api.names(sort_key="updateTime")[0]
    assert ["b"] == api.names(sort_key="name", sort_dir="ASC", offset=1, limit=10)[:1]


def test_other_people_s_notebooks(api: Api) -> None:
    """The plain list has the caller's own, `all` those of every user."""
    mine, theirs = named(api, "mine", "theirs")
    api.drift(theirs, user_id="f" * 32)
    assert ["mine"] == api.names()
    assert ["theirs", "mine"] == api.names("/notebooks/all")
    assert mine == api.call("GET", "/notebooks").body["data"][0]["id"]


def test_the_deleted_are_in_no_list(api: Api) -> None:
    """A notebook leaves the list when it is gone, not when its deletion begins."""
    notebook_id = api.running()
    api.call("DELETE", f"/notebooks/{notebook_id}")
    assert ["notebook"] == api.names()
    api.advance(150)
    assert [] == api.names()


def test_flavors(api: Api) -> None:
    """Everything at once unless a limit is given; both names of the list; pages count from one."""
    page = api.call("GET", "/notebooks/flavors").body
    ids = [flavor["id"] for flavor in page["data"]]
    small = next(flavor for flavor in page["data"] if flavor["id"] == "modelarts.vm.cpu.2u")
    assert page["data"] == page["flavors"]
    assert (1, 1, len(ids), len(ids)) == tuple(page[key] for key in ("current", "pages", "size", "total"))
    assert "modelarts.vm.cpu.free" not in ids
    assert (8_388_608, 2, {"code": "modelarts.vm.cpu.2u", "unit_num": 1}) == (
        small["memory"],
        small["vcpus"],
        small["billing"],
    )
    assert [True] == [flavor["sold_out"] for flavor in page["data"] if flavor["id"].endswith("nosdi")]
    second = api.call("GET", "/notebooks/flavors", limit=2, offset=2).body
    assert (ids[2:4], 2) == ([flavor["id"] for flavor in second["data"]], second["current"])
    assert {"GPU"} == {row["category"] for row in api.call("GET", "/notebooks/flavors", category="gpu").body["data"]}
    free = api.call("GET", "/notebooks/flavors", feature="DEFAULT").body
    assert ["modelarts.vm.cpu.free"] == [flavor["id"] for flavor in free["data"]]
    most = api.call("GET", "/notebooks/flavors", sort_key="vcpus").body["data"][0]
    assert 192 == most["vcpus"]


def test_switchable_flavors(api: Api) -> None:
    """What is offered keeps the architecture and the storage, and is for sale."""
    path = f"/notebooks/{api.running()}/flavors"
    ids = {flavor["id"] for flavor in api.call("GET", path).body["flavors"]}
    assert {"modelarts.vm.cpu.2u", "modelarts.vm.cpu.8u", "modelarts.bm.gpu.v100NV32"} <= ids
    assert not {"modelarts.kat1.xlarge", "modelarts.bm.gpu.4v100NV32.nosdi", "modelarts.vm.cpu.free"} & ids


def test_a_flavor_sells_out(api: Api) -> None:
    """A sold-out flavor is marked in the list and refused on create."""
    api.control("POST", "/settings", {"sold_out": ["modelarts.vm.cpu.2u"]})
    assert "6716" == api.create().code


def test_images(api: Api) -> None:
    """Preset images unless the type is given; by part of the name or, on request, the whole."""
    page = api.call("GET", "/images").body
    assert (0, 200) == (page["current"], page["size"])
    assert {"BUILD_IN"} == {image["type"] for image in page["data"]}
    assert {"team-pytorch", "team-broken"} == set(api.names("/images", type="DEDICATED"))
    assert 2 <= len(api.names("/images", name="mindspore1.7.0"))
    assert [] == api.names("/images", name="mindspore1.7.0", name_fuzzy_match="false")
    assert ["team-pytorch"] == api.names(
        "/images", type="dedicated", name="team-pytorch", name_fuzzy_match="false", namespace="team", workspace_id="0"
    )
    assert "mindspore1.7.0-ubuntu18.04-default" == api.names("/images", sort_key="name", sort_dir="ASC")[0]
    assert IMAGE == api.call("GET", f"/images/{IMAGE}").body["id"]
    missing = api.call("GET", "/images/00000000-0000-4000-8000-000000000000")
    assert (400, "6404") == (missing.status, missing.code)


def test_image_groups(api: Api) -> None:
    """The static word is not taken for an image id, and images of one name are one group."""
    page = api.call("GET", "/images/group", type="DEDICATED").body
    assert {("team-pytorch", 1), ("team-broken", 1)} == {(row["name"], row["version_count"]) for row in page["data"]}


def test_pools_workspaces_and_quota(api: Api) -> None:
    """The reads around notebooks answer in their own shapes."""
    assert "6335" == api.call("GET", "/authoring/clusters").code
    clusters = api.call("GET", "/authoring/clusters", type="DEDICATED").body
    assert "pool41664192" in {cluster["pool_id"] for cluster in clusters["data"]}
    assert "pool-of-my-own" == api.call("GET", "/authoring/clusters/pool-of-my-own").body["pool_id"]
    assert "6404" == api.call("GET", "/authoring/clusters/missing-pool").code
    api.created()
    feature = api.call("GET", "/authoring/features/NOTEBOOK").body
    assert (60, 1, True) == (feature["quota"], feature["used"], feature["enabled"])
    workspaces = api.call("GET", "/workspaces", limit=2, offset=1).body
    assert (3, 1) == (workspaces["total_count"], workspaces["count"])
    assert "vision" == api.call("GET", f"/workspaces/{VISION}").body["name"]
    assert "7005" == api.call("GET", "/workspaces/none").code
