"""Reading everything recorded with as few requests as the service allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil

import pytest

from provisioner.errors import ApiError, StateError
from provisioner.events import Event, RefreshCompleted, RefreshStarted
from provisioner.model.answer import Mount
from provisioner.model.marker import UNMARKED, Marking, Place
from provisioner.model.observation import Observation
from provisioner.plan import record_of
from provisioner.provider.base import Page
from provisioner.refresh import Refreshed, recall, refresh
from provisioner.state.document import Deposed, Pending, Record, State
from tests.unit.provider.fakes import FakeClock
from tests.unit.readers import FakeNotebooks, seen

MOUNT = Mount(id="m1", category="OBS", uri="obs://b/d/", mount_path="/data/sets/", status="MOUNTED")


def state_of(*numbers: int, **fields: object) -> State:
    records = {f"notebook.k{n}": Record(id=f"n{n}", status="RUNNING", **fields) for n in numbers}  # type: ignore[arg-type]
    return State(lineage="l", serial=1, stack="lab", resources=records)


def look(
    state: State,
    service: FakeNotebooks,
    mounting: tuple[str, ...] = (),
    listener: Callable[[Event], None] = lambda _: None,
) -> Mapping[str, Observation | None]:
    return refresh(state, service, mounting=mounting, workers=4, clock=FakeClock(), listener=listener).live


@pytest.mark.parametrize("count", [1, 10, 49, 50, 51, 100, 101, 149, 500])
def test_lists_serve_everyone(count: int) -> None:
    """N notebooks cost at most ceil(n / 50) lists and no read of a single one."""
    service = FakeNotebooks(*(seen(n) for n in range(count)))
    live = look(state_of(*range(count)), service)
    assert {f"notebook.k{n}": f"n{n}" for n in range(count)} == {a: o.id for a, o in live.items() if o is not None}
    assert service.requests == service.lists == ceil(count / 50)


def test_nothing_recorded_is_nothing_asked() -> None:
    """An empty state sends no request."""
    service = FakeNotebooks(seen(1))
    assert ({}, []) == (look(state_of(), service), service.log)


def test_the_first_page_may_be_enough() -> None:
    """Pages of other people's notebooks are not read once all are found."""
    service = FakeNotebooks(*(seen(n) for n in range(500)))
    look(state_of(3, 40), service)
    assert ["list 0 0"] == service.log


def test_few_among_many_are_read_by_id() -> None:
    """Where the lists of a crowded workspace cost more than the few that are missing, those are asked for."""
    service = FakeNotebooks(*(seen(n) for n in range(5000)))
    live = look(state_of(3, 4000), service)
    assert ["list 0 0", "get n4000 0"] == service.log
    assert live["notebook.k4000"] is not None


def test_lists_without_a_total_are_read_to_their_end() -> None:
    """When the service does not say how many there are, a page that is not full is the last."""
    service = FakeNotebooks(*(seen(n) for n in range(120)))
    service.told = False
    live = look(state_of(*range(120)), service)
    assert all(live.values())
    assert service.requests == service.lists <= ceil(120 / 50) + 1


@pytest.mark.parametrize("told", [True, False], ids=["total", "no total"])
def test_rows_that_shift_between_pages_are_not_lost(*, told: bool) -> None:
    """A row that moved to a page read before is asked for by id; one that comes twice counts once."""
    service = FakeNotebooks(*(seen(n) for n in range(120)))
    service.told = told
    pages = iter(range(1000))

    def shift() -> None:
        if next(pages) == 1:
            service.remove("n7")

    service.on_page = shift
    live = look(state_of(*range(120)), service)
    # All but n7 exist. It was on the first page before it went, and that page was read.
    assert all(live.values())


def test_an_absent_one_is_confirmed_by_its_id() -> None:
    """Only an instance that neither the lists, nor its id, nor a list of its id shows is gone."""
    service = FakeNotebooks(seen(1), seen(2))
    service.hidden = {"n2"}
    live = look(state_of(1, 2, 3), service)
    assert ["list 0 0", "get n2 0", "get n3 0", "list 0 0 n3"] == service.log[:1] + sorted(service.log[1:])
    assert (True, True, False) == tuple(live[f"notebook.k{n}"] is not None for n in (1, 2, 3))


def test_one_that_only_a_list_of_its_id_shows_exists() -> None:
    """A single answer that says "not found" proves nothing."""

    class Forgetful(FakeNotebooks):
        def read(self, notebook_id: str, workspace_id: str) -> Observation | None:
            super().read(notebook_id, workspace_id)
            return None

    service = Forgetful(*(seen(n) for n in range(500)))
    assert look(state_of(3, 400), service)["notebook.k400"] is not None
    assert ["list 0 0", "get n400 0", "list 0 0 n400"] == service.log


