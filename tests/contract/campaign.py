"""Random edits of a project that uses every feature, each planned, applied and audited over real HTTP.

Each apply must end with an empty plan, one live instance for each address, no volume lost without consent, and exactly
the mutating requests that the plan listed.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioner.apply import Settings, apply_plan
from provisioner.cli.flow import Planned, make_plan
from provisioner.cli.options import Request
from provisioner.cli.project import load_specs
from provisioner.cli.session import Session, open_session
from provisioner.errors import PlanError
from provisioner.events import Event, StepFailed
from provisioner.losses import check_safe
from provisioner.operations import Operation, OperationKind
from provisioner.plan import Action, Loss, Step
from provisioner.state.local import LocalBackend
from tests.contract.edits import Declared, edited, first
from tests.contract.sandbox import Sandbox

STATE = "lab.prod"
SECRET = b"canary-7f3a91"
# What the log of the simulator calls an operation.
CALLS = {
    OperationKind.UPDATE: "update",
    OperationKind.RESIZE: "update",
    OperationKind.RENEW_LEASE: "renew-lease",
    OperationKind.TAG: "create-tags",
    OperationKind.UNTAG: "delete-tags",
    OperationKind.ATTACH: "attach-storage",
    OperationKind.DETACH: "detach-storage",
}


@dataclass(slots=True)
class Report:
    """What a campaign saw."""

    edits: int = 0
    interferences: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    volumes_lost: int = 0
    volumes_kept: int = 0

    def text(self) -> str:
        return json.dumps(
            {
                "edits": self.edits,
                "changes by others": self.interferences,
                "steps": dict(self.steps.most_common()),
                "mutating requests": self.requests,
                "refused": dict(self.refused.most_common()),
                "volumes lost with consent": self.volumes_lost,
                "volumes kept for want of consent": self.volumes_kept,
            },
            indent=2,
        )


class Campaign:
    """One project below `root`. The working directory and the environment are its own while it is entered."""

    def __init__(self, root: Path, sandbox: Sandbox, seed: int) -> None:
        self.report = Report()
        self._root = root
        self._sandbox = sandbox
        self._chance = random.Random(seed)
        self._declared = first()
        self._request = Request(environment="prod")
        self._forgotten: dict[str, str] = {}

    @contextmanager
    def entered(self) -> Iterator[None]:
        before, environ = Path.cwd(), dict(os.environ)
        os.environ |= self._sandbox.environ | {"PROVISIONER_POLL_INTERVAL": "10ms", "PROVISIONER_SETTLE_WINDOW": "1s"}
        os.chdir(self._root)
        try:
            with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
                yield
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ |= environ

    def begin(self) -> None:
        """The forty notebooks, and an empty plan."""
        self._write(self._declared)
        self._apply()

    def edit(self) -> None:
        """One edit, carried out if it may be. Before it somebody else may have changed something in the console."""
        if self._chance.random() < 0.5:
            self._interfere()
        wanted = edited(self._declared, self._chance, self._forgotten)
        self._write(wanted)
        if self._apply():
            self._declared = wanted
        else:
            self._write(self._declared)
            self._apply()
        self.report.edits += 1

    def _interfere(self) -> None:
        notebook = self._chance.choice(self._sandbox.notebooks())
        identifier, tags = notebook["id"], notebook["tags"]
        match self._chance.randrange(6):
            case 0:
                self._sandbox.drift(identifier, tags=[*tags, {"key": "foreign", "value": "1"}])
            case 1:
                self._sandbox.drift(identifier, tags=[*tags, {"key": "cost-centre", "value": "42"}])
            case 2:
                self._sandbox.drift(identifier, name="renamed-outside")
            case 3 if notebook["status"] == "RUNNING":
                self._sandbox.happen(identifier, "idle-stop")
            case 4 if identifier not in self._forgotten.values():
                self._sandbox.happen(identifier, "vanish")
            case _:
                self._sandbox.drift(identifier, token="another", update_at=1)
        self.report.interferences += 1

    def _write(self, declared: Declared) -> None:
        directory = self._root / "specs" / "lab"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "notebooks.json").write_text(json.dumps(declared.spec(), indent=1))
        (directory / "prod.patch.yaml").write_text(json.dumps(declared.patch))
        (self._root / "provisioner.yaml").write_text(json.dumps(declared.settings()))

    def _apply(self) -> bool:
        """Plan, carry out, audit. False when the plan was refused; then nothing has happened."""
        with open_session(self._request) as session:
            before, planned = self._live(), self._plan(session)
            self._sandbox.forget()
            if planned.plan.refusals:
                self.report.refused.update(each.code for each in planned.plan.refusals)
                return False
            losers = [step for step in planned.plan.steps if step.loss is Loss.VOLUME and not step.allow_loss]
            consents = not losers or self._chance.random() < 0.5
            if not consents:
                self._check_refused(planned)
                self.report.volumes_kept += len(losers)
                return False
            self._run(planned, session)
            self._check_requests(planned.plan.pending)
            self._check_volumes(before, planned.plan.pending)
            self._remember(planned.plan.pending)
            self._check_empty(self._plan(session))
            self._check_records()
            return True

    def _plan(self, session: Session) -> Planned:
        (spec,) = load_specs(self._request)
        return make_plan(spec, self._request, session, for_apply=True)

    def _run(self, planned: Planned, session: Session) -> None:
        failures: list[StepFailed] = []

        def listener(event: Event) -> None:
            if isinstance(event, StepFailed):
                failures.append(event)

        apply_plan(
            planned.plan,
            planned.snapshot,
            backend=planned.backend,
            provider=session.provider,
            settings=Settings(session.cloud, 10, 0.01, session.marking(planned.plan.stack), 1.0),
            clock=session.clock,
            stop=session.clock.stop,
            listener=listener,
        )
        assert not failures, [(str(each.step.address), str(each.error), each.error.detail) for each in failures]
        self.report.steps.update(f"{step.action}: {step.reason}" for step in planned.plan.pending)

    def _check_refused(self, planned: Planned) -> None:
        try:
            check_safe(planned.plan, frozenset())
        except PlanError:
            return
        raise AssertionError("a plan that loses a volume was not refused")

    def _check_requests(self, steps: tuple[Step, ...]) -> None:
        """The log has the calls of the plan, for each kind as many."""
        planned = Counter(call for step in steps for operation in step.operations for call in _calls(operation))
        sent = Counter(self._sandbox.calls())
        assert planned == sent, (planned, sent)
        self.report.requests += sent.total()

    def _check_volumes(self, before: Mapping[str, Any], steps: tuple[Step, ...]) -> None:
        """What is gone was lost by a step that said so."""
        gone = {
            identifier
            for identifier in before.keys() - self._live().keys()
            if before[identifier]["volume"]["ownership"] == "MANAGED"
        }
        agreed = {step.id for step in steps if step.loss is Loss.VOLUME}
        assert gone <= agreed, gone - agreed
        self.report.volumes_lost += len(gone)

    def _remember(self, steps: tuple[Step, ...]) -> None:
        """Which instances live on without a record."""
        for step in steps:
            if step.action is Action.FORGET:
                self._forgotten[step.address.key] = step.id
            elif step.imported:
                self._forgotten = {key: each for key, each in self._forgotten.items() if each != step.id}

    def _check_empty(self, planned: Planned) -> None:
        plan = planned.plan
        assert not plan.pending, [(str(step.address), step.action, step.changes) for step in plan.pending]
        assert not plan.drift, plan.drift
        assert not plan.refused, (plan.warnings, plan.refusals)

    def _check_records(self) -> None:
        """Every instance is recorded once, every record is live, and no file holds the secret."""
        state = LocalBackend(Path("state"), STATE).read().state
        ids = [record.id for record in state.resources.values()]
        assert sorted([*ids, *self._forgotten.values()]) == sorted(self._live())
        assert not any(record.deposed or record.incomplete for record in state.resources.values())
        for path in Path("state").rglob("*"):
            assert not (path.is_file() and SECRET in path.read_bytes()), path

    def _live(self) -> dict[str, Any]:
        return {notebook["id"]: notebook for notebook in self._sandbox.notebooks()}


def _calls(operation: Operation) -> Iterator[str]:
    if operation.kind is not OperationKind.WAIT:
        yield CALLS.get(operation.kind, str(operation.kind))
