"""What became of a create whose answer nobody saw."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.errors import ApiError, PlanError
from provisioner.model.marker import Marking, marked
from provisioner.model.observation import Observation
from provisioner.model.secrets import Secrets
from provisioner.run.settle import FIRST_PAUSE, LONGEST_PAUSE, Settled, adoptable, settle
from provisioner.state.document import Deposed, Pending, Record, State
from tests.unit.provider.fakes import NOON, FakeClock
from tests.unit.readers import FakeNotebooks, seen

ADDRESS = "notebook.alice"
BODY = {"name": "alice", "flavor": "modelarts.vm.cpu.2u", "image_id": "image-1", "volume": {"category": "EVS"}}
TWIN: dict[str, Any] = {
    "name": "alice",
    "flavor": "modelarts.vm.cpu.2u",
    "image": {"id": "image-1"},
    "volume": {"category": "EVS"},
}
WINDOW = 120.0
MARKING = Marking.of("lab", "p", "here", "description")
MARKS = {key: MARKING.fresh(f"notebook.{key}") for key in ("alice", "bob")}


def state_of(*pending: Pending, **records: Record) -> State:
    resources = {f"notebook.{key}": record for key, record in records.items()}
    return State(lineage="l", serial=1, stack="lab", resources=resources, pending=pending or (sent(),))


def sent(key: str = "alice", at: float = NOON, **body: Any) -> Pending:
    return Pending(address=f"notebook.{key}", at=at, body=marked(BODY | body, MARKS[key], "description"))


def unmarked(at: float = NOON, **body: Any) -> Pending:
    return Pending(address=ADDRESS, at=at, body=BODY | body)


def made(number: int, status: str = "RUNNING", key: str = "alice", **answer: Any) -> Observation:
    """What a create of `key` made."""
    return seen(number, status, **(TWIN | {"description": MARKS[key]} | answer))


def at(seconds: float) -> int:
    return int((NOON + seconds) * 1000)


def settled(state: State, service: FakeNotebooks, clock: FakeClock | None = None, *, patient: bool = False) -> Settled:
    waiting = (lambda _pending, _seconds: None) if patient else None
    return settle(state, service, clock or FakeClock(), window=WINDOW, waiting=waiting)


def test_the_one_with_the_mark_is_adopted() -> None:
    """It is recorded as one that was not finished, with what was asked for and without the mark."""
    found = settled(state_of(), FakeNotebooks(made(1, "CREATING"), seen(2, **TWIN)))
    record = found.state.resources[ADDRESS]
    assert ("n1", "CREATING", True, BODY) == (record.id, record.status, record.incomplete, record.attributes)
    assert MARKS["alice"] == record.observed["marker"]
    assert ((), {}) == (found.state.pending, found.refused)
    assert "the id n1" in found.notes[0].detail


def test_a_twin_without_the_mark_is_not_ours() -> None:
    """Same name, flavor and image: somebody else's."""
    found = settled(state_of(), FakeNotebooks(seen(1, **TWIN), made(2, key="bob")))
    assert ({}, ()) == (found.state.resources, found.state.pending)


def test_one_list_serves_all_that_wait() -> None:
    """Filtered by what their marks have in common; a single one by its whole mark."""
    service = FakeNotebooks(made(1), made(2, key="bob"))
    assert {"notebook.alice", "notebook.bob"} == set(settled(state_of(sent(), sent("bob")), service).state.resources)
    assert [f"list 0 0 {MARKING.prefix}"] == [line[:18] for line in service.log]
    settled(state_of(), one := FakeNotebooks(made(1)))
    assert [f"list 0 0 {MARKS['alice']}"] == one.log


def test_the_workspace_is_the_one_of_the_create() -> None:
    """It is searched there alone."""
    service = FakeNotebooks(made(1, workspace_id="w2"), made(2))
    assert "n1" == settled(state_of(sent(workspace_id="w2")), service).state.resources[ADDRESS].id


def test_a_mark_in_the_name() -> None:
    """Is looked for in names."""
    pending = Pending(address=ADDRESS, at=NOON, body=marked(BODY, MARKS["alice"], "name"))
    service = FakeNotebooks(seen(1, **(TWIN | {"name": f"alice-{MARKS['alice']}"})))
    assert BODY == settled(state_of(pending), service).state.resources[ADDRESS].attributes


