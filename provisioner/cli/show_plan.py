"""Shows what a plan file says, in the form that is asked for. Offline."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from provisioner.cli.screens import show_diagnostics
from provisioner.cli.terminal import ascii_only, colored, width
from provisioner.planfile.canonical import canonical
from provisioner.planfile.reading import SavedPlan, read_plan
from provisioner.views.clean import clean_json
from provisioner.views.reported import Reported


def show_plan(path: Path, kind: str) -> None:
    saved = read_plan(path)
    if kind == "text":
        show_diagnostics(saved.plan.warnings)
    # Markdown and HTML are kept as they are: whoever asks for them writes them to a file.
    click.echo(_text(saved, path, kind), nl=False, color=True)


def _text(saved: SavedPlan, path: Path, kind: str) -> str:
    match kind:
        case "json":
            return f"{clean_json(canonical(saved.document))}\n"
        case "markdown":
            from provisioner.views.markdown import markdown

            return markdown(_reported(saved, path))
        case "html":
            from provisioner.views.html import html

            return html(_reported(saved, path))
        case _:
            from provisioner.views.text import plan_text

            text = plan_text(saved.plan, color=colored(sys.stdout), width=width(), ascii_only=ascii_only(sys.stdout))
            return text if text.endswith("\n") else f"{text}\n"


def _reported(saved: SavedPlan, path: Path) -> Reported:
    header = saved.header
    return Reported(
        saved.plan,
        saved.document,
        header.digest,
        header.environment,
        header.cloud.region,
        header.cloud.project_id,
        str(path),
    )
