"""Recording many live notebooks at once, with a spec file that declares them: what `import --all` and
`import --from-terraform` share.

The file is written before the state. It names the ids under `imports`, so whoever dies in between loses nothing: the
next plan records them, and so does the same command once more. The other way round, what is recorded and not declared
would be deleted by the next apply.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.adoption import ENDING, UNTOLD, Adoption, adopted_record, adoption
from provisioner.cli.backends import every_state, state_backend
from provisioner.cli.interrupt import stopping_gently
from provisioner.cli.live import with_mounts
from provisioner.cli.locking import locked
from provisioner.cli.new_spec import check_free, schema_of, stack_of, write_new
from provisioner.cli.screens import show_diagnostics
from provisioner.cli.session import Session, check_same_cloud, open_session
from provisioner.cli.terminal import may_ask
from provisioner.diff import compare
from provisioner.errors import Diagnostic, ProvisionerError, SpecError, UsageError
from provisioner.model.address import Address
from provisioner.model.marker import unmarked
from provisioner.spec.writing import spec_text
from provisioner.views.adoption import adoption_question, adoption_text
from provisioner.views.prompt import ANSWER
from provisioner.views.values import count

if TYPE_CHECKING:
    from provisioner.cli.options import Request
    from provisioner.model.observation import Observation
    from provisioner.spec.document import Spec
    from provisioner.state.document import State


@dataclass(frozen=True, slots=True)
class Chosen:
    """The live notebooks that are asked for.

    names     by id, what a KEY is made of instead of the notebook's name
    warnings  what is to be said of those that are asked for and not here
    remarks   what is to be said of one that is imported
    """

    live: Sequence[Observation]
    names: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[Diagnostic] = ()
    remarks: Callable[[Observation], Iterator[Diagnostic]] = lambda _notebook: iter(())


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be done: notebooks that a new file declares, and those that the specs declare already."""

    fresh: Adoption
    declared: Mapping[Address, Observation]

    @property
    def live(self) -> dict[Address, Observation]:
        return {each.address: each.live for each in self.fresh.adopted} | dict(self.declared)


def adopt(
    file: Path, request: Request, choose: Callable[[Session], Chosen], *, approved: bool, ask: bool
) -> frozenset[str]:
    """Record what `choose` chooses in the stack of `file`. The ids of all that the stack has recorded then."""
    if not approved and not may_ask(wanted=ask):
        raise UsageError("nobody can be asked to approve the import", hint="add --auto-approve")
    with open_session(request) as session:
        spec = stack_of(file, request)
        backend = state_backend(session.settings, spec.stack)
        with locked(backend, "OperationTypeImport", session.clock, timeout=request.lock_timeout):
            snapshot = backend.read()
            check_same_cloud(snapshot.state, session.cloud)
            chosen = choose(session)
            work = _work(chosen, spec, snapshot.state, session, request.parallelism)
            if not work.live:
                click.echo(f"Nothing to import: {_why_nothing(chosen.live, snapshot.state)}.")
                return frozenset(snapshot.state.owners)
            if work.fresh.adopted:
                check_free(file)
            _agree(spec.stack, file, work, approved=approved)
            with stopping_gently(session.clock.stop):
                declared = _declare(file, request, work.fresh) if work.fresh.adopted else spec
                state = _recorded(snapshot.state, work.live, declared)
                renumbered = state.model_copy(update={"serial": snapshot.stored_serial}).next(session.cloud)
                written = backend.write(renumbered, replacing=snapshot).state
    _conclude(work, declared, written, file)
    return frozenset(written.owners)


def _work(chosen: Chosen, spec: Spec, state: State, session: Session, workers: int) -> _Work:
    """Says what is left out, and why."""
    show_diagnostics(chosen.warnings)
    free = with_mounts(session.provider, _free(chosen.live, state, session), workers=workers)
    imports = {each.id: each.to for each in spec.imports if each.to in spec.notebooks}
    declared = {imports[each.id]: each for each in free if each.id in imports and each.status not in ENDING}
    at = [*state.resources, *(pending.address for pending in state.pending)]
    fresh = adoption(
        [each for each in free if each not in declared.values()],
        taken={address.key for address in (*spec.notebooks, *map(Address.parse, at)) if address},
        names=chosen.names,
        ignored_tags=session.settings.ignore_tags,
        defaulted=spec.defaulted | session.settings.defaulted,
    )
    free_to_record = {address: each for address, each in declared.items() if str(address) not in state.resources}
    work = _Work(fresh, free_to_record)
    remarks = [remark for notebook in work.live.values() for remark in chosen.remarks(notebook)]
    show_diagnostics([*fresh.warnings, *_taken(declared, state), *remarks])
    return work


