"""Every kind of fault that the control endpoint arms, over a real connection."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.unit.simulator.client import Api, body


def test_fail_before_the_effect(api: Api) -> None:
    """The answer is the rule's, and nothing happened."""
    api.fault(
        {"effect": "fail", "status": 503, "code": "ModelArts.6102", "headers": {"X-Why": "test"}}, operation="create"
    )
    answer = api.create()
    assert (503, "6102", "test") == (answer.status, answer.code, answer.headers["X-Why"])
    assert [] == api.names()
    assert 200 == api.create().status


def test_a_body_of_one_s_own(api: Api) -> None:
    """An error may come in any shape, text included."""
    api.fault({"effect": "fail", "status": 401, "body": {"error": {"code": 401}}})
    assert {"error": {"code": 401}} == api.call("GET", "/notebooks").body
    api.fault(
        {"effect": "fail", "status": 504, "body": "upstream timed out", "headers": {"Content-Type": "text/plain"}}
    )
    answer = api.call("GET", "/notebooks")
    assert (504, None, "text/plain") == (answer.status, answer.body, answer.headers["Content-Type"])


@pytest.mark.parametrize("retry_after", [None, "3"])
def test_throttle(api: Api, retry_after: str | None) -> None:
    """429 of the gateway, with Retry-After only when the rule says so."""
    api.fault({"effect": "throttle", "retry_after": retry_after}, operation="stop")
    notebook_id = api.running()
    answer = api.call("POST", f"/notebooks/{notebook_id}/stop")
    assert (429, "APIGW.0308", retry_after) == (answer.status, answer.code, answer.headers.get("Retry-After"))
    assert "RUNNING" == api.show(notebook_id)["status"]


def test_redirect(api: Api) -> None:
    """The client is sent elsewhere, and nothing happened."""
    api.fault({"effect": "redirect", "location": "http://192.0.2.1/"}, method="post")
    answer = api.create()
    assert (302, "http://192.0.2.1/") == (answer.status, answer.headers["Location"])
    assert [] == api.names()


@pytest.mark.parametrize(
    ("how", "error"),
    [("drop", "without sending a response"), ("half", "incomplete message body|complete message body")],
)
def test_lose_the_answer(api: Api, how: str, error: str) -> None:
    """The notebook is there and the client knows nothing: no byte came, or half the body."""
    api.fault({"effect": "lose", "how": how}, operation="create")
    with pytest.raises(httpx.RemoteProtocolError, match=error):
        api.create()
    assert ["notebook"] == api.names()
    assert (0, how) == logged(api)


def test_lose_the_answer_to_a_gateway(api: Api) -> None:
    """The notebook is there and the answer is a 504 that is not even JSON."""
    api.fault({"effect": "lose", "how": "status", "status": 504}, operation="create")
    answer = api.create()
    assert (504, None, ["notebook"]) == (answer.status, answer.body, api.names())


def test_lose_an_answer_without_body(api: Api) -> None:
    """Half of nothing is nothing: the connection is cut all the same."""
    notebook_id = api.running()
    api.fault({"effect": "lose", "how": "drop"}, operation="create-tags")
    with pytest.raises(httpx.RemoteProtocolError):
        api.call("POST", f"/notebooks/{notebook_id}/tags/create", {"tags": [{"key": "k"}]})
    assert 1 == len(api.show(notebook_id)["tags"])


@pytest.mark.parametrize("form", ["html", "cut", "no-id", "wrong-type"])
def test_malformed(api: Api, form: str) -> None:
    """A success that cannot be read as what it should be; the notebook is there."""
    api.fault({"effect": "malformed", "form": form}, operation="create")
    answer = api.create()
    kinds: dict[str, Any] = {"html": type(None), "cut": type(None), "no-id": dict, "wrong-type": list}
    assert (200, True) == (answer.status, isinstance(answer.body, kinds[form]))
    assert form != "no-id" or "id" not in answer.body
    assert (form == "html") == answer.headers["Content-Type"].startswith("text/html")
    assert ["notebook"] == api.names()


@pytest.mark.parametrize(("when", "names"), [("before", []), ("after", ["notebook"])])
def test_hang(api: Api, when: str, names: list[str]) -> None:
    """The client gives up; whether anything happened depends on the rule."""
    api.fault({"effect": "hang", "when": when}, operation="create")
    with pytest.raises(httpx.ReadTimeout):
        api.unsigned("POST", f"{api.project}/notebooks", body(), headers=signed_in(api), timeout=0.1)
    assert names == api.names()


