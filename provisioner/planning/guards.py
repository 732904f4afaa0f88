"""What makes a whole run stop before anything is sent. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.errors import Diagnostic, PlanError
from provisioner.model.fields import NAME_LIMIT
from provisioner.model.marker import MARK_LENGTH, Marking
from provisioner.model.observation import GONE, Observation
from provisioner.operations import OperationKind
from provisioner.plan import Action, Plan, Step
from provisioner.spec.project import Policy
from provisioner.state.document import State

# So few may be deleted by hand; more at once point at a wrong project, or at a service that is not itself.
_MISSING_UNSUSPECTED = 3
_MISSING_SHARE = 0.2
_SHOWN = 10

_DESTROYS = frozenset({Action.DELETE, Action.REPLACE})
_CHANGES = _DESTROYS | {Action.CREATE, Action.UPDATE}


def check_missing(state: State, live: Mapping[str, Observation | None], *, accepted: int) -> None:
    """Refuse to believe that so much of what is recorded is gone. What was being deleted is expected to be, and of what
    is only to be imported (it has no status) planning says so itself.
    """
    expected = {"DELETING", GONE, ""}
    gone = [at for at, seen in live.items() if seen is None and state.resources[at].status not in expected]
    if len(gone) <= max(_MISSING_UNSUSPECTED, _MISSING_SHARE * len(state.resources), accepted):
        return
    lines = [f"{at}  {state.resources[at].id}" for at in gone[:_SHOWN]]
    raise PlanError(
        f"{len(gone)} of {len(state.resources)} recorded notebooks are not there any more",
        detail="\n".join([*lines, "…"] if len(gone) > _SHOWN else lines),
        hint=f"is this the right project and region? If they were deleted: --accept-missing {len(gone)}",
    )


def policy_refusals(plan: Plan, policy: Policy) -> tuple[Diagnostic, ...]:
    """What the plan does beyond the limits of the project."""
    changes = [step for step in plan.steps if step.action in _CHANGES]
    destroys = [step for step in changes if step.action in _DESTROYS]
    found = []
    if policy.max_changes is not None and len(changes) > policy.max_changes:
        summary = f"the plan changes {_notebooks(changes)}"
        found.append(_beyond("E515", summary, changes, f"policy.max_changes allows {policy.max_changes}"))
    if policy.max_destroys is not None and len(destroys) > policy.max_destroys:
        summary = f"the plan deletes or replaces {_notebooks(destroys)}"
        found.append(_beyond("E516", summary, destroys, f"policy.max_destroys allows {policy.max_destroys}"))
    return tuple(found)


def _notebooks(steps: Sequence[Step]) -> str:
    return f"{len(steps)} notebook{'' if len(steps) == 1 else 's'}"


def _beyond(code: str, summary: str, steps: Sequence[Step], limit: str) -> Diagnostic:
    shown = [f"{step.address} ({step.action})" for step in steps[:_SHOWN]]
    detail = f"{limit}: {', '.join([*shown, '…'] if len(steps) > _SHOWN else shown)}"
    return Diagnostic(code, summary, detail, "apply it in parts, with --target; or raise the limit in provisioner.yaml")


def check_names(plan: Plan, marking: Marking) -> None:
    """Refuse names that leave no room for the mark where it stands in names."""
    for step in plan.pending:
        name = str(step.after.get("name", ""))
        if len(name) + MARK_LENGTH > NAME_LIMIT and _puts_mark_into_name(step, marking):
            raise PlanError(
                f"{step.address}: the name has {len(name)} characters and leaves no room for its marker",
                detail=f"The limit is {NAME_LIMIT}, {MARK_LENGTH} of them are used by the marker.",
                hint=f"shorten it to {NAME_LIMIT - MARK_LENGTH} characters; or cloud.marker: description",
            )


def _puts_mark_into_name(step: Step, marking: Marking) -> bool:
    observed = step.record.observed if step.record else {}
    marked = bool(observed.get("marker")) and observed.get("marker_place") == "name"
    return any(
        (operation.kind is OperationKind.CREATE and marking.place == "name")
        or (operation.kind is OperationKind.UPDATE and "name" in operation.values and marked)
        for operation in step.operations
    )