@pytest.mark.parametrize(
    ("difference", "what"),
    [
        ({"flavor": "modelarts.vm.cpu.8u"}, "flavor"),
        ({"image": {"id": "image-2"}}, "image_id"),
        ({"volume": {"category": "EFS"}}, "volume"),
    ],
    ids=["flavor", "image", "volume"],
)
def test_one_that_differs_is_shown_and_not_taken(difference: dict[str, Any], what: str) -> None:
    """Its address is refused, with what is to be seen and how to go on."""
    found = settled(state_of(), FakeNotebooks(made(1, create_at=at(1), **difference)))
    error = found.refused[ADDRESS]
    assert f"has another {what}" in error.summary
    assert "n1  alice  RUNNING  created 20" in error.detail
    assert "provisioner import alice n1" in error.hint
    assert ({}, 1) == (found.state.resources, len(found.state.pending))


def test_several_are_shown_and_none_is_guessed() -> None:
    """With two candidates nothing is recorded, and both are named; other addresses go on."""
    service = FakeNotebooks(made(1), made(2, "CREATING"), made(3, key="bob"))
    found = settled(state_of(sent(), sent("bob")), service)
    assert "2 instances may be it" in found.refused[ADDRESS].summary
    lines = found.refused[ADDRESS].detail.splitlines()
    assert ["n1  alice  RUNNING", "n2  alice  CREATING"] == [line.partition("  created")[0] for line in lines]
    assert ({"notebook.bob"}, [ADDRESS]) == (set(found.state.resources), [each.address for each in found.state.pending])


def test_what_an_answer_lacks_is_no_difference() -> None:
    """A sparse answer is enough."""
    record = adoptable(sent(), [seen(1, description=MARKS["alice"])], ())
    assert record is not None
    assert "n1" == record.id


@pytest.mark.parametrize("status", ["DELETING", "DELETED"])
def test_one_that_is_going_is_nothing(status: str) -> None:
    assert adoptable(sent(), [made(1, status)], ()) is None


def test_recorded_ones_are_not_taken_twice() -> None:
    """An instance that another address has is no candidate."""
    state = state_of(bob=Record(id="n1", status="RUNNING"))
    assert {"notebook.bob"} == set(settled(state, FakeNotebooks(made(1))).state.resources)


def test_deposed_ones_are_not_taken_twice() -> None:
    """An instance that is still to be deleted is nobody's successor, not even with the mark."""
    former = Record(id="n9", status="RUNNING", deposed=(Deposed(id="n1"),))
    assert former == settled(state_of(alice=former), FakeNotebooks(made(1))).state.resources[ADDRESS]


@pytest.mark.parametrize("status", ["DELETING", "RUNNING"])
def test_a_replaced_record_gives_way(status: str) -> None:
    """In a replacement the old record stands at the address until the new instance is known; then it is deposed, until
    it is known to be gone.
    """
    former = Record(id="n9", status=status, observed={"workspace_id": "w2"}, deposed=(Deposed(id="n8"),))
    record = settled(state_of(alice=former), FakeNotebooks(made(1))).state.resources[ADDRESS]
    assert ("n1", (Deposed(id="n8"), Deposed(id="n9", workspace_id="w2"))) == (record.id, record.deposed)


def test_a_create_that_left_nothing_leaves_the_one_before_it() -> None:
    former = Record(id="n9", status="RUNNING")
    found = settled(state_of(alice=former), FakeNotebooks(), patient=True)
    assert (former, ()) == (found.state.resources[ADDRESS], found.state.pending)


def test_what_is_adopted_holds_no_secret() -> None:
    """Neither one that a variable has, nor one that had when the create was sent; no plan may ever look at it."""
    pending = sent(description="of alpha").hidden(Secrets.of(["alpha"]))
    service = FakeNotebooks(
        made(1, description=f"of alpha {MARKS['alice']}", volume={"category": "EVS", "uri": "beta"})
    )
    secrets = Secrets.of(["beta"])
    found = settle(state_of(pending), service, FakeClock(), window=WINDOW, waiting=None, secrets=secrets)
    shown = found.state.dumps()
    assert not [text for text in ("alpha", "beta") if text in shown]


def test_a_hidden_secret_is_no_difference() -> None:
    """What was asked for is recorded without secrets: the mark alone tells."""
    pending = sent(flavor="modelarts.vm.cpu.2u", image_id="image-1").hidden(Secrets.of(["cpu", "image-1"]))
    assert pending.body["flavor"] != BODY["flavor"]
    assert "n1" == settled(state_of(pending), FakeNotebooks(made(1))).state.resources[ADDRESS].id


def test_a_look_that_fails_refuses_its_address_alone() -> None:
    """The create stays pending; what was found of others counts."""
    service = FakeNotebooks(made(1, key="bob", workspace_id="w2"))
    service.failures = [ApiError("internal", status=500)]
    found = settled(state_of(sent(), sent("bob", workspace_id="w2")), service)
    assert "looking for the instance failed" in found.refused[ADDRESS].summary
    assert "500: internal" in found.refused[ADDRESS].detail
    assert ({"notebook.bob"}, [ADDRESS]) == (set(found.state.resources), [each.address for each in found.state.pending])


