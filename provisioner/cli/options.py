"""The options that several commands share, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from provisioner.errors import UsageError

PATHS = click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
SPECS = click.option(
    "--specs", "paths", multiple=True, type=click.Path(path_type=Path), help="File or directory of specs; repeatable."
)
SANDBOX = click.option("--sandbox", is_flag=True, help="Use the embedded simulator: no account is needed.")
INPUT = click.option("--input", "ask", type=bool, default=True, help="--input=false: never ask, fail instead.")
AUTO_APPROVE = click.option("--auto-approve", is_flag=True, help="Do not ask before changing anything.")
ACCEPT_LOSS = click.option(
    "--accept-loss",
    "accepted",
    multiple=True,
    metavar="ADDR",
    help="Agree that this notebook's volume is deleted; `all` for every one.",
)


def _timeout(_context: click.Context, _option: click.Parameter, text: str) -> float:
    from provisioner.model.fields import duration_ms

    milliseconds = duration_ms(text)
    if milliseconds is None:
        raise click.BadParameter("write a duration: 30s, 10m, 1h30m")
    return milliseconds / 1000


LOCK_TIMEOUT = click.option(
    "--lock-timeout",
    default="0s",
    show_default=True,
    metavar="DURATION",
    callback=_timeout,
    help="Wait this long for a run under way to end.",
)

ENVIRONMENT = click.option(
    "--env", "environment", default="", metavar="NAME", help="The environment of provisioner.yaml."
)
_SPEC = (
    ENVIRONMENT,
    click.option(
        "--var", "variables", multiple=True, metavar="NAME=VALUE", help="Give a variable its value; repeatable."
    ),
    click.option(
        "--var-file",
        "variable_files",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Values of variables, a map in YAML or JSON; repeatable.",
    ),
)

PARALLELISM = click.option(
    "--parallelism", type=click.IntRange(1, 500), default=10, show_default=True, help="Requests at one time."
)
ACCEPT_MISSING = click.option(
    "--accept-missing",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Believe that up to N recorded notebooks are gone.",
)
_SHARED = (
    click.option("--target", "targets", multiple=True, metavar="ADDR", help="Only this notebook; repeatable."),
    click.option("--exclude", "excludes", multiple=True, metavar="ADDR", help="All but this notebook; repeatable."),
    PARALLELISM,
    click.option("--refresh/--no-refresh", default=True, help="Compare with the live notebooks, or trust the state."),
    LOCK_TIMEOUT,
    ACCEPT_MISSING,
    click.option("--offline", is_flag=True, help="Do not look up flavors, images and quotas."),
    SANDBOX,
)

_PLANNING = (
    click.option("--replace", "replacements", multiple=True, metavar="ADDR", help="Delete and create it anew."),
    click.option("--destroy", is_flag=True, help="Remove everything that is recorded."),
    click.option("--refresh-only", is_flag=True, help="Change nothing, bring the state up to date."),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for, before addresses and variables are understood."""

    paths: tuple[Path, ...] = ()
    environment: str = ""
    variables: tuple[str, ...] = ()
    variable_files: tuple[Path, ...] = ()
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    replacements: tuple[str, ...] = ()
    parallelism: int = 10
    refresh: bool = True
    lock_timeout: float = 0.0
    accept_missing: int = 0
    offline: bool = False
    sandbox: bool = False
    destroy: bool = False
    refresh_only: bool = False

    def __post_init__(self) -> None:
        if self.destroy and self.refresh_only:
            raise UsageError("--destroy and --refresh-only exclude each other")
        if self.refresh_only and not self.refresh:
            raise UsageError("--refresh-only and --no-refresh exclude each other")


def spec_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What every command takes that reads specs: `environment`, `variables` and `variable_files` of a Request."""
    return _with(_SPEC, function)


def addressed_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Which specs, and which cloud, of every command whose arguments are addresses."""
    return SPECS(spec_options(SANDBOX(function)))


def shared_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """PATH and the options of every command that plans."""
    return PATHS(spec_options(_with(_SHARED, function)))


def planning_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same and what `destroy` has no use for."""
    return shared_options(_with(_PLANNING, function))


def _with(options: Sequence[Callable[..., Any]], function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        function = option(function)
    return function
