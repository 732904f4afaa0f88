"""Somebody between client and service: a TCP relay that answers, cuts, repeats or delays as a test tells it.

For what the service itself cannot be told to do: it never gets to see the request, or sees it more often than it was
sent. Bytes pass unaltered, so signatures hold.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

Answer = bytes | None
Exchange = Callable[[bytes], Answer]
Habit = Callable[[str, bytes, Exchange], Answer]
"""What becomes of one request: `METHOD /path`, its bytes, how the service would answer; None cuts the connection."""

_LINGER_NOT = struct.pack("ii", 1, 0)


class Between:
    """Listens on a port of its own. Every request is given to `habit`; `hits` counts those it did not just pass on."""

    def __init__(self, target: str, *, port: int = 0) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.habit: Habit = lambda _line, request, service: service(request)
        self.hits = 0
        self.open = True
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        host, port = self._listener.getsockname()
        return f"http://{host}:{port}"

    def once(self, method: str, habit: Habit, *, path: str = "", times: int = 1) -> None:
        """`habit` for the next requests of that method whose path holds `path`."""

        def choose(line: str, request: bytes, service: Exchange) -> Answer:
            if self.hits < times and line.startswith(method) and path in line:
                self.hits += 1
                return habit(line, request, service)
            return service(request)

        self.habit = choose

    def close(self) -> None:
        self.open = False
        self._listener.close()

    def _accept(self) -> None:
        while self.open:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            request = _message(connection)
            if not request:
                return
            method, path, _ = request.split(b" ", 2)
            answer = self.habit(f"{method.decode()} {path.decode()}", request, self.exchange)
            if answer is None:
                # A reset, not an orderly end.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            else:
                connection.sendall(_closing(answer))

    def exchange(self, request: bytes) -> bytes:
        """What the service answers."""
        with socket.create_connection(self._target) as service:
            service.sendall(_closing(request))
            return b"".join(iter(lambda: service.recv(65536), b""))


@contextmanager
def between(target: str, *, port: int = 0) -> Iterator[Between]:
    relay = Between(target, port=port)
    try:
        yield relay
    finally:
        relay.close()


def reset(_line: str, _request: bytes, _service: Exchange) -> Answer:
    """The service never sees it."""
    return None


def reset_after(_line: str, request: bytes, service: Exchange) -> Answer:
    service(request)
    return None


def close_after(_line: str, request: bytes, service: Exchange) -> Answer:
    """An orderly end without a byte."""
    service(request)
    return b""


def twice(_line: str, request: bytes, service: Exchange) -> Answer:
    """A proxy that repeats what it believes lost, and then gives up itself."""
    service(request)
    service(request)
    return timed_out


def later(seconds: float) -> Habit:
    """504 at once; the service gets to work on it after a while."""

    def habit(_line: str, request: bytes, service: Exchange) -> Answer:
        def pass_on() -> None:
            time.sleep(seconds)
            service(request)

        threading.Thread(target=pass_on, daemon=True).start()
        return timed_out

    return habit


timed_out = b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n"


def text(body: str, status: str = "200 OK") -> bytes:
    raw = body.encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw


def _message(connection: socket.socket) -> bytes:
    """One HTTP message with a length."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def _closing(message: bytes) -> bytes:
    """One message a connection."""
    head, separator, body = message.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + separator + body if separator else message
