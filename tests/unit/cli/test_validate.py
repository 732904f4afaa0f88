"""`provisioner validate`, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
VALID = """\
notebooks:
  a:
    flavor: modelarts.vm.cpu.2u
    image_id: e1a07296-22a8-4f05-8bc8-e936c8e54090
    volume: {category: EVS, ownership: MANAGED, capacity: 50}
"""

REFUSED = """\
error[E210]: unknown key `flavour`
 --> specs/lab/a.yaml:6:5
  |
6 |     flavour: x
  |     ^^^^^^^
  = help: did you mean `flavor`?

error[E210]: unknown key `oops`
 --> specs/lab/b.yaml:1:1
  |
1 | oops: {}
  | ^^^^
  = help: the keys here are version, stack, defaults, notebooks, variables, imports, moved, removed

Found 2 errors in 2 of 2 files.
"""


def validate(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "CLICOLOR_FORCE"}}
    command = [sys.executable, "-m", "provisioner", "validate", *arguments]
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def write(directory: Path, name: str, text: str) -> None:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_valid_specs_are_said_to_be_valid(tmp_path: Path) -> None:
    """Terraform's line and a count on stdout, nothing on stderr, exit code 0, and no file is written."""
    write(tmp_path, "specs/lab/a.yaml", VALID)
    done = validate(tmp_path)
    expected = "Success! The configuration is valid.\n1 notebook in 1 stack, 1 file.\n"
    assert (0, expected, "") == (done.returncode, done.stdout, done.stderr)
    assert ["a.yaml"] == [path.name for path in tmp_path.rglob("*") if path.is_file()]


def test_bad_specs_are_refused_with_every_problem(tmp_path: Path) -> None:
    """Diagnostics on stderr, nothing on stdout, exit code 1."""
    write(tmp_path, "specs/lab/a.yaml", f"{VALID}    flavour: x\n")
    write(tmp_path, "specs/lab/b.yaml", "oops: {}\n")
    done = validate(tmp_path, "--format", "text")
    assert (1, "", REFUSED) == (done.returncode, done.stdout, done.stderr)


def test_warnings_do_not_fail(tmp_path: Path) -> None:
    """They stand on stderr, and stdout says that there were some."""
    write(tmp_path, "lab.yaml", f"{VALID}    endpoints: [{{service: SSH, key_pair_names: [k]}}]\n")
    write(tmp_path, "other.yaml", VALID)
    done = validate(tmp_path, "lab.yaml", "other.yaml")
    assert 0 == done.returncode
    assert done.stderr.startswith("warning[W309]: SSH is open to every address\n --> lab.yaml:6:18\n")
    assert done.stderr.endswith("Found 1 warning in 1 of 2 files.\n")
    assert done.stdout.startswith(
        "Success! The configuration is valid, but there were some validation warnings as shown above.\n"
    )


@pytest.mark.parametrize("argument", ["--format=yaml", "--frmat"])
def test_a_wrong_option_is_refused(argument: str, tmp_path: Path) -> None:
    """Exit code 1, as for any error."""
    assert 1 == validate(tmp_path, argument).returncode


def test_the_specs_of_this_repository_are_valid() -> None:
    """Every example can be used as it is, without a warning."""
    done = validate(ROOT)
    assert (0, "") == (done.returncode, done.stderr)
