"""Which file on a command line is meant as a plan. What it says is not judged here."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from provisioner.errors import UsageError

SPEC_SUFFIXES = frozenset({".yaml", ".yml"})
_KEYS = ("format_version", "resource_changes", "provisioner")
_KEY_TEXT = re.compile(rb'[{,]\s*"(format_version|resource_changes|provisioner)"\s*:')


def plan_file(paths: Sequence[Path]) -> Path | None:
    """The plan file among the arguments of apply, None when all of them are specs."""
    found = [path for path in paths if is_plan_file(path)]
    if not found:
        return None
    if len(paths) > 1:
        other = next((path for path in paths if path != found[0]), found[0])
        raise UsageError(
            f"{found[0]} is a plan, and {other} stands beside it",
            detail="A plan is applied alone: it says everything.",
            hint=f"provisioner apply {found[0]}",
        )
    return found[0]


def is_plan_file(path: Path) -> bool:
    """Whether `path` is meant as a plan: a file that is no spec. JSON may be both, and its content decides; a plan that
    was damaged is one still.
    """
    if not path.is_file() or path.suffix.lower() in SPEC_SUFFIXES:
        return False
    return path.suffix.lower() != ".json" or holds_plan(path)


def holds_plan(path: Path) -> bool:
    """Whether the content of a file is a plan, be it a damaged one."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return has_plan_key(data)
    return isinstance(document, dict) and any(key in document for key in _KEYS)


def has_plan_key(data: bytes) -> bool:
    """Whether text that is no JSON has what the text of a plan has."""
    return bool(_KEY_TEXT.search(data))
