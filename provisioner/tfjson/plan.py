"""Terraform's plan JSON, format 1.2: what is to be done, for tools and policies. Pure, and without any secret.

A change is in `change`, the names of attributes are in `attributes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from provisioner import __version__
from provisioner.model.address import TERRAFORM_TYPE, Address
from provisioner.plan import Action, Mode, Plan, Reason, Step
from provisioner.state.document import Record, State
from provisioner.tfjson.address import PROVIDER, PROVIDER_NAME, block
from provisioner.tfjson.attributes import masked, named, path_of
from provisioner.tfjson.change import changes_of, drift_of
from provisioner.tfjson.state import (
    TERRAFORM_VERSION,
    is_tainted,
    region_of,
    resource_values,
    state_resource,
    values_document,
)

FORMAT_VERSION = "1.2"


def plan_document(plan: Plan, *, state: State, timestamp: str) -> dict[str, Any]:
    """The document of `plan`, which was made from the recorded `state` at `timestamp` (RFC 3339)."""
    region = region_of(state)
    changes = sorted(_changes(plan, region), key=lambda each: (each["address"], each.get("deposed", "")))
    others = list(_others(plan, state, region))
    return {
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "provisioner_version": __version__,
        "planned_values": {"root_module": {"resources": _side("after", changes, map(_untainted, others))}},
        "resource_drift": [
            drift_of(each, state.resources.get(str(each.address)), region, plan.secrets) for each in plan.drift
        ],
        "resource_changes": changes,
        "output_changes": {},
        "prior_state": values_document(_side("before", changes, others)),
        "configuration": _configuration(plan),
        "relevant_attributes": list(_relevant(plan.steps)),
        "checks": [],
        "timestamp": timestamp,
        "applyable": not plan.refusals and _changes_something(plan),
        "complete": not (plan.partial or plan.refused or _blocks(plan)),
        "errored": bool(plan.refusals),
    }


def _changes(plan: Plan, region: str) -> Iterator[dict[str, Any]]:
    for step in plan.steps:
        yield from changes_of(step, _renewed(plan, step), region, plan.secrets)


def _renewed(plan: Plan, step: Step) -> Record | None:
    """What is recorded of the instance of a step once the plan is made."""
    text = str(step.address)
    return plan.rebased.get(text) or plan.refreshed.get(text) or step.record


def _others(plan: Plan, state: State, region: str) -> Iterator[dict[str, Any]]:
    """The notebooks that the plan leaves out and that are still there."""
    stepped = {str(step.address) for step in plan.steps} | {str(step.moved_from) for step in plan.steps}
    for text, record in state.resources.items():
        address, fresh = Address.parse(text), plan.refreshed.get(text, record)
        if address is not None and fresh is not None and text not in stepped:
            yield state_resource(address, fresh, region)


def _untainted(resource: dict[str, Any]) -> dict[str, Any]:
    """Only a state says so."""
    return {name: value for name, value in resource.items() if name != "tainted"}


def _side(side: str, changes: Sequence[Mapping[str, Any]], others: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """All notebooks `before` the plan is carried out, or `after` it."""
    changed = [_resource(each, side) for each in changes if each["change"][side] is not None]
    return sorted([*changed, *others], key=lambda each: (each["address"], each.get("deposed_key", "")))


def _resource(change: Mapping[str, Any], side: str) -> dict[str, Any]:
    dropped = {"change", "action_reason", "previous_address", "deposed"}
    names = {name: value for name, value in change.items() if name not in dropped}
    if "deposed" in change:
        names["deposed_key"] = change["deposed"]
    values = change["change"][side]
    tainted = {"tainted": True} if side == "before" and is_tainted(values.get("status")) else {}
    return {**resource_values(names, values, change["change"][f"{side}_sensitive"]), **tainted}


def _changes_something(plan: Plan) -> bool:
    return bool(plan.refreshed) if plan.mode is Mode.REFRESH_ONLY else bool(plan.pending)


def _blocks(plan: Plan) -> bool:
    return any(step.reason is Reason.BLOCKED for step in plan.steps)


def _configuration(plan: Plan) -> dict[str, Any]:
    """What the specs declare, as far as the plan takes it in. What is put in for `${...}` stands there already."""
    declared = [step for step in plan.steps if step.source is not None]
    blocks = groupby(declared, key=lambda step: step.address.key)
    return {
        "provider_config": {PROVIDER: {"name": PROVIDER, "full_name": PROVIDER_NAME}},
        "root_module": {"resources": [_block(key, list(steps), plan) for key, steps in blocks]},
    }


def _block(key: str, steps: Sequence[Step], plan: Plan) -> dict[str, Any]:
    entries = [_expressions(step, plan) for step in steps]
    return {
        "address": f"{TERRAFORM_TYPE}.{key}",
        **block(steps[0].address),
        "provider_config_key": PROVIDER,
        "expressions": {name: _common(name, entries) for name in sorted(entries[0])},
        "schema_version": 0,
    } | ({"for_each_expression": {}} if steps[0].address.each else {})


def _expressions(step: Step, plan: Plan) -> dict[str, Any]:
    values, _ = masked(named(step.after), step.sensitive)
    return {name: plan.secrets.hidden(value) for name, value in values.items() if value is not None}


def _common(name: str, entries: Sequence[Mapping[str, Any]]) -> Any:
    """What all entries of a for_each agree on; of the rest it is said that it depends on the entry."""
    value = entries[0][name]
    if any(each.get(name) != value for each in entries):
        return {"references": ["each.value"]}
    if name == "volume" and isinstance(value, list):
        return [{part: {"constant_value": each} for part, each in value[0].items() if each is not None}]
    return {"constant_value": value}


def _relevant(steps: Sequence[Step]) -> Iterator[dict[str, Any]]:
    """What moved outside and is the reason of a change."""
    for step in steps:
        if step.action is not Action.NO_OP:
            moved = (change for change in step.changes if change.moved_by == "outside")
            yield from ({"resource": step.address.terraform, "attribute": path_of(each.path)} for each in moved)
