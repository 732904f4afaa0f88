"""What starting costs and what it trusts: the modules that a command loads, in a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.cli.main import COMMANDS

# Runs the command as its console script does, and leaves the names of what it loaded in the file named first.
COMMAND = """
import atexit, json, sys
report = sys.argv.pop(1)
atexit.register(lambda: open(report, "w").write(json.dumps(sorted(sys.modules))))
from provisioner.cli.main import main
sys.exit(main())
"""

SPEC = """\
version: 1
notebooks:
  one:
    flavor: modelarts.vm.cpu.2u
    image_id: e1a07296-22a8-4f05-8bc8-e936c8e54090
    volume: {category: EVS, ownership: MANAGED, capacity: 5}
"""

MODEL = {"pydantic", "yaml"}
CLOUD = {"httpx"}
SERVER = {"starlette", "uvicorn"}
VIEW = {"deepdiff", "jinja2", "rich"}  # rich is for a terminal, and here is none; deepdiff is for a difference
PATCH = {"jsonpatch"}  # for an environment with patch files
PLAN = {"provisioner.planning.stack", "provisioner.lookups.catalog"}
FORMATS = {"provisioner.views.findings.formats"}
WRITING = {"provisioner.spec.writing", "provisioner.state.terraform", "provisioner.adoption"}

# What a command must not load.
HELP = MODEL | CLOUD | SERVER | VIEW | PATCH
OFFLINE = CLOUD | SERVER | VIEW | PATCH | PLAN | WRITING
LIVE = SERVER | VIEW | PATCH | WRITING
ABSENT = {
    "--version": HELP,
    "--help": HELP,
    **{f"{name} --help": HELP for name in COMMANDS},
    "validate": OFFLINE | FORMATS,
    **{f"validate --format={form}": OFFLINE for form in ("concise", "json", "github", "gitlab", "sarif", "junit")},
    "show": OFFLINE,
    "state list": OFFLINE,
    "init made": OFFLINE,
    "stacks list": OFFLINE,
    "completion bash": HELP,
    "plan --sandbox": LIVE,
    "apply --sandbox --auto-approve": LIVE,
    "drift --sandbox": LIVE,
    "access --sandbox": LIVE,
    "auth status --sandbox": LIVE | {"provisioner.planning", "provisioner.simulator"},
    "start one --sandbox": LIVE,
    "destroy --sandbox --auto-approve": LIVE,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with one valid spec."""
    specs = tmp_path / "specs" / "small"
    specs.mkdir(parents=True)
    (specs / "one.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


def run(arguments: list[str], directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HOME": str(directory)} | variables
    return subprocess.run(
        [sys.executable, *arguments], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


def loaded_by(command: str, project: Path) -> set[str]:
    """The modules in memory when `provisioner COMMAND` ends well. To start a notebook, it is applied before."""
    report = project / "modules.json"
    if command.startswith("start"):
        applied = run(["-P", "-m", "provisioner", "apply", "--sandbox", "--auto-approve"], project)
        assert applied.returncode == 0, applied.stderr
    # -P: the working directory is not on the import path, as under the console script
    done = run(["-P", "-c", COMMAND, str(report), *command.split()], project)
    assert done.returncode == 0, done.stderr
    return set(json.loads(report.read_text(encoding="utf-8")))


@pytest.mark.parametrize("command", ABSENT)
def test_a_command_loads_only_what_it_needs(command: str, project: Path) -> None:
    """Heavy packages stay unloaded until something needs them."""
    assert ABSENT[command] & loaded_by(command, project) == set()


def test_the_working_directory_is_not_searched_for_modules(project: Path) -> None:
    """A directory of specs cannot bring its own yaml or click into `python -m provisioner` (nor into the command)."""
    for name in ("click", "yaml", "pydantic", "httpx"):
        (project / f"{name}.py").write_text("raise SystemExit('imported from the working directory')", encoding="utf-8")
    done = run(["-m", "provisioner", "validate"], project)
    assert done.returncode == 0, done.stderr


def test_plugins_of_other_packages_are_not_loaded(project: Path) -> None:
    """What other packages offer to pydantic as plugins gets no sight of specs."""
    (project / "spy.py").write_text("raise SystemExit('a plugin was loaded')", encoding="utf-8")
    spy = project / "spy-1.0.dist-info"
    spy.mkdir()
    (spy / "METADATA").write_text("Metadata-Version: 2.1\nName: spy\nVersion: 1.0\n", encoding="utf-8")
    (spy / "entry_points.txt").write_text("[pydantic]\nspy = spy\n", encoding="utf-8")
    done = run(["-P", "-m", "provisioner", "validate"], project, PYTHONPATH=str(project))
    assert done.returncode == 0, done.stderr
