"""Who gets in: signatures, tokens and temporary keys (API page 15), and the four IAM calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.client import Answer, Api

RIGHT = {"name": "sandbox-user", "password": "sandbox-password", "domain": {"name": "sandbox-domain"}}
DAY = 24 * 3_600_000


def sign_in(
    api: Api, user: dict[str, Any] | None = None, project: dict[str, Any] | None = None, path: str = ""
) -> Answer:
    identity = {"methods": ["password"], "password": {"user": user or RIGHT}}
    scope = {"project": project or {"name": "cn-north-4"}}
    body = {"auth": {"identity": identity, "scope": scope}}
    return api.send("POST", "/v3/auth/tokens" + path, body, sign=False)


def with_token(api: Api, token: str) -> Answer:
    return api.send("GET", api.project + "/notebooks", sign=False, headers={"x-auth-token": token})


def message(answer: Answer) -> str:
    return str(answer.body["error_msg"]).removeprefix("Incorrect IAM authentication information: ")


def test_a_signed_request(api: Api) -> None:
    """The account's keys open the project; every answer has its own request id."""
    first, second = api.call("GET", "/notebooks"), api.call("GET", "/notebooks")
    assert 200 == first.status
    assert 32 == len(first.headers["X-Request-Id"])
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_a_wrong_secret(api: Api) -> None:
    """401 from the gateway, with the canonical request it computed and its request id."""
    answer = api.send("GET", api.project + "/notebooks", secret_key="wrong", query={"limit": 10})
    assert (401, "APIGW.0301") == (answer.status, answer.code)
    assert message(answer).startswith(
        f"verify aksk signature fail,canonicalRequest:GET|{api.project}/notebooks/|limit=10|"
    )
    assert answer.headers["X-Request-Id"] == answer.body["request_id"]


@pytest.mark.parametrize(
    ("headers", "sign", "reason"),
    [
        ({}, False, "x-auth-token not found"),
        ({"x-auth-token": "nonsense"}, False, "decrypt token fail"),
        ({"authorization": "Basic eDp5"}, False, "authorization header is malformed"),
        ({"access-key": "SOMEBODYELSE"}, True, "Get secretKey failed"),
        ({"x-sdk-date": "20200101T000000Z"}, True, "signature expired"),
    ],
)
def test_refusals(api: Api, headers: dict[str, str], sign: bool, reason: str) -> None:  # noqa: FBT001 - a test case
    """Each failure says what it is, in the gateway's words."""
    answer = api.send("GET", api.project + "/notebooks", headers=headers, sign=sign)
    assert (401, reason) == (answer.status, message(answer))


def test_another_project(api: Api) -> None:
    """The path and the header have to mean the account's project."""
    for answer in (
        api.send("GET", f"/v1/{'f' * 32}/notebooks"),
        api.send("GET", api.project + "/notebooks", headers={"x-project-id": "f" * 32}),
    ):
        assert (403, "0210") == (answer.status, answer.code)


def test_a_token(api: Api) -> None:
    """A password gets a token in a header, 201, and the token gets in for a day."""
    answer = sign_in(api)
    token = answer.headers["X-Subject-Token"]
    shown = answer.body["token"]
    assert 201 == answer.status
    assert (["password"], "cn-north-4", "sandbox-user") == (
        shown["methods"],
        shown["project"]["name"],
        shown["user"]["name"],
    )
    assert ("catalog" in shown, shown["expires_at"][-8:]) == (True, shown["issued_at"][-8:])
    assert 200 == with_token(api, token).status
    api.advance(DAY - 1)
    assert 200 == with_token(api, token).status
    api.advance(1)
    assert (401, "token expires") == (with_token(api, token).status, message(with_token(api, token)))


def test_a_token_without_catalog(api: Api) -> None:
    """`?nocatalog=true` leaves the catalog out."""
    assert "catalog" not in sign_in(api, path="?nocatalog=true").body["token"]


def test_a_token_s_life_can_be_set(api: Api) -> None:
    """Tests need not wait for a day."""
    api.control("POST", "/settings", {"token_life_ms": 10})
    token = sign_in(api).headers["X-Subject-Token"]
    api.advance(10)
    assert 401 == with_token(api, token).status


