"""What is known of the terminal and of who runs us: colour, width, whether a question may be asked."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

_NO = frozenset({"", "0", "false", "no"})


def is_set(name: str, environ: Mapping[str, str]) -> bool:
    """Whether a variable of the environment says yes, in whatever words."""
    return environ.get(name, "").lower() not in _NO


def colored(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `stream` may carry colour: NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, then a real terminal. --color
    is one of the two by now.
    """
    if environ.get("NO_COLOR"):
        return False
    if is_set("FORCE_COLOR", environ) or is_set("CLICOLOR_FORCE", environ):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


def ascii_only(stream: TextIO) -> bool:
    """Whether `stream` cannot show more than ASCII."""
    return not (stream.encoding or "ascii").lower().replace("-", "").startswith("utf")


def width() -> int:
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80


def may_ask(*, wanted: bool, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a person can be asked: not under --input=false, TF_INPUT=0 or CI."""
    if not wanted or environ.get("TF_INPUT", "yes").lower() in _NO - {""}:
        return False
    return not is_set("CI", environ)


def may_advise(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody is there to be told what comes next. Any text in TF_IN_AUTOMATION says no, as in Terraform."""
    return stream.isatty() and not environ.get("TF_IN_AUTOMATION") and not is_set("CI", environ)
