"""What a step is doing at a moment: creating, changing or destroying. A replacement does two of them, in the order of
its calls. Terraform's words for it, which lines and events share. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.events import OperationStarted
from provisioner.operations import OperationKind
from provisioner.plan import Action, Step

HEARTBEAT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Doing:
    """The action, the verb and the noun of Terraform's progress."""

    action: str
    verb: str
    noun: str


CREATION = Doing("create", "Creating", "Creation")
DESTRUCTION = Doing("delete", "Destroying", "Destruction")
_MODIFICATION = Doing("update", "Modifying", "Modifications")
_FIRST = {
    Action.CREATE: CREATION,
    Action.UPDATE: _MODIFICATION,
    Action.REPLACE: DESTRUCTION,  # its first half; the second begins with the create call
    Action.DELETE: DESTRUCTION,
    Action.FORGET: Doing("remove", "Forgetting", "Removal from the state"),
    Action.IMPORT: Doing("import", "Importing", "Import"),
    Action.MOVE: Doing("move", "Moving", "Move"),
}


def first_doing(step: Step) -> Doing:
    return CREATION if step.creates_first else _FIRST[step.action]


def following(doing: Doing, event: OperationStarted) -> Doing:
    """What the step does from this operation on."""
    if event.operation.kind is OperationKind.CREATE:
        return CREATION
    deletes = event.operation.kind is OperationKind.DELETE and event.operation.deposed == event.step.id
    return DESTRUCTION if deletes and doing is CREATION else doing


def ends_in_destruction(step: Step) -> bool:
    return step.action in {Action.DELETE, Action.FORGET} or step.creates_first
