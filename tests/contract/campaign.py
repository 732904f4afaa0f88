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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provisioner.cli.flow import Planned, make_plan
from provisioner.cli.options import Request
from provisioner.cli.project import load_specs
from provisioner.cli.session import Session, open_session
from provisioner.errors import PlanError, SpecError
from provisioner.events import Event, StepFailed
from provisioner.operations import OperationKind
from provisioner.plan import Action, Loss, Step
from provisioner.planning.losses import check_safe
from provisioner.run.apply import Settings, apply_plan
from provisioner.run.step_run import GROWTH_STEP
from provisioner.state.document import State
from provisioner.state.local import LocalBackend
from tests.contract.edits import Declared, edited, first
from tests.contract.meanwhile import HOUR_MS, ByHand, at_the_console, unwell, variant
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
    by_hand: Counter[str] = field(default_factory=Counter)
    switches: dict[str, bool] = field(default_factory=dict)
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
                "by hand": dict(self.by_hand.most_common()),
                "variant": [number for number, on in self.switches.items() if on],
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
        self._applied = False
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
        self.report.switches = variant(self._sandbox, self._chance)
        self._write(self._declared)
        self._applied = self._apply()

    def edit(self) -> None:
        """One edit, carried out if it may be; something may have happened before it."""
        self._meanwhile()
        wanted = edited(self._declared, self._chance, self._forgotten)
        self._write(wanted)
        self._apply_some()
        if self._apply():
            self._declared = wanted
            self._applied = True
        else:
            # A part of it may have been applied; to take that back may cost a volume, and find no consent either.
            self._write(self._declared)
            self._applied = self._apply()
        self.report.edits += 1

    def _meanwhile(self) -> None:
        match self._chance.randrange(6):
            case 0 | 1:
                at_the_console(self._sandbox, self._chance, self._forgotten.values())
                self.report.interferences += 1
                if self._chance.random() < 0.3:
                    self._refresh_only()
            case 2 if self._applied:
                self._by_hand()
            case 3 if self._applied:
                self._sandbox.advance(self._chance.randint(1, 30) * HOUR_MS)
                self._check_quiet()
            case _:
                pass

    def _by_hand(self) -> None:
        """It counts: what was done by hand is nothing that apply would undo."""
        asked = ByHand.of(self._state().resources, self._chance)
        done = asked.carried_out(self._request)
        self.report.by_hand[asked.verb if done else f"{asked.verb} refused"] += 1
        with open_session(self._request) as session:
            self._check_empty(self._plan(session))

    def _check_quiet(self) -> None:
        """What leases stopped stays so, and is drift that nobody is alarmed of."""
        with open_session(self._request) as session:
            plan = self._plan(session).plan
        assert not plan.pending, [(str(step.address), step.action, step.changes) for step in plan.pending]
        alarming = [drift for drift in plan.drift if not drift.expected]
        assert not alarming, [(str(drift.address), drift.changes) for drift in alarming]

    def _refresh_only(self) -> None:
        """The state takes over what happened; nothing is sent, and nothing is forgotten but what is gone."""
        request = replace(self._request, refresh_only=True)
        with open_session(request) as session:
            self._sandbox.forget()
            self._run(self._plan(session, request), session)
            assert not self._plan(session, request).plan.refreshed
            assert not self._sandbox.calls()

    def _apply_some(self) -> None:
        """At times only a part of it at first, or another instance for one that has none to lose."""
        chance, recorded = self._chance, sorted(self._state().resources)
        match chance.randrange(6):
            case 0:
                request = replace(self._request, targets=tuple(chance.sample(recorded, 5)))
            case 1:
                request = replace(self._request, excludes=tuple(chance.sample(recorded, 5)))
            case 2:
                request = replace(self._request, replacements=(chance.choice(recorded),))
            case _:
                return
        try:
            self._apply(request)
        except PlanError as error:
            self.report.refused[f"{error.summary.split(',')[0].split(' ', 1)[1]}"] += 1

    def _write(self, declared: Declared) -> None:
        directory = self._root / "specs" / "lab"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "notebooks.json").write_text(json.dumps(declared.spec(), indent=1))
        (directory / "prod.patch.yaml").write_text(json.dumps(declared.patch))
        (self._root / "provisioner.yaml").write_text(json.dumps(declared.settings()))

    def _apply(self, request: Request | None = None) -> bool:
        """Plan, carry out, audit. False when the plan was refused; then nothing has happened."""
        request = request or self._request
        with open_session(request) as session:
            before, planned = self._live(), self._plan(session, request)
            protected = {record.id for record in self._state().resources.values() if record.protected}
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
            troubled = self._chance.random() < 0.2
            if troubled:
                unwell(self._sandbox, self._chance)
            self._run(planned, session)
            self._sandbox.control("DELETE", "/faults")
            self._check_requests(planned.plan.pending, exactly=not troubled)
            self._check_volumes(before, protected, planned.plan.pending)
            self._remember(planned.plan.pending)
            again = replace(request, replacements=())
            self._check_empty(self._plan(session, again))
            self._check_empty(self._plan(session, replace(again, refresh=False)))
            self._check_records(whole=not request.targets and not request.excludes)
            return True

    def _plan(self, session: Session, request: Request | None = None) -> Planned:
        request = request or self._request
        try:
            (spec,) = load_specs(request)
        except SpecError as error:
            raise AssertionError(
                [f"{each.address}: {each.summary}: {each.detail}" for each in error.problems]
            ) from error
        return make_plan(spec, request, session, for_apply=True)

    def _state(self) -> State:
        return LocalBackend(Path("state"), STATE).read().state

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

    def _check_requests(self, steps: tuple[Step, ...], *, exactly: bool) -> None:
        """The service took the calls of the plan, for each kind as many; of an unwell one it took some twice."""
        planned = Counter(call for step in steps for call in self._calls(step))
        sent = Counter(self._sandbox.calls(accepted=True))
        assert planned == sent if exactly else planned.keys() == sent.keys(), (planned, sent)
        self.report.requests += sent.total()

    def _calls(self, step: Step) -> Iterator[str]:
        """What the plan lists, and what this variant of the service wants besides."""
        switches, power = self.report.switches, step.before.get("desired_status")
        for operation in step.operations:
            match operation.kind:
                case OperationKind.WAIT:
                    continue
                case OperationKind.DELETE if switches["S4"] and power == "RUNNING":
                    yield "stop"
                case OperationKind.RESIZE if switches["S6"]:
                    growth = operation.values["capacity"] - step.before["volume"]["capacity"]
                    yield from ["update"] * (-(-growth // GROWTH_STEP) - 1)
            yield CALLS.get(operation.kind, str(operation.kind))

    def _check_volumes(self, before: Mapping[str, Any], protected: set[str], steps: tuple[Step, ...]) -> None:
        """What is gone was lost by a step that said so, and was not protected."""
        gone = before.keys() - self._live().keys()
        volumes = {identifier for identifier in gone if before[identifier]["volume"]["ownership"] == "MANAGED"}
        agreed = {step.id for step in steps if step.loss is Loss.VOLUME}
        assert volumes <= agreed, volumes - agreed
        assert not gone & protected, gone & protected
        self.report.volumes_lost += len(volumes)

    def _remember(self, steps: tuple[Step, ...]) -> None:
        """Which instances live on without a record."""
        for step in steps:
            if step.action is Action.FORGET:
                self._forgotten[str(step.address).removeprefix("notebook.")] = step.id
            elif step.imported:
                self._forgotten = {key: each for key, each in self._forgotten.items() if each != step.id}

    def _check_empty(self, planned: Planned) -> None:
        plan = planned.plan
        assert not plan.pending, [(str(step.address), step.action, step.changes) for step in plan.pending]
        assert not plan.drift, [(str(drift.address), drift.changes) for drift in plan.drift]
        assert not plan.refused, (plan.warnings, plan.refusals)

    def _check_records(self, *, whole: bool) -> None:
        """Every instance is recorded once, every record is live, and no file holds the secret. What a plan left out may
        be gone, and nobody has looked.
        """
        state = self._state()
        ids = [record.id for record in state.resources.values()]
        known, live = Counter([*ids, *self._forgotten.values()]), Counter(list(self._live()))
        assert known == live if whole else known >= live, (known - live, live - known)
        unfinished = [at for at, record in state.resources.items() if record.deposed or record.incomplete]
        assert not unfinished, unfinished
        for path in Path("state").rglob("*"):
            assert not (path.is_file() and SECRET in path.read_bytes()), path

    def _live(self) -> dict[str, Any]:
        return {notebook["id"]: notebook for notebook in self._sandbox.notebooks()}
