"""The switches S1 to S16 of API page 20, each in its alternative position."""

from __future__ import annotations

from contextlib import suppress

import httpx
import pytest

from provisioner.simulator.options import Switches
from tests.unit.simulator.client import Api


def test_defaults(api: Api) -> None:
    """The second column of the page."""
    on = {"S2", "S7", "S15"}
    values = {"S11": "6404", "S13": 0, "S14": 0.0}
    assert {f"S{n}": values.get(f"S{n}", f"S{n}" in on) for n in range(1, 17)} == api.control("GET", "/switches")


def test_s1_legacy_endpoint_names(api: Api) -> None:
    """Endpoints carry the names of 2022 beside those of today."""
    api.switch(S1=True)
    shell = api.show(api.running(endpoints=[{"service": "SSH", "key_pair_names": ["alice"]}]))["endpoints"][1]
    assert ("SSH", ["alice"]) == (shell["dev_service"], shell["ssh_keys"])


def test_s2_lenient_description(api: Api) -> None:
    """Only angle brackets are forbidden."""
    api.switch(S2=False)
    assert (None, "6334") == (api.create(description="a/b & 'c'").code, api.create(description="<").code)


def test_s3_unknown_keys(api: Api) -> None:
    """They are refused, in create and in update."""
    notebook_id = api.running()
    api.switch(S3=True)
    assert "6400" == api.create(colour="red").code
    assert "6400" == api.call("PUT", f"/notebooks/{notebook_id}", {"colour": "red"}).code


def test_s4_delete_needs_stopped(api: Api) -> None:
    """Deleting a running notebook is 6304; a stopped one goes."""
    api.switch(S4=True)
    assert "6304" == api.call("DELETE", f"/notebooks/{api.running()}").code
    assert 200 == api.call("DELETE", f"/notebooks/{api.stopped()}").status


def test_s5_resize_when_stopped(api: Api) -> None:
    """A stopped notebook's volume grows too, and it stays stopped."""
    api.switch(S5=True)
    notebook_id = api.stopped()
    assert 200 == api.call("PUT", f"/notebooks/{notebook_id}", {"storage_new_size": 9}).status
    api.advance(200)
    notebook = api.show(notebook_id)
    assert ("STOPPED", 9) == (notebook["status"], notebook["volume"]["capacity"])


def test_s6_growth_limit(api: Api) -> None:
    """At most 100 GB at a time."""
    api.switch(S6=True)
    path = f"/notebooks/{api.running()}"
    assert "6331" == api.call("PUT", path, {"storage_new_size": 106}).code
    assert 200 == api.call("PUT", path, {"storage_new_size": 105}).status


def test_s7_any_limit(api: Api) -> None:
    """From 1 to 50."""
    api.switch(S7=False)
    assert (None, "6336") == (api.call("GET", "/notebooks", limit=7).code, api.call("GET", "/notebooks", limit=51).code)


def test_s8_endpoints_when_running(api: Api) -> None:
    """Key pairs and addresses change on a running notebook; a flavor still does not."""
    api.switch(S8=True)
    path = f"/notebooks/{api.running()}"
    endpoints = [{"service": "SSH", "key_pair_names": ["bob"]}]
    assert 200 == api.call("PUT", path, {"endpoints": endpoints}).status
    assert "6347" == api.call("PUT", path, {"endpoints": endpoints, "flavor": "modelarts.vm.cpu.8u"}).code


def test_s9_sparse_update_answer(api: Api) -> None:
    """The answer of an update has the changed fields and nothing else."""
    api.switch(S9=True)
    answer = api.call("PUT", f"/notebooks/{api.running()}", {"name": "renamed", "storage_new_size": 6}).body
    assert ({"name", "volume"}, "renamed") == (set(answer), answer["name"])


def test_s10_lease_needs_running(api: Api) -> None:
    """Reading the lease of a stopped notebook is 6327."""
    api.switch(S10=True)
    assert "6327" == api.call("GET", f"/notebooks/{api.stopped()}/lease").code
    assert 200 == api.call("GET", f"/notebooks/{api.running()}/lease").status


@pytest.mark.parametrize(("form", "answer"), [("6404", (400, "6404")), ("6309", (400, "6309")), ("404", (404, "6404"))])
def test_s11_not_found(api: Api, form: str, answer: tuple[int, str]) -> None:
    """The three forms in which something is missing."""
    api.switch(S11=form)
    missing = api.call("GET", "/notebooks/f9937afa-4451-42db-a76b-72d624749f66")
    assert answer == (missing.status, missing.code)


def test_s12_offset_is_a_page(api: Api) -> None:
    """A client that counts rows skips most of them."""
    for _ in range(12):
        api.created()
    api.switch(S12=True)
    assert (2, 0) == (len(api.names(offset=1)), len(api.names(offset=10)))


def test_s13_throttling(api: Api) -> None:
    """So many requests per second; the next is 429 in the gateway's shape, without Retry-After."""
    api.advance(1000 - api.now() % 1000)
    api.switch(S13=3)
    answers = [api.call("GET", "/notebooks") for _ in range(4)]
    assert [200, 200, 200, 429] == [answer.status for answer in answers]
    assert ("APIGW.0308", False) == (answers[3].code, "Retry-After" in answers[3].headers)
    assert "limit:3,time:1 second" in answers[3].body["error_msg"]
    api.advance(1000)
    assert 200 == api.call("GET", "/notebooks").status


def test_s14_faults_at_random(api: Api) -> None:
    """Every request suffers something with this probability, the same each time after a reset."""

    def mishaps() -> list[tuple[int, str]]:
        for _ in range(30):
            with suppress(httpx.RemoteProtocolError):  # a dropped connection is one of the mishaps
                api.call("GET", "/notebooks")
        log = [(entry["status"], entry["code"]) for entry in api.control("GET", "/log")["requests"]]
        api.control("POST", "/reset")
        return log

    api.switch(S14=0.5)
    first = mishaps()
    api.switch(S14=0.5)
    assert {(200, None), (502, None), (503, "ModelArts.6200"), (0, "drop")} == set(first)
    assert first == mishaps()


def test_s15_no_authentication(api: Api) -> None:
    """Anybody gets in, to any project."""
    api.switch(S15=False)
    assert 200 == api.send("GET", "/v1/any/notebooks", sign=False).status


def test_s16_legacy_create_answer(api: Api) -> None:
    """RUNNING next to four waiting steps, in reverse order; the notebook is being created nevertheless."""
    api.switch(S16=True)
    created = api.create().body
    assert ("RUNNING", [4, 3, 2, 1]) == (created["status"], [step["step"] for step in created["action_progress"]])
    assert "CREATING" == api.show(created["id"])["status"]


def test_a_switch_as_typed() -> None:
    """On the command line a bare switch means the page's alternative."""
    turned = Switches()
    for setting in ("S4", "S2", "s11=404", "S13=50", "S14=0.25", "S15=off", "S1=true"):
        turned = turned.turned(setting)
    assert (
        Switches(
            legacy_endpoint_names=True,
            strict_description=False,
            delete_needs_stopped=True,
            not_found="404",
            requests_per_second=50,
            fault_rate=0.25,
            authentication=False,
        )
        == turned
    )


@pytest.mark.parametrize("setting", ["S0", "S17", "x", "S4=maybe", "S11", "S11=500", "S13", "S13=-1", "S13=x", "S14=2"])
def test_a_switch_that_is_none(setting: str) -> None:
    """Anything else is refused with the switch's name."""
    with pytest.raises(ValueError, match=r"(?i)switch|S\d+ "):
        Switches().turned(setting)
