"""`provisioner sandbox`: a local ModelArts service to try things against. The service itself is `simulator/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_DURATIONS = ("create", "start", "stop", "delete", "resize", "mount")
_MILLISECONDS = click.IntRange(min=0)


def _duration_options(function: Any) -> Any:
    """One `--WHAT-ms` option per kind of transition."""
    for what in reversed(_DURATIONS):
        text = f"How long it takes to {what} something, in milliseconds."
        function = click.option(f"--{what}-ms", type=_MILLISECONDS, help=text)(function)
    return function


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default="a free one", type=click.IntRange(0, 65535), help="Port to listen on.")
@click.option("--allow-remote", is_flag=True, help="Permit a host that other machines can reach.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Directory to keep everything in.")
@click.option("--ak", metavar="AK", help="The access key it accepts.")
@click.option("--sk", metavar="SK", help="The secret key that belongs to it.")
@click.option("--project-id", metavar="ID", help="The project that has the notebooks.")
@click.option("--region", metavar="NAME", help="The region it pretends to be.")
@click.option("--user", metavar="NAME", help="User for tokens.")
@click.option("--password", metavar="TEXT", help="The user's password.")
@click.option("--domain", metavar="NAME", help="The user's account.")
@click.option("--quota", type=click.IntRange(min=0), help="How many notebooks the project may have.  [default: 10]")
@click.option("--latency-ms", type=_MILLISECONDS, help="Delay before every answer, in milliseconds.")
@_duration_options
@click.option("--seed-instances", default=0, type=click.IntRange(min=0), help="Notebooks that run from the start.")
@click.option(
    "--switch",
    "switches",
    multiple=True,
    metavar="S1..S16[=VALUE]",
    help="A variant of the service, as in S4, S11=6309, S13=50; repeatable.",
)
@click.option("--exit-with-stdin", is_flag=True, help="End when the standard input does.")
def command(
    *,
    host: str,
    port: int,
    data: Path | None,
    seed_instances: int,
    switches: tuple[str, ...],
    allow_remote: bool,
    exit_with_stdin: bool,
    **given: Any,
) -> None:
    """Run a local ModelArts service.

    When it is ready it prints one line of JSON: where it listens and the credentials it accepts.
    """
    from provisioner.simulator.options import Account, Options, Settings, Switches
    from provisioner.simulator.server import run

    chosen = {name: value for name, value in given.items() if value is not None}
    renamed = {"ak": "access_key", "sk": "secret_key"}
    account = {renamed.get(name, name): value for name, value in chosen.items() if not _is_setting(name)}
    try:
        turned = Switches()
        for switch in switches:
            turned = turned.turned(switch)
        run(
            Options(
                host=host,
                port=port,
                allow_remote=allow_remote,
                data=data,
                seed_instances=seed_instances,
                exit_with_stdin=exit_with_stdin,
                account=Account(**account),
                switches=turned,
                settings=Settings(**{name: value for name, value in chosen.items() if _is_setting(name)}),
            )
        )
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _is_setting(name: str) -> bool:
    return name == "quota" or name.endswith("_ms")