@pytest.mark.parametrize("when", ["before", "after"])
def test_slow(api: Api, when: str) -> None:
    """A slow answer is late for an impatient client, and still the right one for a patient one."""
    api.fault({"effect": "slow", "delay_ms": 150, "when": when}, operation="list", times=2)
    with pytest.raises(httpx.ReadTimeout):
        api.unsigned("GET", f"{api.project}/notebooks", headers=signed_in(api), timeout=0.05)
    assert [] == api.names()


@pytest.mark.parametrize(
    ("operation", "status"),
    [("create", "CREATE_FAILED"), ("start", "START_FAILED"), ("delete", "DELETE_FAILED"), ("stop", "ERROR")],
)
def test_outcome(api: Api, operation: str, status: str) -> None:
    """The operation is accepted and ends in failure, with a reason."""
    api.fault({"effect": "outcome", "status": status, "fail_reason": "no resources"}, operation=operation)
    if operation == "create":
        notebook_id = api.running()
    else:
        notebook_id = api.stopped() if operation == "start" else api.running()
        method, suffix = ("DELETE", "") if operation == "delete" else ("POST", f"/{operation}")
        assert 200 == api.call(method, f"/notebooks/{notebook_id}{suffix}").status
        api.advance(1000)
    notebook = api.show(notebook_id)
    assert (status, "no resources") == (notebook["status"], notebook["fail_reason"])


def test_hidden_from_lists(api: Api) -> None:
    """What was created can be read at once and is listed later."""
    api.fault({"effect": "hide", "ms": 5000}, operation="create")
    notebook_id = api.created()
    assert ("CREATING", []) == (api.show(notebook_id)["status"], api.names())
    api.advance(4999)
    assert [] == api.names()
    api.advance(1)
    assert ["notebook"] == api.names()


def test_hidden_everywhere(api: Api) -> None:
    """For a while a notebook that was created does not exist at all."""
    api.fault({"effect": "hide", "ms": 5000, "where": "everywhere"}, operation="create")
    notebook_id = api.created()
    assert ("6404", []) == (api.call("GET", f"/notebooks/{notebook_id}").code, api.names())
    api.advance(5000)
    assert ("RUNNING", ["notebook"]) == (api.show(notebook_id)["status"], api.names())


def test_effects_combine(api: Api) -> None:
    """A lost answer and a list that lags, from two rules."""
    api.fault({"effect": "lose"}, operation="create")
    api.fault({"effect": "hide", "ms": 1000}, operation="create")
    with pytest.raises(httpx.RemoteProtocolError):
        api.create()
    assert [] == api.names()
    api.advance(1000)
    assert ["notebook"] == api.names()


def test_matching(api: Api) -> None:
    """By method and path; from the nth match on; so many times; and the report counts."""
    number = api.fault({"effect": "fail"}, method="GET", path=r"/notebooks/.+/lease$", nth=2, times=2)
    path = f"/notebooks/{api.running()}"
    statuses = [api.call("GET", f"{path}/lease").status for _ in range(4)]
    assert ([200, 500, 500, 200], 200) == (statuses, api.call("GET", path).status)
    (report,) = api.control("GET", "/faults")["faults"]
    assert (number, 4, 2) == (report["id"], report["matched"], report["fired"])


def test_probability_is_repeatable(api: Api) -> None:
    """The same seed makes the same requests fail."""

    def failures() -> list[int]:
        number = api.fault({"effect": "fail"}, probability=0.5, seed=7, times=None)
        statuses = [api.call("GET", "/notebooks").status for _ in range(20)]
        api.control("DELETE", f"/faults/{number}")
        return statuses

    first = failures()
    assert {200, 500} == set(first)
    assert first == failures()


def test_disarming(api: Api) -> None:
    """All rules go at once."""
    api.fault({"effect": "fail"}, times=None)
    api.control("DELETE", "/faults")
    assert (200, []) == (api.call("GET", "/notebooks").status, api.control("GET", "/faults")["faults"])


def logged(api: Api) -> tuple[int, str]:
    entry = api.control("GET", "/log?operation=create")["requests"][-1]
    return entry["status"], entry["code"]


def signed_in(api: Api) -> dict[str, str]:
    """A token, for requests that are not signed."""
    user = {"name": "sandbox-user", "password": "sandbox-password", "domain": {"name": "sandbox-domain"}}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"id": api.ready["project_id"]}}
    answer = api.send("POST", "/v3/auth/tokens", {"auth": {"identity": identity, "scope": scope}}, sign=False)
    return {"X-Auth-Token": answer.headers["X-Subject-Token"]}
