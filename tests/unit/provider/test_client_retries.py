"""What is repeated and what never is: the table of API page 16.6, row by row, over real sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

import pytest

from provisioner.clock import Interrupted, SystemClock
from provisioner.errors import ApiError, OutcomeUnknown
from provisioner.provider.client import Client
from provisioner.provider.credentials import AccessKey
from provisioner.provider.retry import Patience
from provisioner.provider.signing import Signer, WireRequest
from tests.unit.provider.fakes import (
    CLOSE,
    HANG,
    RESET,
    FakeClock,
    FakeServer,
    Play,
    Received,
    cut_short,
    error,
    reply,
)

OK = reply(200, {"id": "n"})
CHANGES = ["POST", "PUT", "DELETE", "PATCH"]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def client(server: FakeServer, clock: FakeClock) -> Iterator[Client]:
    with Client(server.url, Signer(AccessKey("ak", "sk"), clock), clock) as opened:
        yield opened


@pytest.fixture
def hasty(server: FakeServer, clock: FakeClock) -> Iterator[Client]:
    """A client that soon gives up waiting for an answer."""
    with Client(server.url, Signer(AccessKey("ak", "sk"), clock), clock, patience=Patience(reading=0.5)) as opened:
        yield opened


LOST = {
    "reset": RESET,
    "closed": CLOSE,
    "cut-short": cut_short(),
    "not-http": Play(b"SSH-2.0-OpenSSH\r\n", "close"),
    "html": reply(200, b"<html>log in</html>"),
    "half-json": reply(200, b'{"id": "n", "sta'),
    "500": error(500, "ModelArts.6102"),
    "502": reply(502, b"<html>Bad Gateway</html>"),
    "503": reply(503, b""),
    "503-retry-after": reply(503, b"", headers={"Retry-After": "3"}),
    "504": reply(504, b""),
    "408": error(408, "ModelArts.6100"),
}


@pytest.mark.parametrize("play", LOST.values(), ids=LOST.keys())
def test_lost_answer_to_a_read(server: FakeServer, client: Client, clock: FakeClock, play: Play) -> None:
    """A read whose answer was lost is asked again."""
    server.script = [play, OK]
    assert {"id": "n"} == client.request("GET", "/v1/p")
    assert 2 == len(server.received)
    assert 1 == len(clock.slept)


@pytest.mark.parametrize("play", LOST.values(), ids=LOST.keys())
def test_lost_answer_to_a_change(server: FakeServer, client: Client, clock: FakeClock, play: Play) -> None:
    """A change whose answer was lost is never sent again; its outcome is unknown."""
    server.script = [play, OK]
    with pytest.raises(OutcomeUnknown) as caught:
        client.request("POST", "/v1/p", body={"name": "x"})
    assert 1 == len(server.received)
    assert [] == clock.slept
    assert caught.value.detail.startswith("POST /v1/p")


SILENT = {"nothing": HANG, "half-a-body": Play(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"id"', "hang")}


@pytest.mark.parametrize("play", SILENT.values(), ids=SILENT.keys())
def test_silence_after_a_read(server: FakeServer, hasty: Client, play: Play) -> None:
    """A read that is left waiting is asked again."""
    server.script = [play, OK]
    assert {"id": "n"} == hasty.request("GET", "/v1/p")
    assert 2 == len(server.received)


@pytest.mark.parametrize("play", SILENT.values(), ids=SILENT.keys())
def test_silence_after_a_change(server: FakeServer, hasty: Client, play: Play) -> None:
    """A change that is left waiting may have been made; the message says how long was waited."""
    server.script = [play, OK]
    with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.5 s"):
        hasty.request("POST", "/v1/p")
    assert 1 == len(server.received)


@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("play", [RESET, error(500, "ModelArts.6102"), error(409, "C")], ids=["reset", "500", "409"])
def test_every_change_is_sent_once(server: FakeServer, client: Client, method: str, play: Play) -> None:
    """No method but GET is repeated by itself."""
    server.script = [play, OK]
    with pytest.raises(OutcomeUnknown):
        client.request(method, "/v1/p")
    assert [method] == [r.method for r in server.received]


def test_caller_may_know_better(server: FakeServer, client: Client) -> None:
    """A POST that the caller calls repeatable, such as a login, is repeated like a read."""
    server.script = [RESET, reply(503), OK]
    assert {"id": "n"} == client.send("POST", "/v1/p", repeatable=True).body


def test_reads_give_up(server: FakeServer, client: Client, clock: FakeClock) -> None:
    """After five attempts a read fails with what the last one met."""
    server.respond = lambda _: reply(502, b"down", headers={"X-Request-Id": "r5"})
    with pytest.raises(ApiError) as caught:
        client.request("GET", "/v1/p")
    assert 5 == len(server.received)
    assert (502, "502", "down", "r5") == (
        caught.value.status,
        caught.value.code,
        caught.value.message,
        caught.value.request_id,
    )
    assert ApiError is type(caught.value)


@pytest.mark.parametrize("play", [error(400, "ModelArts.0104"), error(403, "ModelArts.0112"), error(501, "C")])
def test_final_answers(server: FakeServer, client: Client, clock: FakeClock, play: Play) -> None:
    """What the service refuses stays refused."""
    server.script = [play]
    with pytest.raises(ApiError):
        client.request("GET", "/v1/p")
    assert [] == clock.slept


@pytest.mark.parametrize("method", ["GET", *CHANGES])
@pytest.mark.parametrize("code", ["APIGW.0308", "ModelArts.6101"])
def test_throttled(server: FakeServer, client: Client, clock: FakeClock, method: str, code: str) -> None:
    """Too many requests: any method waits from two seconds on and is sent again, since nothing was done."""
    server.script = [error(429, code), error(429, code), OK]
    assert {"id": "n"} == client.request(method, "/v1/p")
    assert 2 <= clock.slept[0] <= 4
    assert 4 <= clock.slept[1] <= 7


@pytest.mark.parametrize(
    ("value", "least"),
    [("1", 1), ("Fri, 18 Nov 2022 12:00:30 GMT", 30), ("1000000000", 120), ("-3", 0), ("garbage", 2)],
)
def test_retry_after(server: FakeServer, client: Client, clock: FakeClock, value: str, least: float) -> None:
    """The wait is what the service asks for within reason, and a little more."""
    server.script = [error(429, "APIGW.0308", headers={"Retry-After": value}), OK]
    client.request("POST", "/v1/p")
    assert least <= sum(clock.slept) <= least + 5


def test_throttling_pauses_every_thread(server: FakeServer, client: Client, clock: FakeClock) -> None:
    """After one thread was refused, another one waits before its first request."""
    server.script = [error(429, "APIGW.0308", headers={"Retry-After": "50"}), OK, OK]
    held = threading.Event()

    def other_thread(seconds: float) -> None:
        held.set()

    paused = FakeClock(on_sleep=other_thread)
    with Client(server.url, Signer(AccessKey("ak", "sk"), paused), paused) as shared:
        first = threading.Thread(target=shared.request, args=("GET", "/v1/first"))
        first.start()
        assert held.wait(30)
        shared.request("GET", "/v1/second")
        first.join(30)
    assert sum(paused.slept) >= 50
    assert 3 == len(server.received)


def test_busy_for_a_minute(server: FakeServer, client: Client, clock: FakeClock) -> None:
    """A resource that is being restored or set up gets its minute, then the change is sent again."""
    server.script = [error(400, "ModelArts.6333"), error(400, "ModelArts.6355"), OK]
    assert {"id": "n"} == client.request("PUT", "/v1/p")
    assert all(60 <= slept <= 65 for slept in clock.slept)
    assert 2 == len(clock.slept)


def test_6357_is_left_to_the_caller(server: FakeServer, client: Client) -> None:
    """The ambiguous 6357 is reported under its code, neither repeated nor taken for "not found"."""
    server.script = [error(400, "ModelArts.6357")]
    with pytest.raises(ApiError) as caught:
        client.request("DELETE", "/v1/p")
    assert (ApiError, "ModelArts.6357") == (type(caught.value), caught.value.code)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refused_connection_is_tried_again(method: str) -> None:
    """A connection that was refused carried nothing: even a change is tried again when the host is back."""
    with FakeServer([OK], listening=False) as late:
        clock = FakeClock(on_sleep=lambda _: late.listen())
        with Client(late.url, Signer(AccessKey("ak", "sk"), clock), clock) as client:
            assert {"id": "n"} == client.request(method, "/v1/p")
        assert 1 == len(late.received)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refused_connection_in_the_end(method: str) -> None:
    """A host that stays away is an error, in which nothing is in doubt."""
    with FakeServer(listening=False) as absent:
        clock = FakeClock()
        with (
            Client(absent.url, Signer(AccessKey("ak", "sk"), clock), clock) as client,
            pytest.raises(ApiError, match=r"cannot connect: .*nothing was sent") as caught,
        ):
            client.request(method, "/v1/p")
    assert (ApiError, 0, 4) == (type(caught.value), caught.value.status, len(clock.slept))


def test_each_attempt_is_signed_anew(server: FakeServer, client: Client) -> None:
    """A repetition carries the time at which it is sent."""
    server.script = [error(429, "APIGW.0308", headers={"Retry-After": "100"}), OK]
    client.request("GET", "/v1/p")
    first, second = (r.headers["x-sdk-date"] for r in server.received)
    assert "20221118T120000Z" == first
    assert "20221118T120140Z" <= second


def test_idle_connection_closed_by_the_server(server: FakeServer, client: Client) -> None:
    """A pooled connection that the server has closed meanwhile is not used for a change: no false alarm."""
    server.script = [Play(OK.data, "close"), OK]
    client.request("GET", "/v1/p")
    assert server.closed_one.wait(30)
    assert {"id": "n"} == client.request("POST", "/v1/p")
    assert [1, 2] == [r.connection for r in server.received]


@pytest.mark.parametrize("method", ["GET", *CHANGES])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(server: FakeServer, client: Client, method: str, status: int) -> None:
    """Nothing is sent to where a redirect points, and the error says where that is."""
    with FakeServer() as elsewhere:
        server.script = [reply(status, headers={"Location": f"{elsewhere.url}/v1/p?x=1"})]
        kind = ApiError if method == "GET" else OutcomeUnknown
        with pytest.raises(ApiError, match=f"{elsewhere.url}/v1/p; nothing was sent there") as caught:
            client.request(method, "/v1/p")
        assert kind is type(caught.value)
        assert [] == elsewhere.received
    assert 1 == len(server.received)


def test_stopping_ends_the_waiting(server: FakeServer) -> None:
    """Asked to stop, a call that waits for its turn ends at once, and nothing further is sent."""
    clock = SystemClock()

    def respond(_: Received) -> Play:
        clock.stop.set()
        return error(429, "APIGW.0308", headers={"Retry-After": "100"})

    server.respond = respond
    with Client(server.url, Signer(AccessKey("ak", "sk"), clock), clock) as client, pytest.raises(Interrupted):
        client.request("POST", "/v1/p")
    assert 1 == len(server.received)


class CountedToken:
    """A token that changes with each renewal, as many times as it is allowed to."""

    def __init__(self, renewals: int) -> None:
        self.left = renewals
        self.number = 1

    def headers(self, request: WireRequest) -> Mapping[str, str]:
        del request
        return {"X-Auth-Token": f"token-{self.number}"}

    def renew(self, refused: Mapping[str, str]) -> bool:
        del refused
        self.left -= 1
        self.number += 1
        return self.left >= 0

    def secrets(self) -> tuple[str, ...]:
        return ()


@pytest.mark.parametrize("play", [error(401, "ModelArts.0202"), error(400, "ModelArts.6401")], ids=["401", "6401"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refused_token_is_renewed_once(server: FakeServer, clock: FakeClock, method: str, play: Play) -> None:
    """A refused token is replaced and the call repeated at once, a change too: it was not executed."""
    server.script = [play, OK]
    with Client(server.url, CountedToken(1), clock) as client:
        assert {"id": "n"} == client.request(method, "/v1/p")
    assert ["token-1", "token-2"] == [r.headers["x-auth-token"] for r in server.received]
    assert [] == clock.slept


@pytest.mark.parametrize(("renewals", "requests"), [(0, 1), (9, 2)])
def test_token_refused_again(server: FakeServer, clock: FakeClock, renewals: int, requests: int) -> None:
    """Without another token, or when the new one is refused as well, the refusal is the error."""
    server.respond = lambda _: error(401, "ModelArts.0202")
    with Client(server.url, CountedToken(renewals), clock) as client, pytest.raises(ApiError) as caught:
        client.request("GET", "/v1/p")
    assert (401, "ModelArts.0202", requests) == (caught.value.status, caught.value.code, len(server.received))


def test_refused_key_is_not_repeated(server: FakeServer, client: Client) -> None:
    """A refused signature is not tried again: the service locks keys that fail too often."""
    server.script = [error(401, "APIGW.0301", headers={"Date": "Fri, 18 Nov 2022 13:00:00 GMT"})]
    with pytest.raises(ApiError) as caught:
        client.request("GET", "/v1/p")
    assert "server says 2022-11-18 13:00:00 UTC" in caught.value.hint
    assert 1 == len(server.received)


@pytest.mark.parametrize("throttled", [1, 12])
def test_threads_that_are_throttled_all_arrive(server: FakeServer, clock: FakeClock, throttled: int) -> None:
    """Under a rate limit every call is answered in the end, and each change takes effect once."""
    lock, left, made = threading.Lock(), [throttled], []

    def respond(request: Received) -> Play:
        with lock:
            if left[0] > 0:
                left[0] -= 1
                return error(429, "APIGW.0308")
            made.append(request.json)
            return OK

    server.respond = respond
    with Client(server.url, Signer(AccessKey("ak", "sk"), clock), clock) as client:
        calls: list[Callable[[], object]] = [
            lambda n=n: client.request("POST", "/v1/p", body={"n": n})  # type: ignore[misc]
            for n in range(8)
        ]
        threads = [threading.Thread(target=call) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert [{"n": n} for n in range(8)] == sorted(made, key=str)
