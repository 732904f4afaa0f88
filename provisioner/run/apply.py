"""Carries out a plan: all pending steps side by side, the state written at the end. `step_run` carries out one step.

Nothing is decided here. What did not get done is left for the next plan to see.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.clock import Clock
from provisioner.errors import StateError, StateNotSaved
from provisioner.events import (
    ApplyCompleted,
    ApplyStarted,
    Listener,
    StepCompleted,
    StepStarted,
    Tick,
)
from provisioner.executor import Poller, run
from provisioner.model.marker import UNMARKED, Marking
from provisioner.plan import Plan, Step
from provisioner.provider.base import NotebookProvider
from provisioner.run.desk import Desk, Ids, Ledger
from provisioner.run.settle import SETTLE_WINDOW
from provisioner.run.step_run import StepRun
from provisioner.run.watch import Watch
from provisioner.state.backend import Snapshot, StateBackend
from provisioner.state.document import Cloud, State


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run, not what."""

    cloud: Cloud
    workers: int
    poll_interval: float | None = None
    marking: Marking = UNMARKED
    settle_window: float = SETTLE_WINDOW


def apply_plan(
    plan: Plan,
    snapshot: Snapshot,
    *,
    backend: StateBackend,
    provider: NotebookProvider,
    settings: Settings,
    clock: Clock,
    stop: threading.Event,
    listener: Listener,
) -> None:
    """Run the pending steps of `plan` and record what they did; the events say how each ended. The caller holds the
    lock.
    """
    began, before = clock.monotonic(), provider.requests
    listener = _one_at_a_time(listener)
    stopped = stop.is_set()
    ledger = Ledger({} if stopped else {**plan.refreshed, **plan.rebased})
    if plan.rebased or snapshot.has_journal:
        snapshot = _write_first(snapshot, ledger, backend, settings.cloud)
    listener(ApplyStarted(plan.pending))
    if not stopped:
        _tell_recorded(plan, listener)
    steps = [step for step in plan.pending if step.operations]
    stored = snapshot
    try:
        if steps:
            base = snapshot.state.model_copy(update={"cloud": settings.cloud})
            journal = backend.journal(base, calls=sum(len(step.operations) for step in steps))
            try:
                desk = Desk(
                    provider,
                    journal,
                    ledger,
                    Ids(snapshot.state.owners),
                    settings.marking,
                    settings.settle_window,
                    clock,
                    stop,
                    listener,
                    plan.secrets,
                )
                _run_steps(steps, desk, settings)
            finally:
                stored = journal.close() or snapshot
    finally:
        serial = _fold(snapshot.state, ledger, stored, backend, settings.cloud)
    listener(ApplyCompleted(serial, provider.requests - before, clock.monotonic() - began))


def _write_first(snapshot: Snapshot, ledger: Ledger, backend: StateBackend, cloud: Cloud) -> Snapshot:
    """Write what has to stand in the state before the new journal is opened: what a run that died left, since its
    journal gives way to the new one; and records that move, so that no crash finds one id under two addresses.
    """
    state = snapshot.state.with_records(ledger.records)
    if state.resources == snapshot.state.resources and not snapshot.has_journal:
        return snapshot
    return _write(state, snapshot, backend, cloud)


def _tell_recorded(plan: Plan, listener: Listener) -> None:
    """Steps of which nothing is left to do once the records are written."""
    for step in plan.pending:
        if not step.operations:
            listener(StepStarted(step))
            listener(StepCompleted(step, step.id, 0.0))


def _run_steps(steps: Sequence[Step], desk: Desk, settings: Settings) -> None:
    watch = Watch(desk.provider, desk.clock, settings.poll_interval)
    poller = Poller(look=watch.look, interval=watch.interval, idle=lambda: desk.listener(Tick()))
    tasks = [StepRun(step, desk).walk() for step in steps]
    run(tasks, poller, workers=settings.workers, clock=desk.clock, stop=desk.stop)


def _fold(base: State, ledger: Ledger, stored: Snapshot, backend: StateBackend, cloud: Cloud) -> int:
    """Write what has become of `base`, if anything in it is new to what is stored; a run that changed nothing leaves
    every byte.
    """
    state = base.with_records(ledger.records)
    state = state.with_pending((*state.pending, *ledger.pending))
    if state.resources == stored.state.resources and state.pending == stored.state.pending:
        backend.forget_journal()
        return stored.stored_serial
    return _write(state, stored, backend, cloud).stored_serial


def _write(state: State, replacing: Snapshot, backend: StateBackend, cloud: Cloud) -> Snapshot:
    written = state.model_copy(update={"serial": replacing.stored_serial}).next(cloud)
    try:
        return backend.write(written, replacing=replacing)
    except StateError as error:
        raise StateNotSaved(error, backend.encode(written)) from error


def _one_at_a_time(listener: Listener) -> Listener:
    lock = threading.Lock()

    def tell(event: Any) -> None:
        with lock:
            listener(event)

    return tell
