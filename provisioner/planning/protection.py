"""`lifecycle.prevent_destroy`: what is recorded of it, and the plans that it forbids. Pure.

It is kept in the state, so that taking the block out of the specs does not lift it: an applied `false` alone does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from provisioner.diff import Change
from provisioner.errors import Diagnostic
from provisioner.model.address import Address
from provisioner.model.behavior import Effect
from provisioner.plan import Action, Loss, Reason, Step
from provisioner.spec.document import Declaration
from provisioner.state.document import Record

PATH = "lifecycle.prevent_destroy"


def protected_after(declaration: Declaration | None, record: Record | None) -> bool:
    """Whether it is protected once the plan is applied: as the spec says, else as is recorded."""
    said = declaration.notebook.lifecycle.prevent_destroy if declaration else None
    return bool(record and record.protected) if said is None else said


def protection_change(record: Record, *, protected: bool) -> tuple[Change, ...]:
    if record.protected == protected:
        return ()
    return (Change(PATH, record.protected, protected, Effect.NONE),)


def protection_refusals(steps: Sequence[Step], declared: Mapping[Address, Declaration]) -> Iterator[Diagnostic]:
    """Why what is protected, or declared so, is neither deleted nor replaced. Of an instance that never ran, or that is
    being deleted already, nothing is left to protect.
    """
    for step in steps:
        if step.action not in {Action.DELETE, Action.REPLACE} or step.loss is Loss.NONE:
            continue
        declaration = declared.get(step.address)
        recorded = bool(step.record and step.record.protected)
        if recorded or (declaration and declaration.notebook.lifecycle.prevent_destroy):
            yield _refusal(step, declaration)


def _refusal(step: Step, declaration: Declaration | None) -> Diagnostic:
    what = "replaced" if step.action is Action.REPLACE else "destroyed"
    place = (declaration.fields.get("lifecycle") or declaration.source) if declaration else None
    return Diagnostic(
        code="E513",
        summary=f"{step.address} cannot be {what}: it is protected",
        detail=" ".join(filter(None, [_whose(declaration), _why(step)])),
        hint=_way_out(step, declaration),
        range=place,
        address=str(step.address),
    )


def _whose(declaration: Declaration | None) -> str:
    said = declaration.notebook.lifecycle.prevent_destroy if declaration else None
    if said:
        return "Its spec says prevent_destroy: true."
    kept = "The state says so since it was applied with prevent_destroy: true"
    if declaration is None:
        return f"{kept}; taking the notebook out of the specs does not lift that."
    return f"{kept}; its spec says false, which an apply has to record first." if said is False else f"{kept}."


def _why(step: Step) -> str:
    culprits = [change.path for change in step.changes if change.effect is Effect.REPLACE]
    if step.reason is Reason.CANNOT_UPDATE and culprits:
        return f"A change of {', '.join(culprits)} needs another instance."
    return ""


def _way_out(step: Step, declaration: Declaration | None) -> str:
    lifting = "lifecycle: {prevent_destroy: false}"
    key = str(step.address).removeprefix("notebook.")
    if step.reason is Reason.NOT_DECLARED:
        keep = f"keep it without managing it: removed: [{{from: {key}, destroy: false}}]"
        return f"{keep}; or declare it once more with `{lifting}`, apply, then take it out"
    again = "destroy" if step.action is Action.DELETE else "make this change"
    if declaration is None:
        return f"declare it with `{lifting}`, apply, then {again}"
    return f"if it may go: say `{lifting}` and nothing else, apply, then {again}"
