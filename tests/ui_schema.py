"""The event stream as a JSON Schema: Terraform's `ui` 1.2, and what docs/events.md adds to it."""

from __future__ import annotations

from typing import Any

TEXT: dict[str, Any] = {"type": "string"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}


def strict(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


RESOURCE = strict(
    {
        "addr": TEXT,
        "module": {"const": ""},
        "resource": TEXT,
        "implied_provider": {"const": "huaweicloud"},
        "resource_type": {"const": "huaweicloud_modelarts_notebook"},
        "resource_name": TEXT,
        "resource_key": {"type": ["string", "null"]},
    }
)
REASONS = ["tainted", "requested", "replace_triggered_by", "cannot_update", "delete_because_no_resource_config"]
ACTION = {"enum": ["create", "update", "replace", "delete", "remove", "import", "move"]}
IDENTITY = {"id_key": {"const": "id"}, "id_value": TEXT}
COUNTS = {"add": COUNT, "change": COUNT, "import": COUNT, "remove": COUNT, "forget": COUNT}
ENDED = {"hook": strict({"resource": RESOURCE, "action": ACTION, "elapsed_seconds": COUNT}, IDENTITY)}
SEEN = {"status": TEXT, "step": COUNT, "step_count": COUNT, "step_description": TEXT, "fail_reason": TEXT}
SUMMARY = strict({**COUNTS, "operation": {"enum": ["plan", "apply", "destroy"]}})
UNDONE = {"failed": COUNT, "interrupted": COUNT, "not_started": COUNT}
CHANGE = strict(
    {"resource": RESOURCE, "action": ACTION},
    {
        "previous_resource": RESOURCE,
        "reason": {"enum": REASONS},
        "importing": strict({"id": TEXT}),
        "loss": {"enum": ["container", "volume"]},
    },
)
DIAGNOSTIC = {
    "type": "object",
    "properties": {"severity": {"enum": ["error", "warning"]}, "summary": TEXT, "detail": TEXT, "address": TEXT},
    "required": ["severity", "summary", "detail"],
}
DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}

# What each type has beside the keys of every line: what must be there, and what may.
TYPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "version": ({"provisioner": TEXT, "ui": {"const": "1.2"}}, {}),
    "log": ({}, {}),
    "diagnostic": ({"diagnostic": DIAGNOSTIC}, {}),
    "resource_drift": (
        {"change": strict({"resource": RESOURCE, "action": {"enum": ["update", "delete"]}}), "stack": TEXT},
        {},
    ),
    "planned_change": ({"change": CHANGE, "stack": TEXT}, {}),
    "change_summary": ({"changes": SUMMARY}, {"stack": TEXT}),
    "outputs": ({"outputs": {"const": {}}}, {}),
    "refresh_start": ({"hook": strict({"resource": RESOURCE, **IDENTITY})}, {}),
    "refresh_complete": ({"hook": strict({"resource": RESOURCE, **IDENTITY})}, {}),
    "apply_start": ({"hook": strict({"resource": RESOURCE, "action": ACTION}, IDENTITY)}, {}),
    "apply_progress": (ENDED, {}),
    "apply_complete": (ENDED, {}),
    "apply_errored": (ENDED, {}),
    "apply_interrupted": (ENDED, {}),
    "apply_incomplete": (
        {
            "changes": strict({**COUNTS, **UNDONE, "operation": {"enum": ["apply", "destroy"]}}),
            "serial": {"type": ["integer", "null"]},
        },
        {},
    ),
    "notebook_status": ({"hook": strict({"resource": RESOURCE, **SEEN}, IDENTITY)}, {}),
    "plan_saved": ({"plan": strict({"path": TEXT, "digest": DIGEST})}, {}),
}


def line_schema(kind: str) -> dict[str, Any]:
    required, optional = TYPES[kind]
    head = {
        "@level": {"enum": ["info", "warn", "error"]},
        "@message": {"type": "string", "pattern": r"^[^\n]+$"},
        "@module": {"const": "provisioner.ui"},
        "@timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"},
        "type": {"const": kind},
    }
    return strict({**head, **required}, optional)
