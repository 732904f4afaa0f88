"""The numbers that GitLab shows, by the rules of its own reader (`lib/gitlab/ci/reports/.../tfplan.rb`)."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from provisioner.plan import Action, Plan
from provisioner.views.gitlab import widget
from tests.builders import step
from tests.plans import SCENARIOS

KEYS = {"create", "update", "delete"}


def read_by_gitlab(text: str) -> dict[str, int]:
    """All three keys, each a number or a string of one to six digits; anything else is shown as an error."""
    document = json.loads(text)
    assert document.keys() >= KEYS
    for key in KEYS:
        value = document[key]
        assert isinstance(value, int) or re.fullmatch(r"\d{1,6}", value)
        assert 0 <= int(value) <= 999_999
    return {key: int(document[key]) for key in KEYS}


@pytest.mark.parametrize("name", SCENARIOS)
def test_gitlab_reads_the_counts_of_the_plan(name: str) -> None:
    """A replacement is one to create and one to delete, as in the recipe of GitLab over `change.actions`."""
    plan = SCENARIOS[name]()
    summary = plan.summary
    expected = {"create": summary.add, "update": summary.change, "delete": summary.destroy}
    assert expected == read_by_gitlab(json.dumps(widget(plan)))


def test_a_replacement_counts_twice() -> None:
    """Of one notebook: one to create and one to delete."""
    assert {"create": 1, "update": 0, "delete": 1} == widget(SCENARIOS["replace_requested"]())


def test_no_number_has_seven_digits() -> None:
    """GitLab refuses more than six."""
    plan: Plan = replace(SCENARIOS["create"](), steps=(step(Action.CREATE),) * 1_000_000)
    assert widget(plan)["create"] == 999_999
