"""`provisioner state`: look into the recorded state, and repair it. Offline: no command here talks to the service.

Every change is made under the lock, as a new serial, with the generation before it in the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli import completing
from provisioner.cli.options import ENVIRONMENT

if TYPE_CHECKING:
    from provisioner.state.backend import StateBackend
    from provisioner.state.document import State

_SPECS = click.option(
    "--specs", "paths", multiple=True, type=click.Path(path_type=Path), help="File or directory of specs; repeatable."
)
_STACK = click.option("--stack", shell_complete=completing.stacks, help="Which stack, where several are recorded.")


@click.group("state")
def command() -> None:
    """Look into the recorded state, and repair it. Offline."""


@command.command("list")
@_SPECS
@ENVIRONMENT
def list_command(*, paths: tuple[Path, ...], environment: str) -> None:
    """Print the address of every recorded notebook."""
    from provisioner.cli.recorded import recorded_states
    from provisioner.views.state import state_list

    for state in recorded_states(paths, environment):
        click.echo(state_list(state), nl=False)


@command.command("show")
@click.argument("address", shell_complete=completing.recorded)
@_SPECS
@ENVIRONMENT
def show_command(*, address: str, paths: tuple[Path, ...], environment: str) -> None:
    """Print what is recorded of one notebook."""
    from provisioner.cli.flow import addresses
    from provisioner.cli.recorded import recorded_states
    from provisioner.errors import UsageError
    from provisioner.views.state import state_show

    wanted = next(addresses([address]))
    for state in recorded_states(paths, environment):
        if str(wanted) in state.resources:
            click.echo(state_show(state, wanted), nl=False)
            return
    raise UsageError(f"{wanted} is not recorded", hint="provisioner state list")


@command.command("mv")
@click.argument("source", metavar="FROM", shell_complete=completing.recorded)
@click.argument("target", metavar="TO", shell_complete=completing.addresses)
@_STACK
@ENVIRONMENT
def mv_command(*, source: str, target: str, stack: str | None, environment: str) -> None:
    """Record the notebook FROM under the address TO, as after a key was renamed in a spec."""
    from provisioner.cli.flow import addresses
    from provisioner.cli.recorded import backend_of
    from provisioner.state.repair import moved

    before, after = map(str, addresses([source, target]))
    _, written = _change(backend_of(stack, environment), "Mv", lambda state: moved(state, before, after))
    click.echo(f"Moved {before} to {after}. The state has serial {written.serial}. To undo: {_restoring(written)}")


@command.command("rm")
@click.argument("addresses", metavar="ADDR...", nargs=-1, required=True, shell_complete=completing.recorded)
@_STACK
@ENVIRONMENT
def rm_command(*, addresses: tuple[str, ...], stack: str | None, environment: str) -> None:
    """Forget notebooks. Nothing is deleted: they go on running, and costing."""
    from provisioner.cli import flow
    from provisioner.cli.recorded import backend_of
    from provisioner.state.repair import without

    wanted = [str(address) for address in flow.addresses(addresses)]
    before, after = _change(backend_of(stack, environment), "Rm", lambda state: without(state, wanted))
    for address, identifier in ((at, each) for at in wanted for each, owner in before.owners.items() if owner == at):
        click.echo(f"Forgot {address}. Its instance {identifier} goes on running, and costing, until you delete it.")
    click.echo(f"The state has serial {after.serial}. To undo: {_restoring(after)}")


@command.command("pull")
@_STACK
@ENVIRONMENT
def pull_command(*, stack: str | None, environment: str) -> None:
    """Print the state, with what the journal of a run that died adds to it."""
    from provisioner.cli.recorded import backend_of

    click.echo(backend_of(stack, environment).read().state.dumps(), nl=False)


@command.command("push")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--force", is_flag=True, help="Also in place of one that is damaged, later, or of another lineage.")
def push_command(*, file: Path, force: bool) -> None:
    """Store the state in FILE, `-` for the standard input, in the place of its stack.

    A state that stands in errored.NAME.json after a disk refused goes back this way.
    """
    import sys

    from provisioner.cli.recorded import backend_of
    from provisioner.state.document import parse_state
    from provisioner.state.repair import check_pushable

    data = sys.stdin.buffer.read() if str(file) == "-" else _read(file)
    pushed = parse_state(data, str(file))
    backend = backend_of(pushed.stack)
    with _locked(backend, "Push"):
        if force:
            written = backend.restore(pushed)
        else:
            snapshot = backend.read()
            if snapshot.stored_digest == pushed.digest:
                click.echo(f"The state {pushed.stack} is this one already.")
                return
            check_pushable(pushed, snapshot)
            written = backend.write(pushed, replacing=snapshot).state
    click.echo(f"Stored the state {written.stack}, serial {written.serial}.")


@command.command("migrate")
@click.option(
    "--from", "source", required=True, metavar="BACKEND", help="The old backend, spelt as in provisioner.yaml."
)
@_STACK
@ENVIRONMENT
def migrate_command(*, source: str, stack: str | None, environment: str) -> None:
    """Copy the recorded states from another backend to the one in provisioner.yaml.

    Both are locked while a state is copied, and read once more afterwards. Nothing is removed from the old one, and
    its history stays there.

    provisioner state migrate --from '{type: local, path: state}'
    """
    from provisioner.cli.migrate import migrate
    from provisioner.cli.settings import load_settings
    from provisioner.spec.project import state_name
    from provisioner.views.values import count

    name = state_name(stack.partition(".")[0], environment) if stack else None
    for moved in migrate(load_settings(Path(), environment), source, name):
        done = "was there already" if moved.known else "copied and compared"
        held = count(moved.notebooks, "notebook") or "nothing recorded"
        click.echo(f"{moved.stack}: serial {moved.serial}, {held}: {done}.")
    click.echo("The old backend is as it was: remove its states once nobody runs with the old settings.")


@command.command("history")
@_STACK
@ENVIRONMENT
def history_command(*, stack: str | None, environment: str) -> None:
    """List the generations of the state that are kept, the newest first."""
    from provisioner.cli.recorded import backend_of
    from provisioner.views.state import state_history

    click.echo(state_history([(each, each.good()) for each in backend_of(stack, environment).history()]), nl=False)


@command.command("restore")
@click.argument("serial", type=click.IntRange(min=0))
@click.option("--digest", default="", help="Which one, where the history has several of this serial.")
@_STACK
@ENVIRONMENT
def restore_command(*, serial: int, digest: str, stack: str | None, environment: str) -> None:
    """Make an earlier generation the state again, under a new serial.

    What stands in its place now, damaged or not, is kept in the history.
    """
    from provisioner.cli.recorded import backend_of
    from provisioner.state.repair import chosen

    backend = backend_of(stack, environment)
    with _locked(backend, "Restore"):
        written = backend.restore(chosen(backend.history(), serial, digest).read())
    click.echo(f"Restored serial {serial} as serial {written.serial} of the state {written.stack}.")
    click.echo("What was created since is not recorded in it: see what provisioner plan says before you apply.")


@contextmanager
def _locked(backend: StateBackend, what: str) -> Iterator[None]:
    from provisioner.cli.locking import locked
    from provisioner.clock import SystemClock

    with locked(backend, f"OperationTypeState{what}", SystemClock()):
        yield


def _change(backend: StateBackend, what: str, change: Callable[[State], State]) -> tuple[State, State]:
    """The state before and after."""
    with _locked(backend, what):
        snapshot = backend.read()
        changed = change(snapshot.state).model_copy(update={"serial": snapshot.stored_serial + 1})
        return snapshot.state, backend.write(changed, replacing=snapshot).state


def _restoring(written: State) -> str:
    return f"provisioner state restore {written.serial - 1} --stack {written.stack}"


def _read(path: Path) -> bytes:
    from provisioner.errors import UsageError

    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read", detail=str(error)) from error
