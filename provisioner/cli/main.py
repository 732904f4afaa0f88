"""The command line: which command lives where, how errors end the process. Imports click and errors alone."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import click

from provisioner import __version__
from provisioner.cli.arguments import added_by, understood
from provisioner.errors import Diagnostic, ProvisionerError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from provisioner.cli.screens import Screen

COMMANDS = {
    "access": "Say how to reach the notebooks",
    "apply": "Carry out what the specs ask for",
    "auth": "Say which credentials are used",
    "completion": "Print what completes commands and addresses in a shell",
    "destroy": "Remove everything that is recorded",
    "extend": "Count the lease of notebooks anew",
    "drift": "Show what changed outside",
    "export": "Print live notebooks as a spec",
    "force-unlock": "Take the lock from a holder that is dead",
    "import": "Record live notebooks",
    "init": "Write a project to begin with",
    "plan": "Show what apply would do",
    "sandbox": "Run a local ModelArts service to try things against",
    "schema": "Print the JSON Schema of specs",
    "show": "Show what is recorded",
    "stacks": "List the stacks of a project",
    "start": "Start notebooks, once",
    "state": "Look into the state, repair it",
    "stop": "Stop notebooks, once",
    "validate": "Check specs, offline",
    "version": "Print the version",
}

COMPLETING = "_PROVISIONER_COMPLETE"  # set by the script of `completion`: a shell asks, click answers
FAILED = 1
INTERRUPTED = 130


def _module_of(command: str) -> str:
    """`import` is a word of the language."""
    return f"{command}_" if iskeyword(command) else command.replace("-", "_")


class _Lazy(click.Group):
    """Imports a command's module when it is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module: Any = import_module(f"provisioner.cli.{_module_of(cmd_name)}")
        command: click.Command = module.command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands without their modules; click imports every one for its help."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="provisioner %(version)s")
@click.option("--chdir", type=click.Path(exists=True, file_okay=False), help="Work in this directory.")
@click.option("--profile", metavar="NAME", help="Use the credentials of this profile of KooCLI, whatever else is set.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to print colour.")
@click.option("--no-color", is_flag=True, help="The same as --color=never.")
def cli(*, chdir: str | None, profile: str | None, color: str, no_color: bool) -> None:
    """Plan and apply for Huawei Cloud ModelArts notebook instances."""
    if chdir:
        os.chdir(chdir)
    if profile:
        os.environ["HW_PROFILE"] = profile
    if no_color or color == "never":
        os.environ["NO_COLOR"] = "1"
    elif color == "always":
        os.environ.pop("NO_COLOR", None)
        os.environ["FORCE_COLOR"] = "1"


class Run:
    """One run of the command line. With `--json` it has a screen before anything else is understood: that tells errors
    too.
    """

    screen: Screen | None = None


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return the exit code: 0 done, 1 any error, 2 changes pending, 130 interrupted."""
    # What else is installed has no part in reading specs and states; to look for it costs 30 ms.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    given = sys.argv[1:] if arguments is None else arguments
    if COMPLETING in os.environ:
        import_module("provisioner.cli.completion").register()
    run = Run()
    try:
        # Whether there is colour is for our views to decide; click would take it out of every pipe.
        arguments = understood(given, os.environ, COMMANDS)
        return int(cli.main(arguments, prog_name="provisioner", standalone_mode=False, color=True, obj=run) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return FAILED
    except click.ClickException as error:
        return _misused(error, run, given)
    except (KeyboardInterrupt, click.Abort):
        return _interrupted(run)
    except BrokenPipeError:
        # Whoever read our output has gone. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except ProvisionerError as error:
        return _report(error, run)


def _misused(error: click.ClickException, run: Run, given: list[str]) -> int:
    if run.screen is not None:
        run.screen.diagnostics([Diagnostic("", error.format_message())])
        return FAILED
    error.show()
    for name in added_by(given, os.environ, COMMANDS):  # not what it says: a secret may stand there
        click.echo(f"The environment variable {name} adds options to this command line.", err=True)
    return FAILED


def _interrupted(run: Run) -> int:
    text = "Interrupted. Nothing was changed."
    if run.screen is not None:
        run.screen.note(text)
    else:
        click.echo(text, err=True)
    return INTERRUPTED


def _report(error: ProvisionerError, run: Run) -> int:
    from provisioner.cli.ci import annotate
    from provisioner.cli.terminal import colored
    from provisioner.clock import Interrupted
    from provisioner.views.diagnostics import error_text

    if isinstance(error, Interrupted):
        return _interrupted(run)
    if run.screen is not None:
        run.screen.diagnostics(error.diagnostics())
        return FAILED
    click.echo(error_text(error, color=colored(sys.stderr)), err=True, color=True)
    annotate(error.diagnostics())
    return FAILED
