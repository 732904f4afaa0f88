"""What happened during a refresh or an apply, as values. Views listen; nothing here knows how they look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from provisioner.errors import ProvisionerError
from provisioner.operations import Operation
from provisioner.plan import Step


@dataclass(frozen=True, slots=True)
class RefreshStarted:
    """The recorded instances are about to be read. `ids` are those by address."""

    stack: str
    recorded: int
    ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefreshCompleted:
    """All recorded instances were read. `ids` are by address those that were found."""

    stack: str
    recorded: int
    requests: int
    seconds: float
    ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApplyStarted:
    """The steps that are about to be carried out, in plan order."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class StepStarted:
    """The first operation of a step is about to be sent."""

    step: Step


@dataclass(frozen=True, slots=True)
class OperationStarted:
    """Operation `number` (from 1) of a step is about to be sent."""

    step: Step
    operation: Operation
    number: int


@dataclass(frozen=True, slots=True)
class StatusSeen:
    """What the service says of an instance while its operation is under way.

    step_number and step_description come from action_progress, 0 and "" when it says nothing. `reason` is why
    something failed.
    """

    step: Step
    id: str
    status: str
    step_number: int = 0
    step_count: int = 0
    step_description: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StepCompleted:
    """All operations of a step reached their goals."""

    step: Step
    id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StepFailed:
    """An operation of a step failed; those after it were not sent."""

    step: Step
    error: ProvisionerError
    seconds: float
    id: str = ""


@dataclass(frozen=True, slots=True)
class StepInterrupted:
    """The run was asked to stop while the step was under way; the next apply continues it."""

    step: Step
    id: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed; nothing else did."""


@dataclass(frozen=True, slots=True)
class ApplyCompleted:
    """Nothing is under way any more and the state is written."""

    serial: int
    requests: int
    seconds: float


Event = (
    RefreshStarted
    | RefreshCompleted
    | ApplyStarted
    | StepStarted
    | OperationStarted
    | StatusSeen
    | StepCompleted
    | StepFailed
    | StepInterrupted
    | Tick
    | ApplyCompleted
)

Listener = Callable[[Event], None]
