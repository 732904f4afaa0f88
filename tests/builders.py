"""Valid objects with defaults, for every test: notebooks, what the service says of them, records, states and plans.

`planned` tells the usual story: some notebooks were applied, something happened outside, and now others are declared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from provisioner.errors import SourceRange
from provisioner.model.address import Address
from provisioner.model.notebook import Notebook
from provisioner.model.observation import Observation
from provisioner.model.secrets import Secrets
from provisioner.plan import Action, Options, Plan, Step, record_of
from provisioner.planning.restructure import restructured
from provisioner.planning.stack import build_plan
from provisioner.spec.document import Declaration, Import, Move, Removal, Spec
from provisioner.state.document import Record, State

IMAGE = "e1a07296-22a8-4f05-8bc8-e936c8e54090"
OTHER_IMAGE = "278e88d1-5b71-4766-8502-b3ba72e824d9"
FILE = "specs/lab/notebooks.yaml"
ANYWHERE = SourceRange(FILE, 99, 3, 99, 4)
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
    declared = notebook(at.key, **fields)
    return Declaration(at, declared, source, places, ignored=frozenset(declared.lifecycle.ignore_changes))


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
    *,
    records: Mapping[str, Fields] | None = None,
    imports: Collection[str] = (),
    moved: Mapping[str, str] | None = None,
    forgotten: Collection[str] = (),
    deposed: Mapping[str, Observation | None] | None = None,
    secrets: Collection[str] = (),
) -> Plan:
    """The plan for what is declared `after`, where `before` was applied.

    live       by key what the service says otherwise than applied; None: the instance is gone
    records    by key what is recorded otherwise than applied
    imports    keys to import; what is live under them is as declared but for `live`
    moved      recorded key to the key that takes its place
    forgotten  keys of `removed` without destroying
    deposed    what the service says of deposed instances, by id
    secrets    values of sensitive variables
    """
    applied = {key: notebook(parsed(key).key, **fields) for key, fields in (before or {}).items()}
    hiding = Secrets.of(secrets)
    numbers = {key: number for number, key in enumerate([*applied, *imports], 1)}
    held = {key: record(each, numbers[key]).hidden(hiding) for key, each in applied.items()}
    held = {key: each.model_copy(update=dict((records or {}).get(key, {}))) for key, each in held.items()}
    declared = {address: _with_sensitive(each, hiding) for address, each in declarations(after or {}).items()}
    wanted = Spec(
        "lab",
        declared,
        imports=tuple(Import(parsed(key), instance_id(numbers[key]), ANYWHERE) for key in imports),
        moved=tuple(Move(parsed(old), parsed(new), ANYWHERE) for old, new in (moved or {}).items()),
        removed=tuple(Removal(parsed(key), destroy=False, source=ANYWHERE) for key in forgotten),
    )
    there = {**applied, **{key: declared[parsed(key)].notebook for key in imports}}
    seen: dict[str, Observation | None] = {}
    for key, each in there.items():
        answer = (live or {}).get(key, {})
        at = str(parsed((moved or {}).get(key, key)))
        seen[at] = None if answer is None else instance(each, numbers[key], **answer)
    return build_plan(
        declared,
        restructured(state(held), wanted),
        seen,
        serial=7,
        now_ms=NOW_MS,
        options=options or Options(),
        deposed=deposed or {},
        secrets=hiding,
    )


def _with_sensitive(declared: Declaration, secrets: Secrets) -> Declaration:
    attributes = declared.notebook.attributes()
    return replace(
        declared, sensitive=frozenset(name for name, value in attributes.items() if secrets.hidden(value) != value)
    )


def step(action: Action = Action.CREATE, key: str = "alice", **fields: Any) -> Step:
    """The step of a plan with that action for one notebook; `fields` replace its own."""
    small, large = {"flavor": "modelarts.vm.cpu.2u"}, {"flavor": "modelarts.vm.cpu.8u"}
    plans = {
        Action.CREATE: planned(after={key: small}),
        Action.UPDATE: planned(before={key: small}, after={key: large}),
        Action.REPLACE: planned(before={key: small}, after={key: {"workspace_id": "0" * 32}}),
        Action.DELETE: planned(before={key: small}),
        Action.NO_OP: planned(before={key: small}, after={key: small}),
        Action.FORGET: planned(before={key: small}, forgotten=[key]),
        Action.IMPORT: planned(after={key: small}, imports=[key]),
        Action.MOVE: planned(before={"former": small}, after={key: small | {"name": "former"}}, moved={"former": key}),
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
