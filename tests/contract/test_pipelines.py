"""The commands of the examples, run as the services run them: the real command against a simulator."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
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


def pushed(project: Project, environ: dict[str, str]) -> str:
    """The state as the repository has it for all; "" when none was pushed."""
    return shell(project, "git fetch --quiet && git show origin/main:state/lab.json 2>/dev/null || true", environ)


def merge(project: Project, environ: dict[str, str], **notebooks: Any) -> None:
    """Specs that somebody merges."""
    project.declare(**notebooks)
    shell(project, "git add specs && git commit --quiet --message More && git push --quiet", environ)


# Of GitHub's command what the workflow uses of it: the comments of a pull request, in a file beside it.
GH = """#!{python}
import json, subprocess, sys
from pathlib import Path
words = sys.argv[1:]
file = Path(__file__).with_name("comments.json")
comments = json.loads(file.read_text())
method = words[words.index("--method") + 1] if "--method" in words else "GET"
body = Path("plan.md").read_text() if "body=@plan.md" in words else ""
if words[0] == "auth":
    sys.exit()
if method == "GET":
    sys.exit(subprocess.run(["jq", words[words.index("--jq") + 1]], input=file.read_text(), text=True).returncode)
if method == "POST":
    comments.append({{"id": len(comments), "user": {{"login": "github-actions[bot]"}}, "body": body}})
if method == "PATCH":
    [path] = [word for word in words if "/issues/comments/" in word]
    comments[int(path.rpartition("/")[2])]["body"] = body
file.write_text(json.dumps(comments))
"""


class GitHub:
    """Runs the jobs of the example as a runner does: their own steps without the install, one commit, a checkout of
    main for each. A job before gives what `needs` asks for.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.environ = as_repository(project)
        self._gh = project.root.parent / "bin" / "gh"
        self._gh.write_text(GH.format(python=sys.executable))
        self._gh.chmod(0o755)
        self._comments.write_text("[]")
        self.checkout()

    @property
    def _comments(self) -> Path:
        return self._gh.with_name("comments.json")

    def comments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._comments.read_text())
        return found

    def comment(self, author: str, body: str) -> None:
        found = self.comments()
        self._comments.write_text(json.dumps([*found, {"id": len(found), "user": {"login": author}, "body": body}]))

    def checkout(self) -> None:
        """A run for the newest commit of main begins."""
        shell(self.project, "git fetch --quiet && git reset --quiet --hard origin/main", self.environ)
        self.commit = shell(self.project, "git rev-parse HEAD", self.environ).strip()

    def job(self, name: str, expected: int = 0, **needs: str) -> dict[str, str]:
        """What it put out. The exit code is that of the first step that failed."""
        shell(self.project, "git fetch --quiet && git reset --quiet --hard origin/main", self.environ)
        output = self.project.root.parent / f"{name}.output"
        runner = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output), "GITHUB_REPOSITORY": "team/notebooks"}
        runner |= {"GITHUB_SHA": self.commit, "GITHUB_STEP_SUMMARY": f"{output}.summary"}
        code, said = 0, ""
        for step in read("github/provisioner.yml")["jobs"][name]["steps"]:
            if "run" not in step or step["name"] == "Install" or (code and step.get("if") != "always()"):
                continue
            own = {key: text for key, text in step.get("env", {}).items() if "secrets." not in text}
            given = {
                key: _EXPRESSION.sub(lambda found: needs.get(found[1].rpartition(".")[2], "1"), own[key]) for key in own
            }
            command = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
            environ = self.project.environ | self.environ | runner | given
            done = subprocess.run(
                command, cwd=self.project.root, env=environ, capture_output=True, text=True, check=False
            )
            code, said = code or done.returncode, said + done.stdout + done.stderr
        assert expected == code, said
        return dict(re.findall(r"(?m)^(\w+)=(.*)$", output.read_text())) if output.exists() else {}


@pytest.fixture
def runner(project: Project) -> GitHub:
    if shutil.which("jq") is None:
        pytest.skip("needs jq: apt-get install jq")
    return GitHub(project)