def _free(live: Sequence[Observation], state: State, session: Session) -> list[Observation]:
    """Those that nobody has recorded. What a create of ours may have made is that create's."""
    owners = {
        identifier: name
        for name in every_state(session.settings)
        if name != state.stack
        for identifier in state_backend(session.settings, name).read().state.owners
    }
    awaited = {unmarked(pending.body)[1] for pending in state.pending} - {""}
    unknown = [each for each in live if each.id not in state.owners]
    show_diagnostics([*_of_others(unknown, owners), *(_awaited(each) for each in unknown if each.marker in awaited)])
    return [each for each in unknown if each.id not in owners and each.marker not in awaited]


def _of_others(live: Sequence[Observation], owners: Mapping[str, str]) -> Iterator[Diagnostic]:
    for stack in sorted({owners[each.id] for each in live if each.id in owners}):
        theirs = [each for each in live if owners.get(each.id) == stack]
        yield Diagnostic(
            "W642",
            f"{count(len(theirs), 'notebook')} left out: recorded in the stack {stack}",
            detail="\n".join(f"{each.id}  {each.name}" for each in theirs),
            hint="one notebook belongs to one stack: `provisioner state rm` there forgets one",
            severity="warning",
        )


def _awaited(notebook: Observation) -> Diagnostic:
    summary = f"the notebook {notebook.id} is left out: a create that got no answer may have made it"
    hint = "provisioner apply finds out, and records it"
    return Diagnostic("W643", summary, notebook.name, hint, severity="warning")


def _taken(declared: Mapping[Address, Observation], state: State) -> Iterator[Diagnostic]:
    for address, notebook in declared.items():
        if present := state.resources.get(str(address)):
            yield Diagnostic(
                "W644",
                f"the notebook {notebook.id} is left out: {address}, which imports it, is recorded already",
                f"{address} is {present.id}.",
                "give it another KEY below `imports`",
                severity="warning",
            )


def _why_nothing(live: Collection[Observation], state: State) -> str:
    if not live:
        return "no live notebook is meant"
    recorded = sum(each.id in state.owners for each in live)
    if recorded == len(live):
        return f"{recorded} live, all of them recorded in the stack {state.stack} already"
    return f"{len(live)} live, {recorded} recorded in the stack {state.stack} already, the others are left out"


def _agree(stack: str, file: Path, work: _Work, *, approved: bool) -> None:
    written = [(each.address, each.live) for each in work.fresh.adopted]
    click.echo(adoption_text(stack, written, list(work.declared.items()), str(file)), nl=False)
    if approved:
        return
    click.echo(f"\n{adoption_question(str(file), writes=bool(written))}", err=True, nl=False)
    answer = sys.stdin.readline()
    click.echo(err=True)
    if answer.strip() != ANSWER:
        raise ProvisionerError("Import cancelled", detail="Nothing was changed.")


def _declare(file: Path, request: Request, fresh: Adoption) -> Spec:
    """Write the file and read the stack with it. A file that the stack refuses does not stay."""
    write_new(file, spec_text(fresh.entries, fresh.ids, schema=schema_of(file), remarks=[UNTOLD]))
    try:
        return stack_of(file, request)
    except SpecError:
        file.unlink()
        raise


def _recorded(state: State, live: Mapping[Address, Observation], spec: Spec) -> State:
    records = {
        str(address): adopted_record(notebook, spec.notebooks.get(address)).hidden(spec.secrets)
        for address, notebook in live.items()
    }
    return state.with_records(records)


def _conclude(work: _Work, spec: Spec, state: State, file: Path) -> None:
    imported = count(len(work.live), "notebook")
    click.echo(f"\nImported {imported} into the stack {state.stack}. The state has serial {state.serial}.")
    if work.fresh.adopted:
        click.echo(f"Wrote {file}.")
    differing = [str(address) for address, notebook in work.live.items() if _differs(spec, address, notebook)]
    if differing:
        shown = ", ".join(differing[:5]) + (" and more" if len(differing) > 5 else "")  # noqa: PLR2004 - a line's worth
        click.echo(f"The specs say otherwise than what is live of {shown}: provisioner plan shows how.")


def _differs(spec: Spec, address: Address, notebook: Observation) -> bool:
    """Patches and policies of the project count for new notebooks too."""
    declared = spec.notebooks[address].notebook.attributes()
    told = notebook.attributes()
    changes = compare(declared, told, {})
    ignored = spec.notebooks[address].ignored
    return any(change.path not in ignored and change.path.partition(".")[0] not in ignored for change in changes)
