"""Which recorded notebooks the addresses on a command line mean. Offline."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from provisioner.errors import UsageError
from provisioner.model.address import Address
from provisioner.state.document import State
from provisioner.views.values import count


def by_stack(asked: Iterable[Address], states: Sequence[State]) -> dict[str, tuple[Address, ...]]:
    """For each stack the recorded addresses that `asked` means: a bare KEY means all its instances.

    UsageError when one is not recorded, or in more than one stack.
    """
    found: dict[str, dict[Address, None]] = {}
    for address in asked:
        state = _holder(address, states)
        found.setdefault(state.stack, {}).update(dict.fromkeys(_instances(address, state)))
    return {stack: tuple(addresses) for stack, addresses in found.items()}


def recorded(state: State) -> list[Address]:
    return [address for address in map(Address.parse, sorted(state.resources)) if address is not None]


def _instances(asked: Address, state: State) -> list[Address]:
    return [each for each in recorded(state) if each == asked or (each.key == asked.key and not asked.each)]


def _holder(address: Address, states: Sequence[State]) -> State:
    holders = [state for state in states if _instances(address, state)]
    if len(holders) > 1:
        names = ", ".join(state.stack for state in holders)
        raise UsageError(
            f"{address} is recorded in {count(len(holders), 'stack')}: {names}",
            hint="name the specs of the one you mean: --specs PATH",
        )
    if not holders:
        raise _not_recorded(address, states)
    return holders[0]


def _not_recorded(address: Address, states: Sequence[State]) -> UsageError:
    from difflib import get_close_matches

    summary = f"{address} is not recorded"
    if any(str(address) == pending.address for state in states for pending in state.pending):
        detail = "A create of it was sent, and nobody saw the answer."
        return UsageError(summary, detail=detail, hint="run provisioner apply: it finds out what became of it")
    known = {_bare(each): None for state in states for each in recorded(state)}
    near = get_close_matches(_bare(address), known, n=3)
    hint = f"is it {' or '.join(map(shlex.quote, near))}?" if near else "provisioner state list shows what is"
    return UsageError(summary, hint=hint)


def _bare(address: Address) -> str:
    """Without what all addresses begin with, which makes any two of them look alike."""
    return str(address).removeprefix("notebook.")