class TestGitHub:
    def test_a_review_has_one_comment_that_is_made_anew(self, runner: GitHub, sandbox: Sandbox) -> None:
        """It changes nothing, and no comment of anybody else or of another tool."""
        runner.job("review")
        [first] = runner.comments()
        assert "alice" in first["body"]
        runner.comment("somebody", first["body"])
        runner.comment("github-actions[bot]", "Coverage: 98 %")
        merge(runner.project, runner.environ, alice={}, ben={})
        runner.job("review")
        again, *others = runner.comments()
        assert "ben" in again["body"]
        assert [first["body"], "Coverage: 98 %"] == [each["body"] for each in others]
        assert (runner.project.root / "plan.html").exists()
        assert [] == sandbox.calls()

    def test_what_was_planned_is_applied_and_recorded(self, runner: GitHub, sandbox: Sandbox) -> None:
        """The apply takes the digest that the plan put out and no other; the state is pushed; drift is a failed job."""
        outputs = runner.job("plan")
        assert ("true", []) == (outputs["has_changes"], sandbox.calls())
        runner.job("apply", 1, digest="sha256:" + 64 * "0")
        assert ([], "") == (sandbox.calls(), pushed(runner.project, runner.environ))
        runner.job("apply", digest=outputs["plan_digest"])
        assert sandbox.only()["id"] in pushed(runner.project, runner.environ)
        runner.job("drift")
        sandbox.drift(sandbox.only()["id"], description="by hand")
        runner.job("drift", 2)

    def test_what_an_apply_that_failed_made_is_recorded(self, runner: GitHub, sandbox: Sandbox) -> None:
        """The next run goes on from there."""
        merge(runner.project, runner.environ, alice={}, ben={})
        runner.checkout()
        outputs = runner.job("plan")
        sandbox.fault("create", "fail", nth=2, status=400)
        runner.job("apply", 1, digest=outputs["plan_digest"])
        assert sandbox.only()["id"] in pushed(runner.project, runner.environ)
        outputs = runner.job("plan")
        assert "1" == outputs["to_add"]
        runner.job("apply", digest=outputs["plan_digest"])
        assert ["alice", "ben"] == sorted(each["name"] for each in sandbox.notebooks())

    def test_no_run_speaks_for_another_commit(self, runner: GitHub, sandbox: Sandbox) -> None:
        """Once main has other specs, an older run neither plans them nor applies what it planned."""
        outputs = runner.job("plan")
        merge(runner.project, runner.environ, ben={})
        runner.job("plan", 1)
        runner.job("apply", 1, digest=outputs["plan_digest"])
        assert [] == sandbox.calls()
        runner.checkout()
        assert "true" == runner.job("plan")["has_changes"]


def test_atlantis_runs_its_stages(project: Project, sandbox: Sandbox) -> None:
    """With the variables that it gives, and its files in the directory of the project. What they leave there is no
    spec: the same is planned once more.
    """
    [declared] = read("atlantis/atlantis.yaml")["projects"]
    directory = project.root / declared["dir"]
    environ = {"PLANFILE": str(directory / "lab-default.tfplan"), "SHOWFILE": str(directory / "lab-default.json")}
    environ["PROJECT_NAME"] = "lab"
    workflow = read("atlantis/repos.yaml")["workflows"][declared["workflow"]]
    for stage in ("plan", "policy_check", "plan", "policy_check", "apply"):
        said = ""
        for step in workflow[stage]["steps"]:
            said += shell(project, step["run"] if isinstance(step["run"], str) else step["run"]["command"], environ)
        assert stage != "plan" or "Plan: 1 to add, 0 to change, 0 to destroy." in said
    assert '"resource_changes"' in Path(environ["SHOWFILE"]).read_text()
    assert "alice" == sandbox.only()["name"]
    assert f"specs/{declared['name']}/**" in declared["autoplan"]["when_modified"]


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


