"""`plan --report` as people and pipelines run it: files of a real plan against a real service."""

from __future__ import annotations

import json
from pathlib import Path

from tests.contract.project import Project


def test_reports_are_written_beside_the_plan(tmp_path: Path) -> None:
    """All of one run, each in its file; standard output has the text alone."""
    project = Project(tmp_path)
    project.declare(alice={}, bob={})
    reports = ("markdown=plan.md", "html=plan.html", "gitlab=widget.json", "json=report.json")
    arguments = [word for report in reports for word in ("--report", report)]
    done = project.run("plan", "--sandbox", "--out", "plan.bin", *arguments)
    assert done.returncode == 0, done.stderr
    comment = (tmp_path / "plan.md").read_text(encoding="utf-8")
    digest = json.loads((tmp_path / "plan.bin").read_text())["provisioner"]["digest"]
    assert "### provisioner plan · `lab` · " in comment
    assert f"`provisioner apply plan.bin --approved-digest {digest}`" in comment
    assert json.loads((tmp_path / "widget.json").read_text()) == {"create": 2, "update": 0, "delete": 0}
    assert json.loads((tmp_path / "report.json").read_text())["format_version"] == "1.2"
    assert "<!-- provisioner:plan" not in done.stdout


def test_a_refused_plan_is_reported_too(tmp_path: Path) -> None:
    """Its reasons stand in the comment, and nothing to approve by."""
    (tmp_path / "provisioner.yaml").write_text("version: 1\npolicy: {max_changes: 1}\n")
    project = Project(tmp_path)
    project.declare(alice={}, bob={})
    done = project.run("plan", "--sandbox", "--report", "markdown=plan.md")
    assert done.returncode == 1, done.stderr
    comment = (tmp_path / "plan.md").read_text(encoding="utf-8")
    assert "2 add, refused" in comment
    assert "**REFUSED**: `E515`: the plan changes 2 notebooks" in comment
    assert "digest" not in comment


def test_a_report_that_cannot_be_written_is_refused_before_the_service_is_asked(tmp_path: Path) -> None:
    """No simulator was started, none of the other reports was written."""
    project = Project(tmp_path)
    project.declare(alice={})
    done = project.run("plan", "--sandbox", "--report", "gitlab=widget.json", "--report", "markdwn=plan.md")
    assert done.returncode == 1
    assert "there is no report of the kind 'markdwn'" in done.stderr
    assert "did you mean markdown?" in done.stderr
    assert not (tmp_path / "widget.json").exists()
    assert not (tmp_path / ".provisioner").exists()
