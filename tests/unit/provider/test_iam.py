"""Signing in: logins, their renewal, and the look-up of a project, against a real server on a loopback socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from provisioner.errors import ApiError, UsageError
from provisioner.provider.client import Client
from provisioner.provider.credentials import AccessKey, Credentials, PasswordLogin, Scope, TokenLogin
from provisioner.provider.iam import Anonymous, GivenToken, IssuedToken, PasswordToken, connect, find_project_id
from tests.unit.provider.fakes import FakeClock, FakeServer, Play, Received, error, reply

P = "0123456789abcdef0123456789abcdef"
KEY = AccessKey("ak", "canary-sk", "canary-st")
LOGIN = PasswordLogin("canary-password", user="alice", domain="lab")
TIMES = {"issued_at": "2022-11-18T12:00:00.000000Z", "expires_at": "2022-11-19T12:00:00.000000Z"}


def token_reply(value: str = "canary-token", **changes: Any) -> Play:
    token = {"project": {"id": P, "name": "cn-north-4"}, **TIMES, **changes}
    return reply(201, {"token": token}, headers={"X-Subject-Token": value})


def projects_reply(*names: str) -> Play:
    return reply(200, {"links": {}, "projects": [{"id": f"id-{n}", "name": name} for n, name in enumerate(names)]})


@pytest.fixture
def iam() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def modelarts() -> Iterator[FakeServer]:
    with FakeServer(respond=lambda _: reply(200, {"ok": True})) as running:
        yield running


@contextmanager
def connected(
    credentials: Credentials, iam: FakeServer, modelarts: FakeServer, *, clock: FakeClock | None = None, **scope: str
) -> Iterator[tuple[Client, str]]:
    full = Scope(endpoint=modelarts.url, iam_endpoint=f"{iam.url}/v3", **scope)
    with connect(credentials, full, clock or FakeClock()) as session:
        yield session


def test_key_with_project_asks_nobody(iam: FakeServer, modelarts: FakeServer) -> None:
    """With an access key and a project id IAM is left alone; the key signs with the project's id."""
    with connected(KEY, iam, modelarts, project_id=P) as (client, project_id):
        client.request("GET", "/v1/x")
    assert P == project_id == modelarts.received[0].headers["x-project-id"]
    assert [] == iam.received


def test_key_with_project_needs_no_region(modelarts: FakeServer) -> None:
    """IAM's host, made from the region, is not needed either."""
    with connect(KEY, Scope(endpoint=modelarts.url, project_id=P), FakeClock()) as (_, project_id):
        assert P == project_id


@pytest.mark.parametrize(("region", "project_name"), [("cn-north-4", ""), ("other", "cn-north-4")])
def test_key_looks_its_project_up(iam: FakeServer, modelarts: FakeServer, region: str, project_name: str) -> None:
    """Without a project id the project named so, or like the region, is asked for: signed, but for no project."""
    iam.script = [projects_reply("cn-north-4_x", "cn-north-4")]
    with connected(KEY, iam, modelarts, region=region, project_name=project_name) as (client, project_id):
        client.request("GET", "/v1/x")
    assert "id-1" == project_id == modelarts.received[0].headers["x-project-id"]
    assert "/v3/projects?name=cn-north-4" == iam.received[0].target
    assert iam.received[0].headers["authorization"].startswith("SDK-HMAC-SHA256 Access=ak, ")
    assert "canary-st" == iam.received[0].headers["x-security-token"]
    assert "x-project-id" not in iam.received[0].headers


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (projects_reply("cn-north-4_x"), "no project is named cn-north-4"),
        (projects_reply(), "no project is named cn-north-4"),
        (reply(200, {"projects": [None, {"name": "cn-north-4", "id": "../x"}]}), "no project is named"),
        (projects_reply("cn-north-4", "cn-north-4"), "2 projects are named cn-north-4"),
    ],
)
def test_no_single_project(iam: FakeServer, modelarts: FakeServer, answer: Play, words: str) -> None:
    """None or several projects of the name: the message asks for an explicit id."""
    iam.script = [answer]
    with (
        pytest.raises(UsageError, match=words) as caught,
        connected(KEY, iam, modelarts, region="cn-north-4"),
    ):
        pass
    assert "HW_PROJECT_ID" in caught.value.hint


