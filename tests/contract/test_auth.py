"""`auth status`, and signing in from every place: the real command, real files and commands, the simulator as IAM."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from provisioner.clock import SystemClock
from provisioner.provider.account import open_iam
from provisioner.provider.credentials import AccessKey
from provisioner.provider.environment import read_scope
from tests.contract.project import Project
from tests.contract.sandbox import Sandbox

DEAD = "http://127.0.0.1:9"  # nobody listens there


class Person:
    """Somebody with a home and a project directory, whose secrets must never be seen."""

    def __init__(self, root: Path, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.access_key = sandbox.environ["HW_ACCESS_KEY"]
        self.secret_key = sandbox.environ["HW_SECRET_KEY"]
        self.hosts = {name: value for name, value in sandbox.environ.items() if name.startswith("PROVISIONER_")}
        self.secrets = {self.secret_key}
        self.project = Project(root, self.hosts)
        self.project.declare(alice={})

    @property
    def keys(self) -> dict[str, str]:
        return {"HW_ACCESS_KEY": self.access_key, "HW_SECRET_KEY": self.secret_key, "HW_REGION_NAME": "cn-north-4"}

    def has_koocli(self, mode: int = 0o600, **fields: str) -> None:
        usual = {"mode": "AKSK", "accessKeyId": self.access_key, "secretAccessKey": self.secret_key}
        profile = {"name": "lab", **usual, "region": "cn-north-4", **fields}
        self._write(Path(".hcloud", "config.json"), json.dumps({"current": "lab", "profiles": [profile]}), mode)

    def has_sdk_file(self) -> None:
        text = f"[basic]\nak = {self.access_key}\nsk = {self.secret_key}\n"
        self._write(Path(".huaweicloud", "credentials"), text)

    def temporary_key(self) -> dict[str, Any]:
        """As IAM issues it."""
        body = {"auth": {"identity": {"methods": ["token"], "token": {"duration_seconds": 900}}}}
        key = AccessKey(self.access_key, self.secret_key)
        with open_iam(key, read_scope(self.hosts), SystemClock()) as iam:
            issued: dict[str, Any] = iam.request("POST", "/v3.0/OS-CREDENTIAL/securitytokens", body=body)["credential"]
        self.secrets |= {issued["secret"], issued["securitytoken"]}
        return issued

    def ended(self, code: int, *arguments: str, **environ: str) -> tuple[str, str]:
        """Both streams, in which no secret is."""
        done = self.project.run(*arguments, **environ)
        assert code == done.returncode, done.stdout + done.stderr
        for secret in self.secrets:
            assert secret not in done.stdout + done.stderr
        return done.stdout, done.stderr

    def run(self, *arguments: str, **environ: str) -> tuple[str, str]:
        return self.ended(0, *arguments, **environ)

    def fail(self, *arguments: str, **environ: str) -> str:
        """What it says of the failure."""
        return self.ended(1, *arguments, **environ)[1]

    def status(self, *arguments: str, **environ: str) -> dict[str, Any]:
        return self._status(0, *arguments, **environ)

    def bad_status(self, **environ: str) -> dict[str, Any]:
        return self._status(1, **environ)

    def _status(self, code: int, *arguments: str, **environ: str) -> dict[str, Any]:
        """As JSON; as text it holds no secret either."""
        self.ended(code, *arguments, "auth", "status", **environ)
        out, _ = self.ended(code, *arguments, "auth", "status", "--json", **environ)
        found: dict[str, Any] = json.loads(out)
        return found

    def _write(self, name: Path, text: str, mode: int = 0o600) -> None:
        path = self.project.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)


@pytest.fixture
def person(tmp_path: Path, shared_sandbox: Sandbox) -> Person:
    shared_sandbox.reset()
    return Person(tmp_path, shared_sandbox)


def printing(document: Mapping[str, Any], also: str = "") -> str:
    return shlex.join([sys.executable, "-c", f"{also}\nprint({json.dumps(document)!r})"])


def test_a_key_in_the_environment(person: Person) -> None:
    """Whose it is, on what it is used, where the hosts are; the beginning of the key and no more."""
    status = person.status(**person.keys)
    assert ("HW_ACCESS_KEY, HW_SECRET_KEY", "long-lived key") == (status["source"], status["kind"])
    assert f"{person.access_key[:4]}...." == status["access_key"]
    assert person.access_key not in json.dumps(status)
    assert "sandbox-domain" == status["account"]["name"]
    assert {"id": person.sandbox.project_id, "name": "cn-north-4"} == status["project"]
    assert {
        "modelarts": person.hosts["PROVISIONER_ENDPOINT"],
        "iam": person.hosts["PROVISIONER_IAM_ENDPOINT"],
    } == status["hosts"]
    assert ([], None) == (status["problems"], status["expires_at"])


def test_the_file_of_the_sdk(person: Person) -> None:
    """It is enough to plan with; the environment says the region."""
    person.has_sdk_file()
    assert person.status(HW_REGION_NAME="cn-north-4")["source"].startswith("[basic] of ")
    assert "1 to add" in person.run("plan", HW_REGION_NAME="cn-north-4")[0]


def test_a_profile_of_koocli(person: Person) -> None:
    """Its region and project are used with it, so it is all that a plan needs."""
    person.has_koocli(projectId=person.sandbox.project_id)
    status = person.status()
    assert "profile 'lab' of " in status["source"]
    assert ("cn-north-4", person.sandbox.project_id) == (status["region"], status["project"]["id"])
    assert "1 to add" in person.run("plan")[0]


def test_a_profile_that_is_named(person: Person) -> None:
    """--profile wins over what the environment holds; one that does not exist is an error."""
    person.has_koocli()
    other = {"HW_ACCESS_KEY": "AKOTHEROTHER", "HW_SECRET_KEY": "wrong"}
    assert "profile 'lab'" in person.status("--profile", "lab", **other)["source"]
    assert "profile 'lab'" in person.status(HW_PROFILE="lab", **other)["source"]
    assert "1 to add" in person.run("--profile=lab", "plan", **other)[0]
    assert "there is no profile 'none'" in person.fail("--profile", "none", "plan")


def test_a_file_that_others_may_read(person: Person) -> None:
    """It is used, and both the plan and the status warn."""
    person.has_koocli(mode=0o644)
    assert "W801" in person.run("plan")[1]
    (problem,) = person.status()["problems"]
    assert "chmod 600" in problem


def test_a_command(person: Person) -> None:
    """What it prints is signed with, security token and all; when it expires is shown, and that it is renewed."""
    command = printing({"credential": person.temporary_key()}, "import sys; print('asking vault', file=sys.stderr)")
    environ = {"PROVISIONER_CREDENTIAL_COMMAND": command, "HW_REGION_NAME": "cn-north-4"}
    status = person.status(**environ)
    assert ("PROVISIONER_CREDENTIAL_COMMAND", "temporary key", True) == (
        *(status["source"], status["kind"]),
        status["renewed"],
    )
    assert 800 < status["seconds_left"] <= 900
    out, err = person.run("plan", **environ)
    assert "1 to add" in out
    assert "asking vault" in err


def test_a_key_that_ends_in_the_middle_of_an_apply(person: Person, tmp_path: Path) -> None:
    """The command is run again before each end; no request is refused on the way."""
    asked = tmp_path / "asked"
    key = {name: value for name, value in person.temporary_key().items() if name != "expires_at"}
    lines = [
        "import datetime, json, pathlib",
        f"open({str(asked)!r}, 'a').write('x')",
        "end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)",
        f"print(json.dumps({{**{key!r}, 'expires_at': end.isoformat()}}))",
    ]
    command = shlex.join([sys.executable, "-c", "\n".join(lines)])
    person.sandbox.pace(create_ms=3000)
    environ = {"PROVISIONER_CREDENTIAL_COMMAND": command, "HW_REGION_NAME": "cn-north-4"}
    assert "Apply complete!" in person.run("apply", "--auto-approve", **environ)[0]
    assert 3 <= len(asked.read_text()) <= 6
    assert all(entry["status"] < 400 for entry in person.sandbox.log())


def test_a_command_that_fails(person: Person) -> None:
    """An error with the mend, in the status as in a plan; nothing else is tried."""
    person.has_koocli()
    command = printing({"secret": person.secret_key})
    for verb in (["auth", "status"], ["plan"]):
        err = person.fail(*verb, PROVISIONER_CREDENTIAL_COMMAND=command)
        assert "the credential command gave no key" in err
        assert "it must print" in err


def test_a_password(person: Person) -> None:
    """The user is named; the account comes from IAM."""
    login = {"HW_USER_NAME": "sandbox-user", "HW_USER_PASSWORD": "sandbox-password", "HW_DOMAIN_NAME": "sandbox-domain"}
    person.secrets.add(login["HW_USER_PASSWORD"])
    status = person.status(HW_REGION_NAME="cn-north-4", **login)
    assert ("password", "sandbox-user", "sandbox-domain") == (status["kind"], status["user"], status["account"]["name"])


def test_a_token(person: Person) -> None:
    """A token that somebody obtained; nobody says when it expires."""
    user = {"name": "sandbox-user", "password": "sandbox-password", "domain": {"name": "sandbox-domain"}}
    identity = {"methods": ["password"], "password": {"user": user}}
    login = {"auth": {"identity": identity, "scope": {"project": {"name": "cn-north-4"}}}}
    url = f"{person.hosts['PROVISIONER_IAM_ENDPOINT']}/v3/auth/tokens"
    token = httpx.post(url, json=login, trust_env=False).headers["X-Subject-Token"]
    person.secrets.add(token)
    status = person.status(HW_AUTH_TOKEN=token, HW_REGION_NAME="cn-north-4")
    assert ("token", "sandbox-domain", None) == (status["kind"], status["account"]["name"], status["expires_at"])


def test_none(person: Person) -> None:
    """Exit code 1, and why each place gave nothing; a plan says the same."""
    status = person.bad_status()
    assert (False, None, None) == (status["found"], status["source"], status["kind"])
    assert "HW_PROFILE is not set" in [each["reason"] for each in status["passed_over"]]
    err = person.fail("plan")
    for each in status["passed_over"]:
        assert each["source"] in err


def test_a_key_that_is_refused(person: Person) -> None:
    """Exit code 1: the service does not know it."""
    person.secrets.add("wrong-canary")
    status = person.bad_status(**person.keys | {"HW_SECRET_KEY": "wrong-canary"})
    (problem,) = status["problems"]
    assert problem.startswith("refused: ")
    assert status["account"] is None


def test_without_a_network(person: Person) -> None:
    """What is known without IAM is said, and that IAM did not answer; that is no failure."""
    status = person.status(**person.keys, PROVISIONER_IAM_ENDPOINT=DEAD)
    (problem,) = status["problems"]
    assert "cannot connect" in problem
    assert ("cn-north-4", None) == (status["region"], status["account"])


def test_without_a_region(person: Person) -> None:
    """Then there is no host to ask, and the status says what to set."""
    environ = {"HW_ACCESS_KEY": person.access_key, "HW_SECRET_KEY": person.secret_key}
    environ |= {"PROVISIONER_ENDPOINT": "", "PROVISIONER_IAM_ENDPOINT": ""}
    (problem,) = person.status(**environ)["problems"]
    assert "IAM was not asked: no region is set" in problem


def test_a_project_of_somebody_else(person: Person) -> None:
    """A project that the account does not have is told before anything is planned with it."""
    (problem,) = person.status(**person.keys, HW_PROJECT_ID="f" * 32)["problems"]
    assert "the project is none of this account's" == problem


def test_an_environment_of_the_project(person: Person) -> None:
    """--env chooses region and project as it does for a plan."""
    settings = "version: 1\nenvironments:\n  prod: {cloud: {region: cn-south-1}}\n"
    (person.project.root / "provisioner.yaml").write_text(settings)
    person.has_sdk_file()
    assert "cn-south-1" == json.loads(person.run("auth", "status", "--json", "--env", "prod")[0])["region"]


def test_the_sandbox(person: Person) -> None:
    """With --sandbox it is the simulator's account, whatever else is set."""
    person.has_koocli()
    out, _ = person.run("auth", "status", "--sandbox", HW_PROFILE="none")
    assert "account     sandbox-domain" in out


def test_it_only_reads(person: Person) -> None:
    """Two requests to IAM, none to ModelArts, and no file is written."""
    person.sandbox.forget()
    before = sorted(person.project.root.rglob("*"))
    person.run("auth", "status", **person.keys)
    assert ["list-domains", "list-projects"] == [each["operation"] for each in person.sandbox.log()]
    assert before == sorted(person.project.root.rglob("*"))