class TestMarks:
    """Where the stack marks its instances, lists show those alone."""

    MARKING = Marking.of("lab", "p", "here", "description")

    def marked(self, number: int, status: str = "RUNNING") -> Observation:
        return seen(number, status, description=self.MARKING.fresh(f"notebook.k{number}"))

    def state_of(self, *notebooks: Observation) -> State:
        records = {f"notebook.k{each.id[1:]}": record_of(each, {}) for each in notebooks}
        return State(lineage="l", serial=1, stack="lab", resources=records)

    def refreshed(self, state: State, service: FakeNotebooks) -> Refreshed:
        return refresh(
            state,
            service,
            mounting=(),
            workers=4,
            clock=FakeClock(),
            listener=lambda _: None,
            marking=self.MARKING,
            workspaces=("0",),
        )

    def test_a_crowded_workspace_costs_no_more(self) -> None:
        """Sixty of five thousand are two lists, and so is finding what is ours and not recorded among them."""
        ours = [self.marked(n) for n in range(60)]
        service = FakeNotebooks(*(seen(n) for n in range(60, 5000)), *ours)
        found = self.refreshed(self.state_of(*ours[1:]), service)
        assert ((ours[0],), 59) == (found.strays, len(found.live))
        assert [f"list 0 {row} {self.MARKING.prefix}" for row in (0, 50)] == service.log

    def test_one_without_its_mark_is_found_all_the_same(self) -> None:
        """Imported, or somebody removed it: the list of everything shows it, and the strays."""
        service = FakeNotebooks(seen(1), stray := self.marked(2))
        found = self.refreshed(self.state_of(seen(1)), service)
        assert ((stray,), ["list 0 0"]) == (found.strays, service.log)
        assert found.live["notebook.k1"] is not None

    def test_a_removed_mark_is_no_absence(self) -> None:
        """The record says that it was there; its id shows that the instance is."""
        service = FakeNotebooks(seen(1))
        assert self.refreshed(self.state_of(self.marked(1)), service).live["notebook.k1"] is not None

    def test_what_is_going_or_awaited_is_no_stray(self) -> None:
        """A pending create is settled elsewhere."""
        awaited = self.marked(1)
        pending = Pending(address="notebook.k1", at=0.0, body={"description": awaited.marker})
        state = self.state_of().with_pending((pending,))
        assert () == self.refreshed(state, FakeNotebooks(awaited, self.marked(2, status="DELETING"))).strays

    def test_a_total_that_promises_too_much(self) -> None:
        """Pages that show nothing new are the end."""

        class Endless(FakeNotebooks):
            def page(
                self,
                workspace_id: str,
                offset: int,  # noqa: ARG002 - the protocol's
                *,
                notebook_id: str = "",
                place: Place = "description",
                mark: str = "",
            ) -> Page:
                page = super().page(workspace_id, 0, notebook_id=notebook_id, place=place, mark=mark)
                return Page(page.notebooks, 10**7)

        ours = [self.marked(n) for n in range(60)]
        service = Endless(*ours)
        self.refreshed(self.state_of(*ours[:50]), service)
        assert service.requests < 20


def test_workspaces_are_listed_each() -> None:
    """A list shows one workspace; which one is recorded, as seen or else as declared."""
    records = {
        "notebook.a": Record(id="n1", status="RUNNING"),
        "notebook.b": Record(id="n2", status="RUNNING", observed={"workspace_id": "w1"}),
        "notebook.c": Record(id="n3", status="RUNNING", attributes={"workspace_id": "w2"}),
    }
    service = FakeNotebooks(seen(1), seen(2, workspace_id="w1"), seen(3, workspace_id="w2"))
    live = look(State(lineage="l", serial=1, stack="lab", resources=records), service)
    assert ["list 0 0", "list w1 0", "list w2 0"] == service.log
    assert all(live.values())


@pytest.mark.parametrize("told", [True, False], ids=["total", "no total"])
def test_an_offset_that_counts_pages_ends_all_the_same(*, told: bool) -> None:
    """Against a service whose offset is a page index the rows behind the first page are read by id, without a loop."""

    class PageIndex(FakeNotebooks):
        def page(
            self, workspace_id: str, offset: int, *, notebook_id: str = "", place: Place = "description", mark: str = ""
        ) -> Page:
            return super().page(workspace_id, offset * 50, notebook_id=notebook_id, place=place, mark=mark)

    service = PageIndex(*(seen(n) for n in range(120)))
    service.told = told
    assert all(look(state_of(*range(120)), service).values())


