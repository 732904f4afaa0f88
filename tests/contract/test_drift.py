"""`drift` as people and scheduled jobs run it: what is told, what it exits with, and that it reads only."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from provisioner.drift import Cause
from provisioner.events import OperationStarted
from provisioner.plan import Mode, Options
from tests.contract.lab import OTHER_IMAGE, Lab
from tests.contract.project import Project, until_it_asks
from tests.contract.sandbox import Sandbox

HOUR = 3_600_000
REFRESH_ONLY = Options(Mode.REFRESH_ONLY)
ALICE: dict[str, dict[str, Any]] = {"alice": {}}


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    """A project with `alice` and `bob`, both running."""
    project = Project(tmp_path, sandbox.environ)
    project.declare(alice={"description": "team a"}, bob={})
    assert 0 == project.run("apply", "--auto-approve").returncode
    sandbox.forget()
    return project


def id_of(project: Project, key: str = "alice") -> str:
    found: str = project.recorded()[f"notebook.{key}"]["id"]
    return found


def rows(result: subprocess.CompletedProcess[str]) -> list[str]:
    """What moved, a row each, with single spaces."""
    return [" ".join(line.split()) for line in result.stdout.splitlines() if line[:4] in {"  ~ ", "  - ", "  + "}]


def command_after(result: subprocess.CompletedProcess[str], label: str) -> list[str]:
    """The command that the screen names, as a shell would split it."""
    (line,) = [line for line in result.stdout.splitlines() if line.strip().startswith(label)]
    words = shlex.split(line.strip().removeprefix(label))
    assert "provisioner" == words[0]
    return words[1:]


class TestForeign:
    """Exit code 2."""

    def test_fields(self, project: Project, sandbox: Sandbox) -> None:
        """A row each."""
        tags = [{"key": "team", "value": "b"}]
        flavor = "modelarts.vm.cpu.8u"
        sandbox.drift(id_of(project), description="theirs", name="other", tags=tags, flavor=flavor)
        found = project.run("drift")
        expected = [
            '~ notebook.alice description "team a" -> "theirs" changed outside',
            '~ notebook.alice flavor "modelarts.vm.cpu.2u" -> "modelarts.vm.cpu.8u" changed outside',
            '~ notebook.alice name "alice" -> "other" changed outside',
            '+ notebook.alice tags.team null -> "b" changed outside',
        ]
        assert (2, expected) == (found.returncode, rows(found)), found.stderr

    def test_it_is_missing(self, project: Project, sandbox: Sandbox) -> None:
        sandbox.happen(id_of(project), "vanish")
        found = project.run("drift")
        row = "- notebook.alice missing not in the account any more changed outside"
        assert (2, [row]) == (found.returncode, rows(found))
        assert "Drift: 1 changed, 0 unmanaged. Checked 2 notebooks in " in found.stdout

    def test_the_account_is_in_arrears(self, project: Project, sandbox: Sandbox) -> None:
        sandbox.happen(id_of(project), "freeze")
        found = project.run("drift")
        assert (2, ["~ notebook.alice status RUNNING -> FROZEN by the service"]) == (found.returncode, rows(found))

    def test_somebody_stopped_it(self, lab: Lab) -> None:
        lab.applied(ALICE)
        lab.provider.stop(lab.id())
        lab.sandbox.advance(60_000)
        assert [Cause.OUTSIDE] == causes(lab)

    def test_one_that_is_not_recorded(self, project: Project) -> None:
        """It carries the mark of the stack."""
        alice = id_of(project)
        assert 0 == project.run("state", "rm", "alice").returncode
        found = project.run("drift")
        assert (2, [f"+ {alice} alice RUNNING"]) == (found.returncode, rows(found))
        assert "Drift: 0 changed, 1 unmanaged." in found.stdout
        assert f"provisioner import alice {alice}" in found.stderr


class TestExpected:
    """Exit code 0; what it was is told."""

    def test_nothing(self, project: Project) -> None:
        found = project.run("drift")
        assert (0, []) == (found.returncode, rows(found))
        assert found.stdout.startswith("Drift: 0 changed, 0 unmanaged. Checked 2 notebooks in 1 request, ")

    def test_its_lease_ended(self, project: Project, sandbox: Sandbox) -> None:
        sandbox.advance(2 * HOUR)
        found = project.run("drift")
        expected = [f"~ notebook.{key} status RUNNING -> STOPPED stopped by its lease" for key in ("alice", "bob")]
        assert (0, expected) == (found.returncode, rows(found))

    def test_it_was_idle(self, project: Project, sandbox: Sandbox) -> None:
        project.declare(alice={"lease": {"duration": "15m", "type": "IDLE"}}, bob={"lease": "never"})
        assert 0 == project.run("apply", "--auto-approve").returncode
        sandbox.advance(20 * 60_000)
        sandbox.happen(id_of(project), "idle-stop")
        sandbox.advance(60_000)
        found = project.run("drift")
        row = "~ notebook.alice status RUNNING -> STOPPED stopped by its lease"
        assert (0, [row]) == (found.returncode, rows(found))

    def test_a_free_one_was_purged(self, lab: Lab) -> None:
        """72 hours after nobody started it again; one that vanished earlier was deleted by somebody."""
        lab.applied(ALICE)
        lab.sandbox.drift(lab.id(), feature="DEFAULT", flavor="modelarts.vm.cpu.free")
        lab.apply(ALICE, REFRESH_ONLY)
        lab.sandbox.happen(lab.id(), "vanish")
        lab.sandbox.advance(71 * HOUR)
        assert [Cause.OUTSIDE] == causes(lab)
        lab.sandbox.advance(HOUR)
        assert [Cause.FREE_PURGE] == causes(lab)

    def test_a_run_of_ours_was_cut_off(self, lab: Lab) -> None:
        lab.applied(ALICE)
        lab.apply({"alice": {"flavor": "modelarts.vm.cpu.8u"}}, stop_at=OperationStarted)
        lab.sandbox.advance(60_000)
        assert {Cause.OWN_RUN} == set(causes(lab))

    def test_we_stopped_it(self, project: Project, sandbox: Sandbox) -> None:
        """A one-off stop, and a lease that was extended: neither is drift."""
        for arguments in (["extend", "bob", "--for", "5h"], ["stop", "alice", "--auto-approve"]):
            done = project.run(*arguments)
            assert 0 == done.returncode, done.stderr
        sandbox.advance(60_000)
        found = project.run("drift")
        assert (0, []) == (found.returncode, rows(found)), found.stdout

    def test_an_image_was_saved_from_it(self, lab: Lab) -> None:
        """The instance is busy for a while, then it runs on the new image (API page 21, trap 13)."""
        lab.applied(ALICE)
        lab.sandbox.pace(create_ms=HOUR // 6)
        try:
            save_image(lab)
            assert [Cause.SAVED_IMAGE] == causes(lab)
        finally:
            lab.sandbox.pace(create_ms=5)
        lab.sandbox.advance(HOUR // 6)
        assert {Cause.SAVED_IMAGE} == set(causes(lab))

    def test_another_image_is_no_saved_one(self, lab: Lab) -> None:
        lab.applied(ALICE)
        lab.sandbox.drift(lab.id(), image={"id": OTHER_IMAGE, "name": "x", "type": "BUILD_IN"})
        assert [Cause.OUTSIDE] == causes(lab)

    def test_what_the_spec_ignores(self, project: Project, sandbox: Sandbox) -> None:
        project.declare(alice={"description": "team a", "lifecycle": {"ignore_changes": ["description"]}}, bob={})
        sandbox.drift(id_of(project), description="theirs")
        found = project.run("drift")
        row = '~ notebook.alice description "team a" -> "theirs" the spec leaves it alone'
        assert (0, [row]) == (found.returncode, rows(found))


def causes(lab: Lab) -> list[Cause]:
    drifts = lab.plan(ALICE, REFRESH_ONLY).drift
    return [cause for drift in drifts for cause in (drift.gone, *(change.cause for change in drift.changes)) if cause]


def save_image(lab: Lab) -> None:
    """As the console does it; our own client never saves images."""
    lab.sandbox.switch(S15=False)
    path = f"/v1/{lab.sandbox.project_id}/notebooks/{lab.id()}/create-image"
    body = {"name": "mine", "namespace": "ours", "tag": "v1"}
    answer = httpx.post(lab.sandbox.environ["PROVISIONER_ENDPOINT"] + path, json=body, trust_env=False)
    lab.sandbox.switch(S15=True)
    assert 200 == answer.status_code, answer.text


class TestWaysOut:
    """The commands that the screen names do what it says."""

    @pytest.fixture
    def drifted(self, project: Project, sandbox: Sandbox) -> subprocess.CompletedProcess[str]:
        sandbox.drift(id_of(project), description="theirs")
        return project.run("drift", "specs/lab")

    def test_restore_the_yaml(
        self, project: Project, sandbox: Sandbox, drifted: subprocess.CompletedProcess[str]
    ) -> None:
        assert 0 == project.run(*command_after(drifted, "restore the YAML:"), "--auto-approve").returncode
        assert ["team a"] == [each["description"] for each in sandbox.notebooks() if each["name"] == "alice"]
        assert 0 == project.run("drift").returncode

    def test_only_record_it(
        self, project: Project, sandbox: Sandbox, drifted: subprocess.CompletedProcess[str]
    ) -> None:
        sandbox.forget()
        assert 0 == project.run(*command_after(drifted, "only record it:"), "--auto-approve").returncode
        assert ([], 0) == (sandbox.calls(), project.run("drift").returncode)

    def test_keep_the_live_value(
        self, project: Project, sandbox: Sandbox, drifted: subprocess.CompletedProcess[str]
    ) -> None:
        """Once the value that the screen names stands where it says, there is nothing left to do."""
        (line,) = [line for line in drifted.stdout.splitlines() if "keep the live value:" in line]
        place = line.split(" at ")[1].split()[0]
        path, number = place.split(":")
        spec = project.root / path
        lines = spec.read_text().splitlines()
        lines[int(number) - 1] = lines[int(number) - 1].replace('"team a"', '"theirs"')
        spec.write_text("\n".join(lines))
        assert '(description: "theirs"), then provisioner apply specs/lab' in line
        sandbox.forget()
        assert 0 == project.run("apply", "--auto-approve").returncode
        assert ([], 0) == (sandbox.calls(), project.run("drift").returncode)

    def test_what_was_typed_is_repeated(self, project: Project, sandbox: Sandbox) -> None:
        """Ready for a shell, whatever is in it; but for what is sensitive."""
        sandbox.drift(id_of(project), name="other")
        lab, moved = project.root / "specs" / "lab", project.root / "specs" / "my lab"
        lab.rename(moved)
        spec = json.loads((moved / "notebooks.json").read_text())
        spec |= {"stack": "lab", "variables": {"words": {"sensitive": True}}}
        (moved / "notebooks.json").write_text(json.dumps(spec))
        found = project.run("--chdir", ".", "drift", "--var", "words=hush hush", "specs/my lab")
        assert 2 == found.returncode, found.stderr
        *start, hidden, path = command_after(found, "restore the YAML:")
        assert (["--chdir", ".", "apply", "--var"], "specs/my lab") == (start, path)
        assert hidden.startswith("words=(sensitive ")
        assert "hush" not in found.stdout + found.stderr


class TestReadsOnly:
    def test_twice_the_same(self, project: Project, sandbox: Sandbox) -> None:
        """Nothing is written, not even a time; nothing but reads is sent."""
        sandbox.drift(id_of(project), description="theirs")
        before = project.bytes_of_state()
        files = sorted(path for path in project.root.rglob("*") if path.is_file())
        first, second = project.run("drift", "--json"), project.run("drift", "--json")
        assert (2, first.stdout) == (second.returncode, second.stdout)
        assert before == project.bytes_of_state()
        assert files == sorted(path for path in project.root.rglob("*") if path.is_file())
        assert [] == sandbox.calls()

    def test_one_request_for_all(self, project: Project, sandbox: Sandbox) -> None:
        sandbox.forget()
        project.run("drift")
        assert ["list"] == [entry["operation"] for entry in sandbox.log() if "notebook" in entry["path"]]

    def test_it_takes_no_lock(self, project: Project, sandbox: Sandbox) -> None:
        """It runs beside an apply, and says that there is one."""
        sandbox.drift(id_of(project), description="theirs")
        applying = project.start("apply")
        until_it_asks(applying)
        found = project.run("drift")
        applying.communicate("no\n")
        assert 2 == found.returncode
        assert "Another run is under way" in found.stderr


class TestDocument:
    def test_it_is_all_that_is_printed(self, project: Project, sandbox: Sandbox) -> None:
        sandbox.drift(id_of(project), description="theirs")
        document = json.loads(project.run("drift", "--json").stdout)
        assert ("provisioner.drift/1", True) == (document["format"], document["drifted"])
        (stack,) = document["stacks"]
        assert ("lab", 2, []) == (stack["stack"], stack["checked"], stack["unmanaged"])
        (drift,) = stack["drift"]
        assert ("notebook.alice", id_of(project), "update") == (drift["address"], drift["id"], drift["action"])
        (change,) = drift["changes"]
        assert {
            "path": "description",
            "field": "description",
            "recorded": "team a",
            "live": "theirs",
            "cause": "outside",
            "expected": False,
        } == change


class TestErrors:
    """Exit code 1, and why."""

    def test_a_bad_spec(self, project: Project) -> None:
        project.declare(alice={"flavr": "x"})
        found = project.run("drift")
        assert (1, "") == (found.returncode, found.stdout)
        assert "flavr" in found.stderr

    def test_so_much_missing_is_not_believed(self, project: Project, sandbox: Sandbox) -> None:
        """Unless one says so."""
        project.declare(**{key: {} for key in "abcd"})
        assert 0 == project.run("apply", "--auto-approve", "--accept-loss", "all").returncode
        for notebook in sandbox.notebooks():
            sandbox.happen(notebook["id"], "vanish")
        found = project.run("drift")
        assert 1 == found.returncode
        assert "4 of 4 recorded notebooks are not there any more" in found.stderr
        assert 2 == project.run("drift", "--accept-missing", "4").returncode


def test_a_refresh_only_plan_tells_the_same(project: Project, sandbox: Sandbox) -> None:
    """What is to be expected has its reason there too."""
    sandbox.advance(2 * HOUR)
    sandbox.drift(id_of(project), description="theirs")
    planned = project.run("plan", "--refresh-only")
    assert [
        '~ notebook.alice description "team a" -> "theirs"',
        "~ notebook.alice status RUNNING -> STOPPED stopped by its lease",
        "~ notebook.bob status RUNNING -> STOPPED stopped by its lease",
    ] == rows(planned)
    found = project.run("drift")
    assert (2, '~ notebook.alice description "team a" -> "theirs" changed outside') == (
        found.returncode,
        rows(found)[0],
    )
