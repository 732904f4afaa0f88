"""The simulator as a process of its own, the way users run it, and everything a test does to it behind our back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
PROVISIONER = (sys.executable, "-P", "-m", "provisioner")
_LOOKUPS = {"flavors", "switchable-flavors", "images", "image-groups", "clusters", "workspaces"}
READS = frozenset(
    {"list", "show", "list-storages", "list-projects", "show-lease", "show-feature", "show-image", "show-cluster"}
    | {f"list-{what}" for what in _LOOKUPS}
)

# Long enough to be seen under way, short enough not to be noticed.
FAST = tuple(f"--{what}-ms=5" for what in ("create", "start", "stop", "delete", "resize", "mount"))


class Sandbox:
    """One simulator: how a client reaches it, and its control endpoint."""

    def __init__(self, ready: Mapping[str, str]) -> None:
        self.project_id = ready["project_id"]
        self.environ = {
            "PROVISIONER_ENDPOINT": ready["endpoint"],
            "PROVISIONER_IAM_ENDPOINT": ready["iam_endpoint"],
            "HW_ACCESS_KEY": ready["access_key"],
            "HW_SECRET_KEY": ready["secret_key"],
            "HW_PROJECT_ID": ready["project_id"],
            "HW_REGION_NAME": ready["region"],
        }
        self._http = httpx.Client(base_url=f"{ready['endpoint']}/_control", trust_env=False)

    def close(self) -> None:
        self._http.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, path, json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def reset(self) -> None:
        """As good as new, with the pace and the clock that it was started with."""
        self.control("POST", "/reset")

    def pace(self, **milliseconds: int) -> None:
        """How long things take: `create_ms=...` and so on."""
        self.control("POST", "/settings", milliseconds)

    def switch(self, **switches: Any) -> None:
        self.control("POST", "/switches", switches)

    def fault(self, operation: str, effect: str, nth: int = 1, **parameters: Any) -> None:
        """The `nth` such request from now on suffers `effect`, once."""
        self.control("POST", "/faults", {"operation": operation, "nth": nth, "then": {"effect": effect} | parameters})

    def advance(self, milliseconds: int) -> None:
        self.control("POST", "/clock", {"advance_ms": milliseconds})

    def drift(self, notebook_id: str, **fields: Any) -> None:
        """Change fields as somebody in the console would."""
        patch = [{"op": "add", "path": f"/{name}", "value": value} for name, value in fields.items()]
        self.control("PATCH", f"/notebooks/{notebook_id}", patch)

    def happen(self, notebook_id: str, event: str) -> None:
        """idle-stop, freeze, thaw or vanish."""
        self.control("POST", f"/notebooks/{notebook_id}/{event}")

    def notebooks(self) -> list[dict[str, Any]]:
        """Everything that exists, as the API shows it, with its `storages`."""
        found: list[dict[str, Any]] = self.control("GET", "/notebooks")["notebooks"]
        return found

    def only(self) -> dict[str, Any]:
        """The one notebook that exists."""
        found = self.notebooks()
        assert 1 == len(found), found
        return found[0]

    def log(self) -> list[dict[str, Any]]:
        """Every API request so far, in order."""
        found: list[dict[str, Any]] = self.control("GET", "/log")["requests"]
        return found

    def calls(self, *, accepted: bool = False) -> list[str]:
        """The operations of all mutating requests so far, in order; those `accepted` have no error for an answer."""
        sent = [entry for entry in self.log() if entry["operation"] not in READS]
        return [entry["operation"] for entry in sent if not accepted or entry["status"] < 400]

    def forget(self) -> None:
        """Clear the log."""
        self.control("DELETE", "/log")


@contextmanager
def running_sandbox(*options: str) -> Iterator[Sandbox]:
    command = [*PROVISIONER, "sandbox", "--exit-with-stdin", "--quota=1000", *(options or FAST)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the simulator did not start"
        sandbox = Sandbox(json.loads(line))
        try:
            yield sandbox
        finally:
            sandbox.close()
