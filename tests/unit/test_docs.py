"""Documentation that can be checked is checked: commands, options, links, examples, the picture of a plan."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from provisioner.cli.main import COMMANDS, cli
from provisioner.spec.load import load_stacks
from tests.contract.project import Project

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ("README.md", "CHANGELOG.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")))
# Options of pip, pytest, sops and of scripts, and one of which a page says that there is none.
FOREIGN = {
    *("--help", "--no-build-isolation", "--no-deps", "--update-golden", "--decrypt"),
    *("--flow", "--kills", "--syscalls", "--resume"),
    *("--from-file", "--from-literal", "--quiet"),  # kubectl, pip
    "--cli-auth-encrypt",  # KooCLI
    *("--framework", "--skip-download", "--external-checks-dir"),  # checkov
}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


def fenced(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", README)


def every_command(command: click.Command = cli) -> Iterator[click.Command]:
    """All commands, with those below `state`."""
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from every_command(child)


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


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_says_of_the_command_line_is_so(page: str) -> None:
    """Commands, options and links of each page exist."""
    text = (ROOT / page).read_text(encoding="utf-8")
    options = {text for command in every_command() for each in command.params for text in each.opts}
    options |= {text for command in every_command() for each in command.params for text in each.secondary_opts}
    assert set() == set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - options - FOREIGN
    code = [*re.findall(r"(?ms)^```.*?^```", text), *re.findall(r"`[^`\n]+`", text)]
    commands = re.findall(r"(?:^|[`$;&] ?)provisioner ([a-z][a-z-]+)", "\n".join(code), re.MULTILINE)
    assert set() == set(commands) - set(COMMANDS) - {"will"}  # "provisioner will perform the following actions"
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert [] == [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]


def test_the_readme_leads_to_every_page() -> None:
    """No page below docs/ is without a link in the README."""
    assert set() == {page for page in PAGES if page.startswith("docs/")} - set(re.findall(r"\]\((.*?)\)", README))


def test_the_readme_shows_the_quickstart_specs() -> None:
    """The specs in the README are those that the quick start applies."""
    (shown,) = (block for block in fenced("yaml") if "specs/quickstart/team.yaml" in block)
    real = yaml.safe_load((ROOT / "specs" / "quickstart" / "team.yaml").read_text(encoding="utf-8"))
    assert real == yaml.safe_load(shown)


def test_the_readme_shows_a_real_plan(tmp_path: Path) -> None:
    """The picture is what the tool prints for two changes of the quick start, but for ids."""
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    project = Project(tmp_path)
    assert 0 == project.run("apply", "--sandbox", "--auto-approve").returncode
    team = tmp_path / "specs" / "quickstart" / "team.yaml"
    text = team.read_text(encoding="utf-8").replace("alice: {size: 100}", "alice: {size: 150}")
    team.write_text(text.replace("  bob-remote:", "  bob-remote:\n    flavor: modelarts.vm.cpu.8u"), encoding="utf-8")
    done = project.run("plan", "--sandbox")
    (shown,) = (block for block in fenced("") if block.startswith("$ provisioner plan\n"))
    assert UUID.sub("ID", done.stdout) == UUID.sub("ID", shown.removeprefix("$ provisioner plan\n"))


def test_the_language_in_the_readme_is_valid(tmp_path: Path) -> None:
    """The README's project validates, also for its environment, whose patch changes a notebook."""
    project = Project(tmp_path)
    for block in fenced("yaml"):
        named = re.match(r"# ((?:specs/research/)?[a-z.]+\.yaml)", block)
        if named:
            path = tmp_path / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block, encoding="utf-8")
    for environment in ((), ("--env", "prod")):
        done = project.run("validate", *environment)
        assert (0, "") == (done.returncode, done.stderr)
        assert "3 notebooks in 1 stack, 1 file." in done.stdout
    plan = project.run("plan", "--sandbox", "--env", "prod").stdout
    assert re.search(r'"notebook" "demo" .*?desired_status = "RUNNING".*?capacity  = 200', plan, re.DOTALL), plan


def test_the_committed_specs_are_valid() -> None:
    """Every spec of the repository loads without a warning."""
    (stack,) = load_stacks([ROOT / "specs"], root=ROOT)
    assert ("quickstart", ()) == (stack.stack, stack.warnings)


def test_every_module_is_in_the_architecture() -> None:
    """The table of modules names each module and package of provisioner/, and no other; planning and run in full."""
    table = re.findall(r"(?m)^\| `([a-z_.]+)/?` \|", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    package = ROOT / "provisioner"
    modules = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    modules |= {f"{name}.{path.stem}" for name in ("planning", "run") for path in (package / name).glob("[!_]*.py")}
    assert modules - {"__init__", "__main__", "__pycache__"} == set(table)
    assert len(set(table)) == len(table)


def test_the_control_endpoint_is_described() -> None:
    """Every path of the simulator's control endpoint is in docs/simulator.md."""
    source = (ROOT / "provisioner" / "simulator" / "control.py").read_text(encoding="utf-8")
    routes = set(re.findall(r'\("(?:GET|POST|PATCH|DELETE)", "(/[a-z]+)', source))
    page = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8").partition("## Control endpoint")[2]
    assert {"/log", "/notebooks"} < routes
    assert set() == routes - set(re.findall(r"/[a-z]+", page))
