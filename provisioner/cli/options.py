"""The options that several commands share, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from provisioner.cli import completing
from provisioner.errors import UsageError

PATHS = click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
SPECS = click.option(
    "--specs", "paths", multiple=True, type=click.Path(path_type=Path), help="File or directory of specs; repeatable."
)
SANDBOX = click.option("--sandbox", is_flag=True, help="Use the embedded simulator: no account is needed.")
INPUT = click.option("--input", "ask", type=bool, default=True, help="--input=false: never ask, fail instead.")
NO_INPUT = click.option("--input", type=bool, expose_value=False, hidden=True)  # of a command that never asks
AUTO_APPROVE = click.option("--auto-approve", is_flag=True, help="Do not ask before changing anything.")
ACCEPT_LOSS = click.option(
    "--accept-loss",
    "accepted",
    multiple=True,
    metavar="ADDR",
    shell_complete=completing.recorded,
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


def _lock(context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if not value and context.info_name in {"apply", "destroy"}:
        raise UsageError(
            f"{context.info_name} does not run without the lock",
            detail="Two runs at a time would overwrite what the other records.",
            hint="--lock-timeout=10m waits for the run under way; `provisioner force-unlock` ends a dead one",
        )


LOCK = click.option(
    "--lock",
    type=bool,
    default=True,
    callback=_lock,
    expose_value=False,
    hidden=True,  # nothing but a run that changes something takes a lock
)
COMPACT_WARNINGS = click.option("--compact-warnings", is_flag=True, help="One line for each warning.")


def _environment(context: click.Context, option: click.Parameter, name: str) -> str:
    """Terraform's workspace of this name always exists, and so does having no environment."""
    from click.core import ParameterSource

    foreign = context.get_parameter_source(option.name or "") is ParameterSource.ENVIRONMENT
    return "" if foreign and name == "default" else name


ENVIRONMENT = click.option(
    "--env",
    "environment",
    default="",
    envvar="TF_WORKSPACE",
    callback=_environment,
    metavar="NAME",
    shell_complete=completing.environments,
    help="The environment of provisioner.yaml.",
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
REPORT_LIMIT = 60_000


def _in_events(context: click.Context, _option: click.Parameter, wanted: bool) -> bool:  # noqa: FBT001 - click's
    """From here on errors are events too."""
    if wanted:
        from provisioner.cli.json_screen import JsonScreen
        from provisioner.cli.main import Run

        context.ensure_object(Run).screen = JsonScreen()
    return wanted


AS_JSON = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,
    callback=_in_events,
    help="Print one JSON object a line, in Terraform's types; asks nothing.",
)
OUT = click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Save the plan for apply FILE.")
REPORTS = click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="KIND=FILE",
    help="Write a report: markdown, html, gitlab or json; repeatable.",
)
REPORT_SIZE = click.option(
    "--report-limit",
    type=click.IntRange(2000),
    default=REPORT_LIMIT,
    show_default=True,
    metavar="BYTES",
    help="Largest Markdown report.",
)
_SHARED = (
    click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="ADDR",
        shell_complete=completing.addresses,
        help="Only this notebook; repeatable.",
    ),
    click.option(
        "--exclude",
        "excludes",
        multiple=True,
        metavar="ADDR",
        shell_complete=completing.addresses,
        help="All but this notebook; repeatable.",
    ),
    PARALLELISM,
    click.option("--refresh/--no-refresh", default=True, help="Compare with the live notebooks, or trust the state."),
    LOCK,
    LOCK_TIMEOUT,
    ACCEPT_MISSING,
    COMPACT_WARNINGS,
    click.option("--offline", is_flag=True, help="Do not look up flavors, images and quotas."),
    SANDBOX,
)

_PLANNING = (
    click.option(
        "--replace",
        "replacements",
        multiple=True,
        metavar="ADDR",
        shell_complete=completing.addresses,
        help="Delete and create it anew.",
    ),
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
    compact_warnings: bool = False
    sandbox: bool = False
    destroy: bool = False
    refresh_only: bool = False
    out: Path | None = None
    reports: tuple[str, ...] = ()
    report_limit: int = REPORT_LIMIT
    as_json: bool = False

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
