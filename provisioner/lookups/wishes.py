"""What each step of a plan asks of the service's offers, read off the operations that it lists. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.errors import Diagnostic
from provisioner.model.observation import GONE
from provisioner.model.offer import CUSTOM_FLAVOR
from provisioner.operations import Operation, OperationKind
from provisioner.plan import Plan, Step

_JUDGED = frozenset({"flavor", "image_id", "endpoints"})


@dataclass(frozen=True, slots=True)
class Growth:
    """A volume that grows to `capacity` GB while its notebook has `flavor`."""

    flavor: str
    capacity: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What one step asks for.

    asked    the fields that are sent
    will_be  all attributes as they are to be afterwards, those that are left to the service too
    """

    step: Step
    creates: bool
    asked: frozenset[str]
    will_be: Mapping[str, Any]
    growth: Growth | None = None

    @property
    def flavor(self) -> str:
        """The flavor that it is to have, "" for a custom one: that the pool alone can judge."""
        return _plain_flavor(self.will_be)

    @property
    def image_id(self) -> str:
        return str(self.will_be.get("image_id", ""))

    @property
    def pool_id(self) -> str:
        return str(self.will_be.get("pool_id", ""))

    @property
    def switches(self) -> bool:
        """Whether an instance in a dedicated pool gets another flavor: that pool has a word in it (API page 7.8)."""
        return not self.creates and bool(self.pool_id and self.flavor) and "flavor" in self.asked

    @property
    def alike(self) -> tuple[str, str, str]:
        """Instances of the same pool, present flavor and category of volume may change to the same flavors."""
        return self.pool_id, str(self.step.before.get("flavor", "")), str(self.volume.get("category", ""))

    @property
    def workspace_id(self) -> str:
        return str(self.will_be.get("workspace_id", "0"))

    @property
    def volume(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.will_be.get("volume", {})
        return found

    @property
    def has_ssh(self) -> bool:
        return any(endpoint["service"] == "SSH" for endpoint in self.will_be.get("endpoints", ()))

    def error(self, code: str, at: str, summary: str, detail: str = "", hint: str = "") -> Diagnostic:
        """A problem of the field `at`."""
        place = self.step.fields.get(at, self.step.source)
        return Diagnostic(code, summary, detail, hint, range=place, address=str(self.step.address))


def wishes(plan: Plan) -> list[Wish]:
    """One for each step that sends something which the offers decide about."""
    found = [_wish(step) for step in plan.pending]
    return [wish for wish in found if wish.asked or wish.growth]


@dataclass(frozen=True, slots=True)
class Room:
    """How many more instances there are for a while, counting `freed` ones as there still: a deletion makes room at
    once for what its own step creates after it, and sooner or later for the other steps.
    """

    needed: int = 0
    freed: int = 0


def room(plan: Plan) -> Room:
    needed = freed = 0
    for step in plan.pending:
        height = peak = 0
        for operation in step.operations:
            height += _height(operation)
            peak = max(peak, height)
        needed += peak
        freed += max(-height, 0)
    return Room(needed, freed)


def _height(operation: Operation) -> int:
    if operation.kind is OperationKind.CREATE:
        return 1
    gone = operation.kind is OperationKind.WAIT and operation.values.get("until") == GONE
    return -1 if gone or operation.kind is OperationKind.DELETE else 0


def _wish(step: Step) -> Wish:
    created = _values(step, OperationKind.CREATE)
    if created is not None:
        return Wish(step, creates=True, asked=frozenset(created), will_be=step.after)
    asked = _JUDGED & (_values(step, OperationKind.UPDATE) or {}).keys()
    return Wish(step, creates=False, asked=asked, will_be=_will_be(step), growth=_growth(step))


def _values(step: Step, kind: OperationKind) -> Mapping[str, Any] | None:
    return next((operation.values for operation in step.operations if operation.kind is kind), None)


def _will_be(step: Step) -> dict[str, Any]:
    """A flavor takes the place of a custom spec, and the other way round."""
    left = {"flavor", "custom_spec"} if {"flavor", "custom_spec"} & step.after.keys() else set()
    before = {name: value for name, value in step.before.items() if name not in left}
    volume = {**step.before.get("volume", {}), **step.after.get("volume", {})}
    return {**before, **step.after, "volume": volume}


def _growth(step: Step) -> Growth | None:
    """What the last of its growths leads to; a change of the flavor may come before or after."""
    flavor, found = _plain_flavor(step.before), None
    for operation in step.operations:
        if operation.kind is OperationKind.UPDATE and {"flavor", "custom_spec"} & operation.values.keys():
            flavor = _plain_flavor(operation.values)
        elif operation.kind is OperationKind.RESIZE:
            found = Growth(flavor, operation.values["capacity"])
    return found


def _plain_flavor(attributes: Mapping[str, Any]) -> str:
    flavor = str(attributes.get("flavor", ""))
    return "" if flavor == CUSTOM_FLAVOR or "custom_spec" in attributes else flavor
