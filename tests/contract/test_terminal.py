"""The commands on a real terminal: what stands on the screen while they run, resized and interrupted too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contract.project import Project
from tests.contract.sandbox import Sandbox
from tests.contract.terminal import Terminal

ESCAPE = "\x1b"


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    return Project(tmp_path, sandbox.environ)


def test_an_apply_is_asked_for_watched_and_summed_up(sandbox: Sandbox, project: Project) -> None:
    """The plan, the question, rows that move while the service works, and at the end what is left to know."""
    sandbox.pace(create_ms=1500)
    project.declare(alice={}, bob={})
    with Terminal(project, "apply") as terminal:
        terminal.until_shows("Enter a value:")
        assert any("notebook.alice will be created" in line for line in terminal.shown)
        terminal.type("yes\n")
        terminal.until_shows("0 of 2")
        moving = len(terminal.frames)
        assert 0 == terminal.end()
    rows = {
        line
        for frame in terminal.frames[moving:]
        for line in frame
        if re.search("notebook.alice +\\d+s +creating", line)
    }
    assert len(rows) > 1, "the row of a notebook never moved"
    text = "\n".join(terminal.shown)
    assert "of 2 ·" not in text, "the live area is still there"
    assert re.search(r"✓ notebook\.alice +\d+s +created", text)
    assert "Apply complete! Resources: 2 added, 0 changed, 0 destroyed." in terminal.shown
    assert not terminal.screen.cursor.hidden


@pytest.mark.parametrize(("columns", "lines"), [(40, 10), (20, 5), (160, 50)])
def test_the_area_follows_the_size_of_the_window(sandbox: Sandbox, project: Project, columns: int, lines: int) -> None:
    """Made narrower or wider in the middle of an apply, no row of the area is wrapped onto a second line."""
    sandbox.pace(create_ms=2000)
    project.declare(**{f"n{number:02}": {} for number in range(12)})
    with Terminal(project, "apply", "--auto-approve", columns=100, lines=30) as terminal:
        terminal.until_shows("0 of 12")
        terminal.resize(columns, lines)
        before = len(terminal.frames)
        assert 0 == terminal.end()
    repainted = terminal.frames[before + 1 :]
    assert repainted
    assert all(len(line) <= columns for frame in repainted for line in frame)
    last = "\n".join(terminal.shown)
    assert "Apply complete!" in last.replace("\n", "")
    assert "of 12 ·" not in last


def test_ctrl_c_ends_it_gently_and_the_next_apply_goes_on(sandbox: Sandbox, project: Project) -> None:
    """Calls under way end, the screen says how each notebook stands, and the terminal is as it was."""
    sandbox.pace(create_ms=60_000)
    project.declare(alice={}, bob={})
    with Terminal(project, "apply", "--auto-approve") as terminal:
        terminal.until(lambda: "\n".join(terminal.shown).count("CREATING") >= 2)
        terminal.interrupt()
        assert 130 == terminal.end()
    text = "\n".join(terminal.shown)
    assert 2 == len(re.findall(r"interrupted +notebook\.(?:alice|bob)", text)), text
    assert "Apply incomplete! Resources: 0 added, 0 changed, 0 destroyed. 2 interrupted." in text
    assert not terminal.screen.cursor.hidden
    sandbox.advance(120_000)
    ended = project.run("apply", "--auto-approve")
    assert 0 == ended.returncode, ended.stderr
    assert ["create", "create"] == sandbox.calls()


def test_ctrl_c_at_the_question_changes_nothing(sandbox: Sandbox, project: Project) -> None:
    """Nothing is sent, nothing is recorded."""
    project.declare(alice={})
    with Terminal(project, "apply") as terminal:
        terminal.until_shows("Enter a value:")
        terminal.interrupt()
        assert 130 == terminal.end()
    assert "Interrupted. Nothing was changed." in terminal.shown
    assert [] == sandbox.calls()


def test_a_failure_says_what_is_left(sandbox: Sandbox, project: Project) -> None:
    """One notebook fails, the other does not: the service's words, what was done, and how to go on."""
    sandbox.fault("create", "fail", nth=2, status=400, code="ModelArts.6329", message="The flavor is sold out.")
    project.declare(alice={}, bob={})
    with Terminal(project, "apply", "--auto-approve", "--parallelism=1", lines=60) as terminal:
        assert 1 == terminal.end()
    text = "\n".join(terminal.shown)
    assert "Apply incomplete! Resources: 1 added, 0 changed, 0 destroyed. 1 failed." in text
    assert re.search(r"✗ notebook\.bob +\d+s +failed", text)
    assert "the flavor is sold out: take another one, or try later" in text
    assert "State is saved (serial 1). Nothing was rolled back." in text


