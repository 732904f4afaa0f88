"""One list request a tick for everything that waits."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from provisioner.errors import ApiError
from provisioner.model.answer import Mount
from provisioner.model.observation import Observation
from provisioner.operations import Operation, OperationKind
from provisioner.run.goals import APPEARANCE, Verdict
from provisioner.run.watch import FASTEST_TICK, PATIENCE, SLOWEST_TICK, Sighting, Ticket, Watch
from tests.unit.provider.fakes import FakeClock
from tests.unit.readers import FakeNotebooks, seen

CREATE = Operation(OperationKind.CREATE)
STOP = Operation(OperationKind.STOP)
DELETE = Operation(OperationKind.DELETE)
ATTACH = Operation(OperationKind.ATTACH, {"mount_path": "/data/sets/"})


def ticket(
    number: int, operation: Operation | None = CREATE, workspace: str = "0", heard: list[Observation] | None = None
) -> Ticket:
    record = (heard if heard is not None else []).append
    return Ticket(f"n{number}", workspace, operation, 0.0, 600.0, record)


def over(found: Sequence[tuple[Ticket, Sighting]]) -> dict[str, Verdict]:
    return {each.notebook_id: sighting.verdict for each, sighting in found}


def test_one_list_serves_everyone() -> None:
    """Fifty waits cost one request; those that are over are reported, the others go on."""
    service = FakeNotebooks(*(seen(n, "RUNNING" if n % 2 else "CREATING") for n in range(50)))
    found = Watch(service, FakeClock()).look([ticket(n) for n in range(50)])
    assert ["list 0 0"] == service.log
    assert {f"n{n}": Verdict.REACHED for n in range(1, 50, 2)} == over(found)


def test_one_wait_asks_for_its_own() -> None:
    """A single wait lists by id: one row instead of fifty."""
    service = FakeNotebooks(*(seen(n) for n in range(120)))
    found = Watch(service, FakeClock()).look([ticket(100)])
    assert ["list 0 0 n100"] == service.log
    assert {"n100": Verdict.REACHED} == over(found)


def test_observations_are_told_on_the_way() -> None:
    """Whoever waits hears of every observation, the last one too."""
    service, heard = FakeNotebooks(seen(1, "CREATING")), list[Observation]()
    watch, wait = Watch(service, FakeClock()), ticket(1, heard=heard)
    watch.look([wait])
    service.put(seen(1))
    watch.look([wait])
    assert ["CREATING", "RUNNING"] == [observation.status for observation in heard]


@pytest.mark.parametrize("told", [True, False], ids=["total", "no total"])
def test_a_sweep_walks_the_pages(*, told: bool) -> None:
    """Each tick reads the next page until everything that waits was seen, then begins anew."""
    service = FakeNotebooks(*(seen(n, "CREATING") for n in range(120)))
    service.told = told
    watch, waits = Watch(service, FakeClock()), [ticket(10), ticket(110)]
    for _ in range(4):
        watch.look(waits)
    assert ["list 0 0", "list 0 50", "list 0 100", "list 0 0"] == service.log


def test_a_sweep_ends_when_all_were_seen() -> None:
    """What was just created stands on the first page: the others are not read."""
    service = FakeNotebooks(*(seen(n, "CREATING") for n in range(120)))
    watch, waits = Watch(service, FakeClock()), [ticket(0), ticket(49)]
    watch.look(waits)
    watch.look(waits)
    assert ["list 0 0", "list 0 0"] == service.log


def test_one_list_request_a_tick() -> None:
    """However many wait on however many pages and in however many workspaces."""
    rows = [seen(n, "CREATING", workspace_id=str(n % 3)) for n in range(500)]
    service = FakeNotebooks(*rows)
    watch, waits = Watch(service, FakeClock()), [ticket(n, workspace=str(n % 3)) for n in range(500)]
    for tick in range(1, 13):
        assert [] == watch.look(waits)
        assert tick == service.lists == service.requests


def test_workspaces_take_turns() -> None:
    """A list shows one workspace, so they are looked at one after the other."""
    service = FakeNotebooks(seen(1, "CREATING", workspace_id="a"), seen(2, "CREATING", workspace_id="b"))
    watch = Watch(service, FakeClock())
    for _ in range(3):
        watch.look([ticket(1, workspace="a"), ticket(2, workspace="b")])
    assert ["list a 0 n1", "list b 0 n2", "list a 0 n1"] == service.log


def test_what_no_page_shows_is_asked_for_by_id() -> None:
    """A list may miss a row; only the instance itself says that it is gone."""
    service = FakeNotebooks(seen(1, "STOPPING"), seen(2, "STOPPED"), seen(4, "STOPPING"))
    service.hidden = {"n2"}
    found = Watch(service, FakeClock()).look([ticket(1, STOP), ticket(2, STOP), ticket(3, DELETE)])
    assert ["list 0 0", "get n2 0", "get n3 0"] == service.log
    assert {"n2": Verdict.REACHED, "n3": Verdict.REACHED} == over(found)


def test_a_row_that_the_sweep_saw_is_not_asked_for() -> None:
    """The end of a sweep asks for what it missed, not for what an earlier page of it showed."""
    service = FakeNotebooks(*(seen(n, "STOPPING") for n in range(60)))
    service.remove("n55")
    watch, waits = Watch(service, FakeClock()), [ticket(1, DELETE), ticket(55, DELETE), ticket(58, DELETE)]
    watch.look(waits)
    found = watch.look(waits)
    assert ["list 0 0", "list 0 50", "get n55 0"] == service.log
    assert {"n55": Verdict.REACHED} == over(found)


def test_the_last_that_waits_leaves_the_sweep() -> None:
    """A wait that is alone now lists by id from the first row, wherever the sweep stood."""
    service = FakeNotebooks(*(seen(n, "CREATING") for n in range(120)))
    watch = Watch(service, FakeClock())
    watch.look([ticket(3), ticket(110)])
    watch.look([ticket(110)])
    assert ["list 0 0", "list 0 0 n110"] == service.log


def test_a_new_instance_may_take_a_moment_to_appear() -> None:
    """Shortly after its create an instance that nothing shows is waited for; later it counts as vanished."""
    clock, service = FakeClock(), FakeNotebooks()
    watch, wait = Watch(service, clock), ticket(1)
    assert [] == watch.look([wait])
    clock.advance(APPEARANCE)
    assert {"n1": Verdict.FAILED} == over(watch.look([wait]))


def test_a_look_without_goal_ends_with_what_it_sees() -> None:
    """A fresh look is over as soon as the instance, or its absence, is seen."""
    service = FakeNotebooks(seen(1, "STOPPING"))
    found = Watch(service, FakeClock()).look([ticket(1, None), ticket(2, None)])
    assert [("n1", "STOPPING"), ("n2", None)] == [
        (each.notebook_id, sighting.observation and sighting.observation.status) for each, sighting in found
    ]


def test_a_wait_is_given_up_at_its_deadline() -> None:
    """Past the deadline a wait ends without having reached anything, even if the look itself failed."""
    clock, service = FakeClock(), FakeNotebooks(seen(1, "CREATING"))
    watch, wait = Watch(service, clock), ticket(1)
    clock.advance(599)
    assert [] == watch.look([wait])
    clock.advance(1)
    service.failures = [ApiError("away", status=503)]
    assert [(wait, Sighting(None, Verdict.PENDING))] == watch.look([wait])


def test_a_goal_reached_at_the_deadline_is_reached() -> None:
    """The last look decides, not the clock."""
    clock = FakeClock()
    clock.advance(700)
    assert {"n1": Verdict.REACHED} == over(Watch(FakeNotebooks(seen(1)), clock).look([ticket(1)]))


def test_failed_looks_are_borne_for_a_while() -> None:
    """A look that fails is tried again at the next tick; the third failure in a row is raised, and the count anew."""
    service = FakeNotebooks(seen(1, "CREATING"))
    watch = Watch(service, FakeClock())
    for _ in range(2):
        service.failures = [ApiError("away", status=503)] * PATIENCE
        for _ in range(PATIENCE - 1):
            assert [] == watch.look([ticket(1)])
        with pytest.raises(ApiError, match="away"):
            watch.look([ticket(1)])


def test_a_good_look_ends_a_row_of_failures() -> None:
    """Failures count only one after the other."""
    service = FakeNotebooks(seen(1, "CREATING"))
    watch = Watch(service, FakeClock())
    for _ in range(PATIENCE * 2):
        service.failures = [ApiError("away", status=503)]
        watch.look([ticket(1)])
        watch.look([ticket(1)])
    assert PATIENCE * 4 == service.lists


@pytest.mark.parametrize(
    ("status", "expected"),
    [("MOUNTING", {}), ("MOUNTED", {"n1": Verdict.REACHED}), ("MOUNT_FAILED", {"n1": Verdict.FAILED})],
)
def test_mounts_are_asked_for_themselves(status: str, expected: dict[str, Verdict]) -> None:
    """No list tells of mounts: their waits cost one request for each notebook, and no list."""
    service = FakeNotebooks(seen(1))
    service.attached = {"n1": (Mount(id="m", mount_path="/data/sets/", status=status),)}
    found = Watch(service, FakeClock()).look([ticket(1, ATTACH), ticket(1, ATTACH)])
    assert ["mounts n1"] == service.log
    assert expected == over(found)


def test_a_notebook_without_mounts_ends_a_detach() -> None:
    """An instance that stopped or vanished has no mounts any more, so nothing is left to detach."""
    detach = Operation(OperationKind.DETACH, {"mount_path": "/data/sets/", "id": "m"})
    found = Watch(FakeNotebooks(), FakeClock()).look([ticket(1, detach)])
    assert {"n1": Verdict.REACHED} == over(found)


@pytest.mark.parametrize(
    ("age", "seconds"), [(0, FASTEST_TICK), (1, FASTEST_TICK), (10, 1.0), (60, SLOWEST_TICK), (900, SLOWEST_TICK)]
)
def test_a_young_wait_is_looked_at_more_often(age: float, seconds: float) -> None:
    """The tick is a tenth of the youngest wait's age, between a fifth of a second and five seconds."""
    clock = FakeClock()
    clock.advance(1000)
    waits = [Ticket("n", "0", CREATE, 1000.0 - each, 9999.0, lambda _: None) for each in (age, 950.0)]
    assert seconds == pytest.approx(Watch(FakeNotebooks(), clock).interval(waits))


def test_a_set_interval_holds() -> None:
    """An interval that was asked for is kept whatever the ages."""
    assert 2.5 == Watch(FakeNotebooks(), FakeClock(), 2.5).interval([ticket(1)])
