"""Text, Markdown and HTML of one plan say the same: nobody approves on one screen what another would have shown."""

from __future__ import annotations

import html as escapes
import re

import pytest

from provisioner.plan import Loss, Plan
from provisioner.views.block import lost_text
from provisioner.views.html import html
from provisioner.views.markdown import markdown
from provisioner.views.text import plan_text, summary_line
from tests.plans import SCENARIOS
from tests.reports import reported


def texts(plan: Plan) -> dict[str, str]:
    """What a reader sees, on one line each."""
    made = reported(plan)
    page = re.sub(r"<(style|script)\b.*?</\1>|<[^>]+>", " ", html(made), flags=re.DOTALL)
    found = {
        "text": plan_text(plan, color=False, width=400),
        "markdown": markdown(made).replace("`", ""),
        "html": escapes.unescape(page),
    }
    return {name: " ".join(re.sub(r"(?m)^ *#", "", text).split()) for name, text in found.items()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_report_has_every_fact(name: str) -> None:
    """The address, the calls and the loss of each step; each field that moved outside; each problem; the counts."""
    plan = SCENARIOS[name]()
    facts = [summary_line(plan)]
    for step in plan.pending:
        facts += [str(step.address), *(step.told(operation) for operation in step.operations)]
        facts += [lost_text(step)] if step.loss is not Loss.NONE else []
        facts += [str(step.moved_from)] if step.moved_from else []
        facts += [step.id] if step.imported else []
        facts += [change.path for change in step.changes if change.path.partition(".")[0] not in step.sensitive]
    problems = [each.summary for each in (*plan.refusals, *plan.warnings)]
    explained = {step.address for step in plan.steps if step.note}
    drift = [
        str(each.address)
        for each in plan.drift
        if each.address not in explained and any(not change.cause.expected for change in each.changes)
    ]
    for kind, text in texts(plan).items():
        # The problems of a plan stand beside its text, on the other stream.
        wanted = [*facts, *drift, *([] if kind == "text" else problems)]
        assert [] == [fact for fact in wanted if _leaf(fact) not in text], kind


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_report_changes_more(name: str) -> None:
    """The rows of Markdown and HTML are the steps that the text has blocks for."""
    plan = SCENARIOS[name]()
    made = reported(plan)
    pending = {str(step.address) for step in plan.pending}
    rows = re.findall(r'class="address">([^<]+)', html(made))
    table = re.findall(r"(?m)^\| (?:`[^`]+`)? ?\| `([^`]+)` \|", markdown(made))
    assert pending == {escapes.unescape(row) for row in rows} == set(table)
    assert len(plan.pending) == len(rows) == len(table)


def _leaf(fact: str) -> str:
    """A field within a field is told below it."""
    return fact if " " in fact or fact.startswith("notebook.") else fact.rpartition(".")[2]
