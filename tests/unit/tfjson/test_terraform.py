"""Our plans beside those of the real Terraform for the same notebooks: the same keys, the same verdicts of policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from regopy import Interpreter  # type: ignore[import-untyped]  # it ships no types

from provisioner.plan import Plan
from provisioner.tfjson.plan import plan_document
from tests.builders import planned, state
from tests.plan_schema import plan_schema
from tests.terraform import SMALL, VOLUME, as_notebooks, drifted, needs_terraform, plan_of

Agrees = Callable[[str, str], None]
ROOT = Path(__file__).parents[3]
POLICIES = ROOT / "examples" / "policies" / "rego"
KEPT = ROOT / "tests" / "scenarios" / "views" / "terraform"

LARGE = {"volume": [{**VOLUME, "size": 500}], "flavor_id": "modelarts.vm.gpu.v100"}
OUR_LARGE = {
    "volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 500},
    "flavor": "modelarts.vm.gpu.v100",
}
TEAM = {"tags": {"team": "vision"}}
OTHER = {"workspace_id": "0" * 32}
BY_HAND = {"description": "by hand"}
# By name: what was applied and what is declared, in the words of the provider, and the plan of ours for the same.
PAIRS: dict[str, tuple[Mapping[str, Any] | None, Mapping[str, Any] | None, Callable[[], Plan]]] = {
    "create": (None, SMALL, lambda: planned(after={"alice": {}})),
    "create_large": (None, {**SMALL, **LARGE}, lambda: planned(after={"alice": OUR_LARGE})),
    "create_tagged": (None, {**SMALL, **TEAM}, lambda: planned(after={"alice": TEAM})),
    "update": (SMALL, {**SMALL, **TEAM}, lambda: planned({"alice": {}}, {"alice": TEAM})),
    "replace": (
        {**SMALL, **TEAM},
        {**SMALL, **TEAM, **OTHER},
        lambda: planned({"alice": TEAM}, {"alice": TEAM | OTHER}),
    ),
    "delete": (SMALL, None, lambda: planned({"alice": {}})),
    "no_op": (SMALL, SMALL, lambda: planned({"alice": {}}, {"alice": {}})),
    "drift": (
        {**SMALL, **BY_HAND},
        {**SMALL, "description": "as declared"},
        lambda: planned(
            {"alice": {"description": "as declared"}}, {"alice": {"description": "as declared"}}, {"alice": BY_HAND}
        ),
    ),
}
VERDICTS = {
    "create": {"has no tag team"},
    "create_large": {"has no tag team", "500 GB", "modelarts.vm.gpu.v100 has a GPU"},
    "create_tagged": set[str](),
    "update": set[str](),
    "replace": {"would be deleted", "would be replaced"},
    "delete": {"would be deleted"},
    "no_op": {"has no tag team"},
    "drift": {"has no tag team", "changed outside"},
}


def ours(name: str) -> dict[str, Any]:
    return plan_document(PAIRS[name][2](), state=state(), timestamp="2025-10-09T08:53:20Z")


def verdicts(plan: Mapping[str, Any]) -> set[str]:
    """What the policies of the examples say of it, without the address."""
    rego = Interpreter()
    for path in sorted(POLICIES.glob("*.rego")):
        rego.add_module(path.name, path.read_text(encoding="utf-8"))
    rego.set_input(plan)
    found = json.loads(str(rego.query("x = data.main.deny; y = data.main.warn")))["bindings"]
    return {text.removeprefix("huaweicloud_modelarts_notebook.alice: ") for text in (*found["x"], *found["y"])}


@pytest.mark.parametrize("name", PAIRS)
def test_policies_judge_as_they_do_for_terraform(name: str) -> None:
    """Over our plan and over Terraform's for the same change."""
    kept = json.loads((KEPT / f"{name}.json").read_text(encoding="utf-8"))
    assert VERDICTS[name] == verdicts(kept)
    assert VERDICTS[name] == verdicts(ours(name))


@pytest.mark.parametrize("name", PAIRS)
def test_a_plan_has_the_actions_of_terraforms(name: str) -> None:
    """And says as much of what is replaced, and why; what is unknown and marked are maps of the same form."""
    (kept,) = json.loads((KEPT / f"{name}.json").read_text(encoding="utf-8"))["resource_changes"]
    (found,) = ours(name)["resource_changes"]
    assert kept.get("action_reason") == found.get("action_reason")
    for key in ("actions", "replace_paths"):
        assert kept["change"].get(key) == found["change"].get(key)
    for side in ("before", "after", "before_sensitive", "after_sensitive"):
        assert type(kept["change"][side]) is type(found["change"][side])


@pytest.mark.parametrize("name", PAIRS)
def test_what_the_provider_says_of_a_notebook_we_say_too(name: str) -> None:
    """Under its names, but for what nobody declares: when it was changed last, and what of an image has no use."""
    (kept,) = json.loads((KEPT / f"{name}.json").read_text(encoding="utf-8"))["resource_changes"]
    (found,) = ours(name)["resource_changes"]
    for side in ("before", "after"):
        for attribute in SMALL.keys() | TEAM.keys() | {"key_pair", "pool_id", "allowed_access_ips"}:
            theirs, own = ((each["change"][side] or {}).get(attribute) for each in (kept, found))
            if attribute == "volume" and theirs:
                own = [{part: each.get(part) for part in VOLUME} for each in own or ()]
            assert theirs == (own or None), f"{side} {attribute}"  # nothing is null there


@needs_terraform
@pytest.mark.parametrize("name", PAIRS)
def test_what_terraform_prints(name: str, tmp_path: Path, agrees: Agrees) -> None:
    """The plans that are kept are those of the real binary (README.md beside them tells how they are made)."""
    before, after, _ = PAIRS[name]
    plan = plan_of(tmp_path, before, after)
    Draft202012Validator(plan_schema(ours=False)).validate(plan)
    found = as_notebooks(plan)
    if name == "drift":
        found = drifted(found, {"description": "as declared"})
    text = json.dumps(found, indent=2).replace(f'"{plan["terraform_version"]}"', '"1.11.4"')
    agrees(f"terraform/{name}.json", f"{text}\n")


@pytest.mark.parametrize("name", PAIRS)
def test_a_plan_has_the_keys_of_terraforms(name: str) -> None:
    """No key less in any place. Which ones are ours is in tests/plan_schema.py."""
    kept = json.loads((KEPT / f"{name}.json").read_text(encoding="utf-8"))
    assert set() == set(keys(kept)) - set(keys(ours(name)))


def keys(value: Any, path: str = "") -> Iterator[str]:
    """Every key in its place, but for what is an attribute's."""
    if isinstance(value, list):
        for each in value:
            yield from keys(each, path)
    if isinstance(value, dict) and not path.endswith(
        (".values", ".expressions", ".before", ".after", "_unknown", "_sensitive", ".sensitive_values", "_config")
    ):
        for name, each in value.items():
            yield f"{path}.{name}"
            yield from keys(each, f"{path}.{name}")
