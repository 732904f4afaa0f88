"""The command as pipelines call it: in Terraform's spellings, told by its variables, watched by a runner."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.contract.project import Project
from tests.contract.sandbox import Sandbox
from tests.contract.terminal import Terminal


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    project = Project(tmp_path, sandbox.environ)
    project.declare(alice={})
    return project


class TestSpellings:
    def test_atlantis(self, project: Project) -> None:
        """Plan, show for the policies, apply: exactly what was planned."""
        plan_file = str(project.root / "lab.tfplan")
        planned = project.run("plan", "-input=false", "-no-color", f"-out={plan_file}", FORCE_COLOR="1")
        assert (0, False) == (planned.returncode, "\x1b" in planned.stdout), planned.stderr
        document = json.loads(project.run("show", "-json", plan_file).stdout)
        assert ["create"] == document["resource_changes"][0]["change"]["actions"]
        applied = project.run("apply", "-input=false", "-no-color", plan_file)
        assert 0 == applied.returncode, applied.stderr
        assert "Apply complete! Resources: 1 added" in applied.stdout

    def test_spacelift(self, project: Project, sandbox: Sandbox) -> None:
        """Every option that its templates fill in."""
        planned = project.run(
            "plan", "-input=false", "-lock=true", "-refresh=false", "-out=f", "-target=notebook.alice"
        )
        assert 0 == planned.returncode, planned.stderr
        applied = project.run("apply", "-auto-approve", "-input=false", "f")
        assert 0 == applied.returncode, applied.stderr
        gone = project.run("destroy", "-auto-approve", "-input=false", "-accept-loss=all")
        assert (0, []) == (gone.returncode, sandbox.notebooks()), gone.stderr

    def test_everything_at_once(self, project: Project) -> None:
        result = project.run(
            *(f"-chdir={project.root}", "plan", "-no-color", "-input=false", "-lock=false", "-lock-timeout=5s"),
            *("-parallelism=3", "-compact-warnings", "-detailed-exitcode=true", "-refresh=true", "-target=alice"),
        )
        assert 2 == result.returncode, result.stderr

    def test_no_apply_without_the_lock(self, project: Project, sandbox: Sandbox) -> None:
        """Refused before anything is read, with what to do instead."""
        for verb in ("apply", "destroy"):
            refused = project.run(verb, "-auto-approve", "-lock=false")
            assert 1 == refused.returncode
            assert f"{verb} does not run without the lock" in refused.stderr
            assert "--lock-timeout=10m" in refused.stderr
        assert [] == sandbox.log()

    def test_drift_and_version(self, project: Project) -> None:
        result = project.run("drift", "-input=false", "-lock=false", "-lock-timeout=1s", "-no-color")
        assert 0 == result.returncode, result.stderr
        document = json.loads(project.run("version", "-json").stdout)
        assert project.run("-version").stdout == f"provisioner {document['provisioner_version']}\n"


def test_advice_is_for_a_person(project: Project) -> None:
    """That a plan without a file is made again; a machine is told nothing."""
    note = "You did not use --out"
    with Terminal(project, "plan") as terminal:
        terminal.until_shows(note)
    with Terminal(project, "plan", environ={"TF_IN_AUTOMATION": "1"}) as terminal:
        terminal.end()
        assert note not in terminal.raw
    assert note not in project.run("plan").stderr
    with Terminal(project, "plan", "--out", "lab.plan") as terminal:
        terminal.until_shows("provisioner apply lab.plan")
    said = project.run("plan", "--out", "lab.plan").stdout
    assert re.search(r"(?m)^Saved lab\.plan \(sha256:[0-9a-f]{64}\)\.$", said)


class TestEnvironment:
    def test_arguments(self, project: Project) -> None:
        """Added behind the verb; ours, even empty, takes the place of Terraform's; who adds is told, not what."""
        assert 2 == project.run("plan", TF_CLI_ARGS_plan="-detailed-exitcode", TF_CLI_ARGS="-no-color").returncode
        assert 0 == project.run("plan", TF_CLI_ARGS_plan="-nonsense", PROVISIONER_CLI_ARGS_plan="").returncode
        refused = project.run("plan", TF_CLI_ARGS_plan="-nonsense=hunter2")
        assert 1 == refused.returncode
        assert "The environment variable TF_CLI_ARGS_plan adds options to this command line." in refused.stderr
        assert "hunter2" not in refused.stderr

    def test_workspace(self, project: Project) -> None:
        """Selects the environment; `default` is none; --env wins."""
        (project.root / "provisioner.yaml").write_text("version: 1\nenvironments: {prod: {}, dev: {}}\n")
        assert 0 == project.run("apply", "--auto-approve", TF_WORKSPACE="prod").returncode
        assert (project.root / "state" / "lab.prod.json").exists()
        assert "1 to add" in project.run("plan", TF_WORKSPACE="default").stdout
        assert "1 to add" in project.run("plan", "--env", "dev", TF_WORKSPACE="prod").stdout
        refused = project.run("plan", TF_WORKSPACE="staging")
        assert 1 == refused.returncode
        assert "there is no environment 'staging'" in refused.stderr
        assert "TF_WORKSPACE" in refused.stderr

    def test_variables(self, project: Project) -> None:
        """With the type that the declaration gives; one that nobody declared is Terraform's alone."""
        path = project.root / "specs" / "lab" / "notebooks.json"
        spec = json.loads(path.read_text()) | {"variables": {"tags": {"type": "map", "default": {}}}}
        spec["notebooks"]["alice"]["tags"] = "${var.tags}"
        path.write_text(json.dumps(spec))
        text = project.run("plan", TF_VAR_tags='{"team": "vision"}', TF_VAR_other="1")
        assert "vision" in text.stdout, text.stderr
        assert "other" not in text.stderr

    def test_colour(self, project: Project) -> None:
        """The option wins over NO_COLOR, that over FORCE_COLOR."""
        for arguments, environ, expected in (
            (["plan"], {}, False),
            (["plan"], {"FORCE_COLOR": "1"}, True),
            (["plan"], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
            (["plan", "--color=always"], {"NO_COLOR": "1"}, True),
            (["--color", "never", "plan"], {"CLICOLOR_FORCE": "1"}, False),
        ):
            assert expected is ("\x1b[" in project.run(*arguments, **environ).stdout)


class TestGitHub:
    def test_outputs_and_summary(self, project: Project) -> None:
        """Of every plan; a digest to approve by of one that was saved."""
        output, summary = project.root / "output", project.root / "summary"
        environ = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        assert 0 == project.run("plan", **environ).returncode
        told = dict(line.split("=", 1) for line in output.read_text().splitlines())
        assert ("1", "true", "2") == (told["to_add"], told["has_changes"], told["exitcode"])
        assert "" == told["plan_digest"]
        assert "alice" in summary.read_text()
        assert 0 == project.run("plan", "--out", "lab.plan", **environ).returncode
        assert re.search("(?m)^plan_digest=sha256:[0-9a-f]{64}$", output.read_text())

    def test_annotations(self, project: Project) -> None:
        """Beside the text, for the line in the spec."""
        project.declare(alice={"flavour": "x"})
        for verb in ("plan", "validate", "drift"):
            said = project.run(verb, GITHUB_ACTIONS="true", GITHUB_WORKSPACE=str(project.root)).stderr
            assert "error[E210]: unknown key `flavour`" in said
            assert "::error file=specs/lab/notebooks.json,line=" in said
            assert "::error" not in project.run(verb).stderr
