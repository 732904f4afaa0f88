"""Prints what views make: plans and states to the standard output, diagnostics to the standard error stream."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from provisioner.cli.terminal import ascii_only, colored, width
from provisioner.errors import Diagnostic
from provisioner.plan import Mode, Plan
from provisioner.views.diagnostics import diagnostics_text
from provisioner.views.drift import Checked, drift_screen
from provisioner.views.outcome import Outcome, apply_summary
from provisioner.views.text import plan_text


def show_plan(plan: Plan) -> None:
    _print(plan_text(plan, color=colored(sys.stdout), width=width(), ascii_only=ascii_only(sys.stdout)))


def show_drift(checked: Checked, command: str) -> None:
    _print(drift_screen(checked, command, color=colored(sys.stdout), ascii_only=ascii_only(sys.stdout)))


def show_outcome(outcome: Outcome, mode: Mode) -> None:
    _print(apply_summary(outcome, mode, color=colored(sys.stdout), ascii_only=ascii_only(sys.stdout)))


def show_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    if diagnostics:
        click.echo(diagnostics_text(diagnostics, color=colored(sys.stderr)), err=True, color=True)


def _print(text: str) -> None:
    click.echo(text, nl=not text.endswith("\n"), color=True)  # whether it has colour was decided above