def test_a_token_for_a_token(api: Api) -> None:
    """A token gets another one, for another project of the account too; that one does not open this project."""
    token = sign_in(api).headers["X-Subject-Token"]
    identity = {"methods": ["token"], "token": {"id": token}}
    body = {"auth": {"identity": identity, "scope": {"project": {"name": "cn-north-4_other"}}}}
    other = api.send("POST", "/v3/auth/tokens", body, sign=False)
    refused = with_token(api, other.headers["X-Subject-Token"])
    assert (201, 403, "0210") == (other.status, refused.status, refused.code)
    identity["token"] = {"id": "nonsense"}
    assert 401 == api.send("POST", "/v3/auth/tokens", body, sign=False).status


@pytest.mark.parametrize(
    ("user", "project", "status"),
    [
        (RIGHT | {"password": "wrong"}, None, 401),
        (RIGHT | {"name": "nobody"}, None, 401),
        (RIGHT | {"domain": {"name": "other"}}, None, 401),
        (RIGHT, {"name": "nowhere"}, 401),
    ],
)
def test_no_token(api: Api, user: dict[str, Any], project: dict[str, Any] | None, status: int) -> None:
    """IAM answers errors in its own shape (API page 16.1 f)."""
    answer = sign_in(api, user, project)
    assert (status, {"code", "message", "title"}) == (answer.status, set(answer.body["error"]))


@pytest.mark.parametrize("body", [b"{", {}, {"auth": {"identity": {"methods": ["magic"]}, "scope": {}}}])
def test_bad_requests(api: Api, body: Any) -> None:
    """A body that is no sign-in is 400."""
    answer = api.send("POST", "/v3/auth/tokens", body, sign=False)
    assert (400, 400) == (answer.status, answer.body["error"]["code"])


def test_projects_and_domains(api: Api) -> None:
    """The project of a region has its name; the look-up needs no project id but does need a signature."""
    (project,) = api.send("GET", "/v3/projects", query={"name": "cn-north-4"}).body["projects"]
    assert (api.ready["project_id"], True) == (project["id"], project["enabled"])
    assert 2 == len(api.send("GET", "/v3/projects").body["projects"])
    assert [] == api.send("GET", "/v3/projects", query={"name": "cn"}).body["projects"]
    (domain,) = api.send("GET", "/v3/auth/domains").body["domains"]
    assert ("sandbox-domain", project["domain_id"]) == (domain["name"], domain["id"])
    assert 401 == api.send("GET", "/v3/projects", sign=False).status


def test_temporary_keys(api: Api) -> None:
    """They work with their security token only, and for as long as was asked."""
    body = {"auth": {"identity": {"methods": ["token"], "token": {"duration_seconds": 900}}}}
    answer = api.send("POST", "/v3.0/OS-CREDENTIAL/securitytokens", body)
    key = answer.body["credential"]

    def listed(security_token: str) -> int:
        headers = {"access-key": key["access"], "x-security-token": security_token}
        signed = headers | {"access-key": key["access"]}
        return api.send("GET", api.project + "/notebooks", headers=signed, secret_key=key["secret"]).status

    assert 201 == answer.status
    assert (200, 401) == (listed(key["securitytoken"]), listed("other"))
    api.advance(900_000)
    assert 401 == listed(key["securitytoken"])


def test_temporary_keys_have_a_range_of_lives(api: Api) -> None:
    """From 15 minutes to a day."""
    body = {"auth": {"identity": {"methods": ["token"], "token": {"duration_seconds": 899}}}}
    answer = api.send("POST", "/v3.0/OS-CREDENTIAL/securitytokens", body)
    assert (400, "IAM.0007") == (answer.status, answer.code)


def test_a_signature_wins_over_a_token(api: Api) -> None:
    """When both arrive the token is not even looked at (API page 15)."""
    assert 200 == api.send("GET", api.project + "/notebooks", headers={"x-auth-token": "nonsense"}).status


def test_no_such_api(api: Api) -> None:
    """An unknown path or method is the gateway's 404."""
    for answer in (api.send("GET", "/v9/x"), api.call("PATCH", "/notebooks")):
        assert (404, "APIGW.0101") == (answer.status, answer.code)
