"""Terraform's plan JSON: of every kind of plan, and held against what policies for Terraform read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
from regopy import Interpreter  # type: ignore[import-untyped]  # it ships no types

from provisioner.state.terraform import read_terraform
from provisioner.tfjson.address import PROVIDER_NAME, resource
from provisioner.tfjson.attributes import SHOWN_AS, named
from provisioner.tfjson.plan import plan_document
from provisioner.tfjson.state import state_document
from tests.builders import IMAGE, instance_id, notebook, parsed, record, state
from tests.plans import SCENARIOS

Agrees = Callable[[str, str], None]
NOW = "2025-10-09T08:53:20Z"
ROOT = Path(__file__).parents[3]

# Written for Terraform, as people write them.
POLICY = """
package notebooks

deny contains "deleted" if { some c in input.resource_changes; "delete" in c.change.actions }
deny contains "replaced" if {
    some c in input.resource_changes
    count(c.change.actions) > 1
    c.change.actions[count(c.change.actions) - 1] == "create"
}
deny contains "gpu" if { some c in input.resource_changes; contains(c.change.after.flavor_id, ".gpu.") }
deny contains "untagged" if {
    some c in input.resource_changes
    c.type == "huaweicloud_modelarts_notebook"
    c.change.actions != ["delete"]
    not c.change.after.tags.team
}
deny contains "large" if { some c in input.resource_changes; c.change.after.volume[0].size > 100 }
deny contains "moved outside" if { some c in input.resource_drift; c.change.actions != ["no-op"] }
"""


def document(name: str) -> dict[str, Any]:
    return plan_document(SCENARIOS[name](), state=state(), timestamp=NOW)


def change(name: str, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = document(name)["resource_changes"][number]
    return found


def verdicts(plan: dict[str, Any]) -> set[str]:
    rego = Interpreter()
    rego.add_module("notebooks", POLICY.replace("package notebooks", "package notebooks\n\nimport rego.v1"))
    rego.set_input(plan)
    found = json.loads(str(rego.query("x = data.notebooks.deny")))
    return set(found["bindings"]["x"])


def terraform(actions: list[str], before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, Any]:
    """What Terraform prints of a change of one notebook, as far as policies read it."""
    names = {"type": "huaweicloud_modelarts_notebook", "provider_name": PROVIDER_NAME}
    return {"resource_changes": [{**names, "change": {"actions": actions, "before": before, "after": after}}]}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_document_of_every_plan(name: str, agrees: Agrees) -> None:
    """Every action and reason has its golden document, which is plain JSON."""
    plan = document(name) | {"provisioner_version": "VERSION"}
    plan["prior_state"]["provisioner_version"] = "VERSION"
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


def test_a_protection_is_a_change() -> None:
    """Whoever reads the patch sees that prevent_destroy begins."""
    (found,) = change("protect")["change"]["patch"]
    assert {"op": "replace", "path": "/prevent_destroy", "value": True} == found


NEW = {"flavor_id": "modelarts.vm.cpu.2u", "tags": None, "volume": [{"type": "EVS", "size": 50}]}
OLD = NEW | {"id": instance_id(1)}


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("create", terraform(["create"], None, NEW)),
        ("delete", terraform(["delete"], OLD, None)),
        ("update_restart", terraform(["update"], OLD, NEW | {"tags": {"team": "vision"}})),
        ("replace_shrunk_volume", terraform(["delete", "create"], OLD, NEW)),
        ("no_changes", terraform(["no-op"], OLD, OLD)),
        (
            "update_outside",
            terraform(["update"], OLD, NEW) | {"resource_drift": [{"change": {"actions": ["update"]}}]},
        ),
    ],
)
def test_a_policy_judges_as_it_does_for_terraform(name: str, same: dict[str, Any]) -> None:
    """The verdicts over our document are those over Terraform's for the same change."""
    assert verdicts(same) == verdicts(document(name))


def test_attributes_are_read_back_from_their_names() -> None:
    """What `import --from-terraform` reads of our names is what they were made of."""
    ssh = {"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": ["203.0.113.7"]}
    ours = notebook(description="two", tags={"team": "vision"}, endpoints=[ssh], pool_id="pool41664192").attributes()
    attributes = named(ours) | {"id": instance_id(1)}
    kind = {"mode": "managed", "type": "huaweicloud_modelarts_notebook", "name": "alice"}
    held = {"version": 4, "resources": [{**kind, "instances": [{"attributes": attributes}]}]}
    (found,) = read_terraform(json.dumps(held).encode(), "state").notebooks
    assert {name: value for name, value in ours.items() if name != "desired_status"} == found.declared


def test_a_state_is_told_as_terraform_tells_it() -> None:
    """Format 1.0, with the stack and its generation below our key."""
    found = state_document(state({"alice": record()}))
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
