"""States behind Terraform's http protocol: real Terraform and our command against one server that judges both."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.errors import StateDamaged, StateError, StateUnreachable
from provisioner.state.document import State
from provisioner.state.http import HttpStores
from provisioner.state.http_settings import Settings
from provisioner.state.remote import RemoteBackend
from tests.contract.project import Project
from tests.contract.sandbox import Sandbox
from tests.contract.state_server import PASSWORD, USER
from tests.contract.store_http import HttpServer, running_http
from tests.contract.test_remote_state import Runner, content, info, numbered
from tests.terraform import TERRAFORM, needs_terraform


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with running_http() as running:
        yield running


def opened(server: HttpServer, address: str, password: str = PASSWORD) -> Iterator[HttpStores]:
    stores = HttpStores(Settings(address, username=USER, password=password))
    try:
        yield stores
    finally:
        stores.close()


def test_what_is_sent(server: HttpServer, sandbox: Sandbox, tmp_path: Path) -> None:
    """One apply: a look, the lock, writes under its id, the unlock. The server refuses what is not the protocol's."""
    runner = Runner(tmp_path / "runner", sandbox, server, "sent")
    before = len(server.log())
    runner.done("apply", "--auto-approve")
    sent = [line.replace("/states/sent-lab", "") for line in server.log()[before:]]
    assert "LOCK /lock" == sent[0]
    assert "UNLOCK /lock" == sent[-1]
    writes = [line for line in sent if line.startswith("POST")]
    assert 2 <= len(writes) <= 7, sent
    assert all(line.startswith("POST ?ID=") for line in writes)
    assert "No changes." in runner.done("plan")
    assert "LOCK" not in "".join(server.log()[before + len(sent) :]), "a plan takes no lock, and looks at none"


def test_as_gitlab_does(server: HttpServer, sandbox: Sandbox, tmp_path: Path) -> None:
    """POST locks, DELETE unlocks. Of a holder its id and its user are told, and nothing of the one who asks."""
    runner = Runner(tmp_path / "runner", sandbox, server, "x")
    address = f"http://127.0.0.1:{server.port}/gitlab/api/v4/projects/1/terraform/state/{{stack}}"
    (runner.root / "provisioner.yaml").write_text(f'version: 1\nbackend: {{type: http, address: "{address}"}}\n')
    assert "Apply complete!" in runner.done("apply", "--auto-approve")
    assert {"GET", "POST", "DELETE"} == {line.split()[0] for line in server.log() if "/gitlab/" in line}
    for stores in opened(server, address):
        stores.of("lab").lock(info(3))
    refused = runner.run("apply", "--auto-approve")
    assert 1 == refused.returncode
    for part in (f"Who        {USER}", "Since      2026-01-02T03:04:05+00:00", "force-unlock lock-3"):
        assert part in refused.stderr
    assert "Operation" not in refused.stderr
    assert 0 == runner.run("force-unlock", "lock-3", "--force").returncode
    assert "No changes." in runner.done("plan")


def test_a_project_that_gitlab_hides_is_no_empty_state(server: HttpServer) -> None:
    """A state that does not exist yet is nothing; a project that one may not see is an error."""
    base = f"http://127.0.0.1:{server.port}/gitlab/api/v4/projects"
    for stores in opened(server, f"{base}/1/terraform/state/{{stack}}"):
        store = stores.of("unborn")
        assert None is store.read()
        store.lock(info(1))
        assert None is store.read()
        store.unlock(info(1))
        with pytest.raises(StateError, match="not ours any more"):
            store.unlock(info(1))
    for stores in opened(server, f"{base}/2/terraform/state/{{stack}}"):
        with pytest.raises(StateError, match="cannot be read: 404") as caught:
            stores.of("lab").read()
        assert "404 Project Not Found" == caught.value.detail


def test_gitlab_refuses_the_write_of_a_lost_lock(server: HttpServer) -> None:
    """With a 500: not known whether it was written, so it is looked at; what the other run wrote stands."""
    for stores in opened(server, f"http://127.0.0.1:{server.port}/gitlab/api/v4/projects/1/terraform/state/{{stack}}"):
        store = stores.of("lost")
        store.lock(info(1))
        version = store.write(content(numbered(1), info(1)), expected=None)
        seen = store.holder(trying=True)
        assert seen
        store.break_lock(seen)
        store.lock(info(2))
        with pytest.raises(StateUnreachable, match="cannot be written: 500"):
            store.write(content(numbered(2), info(1)), expected=version)
        found = store.read()
        assert found
        assert version == found.version
        store.unlock(info(2))


