"""`--json` as programs run it: one event a line, nothing else on either stream, whatever comes of the run."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.contract.project import Project, eventually
from tests.contract.sandbox import Sandbox
from tests.ui_schema import line_schema

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
SMALLER = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}
START = ("version", "provisioner V")


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    project = Project(tmp_path, sandbox.environ)
    project.declare(alice={})
    return project


def events(text: str) -> list[dict[str, Any]]:
    """Each line is an object that fits the schema of its type."""
    found = [json.loads(line) for line in text.splitlines()]
    for each in found:
        Draft202012Validator(line_schema(each["type"])).validate(each)
    return found


def told(text: str) -> list[tuple[str, str]]:
    """Types and messages but for what moves: ids, times, the version, what is seen in between."""
    lasting = (each for each in events(text) if each["type"] != "notebook_status")
    found = ((each["type"], UUID.sub("ID", each["@message"])) for each in lasting)
    return [(kind, re.sub(r"after \d+s", "after Ns", re.sub(r" \d+\.\d+\.\d+$", " V", text))) for kind, text in found]


def stream(project: Project, *arguments: str, code: int = 0) -> list[tuple[str, str]]:
    done = project.run(*arguments, "--json")
    assert (code, "") == (done.returncode, done.stderr), done.stdout
    return told(done.stdout)


REFRESHED = [
    ("refresh_start", "notebook.alice: Refreshing state... [id=ID]"),
    ("refresh_complete", "notebook.alice: Refresh complete [id=ID]"),
]


class TestRuns:
    def test_from_create_to_destroy(self, project: Project) -> None:
        """The whole life of a notebook, in Terraform's words."""
        planned = [
            START,
            ("planned_change", "notebook.alice: Plan to create"),
            ("change_summary", "Plan: 1 to add, 0 to change, 0 to destroy."),
        ]
        assert planned == stream(project, "plan")
        assert [
            *planned,
            ("apply_start", "notebook.alice: Creating..."),
            ("apply_complete", "notebook.alice: Creation complete after Ns [id=ID]"),
            ("change_summary", "Apply complete! Resources: 1 added, 0 changed, 0 destroyed."),
            ("outputs", "Outputs: 0"),
        ] == stream(project, "apply", "-auto-approve")
        nothing = ("change_summary", "Plan: 0 to add, 0 to change, 0 to destroy.")
        assert [START, *REFRESHED, nothing] == stream(project, "plan", "--detailed-exitcode")

        project.declare(alice={"description": "other"})
        assert [
            START,
            *REFRESHED,
            ("planned_change", "notebook.alice: Plan to update"),
            ("change_summary", "Plan: 0 to add, 1 to change, 0 to destroy."),
            ("apply_start", "notebook.alice: Modifying... [id=ID]"),
            ("apply_complete", "notebook.alice: Modifications complete after Ns [id=ID]"),
            ("change_summary", "Apply complete! Resources: 0 added, 1 changed, 0 destroyed."),
            ("outputs", "Outputs: 0"),
        ] == stream(project, "apply", "--auto-approve")

        project.declare(alice=SMALLER)
        assert [
            START,
            *REFRESHED,
            ("planned_change", "notebook.alice: Plan to replace"),
            ("change_summary", "Plan: 1 to add, 0 to change, 1 to destroy."),
            ("apply_start", "notebook.alice: Destroying... [id=ID]"),
            ("apply_complete", "notebook.alice: Destruction complete after Ns"),
            ("apply_start", "notebook.alice: Creating..."),
            ("apply_complete", "notebook.alice: Creation complete after Ns [id=ID]"),
            ("change_summary", "Apply complete! Resources: 1 added, 0 changed, 1 destroyed."),
            ("outputs", "Outputs: 0"),
        ] == stream(project, "apply", "--auto-approve", "--accept-loss", "alice")

        assert [
            START,
            *REFRESHED,
            ("planned_change", "notebook.alice: Plan to delete"),
            ("change_summary", "Plan: 0 to add, 0 to change, 1 to destroy."),
            ("apply_start", "notebook.alice: Destroying... [id=ID]"),
            ("apply_complete", "notebook.alice: Destruction complete after Ns"),
            ("change_summary", "Destroy complete! Resources: 1 destroyed."),
        ] == stream(project, "destroy", "--auto-approve", "--accept-loss", "all")

    def test_a_saved_plan(self, project: Project) -> None:
        """The place and the digest where it is saved; applied, its changes again and their number only at the end."""
        made = events(project.run("plan", "--json", "--out", "p.json").stdout)
        saved = json.loads((project.root / "p.json").read_text())["provisioner"]["digest"]
        assert {"path": "p.json", "digest": saved} == made[-1]["plan"]
        assert [
            START,
            ("planned_change", "notebook.alice: Plan to create"),
            ("apply_start", "notebook.alice: Creating..."),
            ("apply_complete", "notebook.alice: Creation complete after Ns [id=ID]"),
            ("change_summary", "Apply complete! Resources: 1 added, 0 changed, 0 destroyed."),
            ("outputs", "Outputs: 0"),
        ] == stream(project, "apply", "p.json")

    def test_several_stacks(self, project: Project) -> None:
        """One after the other in one stream; each line of a plan says of which it is."""
        text = (project.root / "specs" / "lab" / "notebooks.json").read_text()
        (project.root / "specs" / "other").mkdir()
        (project.root / "specs" / "other" / "notebooks.json").write_text(text.replace("alice", "bob"))
        found = events(project.run("plan", "--json").stdout)
        assert ["version", *["planned_change", "change_summary"] * 2] == [each["type"] for each in found]
        assert ["lab", "lab", "other", "other"] == [each["stack"] for each in found[1:]]

    def test_a_lock_that_is_held(self, project: Project, sandbox: Sandbox) -> None:
        """That it waits, and for whom; a plan goes on without it, an apply does not."""
        sandbox.pace(create_ms=60_000)
        process = project.start("apply", "--auto-approve", "--json")
        eventually(lambda: len(sandbox.notebooks()) == 1)
        planned = project.run("plan", "--json", "--lock-timeout", "1s")
        applied = project.run("apply", "--json", "--auto-approve", "--lock-timeout", "1s")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert [(0, ""), (1, "")] == [(each.returncode, each.stderr) for each in (planned, applied)]
        said = [each["@message"] for each in events(planned.stdout) if each["type"] == "log"]
        assert [True, True] == [said[0].startswith("Waiting for the lock"), said[-1].startswith("Another run")]
        (*_, waited, refused) = events(applied.stdout)
        assert ("log", "diagnostic") == (waited["type"], refused["type"])
        assert "lock" in refused["@message"]

    def test_a_failure(self, project: Project) -> None:
        """Its words follow as a diagnostic, and the rest is done."""
        project.declare(alice={}, bob={"flavor": "modelarts.none"})
        done = project.run("apply", "--auto-approve", "--offline", "--json")
        found = events(done.stdout)
        assert (1, "") == (done.returncode, done.stderr)
        assert {"apply_errored", "apply_complete", "apply_incomplete"} <= {each["type"] for each in found}
        assert ["apply_incomplete", "diagnostic"] == [each["type"] for each in found[-2:]]
        assert (1, 1, 0) == tuple(found[-2]["changes"][name] for name in ("add", "failed", "not_started"))
        assert "ModelArts.6323" in json.dumps(found[-1]["diagnostic"])

    def test_an_interrupt(self, project: Project, sandbox: Sandbox) -> None:
        """It is told, what runs is recorded, and the exit code is 130."""
        sandbox.pace(create_ms=60_000)
        process = project.start("apply", "--auto-approve", "--json")
        assert process.stdout is not None
        told = ""
        while '"notebook_status"' not in told:  # the create was answered, and is waited for
            told += (line := process.stdout.readline())
            assert line, told
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        kinds = [each["type"] for each in events(told + out)]
        assert (130, "") == (process.returncode, err)
        assert {"log", "apply_interrupted"} < set(kinds)
        assert "apply_incomplete" == kinds[-1]
        assert [sandbox.only()["id"]] == [record["id"] for record in project.recorded().values()]

    def test_nobody_reads_any_more(self, project: Project, sandbox: Sandbox) -> None:
        """`| head -1` ends no apply."""
        with project.start("apply", "--auto-approve", "--json") as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert "version" == json.loads(process.stdout.readline())["type"]
            process.stdout.close()
            assert ("", 0) == (process.stderr.read(), process.wait(timeout=30))
        assert [sandbox.only()["id"]] == [record["id"] for record in project.recorded().values()]


