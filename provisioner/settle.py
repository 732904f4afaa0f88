"""Finds out what became of creates whose answer nobody saw. Reads only; the caller records what is found.

Names are not unique and a create carries no token, so an instance is taken for ours only when it is the single one that
has the name, flavor and image asked for, is not recorded, and is not older than the request (API page 18).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provisioner.clock import Clock
from provisioner.errors import Diagnostic, PlanError
from provisioner.model.observation import GONE, Observation
from provisioner.plan import record_of
from provisioner.provider.base import NotebookReader, every_notebook
from provisioner.state.document import Pending, Record, State

# A create may show up late, and clocks differ.
CLOCK_DIFFERENCE = 120.0
LOOK_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class Settled:
    """The state once every pending create is adopted or known to have left nothing."""

    state: State
    notes: tuple[Diagnostic, ...] = ()


def settle(
    state: State,
    provider: NotebookReader,
    clock: Clock,
    *,
    window: float,
    waiting: Callable[[Pending, float], None] | None,
) -> Settled:
    """Look for every pending create for `window` seconds after it was sent. `waiting` is told before each further look
    how many seconds are left; without it there is one look alone.
    """
    found: dict[str, Record | None] = {}
    notes = []
    recorded = {record.id for record in state.resources.values()}
    for pending in state.pending:
        # Never longer than the window, whatever the clock of the machine did since.
        end = clock.monotonic() + min(max(pending.at + window - clock.now(), 0.0), window)
        candidates = _candidates(pending, recorded, provider)
        while not candidates and waiting and (left := end - clock.monotonic()) > 0:
            waiting(pending, left)
            clock.sleep(min(left, LOOK_EVERY))
            candidates = _candidates(pending, recorded, provider)
        if len(candidates) > 1:
            raise _several(pending, candidates)
        if candidates:
            record = record_of(candidates[0], pending.body)
            found[pending.address] = record.model_copy(update={"incomplete": True})
            recorded.add(record.id)
        notes.append(_note(pending, candidates, final=waiting is not None))
    return Settled(state.with_records(found).with_pending(()), tuple(notes))


def _candidates(pending: Pending, recorded: set[str], provider: NotebookReader) -> list[Observation]:
    workspace = str(pending.body.get("workspace_id", "0"))
    return [
        notebook
        for notebook in every_notebook(provider, workspace)
        if notebook.id not in recorded and _matches(notebook, pending)
    ]


def _matches(observation: Observation, pending: Pending) -> bool:
    told, body = observation.attributes(), pending.body
    same = all(told.get(name) == body[name] for name in ("name", "flavor", "image_id") if name in body)
    young = observation.create_at is None or observation.create_at / 1000 >= pending.at - CLOCK_DIFFERENCE
    return same and young and observation.status not in {"DELETING", GONE}


def _several(pending: Pending, candidates: list[Observation]) -> PlanError:
    lines = [f"{each.id}  {each.name}  {each.status}" for each in candidates]
    return PlanError(
        f"{pending.address}: a create was sent and its answer was lost; {len(candidates)} instances may be it",
        detail="\n".join(lines),
        hint="delete the ones you do not want, then run again",
    )


def _note(pending: Pending, candidates: list[Observation], *, final: bool) -> Diagnostic:
    if candidates:
        detail = f"It exists with the id {candidates[0].id}; apply records it and goes on from there."
    elif final:
        detail = "No such instance has appeared: that create left nothing."
    else:
        detail = "No such instance is to be seen; apply looks once more before it creates one."
    summary = f"{pending.address}: an earlier run sent a create and did not see the answer"
    return Diagnostic(code="W502", severity="warning", summary=summary, detail=detail, address=pending.address)
