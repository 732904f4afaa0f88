"""Waiting for many notebooks at once: one list request a tick serves all of them.

A list shows the newest first, so what was just created stands on its first pages. One tick reads one page; a sweep ends
when everything that waits was seen, or with the last page. What a whole sweep did not show is asked for by id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from provisioner.clock import Clock
from provisioner.errors import ApiError
from provisioner.model.answer import Mount
from provisioner.model.marker import Place
from provisioner.model.observation import Observation
from provisioner.operations import MOUNTING, Operation
from provisioner.provider.base import NotebookReader, Page, with_marks
from provisioner.run.goals import Verdict, mount_verdict, verdict

FASTEST_TICK = 0.2
SLOWEST_TICK = 5.0
# A wait of a minute does not need an answer to the tenth of a second.
TICK_SHARE = 0.1
# Looks that may fail in a row; each was repeated by the client before it counts.
PATIENCE = 3


@dataclass(eq=False, frozen=True, slots=True)
class Ticket:
    """One wait: for the goal of `operation`, or for nothing but a fresh look when it is None.

    since     monotonic seconds
    deadline  monotonic seconds at which the wait is given up
    seen      called with every observation on the way
    mark      with one, and no id, it waits for an instance that carries it, in its `place`
    """

    notebook_id: str
    workspace_id: str
    operation: Operation | None
    since: float
    deadline: float
    seen: Callable[[Observation], None]
    mark: str = ""
    place: Place = "description"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What ends a wait: the last observation (None: it does not exist) and how the goal stands.

    found  those that carry the mark that was waited for
    """

    observation: Observation | None
    verdict: Verdict
    mounts: tuple[Mount, ...] | None = None
    found: tuple[Observation, ...] = ()


@dataclass(slots=True)
class _Sweep:
    """A walk through the pages of one workspace: how many rows it read, and what it has not shown yet."""

    rows: int
    unseen: set[str]


class Watch:
    """Looks at everything that waits. Used by one thread."""

    def __init__(self, provider: NotebookReader, clock: Clock, interval: float | None = None) -> None:
        self._provider = provider
        self._clock = clock
        self._interval = interval
        self._sweeps: dict[str, _Sweep] = {}
        self._turn = count()
        self._failures = 0

    def interval(self, tickets: Sequence[Ticket]) -> float:
        """Seconds until the next tick: a tenth of the age of the youngest wait."""
        if self._interval is not None:
            return self._interval
        age = min((self._waited(ticket) for ticket in tickets), default=0.0)
        return min(max(age * TICK_SHARE, FASTEST_TICK), SLOWEST_TICK)

    def look(self, tickets: Sequence[Ticket]) -> list[tuple[Ticket, Sighting]]:
        """One tick: those whose wait is over. A failed look is tried again at the next tick: the service being away for
        a moment says nothing about the instances.
        """
        try:
            over = list(self._look(tickets))
        except ApiError:
            self._failures += 1
            if self._failures >= PATIENCE:
                self._failures = 0
                raise
            over = []
        else:
            self._failures = 0
        now = self._clock.monotonic()
        done = {ticket for ticket, _ in over}
        late = [ticket for ticket in tickets if ticket not in done and now >= ticket.deadline]
        return [*over, *((ticket, Sighting(None, Verdict.PENDING)) for ticket in late)]

    def _look(self, tickets: Sequence[Ticket]) -> Iterable[tuple[Ticket, Sighting]]:
        """At most one list request, those that search for a mark, and the reads that a list cannot replace."""
        yield from self._look_at_mounts(tickets)
        yield from self._look_for_marks([ticket for ticket in tickets if ticket.mark])
        listed = [ticket for ticket in tickets if not ticket.mark and not _mounting(ticket.operation)]
        workspaces = sorted({ticket.workspace_id for ticket in listed})
        if workspaces:
            workspace = workspaces[next(self._turn) % len(workspaces)]
            yield from self._look_at_list(workspace, [each for each in listed if each.workspace_id == workspace])

    def _look_at_list(self, workspace: str, tickets: Sequence[Ticket]) -> Iterable[tuple[Ticket, Sighting]]:
        shown = self._shown(workspace, {ticket.notebook_id for ticket in tickets})
        for ticket in tickets:
            if ticket.notebook_id not in shown:
                continue
            observation = shown[ticket.notebook_id]
            if observation is not None:
                ticket.seen(observation)
            how = Verdict.REACHED
            if ticket.operation is not None:
                how = verdict(ticket.operation, observation, waited=self._waited(ticket))
            if how is not Verdict.PENDING:
                yield ticket, Sighting(observation, how)

    def _shown(self, workspace: str, waiting: set[str]) -> dict[str, Observation | None]:
        """What this tick shows of those that wait; None for one that neither a list nor its id shows."""
        if len(waiting) == 1:
            page, missing = self._provider.page(workspace, 0, notebook_id=min(waiting)), waiting
        else:
            page, missing = self._sweep(workspace, waiting)
        shown: dict[str, Observation | None] = {each.id: each for each in page.notebooks if each.id in waiting}
        return shown | {each: self._provider.read(each, workspace) for each in sorted(missing - shown.keys())}

    def _sweep(self, workspace: str, waiting: set[str]) -> tuple[Page, set[str]]:
        """The next page, and with the last one whatever the whole sweep did not show."""
        sweep = self._sweeps.get(workspace)
        if sweep is None or not sweep.unseen & waiting:
            sweep = self._sweeps[workspace] = _Sweep(0, set(waiting))
        page = self._provider.page(workspace, sweep.rows)
        sweep.rows += len(page.notebooks)
        sweep.unseen -= {notebook.id for notebook in page.notebooks}
        if not page.is_last(sweep.rows):
            return page, set()
        del self._sweeps[workspace]
        return page, sweep.unseen & waiting

    def _look_at_mounts(self, tickets: Sequence[Ticket]) -> Iterable[tuple[Ticket, Sighting]]:
        known: dict[str, tuple[Mount, ...]] = {}
        for ticket in tickets:
            operation = ticket.operation
            if operation is None or not _mounting(operation):
                continue
            if ticket.notebook_id not in known:
                known[ticket.notebook_id] = self._provider.mounts(ticket.notebook_id) or ()
            mounts = known[ticket.notebook_id]
            how = mount_verdict(operation, mounts, waited=self._waited(ticket))
            if how is not Verdict.PENDING:
                yield ticket, Sighting(None, how, mounts)

    def _look_for_marks(self, tickets: Sequence[Ticket]) -> Iterable[tuple[Ticket, Sighting]]:
        for workspace in sorted({ticket.workspace_id for ticket in tickets}):
            here = [ticket for ticket in tickets if ticket.workspace_id == workspace]
            found = with_marks(self._provider, workspace, [(ticket.mark, ticket.place) for ticket in here])
            for ticket in here:
                if found[ticket.mark]:
                    yield ticket, Sighting(None, Verdict.REACHED, found=tuple(found[ticket.mark]))

    def _waited(self, ticket: Ticket) -> float:
        return self._clock.monotonic() - ticket.since


def _mounting(operation: Operation | None) -> bool:
    return operation is not None and operation.kind in MOUNTING
