"""What a project says of all its specs, and the command line of this one run: values, no reading. `provisioner.yaml`
itself is read by the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.spec.tree import Node


def state_name(stack: str, environment: str) -> str:
    """The name of a stack's state. No stack and no environment has a dot in its own name."""
    return f"{stack}.{environment}" if environment else stack


@dataclass(frozen=True, slots=True)
class Policy:
    """What every plan of the project must keep to. None: no limit."""

    max_changes: int | None = None
    max_destroys: int | None = None
    require_lease: bool = False
    require_allowlist: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """The value of a variable from outside of the specs.

    value   a Node of a file, or the text of `--var K=V` and of the environment, typed by the declaration
    origin  for messages: `--var owner`, `vars.yaml`, `provisioner.yaml`
    strict  a variable of this name must be declared by a spec
    """

    value: Node | str
    origin: str
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Project:
    """What holds for every stack of one run.

    environment   the name after `--env`, "" without one: state names are `STACK.ENVIRONMENT`
    given         values of variables, the winner of each name; they win over `env` and `default` of a declaration
    environ       the environment, read by variables with `env` alone
    patches       patch files of the environment, relative to the root, in order
    default_tags  tags under those of every notebook
    ignore_tags   tags that are neither compared, written nor removed
    """

    environment: str = ""
    given: Mapping[str, Given] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    patches: tuple[str, ...] = ()
    default_tags: Mapping[str, str] = field(default_factory=dict)
    ignore_tags: frozenset[str] = frozenset()
    policy: Policy = Policy()
