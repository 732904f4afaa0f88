"""A run as events: one JSON object each, in Terraform's types, keys and words (`ui` 1.2). Plans, outcomes and what
happens in, events out; where they are written is no concern of this module.

docs/events.md tells what is ours beyond Terraform's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from provisioner import __version__
from provisioner.clock import Clock
from provisioner.drift import Drift
from provisioner.errors import Diagnostic
from provisioner.events import (
    ApplyCompleted,
    ApplyStarted,
    Event,
    OperationStarted,
    RefreshCompleted,
    RefreshStarted,
    StatusSeen,
    StepCompleted,
    StepFailed,
    StepInterrupted,
    StepStarted,
    Tick,
)
from provisioner.model.address import Address
from provisioner.plan import Action, Loss, Mode, Plan, Reason, Step
from provisioner.tfjson.address import resource
from provisioner.tfjson.diagnostics import NO_SOURCES, diagnostic_document
from provisioner.views.clean import one_line
from provisioner.views.outcome import Outcome, result_line
from provisioner.views.phases import CREATION, DESTRUCTION, HEARTBEAT_SECONDS, Doing, first_doing, following
from provisioner.views.phrases import elapsed_text, seen_text

UI = "1.2"
MODULE = "provisioner.ui"

_ACTIONS = {Action.FORGET: "remove", Action.NO_OP: "noop"}
# A reason of ours that Terraform has no word for is left out.
_REASONS = {
    Reason.CANNOT_UPDATE: "cannot_update",
    Reason.REQUESTED: "requested",
    Reason.TRIGGERED: "replace_triggered_by",
    Reason.CREATE_FAILED: "tainted",
    Reason.NOT_DECLARED: "delete_because_no_resource_config",
    Reason.FORGOTTEN: "delete_because_no_resource_config",
}


@dataclass(frozen=True, slots=True)
class UiEvent:
    """One line of the stream."""

    type: str
    message: str
    body: Mapping[str, Any] = field(default_factory=dict)
    level: str = "info"

    def line(self, now: float) -> str:
        """ASCII alone: whatever stands in it, no terminal obeys it."""
        stamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        head = {"@level": self.level, "@message": one_line(self.message), "@module": MODULE, "@timestamp": stamp}
        return json.dumps({**head, **self.body, "type": self.type}, separators=(",", ":"))


def version_event() -> UiEvent:
    return UiEvent("version", f"provisioner {__version__}", {"provisioner": __version__, "ui": UI})


def log_event(text: str) -> UiEvent:
    return UiEvent("log", text.strip())


def diagnostic_event(found: Diagnostic, sources: Mapping[str, bytes] = NO_SOURCES) -> UiEvent:
    level = "error" if found.severity == "error" else "warn"
    message = f"{found.severity.title()}: {found.summary}"
    return UiEvent("diagnostic", message, {"diagnostic": diagnostic_document(found, sources)}, level)


def saved_event(path: str, digest: str) -> UiEvent:
    return UiEvent("plan_saved", f"Saved the plan as {path}", {"plan": {"path": path, "digest": digest}})


def plan_events(plan: Plan, *, approved: bool = False) -> Iterator[UiEvent]:
    """Drift, changes and their number. Of an approved plan the number was told when it was made."""
    for drift in plan.drift:
        yield _drifted(drift, plan)
    for step in plan.pending:
        change = _change(step)
        message = f"{step.address}: Plan to {change['action']}"
        yield UiEvent("planned_change", message, {"change": change, "stack": plan.stack})
    if not approved:
        yield _planned_summary(plan)


def outcome_events(outcome: Outcome, mode: Mode) -> Iterator[UiEvent]:
    """Terraform tells no numbers of an apply that failed, so ours have a type of their own."""
    changes = {
        "add": outcome.done(Action.CREATE, Action.REPLACE),
        "change": outcome.changed,
        "import": sum(step.imported for step in outcome.completed),
        "remove": outcome.destroyed,
        "forget": outcome.done(Action.FORGET),
        "operation": "destroy" if mode is Mode.DESTROY else "apply",
    }
    message = result_line(outcome, mode)
    if not outcome.complete:
        ends = [outcome.ends.get(step.address) for step in outcome.steps]
        changes["failed"] = sum(isinstance(end, StepFailed) for end in ends)
        changes["interrupted"] = sum(isinstance(end, StepInterrupted) for end in ends)
        changes["not_started"] = ends.count(None)
        yield UiEvent("apply_incomplete", message, {"changes": changes, "serial": outcome.serial}, "error")
        return
    yield UiEvent("change_summary", message, {"changes": changes})
    if mode is not Mode.DESTROY:
        yield UiEvent("outputs", "Outputs: 0", {"outputs": {}})


def _drifted(drift: Drift, plan: Plan) -> UiEvent:
    action = "delete" if drift.live is None else "update"
    change = {"resource": resource(drift.address), "action": action}
    message = f"{drift.address}: Drift detected ({action})"
    return UiEvent("resource_drift", message, {"change": change, "stack": plan.stack})


def _change(step: Step) -> dict[str, Any]:
    change: dict[str, Any] = {"resource": resource(step.address)}
    if step.moved_from is not None:
        change["previous_resource"] = resource(step.moved_from)
    change["action"] = _ACTIONS.get(step.action, str(step.action))
    if reason := _REASONS.get(step.reason):
        change["reason"] = reason
    if step.imported:
        change["importing"] = {"id": step.id}
    if step.loss is not Loss.NONE:
        change["loss"] = str(step.loss)
    return change


def _planned_summary(plan: Plan) -> UiEvent:
    summary = plan.summary
    changes = {
        "add": summary.add,
        "change": summary.change,
        "import": summary.take_over,
        "remove": summary.destroy,
        "forget": summary.forget,
        "operation": "plan",
    }
    imported = f"{summary.take_over} to import, " if summary.take_over else ""
    forgotten = f", {summary.forget} to forget" if summary.forget else ""
    counts = f"{summary.add} to add, {summary.change} to change, {summary.destroy} to destroy{forgotten}"
    return UiEvent("change_summary", f"Plan: {imported}{counts}.", {"changes": changes, "stack": plan.stack})


@dataclass(slots=True)
class _Phase:
    """What a step is doing at present, since when, what was told of it last, and which instance was seen."""

    step: Step
    doing: Doing
    since: float
    beat: float
    seen: StatusSeen | None = None


class RunEvents:
    """What happens during a refresh or an apply, as events. Remembers what is under way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._phases: dict[Address, _Phase] = {}

    def __call__(self, event: Event) -> list[UiEvent]:
        return [*self._events(event), *self._beats()]

    def _events(self, event: Event) -> Iterator[UiEvent]:
        match event:
            case RefreshStarted(ids=ids):
                yield from (_hook("refresh_start", at, "Refreshing state...", each) for at, each in _by_address(ids))
            case RefreshCompleted(ids=ids):
                yield from (_hook("refresh_complete", at, "Refresh complete", each) for at, each in _by_address(ids))
            case StepStarted(step):
                yield self._begin(step, first_doing(step))
            case OperationStarted():
                yield from self._go_on(event)
            case StatusSeen():
                yield from self._see(event)
            case StepCompleted() | StepFailed() | StepInterrupted():
                yield self._finish(event)
            case ApplyStarted() | ApplyCompleted() | Tick():
                pass

    def _begin(self, step: Step, doing: Doing) -> UiEvent:
        now = self._clock.monotonic()
        self._phases[step.address] = _Phase(step, doing, now, now)
        identity = "" if doing is CREATION else step.id
        return _hook("apply_start", step.address, f"{doing.verb}...", identity, action=doing.action)

    def _go_on(self, event: OperationStarted) -> Iterator[UiEvent]:
        phase = self._phases[event.step.address]
        doing = following(phase.doing, event)
        if doing is phase.doing:
            return
        # Of a creation that a deletion follows, what was seen last is the new instance.
        created = phase.seen.id if phase.seen and phase.doing is CREATION else ""
        yield self._end(event.step, "apply_complete", "complete", created)
        yield self._begin(event.step, doing)

    def _see(self, event: StatusSeen) -> Iterator[UiEvent]:
        """What the service says, when it says something new."""
        phase = self._phases[event.step.address]
        if event == phase.seen:
            return
        phase.seen = event
        hook = {
            "status": event.status,
            "step": event.step_number,
            "step_count": event.step_count,
            "step_description": event.step_description,
            "fail_reason": event.reason,
        }
        message = f"{event.step.address}: {seen_text(event) or event.step_description}"
        subject = {"resource": resource(event.step.address), **_identity(event.id)}
        yield UiEvent("notebook_status", message, {"hook": subject | hook})

    def _finish(self, event: StepCompleted | StepFailed | StepInterrupted) -> UiEvent:
        match event:
            case StepCompleted(step, identity):
                return self._end(step, "apply_complete", "complete", identity)
            case StepFailed(step):
                return self._end(step, "apply_errored", "errored", event.id)
            case StepInterrupted(step, identity):
                return self._end(step, "apply_interrupted", "interrupted", identity)

    def _end(self, step: Step, kind: str, how: str, identity: str) -> UiEvent:
        """What was destroyed has no id any more; where a deletion failed, it has."""
        now = self._clock.monotonic()
        # A step that is refused before its first call ends without having begun.
        phase = self._phases.pop(step.address, None) or _Phase(step, first_doing(step), now, now)
        destroyed = kind == "apply_complete" and phase.doing is DESTRUCTION
        elapsed, shown = now - phase.since, "" if destroyed else identity
        message = f"{phase.doing.noun} {how} after {elapsed_text(elapsed)}"
        return _hook(kind, step.address, message, shown, action=phase.doing.action, elapsed=elapsed)

    def _beats(self) -> Iterator[UiEvent]:
        """What has been under way for another ten seconds."""
        now = self._clock.monotonic()
        for phase in self._phases.values():
            if now - phase.beat >= HEARTBEAT_SECONDS:
                phase.beat, elapsed = now, now - phase.since
                message = f"Still {phase.doing.verb.lower()}... [{elapsed_text(elapsed)} elapsed]"
                action = phase.doing.action
                yield _hook("apply_progress", phase.step.address, message, action=action, elapsed=elapsed)


def _hook(
    kind: str, address: Address, message: str, identity: str = "", *, action: str = "", elapsed: float | None = None
) -> UiEvent:
    """An event about one notebook. Keys without a value are left out, as in Terraform."""
    hook: dict[str, Any] = {"resource": resource(address)}
    if action:
        hook["action"] = action
    hook |= _identity(identity)
    if elapsed is not None:
        hook["elapsed_seconds"] = int(elapsed)
    shown = f" [id={identity}]" if identity else ""
    return UiEvent(kind, f"{address}: {message}{shown}", {"hook": hook})


def _by_address(ids: Mapping[str, str]) -> Iterator[tuple[Address, str]]:
    return ((address, identity) for text, identity in ids.items() if (address := Address.parse(text)))


def _identity(identity: str) -> dict[str, str]:
    return {"id_key": "id", "id_value": identity} if identity else {}
