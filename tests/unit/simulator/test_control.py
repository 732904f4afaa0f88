"""The rest of the control endpoint: drift, events, clock, settings, log, and who may use it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.client import Api


def refused(api: Api, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> int:
    return api.unsigned(method, f"/_control{path}", body, headers=headers).status_code


def test_drift(api: Api) -> None:
    """A patch of the wire object changes the notebook for good; what the service computes from it follows."""
    notebook_id = api.running(endpoints=[{"service": "SSH", "key_pair_names": ["alice"]}], description="d")
    patch = [
        {"op": "replace", "path": "/name", "value": "renamed"},
        {"op": "remove", "path": "/description"},
        {"op": "replace", "path": "/volume/capacity", "value": 77},
        {"op": "replace", "path": "/endpoints/1/allowed_access_ips", "value": ["198.51.100.1"]},
        {"op": "replace", "path": "/image/id", "value": "other"},
        {"op": "add", "path": "/tags/-", "value": {"key": "k", "value": "v"}},
        {"op": "add", "path": "/colour", "value": "red"},
    ]
    api.control("PATCH", f"/notebooks/{notebook_id}", patch)
    notebook = api.show(notebook_id)
    assert ("renamed", "", 77, "other", "red") == (
        notebook["name"],
        notebook["description"],
        notebook["volume"]["capacity"],
        notebook["image"]["id"],
        notebook["colour"],
    )
    assert (["198.51.100.1"], ["alice"]) == (
        notebook["endpoints"][1]["allowed_access_ips"],
        notebook["endpoints"][1]["key_pair_names"],
    )
    assert [{"key": "k", "value": "v"}] == notebook["tags"]
    api.control("PATCH", f"/notebooks/{notebook_id}", [{"op": "remove", "path": "/colour"}])
    assert "colour" not in api.show(notebook_id)


def test_a_lease_changed_outside(api: Api) -> None:
    """A patched lease is the one that expires."""
    notebook_id = api.running(duration=-1)
    began = api.show(notebook_id)["lease"]["create_at"]
    patch = [
        {"op": "replace", "path": "/lease/enable", "value": True},
        {"op": "replace", "path": "/lease/duration", "value": api.now() - began + 500},
    ]
    api.control("PATCH", f"/notebooks/{notebook_id}", patch)
    api.advance(500)
    assert "STOPPING" == api.show(notebook_id)["status"]


def test_frozen_and_thawed(api: Api) -> None:
    """Arrears freeze a running notebook; payment leaves it stopped."""
    notebook_id = api.running()
    api.control("POST", f"/notebooks/{notebook_id}/freeze")
    assert "FROZEN" == api.show(notebook_id)["status"]
    api.control("POST", f"/notebooks/{notebook_id}/thaw")
    assert "STOPPED" == api.show(notebook_id)["status"]
    assert 400 == refused(api, "POST", f"/notebooks/{notebook_id}/thaw")
    assert 404 == refused(api, "POST", f"/notebooks/{notebook_id}/explode")


def test_vanished(api: Api) -> None:
    """Somebody deleted it in the console."""
    notebook_id = api.running()
    api.control("POST", f"/notebooks/{notebook_id}/vanish")
    assert ("6404", []) == (api.call("GET", f"/notebooks/{notebook_id}").code, api.names())
    assert 404 == refused(api, "POST", f"/notebooks/{notebook_id}/vanish")


def test_dump(api: Api) -> None:
    """Everything there is, hidden notebooks and mounts included."""
    api.fault({"effect": "hide", "ms": 1000, "where": "everywhere"}, operation="create")
    hidden, plain = api.created(name="hidden"), api.running(name="plain")
    api.call(
        "POST", f"/notebooks/{plain}/storage", {"category": "OBS", "uri": "obs://bkt/d/", "mount_path": "/data/d/"}
    )
    dumped = {row["id"]: row for row in api.control("GET", "/notebooks")["notebooks"]}
    assert ({hidden, plain}, ["MOUNTING"]) == (set(dumped), [row["status"] for row in dumped[plain]["storages"]])


def test_clock(api: Api) -> None:
    """It stands still or runs, and moves only forward."""
    before = api.control("GET", "/clock")
    assert (before["now"] + 7, True) == (api.advance(7), before["frozen"])
    running = api.control("POST", "/clock", {"frozen": False, "advance_ms": 1000})
    assert (False, True) == (running["frozen"], running["now"] >= before["now"] + 1007)
    bodies: tuple[Any, ...] = ({"advance_ms": -1}, {"advance_ms": "1"}, [])
    for wrong in bodies:
        assert 400 == refused(api, "POST", "/clock", wrong)


def test_settings(api: Api) -> None:
    """Durations and limits change while it runs; what is no setting is refused and changes nothing."""
    changed = api.control("POST", "/settings", {"create_ms": 7, "sold_out": [], "key_pairs": None})
    assert (7, []) == (changed["create_ms"], changed["sold_out"])
    api.created()
    api.advance(7)
    assert "RUNNING" == api.call("GET", "/notebooks").body["data"][0]["status"]
    for wrong in (
        {"colour": 1},
        {"create_ms": -1},
        {"create_ms": "1"},
        {"quota": True},
        {"sold_out": "x"},
        {"key_pairs": [1]},
    ):
        assert 400 == refused(api, "POST", "/settings", wrong)
    assert changed == api.control("GET", "/settings")


def test_log(api: Api) -> None:
    """Every request in order, with what became of it; by operation on request."""
    notebook_id = api.created()
    api.call("GET", "/notebooks", limit=20)
    api.call("POST", f"/notebooks/{notebook_id}/stop")
    entries = api.control("GET", "/log")["requests"]
    assert [
        ("POST", f"{api.project}/notebooks", "", "create", 200, None),
        ("GET", f"{api.project}/notebooks", "limit=20", "list", 200, None),
        ("POST", f"{api.project}/notebooks/{notebook_id}/stop", "", "stop", 400, "ModelArts.6357"),
    ] == [tuple(entry[key] for key in ("method", "path", "query", "operation", "status", "code")) for entry in entries]
    assert {api.now()} == {entry["t"] for entry in entries}
    assert [2] == [
        entry["seq"] - entries[0]["seq"] + 1 for entry in api.control("GET", "/log?operation=list")["requests"]
    ]
    api.control("DELETE", "/log")
    assert [] == api.control("GET", "/log")["requests"]


def test_reset(api: Api) -> None:
    """Notebooks, switches, settings, faults and clock are as at the start."""
    api.created()
    api.switch(S4=True)
    api.fault({"effect": "fail"})
    api.control("POST", "/settings", {"create_ms": 1})
    api.control("POST", "/reset")
    assert ([], False, [], 300, False) == (
        api.control("GET", "/notebooks")["notebooks"],
        api.control("GET", "/switches")["S4"],
        api.control("GET", "/faults")["faults"],
        api.control("GET", "/settings")["create_ms"],
        api.control("GET", "/clock")["frozen"],
    )


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"then": {"effect": "explode"}},
        {"then": {"effect": "fail", "colour": "red"}},
        {"then": {"effect": "fail"}, "operation": 1},
        {"then": {"effect": "fail"}, "operation": "attach"},
        {"then": {"effect": "fail"}, "path": "("},
        {"then": {"effect": "fail"}, "nth": 0},
        {"then": {"effect": "fail"}, "probability": 2},
        {"then": {"effect": "outcome", "status": "RUNNING"}},
    ],
)
def test_what_is_no_rule(api: Api, rule: dict[str, Any]) -> None:
    """A rule that is none is refused and not armed."""
    assert 400 == refused(api, "POST", "/faults", rule)
    assert [] == api.control("GET", "/faults")["faults"]


def test_other_bad_requests(api: Api) -> None:
    """Wrong switches, patches and numbers are 400 or 404, never a crash."""
    notebook_id = api.running()
    assert 400 == refused(api, "POST", "/switches", {"S4": "maybe"})
    assert 400 == refused(api, "POST", "/switches", {"S99": True})
    assert 400 == refused(api, "PATCH", f"/notebooks/{notebook_id}", [{"op": "remove", "path": "/none"}])
    assert 400 == refused(api, "PATCH", f"/notebooks/{notebook_id}", [{"op": "remove", "path": "/status"}])
    assert 400 == refused(api, "PATCH", f"/notebooks/{notebook_id}", {"name": "x"})
    assert 404 == refused(api, "DELETE", "/faults/999")


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_not_for_browsers(api: Api, headers: dict[str, str]) -> None:
    """A page in a browser, even after DNS rebinding, gets nothing."""
    assert 403 == refused(api, "POST", "/reset", headers=headers)
