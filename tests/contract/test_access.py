"""access on a live service: what it shows, what it never shows, and a file that the real ssh accepts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.project import Project
from tests.contract.sandbox import Sandbox

SSH = {"endpoints": [{"service": "SSH", "key_pair_names": ["team", "alice"], "allowed_access_ips": ["203.0.113.7"]}]}
OPENSSH = shutil.which("ssh")
HOST = "dev-modelarts-cnnorth4.huaweicloud.com"


@pytest.fixture(scope="module")
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture(scope="module")
def project(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """`alice` runs and takes ssh, `bob` is stopped. What is done to one of the others concerns one test alone."""
    project = Project(tmp_path_factory.mktemp("access"), sandbox.environ)
    project.declare(alice=SSH, bob={"desired_status": "STOPPED"}, vanished={}, hostile=SSH)
    result = project.run("apply", "--auto-approve")
    assert 0 == result.returncode, result.stderr
    return project


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert 0 == result.returncode, result.stderr
    return result.stdout


def live(sandbox: Sandbox, name: str = "alice") -> dict[str, Any]:
    return next(notebook for notebook in sandbox.notebooks() if notebook["name"] == name)


def test_the_table(project: Project, sandbox: Sandbox) -> None:
    """Where the service says that JupyterLab and ssh are, and what does not run."""
    headings, alice, bob, _, note = done(project.run("access", "alice", "bob")).splitlines()
    endpoint = next(each for each in live(sandbox)["endpoints"] if each["service"] == "SSH")
    port = endpoint["uri"].rpartition(":")[2]
    assert ["ADDRESS", "STATUS", "JUPYTERLAB", "SSH"] == headings.split()
    assert ["notebook.alice", "RUNNING", live(sandbox)["url"], f"ssh ma-user@{HOST} -p {port}"] == alice.split(
        maxsplit=3
    )
    assert ["notebook.bob", "STOPPED", "-", "-"] == bob.split()
    assert "notebook.bob is STOPPED: provisioner start bob starts it." == note


def test_it_reads_and_writes_nothing(project: Project, sandbox: Sandbox) -> None:
    """One request for each notebook that is asked for, and no byte of the state."""
    before = project.bytes_of_state()
    sandbox.forget()
    done(project.run("access", "alice"))
    assert ["show"] == [entry["operation"] for entry in sandbox.log()]
    assert before == project.bytes_of_state()


def test_a_token_is_shown_on_request_and_written_nowhere(project: Project, sandbox: Sandbox) -> None:
    """Neither in the other forms of the screen, nor in any file of the project."""
    token = live(sandbox)["token"]
    for options in ([], ["--json"], ["--ssh-config"]):
        result = project.run("access", *options)
        assert token not in done(result) + result.stderr
    assert token in done(project.run("access", "--show-token"))
    assert token == json.loads(done(project.run("access", "alice", "--json", "--show-token")))[0]["token"]
    assert [] == [path for path in project.root.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]


def test_json(project: Project, sandbox: Sandbox) -> None:
    """What a script needs, null where there is nothing."""
    alice, bob = json.loads(done(project.run("access", "alice", "bob", "--json")))
    assert ("notebook.alice", "lab", live(sandbox)["id"]) == (alice["address"], alice["stack"], alice["id"])
    assert ("RUNNING", live(sandbox)["url"], HOST) == (alice["status"], alice["url"], alice["ssh"]["host"])
    assert ("STOPPED", None, None) == (bob["status"], bob["url"], bob["ssh"])


def test_a_notebook_that_is_gone_is_told(project: Project, sandbox: Sandbox) -> None:
    """It is no failure of the rest."""
    sandbox.happen(live(sandbox, "vanished")["id"], "vanish")
    screen = done(project.run("access"))
    assert re.search("notebook.alice +RUNNING", screen)
    assert re.search("notebook.vanished +GONE", screen)
    assert "notebook.vanished does not exist any more: provisioner plan shows what apply would do about it." in screen


def test_an_answer_that_may_mean_gone_is_looked_into(project: Project, sandbox: Sandbox) -> None:
    """ModelArts.6357 says busy as well as gone (API page 16.2): the list knows which."""
    sandbox.forget()
    sandbox.fault("show", "fail", status=400, code="ModelArts.6357")
    assert live(sandbox)["url"] in done(project.run("access", "alice"))
    assert ["show", "list"] == [entry["operation"] for entry in sandbox.log()]


def test_a_stack_without_a_state_has_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """That is said, and an address is refused."""
    empty = Project(tmp_path, sandbox.environ)
    assert "Nothing is recorded.\n" == done(empty.run("access"))
    result = empty.run("access", "alice")
    assert (1, True) == (result.returncode, "notebook.alice is not recorded" in result.stderr)


def test_two_forms_at_once_are_refused(project: Project) -> None:
    """Each goes to a reader of its own."""
    result = project.run("access", "--ssh-config", "--json")
    assert (1, True) == (result.returncode, "--ssh-config goes with neither" in result.stderr)


@pytest.mark.skipif(OPENSSH is None, reason="needs OpenSSH: install the package openssh-client")
class TestOpenSsh:
    def understood(self, project: Project, alias: str) -> dict[str, list[str]]:
        """What ssh makes of the Host block `alias`; it parses the whole file."""
        file = project.root / "ssh-config"
        file.write_text(done(project.run("access", "--ssh-config")))
        assert OPENSSH is not None
        found = subprocess.run([OPENSSH, "-G", "-F", str(file), alias], capture_output=True, text=True, check=False)
        assert 0 == found.returncode, found.stderr
        options: dict[str, list[str]] = {}
        for line in found.stdout.splitlines():
            name, _, value = line.partition(" ")
            options.setdefault(name, []).append(value)
        return options

    def test_ssh_accepts_the_host_blocks(self, project: Project, sandbox: Sandbox) -> None:
        """Host, port, user and key are those of the service."""
        endpoint = next(each for each in live(sandbox)["endpoints"] if each["service"] == "SSH")
        options = self.understood(project, "alice")
        port = endpoint["uri"].rpartition(":")[2]
        assert ([HOST], [port], ["ma-user"]) == (options["hostname"], options["port"], options["user"])
        assert [f"~/.ssh/{endpoint['key_pair_names'][0]}.pem"] == options["identityfile"]

    def test_what_does_not_run_is_no_host(self, project: Project) -> None:
        """A comment says so, and ssh sees none."""
        assert ["bob"] == self.understood(project, "bob")["hostname"]

    def test_a_hostile_address_adds_no_option(self, project: Project, sandbox: Sandbox) -> None:
        """Whatever the service says of host and key."""
        evil = f"ssh://ma-user@{HOST}:22\n    ProxyCommand touch evil"
        endpoint = {"service": "SSH", "key_pair_names": ["x\n    ProxyCommand touch evil"], "uri": evil}
        sandbox.drift(live(sandbox, "hostile")["id"], endpoints=[endpoint])
        options = self.understood(project, "hostile")
        assert "proxycommand" not in options
        assert ["hostile"] == options["hostname"]
