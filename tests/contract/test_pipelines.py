"""The commands of the examples, run as the services run them: the real command against a simulator."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.project import Project
from tests.contract.sandbox import PROVISIONER, ROOT, Sandbox

EXAMPLES = ROOT / "examples"
_EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    """A stack with one notebook, and the command on the PATH, as after an install."""
    tools = tmp_path / "bin"
    tools.mkdir()
    command = tools / "provisioner"
    command.write_text(f'#!/bin/sh\nexec {shlex.join(PROVISIONER)} "$@"\n')
    command.chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    project = Project(tmp_path / "repository", {**sandbox.environ, "PATH": path, "STACK": "specs/lab"})
    project.declare(alice={})
    return project


def read(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


def shell(project: Project, line: str, environ: dict[str, str], expected: int = 0) -> str:
    """The line as a runner's shell runs it; its output."""
    command = ["bash", "-e", "-o", "pipefail", "-c", line]
    given = project.environ | environ
    said = subprocess.run(command, cwd=project.root, env=given, capture_output=True, text=True, check=False)
    assert expected == said.returncode, said.stdout + said.stderr
    return said.stdout


def github(project: Project, job: str, expected: int = 0, **needs: str) -> dict[str, str]:
    """The steps of a job that call the tool; what they put out. `needs` stands for outputs of the job before."""
    output, summary = project.root.parent / f"{job}.output", project.root.parent / f"{job}.summary"
    outputs: dict[str, str] = {}
    for step in read("github/provisioner.yml")["jobs"][job]["steps"]:
        if not step.get("run", "").startswith("provisioner "):
            continue
        own = {name: text for name, text in step.get("env", {}).items() if "secrets." not in text}
        given = {name: _EXPRESSION.sub(lambda found: needs[found[1].rpartition(".")[2]], own[name]) for name in own}
        runner = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        output.touch()
        summary.touch()
        shell(project, step["run"], given | runner, expected)
        outputs |= dict(re.findall(r"(?m)^(\w+)=(.*)$", output.read_text()))
    return outputs


def test_the_github_workflow_reviews_plans_applies_and_finds_drift(project: Project, sandbox: Sandbox) -> None:
    """Job by job; a review sends nothing but reads, the apply takes the digest that the plan put out and no other."""
    github(project, "review")
    assert "alice" in (project.root / "plan.md").read_text()
    assert (project.root / "plan.html").exists()
    outputs = github(project, "plan")
    assert "true" == outputs["has_changes"]
    assert [] == sandbox.calls()
    github(project, "apply", 1, digest="sha256:" + 64 * "0")
    assert [] == sandbox.calls()
    github(project, "apply", digest=outputs["plan_digest"])
    assert "alice" == sandbox.only()["name"]
    github(project, "drift")
    sandbox.drift(sandbox.only()["id"], description="by hand")
    github(project, "drift", 2)


def test_atlantis_runs_its_stages(project: Project, sandbox: Sandbox) -> None:
    """With the variables that it gives; PLANFILE stands outside of the clone."""
    shell(project, "git init --quiet", {})
    environ = {name: str(project.root.parent / name.lower()) for name in ("PLANFILE", "SHOWFILE")}
    environ["REPO_REL_DIR"] = "specs/lab"
    workflow = read("atlantis/repos.yaml")["workflows"]["provisioner"]
    said = ""
    for stage in ("plan", "policy_check", "apply"):
        for step in workflow[stage]["steps"]:
            said += shell(project, step["run"] if isinstance(step["run"], str) else step["run"]["command"], environ)
    assert "Plan: 1 to add, 0 to change, 0 to destroy." in said
    assert '"resource_changes"' in Path(environ["SHOWFILE"]).read_text()
    assert "alice" == sandbox.only()["name"]


def rendered(line: str) -> str:
    """A Go template with what Spacelift fills in: no refresh, one target, a name for the plan file."""
    line = re.sub(r"\{\{ if not \.Refresh \}\}(.*?)\{\{ end \}\}", r"\1", line)
    line = re.sub(r"\{\{ range \.Targets \}\}(.*?)\{\{ end \}\}", r"\1", line).replace("{{ . }}", "alice")
    return line.replace("{{ .PlanFileName }}", "plan.json")


