"""A server of states that speaks Terraform's http protocol, as GitLab does: a process of its own, states on a disk.

    python -m tests.contract.state_server DIRECTORY PORT

It judges its clients: a write under a lock without its id or to another ETag, a body that does not agree with its
Content-MD5 and a wrong password are refused. Real Terraform works with it (`test_state_http.py`). Below `/gitlab/` it
has no ETags, wants serials that grow, and answers what the source of GitLab says (lib/api/terraform/state.rb).
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

USER, PASSWORD = "ci", "canary-5d81"
_GUARD = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """`/states/NAME` is a state, `/states/NAME/lock` its lock; below `/gitlab/` a held lock is a conflict (409)."""

    protocol_version = "HTTP/1.1"
    directory: Path

    def do_GET(self) -> None:
        self._answer(*self._read())

    def do_POST(self) -> None:
        self._answer(*(self._lock() if self._is_lock() else self._write()))

    def do_DELETE(self) -> None:
        self._answer(*(self._unlock() if self._is_lock() else self._drop()))

    def do_LOCK(self) -> None:
        self._answer(*self._lock())

    def do_UNLOCK(self) -> None:
        self._answer(*self._unlock())

    def log_message(self, *_: object) -> None:
        """One line for each request, for tests."""
        with _GUARD, (self.directory / "log").open("a") as log:
            log.write(f"{self.command} {self.path}\n")

    def _read(self) -> tuple[int, bytes]:
        path = self._file("json")
        if path.exists():
            return 200, path.read_bytes()
        if self._is_gitlab():
            if "/projects/1/" not in self.path:
                return 404, b'{"message":"404 Project Not Found"}'
            return (204, b"") if self._file("lock").exists() else (404, b'{"message":"404 Not found"}')
        return 404, b""

    def _write(self) -> tuple[int, bytes]:
        body = self._body()
        if self.headers.get("Content-MD5") != _md5(body):
            return 400, b"the body does not agree with its Content-MD5"
        with _GUARD:
            held = self._held()
            given = parse_qs(urlsplit(self.path).query).get("ID", [""])[0]
            if held and held.get("ID") != given:
                # GitLab has no answer of its own for this one.
                return (500, b'{"message":"500 Internal Server Error"}') if self._is_gitlab() else _held_by(held)
            path = self._file("json")
            if "If-Match" in self.headers and (
                not path.exists() or self.headers["If-Match"] != _tag(path.read_bytes())
            ):
                return 412, b""
            if self._is_gitlab() and path.exists() and _serial(body) <= _serial(path.read_bytes()):
                return 422, b'{"message":"the serial does not grow"}'
            new = path.with_suffix(".new")
            new.write_bytes(body)
            new.replace(path)
        return 200, b""

    def _drop(self) -> tuple[int, bytes]:
        self._file("json").unlink(missing_ok=True)
        return 200, b""

    def _lock(self) -> tuple[int, bytes]:
        body = self._body()
        with _GUARD:
            if held := self._held():
                return self._refused(held, json.loads(body)) if self._is_gitlab() else _held_by(held)
            missing = {"ID", "Operation", "Info", "Who", "Version", "Created", "Path"} - set(json.loads(body))
            if missing:
                return 400, f"a lock says {sorted(missing)}".encode()
            self._file("lock").write_bytes(body)
        return 200, b""

    def _unlock(self) -> tuple[int, bytes]:
        """Terraform's force-unlock sends no body, and means it."""
        body = self._body()
        with _GUARD:
            held = self._held()
            if held and body and json.loads(body).get("ID") != held.get("ID"):
                return (409, b"") if self._is_gitlab() else _held_by(held)
            if body and not held:
                return 409, b""
            self._file("lock").unlink(missing_ok=True)
        return 200, b""

    def _refused(self, held: dict[str, str], asked: dict[str, str]) -> tuple[int, bytes]:
        """Of the holder GitLab knows its id, its user and since when; the rest it takes from who asks."""
        told = {name: asked[name] for name in ("Operation", "Info", "Version", "Path")}
        return 409, json.dumps({**told, "ID": held["ID"], "Who": USER, "Created": held["Created"]}).encode()

    def _is_gitlab(self) -> bool:
        return self.path.startswith("/gitlab/")

    def _held(self) -> dict[str, str]:
        path = self._file("lock")
        found: dict[str, str] = json.loads(path.read_bytes()) if path.exists() else {}
        return found

    def _is_lock(self) -> bool:
        return urlsplit(self.path).path.endswith("/lock")

    def _file(self, kind: str) -> Path:
        name = unquote(urlsplit(self.path).path.removesuffix("/lock"))
        return self.directory / f"{hashlib.sha256(name.encode()).hexdigest()}.{kind}"

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status: int, body: bytes) -> None:
        if self.headers.get("Authorization") != _basic(USER, PASSWORD):
            status, body = 401, b"who are you?"
            self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if body and status == 200:
            self.send_header("Content-MD5", _md5(body))
            if not self._is_gitlab():
                self.send_header("ETag", _tag(body))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Many clients may come at once."""

    daemon_threads = True
    request_queue_size = 128


def _serial(data: bytes) -> int:
    return int(json.loads(data)["serial"])


def _held_by(held: dict[str, str]) -> tuple[int, bytes]:
    return 423, json.dumps(held).encode()


def _tag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()}"'


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def main() -> None:
    Handler.directory = Path(sys.argv[1])
    server = Server(("127.0.0.1", int(sys.argv[2])), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
