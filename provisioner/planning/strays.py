"""Instances that carry our mark and are in no record: what is said of them, and where nothing may be created. Pure.

They are left by a create whose answer came too late, by a state that was lost or put back, or by a copy of a marked
text. None is ever deleted or adopted silently.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from provisioner.errors import Diagnostic, PlanError
from provisioner.model.address import Address
from provisioner.model.marker import is_of
from provisioner.model.observation import Observation
from provisioner.plan import as_argument


def stray_refusal(address: Address, strays: Sequence[Observation]) -> PlanError | None:
    """Why nothing may be created at `address`: what was made for it is there already."""
    made_for_it = [stray for stray in strays if is_of(stray.marker, str(address))]
    if not made_for_it:
        return None
    several = len(made_for_it) > 1
    exist = f"{len(made_for_it)} instances made for it exist" if several else "an instance made for it exists"
    return PlanError(
        f"{address} is not recorded, and {exist}",
        detail="\n".join(map(_line, made_for_it)),
        hint=f"keep it: {_adoption(address, made_for_it[0])}; or be rid of it: {_removal(made_for_it[0])}",
    )


def stray_warnings(
    strays: Sequence[Observation], known: Collection[Address], refused: Collection[Address]
) -> Iterator[Diagnostic]:
    """One for each stray that no refusal tells of."""
    for stray in strays:
        owner = next((address for address in sorted(known) if is_of(stray.marker, str(address))), None)
        if owner in refused:
            continue
        made_for = f"It was made for {owner}." if owner else "It was made for an address that is not declared any more."
        # What `removed` forgot is somebody else's now, and keeps its mark: nothing here may sound like a chore.
        keep = f"keep it: {_adoption(owner, stray)}; or " if owner else "if it was given away, leave it; else "
        yield Diagnostic(
            code="W503",
            severity="warning",
            summary=f"an instance with the mark of this stack is not recorded: {stray.id}",
            detail=f"{_line(stray)}\n{made_for}",
            hint=f"{keep}be rid of it: {_removal(stray)}",
        )


def _line(stray: Observation) -> str:
    return f"{stray.id}  {stray.name}  {stray.status}"


def _adoption(address: Address, stray: Observation) -> str:
    return f"provisioner import {as_argument(address)} {stray.id}"


def _removal(stray: Observation) -> str:
    key = f"stray-{stray.id[:8]}"
    return f"provisioner import {key} {stray.id} && provisioner destroy --target {key}"
