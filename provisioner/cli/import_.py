"""`provisioner import`: record a live notebook under an address. Changes the state, never the notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import LOCK_TIMEOUT, PATHS, SANDBOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.cli.session import Session
    from provisioner.model.address import Address
    from provisioner.model.observation import Observation
    from provisioner.spec.document import Spec
    from provisioner.state.document import State


@click.command("import")
@click.argument("address", metavar="ADDR")
@click.argument("identifier", metavar="ID")
@PATHS
@LOCK_TIMEOUT
@SANDBOX
def command(*, address: str, identifier: str, paths: tuple[Path, ...], lock_timeout: float, sandbox: bool) -> None:
    """Record the live notebook ID under the address ADDR.

    The next plan shows how it differs from what the spec says. An address that no spec declares is deleted by the next
    apply, or by `provisioner destroy --target ADDR`.
    """
    from provisioner.cli.flow import addresses, load_specs
    from provisioner.cli.locking import locked
    from provisioner.cli.options import Request
    from provisioner.cli.session import check_same_cloud, open_session, state_backend

    wanted = next(addresses([address]))
    spec = _spec_of(wanted, load_specs(Request(paths=paths)))
    with open_session(sandbox=sandbox) as session:
        backend = state_backend(session.settings, spec.stack)
        with locked(backend, "OperationTypeImport", session.clock, timeout=lock_timeout):
            snapshot = backend.read()
            check_same_cloud(snapshot.state, session.cloud)
            _check_free(snapshot.state, wanted, identifier)
            notebook = _live(session, identifier, spec, wanted)
            changed = _with_import(snapshot.state, wanted, notebook, spec)
            next_one = changed.model_copy(update={"serial": snapshot.stored_serial}).next(session.cloud)
            written = backend.write(next_one, replacing=snapshot).state
    click.echo(f"Imported {wanted}: {notebook.id}  {notebook.name}  {notebook.status}.")
    click.echo(f"The state has serial {written.serial}. provisioner plan shows how the notebook differs from its spec.")


def _spec_of(address: Address, specs: Sequence[Spec]) -> Spec:
    from provisioner.errors import UsageError

    declaring = [spec for spec in specs if address in spec.notebooks] or list(specs)
    if len(declaring) != 1:
        names = ", ".join(spec.stack for spec in declaring)
        raise UsageError(f"which stack is {address} of? There are {names}", hint="name the directory of its specs")
    return declaring[0]


def _check_free(state: State, address: Address, identifier: str) -> None:
    from provisioner.errors import StateError

    if str(address) in state.resources:
        present = state.resources[str(address)].id
        hint = "provisioner state rm forgets it, and deletes nothing"
        raise StateError(f"{address} is recorded already", detail=f"Its id is {present}.", hint=hint)
    owner = next((at for at, record in state.resources.items() if record.id == identifier), None)
    if owner is not None:
        hint = "provisioner state mv gives it another address"
        raise StateError(f"{identifier} is recorded already, as {owner}", hint=hint)


def _live(session: Session, identifier: str, spec: Spec, address: Address) -> Observation:
    from provisioner.errors import UsageError
    from provisioner.model.observation import GONE

    declaration = spec.notebooks.get(address)
    workspace = (declaration.notebook.workspace_id if declaration else None) or "0"
    found = session.provider.read(identifier, workspace)
    if found is None or found.status in {"DELETING", GONE}:
        what = "is being deleted" if found and found.status == "DELETING" else "does not exist"
        raise UsageError(f"the notebook {identifier} {what}", hint="the id is that of a live notebook of this project")
    mounts = session.provider.mounts(identifier) if found.status == "RUNNING" else None
    return found if mounts is None else found.with_mounts(mounts)


def _with_import(state: State, address: Address, notebook: Observation, spec: Spec) -> State:
    """What is declared counts as applied as far as it is so; a create that may have made it is settled by this."""
    from provisioner.plan import record_of

    declaration = spec.notebooks.get(address)
    told = notebook.attributes()
    if declaration is not None:
        declared = declaration.notebook.attributes()
        told = {name: value for name, value in told.items() if name in declared}
    record = record_of(notebook, told).model_copy(update={"incomplete": not notebook.settled})
    pending = tuple(each for each in state.pending if each.address != str(address))
    return state.with_records({str(address): record}).with_pending(pending)
