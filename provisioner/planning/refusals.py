"""Addresses at which nothing may be created, since what is there already may be or is what would be made. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provisioner.errors import Diagnostic, PlanError
from provisioner.model.address import Address
from provisioner.model.observation import Observation
from provisioner.operations import OperationKind
from provisioner.plan import Action, Step
from provisioner.planning.steps import blocked
from provisioner.planning.strays import stray_refusal
from provisioner.spec.document import Declaration


@dataclass(frozen=True, slots=True)
class Refusal:
    """A stable code, and why."""

    code: str
    error: PlanError


def refusals_of(
    steps: Iterable[Step], strays: Sequence[Observation], unsettled: Mapping[str, PlanError]
) -> dict[Address, Refusal]:
    """By address why no second instance may be made there. One that is replaced has its own instance still, so a stray
    of it says nothing.
    """
    found: dict[Address, Refusal] = {}
    for step in steps:
        error = stray_refusal(step.address, strays) if step.action is Action.CREATE else None
        if error is not None:
            found[step.address] = Refusal("E512", error)
    for text, error in unsettled.items():
        if (address := Address.parse(text)) is not None:
            found[address] = Refusal("E511", error)
    return found


def refused(step: Step, refusals: Mapping[Address, Refusal]) -> Step:
    """`step`, or nothing at all in its place when it would create what is refused."""
    creates = any(operation.kind is OperationKind.CREATE for operation in step.operations)
    if not creates or step.address not in refusals:
        return step
    return blocked(step, refusals[step.address].error.summary)


def refusal_diagnostics(
    refusals: Mapping[Address, Refusal], declared: Mapping[Address, Declaration]
) -> Iterator[Diagnostic]:
    for address, refusal in sorted(refusals.items()):
        declaration, error = declared.get(address), refusal.error
        yield Diagnostic(
            code=refusal.code,
            summary=error.summary,
            detail=error.detail,
            hint=error.hint,
            range=declaration.source if declaration else None,
            address=str(address),
        )
