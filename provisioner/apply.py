"""Carries out a plan: all pending steps side by side, the state written at the end. `step_run` carries out one step.

Nothing is decided here. What did not get done is left for the next plan to see.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from provisioner.clock import Clock
from provisioner.desk import Desk, Ids, Ledger
from provisioner.errors import StateError, StateNotSaved
from provisioner.events import ApplyCompleted, ApplyStarted, Listener, Tick
from provisioner.executor import Poller, run
from provisioner.model.marker import UNMARKED, Marking
from provisioner.plan import Plan
from provisioner.provider.base import NotebookProvider
from provisioner.settle import SETTLE_WINDOW
from provisioner.state.backend import Snapshot, StateBackend
from provisioner.state.document import Cloud, State
from provisioner.step_run import StepRun
from provisioner.watch import Watch


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
    if snapshot.has_journal:
        # What a run that died left goes into the state before a new journal takes the old one's place.
        snapshot = _write(snapshot.state, snapshot, backend, settings.cloud)
    ledger = Ledger(dict(plan.refreshed))
    listener(ApplyStarted(plan.pending))
    try:
        if plan.pending:
            calls = sum(len(step.operations) for step in plan.pending)
            journal = backend.journal(snapshot.state, calls=calls)
            try:
                ids = Ids({record.id: address for address, record in snapshot.state.resources.items()})
                window = settings.settle_window
                desk = Desk(provider, journal, ledger, ids, settings.marking, window, clock, stop, listener)
                _run_steps(plan, desk, settings)
            finally:
                journal.close()
    finally:
        serial = _fold(snapshot, ledger, backend, settings.cloud)
    listener(ApplyCompleted(serial, provider.requests - before, clock.monotonic() - began))


def _run_steps(plan: Plan, desk: Desk, settings: Settings) -> None:
    watch = Watch(desk.provider, desk.clock, settings.poll_interval)
    poller = Poller(look=watch.look, interval=watch.interval, idle=lambda: desk.listener(Tick()))
    tasks = [StepRun(step, desk).walk() for step in plan.pending]
    run(tasks, poller, workers=settings.workers, clock=desk.clock, stop=desk.stop)


def _fold(snapshot: Snapshot, ledger: Ledger, backend: StateBackend, cloud: Cloud) -> int:
    """Write the state if anything in it is new; a run that changed nothing leaves every byte."""
    state = snapshot.state.with_records(ledger.records)
    state = state.with_pending((*state.pending, *ledger.pending))
    if state.resources == snapshot.state.resources and state.pending == snapshot.state.pending:
        backend.forget_journal()
        return snapshot.stored_serial
    return _write(state, snapshot, backend, cloud).stored_serial


def _write(state: State, snapshot: Snapshot, backend: StateBackend, cloud: Cloud) -> Snapshot:
    written = state.model_copy(update={"serial": snapshot.stored_serial}).next(cloud)
    try:
        return backend.write(written, replacing=snapshot)
    except StateError as error:
        raise StateNotSaved(error, written.dumps()) from error


def _one_at_a_time(listener: Listener) -> Listener:
    lock = threading.Lock()

    def tell(event: Any) -> None:
        with lock:
            listener(event)

    return tell
