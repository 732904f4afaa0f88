"""Repairs of a state by hand: what may be moved, forgotten, pushed and restored. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from provisioner.errors import StateError
from provisioner.state.backend import Generation, Snapshot
from provisioner.state.document import Record, State


def moved(state: State, source: str, target: str) -> State:
    """The record of `source` under the address `target`."""
    record = recorded_at(state, source)
    if target in state.resources or _is_pending(state, target):
        raise StateError(f"{target} is recorded already", hint="take another address")
    return state.with_records({source: None, target: record})


def without(state: State, addresses: Iterable[str]) -> State:
    wanted = list(addresses)
    for address in wanted:
        recorded_at(state, address)
    return state.with_records(dict.fromkeys(wanted))


def recorded_at(state: State, address: str) -> Record:
    if _is_pending(state, address):
        hint = "run provisioner apply first: it finds out"
        raise StateError(f"it is not known yet whether a create of {address} took effect", hint=hint)
    record = state.resources.get(address)
    if record is None:
        instance = next((each for each in sorted(state.resources) if each.startswith(f"{address}[")), "")
        hint = f"name one of its instances, such as {shlex.quote(instance)}" if instance else "provisioner state list"
        raise StateError(f"{address} is not recorded", hint=hint)
    return record


def _is_pending(state: State, address: str) -> bool:
    return any(pending.address == address for pending in state.pending)


def check_pushable(pushed: State, snapshot: Snapshot) -> None:
    """Refuse what would lose something: only a later generation of the same state, that knows every instance that the
    journal of a dead run knows.
    """
    stored = snapshot.state
    hint = "provisioner state push --force takes it nevertheless; what stands there now is kept in the history"
    if snapshot.stored_serial and pushed.lineage != stored.lineage:
        detail = f"Its lineage is {pushed.lineage}; the stored state has lineage {stored.lineage}."
        raise StateError("this is the state of something else", detail=detail, hint=hint)
    if pushed.serial <= snapshot.stored_serial:
        detail = f"It has serial {pushed.serial}; the stored state has serial {snapshot.stored_serial}."
        raise StateError("the stored state is newer", detail=detail, hint=hint)
    if snapshot.has_journal and (unknown := sorted(_unknown(pushed, stored))):
        raise StateError(
            "a run that died recorded what this state does not know",
            detail="\n".join(unknown),
            hint="run provisioner apply first, then pull the state again",
        )


def _unknown(pushed: State, stored: State) -> Iterator[str]:
    """Instances, and creates without an answer, that would be forgotten."""
    known = pushed.owners
    addresses = {*pushed.resources, *(pending.address for pending in pushed.pending)}
    for identifier, address in stored.owners.items():
        if identifier not in known:
            yield f"{address} {identifier}"
    for pending in stored.pending:
        if pending.address not in addresses:
            yield f"{pending.address}, a create without an answer"


def chosen(history: Sequence[Generation], serial: int, digest: str) -> Generation:
    """The one generation that is meant."""
    found = [each for each in history if each.serial == serial and each.digest.startswith(digest)]
    if not found:
        raise StateError(f"the history has no serial {serial}", hint="provisioner state history lists what it has")
    if len(found) > 1:
        names = ", ".join(each.digest for each in found)
        raise StateError(f"the history has several of serial {serial}: {names}", hint="say which: --digest DIGEST")
    return found[0]
