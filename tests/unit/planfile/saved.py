"""A saved plan to tamper with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import Diagnostic, PlanRefused
from provisioner.plan import Plan
from provisioner.planfile.canonical import canonical, document_digest
from provisioner.planfile.document import Basis, document_of
from provisioner.state.document import Cloud, State
from tests.builders import planned, state

CLOUD = Cloud(region="cn-north-4", project_id="0" * 32)
BASIS = Basis(CLOUD, files={"specs/lab/notebooks.yaml": "sha256:00"})


def plan_of_all() -> Plan:
    """It creates, updates, replaces and deletes."""
    large = {"flavor": "modelarts.vm.cpu.8u"}
    return planned(
        {"alice": {}, "bob": {}, "dave": {}}, {"alice": large, "bob": {"workspace_id": "0" * 32}, "erin": {}}
    )


def document(plan: Plan | None = None, base: State | None = None) -> dict[str, Any]:
    """As it is read: JSON values alone."""
    found: dict[str, Any] = json.loads(canonical(document_of(plan or plan_of_all(), base or state(), BASIS)))
    return found


def resealed(found: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the digest that fits, as somebody would write it who knows how that is made."""
    found = json.loads(canonical(found))
    found["provisioner"]["digest"] = document_digest(found)
    return dict(found)


def written(path: Path, found: Mapping[str, Any]) -> Path:
    path.write_text(f"{canonical(found)}\n", encoding="utf-8")
    return path


def refusal(act: Callable[[], object]) -> Diagnostic:
    """The one reason why `act` is refused."""
    with pytest.raises(PlanRefused) as refused:
        act()
    (problem,) = refused.value.problems
    return problem
