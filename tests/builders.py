"""Valid objects with defaults, for every test: notebooks, what the service says of them, records, states and plans.

`planned` tells the usual story: some notebooks were applied, something happened outside, and now others are declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.errors import SourceRange
from provisioner.model.address import Address
from provisioner.model.notebook import Notebook
from provisioner.model.observation import Observation
from provisioner.plan import Action, Options, Plan, Step, record_of
from provisioner.planning import build_plan
from provisioner.spec.document import Declaration, Spec
from provisioner.state.document import Record, State

IMAGE = "e1a07296-22a8-4f05-8bc8-e936c8e54090"
OTHER_IMAGE = "278e88d1-5b71-4766-8502-b3ba72e824d9"
FILE = "specs/lab/notebooks.yaml"
LINEAGE = "5c9ea1d1-6e0f-4d1c-9a52-6b4c57a1f7f0"
NOW_MS = 1_760_000_000_000
HOUR_MS = 3_600_000
# How many lines a notebook takes in the imagined spec file.
LINES_EACH = 7

Fields = Mapping[str, Any]


def notebook(key: str = "alice", **fields: Any) -> Notebook:
    """A small one with a volume of its own. A field that is None is left out."""
    given = {
        "name": key,
        "flavor": "modelarts.vm.cpu.2u",
        "image_id": IMAGE,
        "volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 50},
    } | fields
    return Notebook.model_validate({name: value for name, value in given.items() if value is not None})


def declaration(address: str = "notebook.alice", line: int = 3, **fields: Any) -> Declaration:
    at = parsed(address)
    source = SourceRange(FILE, line, 3, line, 3 + len(at.key))
    places = {name: SourceRange(FILE, line + 1 + n, 5, line + 1 + n, 6) for n, name in enumerate(fields)}
    return Declaration(at, notebook(at.key, **fields), source, places)


def declarations(notebooks: Mapping[str, Fields]) -> dict[Address, Declaration]:
    """Declarations by address, one below the other in one file."""
    found = [declaration(key, 3 + LINES_EACH * n, **fields) for n, (key, fields) in enumerate(notebooks.items())]
    return {each.address: each for each in found}


def spec(notebooks: Mapping[str, Fields], stack: str = "lab") -> Spec:
    return Spec(stack, declarations(notebooks))


def instance(of: Notebook | None = None, number: int = 1, **answer: Any) -> Observation:
    """What the service says of a notebook that is exactly as declared, except for `answer`."""
    attributes = (of or notebook()).attributes()
    power = attributes.pop("desired_status")
    told = {
        "id": instance_id(number),
        "status": "STOPPED" if power == "STOPPED" else "RUNNING",
        "image": {"id": attributes.pop("image_id")},
        "pool": {"id": attributes.pop("pool_id", "")},
        "tags": [{"key": key, "value": value} for key, value in attributes.pop("tags", {}).items()],
        "lease": _lease_answer(attributes.pop("lease", {"type": "TIMING", "duration": HOUR_MS})),
        "feature": "NOTEBOOK",
    }
    return Observation.model_validate(told | attributes | answer)


def _lease_answer(policy: Fields | str) -> dict[str, Any]:
    if isinstance(policy, str):
        return {"enable": False, "type": "TIMING"}
    return {"enable": True, **policy, "create_at": NOW_MS, "update_at": NOW_MS}


def instance_id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def record(of: Notebook | None = None, number: int = 1, **answer: Any) -> Record:
    """The record of a notebook that was applied and is as declared, except for `answer`."""
    applied = of or notebook()
    return record_of(instance(applied, number, **answer), applied.attributes())


def state(records: Mapping[str, Record] | None = None, serial: int = 7, stack: str = "lab") -> State:
    resources = {str(parsed(key)): each for key, each in (records or {}).items()}
    return State(lineage=LINEAGE, serial=serial, stack=stack, resources=resources)


def planned(
    before: Mapping[str, Fields] | None = None,
    after: Mapping[str, Fields] | None = None,
    live: Mapping[str, Fields | None] | None = None,
    options: Options | None = None,
) -> Plan:
    """The plan for what is declared `after`, where `before` was applied.

    live  by key what the service says otherwise than applied; None: the instance is gone
    """
    applied = {key: notebook(parsed(key).key, **fields) for key, fields in (before or {}).items()}
    outside = live or {}
    numbers = {key: number for number, key in enumerate(applied, 1)}
    records = {key: record(each, numbers[key]) for key, each in applied.items()}
    seen: dict[str, Observation | None] = {}
    for key, each in applied.items():
        answer = outside.get(key, {})
        seen[str(parsed(key))] = None if answer is None else instance(each, numbers[key], **answer)
    declared = declarations(after or {})
    return build_plan(declared, state(records), seen, serial=7, now_ms=NOW_MS, options=options or Options())


def step(action: Action = Action.CREATE, key: str = "alice", **fields: Any) -> Step:
    """The step of a plan with that action for one notebook; `fields` replace its own."""
    small, large = {"flavor": "modelarts.vm.cpu.2u"}, {"flavor": "modelarts.vm.cpu.8u"}
    plans = {
        Action.CREATE: planned(after={key: small}),
        Action.UPDATE: planned(before={key: small}, after={key: large}),
        Action.REPLACE: planned(before={key: small}, after={key: {"workspace_id": "0" * 32}}),
        Action.DELETE: planned(before={key: small}),
        Action.NO_OP: planned(before={key: small}, after={key: small}),
    }
    found = plans[action].steps[0]
    return replace(found, **fields)


def parsed(text: str) -> Address:
    """The address that `text` spells; a test that misspells one is wrong."""
    address = Address.parse(text)
    assert address is not None, text
    return address


class HandClock:
    """A clock that moves when it is told to, or when somebody sleeps."""

    def __init__(self, now: float = NOW_MS / 1000) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
