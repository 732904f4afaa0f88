"""Finds the recorded states that paths or a name mean. Offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from provisioner.cli.backends import recorded_stacks, state_backend
from provisioner.cli.settings import load_settings
from provisioner.errors import UsageError
from provisioner.spec.load import outlines
from provisioner.spec.project import Project, state_name
from provisioner.state.backend import StateBackend
from provisioner.state.document import State


def recorded_states(paths: Sequence[Path], environment: str) -> Iterator[State]:
    """The state of each stack of the specs at `paths`; without paths all that the environment has."""
    settings = load_settings(Path(), environment)
    project = Project(environment=environment)
    if paths:
        names = [each.name for each in outlines(paths, root=Path(), project=project)]
    else:
        names = recorded_stacks(settings)
    for name in names:
        yield state_backend(settings, name).read().state


def backend_of(stack: str | None, environment: str = "") -> StateBackend:
    """The state of `stack`, which may name its environment as states do: `research.prod`. Without a name the only one
    that the environment has. The state may be damaged, or missing.
    """
    if stack is None:
        return _only(environment)
    name, _, named = stack.partition(".")
    if named and environment and named != environment:
        raise UsageError(
            f"{stack} is of the environment {named}, not of {environment}", hint=f"leave out --env {environment}"
        )
    environment = environment or named
    return state_backend(load_settings(Path(), environment), state_name(name, environment))


def _only(environment: str) -> StateBackend:
    settings = load_settings(Path(), environment)
    names = recorded_stacks(settings)
    if len(names) != 1:
        where = f" in the environment {environment}" if environment else ""
        what = f"there are {len(names)} states: {', '.join(names)}" if names else f"nothing is recorded{where}"
        raise UsageError(what, hint="name the stack: --stack NAME")
    return state_backend(settings, names[0])
