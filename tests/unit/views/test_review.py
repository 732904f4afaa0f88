"""A plan by risk: the order of its rows, what they say, what is to be read first."""

from __future__ import annotations

import pytest

from provisioner.errors import Diagnostic
from provisioner.plan import Plan
from provisioner.views.review import Review, Risk, counts_text, review_of
from tests.builders import planned
from tests.plans import SCENARIOS, SSH

GPU = "modelarts.bm.gpu.v100NV32"


def reviewed(name: str) -> Review:
    return review_of(SCENARIOS[name]())


def cautions(plan: Plan, word: str) -> list[str]:
    return ["; ".join(each.paragraphs) for each in review_of(plan).cautions if each.word == word]


def test_what_may_spoil_most_stands_first() -> None:
    """Data loss, then restarts, then what is new; within one risk by address."""
    rows = [(row.risk, row.mark, row.address) for row in reviewed("everything").rows]
    assert rows == [
        (Risk.DATA_LOSS, "-/+", "notebook.bob"),
        (Risk.DATA_LOSS, "-", "notebook.dave"),
        (Risk.RESTART, "~", "notebook.alice"),
        (Risk.CREATE, "+", "notebook.carol"),
        (Risk.CREATE, "+", "notebook.erin"),
    ]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_pending_step_has_a_row_that_says_something(name: str) -> None:
    """No row is left out, none is empty, and each is one line."""
    plan = SCENARIOS[name]()
    rows = review_of(plan).rows
    assert {each.address for each in plan.pending} == {row.step.address for row in rows}
    assert all(row.words and "\n" not in row.words for row in rows)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("create", "cpu.2u, 50 GB EVS"),
        ("create_every_field", "2.5 cores, 4096 MB, EFS"),
        ("update_grow", "volume 50 → 80 GB"),
        ("update_lease", "lease 8h TIMING → never"),
        ("update_outside", 'description "by QA" → "team a" (changed outside)'),
        ("update_sensitive", "description (sensitive value)"),
        ("replace_shrunk_volume", "volume 50 → 20 GB (forces replacement)"),
        ("delete", "removed from the specs"),
        ("move", "moved from notebook.old"),
        ("forget", "forgotten, the instance stays"),
        ("protect", "prevent_destroy switched on"),
        ("by_hand", "flavor cpu.2u → cpu.8u (restart)"),
    ],
)
def test_a_row_says_in_words_what_changes(name: str, words: str) -> None:
    """In short, with what it takes and who made it."""
    assert words == reviewed(name).rows[0].words


def test_many_changes_are_counted() -> None:
    """Four are told, the others are a number."""
    plan = planned({"alice": {}}, {"alice": {"tags": {f"t{number}": "x" for number in range(9)}}})
    assert review_of(plan).rows[0].words.endswith("; 5 more")


def test_a_replacement_names_the_field_that_forces_it_and_the_id_that_ends() -> None:
    """Who works there has to be told."""
    (caution,) = (each for each in reviewed("replace_shrunk_volume").cautions if each.word == "REPLACED")
    assert caution.paragraphs == (
        "volume.capacity cannot be changed in place",
        "the id 00000001-0000-4000-8000-000000000000 ends, another one takes its place",
    )


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (planned(after={"alice": {"flavor": GPU}}), ["an accelerator runs: bm.gpu.v100NV32"]),
        (planned({"alice": {}}, {"alice": {"flavor": GPU}}), ["an accelerator runs: bm.gpu.v100NV32"]),
        (planned(after={"alice": {"flavor": GPU, "desired_status": "STOPPED"}}), []),
        (planned({"alice": {"desired_status": "STOPPED"}}, {"alice": {}}), ["starts to run: cpu.2u"]),
        (planned({"alice": {}}, {"alice": {"lease": "never"}}), ["runs without end: `lease: never`"]),
        (SCENARIOS["update_grow"](), ["the volume grows by 30 GB"]),
        (SCENARIOS["delete"](), []),
        (SCENARIOS["import"](), []),
    ],
)
def test_what_may_cost_more_is_told(plan: Plan, expected: list[str]) -> None:
    """What starts to run, accelerators, storage, and what runs without end."""
    assert expected == cautions(plan, "BILLING")


@pytest.mark.parametrize(
    ("before", "after", "exposed"),
    [
        ([], [], False),
        ([], [SSH], False),
        ([], [SSH | {"allowed_access_ips": []}], True),
        ([SSH], [SSH | {"allowed_access_ips": []}], True),
        ([SSH | {"allowed_access_ips": []}], [SSH | {"allowed_access_ips": []}], False),
    ],
)
def test_ssh_that_is_opened_to_everybody_is_told(before: list[object], after: list[object], exposed: bool) -> None:  # noqa: FBT001
    """Where this plan opens it, and not where it was open."""
    plan = planned({"alice": {"endpoints": before}}, {"alice": {"endpoints": after, "description": "new"}})
    assert exposed == bool(cautions(plan, "EXPOSED"))


def test_a_refusal_comes_before_all_else() -> None:
    """With its code, its mend and its place, and the heading says that nothing will be done."""
    refusal = Diagnostic("E515", "the plan changes 9 notebooks", "policy.max_changes allows 2", "apply it in parts")
    plan = SCENARIOS["everything"]()
    refused = Plan(plan.stack, plan.lineage, plan.serial, plan.mode, plan.steps, refusals=(refusal,))
    first = review_of(refused).cautions[0]
    assert (first.word, first.paragraphs) == (
        "REFUSED",
        ("E515: the plan changes 9 notebooks", "policy.max_changes allows 2", "hint: apply it in parts"),
    )
    assert counts_text(refused) == "3 add, 1 change, 2 destroy, refused"


def test_no_text_has_a_control() -> None:
    """Names and notes of strangers are on one line each, with what cannot be seen spelt out."""
    plan = planned({"alice": {}}, {"alice": {"description": "x"}}, {"alice": {"description": "\x1b[2J\u202e\nPlan:"}})
    words = review_of(plan).rows[0].words
    assert r"\u001b[2J\u202e\nPlan:" in words
