"""What `start`, `stop` and `extend` do to one notebook, once: its calls, and what is recorded of it. Pure.

A plan is made of it that is carried out as any other. What a person asks for against the spec is recorded as
`Record.by_hand`, before anything is sent (`Plan.rebased`). It counts only while the instance shows it (`by_hand`): a
run that dies after its call has lost nothing, one that dies before it claims nothing. What was refused is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError

from provisioner.diff import Change, is_under
from provisioner.errors import Diagnostic, PlanRefused
from provisioner.model.address import Address
from provisioner.model.behavior import Effect
from provisioner.model.blocks import Lease, Timeouts
from provisioner.model.observation import FAILED, GONE, Observation
from provisioner.model.secrets import NO_SECRETS, Secrets
from provisioner.operations import OperationKind, alteration
from provisioner.plan import Action, Loss, Mode, Plan, Reason, Step, as_argument
from provisioner.planning.secrecy import recalled, sensitive_fields
from provisioner.spec.document import Declaration
from provisioner.state.document import Record, State

_RUNS = frozenset({"RUNNING", "SNAPSHOTTING"})


@dataclass(frozen=True, slots=True)
class Subject:
    """A notebook that a person names. `declaration` is None when no spec declares it any more, `observation` when it
    does not exist.
    """

    address: Address
    record: Record
    declaration: Declaration | None
    observation: Observation | None

    @property
    def declared(self) -> Mapping[str, Any]:
        """What the spec says, and means: of what it ignores the live value is right."""
        if self.declaration is None:
            return self.record.attributes
        said, ignored = self.declaration.notebook.attributes(), self.declaration.ignored
        return {name: value for name, value in said.items() if not is_under(name, ignored)}


Decide = Callable[[Subject], Step | Diagnostic]


def starting(subject: Subject) -> Step | Diagnostic:
    """Its lease counts from now, and a start drops all mounts (API page 9 and 11): both as declared."""
    observation = _fit(subject, "started")
    if isinstance(observation, Diagnostic):
        return observation
    by_hand = _power_by_hand(subject, "RUNNING")
    by_hand.pop("lease", None)
    if observation.status in _RUNS:
        return _done_already(subject, observation, by_hand, "runs already")
    observation = observation.with_mounts(())  # what does not run has none, whatever it was asked for
    mounts = subject.declared.get("storages", [])
    # Somebody starts it at this moment: only what is missing then is to be done.
    attaching = (Change("storages", [], mounts, Effect.IN_PLACE),) if observation.power == "RUNNING" and mounts else ()
    return _step(subject, observation, by_hand, attaching, power="RUNNING")


def stopping(subject: Subject) -> Step | Diagnostic:
    """What is outside the work directory dies with the container (API page 7.6)."""
    observation = _fit(subject, "stopped")
    if isinstance(observation, Diagnostic):
        return observation
    by_hand = _power_by_hand(subject, "STOPPED")
    if observation.power == "STOPPED" and observation.status != "STOPPING":
        return _done_already(subject, observation, by_hand, "is stopped already")
    return _step(subject, observation, by_hand, power="STOPPED")


def extending(duration: int | None) -> Decide:
    """Count the lease anew from now, for `duration` milliseconds; None: for as long as it is declared, or else is."""
    return partial(_extending, duration=duration)


def _extending(subject: Subject, duration: int | None) -> Step | Diagnostic:
    observation = _fit(subject, "extended")
    if isinstance(observation, Diagnostic):
        return observation
    if observation.power != "RUNNING":
        hint = f"provisioner start {as_argument(subject.address)} starts it, with its whole lease"
        return _refusal("E533", subject, f"{subject.address} does not run: its lease counts from its next start", hint)
    lease = _lease(subject, observation, duration)
    if isinstance(lease, Diagnostic):
        return lease
    by_hand = dict(subject.record.by_hand)
    by_hand.pop("lease", None)
    if lease != subject.declared.get("lease", lease):
        by_hand["lease"] = lease
    live = observation.lease.policy() if observation.lease else None
    renewal = Change("lease", live, lease, Effect.IN_PLACE)
    return _step(subject, observation, by_hand, (renewal,), power="RUNNING", lease=lease)


def _lease(subject: Subject, observation: Observation, duration: int | None) -> dict[str, Any] | Diagnostic:
    """The lease to ask for. One of the other type, or auto stop switched on or off, is for the spec to say."""
    live = observation.lease.policy() if observation.lease else None
    declared = subject.declared.get("lease")
    if live == "never" or (declared == "never" and duration is None):
        return _endless(subject, live, declared)
    known = declared if isinstance(declared, Mapping) else live if isinstance(live, Mapping) else {}
    if duration is None and "duration" not in known:
        summary = f"the service does not tell how long the lease of {subject.address} is"
        return _refusal("E534", subject, summary, "say how long it is to run from now: --for 8h")
    lease = {**known, "duration": known["duration"] if duration is None else duration}
    try:
        Lease.model_validate(lease)
    except ValidationError as error:
        hint = "provisioner extend --for 8h; for good it is changed in the spec"
        return _refusal("E316", subject, f"{subject.address}: {error.errors()[0]['msg']}", hint)
    return lease


def _endless(subject: Subject, live: object, declared: object) -> Diagnostic:
    if live == "never":
        summary = f"{subject.address} has no auto stop: there is nothing to extend"
        mend = "provisioner apply restores the lease" if isinstance(declared, Mapping) else "`lease: {duration: 8h}`"
        return _refusal("E534", subject, summary, f"{mend} of its spec, if it is to stop by itself")
    summary = f"{subject.address} is declared with `lease: never`, and has one all the same"
    return _refusal("E534", subject, summary, "provisioner apply switches it off; --for 8h extends it once")


def power_plan(
    subjects: Iterable[Subject], decide: Decide, state: State, *, serial: int, secrets: Secrets = NO_SECRETS
) -> Plan:
    """What `decide` says of all `subjects`, as a plan; PlanRefused with everything that stands against it."""
    subjects = tuple(subjects)
    secrets = recalled(secrets, state, {str(subject.address): subject.observation for subject in subjects})
    decided = [decide(subject) for subject in subjects]
    if problems := tuple(each for each in decided if isinstance(each, Diagnostic)):
        raise PlanRefused(problems)
    steps = tuple(each for each in decided if isinstance(each, Step))
    said = {str(step.address): step.record for step in steps}
    return Plan(
        stack=state.stack,
        lineage=state.lineage,
        serial=serial,
        mode=Mode.NORMAL,
        steps=steps,
        rebased={at: record for at, record in said.items() if record != state.resources[at]},
        secrets=secrets,
    )


def taken_back(plan: Plan, before: State, after: State, failed: Collection[Address]) -> dict[str, Record]:
    """The records of `failed` steps of which no call was accepted, without what a person asked for in vain."""
    return {
        at: record.model_copy(update={"by_hand": before.resources[at].by_hand})
        for at, record in after.resources.items()
        if Address.parse(at) in failed and record == plan.rebased.get(at)
    }


def _fit(subject: Subject, what: str) -> Observation | Diagnostic:
    """The instance, unless nothing can be asked of it (API page 8)."""
    observation = subject.observation
    if observation is None or observation.status == GONE:
        hint = "provisioner plan shows what apply would do about it"
        return _refusal("E531", subject, f"{subject.address} does not exist any more", hint)
    name, status = f"{subject.address} cannot be {what}", observation.status
    if status == "DELETING":
        return _refusal("E531", subject, f"{name}: it is being deleted", "wait until it is gone, then run apply")
    if status == "FROZEN":
        return _refusal("E532", subject, f"{name}: it is FROZEN", "the account is in arrears: pay, then start it")
    if status == "CREATE_FAILED":
        return _refusal("E532", subject, f"{name}: its creation failed", "provisioner apply makes another one")
    if not observation.power:
        rebuild = f"provisioner apply --replace {as_argument(subject.address)}"
        hint = f"look at it in the console; to rebuild it: {rebuild}" if status in FAILED else "try again later"
        return _refusal("E532", subject, f"{name}: it is {status}", hint, detail=observation.fail_reason)
    return observation


def _refusal(code: str, subject: Subject, summary: str, hint: str, *, detail: str = "") -> Diagnostic:
    at = f"The instance is {subject.record.id}."
    return Diagnostic(
        code=code, summary=summary, detail=f"{detail}\n{at}".strip(), hint=hint, address=str(subject.address)
    )


def _power_by_hand(subject: Subject, power: str) -> dict[str, Any]:
    """What is to be recorded when the power is to be `power`: nothing, where the spec wants it so or does not care."""
    by_hand = {name: value for name, value in subject.record.by_hand.items() if name != "desired_status"}
    if subject.declared.get("desired_status", power) not in {power, "UNMANAGED"}:
        by_hand["desired_status"] = power
    return by_hand


def _done_already(subject: Subject, observation: Observation, by_hand: Mapping[str, Any], note: str) -> Step:
    record = subject.record.model_copy(update={"by_hand": dict(by_hand)})
    return Step(
        subject.address,
        Action.NO_OP,
        Reason.UNCHANGED,
        id=record.id,
        record=record,
        before=observation.attributes(),
        note=note,
    )


def _step(
    subject: Subject,
    observation: Observation,
    by_hand: Mapping[str, Any],
    changes: tuple[Change, ...] = (),
    *,
    power: str,
    lease: Mapping[str, Any] | None = None,
) -> Step:
    """The step that ends with `power`; a start of it carries the declared lease, or else the one it had (API page 21,
    trap 3). What was applied stays as it is recorded: other edits of the spec are for apply.
    """
    desired = dict(subject.declared) | ({"lease": lease} if lease else {})
    operations = tuple(alteration(desired, observation, changes, power))
    stops = any(operation.kind is OperationKind.STOP for operation in operations)
    declaration, record = subject.declaration, subject.record.model_copy(update={"by_hand": dict(by_hand)})
    shown = [change for change in changes if change.live != change.desired]
    if observation.power != power:
        shown.append(Change("desired_status", observation.power, power, Effect.IN_PLACE))
    return Step(
        subject.address,
        Action.UPDATE,
        Reason.BY_HAND,
        operations=operations,
        changes=tuple(shown),
        loss=Loss.CONTAINER if stops and observation.status in _RUNS else Loss.NONE,
        id=record.id,
        record=record,
        before=observation.attributes(),
        after=record.attributes,
        source=declaration.source if declaration else None,
        fields=declaration.fields if declaration else {},
        timeouts=declaration.notebook.timeouts if declaration else Timeouts(),
        protected=record.protected,
        sensitive=(declaration.sensitive if declaration else frozenset()) | sensitive_fields(record),
    )
