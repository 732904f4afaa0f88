"""What is known of the terminal and of who runs us: colour, width, whether a question may be asked."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

_NO = frozenset({"0", "false", "no"})


def colored(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `stream` may carry colour: NO_COLOR, then FORCE_COLOR, then a real terminal."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR") or environ.get("CLICOLOR_FORCE"):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


def ascii_only(stream: TextIO) -> bool:
    """Whether `stream` cannot show more than ASCII."""
    return not (stream.encoding or "ascii").lower().replace("-", "").startswith("utf")


def width() -> int:
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80


def may_ask(*, wanted: bool, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a person can be asked: not under --input=false, TF_INPUT=0 or CI."""
    if not wanted or environ.get("TF_INPUT", "").lower() in _NO:
        return False
    return environ.get("CI", "").lower() in {"", *_NO}
