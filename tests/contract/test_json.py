"""The JSON of plans and states as scripts get it from the real command, and checkov's judgement over it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.contract.project import Project
from tests.contract.sandbox import ROOT, Sandbox
from tests.plan_schema import plan_schema, state_schema

# It has dependencies that are not ours, so it lives in an environment of its own.
CHECKOV = os.environ.get("PROVISIONER_CHECKOV") or shutil.which("checkov") or ""
LARGE = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 500}, "flavor": "modelarts.vm.gpu.v100"}
TEAM = {"tags": {"team": "vision"}}


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    project = Project(tmp_path, sandbox.environ)
    project.declare(alice={}, bob=TEAM)
    return project


def output(project: Project, *arguments: str, code: int = 0) -> str:
    done = project.run(*arguments)
    assert (code, "") == (done.returncode, done.stderr)
    return done.stdout


class TestPlan:
    def test_the_file_is_what_show_prints(self, project: Project) -> None:
        """Byte for byte, and it fits the schema."""
        project.run("plan", "--out", "plan.json")
        text = output(project, "show", "--json", "plan.json")
        assert (project.root / "plan.json").read_text() == text
        found = json.loads(text)
        Draft202012Validator(plan_schema(ours=True)).validate(found)
        assert [["create"], ["create"]] == [each["change"]["actions"] for each in found["resource_changes"]]
        assert "values" in found["prior_state"]

    def test_the_report_is_the_same_document(self, project: Project) -> None:
        """Also of a plan that is not saved."""
        project.run("plan", "--report", "json=report.json")
        found = json.loads((project.root / "report.json").read_text())
        Draft202012Validator(plan_schema(ours=True)).validate(found)
        assert found["applyable"]
        assert found["complete"]

    def test_a_plan_of_some(self, project: Project) -> None:
        """It is not complete, and says of the others what is recorded."""
        project.run("apply", "--auto-approve")
        project.declare(alice=TEAM, bob={})
        project.run("plan", "--target", "alice", "--out", "plan.json")
        found = json.loads((project.root / "plan.json").read_text())
        assert (["alice"], False) == ([each["name"] for each in found["resource_changes"]], found["complete"])
        assert ["alice", "bob"] == [each["name"] for each in found["planned_values"]["root_module"]["resources"]]


class TestState:
    def test_a_line_for_each_stack(self, project: Project) -> None:
        """None where nothing is recorded; PATH names one."""
        assert "" == output(project, "show", "--json")
        other = project.root / "specs" / "other"
        other.mkdir()
        text = (project.root / "specs" / "lab" / "notebooks.json").read_text()
        (other / "notebooks.json").write_text(text.replace('"alice"', '"carol"').replace('"bob"', '"dave"'))
        project.run("apply", "--auto-approve")
        found = [json.loads(line) for line in output(project, "show", "--json").splitlines()]
        assert ["lab", "other"] == [each["provisioner"]["stack"] for each in found]
        for each in found:
            Draft202012Validator(state_schema(ours=True)).validate(each)
        (only,) = output(project, "show", "--json", "specs/other").splitlines()
        assert found[1] == json.loads(only)
        (first, _) = found[0]["values"]["root_module"]["resources"]
        assert first["values"]["id"] in {each["id"] for each in project.recorded().values()}


@pytest.mark.skipif(
    not CHECKOV,
    reason="needs checkov: pip install checkov in an environment of its own, PROVISIONER_CHECKOV=.../checkov",
)
class TestCheckov:
    def judged(self, project: Project) -> dict[str, list[tuple[str, str]]]:
        """What it says of the plan: pairs of check and notebook."""
        project.run("plan", "--offline", "--out", "plan.json")
        words = ["--framework", "terraform_plan", "--skip-download", "-o", "json", "-f", "plan.json"]
        policies = ROOT / "examples" / "policies" / "checkov"
        done = subprocess.run(
            [CHECKOV, *words, "--external-checks-dir", str(policies)],
            cwd=project.root,
            env={"PATH": os.environ["PATH"], "HOME": str(project.root)},
            capture_output=True,
            text=True,
            check=False,
        )
        results: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)["results"]
        assert done.returncode == bool(results["failed_checks"])
        return {
            verdict: sorted((each["check_id"], each["resource"].rpartition(".")[2]) for each in results[verdict])
            for verdict in ("passed_checks", "failed_checks")
        }

    def test_it_flags_what_is_bad_and_passes_what_is_good(self, project: Project) -> None:
        """Of notebooks that are made, and of those that are there already."""
        checks = ["CKV2_NOTEBOOK_1", "CKV2_NOTEBOOK_2", "CKV2_NOTEBOOK_3"]
        project.declare(bob=TEAM)
        assert [(check, "bob") for check in checks] == self.judged(project)["passed_checks"]
        project.run("apply", "--auto-approve")
        project.declare(alice=LARGE, bob=TEAM)
        found = self.judged(project)
        assert [(check, "alice") for check in checks] == found["failed_checks"]
        assert [(check, "bob") for check in checks] == found["passed_checks"]
