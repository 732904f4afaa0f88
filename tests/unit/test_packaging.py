"""What an installation brings along: the dependencies that are declared and pinned are those that are imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
DECLARED = {re.split(r"[\[>]", line)[0] for line in [*PROJECT["dependencies"], *EXTRAS]}
PIN = re.compile(r"(?m)^([a-z0-9-]+)==\S+(?: ;.*)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+")


def imported() -> Iterator[str]:
    """The packages of other people that our modules import, wherever in a module."""
    for path in (ROOT / "provisioner").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom):
                yield (node.module or "").partition(".")[0]
            elif isinstance(node, ast.Import):
                yield from (name.name.partition(".")[0] for name in node.names)


def test_every_import_is_a_declared_dependency() -> None:
    """What the tool imports is installed with it, and what is installed with it is imported."""
    foreign = set(imported()) - sys.stdlib_module_names - {"provisioner"}
    distributions = packages_distributions()
    used = {distributions[name][0].lower() for name in foreign}
    assert DECLARED == used - {"pydantic_core", "pydantic-core"}  # pydantic pins the one that fits it


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt"])
def test_dependencies_are_pinned_by_hash(name: str) -> None:
    """Every dependency stands in the pinned requirements with one version and its hashes; no line names an index."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert set(PIN.findall(text)) >= DECLARED
    rest = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert ["--only-binary :all:"] == [line for line in rest if "==" not in line]
    assert "://" not in text
