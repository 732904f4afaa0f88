"""Which pipeline runs us, what it says of the change, and what it is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.cli.ci import SUMMARY_BYTES, Pipeline, annotate, origin, outputs, pipeline, publish
from provisioner.errors import Diagnostic, SourceRange
from provisioner.plan import Plan
from provisioner.views.reported import Origin, Reported
from tests.plans import SCENARIOS

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SHA": "3f2c1ab",
    "GITHUB_ACTOR": "liwei",
    "GITHUB_REF_NAME": "7/merge",
    "GITHUB_HEAD_REF": "more-disk",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "lab/notebooks",
    "GITHUB_RUN_ID": "42",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_COMMIT_SHA": "3f2c1ab",
    "CI_COMMIT_AUTHOR": "Li Wei <li.wei@example.com>",
    "CI_COMMIT_REF_NAME": "main",
    "CI_JOB_URL": "https://gitlab.example.com/lab/-/jobs/7",
}
ATLANTIS = {
    "ATLANTIS_TERRAFORM_VERSION": "1.11.4",
    "HEAD_COMMIT": "3f2c1ab",
    "USER_NAME": "liwei",
    "HEAD_BRANCH_NAME": "more-disk",
    "PULL_URL": "https://github.com/lab/notebooks/pull/7",
}
JENKINS = {
    "JENKINS_URL": "http://jenkins/",
    "GIT_COMMIT": "3f2c1ab",
    "BRANCH_NAME": "main",
    "BUILD_URL": "http://jenkins/job/7/",
}


def reported(plan: Plan) -> Reported:
    return Reported(plan, {}, f"sha256:{'9' * 64}", "", "cn-north-4", "0" * 32)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Pipeline.NONE),
        ({"CI": "false"}, Pipeline.NONE),
        ({"CI": "true"}, Pipeline.OTHER),
        ({"CI": "true", "GITHUB_ACTIONS": "true"}, Pipeline.GITHUB),
        ({"CI": "true", "GITLAB_CI": "true"}, Pipeline.GITLAB),
    ],
)
def test_the_pipeline_is_known_by_its_variables(environ: dict[str, str], expected: Pipeline) -> None:
    assert expected is pipeline(environ)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Origin()),
        (GITHUB, Origin("3f2c1ab", "liwei", "more-disk", "https://github.com/lab/notebooks/actions/runs/42")),
        (GITLAB, Origin("3f2c1ab", "Li Wei", "main", "https://gitlab.example.com/lab/-/jobs/7")),
        (ATLANTIS, Origin("3f2c1ab", "liwei", "more-disk", "https://github.com/lab/notebooks/pull/7")),
        (JENKINS, Origin("3f2c1ab", "", "main", "")),
        (GITLAB | {"CI_JOB_URL": "javascript:alert(1)"}, Origin("3f2c1ab", "Li Wei", "main", "")),
    ],
)
def test_where_the_change_comes_from(environ: dict[str, str], expected: Origin) -> None:
    """No mail address, and no address that is not https."""
    assert expected == origin(environ)


def test_outputs() -> None:
    """Counts of a plan, what --detailed-exitcode would say, and the digest."""
    assert {
        "to_add": "1",
        "to_change": "0",
        "to_destroy": "1",
        "to_import": "0",
        "to_forget": "0",
        "has_changes": "true",
        "plan_digest": "sha256:9",
        "exitcode": "2",
    } == outputs([SCENARIOS["replace_requested"]()], "sha256:9")
    nothing = outputs([SCENARIOS["no_changes"]()], "")
    assert ("false", "0", "0") == (nothing["has_changes"], nothing["to_add"], nothing["exitcode"])


def test_outputs_of_several_stacks() -> None:
    """Their sums: a last stack without changes hides nothing of those before it."""
    found = outputs([SCENARIOS["create"](), SCENARIOS["update_in_place"](), SCENARIOS["no_changes"]()], "")
    assert ("1", "1", "true", "2") == (found["to_add"], found["to_change"], found["has_changes"], found["exitcode"])


class TestPublish:
    def test_github(self, tmp_path: Path) -> None:
        """Appends to what the step has written already."""
        output, summary = tmp_path / "output", tmp_path / "summary"
        output.write_text("before=1\n")
        summary.write_text("Before.\n")
        environ = GITHUB | {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        publish([replace(reported(SCENARIOS["create"]()), saved_as="lab.plan")], environ)
        lines = output.read_text().splitlines()
        assert ["before=1", "to_add=1", "to_change=0", "to_destroy=0"] == lines[:4]
        assert f"plan_digest=sha256:{'9' * 64}" in lines
        assert summary.read_text().startswith("Before.\n")
        assert "notebook.alice" in summary.read_text()

    def test_a_full_summary_is_left_alone(self, tmp_path: Path) -> None:
        """One byte more and GitHub would upload none of it."""
        summary = tmp_path / "summary"
        summary.write_bytes(b"x" * (SUMMARY_BYTES - 10))
        publish([reported(SCENARIOS["create"]())], GITHUB | {"GITHUB_STEP_SUMMARY": str(summary)})
        assert SUMMARY_BYTES - 10 == summary.stat().st_size

    def test_files_that_cannot_be_written(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A warning, and no failure."""
        environ = GITHUB | {"GITHUB_OUTPUT": str(tmp_path / "none" / "f"), "GITHUB_STEP_SUMMARY": str(tmp_path)}
        publish([reported(SCENARIOS["create"]())], environ)
        said = capsys.readouterr().err
        assert "none/f cannot be written: No such file or directory" in said
        assert f"Warning: {tmp_path} cannot be written: Is a directory" in said

    def test_elsewhere(self, tmp_path: Path) -> None:
        """A variable that is left over from another pipeline is not obeyed."""
        output = tmp_path / "output"
        publish([reported(SCENARIOS["create"]())], {"GITHUB_OUTPUT": str(output)})
        assert not output.exists()


class TestAnnotate:
    def test_the_first_ten_errors_first(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Ten of each severity, as GitHub counts, and how many there are besides."""
        warnings = [Diagnostic("W1", f"warning {number}", severity="warning") for number in range(11)]
        annotate([*warnings, Diagnostic("E1", "error")], GITHUB)
        lines = capsys.readouterr().err.splitlines()
        assert "::error title=E1::error" == lines[0]
        assert ["::warning title=W1::warning 9", "1 more in the text above, without an annotation."] == lines[10:]

    def test_files_by_their_names_in_the_repository(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Wherever in it the command runs."""
        (tmp_path / "infra").mkdir()
        monkeypatch.chdir(tmp_path / "infra")
        found = Diagnostic("E1", "error", range=SourceRange("specs/a.yaml", 3, 5, 3, 9))
        annotate([found], GITHUB | {"GITHUB_WORKSPACE": str(tmp_path)})
        assert "::error file=infra/specs/a.yaml,line=3,endLine=3,title=E1,col=5,endColumn=9::error\n" == (
            capsys.readouterr().err
        )

    def test_elsewhere(self, capsys: pytest.CaptureFixture[str]) -> None:
        annotate([Diagnostic("E1", "error")], GITLAB)
        assert "" == capsys.readouterr().err
