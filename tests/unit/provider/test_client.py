"""One conversation over real sockets: what goes out, what comes back, who may be talked to."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner import __version__
from provisioner.errors import ApiError, UsageError
from provisioner.provider.client import Client, parse_endpoint
from provisioner.provider.credentials import AccessKey
from provisioner.provider.signing import Query, Signer, WireRequest, authorization
from tests.unit.provider.fakes import FakeClock, FakeServer, Play, Received, reply

KEY = AccessKey("EXAMPLEAK", "canary-secret-key", "canary-security-token")
CERTIFICATE = Path(__file__).with_name("loopback.pem")  # self-signed, for 127.0.0.1; its key guards nothing


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    clock = FakeClock()
    with Client(server.url, Signer(KEY, clock, "p"), clock) as opened:
        yield opened


def test_get(server: FakeServer, client: Client) -> None:
    """A read brings back the object that was answered."""
    server.script = [reply(200, {"id": "n", "status": "RUNNING"})]
    assert {"id": "n", "status": "RUNNING"} == client.request("GET", "/v1/p/notebooks/n")
    assert [("GET", "/v1/p/notebooks/n", b"")] == [(r.method, r.target, r.body) for r in server.received]


def test_send_shows_status_and_headers(server: FakeServer, client: Client) -> None:
    """`send` gives the status and the headers besides, under lower-case names."""
    server.script = [reply(201, {"id": "n"}, headers={"X-Subject-Token": "t"})]
    answer = client.send("POST", "/v1/p/notebooks")
    assert (201, "t", {"id": "n"}) == (answer.status, answer.headers["x-subject-token"], answer.body)


def test_query_goes_out_as_it_was_signed(server: FakeServer, client: Client) -> None:
    """The target on the wire is the canonical query of the API page's first vector, byte for byte."""
    server.script = [reply(200, {"data": []})]
    query: Query = {"limit": 50, "offset": 0, "name": "my note~book*", "tags": "env|dev,team|数据", "workspace_id": 0}
    client.request("GET", "/v1/p/notebooks", query=query)
    expected = "limit=50&name=my%20note~book%2A&offset=0&tags=env%7Cdev%2Cteam%7C%E6%95%B0%E6%8D%AE&workspace_id=0"
    assert f"/v1/p/notebooks?{expected}" == server.received[0].target


def test_odd_path_goes_out_as_it_was_signed(server: FakeServer, client: Client) -> None:
    """A plain path is encoded once; nothing in it can begin a query."""
    server.script = [reply(200, {})]
    client.request("GET", "/v1/p/a b?x=1%2F#数*")
    assert "/v1/p/a%20b%3Fx%3D1%252F%23%E6%95%B0%2A" == server.received[0].target


@pytest.mark.parametrize("path", ["v1/p", "/v1/../p", "/v1/.", "/.."])
def test_path_that_leads_elsewhere(server: FakeServer, client: Client, path: str) -> None:
    """A path with dot segments, as a hostile id could make it, is never sent."""
    with pytest.raises(ValueError, match="no plain absolute path"):
        client.request("GET", path)
    assert [] == server.received


def test_endpoint_with_a_path(server: FakeServer) -> None:
    """A path in the endpoint comes before that of the call."""
    server.script = [reply(200, {})]
    clock = FakeClock()
    with Client(f"{server.url}/prefix/", Signer(KEY, clock), clock) as client:
        client.request("GET", "/v1/p")
    assert "/prefix/v1/p" == server.received[0].target


def test_signature_holds_for_what_arrived(server: FakeServer, client: Client) -> None:
    """Recomputing the signature from the received bytes and the headers that it names gives the same."""
    server.script = [reply(204)]
    client.request("DELETE", "/v1/p/notebooks/n/tags/delete", query={"a": "b*c"}, body={"tags": [{"key": "数"}]})
    got = server.received[0]
    path, _, query = got.target.partition("?")
    named = got.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert ["content-type", "host", "x-project-id", "x-sdk-date", "x-security-token"] == named
    headers = {name: got.headers[name] for name in named}
    request = WireRequest(got.method, path, query, headers, got.body)
    assert got.headers["authorization"] == authorization(request, KEY.access_key, KEY.secret_key)