def test_projects_missing_from_the_answer(iam: FakeServer) -> None:
    """An answer without the list is not IAM's."""
    iam.script = [reply(200, {"hello": 1})]
    with (
        Client(iam.url, GivenToken("t"), FakeClock()) as client,
        pytest.raises(ApiError, match="not the API's"),
    ):
        find_project_id(client, "x")


def test_no_project_at_all(iam: FakeServer, modelarts: FakeServer) -> None:
    """Without project and region nothing can be looked up."""
    with pytest.raises(UsageError, match="no project"), connected(KEY, iam, modelarts):
        pass


def test_given_token(iam: FakeServer, modelarts: FakeServer) -> None:
    """A token from outside is used as it is, for the look-up too; when refused it is not replaced."""
    iam.script = [projects_reply("cn-north-4")]
    modelarts.respond = lambda _: error(401, "ModelArts.0202")
    with (
        connected(TokenLogin("canary-given"), iam, modelarts, region="cn-north-4") as (client, _),
        pytest.raises(ApiError) as caught,
    ):
        client.request("GET", "/v1/x")
    assert ["canary-given"] == [r.headers["x-auth-token"] for r in iam.received]
    assert ["canary-given"] == [r.headers["x-auth-token"] for r in modelarts.received]
    assert "authorization" not in modelarts.received[0].headers
    assert "24 hours" in caught.value.hint


def test_login_with_password(iam: FakeServer, modelarts: FakeServer) -> None:
    """The login names user, domain and project; its token comes back in a header, its project in the body."""
    iam.script = [token_reply()]
    with connected(LOGIN, iam, modelarts, region="cn-north-4") as (client, project_id):
        client.request("GET", "/v1/x")
        client.request("POST", "/v1/y")
    assert P == project_id
    assert [("POST", "/v3/auth/tokens?nocatalog=true")] == [(r.method, r.target) for r in iam.received]
    assert {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": "alice", "password": "canary-password", "domain": {"name": "lab"}}},
            },
            "scope": {"project": {"name": "cn-north-4"}},
        }
    } == iam.received[0].json
    assert {"canary-token"} == {r.headers["x-auth-token"] for r in modelarts.received}
    assert "authorization" not in modelarts.received[0].headers


@pytest.mark.parametrize(
    ("login", "user"),
    [
        (PasswordLogin("pw", user_id="u1", domain="lab"), {"id": "u1", "password": "pw"}),
        (PasswordLogin("pw", user="bob", domain_id="d1"), {"name": "bob", "password": "pw", "domain": {"id": "d1"}}),
    ],
)
def test_login_by_ids(iam: FakeServer, modelarts: FakeServer, login: PasswordLogin, user: dict[str, Any]) -> None:
    """Ids of user, domain and project are used where given; the login waits until a token is needed."""
    iam.script = [token_reply()]
    with connected(login, iam, modelarts, project_id=P) as (client, _):
        assert [] == iam.received
        client.request("GET", "/v1/x")
    sent: Any = iam.received[0].json
    assert user == sent["auth"]["identity"]["password"]["user"]
    assert {"project": {"id": P}} == sent["auth"]["scope"]


def test_token_is_renewed_in_time(iam: FakeServer, modelarts: FakeServer) -> None:
    """Before a day is over there is a new token; until then the first one serves."""
    clock = FakeClock()
    iam.script = [token_reply("one"), token_reply("two")]
    with connected(LOGIN, iam, modelarts, clock=clock, project_id=P) as (client, _):
        client.request("GET", "/v1/x")
        clock.advance(19 * 3600)
        client.request("GET", "/v1/x")
        clock.advance(1 * 3600)
        client.request("GET", "/v1/x")
    assert ["one", "one", "two"] == [r.headers["x-auth-token"] for r in modelarts.received]


@pytest.mark.parametrize("times", [{"expires_at": None}, {"expires_at": "soon"}, {"issued_at": 17}])
def test_token_without_times(iam: FakeServer, modelarts: FakeServer, times: dict[str, Any]) -> None:
    """A token whose end is not told is taken to live a day."""
    clock = FakeClock()
    iam.script = [token_reply("one", **times), token_reply("two", **times)]
    with connected(LOGIN, iam, modelarts, clock=clock, project_id=P) as (client, _):
        client.request("GET", "/v1/x")
        clock.advance(20 * 3600)
        client.request("GET", "/v1/x")
    assert ["one", "two"] == [r.headers["x-auth-token"] for r in modelarts.received]


