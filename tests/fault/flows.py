"""What the campaigns do to a stack: from what is there to what is wanted, one kind of change each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Notebooks = Mapping[str, Mapping[str, Any]]

MOUNT = {"category": "OBSFS", "uri": "obs://bucket/dir/", "mount_path": "/data/a/"}
PLAN_FILE = "plan.bin"
LARGE = {"flavor": "modelarts.vm.cpu.8u"}


def evs(capacity: int) -> dict[str, Any]:
    return {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": capacity}}


@dataclass(frozen=True, slots=True)
class Flow:
    """One kind of change.

    before, after  what is declared, and exists, before and after it
    arguments      the command, and what goes on after it
    doomed         the notebooks whose instance this flow deletes; no other may be deleted
    records        what the specs say of records besides: `moved`, `removed`
    saved          the plan is saved first, and that file is applied; what goes on is the plain command
    """

    name: str
    before: Notebooks
    after: Notebooks
    arguments: tuple[str, ...] = ("apply", "--auto-approve")
    doomed: frozenset[str] = frozenset()
    records: Mapping[str, Any] = field(default_factory=dict)
    saved: bool = False

    @property
    def command(self) -> tuple[str, ...]:
        """What is done once."""
        return ("apply", PLAN_FILE, "--accept-loss", "all") if self.saved else self.arguments

    @property
    def destroys(self) -> bool:
        return self.arguments[0] == "destroy"

    @property
    def remaining(self) -> Notebooks:
        return {} if self.destroys else self.after


CREATE = Flow("create", {}, {"alice": {"tags": {"a": "1"}}, "bob": {"storages": [MOUNT]}, "carol": {}})
UPDATE = Flow("update with restart", {"alice": {}, "bob": {"storages": [MOUNT]}}, {
    "alice": LARGE, "bob": {**LARGE, "storages": [MOUNT], "description": "larger"},
})  # fmt: skip
GROW = Flow("growth", {"alice": {}, "bob": {}}, {"alice": evs(80), "bob": evs(100)})
REPLACE = Flow(
    "replace",
    {"alice": {"tags": {"a": "1"}}, "bob": {}},
    {"alice": {**evs(20), "tags": {"a": "1"}}, "bob": {}},
    ("apply", "--auto-approve", "--accept-loss", "all"),
    frozenset({"alice"}),
)
FIRST = {"lifecycle": {"create_before_destroy": True}}
REPLACE_FIRST = Flow(
    "create before destroy",
    {"alice": {"tags": {"a": "1"}}, "bob": {}},
    {"alice": {**evs(20), **FIRST, "tags": {"a": "1"}}, "bob": {}},
    ("apply", "--auto-approve", "--accept-loss", "all"),
    frozenset({"alice"}),
)
MOVE = Flow(
    "move and update",
    {"alice": {}, "bob": {"tags": {"a": "1"}}},
    {"anna": LARGE, "bert": {"tags": {"a": "1"}}},
    records={"moved": [{"from": "alice", "to": "anna"}, {"from": "bob", "to": "bert"}]},
)
DELETE = Flow(
    "delete",
    {"alice": {}, "bob": {}},
    {"alice": {}},
    ("apply", "--auto-approve", "--accept-loss", "all"),
    frozenset({"bob"}),
)
DESTROY = Flow(
    "destroy",
    {"alice": {}, "bob": {"storages": [MOUNT]}},
    {"alice": {}, "bob": {"storages": [MOUNT]}},
    ("destroy", "--auto-approve", "--accept-loss", "all"),
    frozenset({"alice", "bob"}),
)
TAGS = Flow(
    "tags",
    {"alice": {"tags": {"a": "1", "b": "1"}}, "bob": {}},
    {"alice": {"tags": {"a": "2"}}, "bob": {"tags": {"c": "1"}}},
)
POWER = Flow(
    "power",
    {"alice": {}, "bob": {"desired_status": "STOPPED"}},
    {"alice": {"desired_status": "STOPPED"}, "bob": {}},
)
SAVED_FIRST = replace(CREATE, name="first plan file", saved=True)
SAVED = Flow(
    "plan file",
    {"alice": {}, "bob": {}, "carol": {}, "erin": {}},
    {"alice": LARGE, "bob": {**evs(20), **FIRST}, "dave": {"tags": {"a": "1"}}, "erin": {}},
    ("apply", "--auto-approve", "--accept-loss", "all"),
    frozenset({"bob", "carol"}),
    saved=True,
)
FLOWS = (CREATE, UPDATE, GROW, REPLACE, REPLACE_FIRST, MOVE, DELETE, DESTROY, TAGS, POWER, SAVED_FIRST, SAVED)