def test_headers(server: FakeServer, client: Client) -> None:
    """Every request says who asks, for what, and in which language."""
    server.script = [reply(200, {})]
    client.request("GET", "/v1/p")
    got = server.received[0].headers
    assert {
        "user-agent": f"provisioner/{__version__}",
        "x-language": "en-us",
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "x-project-id": "p",
        "x-sdk-date": "20221118T120000Z",
        "host": f"127.0.0.1:{server.port}",
    }.items() <= got.items()


def test_body(server: FakeServer, client: Client) -> None:
    """A body is compact UTF-8 JSON, also on DELETE; no body is nothing at all, not null."""
    server.script = [reply(204), reply(200, {})]
    client.request("DELETE", "/v1/p/tags", body={"tags": ["数"], "n": 1})
    client.request("POST", "/v1/p/start")
    assert ['{"tags":["数"],"n":1}'.encode(), b""] == [r.body for r in server.received]


def test_cookies_are_not_kept(server: FakeServer, client: Client) -> None:
    """What a server wants remembered is not sent back."""
    server.script = [reply(200, {}, headers={"Set-Cookie": "a=b; Path=/"}), reply(200, {})]
    client.request("GET", "/v1/p")
    client.request("GET", "/v1/p")
    assert "cookie" not in server.received[1].headers


def test_connection_is_reused(server: FakeServer, client: Client) -> None:
    """Calls of one thread share a connection."""
    server.script = [reply(200, {}) for _ in range(3)]
    for _ in range(3):
        client.request("GET", "/v1/p")
    assert {1} == {r.connection for r in server.received}