def test_renewal_is_shared_by_threads(iam: FakeServer, modelarts: FakeServer) -> None:
    """When the token of eight threads is refused at the same moment, there is one login and every call succeeds."""
    together = threading.Barrier(8, timeout=30)
    logins = iter(range(1, 100))
    iam.respond = lambda _: token_reply(f"token-{next(logins)}")

    def respond(request: Received) -> Play:
        if request.headers["x-auth-token"] == "token-1":
            together.wait()
            return error(401, "ModelArts.0202")
        return reply(200, {"ok": True})

    modelarts.respond = respond
    answers: list[dict[str, Any]] = []
    with connected(LOGIN, iam, modelarts, region="cn-north-4") as (client, _):
        threads = [threading.Thread(target=lambda: answers.append(client.request("POST", "/v1/x"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert [{"ok": True}] * 8 == answers
    assert 2 == len(iam.received)


def test_login_is_repeated_over_a_passing_fault(iam: FakeServer, modelarts: FakeServer) -> None:
    """A login changes nothing, so a broken one is tried again although it is a POST."""
    iam.script = [reply(502), Play(then="reset"), token_reply()]
    with connected(LOGIN, iam, modelarts, region="cn-north-4") as (_, project_id):
        assert P == project_id


def test_refused_login_is_not_repeated(iam: FakeServer, modelarts: FakeServer) -> None:
    """A wrong password is tried once, however many calls there are: the account would be locked."""
    iam.respond = lambda _: reply(401, {"error": {"code": 401, "message": "bad canary-password", "title": "U"}})
    shown = ""
    with connected(LOGIN, iam, modelarts, project_id=P) as (client, _):
        for _ in range(3):
            with pytest.raises(ApiError, match="401") as caught:
                client.request("GET", "/v1/x")
            shown += f"{caught.value} {caught.value.detail} {caught.value.hint} {caught.value!r}"
    assert 1 == len(iam.received)
    assert [] == modelarts.received
    assert "canary" not in shown


def test_unreachable_login_may_be_tried_again(iam: FakeServer, modelarts: FakeServer) -> None:
    """A login that failed on IAM's side does not condemn the later ones."""
    iam.script = [*([reply(503)] * 5), token_reply()]
    with connected(LOGIN, iam, modelarts, project_id=P) as (client, _):
        with pytest.raises(ApiError, match="503"):
            client.request("GET", "/v1/x")
        assert {"ok": True} == client.request("GET", "/v1/x")


@pytest.mark.parametrize(
    "answer",
    [
        reply(201, {"token": {"project": {"id": P}}}),
        reply(201, {"token": 5}, headers={"X-Subject-Token": "t"}),
        reply(201, {"token": {"project": {"id": "../x"}}}, headers={"X-Subject-Token": "t"}),
        reply(201, {"token": {"project": None}}, headers={"X-Subject-Token": "t"}),
    ],
)
def test_login_without_token(iam: FakeServer, modelarts: FakeServer, answer: Play) -> None:
    """A login that brings no token, or one for no project, is not IAM's answer."""
    iam.script = [answer]
    with (
        pytest.raises(ApiError, match="not the API's"),
        connected(LOGIN, iam, modelarts, region="cn-north-4"),
    ):
        pass


def test_token_stays_out_of_errors(iam: FakeServer, modelarts: FakeServer) -> None:
    """A message that repeats the token, even one issued for this very call, does not show it."""
    iam.script = [token_reply()]
    modelarts.respond = lambda r: error(403, "C", f"token {r.headers['x-auth-token']} is no good")
    with connected(LOGIN, iam, modelarts, project_id=P) as (client, _), pytest.raises(ApiError) as caught:
        client.request("GET", "/v1/x")
    assert "token *** is no good" == caught.value.message


def test_values_hide_their_secrets(iam: FakeServer) -> None:
    """No way of authenticating shows its secret when printed."""
    with Client(iam.url, Anonymous("canary"), FakeClock()) as client:
        token = PasswordToken(client, LOGIN, Scope(), FakeClock())
        shown = [GivenToken("canary"), Anonymous("canary"), IssuedToken("canary", P, 0.0), token, client]
        assert "canary" not in repr(shown)