def test_mounts_are_read_where_they_are_declared_or_recorded() -> None:
    """No list tells of mounts, so they cost a request each: only for running notebooks that have or want some."""
    service = FakeNotebooks(seen(1), seen(2), seen(3), seen(4, "STOPPED"), seen(5))
    service.attached = {f"n{n}": (MOUNT,) for n in range(1, 6)}
    state = state_of(1, 2, 3, 4).with_records(
        {
            "notebook.k2": Record(id="n2", status="RUNNING", attributes={"storages": [{"mount_path": "/data/x/"}]}),
            "notebook.k5": Record(id="n5", status="RUNNING", observed={"storages": [{"mount_path": "/data/x/"}]}),
        }
    )
    live = look(state, service, mounting=("notebook.k1", "notebook.k4"))
    assert ["mounts n1", "mounts n2", "mounts n5"] == sorted(line for line in service.log if line.startswith("mounts"))
    told = {address for address, each in live.items() if each is not None and each.storages}
    assert {"notebook.k1", "notebook.k2", "notebook.k5"} == told


def test_mounts_of_one_that_stopped_in_between_are_unknown() -> None:
    """Nothing is concluded about mounts that could not be asked for."""
    live = look(state_of(1), FakeNotebooks(seen(1)), mounting=("notebook.k1",))["notebook.k1"]
    assert live is not None
    assert live.storages is None


def test_events_tell_what_it_cost() -> None:
    """The beginning says which, the end which were found and how many requests that took."""
    heard: list[Event] = []
    recorded = {address: record.id for address, record in state_of(*range(60)).resources.items()}
    look(state_of(*range(60)), FakeNotebooks(*(seen(n) for n in range(59))), listener=heard.append)
    found = {address: identifier for address, identifier in recorded.items() if address != "notebook.k59"}
    assert [RefreshStarted("lab", 60, recorded), RefreshCompleted("lab", 60, 4, 0.0, found)] == heard


def test_an_error_ends_it() -> None:
    """A look that fails is no absence: nothing is reported gone."""
    service = FakeNotebooks(seen(1))
    service.failures = [ApiError("refused", status=403)]
    with pytest.raises(ApiError, match="refused"):
        look(state_of(1), service)


def test_recall_gives_back_what_was_seen() -> None:
    """Without a refresh the state stands in for the service."""
    before = seen(1, name="alice", tags=[{"key": "a", "value": "b"}], volume={"category": "EVS", "capacity": 50})
    record = Record(id="n1", status="STOPPED", observed=before.payload())
    again = recall(State(lineage="l", serial=1, stack="lab", resources={"notebook.a": record})).live["notebook.a"]
    assert again is not None
    assert ("n1", "STOPPED", before.payload()) == (again.id, again.status, again.payload())


def test_recall_of_a_record_that_cannot_be_read() -> None:
    """A record that somebody spoiled by hand is named."""
    record = Record(id="n1", status="STOPPED", observed={"volume": "large"})
    with pytest.raises(StateError, match=r"notebook\.a cannot be read") as caught:
        recall(State(lineage="l", serial=1, stack="lab", resources={"notebook.a": record}))
    assert caught.value.detail.startswith("observed.volume: ")


class TestDeposed:
    """Instances that another has taken the place of are looked for like all that is recorded."""

    def state_of(self, *numbers: int, workspace: str = "0") -> State:
        deposed = tuple(Deposed(id=f"n{n}", workspace_id=workspace) for n in numbers)
        return state_of(1).with_records({"notebook.k1": Record(id="n1", status="RUNNING", deposed=deposed)})

    def refreshed(self, state: State, service: FakeNotebooks, marking: Marking = UNMARKED) -> Refreshed:
        return refresh(
            state, service, mounting=(), workers=4, clock=FakeClock(), listener=lambda _: None, marking=marking
        )

    def test_the_lists_show_them(self) -> None:
        service = FakeNotebooks(seen(1), seen(2))
        found = self.refreshed(self.state_of(2), service)
        assert ({"n2": seen(2)}, ["list 0 0"]) == (found.deposed, service.log)

    def test_each_is_listed_in_its_own_workspace(self) -> None:
        service = FakeNotebooks(seen(1), seen(2, workspace_id="w2"))
        found = self.refreshed(self.state_of(2, workspace="w2"), service)
        assert (["n2"], ["list 0 0", "list w2 0"]) == (list(found.deposed), service.log)

    def test_one_that_no_list_shows_is_asked_for(self) -> None:
        """That it is gone takes the same two proofs."""
        service = FakeNotebooks(seen(1))
        found = self.refreshed(self.state_of(2), service)
        assert ({"n2": None}, 3) == (found.deposed, service.requests)

    def test_they_are_no_strays(self) -> None:
        marking = TestMarks.MARKING
        ours = [seen(n, description=marking.fresh("notebook.k1")) for n in (1, 2, 3)]
        found = self.refreshed(self.state_of(2), FakeNotebooks(*ours), marking)
        assert ((ours[2],), {"n2": ours[1]}) == (found.strays, found.deposed)

    def test_the_state_remembers_that_they_are_there(self) -> None:
        """Without a refresh nobody knows more; to delete what is gone already does no harm."""
        (remembered,) = recall(self.state_of(2, workspace="w2")).deposed.values()
        assert remembered is not None
        assert ("n2", "w2", True) == (remembered.id, remembered.workspace_id, remembered.settled)
