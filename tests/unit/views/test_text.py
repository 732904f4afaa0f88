"""The text of a plan: golden screens of every action and reason, and what other tools read in them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from provisioner.plan import Action, Mode, Options, Plan, Reason
from provisioner.planning.stack import build_plan
from provisioner.views.text import plan_text, summary_line
from tests.builders import (
    NOW_MS,
    instance,
    notebook,
    planned,
    record,
    state,
)
from tests.plans import SCENARIOS

Agrees = Callable[[str, str], None]

ESCAPES = re.compile(r"\x1b\[\d+m")


def plain(plan: Plan, width: int = 80) -> str:
    return plan_text(plan, color=False, width=width)


@pytest.mark.parametrize("name", SCENARIOS)
def test_screen(name: str, agrees: Agrees) -> None:
    """A plan looks like this."""
    agrees(f"plan/{name}.txt", plain(SCENARIOS[name]()))


def test_every_action_and_reason_has_a_screen() -> None:
    """No action and no reason goes without a golden file."""
    steps = [step for build in SCENARIOS.values() for step in build().steps]
    assert (set(Action), set(Reason)) == ({step.action for step in steps}, {step.reason for step in steps})


# ------------------------------------------------------------------------------------------ what other tools read

PLAN_LINE = re.compile(
    r"Plan: (?:\d+ to import, )?(\d+) to add, (\d+) to change, (\d+) to destroy(?:, \d+ to forget)?\."
)
ADDRESS_LINES = {
    "created": re.compile(r"^ *# (.*) will be created$", re.MULTILINE),
    "updated": re.compile(r"^ *# (.*) will be updated in-place$", re.MULTILINE),
    "replaced": re.compile(r"^ *# (.*) must be replaced$", re.MULTILINE),
    "destroyed": re.compile(r"^ *# (.*) will be destroyed$", re.MULTILINE),
}
DIFF_LINE = re.compile(r"^( +)([-+~]\s)(.*)(\s=\s|\s->\s|<<|\{|\(known after apply\)| {2,}[^ ]+:.*)(.*)", re.MULTILINE)


def test_the_summary_counts_a_replacement_twice() -> None:
    """A replacement is one added and one destroyed, and nothing else stands on the line."""
    text = plain(SCENARIOS["everything"]())
    assert [line for line in text.splitlines() if PLAN_LINE.search(line)] == [
        "Plan: 3 to add, 1 to change, 2 to destroy."
    ]


def test_every_number_to_word_pair_of_the_summary_can_be_read() -> None:
    """Scripts that turn each `N to WORD` of the line into an output find three."""
    assert re.findall(r"(\d+) to (\w+)", summary_line(SCENARIOS["everything"]())) == [
        ("3", "add"),
        ("1", "change"),
        ("2", "destroy"),
    ]


def test_whole_lines_name_what_happens_to_each_address() -> None:
    """Tools list addresses from whole comment lines."""
    text = plain(SCENARIOS["everything"]())
    assert {what: pattern.findall(text) for what, pattern in ADDRESS_LINES.items()} == {
        "created": ["notebook.carol", "notebook.erin"],
        "updated": ["notebook.alice"],
        "replaced": ["notebook.bob"],
        "destroyed": ["notebook.dave"],
    }


def test_diff_lines_are_found_by_their_marks() -> None:
    """Attribute and block lines fit the pattern by which Atlantis moves marks to the first column."""
    marks = {(found[2].strip(), found[3].split()[0]) for found in DIFF_LINE.finditer(plain(SCENARIOS["everything"]()))}
    assert {("~", "flavor"), ("+", "flavor"), ("-", "flavor"), ("+", "resource"), ("~", "resource")} <= marks


def test_no_other_tool_is_impersonated() -> None:
    """The introduction says who acts."""
    text = "".join(plain(build()) for build in SCENARIOS.values())
    assert "provisioner will perform the following actions:" in text
    assert not re.search("terraform|opentofu", text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("no_changes", "No changes. Your infrastructure matches the configuration."),
        ("blocked", "No changes. Your infrastructure matches the configuration."),
        ("destroy_nothing", "No changes. No objects need to be destroyed."),
        ("refresh_only_nothing", "No changes. Your infrastructure still matches the configuration."),
    ],
)
def test_nothing_to_do_is_said_word_for_word(name: str, sentence: str) -> None:
    """The sentence stands alone on the first line."""
    assert plain(SCENARIOS[name]()).splitlines()[0] == sentence


# ------------------------------------------------------------------------------------------------------- terminals


@pytest.mark.parametrize("name", SCENARIOS)
def test_colour_adds_escapes_and_nothing_else(name: str) -> None:
    """Without its escapes the coloured screen is the plain one."""
    plan = SCENARIOS[name]()
    colored = plan_text(plan, color=True, width=80)
    assert ESCAPES.sub("", colored) == plain(plan)
    assert ESCAPES.search(colored)


@pytest.mark.parametrize("name", SCENARIOS)
def test_ascii_is_enough(name: str) -> None:
    """A terminal that knows ASCII alone gets nothing else."""
    assert plan_text(SCENARIOS[name](), color=False, width=80, ascii_only=True).isascii()


@pytest.mark.parametrize("width", [1, 20, 80, 300])
def test_an_address_is_never_broken(width: int) -> None:
    """Whatever the width, header and place of a step stand whole on their lines."""
    text = plain(SCENARIOS["create_each"](), width=width)
    assert '  # notebook.gpu["bob"] will be created' in text.splitlines()
    assert re.search(r'^  \+ resource "notebook" "gpu" \{ {2,}specs/lab/notebooks.yaml:3$', text, re.MULTILINE)


def test_only_odd_changes_of_status_are_news() -> None:
    """What an earlier run had begun may end; a refresh-only plan tells of it, since it would record it."""
    created = record(notebook(), status="CREATING")
    plans = [
        build_plan({}, state({"alice": created}), {"notebook.alice": instance()}, serial=7, now_ms=NOW_MS, options=each)
        for each in (Options(Mode.DESTROY), Options(Mode.REFRESH_ONLY))
    ]
    assert ["notebook.alice  status  CREATING -> RUNNING" in plain(plan) for plan in plans] == [False, True]


def test_the_place_in_the_spec_ends_at_the_right_edge() -> None:
    """The block line is as wide as the terminal, but never wider than 100."""
    lengths = [
        len(next(line for line in plain(SCENARIOS["create"](), width=width).splitlines() if "resource" in line))
        for width in (80, 100, 250)
    ]
    assert lengths == [80, 100, 100]


EVIL = "\x1b[2J\x1b]0;owned\x07\u202egpj.exe\r\nPlan: 0 to add, 0 to change, 0 to destroy."


def test_foreign_text_cannot_act_on_the_terminal() -> None:
    """Controls and bidi overrides of names and descriptions are shown, not obeyed, and forge no line."""
    text = plain(
        planned(
            {"alice": {"tags": {"a": "b"}}, "bob": {}},
            {"alice": {"tags": {"a": "b"}, "description": "mine"}},
            {
                "alice": {"description": EVIL, "name": EVIL, "tags": [{"key": EVIL, "value": EVIL}]},
                "bob": {"name": EVIL},
            },
        )
    )
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert [line for line in text.splitlines() if line.startswith("Plan:")] == [
        "Plan: 0 to add, 1 to change, 1 to destroy."
    ]
    assert "\\u001b[2J" in text
    assert "\\u202e" in text


def test_thousands_of_changes_are_all_shown() -> None:
    """Two thousand notebooks have two thousand blocks."""
    keys = [f"n{number:04}" for number in range(2000)]
    plan = planned({key: {} for key in keys}, {key: {"flavor": "modelarts.vm.cpu.8u"} for key in keys})
    assert [f"notebook.{key}" for key in keys] == ADDRESS_LINES["updated"].findall(plain(plan))
