"""Wiring: settings, credentials, the client, the clock and the state backend, put together for one command."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.main import Run
from provisioner.cli.options import Request
from provisioner.cli.screens import Screen, TextScreen
from provisioner.cli.settings import Settings, load_settings
from provisioner.clock import SystemClock
from provisioner.errors import UsageError
from provisioner.model.marker import Marking
from provisioner.state.document import Cloud, State

if TYPE_CHECKING:
    from provisioner.provider.modelarts import ModelArtsNotebooks
    from provisioner.provider.offers import ModelArtsOffers


@dataclass(frozen=True, slots=True)
class Session:
    """What a command that talks to the service holds."""

    settings: Settings
    provider: ModelArtsNotebooks
    offers: ModelArtsOffers
    cloud: Cloud
    clock: SystemClock
    poll_interval: float | None
    settle_window: float
    screen: Screen

    def marking(self, stack: str) -> Marking:
        return Marking.of(stack, self.cloud.project_id, self.cloud.region, self.settings.cloud.marker_place)


@contextmanager
def open_session(request: Request) -> Iterator[Session]:
    """A session with the cloud of the environment that is asked for, or with a simulator of our own."""
    from provisioner.cli.embedded import embedded_sandbox
    from provisioner.cli.identity import identify
    from provisioner.provider.iam import connect
    from provisioner.provider.modelarts import ModelArtsNotebooks
    from provisioner.provider.offers import ModelArtsOffers

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a pipeline's Ctrl-C
    settings = load_settings(Path(), request.environment)
    clock = SystemClock(threading.Event())
    screen = _screen(request, clock)
    with ExitStack() as stack:
        environ: Mapping[str, str] = stack.enter_context(embedded_sandbox()) if request.sandbox else os.environ
        identity = identify(environ, Settings() if request.sandbox else settings)
        found, scope = identity.search.result(), identity.scope
        screen.diagnostics(found.warnings)
        client, project_id = stack.enter_context(connect(found.credentials, scope, clock))
        yield Session(
            settings,
            ModelArtsNotebooks(client, project_id),
            ModelArtsOffers(client, project_id),
            Cloud(region=scope.region, project_id=project_id),
            clock,
            _seconds("PROVISIONER_POLL_INTERVAL", settings.cloud.poll_seconds),
            _seconds("PROVISIONER_SETTLE_WINDOW", None) or settings.cloud.settle_window / 1000,
            screen,
        )


def _screen(request: Request, clock: SystemClock) -> Screen:
    """With --json the one that began to speak when the command line was read."""
    events = click.get_current_context().ensure_object(Run).screen if request.as_json else None
    return events or TextScreen(clock, request.compact_warnings)


def check_same_cloud(state: State, cloud: Cloud) -> None:
    """Refuse to compare instances of one project with those of another: all of them would look deleted."""
    if state.cloud is None or state.cloud == cloud or not state.resources:
        return
    raise UsageError(
        f"the state {state.stack} was recorded elsewhere",
        detail=(
            f"It was recorded in project {state.cloud.project_id} of region {state.cloud.region}; "
            f"this run is for project {cloud.project_id} of region {cloud.region}."
        ),
        hint="use the credentials and the region of the recorded project, or another state directory",
    )


def _seconds(name: str, otherwise: float | None) -> float | None:
    """A duration from the environment; `auto` is None."""
    from provisioner.model.fields import duration_ms

    text = os.environ.get(name, "")
    if not text:
        return otherwise
    milliseconds = duration_ms(text)
    if milliseconds is None and text != "auto":
        raise UsageError(f"{name} is {text!r}, which is no duration", hint="write 2s, 500ms or 1m30s")
    return milliseconds / 1000 if milliseconds is not None else None