def test_a_held_lock_names_its_holder(sandbox: Sandbox, project: Project) -> None:
    """Who, since when, the id to break it by, and that one may wait."""
    sandbox.pace(create_ms=60_000)
    project.declare(alice={})
    with Terminal(project, "apply", "--auto-approve") as first:
        first.until_shows("CREATING")
        with Terminal(project, "apply", "--auto-approve") as second:
            assert 1 == second.end()
        first.interrupt()
        assert 130 == first.end()
    text = "\n".join(second.shown)
    for words in ("Error: ", "OperationTypeApply", "ID", "--lock-timeout"):
        assert words in text


@pytest.mark.parametrize("columns", [30, 60, 200])
def test_no_address_is_broken(sandbox: Sandbox, project: Project, columns: int) -> None:
    """Whatever the width, the lines that tools and people look for are written whole; the terminal may wrap them."""
    project.declare(**{"a-notebook-with-a-rather-long-key": {}})
    with Terminal(project, "plan", columns=columns, lines=60) as terminal:
        assert 0 == terminal.end()
    written = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.raw).splitlines()
    assert "  # notebook.a-notebook-with-a-rather-long-key will be created" in written
    assert "Plan: 1 to add, 0 to change, 0 to destroy." in written


def test_colour_can_be_declined(sandbox: Sandbox, project: Project) -> None:
    """With NO_COLOR nothing on the screen has a colour, and the plan is not the poorer for it."""
    project.declare(alice={})
    with Terminal(project, "plan", environ={"NO_COLOR": "1"}) as plain, Terminal(project, "plan") as colored:
        assert (0, 0) == (plain.end(), colored.end())
    used = [{cell.fg for row in each.screen.buffer.values() for cell in row.values()} for each in (plain, colored)]
    assert {"default"} == used[0] < used[1]
    asked, told = ([line for line in each.shown if "Read 0 notebooks" not in line] for each in (plain, colored))
    assert asked == told


@pytest.mark.parametrize(
    "environ", [{"TERM": "dumb"}, {"TERM": "dumb", "LANG": "C", "PYTHONIOENCODING": "ascii"}], ids=["dumb", "ascii"]
)
def test_a_dumb_terminal_gets_plain_lines(sandbox: Sandbox, project: Project, environ: dict[str, str]) -> None:
    """No escape at all; where only ASCII can be shown, nothing else is."""
    project.declare(alice={"description": "ünïcode"})
    with Terminal(project, "apply", "--auto-approve", environ=environ) as terminal:
        assert 0 == terminal.end()
    assert ESCAPE not in terminal.raw
    assert any(line.startswith("notebook.alice: Creation complete after") for line in terminal.shown)
    if "PYTHONIOENCODING" in environ:
        assert terminal.raw.isascii()


def test_drift_and_nothing_to_do(sandbox: Sandbox, project: Project) -> None:
    """Each of the two screens says what was looked at, and drift how to go on."""
    project.declare(alice={"description": "team a"})
    project.run("apply", "--auto-approve")
    sandbox.drift(project.recorded()["notebook.alice"]["id"], description="owned by QA")
    with Terminal(project, "drift") as drift:
        assert 2 == drift.end()
    assert re.search(r'description +"team a" -> "owned by QA" +changed outside', "\n".join(drift.shown))
    assert any(line.split() == ["restore", "the", "YAML:", "provisioner", "apply"] for line in drift.shown), drift.shown
    project.run("apply", "--auto-approve")
    with Terminal(project, "plan") as plan:
        assert 0 == plan.end()
    assert "No changes. Your infrastructure matches the configuration." in plan.shown
    assert any(line.startswith("1 notebook checked in stack lab, serial") for line in plan.shown)
