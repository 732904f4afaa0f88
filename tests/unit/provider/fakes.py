"""A clock that never waits, and a real HTTP server on a loopback socket that plays what a test tells it to."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

NOON = 1668772800.0  # 2022-11-18 12:00:00 UTC, the moment of the API page's test vectors


class FakeClock:
    """Sleeping is remembered and moves the time on; nothing waits."""

    def __init__(self, on_sleep: Callable[[float], None] | None = None, step: float = 0.0) -> None:
        self.slept: list[float] = []
        self._elapsed = 0.0
        self._step = step
        self._on_sleep = on_sleep
        self._lock = threading.Lock()

    def now(self) -> float:
        return NOON + self._elapsed

    def monotonic(self) -> float:
        with self._lock:
            self._elapsed += self._step
            return self._elapsed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._elapsed += seconds
        if self._on_sleep is not None:
            self._on_sleep(seconds)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._elapsed += seconds


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it stood on the wire."""

    connection: int
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Play:
    """What the server does with one request: bytes to write, then how the connection goes on."""

    data: bytes = b""
    then: str = "keep"  # keep, close, reset, hang


def reply(status: int = 200, body: object = None, *, headers: Mapping[str, str] | None = None) -> Play:
    """A well-formed reply. A body of bytes goes out as it is; anything else as JSON; None as no body."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = {"X-Request-Id": "req-1", "Content-Length": str(len(content)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return Play(f"HTTP/1.1 {status} Reason\r\n{head}\r\n".encode() + content)


def error(status: int, code: str, message: str = "no", *, headers: Mapping[str, str] | None = None) -> Play:
    return reply(status, {"error_code": code, "error_msg": message}, headers=headers)


def cut_short(body: bytes = b'{"id": ') -> Play:
    """A reply that ends before its announced length."""
    return Play(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body, "close")


RESET = Play(then="reset")
CLOSE = Play(then="close")
HANG = Play(then="hang")


@dataclass
class FakeServer:
    """Answers each request with the next play of the script, or with what `respond` says."""

    script: list[Play] = field(default_factory=list)
    respond: Callable[[Received], Play] | None = None
    tls: ssl.SSLContext | None = None
    listening: bool = True

    def __post_init__(self) -> None:
        self.received: list[Received] = []
        self.unsecured: list[ssl.SSLError | OSError] = []
        self.closed_one = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        if self.listening:
            self.listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for sock in [self._socket, *self._open]:
            with suppress(OSError):  # not connected, or closed already
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._socket.close()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Until this is called, connecting is refused."""
        self._socket.listen(64)
        self._spawn(self._accept)

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        number = 0
        while not self._stop.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            number += 1
            self._open.append(connection)
            self._spawn(self._serve, connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                while (request := _read_request(stream.readline, stream.read, number)) is not None:
                    if not self._play(connection, request):
                        break
        except (OSError, ssl.SSLError) as problem:
            self.unsecured.append(problem)
        finally:
            connection.close()
            self.closed_one.set()

    def _play(self, connection: socket.socket, request: Received) -> bool:
        with self._lock:
            self.received.append(request)
            scripted = self.script.pop(0) if self.script else reply(599)
        play = self.respond(request) if self.respond else scripted
        connection.sendall(play.data)
        if play.then == "hang":
            self._stop.wait(30)
        if play.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return play.then == "keep"


def _read_request(readline: Callable[[], bytes], read: Callable[[int], bytes], connection: int) -> Received | None:
    first = readline().decode("latin-1").split()
    if not first:
        return None
    headers: dict[str, str] = {}
    while line := readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = read(int(headers.get("content-length", "0")))
    return Received(connection, first[0], first[1], headers, body)