def test_a_wrong_password(server: HttpServer, sandbox: Sandbox, tmp_path: Path) -> None:
    runner = Runner(tmp_path / "runner", sandbox, server, "password")
    refused = runner.run("apply", "--auto-approve", TF_HTTP_PASSWORD="canary-77ee")
    assert (1, []) == (refused.returncode, sandbox.calls())
    assert "401" in refused.stderr
    assert "TF_HTTP_PASSWORD" in refused.stderr
    assert "canary" not in refused.stdout + refused.stderr


def test_nobody_listens(sandbox: Sandbox, tmp_path: Path) -> None:
    """Told with the address; nothing was sent to the service."""
    project = Project(tmp_path, sandbox.environ)
    project.declare(alice={})
    (tmp_path / "provisioner.yaml").write_text("version: 1\nbackend: {type: http, address: http://127.0.0.1:9/s}\n")
    refused = project.run("plan")
    assert 1 == refused.returncode
    assert "http://127.0.0.1:9/s gave no answer" in refused.stderr
    assert not sandbox.calls()


def test_one_address_serves_one_stack(server: HttpServer, tmp_path: Path) -> None:
    """Without {stack} a second one would stand in the place of the first."""
    for stores in opened(server, f"http://127.0.0.1:{server.port}/states/fixed"):
        stores.of("lab").write(content(numbered(1)), expected=None)
        with pytest.raises(StateDamaged, match="belongs to another stack"):
            RemoteBackend(stores.of("prod"), "prod", tmp_path).read()


def test_a_server_that_wants_growing_serials(server: HttpServer) -> None:
    for stores in opened(server, f"http://127.0.0.1:{server.port}/gitlab/api/v4/projects/1/terraform/state/{{stack}}"):
        store = stores.of("serials")
        version = store.write(content(numbered(2)), expected=None)
        other = State(lineage="other", serial=2, stack="lab")
        with pytest.raises(StateError, match="cannot be written: 422") as caught:
            store.write(content(other), expected=version)
        assert "the serial does not grow" in caught.value.detail


def test_what_is_cut_on_the_way_is_no_state(server: HttpServer) -> None:
    """An answer without a body is no state yet; one that does not agree with its digest is asked for again."""
    for stores in opened(server, server.address("none")):
        assert None is stores.of("lab").read()
    for stores in opened(server, "http://127.0.0.1:9/states/{stack}"):
        with pytest.raises(StateUnreachable):
            stores.of("lab").read()


class Terraform:
    """The real binary, with the built-in terraform_data: nothing is downloaded."""

    def __init__(self, root: Path, server: HttpServer) -> None:
        root.mkdir()
        backend = 'terraform {\n  backend "http" {}\n}\n'
        (root / "main.tf").write_text(f'{backend}resource "terraform_data" "x" {{\n  input = 1\n}}\n')
        at = f"http://127.0.0.1:{server.port}/states/terraform"
        self._root = root
        self._environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(root),
            "TF_HTTP_ADDRESS": at,
            "TF_HTTP_LOCK_ADDRESS": f"{at}/lock",
            "TF_HTTP_UNLOCK_ADDRESS": f"{at}/lock",
            "TF_HTTP_USERNAME": USER,
            "TF_HTTP_PASSWORD": PASSWORD,
            "CHECKPOINT_DISABLE": "1",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert TERRAFORM
        return subprocess.run(
            [TERRAFORM, *arguments], cwd=self._root, env=self._environ, capture_output=True, text=True, check=False
        )


@needs_terraform
def test_real_terraform_is_content_with_the_server(server: HttpServer, tmp_path: Path) -> None:
    """init, apply, a plan against a held lock, force-unlock: so what we are tested on is the protocol."""
    terraform = Terraform(tmp_path / "tf", server)
    for command in (("init", "-input=false"), ("apply", "-auto-approve", "-input=false")):
        done = terraform.run(*command)
        assert 0 == done.returncode, done.stderr
    for stores in opened(server, f"http://127.0.0.1:{server.port}/states/terraform"):
        store = stores.of("any")
        found = store.read()
        assert found
        assert 4 == json.loads(found.data)["version"]
        store.lock(info(8))
        held = terraform.run("plan", "-input=false", "-lock-timeout=0s")
        assert 1 == held.returncode
        assert "lock-8" in held.stderr
        unlocked = terraform.run("force-unlock", "-force", "lock-8")
        assert 0 == unlocked.returncode, unlocked.stderr
        assert None is store.holder(trying=True)
    assert 0 == terraform.run("plan", "-input=false", "-detailed-exitcode").returncode