class TestErrors:
    def refused(self, project: Project, *arguments: str) -> str:
        """The version, then the one diagnostic, which is returned as text."""
        done: subprocess.CompletedProcess[str] = project.run(*arguments, "--json")
        found = events(done.stdout)
        assert (1, "") == (done.returncode, done.stderr)
        assert ["version", "diagnostic"] == [each["type"] for each in found]
        return f"{found[1]['@message']} {found[1]['diagnostic']['detail']}"

    @pytest.mark.parametrize("command", ["apply", "destroy"])
    def test_there_is_no_question(self, command: str, project: Project, sandbox: Sandbox) -> None:
        """It would stand in the stream; said before anything is sent."""
        assert "--auto-approve" in self.refused(project, command)
        assert [] == sandbox.log()

    def test_specs(self, project: Project) -> None:
        """What is wrong with them has its place."""
        project.declare(alice={"flavour": "x"})
        done = project.run("plan", "--json")
        found = [each["diagnostic"] for each in events(done.stdout)[1:]]
        assert (1, "") == (done.returncode, done.stderr)
        assert any("flavour" in each["summary"] and "range" in each for each in found)

    def test_options_that_exclude_each_other(self, project: Project) -> None:
        """Whatever stands before or after `--json`."""
        assert "exclude each other" in self.refused(project, "plan", "--refresh-only", "--no-refresh")
        assert "duration" in self.refused(project, "plan", "--lock-timeout", "soon")

    def test_the_service(self, project: Project, sandbox: Sandbox) -> None:
        """An answer that it refuses the credentials."""
        project.environ["HW_SECRET_KEY"] = "wrong"
        assert "APIGW.0301" in self.refused(project, "plan")
        assert "wrong" not in project.run("plan", "--json").stdout
        assert [] == sandbox.calls(accepted=True)
