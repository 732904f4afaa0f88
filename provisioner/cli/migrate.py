"""Copies states from one backend to another, and looks at both ends afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provisioner.cli.backends import open_backends, recorded_in, state_backends
from provisioner.cli.locking import locked
from provisioner.cli.settings_file import File
from provisioner.clock import SystemClock
from provisioner.errors import SpecError, StateError, UsageError
from provisioner.spec.check import validated
from provisioner.spec.load import in_order
from provisioner.spec.source import read_source
from provisioner.state.repair import check_pushable

if TYPE_CHECKING:
    from provisioner.cli.settings import Settings
    from provisioner.cli.settings_file import Backend
    from provisioner.state.backend import StateBackend

_OPERATION = "OperationTypeStateMigrate"


@dataclass(frozen=True, slots=True)
class Moved:
    """One stack; `known` when the target had this state before."""

    stack: str
    serial: int
    notebooks: int
    known: bool


def migrate(settings: Settings, source: str, stack: str | None) -> Iterator[Moved]:
    """Copy each recorded stack, or `stack` alone, from the backend that `source` spells to the one of the settings."""
    given = parse_backend(source)
    if given == settings.backend:
        raise UsageError(
            "the states are there already",
            detail="--from names the backend that provisioner.yaml names.",
            hint="write the new one into provisioner.yaml first, and give the old one with --from",
        )
    targets = state_backends(settings)
    with closing(open_backends(replace(settings, backend=given), os.environ)) as sources:
        names = [stack] if stack else recorded_in(sources, settings.environment)
        if not names:
            raise UsageError("nothing is recorded there", detail=source, hint="look at --from and --env")
        for name in names:
            yield _copied(sources.of(name), targets.of(name))


def parse_backend(text: str) -> Backend:
    """What would stand below `backend` in provisioner.yaml."""
    source = read_source("--from", f"backend: {text}".encode(), begin="backend: {type: local, path: state}")
    problems, file = source.problems, None
    if source.root:
        file, refusals = validated(File, source.root)
        problems += refusals
    if problems or file is None:
        raise SpecError(in_order(problems, ["--from"]))
    return file.backend


def _copied(source: StateBackend, target: StateBackend) -> Moved:
    clock = SystemClock()
    with ExitStack() as locks:
        for backend in (source, target):
            locks.enter_context(locked(backend, _OPERATION, clock))
        before, there = source.read(), target.read()
        if not before.stored_serial:
            raise UsageError(f"nothing is recorded of {source.stack} there", hint="look at --from and --stack")
        if before.has_journal:
            raise StateError(
                f"a run of {source.stack} ended abruptly, and left a journal",
                hint="run provisioner apply with the old backend first: it settles what is open",
            )
        known = there.stored_digest == before.stored_digest
        if not known:
            check_pushable(before.state, there)
            target.write(before.state, replacing=there)
        for backend in (source, target):
            if backend.read().stored_digest != before.stored_digest:
                raise StateError(
                    f"the two states of {source.stack} differ after the copy",
                    detail="Somebody writes to one of them, or a store lies.",
                    hint="go on with the old backend; end all other runs, then copy again",
                )
        return Moved(source.stack, before.stored_serial, len(before.state.resources), known)
