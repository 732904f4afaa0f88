"""Plans and applies in this process, over real HTTP, against the simulator: the commands without their screens."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provisioner.clock import SystemClock
from provisioner.errors import ProvisionerError, SpecError
from provisioner.events import Event, StepCompleted, StepFailed, StepInterrupted
from provisioner.lookups.catalog import Catalog
from provisioner.lookups.images import resolved
from provisioner.model.address import Address
from provisioner.model.marker import Marking
from provisioner.plan import Action, Options, Plan, Step
from provisioner.planning.stack import build_plan
from provisioner.provider.modelarts import ModelArtsNotebooks
from provisioner.provider.offers import ModelArtsOffers
from provisioner.refresh import refresh
from provisioner.run.apply import Settings, apply_plan
from provisioner.run.settle import Settled, settle
from provisioner.spec.document import Spec
from provisioner.spec.load import load_stacks
from provisioner.state.backend import Snapshot
from provisioner.state.document import Cloud, Record
from provisioner.state.local import LocalBackend
from tests.contract.sandbox import Sandbox

IMAGE = "e1a07296-22a8-4f05-8bc8-e936c8e54090"
OTHER_IMAGE = "278e88d1-5b71-4766-8502-b3ba72e824d9"
SMALL: dict[str, Any] = {
    "flavor": "modelarts.vm.cpu.2u",
    "image_id": IMAGE,
    "volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 50},
}
STACK = "lab"

Notebooks = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Done:
    """How an apply ended."""

    plan: Plan
    events: tuple[Event, ...]

    @property
    def errors(self) -> dict[str, ProvisionerError]:
        """The error of each failed step, by key."""
        return {event.step.address.key: event.error for event in self.events if isinstance(event, StepFailed)}

    @property
    def interrupted(self) -> list[str]:
        return sorted(event.step.address.key for event in self.events if isinstance(event, StepInterrupted))

    @property
    def completed(self) -> list[str]:
        return sorted(event.step.address.key for event in self.events if isinstance(event, StepCompleted))


class Lab:
    """One stack in a directory of its own. Notebooks are written as a spec file and read by the real reader."""

    def __init__(self, sandbox: Sandbox, provider: ModelArtsNotebooks, offers: ModelArtsOffers, root: Path) -> None:
        self.sandbox = sandbox
        self.provider = provider
        self.offers = offers
        self.root = root
        self.clock = SystemClock(threading.Event())
        self.backend = LocalBackend(root / "state", STACK)
        self.cloud = Cloud(region="cn-north-4", project_id=sandbox.project_id)
        self.marking = Marking.of(STACK, sandbox.project_id, "cn-north-4", "description")
        self.window = 1.0

    def spec(self, notebooks: Notebooks) -> Spec:
        """What the real reader makes of a file that declares them; a field that is None is left out."""
        directory = self.root / "specs" / STACK
        directory.mkdir(parents=True, exist_ok=True)
        declared = {key: _given({**SMALL, **fields}) for key, fields in notebooks.items()}
        (directory / "notebooks.json").write_text(json.dumps({"version": 1, "notebooks": declared}, indent=1))
        try:
            return load_stacks((Path("specs") / STACK,), root=self.root)[0]
        except SpecError as error:
            raise AssertionError("\n".join(f"{each.address}: {each.summary}" for each in error.problems)) from error

    def plan(self, notebooks: Notebooks, options: Options | None = None) -> Plan:
        return self._planned(notebooks, options)[0]

    def _planned(self, notebooks: Notebooks, options: Options | None, window: float = 0.0) -> tuple[Plan, Snapshot]:
        spec = self.spec(notebooks) if notebooks else Spec(STACK, {})
        snapshot = self.backend.read()
        settled = Settled(snapshot.state)
        if snapshot.state.pending:
            settled = settle(snapshot.state, self.provider, self.clock, window=window, waiting=lambda _p, _s: None)
            snapshot = replace(snapshot, state=settled.state, has_journal=True)
        seen = refresh(
            snapshot.state,
            self.provider,
            mounting={str(address) for address, each in spec.notebooks.items() if each.notebook.storages is not None},
            workers=10,
            clock=self.clock,
            listener=lambda _event: None,
            marking=self.marking,
            workspaces={str(each.notebook.workspace_id or "0") for each in spec.notebooks.values()},
        )
        now_ms = int(self.sandbox.control("GET", "/clock")["now"])
        options = options or Options()
        found = resolved(spec, snapshot.state, options, Catalog(self.offers, workers=2))
        plan = build_plan(
            found.spec.notebooks,
            snapshot.state,
            seen.live,
            serial=snapshot.stored_serial,
            now_ms=now_ms,
            options=options,
            strays=seen.strays,
            deposed=seen.deposed,
            unsettled=settled.refused,
        )
        return plan, snapshot

    def apply(
        self,
        notebooks: Notebooks,
        options: Options | None = None,
        *,
        stop_at: type[Event] | None = None,
        once_planned: Callable[[], None] = lambda: None,
    ) -> Done:
        """Plan and carry out.

        stop_at       ask the run to stop at the first such event
        once_planned  what happens between the two
        """
        plan, snapshot = self._planned(notebooks, options)
        once_planned()
        stop, events = threading.Event(), list[Event]()

        def listener(event: Event) -> None:
            events.append(event)
            if stop_at is not None and isinstance(event, stop_at):
                stop.set()

        apply_plan(
            plan,
            snapshot,
            backend=self.backend,
            provider=self.provider,
            settings=Settings(self.cloud, 10, 0.01, self.marking, self.window),
            clock=SystemClock(stop),
            stop=stop,
            listener=listener,
        )
        return Done(plan, tuple(events))

    def applied(self, notebooks: Notebooks, *, once_planned: Callable[[], None] = lambda: None) -> Done:
        """Apply what must succeed."""
        done = self.apply(notebooks, once_planned=once_planned)
        assert {} == done.errors
        return done

    def record(self, key: str = "alice") -> Record | None:
        return self.backend.read().state.resources.get(str(Address(key)))

    def id(self, key: str = "alice") -> str:
        record = self.record(key)
        assert record is not None, f"{key} is not recorded"
        return record.id

    def owners(self) -> dict[str, str]:
        """The key of each recorded id."""
        keys = {record.id: Address.parse(address) for address, record in self.backend.read().state.resources.items()}
        return {identifier: address.key for identifier, address in keys.items() if address}


def _given(value: Any) -> Any:
    """`value` without what is None, at any depth."""
    if isinstance(value, dict):
        return {name: _given(each) for name, each in value.items() if each is not None}
    return [_given(each) for each in value] if isinstance(value, list) else value


def step(plan: Plan, key: str = "alice") -> Step:
    return next(step for step in plan.steps if step.address == Address(key))


def operations(plan: Plan, key: str = "alice") -> str:
    """The operations of a step as the plan shows them."""
    return "; ".join(map(str, step(plan, key).operations))


def is_empty(plan: Plan) -> bool:
    return not plan.pending and not plan.drift and not plan.warnings and Action.NO_OP in {s.action for s in plan.steps}
