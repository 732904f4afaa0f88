"""Where a command shows what it finds and does: text for people. Plans and states go to the standard output,
diagnostics and progress to the standard error stream.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

import click

from provisioner.cli.ci import Pipeline, annotate, pipeline
from provisioner.cli.interrupt import say_at_once
from provisioner.cli.terminal import ascii_only, colored, may_advise, width
from provisioner.clock import Clock
from provisioner.errors import Diagnostic
from provisioner.plan import Mode, Plan
from provisioner.views.clean import one_line
from provisioner.views.diagnostics import compact_text, diagnostics_text
from provisioner.views.drift import Checked, drift_screen
from provisioner.views.outcome import Outcome, apply_summary
from provisioner.views.paint import Paint
from provisioner.views.progress import progress_for
from provisioner.views.runner_log import folded, section_end, section_start
from provisioner.views.text import plan_text, summary_line

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from provisioner.events import Listener


class Screen(Protocol):
    """What a run shows, in the order in which it happens."""

    def diagnostics(self, diagnostics: Sequence[Diagnostic]) -> None: ...

    def plan(self, plan: Plan) -> None:
        """A plan that somebody is to judge."""

    def say(self, text: str) -> None:
        """What is to be said besides."""

    def approved(self, plan: Plan) -> None:
        """A saved plan that is about to be carried out."""

    def saved(self, path: str, digest: str, text: str) -> None:
        """Where the plan was saved; `text` is that for people."""

    def note(self, text: str) -> None:
        """A remark on the run: for whom it waits, what it looks for."""

    def interrupted(self, text: str) -> None:
        """What a signal does. Comes out of its handler, so it must wait for nobody."""

    def listening(self, clock: Clock) -> AbstractContextManager[Listener]:
        """Shows the progress of a refresh or an apply."""

    def outcome(self, outcome: Outcome, mode: Mode) -> None:
        """How an apply ended."""


@dataclass(frozen=True, slots=True)
class TextScreen:
    """A screen for people, and for tools that read what people read."""

    clock: Clock
    compact_warnings: bool = False

    def diagnostics(self, diagnostics: Sequence[Diagnostic]) -> None:
        show_diagnostics(diagnostics, compact_warnings=self.compact_warnings)

    def plan(self, plan: Plan) -> None:
        color, ascii_ = colored(sys.stdout), ascii_only(sys.stdout)
        text = plan_text(plan, color=color, width=width(), ascii_only=ascii_)
        if _folds(sys.stdout):
            summary = Paint(color)("bold", summary_line(plan))
            title = f"Plan of stack {one_line(plan.stack)}"
            text = folded(text, summary, title=title, seconds=self.clock.now())
        _print(text)

    def say(self, text: str) -> None:
        _print(text)

    def approved(self, plan: Plan) -> None:
        self.plan(plan)

    def saved(self, path: str, digest: str, text: str) -> None:  # noqa: ARG002 - the text says both
        _print(text)

    def note(self, text: str) -> None:
        click.echo(text, err=True)

    def interrupted(self, text: str) -> None:
        say_at_once(text)

    @contextmanager
    def listening(self, clock: Clock) -> Iterator[Listener]:
        """Live on a terminal; a section of its own in a GitLab log, open: it is looked at while it grows."""
        name, folds = "provisioner_progress", _folds(sys.stderr)
        if folds:
            click.echo(section_start(name, "Progress", clock.now(), collapsed=False), err=True, nl=False, color=True)
        try:
            with progress_for(sys.stderr, os.environ, clock) as progress:
                yield progress
        finally:
            if folds:
                click.echo(section_end(name, clock.now()), err=True, nl=False, color=True)

    def outcome(self, outcome: Outcome, mode: Mode) -> None:
        _print(apply_summary(outcome, mode, color=colored(sys.stdout), ascii_only=ascii_only(sys.stdout)))


def show_drift(checked: Checked, command: str) -> None:
    _print(drift_screen(checked, command, color=colored(sys.stdout), ascii_only=ascii_only(sys.stdout)))


def show_diagnostics(diagnostics: Sequence[Diagnostic], *, compact_warnings: bool = False) -> None:
    if not diagnostics:
        return
    compact = compact_warnings and all(each.severity == "warning" for each in diagnostics)
    text = (compact_text if compact else diagnostics_text)(diagnostics, color=colored(sys.stderr))
    click.echo(text, err=True, color=True)
    annotate(diagnostics)


def advise(text: str) -> None:
    """What may come next, for a person at a terminal."""
    if may_advise(sys.stderr):
        click.echo(f"\nNote: {text}", err=True)


def _folds(stream: TextIO) -> bool:
    """Whether what is written ends in the log of a GitLab job; a file that somebody keeps is no log."""
    if pipeline(os.environ) is not Pipeline.GITLAB:
        return False
    try:
        return not stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:  # it has no file, as under a test of click's
        return False


def _print(text: str) -> None:
    click.echo(text, nl=not text.endswith("\n"), color=True)  # whether it has colour was decided above
