"""Finds out what became of creates whose answer nobody saw. Reads only; the caller records what is found.

Names are not unique and a create carries no token (API page 18), so each create puts a mark of its own on the instance.
The one instance with that mark is ours if it also is what was asked for. A create without a mark is looked for by what
it asked for, and a person decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from provisioner.clock import Clock
from provisioner.errors import ApiError, Diagnostic, PlanError
from provisioner.model.marker import Place, unmarked
from provisioner.model.observation import GONE, Observation
from provisioner.model.secrets import NO_SECRETS, Secrets, holds_hidden
from provisioner.plan import record_of
from provisioner.provider.base import NotebookReader, every_notebook, with_marks
from provisioner.state.document import Pending, Record, State
from provisioner.succession import succeeded

# How long a create whose answer was lost is searched for, seconds, unless somebody says otherwise.
SETTLE_WINDOW = 120.0
# The clock of the service and ours differ.
CLOCK_DIFFERENCE = 120.0
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 15.0
PAUSE_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Settled:
    """The state once every pending create is adopted, or known to have left nothing.

    refused  by address why a create stays pending: nothing may be created there
    """

    state: State
    notes: tuple[Diagnostic, ...] = ()
    refused: Mapping[str, PlanError] = field(default_factory=dict)


def settle(
    state: State,
    provider: NotebookReader,
    clock: Clock,
    *,
    window: float,
    waiting: Callable[[Pending, float], None] | None,
    secrets: Secrets = NO_SECRETS,
) -> Settled:
    """Look for every pending create for `window` seconds after it was sent. `waiting` is told before each further look
    how many seconds are left; without it there is one look alone.
    """
    recorded = set(state.owners)
    # Never longer than the window, whatever the clock of the machine did since.
    ends = [clock.monotonic() + min(max(each.at + window - clock.now(), 0.0), window) for each in state.pending]
    shown = _look(state.pending, provider)
    pause = FIRST_PAUSE
    while waiting and (left := _unseen(shown, ends, recorded, clock.monotonic())):
        for number, seconds in left.items():
            waiting(state.pending[number], seconds)
        clock.sleep(min(pause, *left.values()))
        pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE)
        again = _look([state.pending[number] for number in left], provider)
        shown = [*shown]
        for number, seen in zip(left, again, strict=True):
            shown[number] = seen
    return _settled(state, shown, recorded, secrets, final=waiting is not None)


def adoptable(pending: Pending, shown: Sequence[Observation], recorded: Collection[str]) -> Record | None:
    """The record of the instance that `pending` made; None when none of `shown` is it. Raises PlanError when that
    cannot be said for certain.
    """
    candidates = [each for each in shown if each.id not in recorded and each.status not in {"DELETING", GONE}]
    if not candidates:
        return None
    body, mark, _ = unmarked(pending.body)
    only = candidates[0]
    if len(candidates) > 1:
        raise _undecided(pending, candidates, f"{len(candidates)} instances may be it")
    if not mark:
        raise _undecided(pending, candidates, "an instance may be it, and nothing marks it as ours")
    if different := _differences(only, body):
        raise _undecided(pending, candidates, f"the instance with its mark has another {' and '.join(different)}")
    return record_of(only, body).model_copy(update={"incomplete": True})


def mark_of(pending: Pending) -> tuple[str, Place]:
    """The mark that the create carried, "" when none, and where."""
    _, mark, place = unmarked(pending.body)
    return mark, place


def workspace_of_create(pending: Pending) -> str:
    return str(pending.body.get("workspace_id", "0"))


_Shown = list[Observation] | ApiError


def _look(pending: Sequence[Pending], provider: NotebookReader) -> list[_Shown]:
    """For each what may be it, or the error of the look-up."""
    found: list[_Shown] = [[] for _ in pending]
    for workspace in sorted({workspace_of_create(each) for each in pending}):
        here = [number for number, each in enumerate(pending) if workspace_of_create(each) == workspace]
        try:
            seen = list(_look_at([pending[number] for number in here], workspace, provider))
        except ApiError as error:
            for number in here:
                found[number] = error
        else:
            for number, shown in zip(here, seen, strict=True):
                found[number] = shown
    return found


def _look_at(pending: Sequence[Pending], workspace: str, provider: NotebookReader) -> Iterator[list[Observation]]:
    marks = [mark_of(each) for each in pending]
    found = with_marks(provider, workspace, [each for each in marks if each[0]])
    everything = [] if all(mark for mark, _ in marks) else list(every_notebook(provider, workspace))
    for each, (mark, _) in zip(pending, marks, strict=True):
        yield found[mark] if mark else [notebook for notebook in everything if _looks_like(notebook, each)]


def _looks_like(notebook: Observation, pending: Pending) -> bool:
    young = notebook.create_at is None or notebook.create_at / 1000 >= pending.at - CLOCK_DIFFERENCE
    asked = {"name": pending.body.get("name")}
    return young and not _differs({"name": notebook.name}, asked, "name") and not _differences(notebook, pending.body)


def _differences(notebook: Observation, body: Mapping[str, Any]) -> list[str]:
    """What of the things that never change by themselves is not as asked for; what an answer lacks says nothing, nor
    does a secret that nobody kept.
    """
    told = notebook.attributes()
    differ = [name for name in ("flavor", "image_id") if _differs(told, body, name)]
    volume = (told.get("volume", {}), body.get("volume", {}))
    if any(_differs(*volume, name) for name in ("category", "capacity")):
        differ.append("volume")
    return differ


def _differs(told: Mapping[str, Any], asked: Mapping[str, Any], name: str) -> bool:
    if name not in asked or holds_hidden(asked[name]):
        return False
    return bool(told.get(name, asked[name]) != asked[name])


def _unseen(shown: Sequence[_Shown], ends: Sequence[float], recorded: Collection[str], now: float) -> dict[int, float]:
    """The creates of which nothing is seen yet, with the seconds that are left to look for them."""
    return {
        number: end - now
        for number, (seen, end) in enumerate(zip(shown, ends, strict=True))
        if end > now and (isinstance(seen, ApiError) or all(each.id in recorded for each in seen))
    }


def _settled(state: State, shown: Sequence[_Shown], recorded: set[str], secrets: Secrets, *, final: bool) -> Settled:
    adopted: dict[str, Record | None] = {}
    refused: dict[str, PlanError] = {}
    notes, kept = [], []
    for pending, seen in zip(state.pending, shown, strict=True):
        try:
            record = _adoptable_unless_failed(pending, seen, recorded)
        except PlanError as error:
            refused[pending.address] = error
            kept.append(pending)
            continue
        if record is not None:
            # One that was to be replaced only after it was created is recorded still.
            bare = record.hidden(secrets.recalled(pending.body, record.observed))
            adopted[pending.address] = succeeded(bare, state.resources.get(pending.address))
            recorded.add(record.id)
        notes.append(_note(pending, record, final=final))
    return Settled(state.with_records(adopted).with_pending(tuple(kept)), tuple(notes), refused)


def _adoptable_unless_failed(pending: Pending, seen: _Shown, recorded: Collection[str]) -> Record | None:
    if isinstance(seen, ApiError):
        raise PlanError(
            f"{pending.address}: a create was sent and its answer was lost; looking for the instance failed",
            detail=f"{seen.summary}\n{seen.detail}".strip(),
            hint="run again: nothing is created there before it is known",
        ) from seen
    return adoptable(pending, seen, recorded)


def _undecided(pending: Pending, candidates: Sequence[Observation], why: str) -> PlanError:
    key = pending.address.removeprefix("notebook.")
    lines = [f"{each.id}  {each.name}  {each.status}  created {_time_text(each.create_at)}" for each in candidates]
    return PlanError(
        f"{pending.address}: a create was sent and its answer was lost; {why}",
        detail="\n".join(lines),
        hint=f"provisioner import {key} {candidates[0].id} adopts one; delete those you do not want in the console",
    )


def _time_text(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "at an unknown time"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _note(pending: Pending, record: Record | None, *, final: bool) -> Diagnostic:
    if record is not None:
        detail = f"It exists with the id {record.id}; apply records it and goes on from there."
    elif final:
        detail = "No such instance has appeared: that create left nothing."
    else:
        detail = "No such instance is to be seen; apply looks once more before it creates one."
    summary = f"{pending.address}: an earlier run sent a create and did not see the answer"
    return Diagnostic(code="W502", severity="warning", summary=summary, detail=detail, address=pending.address)
