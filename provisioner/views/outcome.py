"""How an apply ended: what its events add up to, and that as text."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from provisioner.errors import OutcomeUnknown
from provisioner.events import (
    ApplyCompleted,
    ApplyStarted,
    Event,
    OperationStarted,
    StepCompleted,
    StepFailed,
    StepInterrupted,
)
from provisioner.model.address import Address
from provisioner.operations import OperationKind
from provisioner.plan import Action, Mode, Reason, Step
from provisioner.views.clean import one_line
from provisioner.views.paint import Paint, in_ascii
from provisioner.views.table import table

_RANKS = {"failed": 0, "interrupted": 1, "not started": 2}
_NEXT = "Continue with `provisioner apply`: it plans again and does only what is left."
_NEXT_BY_HAND = "Give the command again: it goes on with what is left."

End = StepCompleted | StepFailed | StepInterrupted


@dataclass(slots=True)
class Outcome:
    """A listener that remembers how each step ended. Events may come from several threads.

    operations  the last operation that was sent for each step
    serial      the serial of the state that was written, None when nothing was
    """

    steps: tuple[Step, ...] = ()
    ends: dict[Address, End] = field(default_factory=dict)
    operations: dict[Address, OperationStarted] = field(default_factory=dict)
    serial: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> None:
        with self._lock:
            match event:
                case ApplyStarted(steps):
                    self.steps = steps
                case OperationStarted(step):
                    self.operations[step.address] = event
                case StepCompleted(step) | StepFailed(step) | StepInterrupted(step):
                    self.ends[step.address] = event
                case ApplyCompleted(serial):
                    self.serial = serial
                case _:
                    pass

    @property
    def complete(self) -> bool:
        return all(isinstance(self.ends.get(step.address), StepCompleted) for step in self.steps)

    @property
    def completed(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if isinstance(self.ends.get(step.address), StepCompleted))

    def done(self, *actions: Action) -> int:
        """How many steps of `actions` were carried out."""
        return sum(step.action in actions for step in self.completed)

    @property
    def destroyed(self) -> int:
        """A replacement that got as far as its create call has destroyed, even if nothing was added; unless it creates
        first.
        """
        replaced = [step for step in self.steps if step.action is Action.REPLACE and self.creating(step)]
        gone = sum(not step.creates_first or step in self.completed for step in replaced)
        return self.done(Action.DELETE) + gone + sum(step.leftovers for step in self.completed)

    @property
    def changed(self) -> int:
        return sum(step.action is Action.UPDATE and not step.clears_only for step in self.completed)

    def creating(self, step: Step) -> bool:
        """Whether the create call of a step, or one after it, was sent."""
        sent = self.operations.get(step.address)
        reached = step.operations[: sent.number] if sent else ()
        return any(operation.kind is OperationKind.CREATE for operation in reached)


def apply_summary(outcome: Outcome, mode: Mode, *, color: bool, ascii_only: bool = False) -> str:
    """The last screen of an apply: Terraform's line, and where it did not succeed what stands how."""
    paint = Paint(color)
    text = paint("bold", result_line(outcome, mode)) + "\n"
    if not outcome.complete:
        rows = sorted(filter(None, (_fate(outcome, step) for step in outcome.steps)), key=lambda row: _RANKS[row[0]])
        saved = "The state is not written." if outcome.serial is None else f"State is saved (serial {outcome.serial})."
        # No plan knows of what was asked for by hand and not done.
        next_one = _NEXT_BY_HAND if any(step.reason is Reason.BY_HAND for step in outcome.steps) else _NEXT
        text += "\n".join(["", *table(rows, indent="  "), "", f"{saved} Nothing was rolled back.", next_one]) + "\n"
    return in_ascii(text) if ascii_only else text


def result_line(outcome: Outcome, mode: Mode) -> str:
    """The line that other tools read."""
    taken_over, forgotten = sum(step.imported for step in outcome.completed), outcome.done(Action.FORGET)
    added, altered = outcome.done(Action.CREATE, Action.REPLACE), outcome.changed
    destroyed = f"{outcome.destroyed} destroyed{f', {forgotten} forgotten' if forgotten else ''}."
    if outcome.complete and mode is Mode.DESTROY:
        return f"Destroy complete! Resources: {destroyed}"
    imported = f"{taken_over} imported, " if taken_over else ""
    counts = f"Resources: {imported}{added} added, {altered} changed, {destroyed}"
    if outcome.complete:
        return f"Apply complete! {counts}"
    ends = [outcome.ends.get(step.address) for step in outcome.steps]
    numbers = {
        "failed": sum(isinstance(end, StepFailed) for end in ends),
        "interrupted": sum(isinstance(end, StepInterrupted) for end in ends),
        "not started": ends.count(None),
    }
    rest = ", ".join(f"{number} {what}" for what, number in numbers.items() if number)
    return f"{'Destroy' if mode is Mode.DESTROY else 'Apply'} incomplete! {counts} {rest}."


def _fate(outcome: Outcome, step: Step) -> tuple[str, str, str] | None:
    """A row of the table: in which word a step ended, and what is there now; None when all is well."""
    address = one_line(str(step.address))
    match outcome.ends.get(step.address):
        case StepCompleted():
            return None
        case None:
            return "not started", address, ""
        case StepFailed() as end:
            return "failed", address, _left(outcome, step, end)
        case StepInterrupted() as end:
            return "interrupted", address, _left(outcome, step, end)


def _left(outcome: Outcome, step: Step, end: StepFailed | StepInterrupted) -> str:
    """How far a step came that did not reach its goal, and what stands in the account."""
    sent = outcome.operations.get(step.address)
    if sent is None:
        return "nothing was sent"
    place = f"at operation {sent.number} of {len(step.operations)}: {one_line(step.told(sent.operation))}"
    if not outcome.creating(step):
        return place
    if end.id not in {"", step.id}:
        return f"{place}; instance {one_line(end.id)} exists"
    unknown = isinstance(end, StepInterrupted) or isinstance(end.error, OutcomeUnknown)
    fate = "it is not known whether it was created" if unknown else "not created"
    if step.action is not Action.REPLACE:
        return fate
    return f"the old instance {'stands' if step.creates_first else 'is destroyed'}, {fate}"
