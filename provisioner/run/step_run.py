"""One step under way: each operation of it sent once, waited for and recorded.

Before a call an intent is on disk, after it the outcome; an id is on disk before any waiting. Nothing is decided here
but what an unclear answer means: whether a call took effect, and whether it may be sent again (API page 16.6).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping

from provisioner.clock import Interrupted
from provisioner.errors import ApiError, ApplyError, NotFound, OutcomeUnknown, ProvisionerError, StateError
from provisioner.events import (
    OperationStarted,
    StatusSeen,
    StepCompleted,
    StepFailed,
    StepInterrupted,
    StepStarted,
)
from provisioner.model.answer import Mount
from provisioner.model.blocks import Timeouts
from provisioner.model.fields import duration_text
from provisioner.model.marker import marked
from provisioner.model.observation import GONE, Observation
from provisioner.operations import MOUNTING, Operation, OperationKind
from provisioner.plan import Action, Step, record_of
from provisioner.run.desk import Desk
from provisioner.run.goals import Verdict, failure_text, took_effect
from provisioner.run.recording import Place, Recording
from provisioner.run.settle import adoptable, mark_of, workspace_of_create
from provisioner.run.watch import Sighting, Ticket
from provisioner.state.document import Pending

BUSY = "ModelArts.6357"
STOP_FIRST = "ModelArts.6304"
SIZE_REFUSED = "ModelArts.6331"
ATTEMPTS = 3
# By so much a volume may always grow at once, GB.
GROWTH_STEP = 100

_KEPT = "the instance that it was to replace was not touched; apply deletes the failed one and tries again"
_LOOKS_FIRST = "run apply again: it looks for the instance before anything is created"
_UNWAITED = frozenset({OperationKind.UPDATE, OperationKind.RENEW_LEASE, OperationKind.TAG, OperationKind.UNTAG})
_REMOVING = frozenset({OperationKind.DELETE, OperationKind.DETACH})

Waits = Generator[Ticket, Sighting, None]


class StepRun:
    """Carries out one step. `walk` is a task of `executor.run`."""

    def __init__(self, step: Step, desk: Desk) -> None:
        self._step = step
        self._desk = desk
        self._address = str(step.address)
        self._recording = Recording(step, desk.ledger, desk.secrets)
        self._number = 0
        self._observation: Observation | None = None
        self._mounts: tuple[Mount, ...] | None = None
        self._status = ""

    @property
    def _id(self) -> str:
        return self._recording.own.id

    def walk(self) -> Waits:
        step, desk = self._step, self._desk
        began = desk.clock.monotonic()
        desk.listener(StepStarted(step))
        try:
            for self._number, operation in enumerate(step.operations, start=1):
                yield from self._begin(operation)
            yield from self._conclude()
        except Interrupted:
            desk.listener(StepInterrupted(step, self._id))
        except ProvisionerError as error:
            if isinstance(error, StateError):
                desk.stop.set()  # what cannot be recorded must not be sent
            desk.listener(StepFailed(step, error, desk.clock.monotonic() - began, self._id))
        else:
            desk.listener(StepCompleted(step, self._id, desk.clock.monotonic() - began))

    def _begin(self, operation: Operation) -> Waits:
        if self._desk.stop.is_set():
            raise Interrupted
        self._desk.listener(OperationStarted(self._step, operation, self._number))
        yield from self._operate(operation)

    def _operate(self, operation: Operation) -> Waits:
        if operation.kind is not OperationKind.WAIT:
            yield from self._send(operation)
        if operation.kind not in _UNWAITED:
            yield from self._wait(operation)

    def _conclude(self) -> Waits:
        """Record the end of the step as the service shows it."""
        if self._step.action is Action.DELETE:
            return
        if self._observation is None:
            yield from self._wait(None)
        if self._observation is None:
            raise self._vanished()
        # The notebook itself does not tell of its mounts (API page 11).
        mounts, seen = self._mounts, self._observation
        if mounts is not None:
            seen = seen.with_mounts(mounts)
        self._recording.completed(seen)

    def _send(self, operation: Operation, attempts: int = ATTEMPTS) -> Waits:
        """Call once; again only where the first call is known to have done nothing, or may be repeated."""
        try:
            problem = self._problem(operation)
        except _Unanswered as unanswered:
            yield from self._search(unanswered)
            return
        if problem is None or (isinstance(problem, NotFound) and operation.kind in _REMOVING):
            return
        if operation.kind is OperationKind.DELETE and problem.code == STOP_FIRST and attempts > 1:
            # Whether a running instance may be deleted depends on the service's version (API page 7.4).
            yield from self._operate(operation.likewise(OperationKind.STOP))
        elif operation.kind is OperationKind.RESIZE and problem.code == SIZE_REFUSED:
            yield from self._grow(operation, problem)
            return
        elif operation.kind is not OperationKind.CREATE and (
            problem.code == BUSY or isinstance(problem, OutcomeUnknown)
        ):
            seen = yield from self._look(operation)
            if took_effect(operation, seen):
                self._recording.accepted(operation)
                return
            if attempts == 1:
                raise problem
            yield from self._wait(operation.likewise(OperationKind.WAIT))
        else:
            raise problem
        yield from self._send(operation, attempts - 1)

    def _problem(self, operation: Operation) -> ApiError | None:
        """What came in the way of a call; None when it was accepted."""
        try:
            self._call(operation)
        except OutcomeUnknown as unknown:
            return unknown
        except ApiError as refusal:
            return refusal
        return None

    def _grow(self, operation: Operation, problem: ApiError) -> Waits:
        """Some regions cap a growth (API page 6.3): go on in steps, each a call of its own, while there are steps."""
        seen, goal = (yield from self._look(operation)), operation.values["capacity"]
        present = seen.volume.capacity if seen else None
        if present is None or present + GROWTH_STEP >= goal:
            raise problem
        for capacity in (*range(present + GROWTH_STEP, goal, GROWTH_STEP), goal):
            yield from self._begin(Operation(OperationKind.RESIZE, {"capacity": capacity}))

    def _look(self, operation: Operation) -> Generator[Ticket, Sighting, Observation | None]:
        """See what there is after an unclear answer to `operation`."""
        place = self._recording.place_of(operation)
        seen = (yield from self._sight(None, place)).observation
        if seen is None and operation.kind is not OperationKind.DELETE:
            raise self._vanished()
        if seen is not None and operation.kind in MOUNTING:
            return seen.with_mounts(self._desk.provider.mounts(place.id) or ())
        return seen

    def _call(self, operation: Operation) -> None:
        """The one mutating call of `operation`, an intent before it and its outcome after it on disk."""
        journal, now = self._desk.journal, self._desk.clock.now()
        sent = self._with_mark(operation)
        creates = sent.kind is OperationKind.CREATE
        open_one = self._recording.pending(now, sent.values) if creates else None
        sequence = journal.intent(self._address, sent.kind, now, open_one.body if open_one else None)
        try:
            created = self._dispatch(sent)
        except OutcomeUnknown as unknown:
            if open_one is not None:
                self._recording.keep_open(open_one)
                raise _Unanswered(sequence, open_one, unknown) from unknown
            journal.refused(sequence, self._address)
            raise
        except ProvisionerError:
            journal.refused(sequence, self._address)
            raise
        if created is None or open_one is None:
            self._recording.accepted(operation)
        else:
            self._check_ours(created, open_one, sequence)
            self._recording.created(record_of(created, operation.values), workspace_of_create(open_one))
        if not operation.deposed:
            self._observation = None
        self._write_outcome(sequence)

    def _with_mark(self, operation: Operation) -> Operation:
        """A create gets a mark of its own; a PUT keeps the one that the instance has, since it stands in a field that
        it sends.
        """
        if operation.kind is OperationKind.CREATE:
            marking = self._desk.marking
            return Operation(operation.kind, marked(operation.values, marking.fresh(self._address), marking.place))
        record = self._recording.record
        observed = record.observed if record else {}
        place = observed.get("marker_place", "description")
        if operation.kind is OperationKind.UPDATE and place in operation.values:
            return Operation(operation.kind, marked(operation.values, observed.get("marker", ""), place))
        return operation

    def _check_ours(self, created: Observation, pending: Pending, sequence: int) -> None:
        """An answer with the mark of another create, or with an id that is taken, is not the answer to this one."""
        strange = created.marker not in {"", mark_of(pending)[0]}
        if strange and created.id not in self._desk.ids.known():
            self._recording.keep_open(pending)
            mixed_up = OutcomeUnknown(f"the service answered a create with the instance {created.id} of another create")
            raise _Unanswered(sequence, pending, mixed_up)
        if owner := self._desk.ids.claim(created.id, self._address):
            self._recording.keep_open(pending)
            raise ApplyError(
                f"E421: the service answered a create with the id {created.id}, which {owner} has already",
                detail=f"Nothing was overwritten. What came of the create of {self._address} is not known.",
                hint=_LOOKS_FIRST,
            )

    def _search(self, unanswered: _Unanswered) -> Waits:
        """Look for what a create without an answer made, as long as it may take to appear. Then go on with it."""
        desk, pending, unknown = self._desk, unanswered.pending, unanswered.unknown
        unknown.hint = _LOOKS_FIRST
        mark, place = mark_of(pending)
        if not mark:
            raise unknown
        workspace, now = workspace_of_create(pending), desk.clock.monotonic()
        desk.listener(StatusSeen(self._step, "", f"no answer, searching for {desk.settle_window:.0f}s at most"))
        until = now + desk.settle_window
        sighting = yield Ticket("", workspace, None, now, until, self._seen, mark=mark, place=place)
        record = adoptable(pending, sighting.found, desk.ids.known())
        if record is None or desk.ids.claim(record.id, self._address):
            raise unknown
        self._observation = None
        self._recording.settle(pending)
        self._recording.created(record, workspace)
        self._write_outcome(unanswered.sequence)

    def _write_outcome(self, sequence: int) -> None:
        try:
            self._desk.journal.outcome(sequence, self._address, self._recording.record)
        except StateError as error:
            raise StateError(
                error.summary,
                detail=f"{error.detail}\n{self._address} has the id {self._id}; write it down.",
                hint=error.hint,
            ) from error

    def _dispatch(self, operation: Operation) -> Observation | None:
        provider, values, place = self._desk.provider, operation.values, self._recording.place_of(operation)
        at, workspace = place.id, place.workspace_id
        calls: Mapping[OperationKind, Callable[[], Observation | None]] = {
            OperationKind.CREATE: lambda: provider.create(values),
            OperationKind.UPDATE: lambda: provider.update(at, values),
            OperationKind.RESIZE: lambda: provider.resize(at, values["capacity"]),
            OperationKind.STOP: lambda: provider.stop(at),
            OperationKind.START: lambda: provider.start(at, values.get("lease")),
            OperationKind.RENEW_LEASE: lambda: provider.renew_lease(at, values["lease"]),
            OperationKind.TAG: lambda: provider.tag(at, workspace, values["tags"]),
            OperationKind.UNTAG: lambda: provider.untag(at, workspace, values["tags"]),
            OperationKind.ATTACH: lambda: provider.attach(at, values),
            OperationKind.DETACH: lambda: provider.detach(at, values["id"]),
            OperationKind.DELETE: lambda: provider.delete(at),
        }
        return calls[operation.kind]()

    def _wait(self, operation: Operation | None) -> Waits:
        """Until the goal of `operation` is reached; without one, for one fresh look."""
        place = self._recording.place_of(operation)
        sighting = yield from self._sight(operation, place)
        if operation is not None and sighting.verdict is Verdict.FAILED:
            raise self._failure(operation, place, sighting)
        if operation is not None and _ends_gone(operation):
            self._recording.gone(operation)
        if sighting.mounts is not None:
            self._mounts = sighting.mounts
        elif operation is None or not operation.deposed:
            self._observation = sighting.observation

    def _sight(self, operation: Operation | None, place: Place) -> Generator[Ticket, Sighting, Sighting]:
        """What ends a wait. One that takes too long is an error."""
        limit, now = _limit(operation, self._step.timeouts), self._desk.clock.monotonic()
        sighting = yield Ticket(place.id, place.workspace_id, operation, now, now + limit / 1000, self._seen)
        if sighting.verdict is Verdict.PENDING:
            what = self._step.told(operation) if operation else "a look at the instance"
            summary = f"{what} is still not done after {duration_text(limit)}"
            status = f", status {self._status}" if self._status else ""
            raise ApplyError(summary, detail=f"id {place.id}{status}", hint="run apply again: it goes on waiting")
        return sighting

    def _failure(self, operation: Operation, place: Place, sighting: Sighting) -> ApplyError:
        if sighting.mounts is not None:
            reason = next((f": {mount.failure_reason}" for mount in sighting.mounts if mount.failure_reason), "")
            return ApplyError(f"{self._step.told(operation)} failed{reason}", detail=f"id {place.id}")
        text = failure_text(operation, sighting.observation)
        if self._recording.failed(operation, sighting.observation):
            return ApplyError(text, detail=f"id {place.id}", hint=_KEPT)
        return ApplyError(text, detail=f"id {place.id}")

    def _vanished(self) -> ApplyError:
        return ApplyError("the instance vanished", detail=f"id {self._id}", hint="run apply again: it creates another")

    def _seen(self, observation: Observation) -> None:
        self._status = observation.status
        progress, hidden = observation.step_under_way(), self._desk.secrets.hidden
        self._desk.listener(
            StatusSeen(
                self._step,
                observation.id,
                observation.status,
                progress.step if progress else 0,
                len(observation.action_progress),
                hidden(progress.description) if progress else "",
                hidden(observation.fail_reason),
            )
        )


class _Unanswered(Exception):
    """A create was sent, and no usable answer came back."""

    def __init__(self, sequence: int, pending: Pending, unknown: OutcomeUnknown) -> None:
        super().__init__(sequence)
        self.sequence = sequence
        self.pending = pending
        self.unknown = unknown


def _ends_gone(operation: Operation) -> bool:
    return operation.kind is OperationKind.DELETE or operation.values.get("until") == GONE


def _limit(operation: Operation | None, timeouts: Timeouts) -> int:
    if operation is None:
        return timeouts.update
    if _ends_gone(operation):
        return timeouts.delete
    return timeouts.create if operation.kind is OperationKind.CREATE else timeouts.update
