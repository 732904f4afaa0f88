"""`import --from-terraform`: which live notebooks a Terraform state means, and what is said of the others.

The Terraform state is read and never changed.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.adoption import differences
from provisioner.cli.adopt import Chosen
from provisioner.cli.live import DEFAULT_WORKSPACE, by_id, listed
from provisioner.errors import Diagnostic, UsageError
from provisioner.state.terraform import TerraformNotebook, TerraformState, read_terraform
from provisioner.views.values import count, inline

if TYPE_CHECKING:
    from provisioner.cli.session import Session
    from provisioner.model.observation import Observation


def terraform_state(path: Path) -> TerraformState:
    """What the file holds; a UsageError when it holds no notebook."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read", detail=error.strerror or str(error)) from error
    state = read_terraform(data, str(path))
    if not state.notebooks and not state.deposed:
        detail = f"It has {count(state.others, 'resource')} of other types." if state.others else "It is empty."
        hint = "provisioner import --all records what is live"
        raise UsageError(f"{path} has no ModelArts notebook", detail=detail, hint=hint)
    return state


def chosen(state: TerraformState, session: Session, workers: int) -> Chosen:
    """The live notebooks that `state` means."""
    _check_region(state, session.cloud.region)
    first = {each.id: each for each in reversed(state.notebooks)}
    live = _live(first, session, workers)

    def remarks(notebook: Observation) -> Iterator[Diagnostic]:
        if changes := differences(first[notebook.id].declared, notebook):
            yield Diagnostic(
                "W631",
                f"{first[notebook.id].address} is not as Terraform knows it",
                "\n".join(f"{each.path}: {_text(each.desired)} there, {_text(each.live)} live" for each in changes),
                "the spec says what is live",
                severity="warning",
            )

    warnings = [*_twins(state.notebooks, first), *_left_out(state, first, {each.id for each in live})]
    return Chosen(live, {each.id: each.label for each in first.values()}, warnings, remarks)


def farewell(state: TerraformState, recorded: Collection[str]) -> str:
    """How Terraform is told that they are no longer its own; "" when nothing is recorded."""
    addresses = [at for each in state.notebooks if each.id in recorded for at in (*each.mounts, each.address)]
    if not addresses:
        return ""
    lines = "".join(f"  terraform state rm {shlex.quote(address)}\n" for address in dict.fromkeys(addresses))
    return (
        "\nTerraform still manages them too. So that it does not change or delete them, remove their blocks from its\n"
        f"configuration, and have it forget them:\n\n{lines}"
    )


def _live(asked: dict[str, TerraformNotebook], session: Session, workers: int) -> list[Observation]:
    """By lists first; one that no list shows (another user's, or moved) is asked for alone."""
    workspaces = sorted({str(each.declared.get("workspace_id", DEFAULT_WORKSPACE)) for each in asked.values()})
    found = {each.id: each for each in listed(session.provider, workspaces) if each.id in asked}
    sought = by_id(session.provider, [each for each in asked if each not in found], workers=workers)
    return [*found.values(), *(each for each in sought.values() if each is not None)]


def _check_region(state: TerraformState, ours: str) -> None:
    if others := [each for each in state.notebooks if each.region not in {"", ours}]:
        raise UsageError(
            f"{others[0].address} is in the region {others[0].region}, this run is for {ours}",
            detail=f"{len(others)} of {len(state.notebooks)} notebooks of the Terraform state are in other regions.",
            hint=f"HW_REGION_NAME={others[0].region}, or an environment of provisioner.yaml with that region",
        )


def _twins(notebooks: Sequence[TerraformNotebook], first: dict[str, TerraformNotebook]) -> Iterator[Diagnostic]:
    for each in notebooks:
        if first[each.id] is not each:
            summary = f"{each.address} is left out: {first[each.id].address} is the same notebook, {each.id}"
            yield Diagnostic("W632", summary, hint=_forget(each.address), severity="warning")


def _left_out(
    state: TerraformState, asked: dict[str, TerraformNotebook], live: Collection[str]
) -> Iterator[Diagnostic]:
    for each in asked.values():
        if each.id not in live:
            summary = f"{each.address} is left out: its notebook {each.id} does not exist"
            yield Diagnostic("W633", summary, hint=_forget(each.address), severity="warning")
        elif each.tainted:
            summary = f"{each.address} is tainted: Terraform meant to replace the notebook {each.id}"
            hint = "it is imported as it is; `provisioner apply --replace` replaces it"
            yield Diagnostic("W634", summary, hint=hint, severity="warning")
    for address, identifier in state.deposed:
        yield Diagnostic(
            "W635",
            f"a deposed notebook of {address} is left out: {identifier}",
            "Terraform has replaced it and not deleted it yet.",
            f"`terraform apply` deletes it; to keep it: provisioner import KEY {identifier}",
            severity="warning",
        )
    for address in state.homeless:
        summary = f"{address} is left out: its notebook is not in the Terraform state"
        yield Diagnostic("W636", summary, hint=_forget(address), severity="warning")


def _forget(address: str) -> str:
    return f"terraform state rm {shlex.quote(address)}"


def _text(value: object) -> str:
    return "nothing" if value is None else inline(value)
