"""Documentation that can be checked is checked: commands, the quick start, the specs that it shows."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from provisioner.cli.main import COMMANDS, cli
from provisioner.spec.load import load_stacks

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def fenced(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", README)


def test_the_quick_start_is_two_lines() -> None:
    """The README has exactly two sh blocks, each one command line."""
    assert [1, 1] == [len(block.splitlines()) for block in fenced("sh")]


def test_every_command_is_in_the_readme() -> None:
    """Each command of the tool is in the README's table, and the table names no other."""
    table = re.findall(r"(?m)^\| (`.*?) \|", README)
    named = {word.split()[0] for cell in table for word in re.findall(r"`([^`]+)`", cell)}
    assert set(COMMANDS) - {"version"} == named


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself(name: str) -> None:
    """Each command of the list exists under its name and has a help page."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert name == command.name
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: cli {name}")


def test_options_in_the_readme_exist() -> None:
    """Every option that the README names is an option of a command."""
    known = {"--version"}
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        known |= {text for option in command.params for text in (*option.opts, *option.secondary_opts)}
    shown = set(re.findall(r"--[a-z][a-z-]+", "\n".join(re.findall(r"`([^`\n]+)`", README))))
    assert set() == shown - known


def test_the_readme_shows_the_quickstart_specs() -> None:
    """The specs in the README are those that the quick start applies."""
    (shown,) = (block for block in fenced("yaml") if "specs/quickstart/team.yaml" in block)
    real = yaml.safe_load((ROOT / "specs" / "quickstart" / "team.yaml").read_text())
    assert real == yaml.safe_load(shown)


def test_the_committed_specs_are_valid() -> None:
    """Every spec of the repository loads without a warning."""
    (stack,) = load_stacks([ROOT / "specs"], root=ROOT)
    assert ("quickstart", ()) == (stack.stack, stack.warnings)
