"""Terraform's JSON of plans (format 1.2) and states (1.0) as JSON Schemas, and what docs/json.md adds to them."""

from __future__ import annotations

from typing import Any

from tests.ui_schema import DIGEST, TEXT, strict

BOOL: dict[str, Any] = {"type": "boolean"}
VALUES: dict[str, Any] = {"type": ["object", "null"]}
MARKS: dict[str, Any] = {"type": ["object", "boolean"]}
PATH: dict[str, Any] = {"type": "array", "minItems": 1, "items": {"type": ["string", "integer"]}}
ACTIONS = (
    *(["no-op"], ["create"], ["read"], ["update"], ["delete"], ["forget"]),
    *(["delete", "create"], ["create", "delete"]),
)
REASONS = (
    *("replace_because_tainted", "replace_because_cannot_update", "replace_by_request", "replace_by_triggers"),
    *("delete_because_no_resource_config", "delete_because_no_module", "delete_because_wrong_repetition"),
    *("delete_because_count_index", "delete_because_each_key", "delete_because_no_move_target"),
    "blocked",  # ours: readers tolerate what they do not know
)
VERSION = {"type": "string", "pattern": r"^\d+\.\d+\.\d+"}
DEPOSED = {"type": "string", "pattern": "^[0-9a-f]{8}$"}

_IDENTITY = {"address": TEXT, "mode": {"const": "managed"}, "type": TEXT, "name": TEXT, "provider_name": TEXT}
_INDEX = {"index": {"type": ["string", "integer"]}}


def array(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


PATCH = array(
    strict({"op": {"enum": ["add", "remove", "replace"]}, "path": {"type": "string"}}, {"value": {}}),
)
OPERATION = strict({"call": TEXT, "text": TEXT, "values": {"type": "object"}})
# What a plan file says of a change beside the patch.
OF_FILE = {"loss": {"enum": ["none", "container", "volume"]}, "operations": array(OPERATION), "fingerprint": TEXT}

_CHANGE = {
    "actions": {"enum": list(ACTIONS)},
    "before": VALUES,
    "after": VALUES,
    "after_unknown": {"type": "object"},
    "before_sensitive": MARKS,
    "after_sensitive": MARKS,
}
_MAY_CHANGE = {"replace_paths": array(PATH), "importing": strict({"id": TEXT})}
_PLANNED = strict(
    {**_IDENTITY, "schema_version": {"const": 0}, "sensitive_values": MARKS}, {**_INDEX, "values": VALUES}
)
_STATED = strict(
    {**_IDENTITY, "schema_version": {"const": 0}, "values": VALUES, "sensitive_values": MARKS},
    {**_INDEX, "tainted": {"const": True}, "deposed_key": DEPOSED},
)
_BLOCK = strict(
    {
        **{name: each for name, each in _IDENTITY.items() if name != "provider_name"},
        "provider_config_key": TEXT,
        "expressions": {"type": "object"},
        "schema_version": {"const": 0},
    },
    {"for_each_expression": {"type": "object"}},
)
_CONFIGURATION = strict(
    {"root_module": strict({}, {"resources": array(_BLOCK)})},
    {"provider_config": {"type": "object", "additionalProperties": strict({"name": TEXT, "full_name": TEXT})}},
)


def state_schema(*, ours: bool) -> dict[str, Any]:
    """A state of Terraform's, or of ours."""
    values = strict({"root_module": strict({}, {"resources": array(_STATED)})})
    added = {"provisioner_version": VERSION} if ours else {}
    stack = strict({"stack": TEXT, "lineage": TEXT, "serial": {"type": "integer"}})
    known = {"format_version": {"const": "1.0"}, "terraform_version": VERSION, **added}
    return strict(known, {"values": values, **({"provisioner": stack} if ours else {})})


def plan_schema(*, ours: bool) -> dict[str, Any]:
    """A plan of Terraform's, or of ours."""
    patch = {"patch": PATCH} if ours else {}
    change = strict({**_CHANGE, **patch}, {**_MAY_CHANGE, **(OF_FILE if ours else {})})
    entry = strict(
        {**_IDENTITY, "change": change},
        {**_INDEX, "previous_address": TEXT, "deposed": DEPOSED, "action_reason": {"enum": list(REASONS)}},
    )
    header = {"type": "object", "required": ["format", "digest", "stack"], "properties": {"digest": DIGEST}}
    return strict(
        {
            "format_version": {"const": "1.2"},
            "terraform_version": VERSION,
            "planned_values": strict({"root_module": strict({}, {"resources": array(_PLANNED)})}),
            "configuration": _CONFIGURATION,
            "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
            "applyable": BOOL,
            "complete": BOOL,
            "errored": BOOL,
            **({"provisioner_version": VERSION} if ours else {}),
        },
        {
            "variables": {"type": "object"},
            "resource_drift": array(entry),
            "resource_changes": array(entry),
            "output_changes": {"type": "object"},
            "prior_state": state_schema(ours=ours),
            "relevant_attributes": array(strict({"resource": TEXT, "attribute": PATH})),
            "checks": {"type": "array"},
            **({"provisioner": header} if ours else {}),
        },
    )
