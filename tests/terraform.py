"""Plans of the real Terraform, and what it would print of notebooks with the official provider.

There is no account here that the provider could plan for. So `terraform_data`, which the binary brings along, stands
for a notebook: what frames its attributes is Terraform's own, and the attributes are those of the provider.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from provisioner.tfjson.address import PROVIDER, PROVIDER_NAME
from tests.builders import IMAGE, instance_id

TERRAFORM = shutil.which("terraform") or ""
needs_terraform = pytest.mark.skipif(not TERRAFORM, reason="needs the terraform binary, 1.11 or newer, in PATH")

TYPE = "huaweicloud_modelarts_notebook"
# Attributes of the provider's schema that a configuration leaves out, and those that only the service gives.
_LEFT_OUT: dict[str, Any] = dict.fromkeys(("allowed_access_ips", "description", "key_pair", "pool_id", "tags"))
_GIVEN = {
    "auto_stop_enabled": True,
    "created_at": "2025-10-09 08:53:20 UTC",
    "id": instance_id(1),
    "image_name": "pytorch",
    "mount_storages": [],
    "pool_name": "",
    "region": "cn-north-4",
    "status": "RUNNING",
    "updated_at": "2025-10-09 08:53:20 UTC",
    "workspace_id": "0",
}
VOLUME = {"ownership": "MANAGED", "size": 50, "type": "EVS", "uri": None}
SMALL = {"flavor_id": "modelarts.vm.cpu.2u", "image_id": IMAGE, "name": "alice", "volume": [VOLUME]}


def plan_of(directory: Path, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    """What `terraform show -json` prints of a plan that leads from one notebook to the other, with `terraform_data` in
    its place.
    """
    if before is not None:
        _configure(directory, before)
        _terraform(directory, "apply", "-auto-approve")
    _configure(directory, after)
    _terraform(directory, "plan", "-out=plan")
    found: dict[str, Any] = json.loads(_terraform(directory, "show", "-json", "plan"))
    return found


def as_notebooks(plan: dict[str, Any]) -> dict[str, Any]:
    """The same, with notebooks in the place of `terraform_data`."""
    found: dict[str, Any] = _renamed(plan)
    found["timestamp"] = "2025-10-09T08:53:20Z"
    return found


def drifted(plan: dict[str, Any], recorded: Mapping[str, Any]) -> dict[str, Any]:
    """The same after a change outside: an entry of `resource_drift` has the form of `resource_changes`."""
    (changed,) = plan["resource_changes"]
    live = changed["change"]["before"]
    change = {**changed["change"], "actions": ["update"], "before": {**live, **recorded}, "after": live}
    return {**plan, "resource_drift": [{**changed, "change": change}]}


def _configure(directory: Path, notebook: Mapping[str, Any] | None) -> None:
    """In JSON, which Terraform reads as it reads its own language. What forces a replacement is the workspace."""
    block = {"input": dict(notebook or {}), "triggers_replace": [(notebook or {}).get("workspace_id", "0")]}
    resources = {} if notebook is None else {"terraform_data": {"alice": block}}
    (directory / "main.tf.json").write_text(json.dumps({"resource": resources} if resources else {}))
    if not (directory / ".terraform").exists():
        _terraform(directory, "init")


def _terraform(directory: Path, *arguments: str) -> str:
    environ = {"PATH": os.environ["PATH"], "HOME": str(directory), "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(
        [TERRAFORM, *arguments], cwd=directory, env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout


def _renamed(value: Any) -> Any:
    match value:
        case dict():
            return _map(value)
        case [["triggers_replace"]]:
            return [["workspace_id"]]
        case list():
            return [_renamed(each) for each in value]
        case str():
            return _NAMES.get(value, value.replace("terraform_data.", f"{TYPE}."))
        case _:
            return value


def _map(value: Mapping[str, Any]) -> dict[str, Any]:
    match value:
        case {"triggers_replace": [False]}:
            return _marks(value)
        case {"input": {"constant_value": attributes}}:
            return {name: {"constant_value": each} for name, each in attributes.items()}
        case {"input": attributes}:
            return dict(sorted({**_LEFT_OUT, **(_GIVEN if "id" in value else {}), **attributes}.items()))
        case _:
            return {_NAMES.get(name, name): _renamed(each) for name, each in value.items()}


_NAMES = {"terraform_data": TYPE, "terraform": PROVIDER, "terraform.io/builtin/terraform": PROVIDER_NAME}


def _marks(value: Mapping[str, Any]) -> dict[str, Any]:
    """What is unknown or sensitive. Of a new one everything is unknown that the service gives; nothing is sensitive."""
    own = value["input"] if isinstance(value.get("input"), dict) else {}
    if value.get("id") is not True:
        return dict(own)
    unknown = {name: True for name in _GIVEN if name != "workspace_id"}
    return {**unknown, "volume": [{"mount_path": True}]}
