"""A small signed client of the tests' own, and the simulator process it talks to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import httpx

from provisioner.simulator import signature

COMMAND = (sys.executable, "-c", "from provisioner.cli.sandbox import command; command()")
IMAGE = "e1a07296-22a8-4f05-8bc8-e936c8e54090"


class Answer(NamedTuple):
    status: int
    body: Any
    headers: httpx.Headers

    @property
    def code(self) -> str | None:
        """The service's error code without its prefix; None for a success."""
        code = self.body.get("error_code") if isinstance(self.body, dict) else None
        return None if code is None else str(code).removeprefix("ModelArts.")


@contextmanager
def sandbox(*options: str) -> Iterator[dict[str, str]]:
    """A simulator process; what its ready line says."""
    command = [*COMMAND, "--exit-with-stdin", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the simulator did not start"
        yield json.loads(line)


class Api:
    """One method per thing that tests do; every request is signed."""

    def __init__(self, ready: dict[str, str]) -> None:
        self.ready = ready
        self.project = f"/v1/{ready['project_id']}"
        self._http = httpx.Client(timeout=10, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        sign: bool = True,
        secret_key: str | None = None,
    ) -> Answer:
        """Any request to any path; `headers` are signed too, and `access-key` among them is the key to sign with."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        encoded = "&".join(
            f"{quote(key, safe='-_.~')}={quote(str(value), safe='-_.~')}"
            for key, value in sorted((query or {}).items())
        )
        url = self.ready["endpoint"] + path + (f"?{encoded}" if encoded else "")
        sent = {"content-type": "application/json", "host": urlsplit(url).netloc}
        sent["x-sdk-date"] = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        sent |= headers or {}
        access_key = sent.pop("access-key", self.ready["access_key"])
        if sign:
            names = tuple(sorted(sent))
            request = signature.Request(method, path, encoded, sent, content)
            canonical = signature.canonical_request(request, names)
            digest = signature.sign(canonical, sent["x-sdk-date"], secret_key or self.ready["secret_key"])
            sent["Authorization"] = (
                f"SDK-HMAC-SHA256 Access={access_key}, SignedHeaders={';'.join(names)}, Signature={digest}"
            )
        response = self._http.request(method, url, content=content, headers=sent)
        return Answer(response.status_code, _json(response), response.headers)

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        """A request below the project."""
        return self.send(method, self.project + path, body, query=query)

    def unsigned(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, timeout: float = 10
    ) -> httpx.Response:
        """A request with nothing added."""
        return self._http.request(method, self.ready["endpoint"] + path, json=body, headers=headers, timeout=timeout)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = self.unsigned(method, f"/_control{path}", body)
        assert response.status_code == 200, response.text
        return response.json()

    def advance(self, milliseconds: int) -> int:
        """Let that much time pass; the time it is then."""
        return int(self.control("POST", "/clock", {"advance_ms": milliseconds})["now"])

    def now(self) -> int:
        return int(self.control("GET", "/clock")["now"])

    def switch(self, **switches: Any) -> None:
        self.control("POST", "/switches", switches)

    def fault(self, then: dict[str, Any], **match: Any) -> int:
        return int(self.control("POST", "/faults", {"then": then} | match)["id"])

    def drift(self, notebook_id: str, **fields: Any) -> Any:
        """Change fields of a notebook behind the service's back."""
        patch = [{"op": "add", "path": f"/{name}", "value": value} for name, value in fields.items()]
        return self.control("PATCH", f"/notebooks/{notebook_id}", patch)

    def create(self, **fields: Any) -> Answer:
        return self.call("POST", "/notebooks", body(**fields))

    def created(self, **fields: Any) -> str:
        """The id of a notebook that is being created."""
        answer = self.create(**fields)
        assert answer.status == 200, answer.body
        return str(answer.body["id"])

    def running(self, **fields: Any) -> str:
        """The id of a notebook that runs."""
        notebook_id = self.created(**fields)
        self.advance(1000)
        return notebook_id

    def stopped(self, **fields: Any) -> str:
        notebook_id = self.running(**fields)
        assert self.call("POST", f"/notebooks/{notebook_id}/stop").status == 200
        self.advance(1000)
        return notebook_id

    def show(self, notebook_id: str) -> Any:
        answer = self.call("GET", f"/notebooks/{notebook_id}")
        assert answer.status == 200, answer.body
        return answer.body

    def names(self, path: str = "/notebooks", **query: Any) -> list[str]:
        """The names in one page of a list."""
        answer = self.call("GET", path, **query)
        assert answer.status == 200, answer.body
        return [row["name"] for row in answer.body["data"]]


def body(**fields: Any) -> dict[str, Any]:
    """A create body that is right, with changes; None takes a field away."""
    complete = {
        "name": "notebook",
        "flavor": "modelarts.vm.cpu.2u",
        "image_id": IMAGE,
        "volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 5},
        "duration": -1,
    } | fields
    return {key: value for key, value in complete.items() if value is not None}


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