class TestWithoutMark:
    """Creates that carried none are looked for by what they asked for."""

    def test_it_is_never_adopted(self) -> None:
        """A person decides."""
        with pytest.raises(PlanError, match="nothing marks it as ours"):
            adoptable(unmarked(), [seen(1, **TWIN)], ())
        assert [ADDRESS] == list(settled(state_of(unmarked()), FakeNotebooks(seen(1, **TWIN))).refused)

    @pytest.mark.parametrize(
        "difference",
        [{"name": "alice2"}, {"flavor": "f"}, {"image": {"id": "image-2"}}, {"create_at": at(-3600)}],
        ids=str,
    )
    def test_what_differs_is_not_it(self, difference: dict[str, Any]) -> None:
        """Another name, flavor or image, or one that is older than the request."""
        found = settled(state_of(unmarked()), FakeNotebooks(seen(1, **({"create_at": at(1)} | TWIN | difference))))
        assert ({}, {}, ()) == (found.state.resources, found.refused, found.state.pending)

    @pytest.mark.parametrize("create_at", [None, at(-60), at(0), at(600)])
    def test_its_age_is_judged_with_care(self, create_at: int | None) -> None:
        """The two clocks may differ, and an answer may lack the time."""
        found = settled(state_of(unmarked()), FakeNotebooks(seen(1, **TWIN, create_at=create_at)))
        assert [ADDRESS] == list(found.refused)


class TestWaiting:
    """How long is looked."""

    def test_without_patience_there_is_one_look(self) -> None:
        """A plan looks once, waits for nothing, and says that apply looks again."""
        clock, service = FakeClock(), FakeNotebooks()
        found = settled(state_of(), service, clock)
        assert (1, []) == (service.lists, clock.slept)
        assert "apply looks once more" in found.notes[0].detail

    def test_the_window_is_waited_out(self) -> None:
        """Apply looks again and again until the window has passed since the request was sent."""
        clock, service = FakeClock(), FakeNotebooks()
        clock.advance(60)
        found = settled(state_of(), service, clock, patient=True)
        assert WINDOW - 60 == sum(clock.slept)
        assert (FIRST_PAUSE, True) == (clock.slept[0], max(clock.slept) <= LONGEST_PAUSE)
        assert len(clock.slept) + 1 == service.lists
        assert "left nothing" in found.notes[0].detail
        assert () == found.state.pending

    def test_one_that_shows_up_late_is_adopted(self) -> None:
        """A create that takes a while to appear is found within the window, and the search ends there."""
        service = FakeNotebooks()
        clock = FakeClock(on_sleep=lambda _: service.put(made(1)) if service.lists == 4 else None)
        found = settled(state_of(), service, clock, patient=True)
        assert "n1" == found.state.resources[ADDRESS].id
        assert 5 == service.lists

    def test_those_that_are_found_are_not_looked_for_again(self) -> None:
        """The search goes on for the rest, under the whole mark of the one that is left."""
        service = FakeNotebooks(made(2, key="bob"))
        settled(state_of(sent(), sent("bob")), service, FakeClock(), patient=True)
        assert {f"list 0 0 {MARKS['alice']}"} == set(service.log[1:])

    def test_a_look_that_failed_is_repeated(self) -> None:
        service = FakeNotebooks(made(1))
        service.failures = [ApiError("internal", status=500)]
        assert "n1" == settled(state_of(), service, patient=True).state.resources[ADDRESS].id

    def test_whoever_waits_is_told_how_long(self) -> None:
        """Before each further look the seconds that are left are told."""
        told: list[float] = []
        settle(state_of(), FakeNotebooks(), FakeClock(), window=8, waiting=lambda _pending, left: told.append(left))
        assert [8.0, 6.0, 3.0] == told

    def test_an_old_create_is_looked_for_once(self) -> None:
        """Of a run that died yesterday everything has appeared that ever will."""
        clock, service = FakeClock(), FakeNotebooks()
        settled(state_of(sent(at=NOON - 86400)), service, clock, patient=True)
        assert (1, []) == (service.lists, clock.slept)

    def test_a_clock_that_was_set_back_does_not_wait_for_ever(self) -> None:
        """A create that seems to lie in the future is looked for no longer than the window."""
        clock = FakeClock()
        settled(state_of(sent(at=NOON + 86400)), FakeNotebooks(), clock, patient=True)
        assert sum(clock.slept) == WINDOW