def test_spacelift_runs_its_commands(project: Project, sandbox: Sandbox) -> None:
    """With its templates filled in."""
    commands = {name: rendered(line) for name, line in read("spacelift/workflow.yml").items()}
    assert """provisioner plan -input=false -refresh=false -target='alice' -out="plan.json\"""" == commands["plan"]
    for name in ("init", "workspaceSelect", "plan", "showPlan", "apply", "showState", "getOutputs"):
        shell(project, commands[name], {})
    assert "alice" == sandbox.only()["name"]
    assert sandbox.only()["id"] in shell(project, commands["showState"], {})
    shell(project, commands["destroy"] + " --accept-loss all", {})
    assert [] == sandbox.notebooks()


@pytest.mark.parametrize(("name", "calls"), [("job", ["create"]), ("cronjob-drift", []), ("argocd-hook", ["create"])])
def test_a_pod_has_arguments_that_work(name: str, calls: list[str], project: Project, sandbox: Sandbox) -> None:
    """Those of its one container."""
    manifest = read(f"kubernetes/{name}.yaml")
    job = manifest["spec"].get("jobTemplate", manifest)["spec"]
    [container] = job["template"]["spec"]["containers"]
    shell(project, shlex.join(["provisioner", *container["args"]]), {})
    assert calls == sandbox.calls()


RUNNER = ROOT / ".linters" / "node_modules" / ".bin" / "gitlab-ci-local"


def as_repository(project: Project) -> dict[str, str]:
    """A repository with a bare one beside it as `origin`, which is also what gitlab-ci-local calls the server."""
    bare = project.root.parent / "notebooks.git"
    server = "https://provisioner:made-up@gitlab.com/fallback.group/fallback.project.git"
    environ = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_COUNT": "1"}
    environ |= {"GIT_CONFIG_KEY_0": f"url.file://{bare}.insteadOf", "GIT_CONFIG_VALUE_0": server}
    (project.root / ".gitignore").write_text("/.gitlab-ci-local/\n/plan.*\n/digest.env\n/widget.json\n")
    shutil.copy(EXAMPLES / "gitlab" / ".gitlab-ci.yml", project.root)
    script = f"""
git init --quiet --bare --initial-branch=main {shlex.quote(str(bare))}
git -C {shlex.quote(str(bare))} config receive.advertisePushOptions true
git init --quiet --initial-branch=main
git config user.name somebody; git config user.email somebody@example.com
git add --all; git commit --quiet --message "Specs"
git remote add origin {shlex.quote(str(bare))}; git push --quiet --set-upstream origin main
git remote set-head origin main
"""
    shell(project, script, environ)
    return environ


def test_gitlab_runs_its_jobs(project: Project, sandbox: Sandbox) -> None:
    """Plan, apply and drift with gitlab-ci-local in its shell mode; what was applied is committed and pushed. Only the
    install is left out.
    """
    if not (RUNNER.exists() and shutil.which("node") and shutil.which("rsync")):
        pytest.skip(
            "needs node, rsync and gitlab-ci-local: npm install --prefix .linters --no-save gitlab-ci-local@4.61.1"
        )
    pip = project.root.parent / "bin" / "pip"
    pip.write_text("#!/bin/sh\n")
    pip.chmod(0o755)
    environ = as_repository(project)
    given = {name: text for name, text in project.environ.items() if name.startswith(("HW_", "PROVISIONER_", "STACK"))}
    given |= {"PROVISIONER_PUSH_TOKEN": "made-up"}
    options = [word for pair in given.items() for word in ("--variable", "=".join(pair))]

    def job(*names: str, expected: int = 0) -> str:
        command = [str(RUNNER), "--force-shell-executor", "--no-json-schema-validation", *options, *names]
        return shell(project, f"{shlex.join(command)} 2>&1", environ, expected)

    job("plan")
    assert [] == sandbox.calls()
    said = job("apply")
    assert "alice" == sandbox.only()["name"]
    pushed = shell(project, "git fetch --quiet && git ls-tree -r --name-only origin/main", environ)
    assert "state/lab.json" in pushed, said
    job("drift")
