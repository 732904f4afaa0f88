"""`--report KIND=FILE`: what is asked for, what is refused before a plan is made, and how files are written."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from provisioner.cli.reports import wanted_reports, write_reports
from provisioner.errors import ProvisionerError, UsageError
from provisioner.views.reported import Reported
from tests.plans import SCENARIOS

LIMIT = 60_000


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative names are of this directory."""
    monkeypatch.chdir(tmp_path)


def reported(name: str = "everything") -> Reported:
    return Reported(SCENARIOS[name](), {"format_version": "1.2", "note": "\u2028"}, "sha256:0", "", "r", "p")


@pytest.mark.parametrize(
    ("text", "summary", "hint"),
    [
        ("markdwn=x", "no report of the kind 'markdwn'", "did you mean markdown?"),
        ("pdf=x", "no report of the kind 'pdf'", "there are markdown, html, gitlab, json"),
        ("x", "no report of the kind 'x'", "there are markdown"),
        ("markdown", "no file is named", "--report markdown=plan.md"),
        ("html=", "no file is named", "--report html=plan.html"),
        ("json=-", "the standard output has the text of the plan", "name a file"),
        ("json=nowhere/plan.json", "there is no directory nowhere", "mkdir -p nowhere"),
        ("json=.", ". is a directory", "name a file in it"),
        ("json=/dev/null", "/dev/null is not a file", "name a file"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(text: str, summary: str, hint: str) -> None:
    """With what was meant, or what to do."""
    with pytest.raises(UsageError) as error:
        wanted_reports([text])
    assert f"--report {text}: " in error.value.summary
    assert summary in error.value.summary
    assert hint in error.value.hint


@pytest.mark.parametrize("beside", [None, Path("a")])
def test_no_file_is_written_twice(beside: Path | None) -> None:
    """Neither by two reports nor by a report and the plan file."""
    requested = ["json=./a"] if beside else ["json=a", "gitlab=./a"]
    with pytest.raises(UsageError, match="two files would be written to a"):
        wanted_reports(requested, beside=beside)


def test_each_kind_has_its_content(tmp_path: Path) -> None:
    """The comment, the page, the numbers and the document."""
    write_reports(["markdown=a.md", "html=a.html", "gitlab=b.json", "JSON=c.json"], reported(), LIMIT)
    assert (tmp_path / "a.md").read_text().startswith("<!-- provisioner:plan:lab:r -->\n")
    assert (tmp_path / "a.html").read_text().lower().startswith("<!doctype html>")
    assert json.loads((tmp_path / "b.json").read_text()) == {"create": 3, "update": 1, "delete": 2}
    assert (tmp_path / "c.json").read_text() == '{\n  "format_version": "1.2",\n  "note": "\\u2028"\n}\n'


def test_the_limit_is_of_markdown(tmp_path: Path) -> None:
    """A comment keeps below it."""
    write_reports(["markdown=a.md"], reported(), 2000)
    assert (tmp_path / "a.md").stat().st_size <= 2000


def test_a_report_may_be_read_by_others_as_the_umask_says(tmp_path: Path) -> None:
    """Never wider than 0644; nothing is left beside it, and a link stays one."""
    (tmp_path / "link.json").symlink_to(tmp_path / "b.json")
    for mask, mode in ((0o000, 0o644), (0o077, 0o600)):
        before = os.umask(mask)
        try:
            write_reports(["gitlab=link.json"], reported(), LIMIT)
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "b.json").stat().st_mode) == mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.json", "link.json"]
    assert (tmp_path / "link.json").is_symlink()


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    """The message names the file and why."""
    target = tmp_path / ("x" * 252)  # there is no room for the name of a file beside it
    target.write_text("before")
    with pytest.raises(ProvisionerError, match=f"the report {target.name} cannot be written") as error:
        write_reports([f"gitlab={target.name}"], reported(), LIMIT)
    assert "File name too long" in error.value.detail
    assert target.read_text() == "before"


@pytest.mark.parametrize(
    ("variables", "alert"),
    [({}, True), ({"GITHUB_ACTIONS": "true"}, True), ({"GITLAB_CI": "true"}, True), ({"CI": "true"}, False)],
)
def test_alerts_are_for_those_who_show_them(
    variables: dict[str, str],
    alert: bool,  # noqa: FBT001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another pipeline gets plain Markdown."""
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    write_reports(["markdown=a.md"], reported(), LIMIT)
    assert alert == ("[!WARNING]" in (tmp_path / "a.md").read_text())
