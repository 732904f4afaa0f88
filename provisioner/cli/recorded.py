"""Finds the recorded states that paths name. Offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from provisioner.cli.session import recorded_stacks, state_backend
from provisioner.cli.settings import load_settings
from provisioner.spec.load import load_stacks
from provisioner.state.document import State


def recorded_states(paths: Sequence[Path]) -> Iterator[State]:
    """The state of each stack of the specs at `paths`; without paths all there are."""
    settings = load_settings(Path())
    names = [spec.stack for spec in load_stacks(tuple(paths), root=Path())] if paths else recorded_stacks(settings)
    for name in names:
        yield state_backend(settings, name).read().state