def test_each_thread_has_its_connection(server: FakeServer, client: Client) -> None:
    """Threads that call at the same moment do not wait for each other's connection."""
    together = threading.Barrier(4, timeout=30)

    def respond(_: Received) -> Play:
        together.wait()
        return reply(200, {})

    server.respond = respond
    threads = [threading.Thread(target=client.request, args=("GET", "/v1/p")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {1, 2, 3, 4} == {r.connection for r in server.received}


def test_client_may_be_closed_and_used_again(server: FakeServer, client: Client) -> None:
    """Closing ends the connections, not the client."""
    server.script = [reply(200, {}), reply(200, {"id": "n"})]
    client.request("GET", "/v1/p")
    client.close()
    assert {"id": "n"} == client.request("GET", "/v1/p")


def test_proxy_is_never_used_for_loopback(server: FakeServer, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http stays on this machine, whatever proxies the environment names."""
    with FakeServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        server.script = [reply(200, {})]
        client.request("GET", "/v1/p")
        assert [] == proxy.received


def test_netrc_is_never_read(
    server: FakeServer, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A password that the user keeps for this host does not replace the signature."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login bob password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.script = [reply(200, {})]
    client.request("GET", "/v1/p")
    assert server.received[0].headers["authorization"].startswith("SDK-HMAC-SHA256 ")


def test_secrets_stay_out_of_logs_and_errors(
    server: FakeServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the debug log of the HTTP library, nor an error, nor the client shows a secret."""
    caplog.set_level(logging.DEBUG)
    echoed = f"x-security-token:{KEY.security_token}|{KEY.secret_key}"
    server.script = [
        reply(401, {"error_code": "APIGW.0301", "error_msg": echoed}, headers={"X-Subject-Token": "canary-new"})
    ]
    with pytest.raises(ApiError) as caught:
        client.request("GET", "/v1/p")
    error = caught.value
    shown = f"{error} {error!r} {error.message} {error.detail} {error.hint} {error.diagnostics()} {client!r}"
    assert "canary" not in shown + caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "https://modelarts.cn-north-4.myhuaweicloud.com",
        "https://10.0.0.1:8443/base",
        "http://127.0.0.1:8765",
        "http://127.3.2.1",
        "http://[::1]:80/",
        "http://localhost:1",
    ],
)
def test_endpoints(url: str) -> None:
    """Https goes anywhere, http to this machine."""
    assert url.startswith(parse_endpoint(url).scheme)


@pytest.mark.parametrize(
    "url",
    [
        "http://modelarts.cn-north-4.myhuaweicloud.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://169.254.169.254",
        "http://[::ffff:10.0.0.1]",
        "http://2130706433",
        "https://user:canary@host",
        "https://host?x=1",
        "https://host#x",
        "ftp://127.0.0.1",
        "modelarts.cn-north-4.myhuaweicloud.com",
        "https://",
        "http://[",
        "https://host\x00",
        "https://host:99999",
        f"https://{'a' * 64}.example.com",
        "https://a..b",
        "",
    ],
)
def test_endpoints_that_are_refused(url: str) -> None:
    """Http elsewhere, a user, a query, another scheme and no URL at all are refused, without repeating a password."""
    with pytest.raises(UsageError) as caught:
        parse_endpoint(url)
    assert "canary" not in f"{caught.value} {caught.value.detail}"


@pytest.fixture
def tls_server() -> Iterator[FakeServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with FakeServer(tls=context) as running:
        yield running


def test_unknown_certificate(tls_server: FakeServer) -> None:
    """A certificate that nobody vouches for ends the call at once; not even a change is in doubt."""
    clock = FakeClock()
    with (
        Client(tls_server.url, Signer(KEY, clock), clock) as client,
        pytest.raises(ApiError, match=r"certificate verify failed.*nothing was sent") as caught,
    ):
        client.request("POST", "/v1/p")
    assert ApiError is type(caught.value)
    assert "OS_CACERT" in caught.value.hint
    assert [] == clock.slept
    assert [] == tls_server.received


def test_ca_bundle(tls_server: FakeServer) -> None:
    """With its authority in the bundle the server is trusted."""
    clock = FakeClock()
    tls_server.script = [reply(200, {"id": "n"})]
    with Client(tls_server.url, Signer(KEY, clock), clock, ca_bundle=str(CERTIFICATE)) as client:
        assert {"id": "n"} == client.request("GET", "/v1/p")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_bad_ca_bundle(tls_server: FakeServer, tmp_path: Path, content: str | None) -> None:
    """A bundle that is missing or holds no certificate is named."""
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    clock = FakeClock()
    with (
        Client(tls_server.url, Signer(KEY, clock), clock, ca_bundle=str(bundle)) as client,
        pytest.raises(UsageError, match=r"ca\.pem"),
    ):
        client.request("GET", "/v1/p")


def test_https_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Https uses the proxy of the environment; what a proxy refuses was never sent, and is tried again."""
    clock = FakeClock()
    with FakeServer(respond=lambda _: reply(407)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://bob:canary@127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with (
            Client("https://modelarts.invalid", Signer(KEY, clock), clock) as client,
            pytest.raises(ApiError, match=r"407.*nothing was sent") as caught,
        ):
            client.request("POST", "/v1/p", body={"name": "x"})
    assert ApiError is type(caught.value)
    assert [("CONNECT", "modelarts.invalid:443")] * 5 == [(r.method, r.target) for r in proxy.received]
    assert "canary" not in f"{caught.value} {caught.value.detail}"


@pytest.mark.parametrize("proxy", ["gopher://bob:canary@127.0.0.1:1", "socks5://bob:canary@127.0.0.1:1", "http://[:x"])
def test_unusable_proxy(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """A proxy that cannot be used is a mistake in the settings; its address, with the password, is not shown."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    clock = FakeClock()
    with (
        Client("https://modelarts.invalid", Signer(KEY, clock), clock) as client,
        pytest.raises(UsageError, match="proxy") as caught,
    ):
        client.request("GET", "/v1/p")
    assert "canary" not in f"{caught.value} {caught.value.detail} {caught.value.hint}"
