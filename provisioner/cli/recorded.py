"""Finds the recorded states that paths or a name mean. Offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from provisioner.cli.session import recorded_stacks, state_backend
from provisioner.cli.settings import load_settings
from provisioner.errors import UsageError
from provisioner.spec.load import load_stacks
from provisioner.state.document import State
from provisioner.state.local import LocalBackend


def recorded_states(paths: Sequence[Path]) -> Iterator[State]:
    """The state of each stack of the specs at `paths`; without paths all there are."""
    settings = load_settings(Path())
    names = [spec.stack for spec in load_stacks(tuple(paths), root=Path())] if paths else recorded_stacks(settings)
    for name in names:
        yield state_backend(settings, name).read().state


def backend_of(stack: str | None) -> LocalBackend:
    """The state of `stack`; without a name the only one there is. It may be damaged, or missing."""
    settings = load_settings(Path())
    if stack is not None:
        return state_backend(settings, stack)
    names = recorded_stacks(settings)
    if len(names) != 1:
        what = f"there are {len(names)} states: {', '.join(names)}" if names else "nothing is recorded"
        raise UsageError(what, hint="name the stack: --stack NAME")
    return state_backend(settings, names[0])
