"""The guard against endless bills: what runs without auto stop was asked for, or is refused or told. Pure.

A lease that is switched off stays so at a start, since the start carries it (API page 21, trap 3). One that was never
declared may have been switched off in the console, by somebody who thought of one afternoon.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioner.errors import Diagnostic
from provisioner.leases import NEVER
from provisioner.operations import OperationKind
from provisioner.plan import Action, Step

_MEND = "declare one: `lease: {duration: 8h}`; or `lease: never` if it is to run on"


def endless_starts(steps: Sequence[Step]) -> Iterator[Diagnostic]:
    """Refusals of steps that start what nothing will stop."""
    for step in steps:
        starts = (operation for operation in step.operations if operation.kind is OperationKind.START)
        if step.after.get("lease") != NEVER and any(start.values.get("lease") == NEVER for start in starts):
            yield Diagnostic(
                code="E514",
                summary=f"{step.address} would run without end: its auto stop is off",
                detail="It is started, its lease is switched off in the service, and its spec declares none.",
                hint=_MEND,
                range=step.source,
                address=str(step.address),
            )


def endless_runs(steps: Sequence[Step]) -> Iterator[Diagnostic]:
    """Warnings of what runs on already, and goes on doing so."""
    for step in steps:
        runs = step.before.get("desired_status") == "RUNNING" and step.before.get("lease") == NEVER
        stays = step.action not in {Action.DELETE, Action.REPLACE, Action.FORGET}
        power = {operation.kind for operation in step.operations} & {OperationKind.START, OperationKind.STOP}
        if runs and stays and not power and step.after and "lease" not in step.after:
            yield Diagnostic(
                code="W505",
                severity="warning",
                summary=f"{step.address} runs without end: its auto stop is off",
                detail="Its lease is switched off in the service, and its spec declares none.",
                hint=_MEND,
                range=step.source,
                address=str(step.address),
            )
