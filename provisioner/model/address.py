"""Addresses: `notebook.KEY` and, under for_each, `notebook.KEY["each"]`.

The command line also accepts the bare `KEY` and the JSON form `huaweicloud_modelarts_notebook.KEY`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TERRAFORM_TYPE = "huaweicloud_modelarts_notebook"

# An entry of a for_each: an address that holds it must be readable, on a command line and in a log too.
EACH_PATTERN = r"""(?!\s)[^"'`\[\]\\\x00-\x1f\x7f-\x9f\u2028\u2029]{1,64}(?<!\s)"""
_ADDRESS = re.compile(
    rf'(?:(?:notebook|{TERRAFORM_TYPE})\.)?(?P<key>[A-Za-z0-9_][A-Za-z0-9_-]*)(?:\["(?P<each>{EACH_PATTERN})"\])?'
)


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where a notebook stands in the specs and in the state."""

    key: str
    each: str = ""

    def __str__(self) -> str:
        return f'notebook.{self.key}["{self.each}"]' if self.each else f"notebook.{self.key}"

    @property
    def terraform(self) -> str:
        """The address that policies written for Terraform know."""
        return f"{TERRAFORM_TYPE}{str(self).removeprefix('notebook')}"

    @classmethod
    def parse(cls, text: str) -> Address | None:
        """The address that `text` spells, or None when it is none."""
        found = _ADDRESS.fullmatch(text)
        return cls(found["key"], found["each"] or "") if found else None
