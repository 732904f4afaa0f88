"""`provisioner import`: record live notebooks, one under an address or many with a spec. Changes no notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli import completing
from provisioner.cli.options import AUTO_APPROVE, INPUT, LOCK_TIMEOUT, PARALLELISM, SANDBOX, spec_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.cli.options import Request
    from provisioner.cli.session import Session
    from provisioner.model.address import Address
    from provisioner.model.observation import Observation
    from provisioner.spec.document import Spec
    from provisioner.state.document import State


@click.command("import")
@click.argument("words", nargs=-1, metavar="[ADDR ID] [PATH]", shell_complete=completing.words_of_import)
@click.option("--all", "everything", is_flag=True, help="Every live notebook that is not recorded.")
@click.option(
    "--from-terraform",
    "terraform",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The notebooks of a Terraform state.",
)
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="CONDITION",
    help="With --all, only those with name=GLOB, status=, flavor=, pool_id=, workspace_id=, tag.KEY=VALUE or tag.KEY; "
    "repeatable, all must hold.",
)
@spec_options
@AUTO_APPROVE
@INPUT
@PARALLELISM
@LOCK_TIMEOUT
@SANDBOX
def command(
    *,
    words: tuple[str, ...],
    everything: bool,
    terraform: Path | None,
    filters: tuple[str, ...],
    auto_approve: bool,
    ask: bool,
    **given: Any,
) -> None:
    """Record live notebooks. Changes the state, never a notebook.

    ADDR ID records the notebook ID under an address; the next plan shows how it differs from what the spec says. An
    address that no spec declares is deleted by the next apply, or by `provisioner destroy --target ADDR`.

    --all and --from-terraform write the spec too, so that the next plan is empty: into PATH, a new file or the
    directory of a stack; without it into specs/imported/imported.yaml.
    """
    from provisioner.cli.options import Request
    from provisioner.errors import UsageError

    if everything and terraform:
        raise UsageError("--all and --from-terraform exclude each other", hint="call it twice, with a PATH each")
    if filters and not everything:
        raise UsageError("--filter goes with --all alone", hint="provisioner import --all --filter 'name=team-*'")
    if not everything and not terraform:
        address, identifier, *paths = _pair(words)
        _import_one(address, identifier, Request(paths=tuple(map(Path, paths)), **given))
        return
    if len(words) > 1:
        what = "--all" if everything else "--from-terraform"
        raise UsageError(f"{what} takes one PATH, there are {len(words)}", hint="leave out ADDR and ID")
    _import_many(
        Path(words[0]) if words else None, terraform, filters, Request(**given), approved=auto_approve, ask=ask
    )


def _pair(words: tuple[str, ...]) -> tuple[str, ...]:
    from provisioner.errors import UsageError

    if len(words) < 2:  # noqa: PLR2004 - an address and an id
        hint = "provisioner import ADDR ID, provisioner import --all or provisioner import --from-terraform FILE"
        raise UsageError("which notebook is to be imported, and under which address?", hint=hint)
    return words


def _import_many(
    path: Path | None, terraform: Path | None, filters: tuple[str, ...], request: Request, *, approved: bool, ask: bool
) -> None:
    from provisioner.cli.adopt import Chosen, adopt
    from provisioner.cli.filters import Filter, workspaces_of
    from provisioner.cli.import_terraform import chosen, farewell, terraform_state
    from provisioner.cli.live import listed
    from provisioner.cli.new_spec import new_file

    file = new_file(path)
    if terraform:
        state = terraform_state(terraform)
        owned = adopt(
            file, request, lambda session: chosen(state, session, request.parallelism), approved=approved, ask=ask
        )
        click.echo(farewell(state, owned), nl=False)
        return
    conditions = [Filter.parse(text) for text in filters]

    def matching(session: Session) -> Chosen:
        live = listed(session.provider, workspaces_of(conditions))
        return Chosen([each for each in live if all(condition.fits(each) for condition in conditions)])

    adopt(file, request, matching, approved=approved, ask=ask)


def _import_one(address: str, identifier: str, request: Request) -> None:
    from provisioner.cli.backends import state_backend
    from provisioner.cli.flow import addresses
    from provisioner.cli.locking import locked
    from provisioner.cli.project import load_specs
    from provisioner.cli.session import check_same_cloud, open_session

    wanted = next(addresses([address]))
    spec = _spec_of(wanted, load_specs(request))
    with open_session(request) as session:
        backend = state_backend(session.settings, spec.stack)
        with locked(backend, "OperationTypeImport", session.clock, timeout=request.lock_timeout):
            snapshot = backend.read()
            check_same_cloud(snapshot.state, session.cloud)
            _check_free(snapshot.state, wanted, identifier)
            notebook = _live(session, identifier, spec, wanted)
            changed = _with_import(snapshot.state, wanted, notebook, spec)
            next_one = changed.model_copy(update={"serial": snapshot.stored_serial}).next(session.cloud)
            written = backend.write(next_one, replacing=snapshot).state
    click.echo(f"Imported {wanted}: {notebook.id}  {notebook.name}  {notebook.status}.")
    click.echo(f"The state has serial {written.serial}. {_outlook(wanted, spec)}")


def _outlook(address: Address, spec: Spec) -> str:
    from provisioner.plan import as_argument

    if address in spec.notebooks:
        return "provisioner plan shows how the notebook differs from its spec."
    return (
        f"No spec declares {address}, so the next apply deletes it. Declare it first, or forget it: "
        f"provisioner state rm {as_argument(address)} --stack {spec.stack}"
    )


def _spec_of(address: Address, specs: Sequence[Spec]) -> Spec:
    from provisioner.errors import UsageError

    declaring = [spec for spec in specs if address in spec.notebooks] or list(specs)
    if len(declaring) != 1:
        names = ", ".join(spec.stack for spec in declaring)
        raise UsageError(f"which stack is {address} of? There are {names}", hint="name the directory of its specs")
    return declaring[0]


def _check_free(state: State, address: Address, identifier: str) -> None:
    from provisioner.errors import StateError

    is_pending = any(pending.address == str(address) for pending in state.pending)
    if str(address) in state.resources and not is_pending:
        present = state.resources[str(address)].id
        hint = "provisioner state rm forgets it, and deletes nothing"
        raise StateError(f"{address} is recorded already", detail=f"Its id is {present}.", hint=hint)
    owner = state.owners.get(identifier)
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
    """What is declared counts as applied as far as it is so; a create that may have made it is settled by this, and
    what that create was to replace is deposed.
    """
    from provisioner.adoption import adopted_record
    from provisioner.succession import succeeded

    record = adopted_record(notebook, spec.notebooks.get(address)).hidden(spec.secrets)
    record = succeeded(record, state.resources.get(str(address)))
    pending = tuple(each for each in state.pending if each.address != str(address))
    return state.with_records({str(address): record}).with_pending(pending)
