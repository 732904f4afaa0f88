"""Where a command shows what it finds and does: text for people. Plans and states go to the standard output,
diagnostics and progress to the standard error stream.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from provisioner.cli.terminal import ascii_only, colored, width
from provisioner.clock import Clock
from provisioner.errors import Diagnostic
from provisioner.plan import Mode, Plan
from provisioner.views.diagnostics import diagnostics_text
from provisioner.views.drift import Checked, drift_screen
from provisioner.views.outcome import Outcome, apply_summary
from provisioner.views.progress import progress_for
from provisioner.views.text import plan_text

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from provisioner.events import Listener


class Screen(Protocol):
    """What a run shows, in the order in which it happens."""

    def diagnostics(self, diagnostics: Sequence[Diagnostic]) -> None: ...

    def plan(self, plan: Plan) -> None:
        """A plan that somebody is to judge."""

    def listening(self, clock: Clock) -> AbstractContextManager[Listener]:
        """Shows the progress of a refresh or an apply."""

    def outcome(self, outcome: Outcome, mode: Mode) -> None:
        """How an apply ended."""


class TextScreen:
    """A screen for people, and for tools that read what people read."""

    def diagnostics(self, diagnostics: Sequence[Diagnostic]) -> None:
        show_diagnostics(diagnostics)

    def plan(self, plan: Plan) -> None:
        _print(plan_text(plan, color=colored(sys.stdout), width=width(), ascii_only=ascii_only(sys.stdout)))

    @contextmanager
    def listening(self, clock: Clock) -> Iterator[Listener]:
        """Live on a terminal."""
        with progress_for(sys.stderr, os.environ, clock) as progress:
            yield progress

    def outcome(self, outcome: Outcome, mode: Mode) -> None:
        _print(apply_summary(outcome, mode, color=colored(sys.stdout), ascii_only=ascii_only(sys.stdout)))


def show_drift(checked: Checked, command: str) -> None:
    _print(drift_screen(checked, command, color=colored(sys.stdout), ascii_only=ascii_only(sys.stdout)))


def show_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    if diagnostics:
        click.echo(diagnostics_text(diagnostics, color=colored(sys.stderr)), err=True, color=True)


def _print(text: str) -> None:
    click.echo(text, nl=not text.endswith("\n"), color=True)  # whether it has colour was decided above
