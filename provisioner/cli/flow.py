"""From paths to plans, and from plans to results: the order of things that plan, apply and destroy share."""

from __future__ import annotations

import getpass
import os
import platform
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner import __version__
from provisioner.cli.options import Request
from provisioner.cli.session import Session, check_same_cloud, state_backend
from provisioner.errors import Diagnostic, UsageError
from provisioner.model.address import Address
from provisioner.plan import Mode, Options, Plan, build_plan
from provisioner.refresh import recall, refresh
from provisioner.settle import settle
from provisioner.spec.load import load_stacks
from provisioner.state.backend import LockInfo, Snapshot
from provisioner.state.document import Pending
from provisioner.state.local import LocalBackend
from provisioner.views.progress import progress_for

if TYPE_CHECKING:
    from provisioner.events import Listener
    from provisioner.spec.document import Spec

DEFAULT_PATH = Path("specs")


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what it was made from."""

    plan: Plan
    snapshot: Snapshot
    backend: LocalBackend


def load_specs(request: Request) -> tuple[Spec, ...]:
    return load_stacks(request.paths or (DEFAULT_PATH,), root=Path())


def make_plan(spec: Spec, request: Request, session: Session, *, for_apply: bool = False) -> Planned:
    """Read the state and the service and decide. Sends nothing but reads."""
    backend = state_backend(session.settings, spec.stack)
    snapshot = backend.read()
    check_same_cloud(snapshot.state, session.cloud)
    notes: tuple[Diagnostic, ...] = ()
    if snapshot.state.pending:
        settled = settle(
            snapshot.state,
            session.provider,
            session.clock,
            window=session.settle_window,
            waiting=_say_searching if for_apply else None,
        )
        snapshot, notes = replace(snapshot, state=settled.state, has_journal=True), settled.notes
    mounting = {str(address) for address, each in spec.notebooks.items() if each.notebook.storages is not None}
    with listening(session) as listener:
        live = (
            refresh(
                snapshot.state,
                session.provider,
                mounting=mounting,
                workers=request.parallelism,
                clock=session.clock,
                listener=listener,
            )
            if request.refresh
            else recall(snapshot.state)
        )
    plan = build_plan(
        spec.notebooks,
        snapshot.state,
        live,
        serial=snapshot.stored_serial,
        now_ms=int(session.clock.now() * 1000),
        options=options_of(request),
    )
    return Planned(replace(plan, warnings=(*notes, *plan.warnings)), snapshot, backend)


def _say_searching(pending: Pending, seconds: float) -> None:
    click.echo(f"{pending.address}: Searching for a create that got no answer... [{seconds:.0f}s left]", err=True)


def options_of(request: Request) -> Options:
    mode = Mode.DESTROY if request.destroy else Mode.REFRESH_ONLY if request.refresh_only else Mode.NORMAL
    return Options(
        mode=mode,
        targets=frozenset(addresses(request.targets)),
        excludes=frozenset(addresses(request.excludes)),
        replacements=frozenset(addresses(request.replacements)),
    )


def addresses(texts: Iterable[str]) -> Iterator[Address]:
    for text in texts:
        address = Address.parse(text)
        if address is None:
            raise UsageError(f"{text!r} is not an address", hint="write notebook.KEY or KEY")
        yield address


@contextmanager
def listening(session: Session) -> Iterator[Listener]:
    """Progress on the standard error stream, live on a terminal."""
    with progress_for(sys.stderr, os.environ, session.clock) as progress:
        yield progress


def lock_info(operation: str, path: str) -> LockInfo:
    return LockInfo(
        id=str(uuid.uuid4()),
        operation=operation,
        who=f"{_user()}@{platform.node()}",
        version=__version__,
        created=datetime.now(UTC).isoformat(),
        info=f"process {os.getpid()}",
        path=path,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
