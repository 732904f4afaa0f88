"""Terraform's JSON of plans and states, of every kind. How it compares with Terraform's own is in `test_terraform`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
from jsonschema import Draft202012Validator

from provisioner.plan import Options
from provisioner.tfjson.address import resource
from provisioner.tfjson.attributes import SHOWN_AS
from provisioner.tfjson.plan import plan_document
from provisioner.tfjson.state import state_document
from tests.builders import IMAGE, instance_id, notebook, parsed, planned, record, state
from tests.plan_schema import plan_schema, state_schema
from tests.plans import SCENARIOS

Agrees = Callable[[str, str], None]
NOW = "2025-10-09T08:53:20Z"
ROOT = Path(__file__).parents[3]


def document(name: str) -> dict[str, Any]:
    return plan_document(SCENARIOS[name](), state=state(), timestamp=NOW)


def change(name: str, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = document(name)["resource_changes"][number]
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_document_of_every_plan(name: str, agrees: Agrees) -> None:
    """Every action and reason has its golden document, which is plain JSON and fits the schema."""
    plan = document(name)
    Draft202012Validator(plan_schema(ours=True)).validate(plan)
    plan["provisioner_version"] = plan["prior_state"]["provisioner_version"] = "VERSION"
    agrees(f"json/{name}.json", json.dumps(plan, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_patch_leads_from_before_to_after(name: str) -> None:
    """RFC 6902, applied by a library, and nothing changes where nothing is to be done."""
    for each in document(name)["resource_changes"]:
        found = each["change"]
        assert found["after"] == jsonpatch.apply_patch(found["before"], found["patch"])
        if found["actions"] == ["no-op"]:
            assert [] == found["patch"]


def test_words_of_terraform() -> None:
    """Replacements, forgotten and moved notebooks and imports are told as Terraform tells them."""
    assert ["create", "delete"] == change("replace_create_first")["change"]["actions"]
    shrunk = change("replace_shrunk_volume")
    assert ("replace_because_cannot_update", [["volume", 0, "size"]]) == (
        shrunk["action_reason"],
        shrunk["change"]["replace_paths"],
    )
    assert ["forget"] == change("forget")["change"]["actions"]
    assert "huaweicloud_modelarts_notebook.old" == change("move")["previous_address"]
    assert {"id": instance_id(1)} == change("import")["change"]["importing"]
    assert "carol" == change("create_each", 1)["index"]


def test_a_deposed_instance_is_deleted_by_a_change_of_its_own() -> None:
    """A policy against deletions sees it."""
    kept, deposed = document("update_deposed")["resource_changes"]
    assert (["no-op"], ["delete"]) == (kept["change"]["actions"], deposed["change"]["actions"])
    assert instance_id(9)[:8] == deposed["deposed"]


def test_no_secret_is_in_the_document() -> None:
    """Sensitive values are masked and marked."""
    text = json.dumps(document("update_sensitive")) + json.dumps(document("create_sensitive"))
    assert "hunter2" not in text
    assert {"description": True} == change("update_sensitive")["change"]["after_sensitive"]


def test_a_sensitive_change_is_in_the_patch() -> None:
    """Both sides look the same, and still the patch says that something changes."""
    masked = {"op": "replace", "path": "/description", "value": "(sensitive value)"}
    assert [masked] == change("update_sensitive")["change"]["patch"]
    held = {"alice": {"description": "hunter2"}}
    plan = planned(held, held, {"alice": {"description": "by hand"}}, secrets=["hunter2"])
    # What the drift was recorded as stands in the state.
    recorded = state({"alice": record(notebook(**held["alice"])).hidden(plan.secrets)})
    (drift,) = plan_document(plan, state=recorded, timestamp=NOW)["resource_drift"]
    assert [masked] == drift["change"]["patch"]


@pytest.mark.parametrize(
    "options", [Options(targets=frozenset({parsed("a")})), Options(excludes=frozenset({parsed("b")}))]
)
def test_a_plan_of_some_is_not_complete(options: Options) -> None:
    """As with Terraform, also when what it leaves out is declared and not recorded yet."""
    plan = planned(after={"a": {}, "b": {}}, options=options)
    found = plan_document(plan, state=state(), timestamp=NOW)
    assert (True, False, False) == (found["applyable"], found["complete"], found["errored"])
    assert document("everything")["complete"]


def test_what_a_plan_leaves_out_is_still_there() -> None:
    """It stands in both states, and whether it is tainted only in the one that was recorded."""
    held = {"alice": record(), "bob": record(number=2, status="CREATE_FAILED")}
    plan = planned({"alice": {}}, {"alice": {}}, options=Options(targets=frozenset({parsed("alice")})))
    found = plan_document(plan, state=state(held), timestamp=NOW)
    Draft202012Validator(plan_schema(ours=True)).validate(found)
    prior, then = (
        each["root_module"]["resources"] for each in (found["prior_state"]["values"], found["planned_values"])
    )
    assert [("alice", None), ("bob", True)] == [(each["name"], each.get("tainted")) for each in prior]
    assert ["alice", "bob"] == [each["name"] for each in then]


def test_a_protection_is_a_change() -> None:
    """Whoever reads the patch sees that prevent_destroy begins."""
    (found,) = change("protect")["change"]["patch"]
    assert {"op": "replace", "path": "/prevent_destroy", "value": True} == found


def test_a_state_is_told_as_terraform_tells_it() -> None:
    """Format 1.0, with the stack and its generation below our key."""
    found = state_document(state({"alice": record()}))
    Draft202012Validator(state_schema(ours=True)).validate(found)
    (held,) = found["values"]["root_module"]["resources"]
    assert ("1.0", "huaweicloud_modelarts_notebook.alice") == (found["format_version"], held["address"])
    assert (IMAGE, "modelarts.vm.cpu.2u") == (held["values"]["image_id"], held["values"]["flavor_id"])
    assert {"stack": "lab", "lineage": state().lineage, "serial": 7} == found["provisioner"]


def test_the_event_stream_names_an_entry_by_its_key() -> None:
    """The keys are those of Terraform's `ui` 1.2."""
    found = resource(parsed('gpu["bob"]'))
    assert ('huaweicloud_modelarts_notebook.gpu["bob"]', "bob") == (found["addr"], found["resource_key"])


def test_the_page_names_every_attribute() -> None:
    """The table of docs/json.md is the map that the documents are made by."""
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| (`.*`) \|", page))
    assert {field: ", ".join(f"`{name}`" for name in names) for field, names in SHOWN_AS.items()} == rows
