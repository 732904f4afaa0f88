"""What became of a create whose answer nobody saw."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.errors import PlanError
from provisioner.settle import LOOK_EVERY, Settled, settle
from provisioner.state.document import Pending, Record, State
from tests.unit.provider.fakes import NOON, FakeClock
from tests.unit.readers import FakeNotebooks, seen

ADDRESS = "notebook.alice"
BODY = {"name": "alice", "flavor": "modelarts.vm.cpu.2u", "image_id": "image-1", "volume": {"category": "EVS"}}
TWIN: dict[str, Any] = {"name": "alice", "flavor": "modelarts.vm.cpu.2u", "image": {"id": "image-1"}}
WINDOW = 120.0


def state_of(*pending: Pending, **records: Record) -> State:
    resources = {f"notebook.{key}": record for key, record in records.items()}
    return State(lineage="l", serial=1, stack="lab", resources=resources, pending=pending or (sent(),))


def sent(at: float = NOON, address: str = ADDRESS, **body: Any) -> Pending:
    return Pending(address=address, at=at, body=BODY | body)


def at(seconds: float) -> int:
    return int((NOON + seconds) * 1000)


def settled(state: State, service: FakeNotebooks, clock: FakeClock | None = None, *, patient: bool = False) -> Settled:
    waiting = (lambda _pending, _seconds: None) if patient else None
    return settle(state, service, clock or FakeClock(), window=WINDOW, waiting=waiting)


def test_the_one_that_fits_is_adopted() -> None:
    """The single instance with the name, flavor and image is recorded, as one that was not finished."""
    found = settled(state_of(), FakeNotebooks(seen(1, "CREATING", **TWIN), seen(2, name="bob")))
    record = found.state.resources[ADDRESS]
    assert ("n1", "CREATING", True, BODY) == (record.id, record.status, record.incomplete, record.attributes)
    assert () == found.state.pending
    assert "the id n1" in found.notes[0].detail


def test_it_is_found_behind_the_first_page() -> None:
    """All pages are looked through."""
    service = FakeNotebooks(*(seen(n) for n in range(2, 120)), seen(1, **TWIN))
    assert "n1" == settled(state_of(), service).state.resources[ADDRESS].id


def test_the_workspace_is_the_one_of_the_create() -> None:
    """A twin in another workspace is somebody else's."""
    service = FakeNotebooks(seen(1, **TWIN, workspace_id="w2"), seen(2, **TWIN))
    assert "n1" == settled(state_of(sent(workspace_id="w2")), service).state.resources[ADDRESS].id


@pytest.mark.parametrize(
    "difference",
    [
        {"name": "alice2"},
        {"flavor": "modelarts.vm.cpu.8u"},
        {"image": {"id": "image-2"}},
        {"status": "DELETING"},
        {"create_at": at(-3600)},
    ],
    ids=str,
)
def test_what_differs_is_not_ours(difference: dict[str, Any]) -> None:
    """Another name, flavor or image, one that is going, one that is older than the request."""
    service = FakeNotebooks(seen(1, **({"create_at": at(1)} | TWIN | difference)))
    found = settled(state_of(), service)
    assert {} == found.state.resources
    assert () == found.state.pending


@pytest.mark.parametrize("create_at", [None, at(-60), at(0), at(600)])
def test_its_age_is_judged_with_care(create_at: int | None) -> None:
    """The two clocks may differ, and an answer may lack the time."""
    found = settled(state_of(), FakeNotebooks(seen(1, **TWIN, create_at=create_at)))
    assert "n1" == found.state.resources[ADDRESS].id


def test_recorded_ones_are_not_taken_twice() -> None:
    """An instance that another address has is no candidate."""
    state = state_of(bob=Record(id="n1", status="RUNNING"))
    assert {"notebook.bob"} == set(settled(state, FakeNotebooks(seen(1, **TWIN))).state.resources)


def test_two_creates_find_their_own() -> None:
    """Each pending create is matched by what it asked for."""
    state = state_of(sent(), sent(address="notebook.bob", name="bob"))
    found = settled(state, FakeNotebooks(seen(1, **(TWIN | {"name": "bob"})), seen(2, **TWIN)))
    assert {ADDRESS: "n2", "notebook.bob": "n1"} == {a: r.id for a, r in found.state.resources.items()}


def test_two_creates_do_not_share_one() -> None:
    """An instance that was adopted for one address is not adopted for another."""
    found = settled(state_of(sent(), sent(address="notebook.bob")), FakeNotebooks(seen(1, **TWIN)))
    assert {ADDRESS: "n1"} == {a: r.id for a, r in found.state.resources.items()}


def test_several_are_shown_and_none_is_guessed() -> None:
    """With two candidates nothing is recorded, nothing is created, and both are named."""
    service = FakeNotebooks(seen(1, **TWIN), seen(2, "CREATING", **TWIN))
    with pytest.raises(PlanError, match="2 instances may be it") as caught:
        settled(state_of(), service)
    assert ["n1  alice  RUNNING", "n2  alice  CREATING"] == caught.value.detail.splitlines()


def test_a_replaced_record_gives_way() -> None:
    """In a replacement the old record stands at the address until the new instance is known."""
    state = state_of(alice=Record(id="n9", status="DELETING"))
    assert "n1" == settled(state, FakeNotebooks(seen(1, **TWIN))).state.resources[ADDRESS].id


def test_without_patience_there_is_one_look() -> None:
    """A plan looks once, waits for nothing, and says that apply looks again."""
    clock, service = FakeClock(), FakeNotebooks()
    found = settled(state_of(), service, clock)
    assert (1, []) == (service.lists, clock.slept)
    assert "apply looks once more" in found.notes[0].detail


def test_the_window_is_waited_out() -> None:
    """Apply looks again and again until the window has passed since the request was sent."""
    clock, service = FakeClock(), FakeNotebooks()
    clock.advance(60)
    found = settled(state_of(), service, clock, patient=True)
    assert WINDOW - 60 == sum(clock.slept)
    assert max(clock.slept) <= LOOK_EVERY
    assert len(clock.slept) + 1 == service.lists
    assert "left nothing" in found.notes[0].detail


def test_one_that_shows_up_late_is_adopted() -> None:
    """A create that takes a while to appear is found within the window, and the search ends there."""
    service = FakeNotebooks()
    clock = FakeClock(on_sleep=lambda _: service.put(seen(1, **TWIN)) if service.lists == 4 else None)
    found = settled(state_of(), service, clock, patient=True)
    assert "n1" == found.state.resources[ADDRESS].id
    assert 5 == service.lists


def test_whoever_waits_is_told_how_long() -> None:
    """Before each further look the seconds that are left are told."""
    told: list[float] = []
    settle(state_of(), FakeNotebooks(), FakeClock(), window=12, waiting=lambda _pending, seconds: told.append(seconds))
    assert [12.0, 7.0, 2.0] == told


def test_an_old_create_is_looked_for_once() -> None:
    """Of a run that died yesterday everything has appeared that ever will."""
    clock, service = FakeClock(), FakeNotebooks()
    settled(state_of(sent(at=NOON - 86400)), service, clock, patient=True)
    assert (1, []) == (service.lists, clock.slept)


def test_a_clock_that_was_set_back_does_not_wait_for_ever() -> None:
    """A create that seems to lie in the future is looked for no longer than the window."""
    clock = FakeClock()
    settled(state_of(sent(at=NOON + 86400)), FakeNotebooks(), clock, patient=True)
    assert sum(clock.slept) == WINDOW
