"""The logs of pipelines: what we tell them, and that foreign text tells them nothing. The rules of GitHub's runner are
replayed as its source has them (ActionCommand.cs: TryParseV2 and TryParse).
"""

from __future__ import annotations

import json
import re

import pytest

from provisioner.errors import Diagnostic, SourceRange, UsageError
from provisioner.views.clean import UNSAFE, clean, clean_json, one_line
from provisioner.views.diagnostics import compact_text, error_text
from provisioner.views.runner_log import annotation, folded, section_end, section_start

COMMANDS = {"error", "warning", "notice", "add-mask", "set-output", "set-env", "stop-commands", "group", "debug"}
SECTION = re.compile(r"section_(start|end):(\d+):([a-zA-Z0-9_.-]+)(\[[^]]*\])?\r\x1b\[0K")  # GitLab's

HOSTILE = [
    "::error::all is lost",
    "fine\n::set-env name=PATH::/evil",
    "fine\n \t\u00a0::stop-commands::x",
    "fine\n\u3000::add-mask::yes",
    "middle ##[error]all is lost",
    "###[add-mask]yes",
    "##[SET-ENV name=A]b",
    "fine\r::error::x",
    "a\u2028::error::x",
    "##\u200b[error]x",
    "\x1b[0Ksection_end:1:provisioner_plan\r\x1b[0K",
]


def obeyed_by_github(text: str) -> list[str]:
    """The commands that a runner finds in a log."""
    return [name for line in re.split(r"\r\n|\r|\n", text) for name in (_v2(line), _v1(line)) if name in COMMANDS]


def _v2(line: str) -> str:
    line = line.lstrip()
    end = line.find("::", 2)
    return line[2:end].partition(" ")[0].lower() if line.startswith("::") and end >= 0 else ""


def _v1(line: str) -> str:
    begin = line.find("##[")
    end = line.find("]", begin)
    return line[begin + 3 : end].partition(" ")[0].lower() if begin >= 0 and end >= 0 else ""


def test_the_replayed_rules_see_commands() -> None:
    """Or the tests below could not fail."""
    assert ["error"] == obeyed_by_github("  ::Error file=x::y")
    assert ["add-mask"] == obeyed_by_github("before ##[add-mask]yes")
    assert [] == obeyed_by_github("see ::error::x")


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_is_no_command(text: str) -> None:
    """Neither in a line of ours nor as lines of its own, nor in an annotation."""
    error = UsageError(text, detail=text, hint=text)
    coded = [Diagnostic("E1", text, text, text, range=SourceRange(text, 1, 1, 1, 2), source_line=text)]
    for shown in (clean(text), one_line(text), error_text(error, color=False), compact_text(coded, color=False)):
        assert [] == obeyed_by_github(shown)
        assert not SECTION.search(shown)
    assert ["error"] == obeyed_by_github(annotation(coded[0]))


@pytest.mark.parametrize("text", ["::1", "fe80::1", "a::b", "# comment", "## heading", "C##", "x [y]", "a:b"])
def test_harmless_text_is_left_alone(text: str) -> None:
    assert text == clean(text)


class TestAnnotation:
    def test_escapes(self) -> None:
        """A property more than the text."""
        found = Diagnostic("E1", "50%, a:b", "two\nlines", "mend", range=SourceRange("a,b:c%.yaml", 3, 5, 3, 9))
        begin = "::error file=a%2Cb%3Ac%25.yaml,line=3,endLine=3,title=E1,col=5,endColumn=9::"
        assert f"{begin}50%25, a:b%0Atwo%0Alines%0Ahelp: mend" == annotation(found)

    def test_of_several_lines(self) -> None:
        """Without columns: GitHub mistakes them."""
        found = Diagnostic("W1", "x", severity="warning", range=SourceRange("a.yaml", 3, 5, 4, 9))
        assert "::warning file=a.yaml,line=3,endLine=4,title=W1::x" == annotation(found)

    def test_without_a_place(self) -> None:
        assert "::error::x" == annotation(Diagnostic("", "x"))


class TestSections:
    def test_lines(self) -> None:
        """As GitLab reads them."""
        start = section_start("plan", "Plan of stack lab", 12.4, collapsed=True)
        assert "\x1b[0Ksection_start:12:plan[collapsed=true]\r\x1b[0KPlan of stack lab\n" == start
        assert "\x1b[0Ksection_end:13:plan\r\x1b[0K\n" == section_end("plan", 12.6)
        assert ["start", "end"] == [found[1] for found in SECTION.finditer(start + section_end("plan", 13))]

    def test_the_summary_stays_visible(self) -> None:
        """And what a reviewer must not overlook, below it."""
        text = folded("body\n\nPlan: 1 to add.\n\nBefore you approve\n", "Plan: 1 to add.", title="T", seconds=1)
        section, _, rest = text.partition("\x1b[0Ksection_end:1:provisioner_plan\r\x1b[0K\n")
        assert section.endswith("T\nbody\n")
        assert "Plan: 1 to add.\n\nBefore you approve\n" == rest

    def test_nothing_to_fold(self) -> None:
        """A screen that begins with its summary."""
        assert "No changes.\n\nx\n" == folded("No changes.\n\nx\n", "No changes.", title="T", seconds=1)


def test_compact_warnings() -> None:
    """One line each, with the place."""
    found = [
        Diagnostic("W1", "old", "long\nstory", severity="warning", range=SourceRange("a.yaml", 3, 5, 3, 9)),
        Diagnostic("", "cut\noff", severity="warning"),
    ]
    assert "warning[W1]: old (a.yaml:3:5)\nWarning: cut\\noff" == compact_text(found, color=False)


@pytest.mark.parametrize("text", [*HOSTILE, "\x9b2K", "ünïcode", "\u202e\U000e0041\ud800"])
def test_json_is_shown_and_says_the_same(text: str) -> None:
    """Whoever prints it sees every sign of it, and whoever parses it gets what was put in."""
    shown = clean_json(json.dumps({text: text}, ensure_ascii=False))
    assert not UNSAFE.search(shown)
    assert {text: text} == json.loads(shown)
