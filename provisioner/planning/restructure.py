"""The state as the `imports`, `moved` and `removed` of a spec want it, before anything is compared. Pure.

Only records change here, no instance: what is moved, taken over or forgotten is written before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from provisioner.errors import PlanError
from provisioner.model.address import Address
from provisioner.spec.document import Import, Move, Spec
from provisioner.state.document import Record, State


@dataclass(frozen=True, slots=True)
class Restructured:
    """The state to plan with, and how it differs from what is stored.

    moved      new address to the one under which it is recorded
    imported   addresses that are recorded provisionally, with an id and nothing else, until the service was asked
    forgotten  records that are left out
    released   addresses of which an instance may exist that is nobody's business here any more
    passed     imports to addresses at which another instance is recorded by now
    """

    state: State
    moved: Mapping[Address, Address] = field(default_factory=dict)
    imported: frozenset[Address] = frozenset()
    forgotten: Mapping[Address, Record] = field(default_factory=dict)
    released: frozenset[Address] = frozenset()
    passed: tuple[Import, ...] = ()


def restructured(state: State, spec: Spec, *, importing: bool = True) -> Restructured:
    """Apply what `spec` says of records to `state`. Who destroys everything has no use for `importing`."""
    recorded = {_parsed(text): record for text, record in state.resources.items()}
    pending = {_parsed(each.address) for each in state.pending}
    moved = _moves(recorded, pending, spec.moved)
    recorded = {_at(address, moved): record for address, record in recorded.items()}
    released = frozenset(removal.origin for removal in spec.removed if not removal.destroy)
    forgotten = {
        address: record for address, record in recorded.items() if any(_covers(origin, address) for origin in released)
    }
    _check_whole(forgotten)
    recorded = {address: record for address, record in recorded.items() if address not in forgotten}
    imports = spec.imports if importing else ()
    taken = {each.to: _provisional(each, spec) for each in imports if _is_new(each, recorded, pending)}
    resources = {str(address): record for address, record in sorted({**recorded, **taken}.items())}
    return Restructured(
        state.model_copy(update={"resources": resources}),
        {new: old for old, new in moved.items()},
        frozenset(taken),
        forgotten,
        released,
        tuple(each for each in imports if each.to in recorded and recorded[each.to].id != each.id),
    )


def _parsed(text: str) -> Address:
    address = Address.parse(text)
    if address is None:
        raise PlanError(f"the state holds an address that is none: {text}")
    return address


def _at(address: Address, moved: Mapping[Address, Address]) -> Address:
    return moved.get(address, address)


def _covers(origin: Address, address: Address) -> bool:
    """Whether `origin` means `address`: a bare KEY means all its instances too."""
    return origin == address or (not origin.each and origin.key == address.key)


def _moves(
    recorded: Mapping[Address, Record], pending: set[Address], moves: tuple[Move, ...]
) -> dict[Address, Address]:
    """Recorded address to the one that means it now."""
    targets = {address: _destination(address, moves) for address in {*recorded, *pending}}
    moved = {old: new for old, new in sorted(targets.items()) if old != new and old in recorded}
    for unknown in sorted(pending):
        if targets[unknown] != unknown or unknown in moved.values():
            raise PlanError(
                f"{unknown} cannot be moved yet: it is not known whether a create of it took effect",
                hint="take the `moved` away and run provisioner apply: it finds out",
            )
    owners: dict[Address, Address] = {}
    for old in sorted(recorded):
        new = _at(old, moved)
        if (other := owners.setdefault(new, old)) != old:
            raise _collision(other, old, new, recorded)
    return moved


def _collision(one: Address, other: Address, new: Address, recorded: Mapping[Address, Record]) -> PlanError:
    if new in {one, other}:
        summary = f"{other if one == new else one} cannot move to {new}: both are recorded"
    else:
        summary = f"{one} and {other} cannot both move to {new}"
    return PlanError(
        summary,
        detail=f"{one} has the id {recorded[one].id}, {other} has the id {recorded[other].id}.",
        hint="take the `moved` away, or give one of them another address: provisioner state mv",
    )


def _destination(address: Address, moves: tuple[Move, ...]) -> Address:
    """Where a chain of moves ends."""
    seen = {address}
    while (following := _followed(address, moves)) not in seen:
        address = following
        seen.add(address)
    return address


def _followed(address: Address, moves: tuple[Move, ...]) -> Address:
    """One move on; one of exactly this instance goes before one of its whole KEY."""
    exact = (move.to for move in moves if move.origin == address and (address.each or move.to.each))
    whole = (
        Address(move.to.key, address.each) for move in moves if move.origin == Address(address.key) and not move.to.each
    )
    return next(chain(exact, whole), address)


def _check_whole(forgotten: Mapping[Address, Record]) -> None:
    for address, record in forgotten.items():
        if record.deposed:
            raise PlanError(
                f"{address} cannot be forgotten yet: an instance that it took the place of is still to be deleted",
                detail="\n".join(each.id for each in record.deposed),
                hint="take the `removed` away and run provisioner apply: it deletes it",
            )


def _is_new(wanted: Import, recorded: Mapping[Address, Record], pending: set[Address]) -> bool:
    """Whether an import is still to be done; refuses one that contradicts what is recorded. Where something is recorded
    there is nothing to do: what was imported may have been replaced since.
    """
    if wanted.to in recorded:
        return False
    if owner := next(_owners(wanted.id, recorded), None):
        raise PlanError(
            f"{wanted.id} cannot be imported as {wanted.to}: it is recorded as {owner}",
            hint=f"take the import at {wanted.source} away; `moved` gives what is recorded another address",
        )
    if wanted.to in pending:
        key = str(wanted.to).removeprefix("notebook.")
        raise PlanError(
            f"{wanted.id} cannot be imported as {wanted.to}: it is not known yet whether a create of it took effect",
            hint=f"provisioner import {key} {wanted.id} settles it; or take the import away and run provisioner apply",
        )
    return True


def _owners(identifier: str, recorded: Mapping[Address, Record]) -> Iterator[Address]:
    for address, record in recorded.items():
        if identifier in {record.id, *(each.id for each in record.deposed)}:
            yield address


def _provisional(wanted: Import, spec: Spec) -> Record:
    """What is known of an instance before the service was asked: where it is to be looked for."""
    declaration = spec.notebooks.get(wanted.to)
    workspace = declaration.notebook.workspace_id if declaration else None
    return Record(id=wanted.id, status="", observed={"workspace_id": workspace} if workspace else {})
