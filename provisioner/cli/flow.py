"""From paths to plans, and from plans to results: the order of things that plan, apply and destroy share."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import Request
from provisioner.cli.session import Session, check_same_cloud, state_backend
from provisioner.errors import UsageError
from provisioner.guards import check_missing, check_names
from provisioner.model.address import Address
from provisioner.plan import Mode, Options, Plan
from provisioner.planning import build_plan
from provisioner.refresh import Refreshed, recall, refresh, sweep
from provisioner.settle import Settled, settle
from provisioner.spec.load import load_stacks
from provisioner.state.backend import Snapshot
from provisioner.state.document import Pending, State
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
    settled = Settled(snapshot.state)
    if snapshot.state.pending:
        settled = settle(
            snapshot.state,
            session.provider,
            session.clock,
            window=session.settle_window,
            waiting=_say_searching if for_apply else None,
        )
        snapshot = replace(snapshot, state=settled.state, has_journal=True)
    mounting = {str(address) for address, each in spec.notebooks.items() if each.notebook.storages is not None}
    workspaces = {str(each.notebook.workspace_id or "0") for each in spec.notebooks.values()}
    marking = session.marking(spec.stack)
    with listening(session) as listener:
        seen = (
            refresh(
                snapshot.state,
                session.provider,
                mounting=mounting,
                workers=request.parallelism,
                clock=session.clock,
                listener=listener,
                marking=marking,
                workspaces=workspaces,
            )
            if request.refresh
            else _recalled(spec, snapshot.state, session, workspaces, request.parallelism)
        )
    check_missing(snapshot.state, seen.live, accepted=request.accept_missing)
    plan = build_plan(
        spec.notebooks,
        snapshot.state,
        seen.live,
        serial=snapshot.stored_serial,
        now_ms=int(session.clock.now() * 1000),
        options=options_of(request),
        strays=seen.strays,
        unsettled=settled.refused,
    )
    check_names(plan, marking)
    return Planned(replace(plan, warnings=(*settled.notes, *plan.warnings)), snapshot, backend)


def _recalled(spec: Spec, state: State, session: Session, workspaces: Collection[str], workers: int) -> Refreshed:
    """What the state remembers. What it may have forgotten is looked for: nothing is ever created twice."""
    live = recall(state)
    if all(str(address) in live for address in spec.notebooks):
        return Refreshed(live)
    marking = session.marking(spec.stack)
    return Refreshed(live, sweep(state, session.provider, marking=marking, workspaces=workspaces, workers=workers))


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
