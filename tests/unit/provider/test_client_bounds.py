"""Answers that are hostile in size, form or speed (API page 16, and what no page promises)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest

from provisioner.errors import ApiError, OutcomeUnknown
from provisioner.provider.client import MAX_BODY, Client
from provisioner.provider.credentials import AccessKey
from provisioner.provider.retry import Patience
from provisioner.provider.signing import Signer
from tests.unit.provider.fakes import FakeClock, FakeServer, Play, reply

GZIP = {"Content-Encoding": "gzip"}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    clock = FakeClock()
    with Client(server.url, Signer(AccessKey("ak", "sk"), clock), clock) as opened:
        yield opened


def gzip_bomb(unfolded: int) -> bytes:
    return gzip.compress(b" " * unfolded)


def endless() -> Play:
    """More than is allowed, announced as much more still."""
    return Play(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n" + b" " * (MAX_BODY + 100_000), "hang")


def test_gzip(server: FakeServer, client: Client) -> None:
    """A compressed answer is unfolded."""
    content = {"items": ["数" * 1000] * 100}
    server.script = [reply(200, gzip.compress(json.dumps(content).encode()), headers=GZIP)]
    assert content == client.request("GET", "/v1/p")


def test_empty_gzip(server: FakeServer, client: Client) -> None:
    """An empty answer that calls itself compressed is empty."""
    server.script = [reply(204, headers=GZIP)]
    assert {} == client.request("POST", "/v1/p")


def test_answer_of_the_largest_size(server: FakeServer, client: Client) -> None:
    """An answer of exactly the bound is read."""
    body = b'{"a": 1}'
    server.script = [reply(200, gzip.compress(body + b" " * (MAX_BODY - len(body))), headers=GZIP)]
    assert {"a": 1} == client.request("GET", "/v1/p")


HOSTILE = {
    "bomb": (reply(200, gzip_bomb(3 * MAX_BODY), headers=GZIP), "larger than 32 MiB"),
    "one-too-many": (reply(200, gzip_bomb(MAX_BODY + 1), headers=GZIP), "larger than 32 MiB"),
    "endless": (endless(), "larger than 32 MiB"),
    "cut-gzip": (reply(200, gzip.compress(b'{"a": 1}')[:-4], headers=GZIP), "cut off"),
    "no-gzip": (reply(200, b'{"a": 1}', headers=GZIP), "no valid gzip"),
    "twice-folded": (
        reply(200, gzip.compress(gzip_bomb(1000)), headers={"Content-Encoding": "gzip, gzip"}),
        "was not asked for",
    ),
    "brotli": (reply(200, b"xx", headers={"Content-Encoding": "br"}), "was not asked for"),
    "error-bomb": (reply(400, gzip_bomb(MAX_BODY + 1), headers=GZIP), "larger than 32 MiB"),
    "deep": (reply(200, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "nested too deeply"),
}


@pytest.mark.parametrize(("play", "words"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_answer(server: FakeServer, client: Client, play: Play, words: str) -> None:
    """A change answered like this is in doubt; the message says what was wrong with the answer."""
    server.script = [play]
    with pytest.raises(OutcomeUnknown, match=words):
        client.request("POST", "/v1/p")


def test_reading_stops_at_the_bound(server: FakeServer, client: Client) -> None:
    """An answer without end is dropped with its connection; the next call has a new one."""
    server.script = [endless(), reply(200, {"id": "n"})]
    assert {"id": "n"} == client.request("GET", "/v1/p")
    assert [1, 2] == [r.connection for r in server.received]


def test_dripping_answer(server: FakeServer) -> None:
    """An answer that never stops coming, but never ends, is given up when its time is over."""
    clock = FakeClock(step=40.0)  # each look at the clock costs 40 s
    server.script = [reply(200, {"id": "n"})]
    with (
        Client(server.url, Signer(AccessKey("ak", "sk"), clock), clock, patience=Patience(reading=30)) as client,
        pytest.raises(OutcomeUnknown, match="not complete within 30 s"),
    ):
        client.request("POST", "/v1/p")


@pytest.mark.parametrize("line", [b"X-A: " + b"x" * 200_000, b"\x00\x01: y", b"no colon"])
def test_broken_head(server: FakeServer, client: Client, line: bytes) -> None:
    """A head that is no HTTP fails the call, not the program."""
    server.respond = lambda _: Play(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n{}", "close")
    with pytest.raises(ApiError, match="connection broke"):
        client.request("GET", "/v1/p")
    assert 5 == len(server.received)


def test_header_of_odd_bytes(server: FakeServer, client: Client) -> None:
    """A header that is no ASCII does not disturb the answer."""
    head = "HTTP/1.1 200 OK\r\nX-Request-Id: 数\r\nContent-Length: 2\r\n\r\n".encode()
    server.script = [Play(head + b"{}")]
    assert {} == client.request("GET", "/v1/p")
