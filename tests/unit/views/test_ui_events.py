"""Runs as events: Terraform's types and keys for every plan there is, and for whatever happens to a step."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from provisioner.errors import ApplyError, Diagnostic
from provisioner.events import (
    OperationStarted,
    RefreshCompleted,
    RefreshStarted,
    StatusSeen,
    StepCompleted,
    StepFailed,
    StepInterrupted,
    StepStarted,
    Tick,
)
from provisioner.plan import Action
from provisioner.views.ui_events import (
    RunEvents,
    UiEvent,
    diagnostic_event,
    log_event,
    plan_events,
    saved_event,
    version_event,
)
from tests.builders import NOW_MS, HandClock, instance_id, planned, step
from tests.plans import CREATE_FIRST, SCENARIOS
from tests.ui_schema import TYPES, line_schema

Agrees = Callable[[str, str], None]

NOW = NOW_MS / 1000
NEW = instance_id(99)
ROOT = Path(__file__).parents[3]


def lines(events: Iterable[UiEvent]) -> list[dict[str, Any]]:
    """As a reader gets them; each fits the schema of its type."""
    found = [json.loads(event.line(NOW)) for event in events]
    for each in found:
        Draft202012Validator(line_schema(each["type"])).validate(each)
    return found


def messages(events: Iterable[UiEvent]) -> list[tuple[str, str]]:
    return [(each["type"], each["@message"]) for each in lines(events)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_plan(name: str, agrees: Agrees) -> None:
    """Every action and every reason."""
    plan = SCENARIOS[name]()
    found = lines(plan_events(plan))
    assert len(plan.pending) == sum(each["type"] == "planned_change" for each in found)
    assert "hunter2" not in json.dumps(found)
    agrees(f"events/{name}.jsonl", "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in found))


def test_an_approved_plan_tells_no_numbers() -> None:
    """They were told when it was made."""
    plan = SCENARIOS["everything"]()
    made, approved = lines(plan_events(plan)), lines(plan_events(plan, approved=True))
    assert made[:-1] == approved
    assert "change_summary" == made[-1]["type"]


def test_a_replacement_is_two() -> None:
    """Destroyed without an id in the end, created with a new one."""
    clock = HandClock()
    run, bob = RunEvents(clock), step(Action.REPLACE, "bob")
    found = run(StepStarted(bob)) + run(OperationStarted(bob, bob.operations[0], 1))
    clock.time += 3
    found += run(OperationStarted(bob, bob.operations[1], 2))
    clock.time += 4
    found += run(StepCompleted(bob, NEW, 7.0))
    assert [
        ("apply_start", f"notebook.bob: Destroying... [id={bob.id}]"),
        ("apply_complete", "notebook.bob: Destruction complete after 3s"),
        ("apply_start", "notebook.bob: Creating..."),
        ("apply_complete", f"notebook.bob: Creation complete after 4s [id={NEW}]"),
    ] == messages(found)


def test_a_replacement_that_creates_first() -> None:
    """The created one has its id at once, and the destroyed one none in the end."""
    fields = {"feature": None, "workspace_id": "0" * 32, "lifecycle": CREATE_FIRST}
    alice = planned({"alice": {}}, {"alice": fields}).steps[0]
    last = len(alice.operations)
    run = RunEvents(HandClock())
    found = run(StepStarted(alice)) + run(OperationStarted(alice, alice.operations[0], 1))
    found += run(StatusSeen(alice, NEW, "RUNNING"))
    found += run(OperationStarted(alice, alice.operations[-1], last)) + run(StepCompleted(alice, NEW, 0.0))
    assert [
        ("apply_start", "notebook.alice: Creating..."),
        ("notebook_status", "notebook.alice: RUNNING"),
        ("apply_complete", f"notebook.alice: Creation complete after 0s [id={NEW}]"),
        ("apply_start", f"notebook.alice: Destroying... [id={alice.id}]"),
        ("apply_complete", "notebook.alice: Destruction complete after 0s"),
    ] == messages(found)


def test_every_ten_seconds() -> None:
    """For each step that is under way, counted from its own beginning."""
    clock = HandClock()
    run, alice, carol = RunEvents(clock), step(Action.UPDATE, "alice"), step(Action.CREATE, "carol")
    run(StepStarted(alice))
    clock.time += 6
    run(StepStarted(carol))
    clock.time += 5
    assert [("apply_progress", "notebook.alice: Still modifying... [11s elapsed]")] == messages(run(Tick()))
    clock.time += 5
    assert [("apply_progress", "notebook.carol: Still creating... [10s elapsed]")] == messages(run(Tick()))
    assert [] == run(Tick())


def test_a_status_is_told_when_it_is_new() -> None:
    """With the step of its progress, and why it failed."""
    run, carol = RunEvents(HandClock()), step(Action.CREATE, "carol")
    run(StepStarted(carol))
    seen = StatusSeen(carol, NEW, "CREATING", 2, 4, "Prepare the compute resource.")
    (first,) = lines(run(seen))
    assert "notebook.carol: CREATING · 2/4 Prepare the compute resource." == first["@message"]
    assert [] == run(seen)
    (failed,) = lines(run(StatusSeen(carol, NEW, "CREATE_FAILED", reason="no capacity")))
    assert ("CREATE_FAILED", "no capacity") == (failed["hook"]["status"], failed["hook"]["fail_reason"])


def test_steps_that_do_not_reach_their_end() -> None:
    """An id that is known is told, also of one that was refused before its first call."""
    run, alice, carol = RunEvents(HandClock()), step(Action.UPDATE, "alice"), step(Action.CREATE, "carol")
    found = run(StepStarted(carol)) + run(StepInterrupted(carol, NEW))
    found += run(StepFailed(alice, ApplyError("no"), 0.0, alice.id))
    assert [
        ("apply_start", "notebook.carol: Creating..."),
        ("apply_interrupted", f"notebook.carol: Creation interrupted after 0s [id={NEW}]"),
        ("apply_errored", f"notebook.alice: Modifications errored after 0s [id={alice.id}]"),
    ] == messages(found)


def test_a_refresh() -> None:
    """One pair for each that is recorded; what is gone is not completed."""
    run, ids = RunEvents(HandClock()), {"notebook.a": "1", 'notebook.b["k"]': "2"}
    assert [
        ("refresh_start", "notebook.a: Refreshing state... [id=1]"),
        ("refresh_start", 'notebook.b["k"]: Refreshing state... [id=2]'),
        ("refresh_complete", "notebook.a: Refresh complete [id=1]"),
    ] == messages(run(RefreshStarted("lab", 2, ids)) + run(RefreshCompleted("lab", 2, 1, 0.0, {"notebook.a": "1"})))


def test_foreign_text_stays_in_its_line() -> None:
    """No terminal obeys a line, and no name makes a second one."""
    run, carol = RunEvents(HandClock()), step(Action.CREATE, "carol")
    run(StepStarted(carol))
    (event,) = run(StatusSeen(carol, NEW, "\x1b[2J\u202e\x9b", 1, 4, 'a\n{"type":"version"}\ud800'))
    text = event.line(NOW)
    assert text.isascii()
    assert text.isprintable()
    lines([event])


def test_the_other_types() -> None:
    """Version, remarks, diagnostics, what was saved; all types are told in docs/events.md."""
    warning = Diagnostic("E210", "unknown key", "why", "mend", severity="warning")
    found = lines(
        [version_event(), log_event("\na remark\n"), diagnostic_event(warning), saved_event("p", f"sha256:{'0' * 64}")]
    )
    assert ["info", "info", "warn", "info"] == [each["@level"] for each in found]
    assert ["a remark", "Warning: unknown key", "Saved the plan as p"] == [each["@message"] for each in found[1:]]
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    assert set() == TYPES.keys() - set(re.findall(r"`([a-z_]+)`", page))


# ------------------------------------------------------------------------------------------------------- Terraform's

BEFORE = 'resource "terraform_data" "kept" { input = "a" }\nresource "terraform_data" "gone" { input = "a" }\n'
AFTER = """
resource "terraform_data" "kept" { input = "b" }
resource "terraform_data" "new" {
  for_each = toset(["k"])
  input    = "a"
}
"""


TERRAFORM = shutil.which("terraform") or ""


@pytest.mark.skipif(not TERRAFORM, reason="needs the terraform binary, 1.5 or newer, in PATH")
def test_terraforms_own_stream_has_no_key_that_ours_lacks(tmp_path: Path) -> None:
    """Create, update and delete under the real Terraform: each line, with our names in it."""

    def terraform(*arguments: str) -> list[dict[str, Any]]:
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"}
        done = subprocess.run(
            [TERRAFORM, *arguments], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
        )
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    (tmp_path / "main.tf").write_text(BEFORE)
    terraform("init")
    found = terraform("apply", "-json", "-auto-approve")
    (tmp_path / "main.tf").write_text(AFTER)
    found += terraform("apply", "-json", "-auto-approve") + terraform("destroy", "-json", "-auto-approve")
    kinds = {each["type"] for each in found}
    assert {"planned_change", "apply_start", "apply_complete", "change_summary", "outputs", "refresh_start"} <= kinds
    for each in found:
        Draft202012Validator(line_schema(each["type"])).validate(_as_ours(each))


def _as_ours(line: dict[str, Any]) -> dict[str, Any]:
    """A line of Terraform's with our names for what it is about, and with what we add."""
    line = {**line, "@module": "provisioner.ui"}
    if line["type"] == "version":
        line["provisioner"] = line.pop("terraform")
    if line["type"] == "planned_change":
        line["stack"] = "lab"
    if "changes" in line:
        line["changes"] = {**line["changes"], "forget": 0}
    for part in ("change", "hook"):
        if part in line:
            names = {"implied_provider": "huaweicloud", "resource_type": "huaweicloud_modelarts_notebook"}
            line[part] = {**line[part], "resource": {**line[part]["resource"], **names}}
    return line