class GitLab:
    """Runs the jobs of the example with gitlab-ci-local in its shell mode. Only the install is left out."""

    def __init__(self, project: Project) -> None:
        self.project = project
        pip = project.root.parent / "bin" / "pip"
        pip.write_text("#!/bin/sh\n")
        pip.chmod(0o755)
        self.environ = as_repository(project)
        given = [pair for pair in project.environ.items() if pair[0].startswith(("HW_", "PROVISIONER_", "STACK"))]
        given += [("PROVISIONER_PUSH_TOKEN", "made-up")]
        self._options = [word for pair in given for word in ("--variable", "=".join(pair))]

    def job(self, *names: str, expected: int = 0) -> str:
        command = [str(RUNNER), "--force-shell-executor", "--no-json-schema-validation", *self._options, *names]
        return shell(self.project, f"{shlex.join(command)} 2>&1", self.environ, expected)


@pytest.fixture
def gitlab(project: Project) -> GitLab:
    if not (RUNNER.exists() and shutil.which("node") and shutil.which("rsync")):
        pytest.skip(
            "needs node, rsync and gitlab-ci-local: npm install --prefix .linters --no-save gitlab-ci-local@4.61.1"
        )
    return GitLab(project)


class TestGitLab:
    def test_what_was_planned_is_applied_and_recorded(self, gitlab: GitLab, sandbox: Sandbox) -> None:
        """The state is pushed; drift finds nothing."""
        gitlab.job("plan")
        assert [] == sandbox.calls()
        gitlab.job("apply")
        assert sandbox.only()["id"] in pushed(gitlab.project, gitlab.environ)
        gitlab.job("drift")

    def test_a_review_writes_what_a_merge_request_shows(self, gitlab: GitLab, sandbox: Sandbox) -> None:
        """The numbers of the widget and the pages; nothing is applied."""
        gitlab.job("review", "--variable", "CI_PIPELINE_SOURCE=merge_request_event")
        widget = json.loads((gitlab.project.root / "widget.json").read_text())
        assert {"create": 1, "update": 0, "delete": 0} == widget
        artifacts = gitlab.project.root / ".gitlab-ci-local" / "artifacts" / "review"
        assert ["plan.html", "plan.md"] == sorted(path.name for path in artifacts.iterdir())
        assert [] == sandbox.calls()

    def test_what_an_apply_that_failed_made_is_recorded(self, gitlab: GitLab, sandbox: Sandbox) -> None:
        """And the job has failed."""
        merge(gitlab.project, gitlab.environ, alice={}, ben={})
        gitlab.job("plan")
        sandbox.fault("create", "fail", nth=2, status=400)
        gitlab.job("apply", expected=1)
        assert sandbox.only()["id"] in pushed(gitlab.project, gitlab.environ)

    def test_no_pipeline_speaks_for_another_commit(self, gitlab: GitLab, sandbox: Sandbox) -> None:
        """Once main has other specs, an older pipeline neither plans them nor applies what it planned."""
        gitlab.job("plan")
        merge(gitlab.project, gitlab.environ, ben={})
        shell(gitlab.project, "git reset --quiet --hard HEAD~1", gitlab.environ)
        for name in ("plan", "apply"):
            assert "main has moved on" in gitlab.job(name, expected=1)
        assert [] == sandbox.calls()


def test_gitlab_runs_a_pipeline_for_each_stack(project: Project, sandbox: Sandbox) -> None:
    """What the documented job writes is a pipeline, whose jobs plan."""
    if shutil.which("jq") is None:
        pytest.skip("needs jq: apt-get install jq")
    [spec] = (project.root / "specs" / "lab").iterdir()
    other = project.root / "specs" / "it's another" / spec.name
    other.parent.mkdir()
    other.write_text(json.dumps(json.loads(spec.read_text()) | {"stack": "other"}))
    text = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    [jobs] = [yaml.safe_load(block) for block in re.findall(r"(?s)```yaml\n(.*?)```", text) if "child.yml" in block]
    [line] = jobs["stacks"]["script"]
    shell(project, line, {})
    child = yaml.safe_load((project.root / jobs["stacks"]["artifacts"]["paths"][0]).read_text())
    assert {"default", "plan lab", "plan other"} == set(child)
    for name in ("plan lab", "plan other"):
        [command] = child[name]["script"]
        assert "1 to add" in shell(project, command, {})
    assert [] == sandbox.calls()
