"""The auto-stop clock of API page 9."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.client import Api

HOUR = 3_600_000


def clock(notebook: dict[str, Any]) -> tuple[int, int]:
    lease = notebook["lease"]
    return lease["update_at"] - lease["create_at"], lease["duration"]


def test_the_walkthrough_of_2023(api: Api) -> None:
    """The official samples come out to the millisecond (API page 9.3)."""
    api.control("POST", "/settings", {"create_ms": 27_372, "stop_ms": 150_000})
    created = api.create(duration=None).body
    path = f"/notebooks/{created['id']}"
    began = api.now()
    seen = [clock(created)]

    def at(milliseconds: int) -> None:
        api.advance(began + milliseconds - api.now())

    at(60_000)  # whenever one looks, the lease was reset when it reached RUNNING
    seen.append(clock(api.show(created["id"])))
    at(1_057_544)
    seen.append(clock({"lease": api.call("PATCH", f"{path}/lease", {"duration": HOUR}).body}))
    at(2_599_814)
    seen.append(clock(api.call("POST", f"{path}/stop").body))
    at(2_940_099)
    seen.append(clock(api.call("POST", f"{path}/start").body))

    assert [
        (0, 3_600_000),
        (27_372, 3_627_372),
        (1_057_544, 4_657_544),
        (2_599_814, 6_199_814),
        (2_940_099, 6_540_099),
    ] == seen


def test_expiry_stops_at_the_deadline(api: Api) -> None:
    """At the deadline and not a millisecond earlier it stops, and the lease stays as it was."""
    notebook_id = api.created(duration=HOUR)
    api.advance(300 + HOUR - 1)
    before = api.show(notebook_id)
    api.advance(1)
    expired = api.show(notebook_id)
    api.advance(200)

    assert ("RUNNING", "STOPPING") == (before["status"], expired["status"])
    assert api.show(notebook_id)["status"] == "STOPPED"
    assert before["lease"] == api.show(notebook_id)["lease"]


def test_everything_overdue_happens_in_order(api: Api) -> None:
    """After a long silence a notebook has run, expired and stopped, each at its own time."""
    began = api.now()
    notebook_id = api.created(duration=HOUR)
    api.advance(10 * HOUR)
    notebook = api.show(notebook_id)
    assert "STOPPED" == notebook["status"]
    assert began + 300 + HOUR + 200 == notebook["update_at"]


def test_no_auto_stop(api: Api) -> None:
    """A duration of -1 reads back as a lease that is not enabled, and nothing ever stops it."""
    notebook_id = api.running(duration=-1)
    lease = api.show(notebook_id)["lease"]
    assert (False, -1, "TIMING") == (lease["enable"], lease["duration"], lease["type"])
    api.advance(1000 * HOUR)
    assert api.show(notebook_id)["status"] == "RUNNING"


def test_idle_never_fires_by_itself(api: Api) -> None:
    """An IDLE lease outlives its duration until the control endpoint says that nobody is there."""
    notebook_id = api.running(duration=None, lease={"duration": 900_000, "type": "idle"})
    api.advance(10 * HOUR)
    assert ("RUNNING", "IDLE") == (api.show(notebook_id)["status"], api.show(notebook_id)["lease"]["type"])
    api.control("POST", f"/notebooks/{notebook_id}/idle-stop")
    api.advance(200)
    assert api.show(notebook_id)["status"] == "STOPPED"


def test_a_start_without_duration_has_an_hour(api: Api) -> None:
    """What was asked for before the stop is forgotten (API page 21, trap 3)."""
    notebook_id = api.stopped(duration=-1)
    started = api.call("POST", f"/notebooks/{notebook_id}/start").body
    assert (True, HOUR) == (started["lease"]["enable"], clock(started)[1] - clock(started)[0])


def test_the_query_wins_and_forces_timing(api: Api) -> None:
    """A duration in the query of a renewal overrides the body, its type included."""
    notebook_id = api.running()
    lease = api.call(
        "PATCH", f"/notebooks/{notebook_id}/lease", {"duration": 900_000, "type": "IDLE"}, duration=2 * HOUR
    ).body
    assert ("TIMING", 2 * HOUR) == (lease["type"], lease["duration"] - (lease["update_at"] - lease["create_at"]))


def test_a_renewal_may_switch_auto_stop_off(api: Api) -> None:
    """PATCH with -1 disables the lease."""
    notebook_id = api.running(duration=HOUR)
    assert api.call("PATCH", f"/notebooks/{notebook_id}/lease", duration=-1).body["enable"] is False


def test_a_renewal_leaves_the_notebook_s_update_time(api: Api) -> None:
    """Only transitions and updates move `update_at`, not a lease renewal and not the call to stop."""
    notebook_id = api.running()
    before = api.show(notebook_id)["update_at"]
    api.call("PATCH", f"/notebooks/{notebook_id}/lease", {})
    assert before == api.call("POST", f"/notebooks/{notebook_id}/stop").body["update_at"]
    api.advance(200)
    assert before < api.show(notebook_id)["update_at"]


@pytest.mark.parametrize(
    ("lease", "code"),
    [
        ({"duration": 3_599_999, "type": "TIMING"}, "6349"),
        ({"duration": 259_200_000, "type": "TIMING"}, None),
        ({"duration": 259_200_001, "type": "TIMING"}, "6349"),
        ({"duration": 900_000, "type": "timing"}, "6349"),
        ({"duration": 900_000, "type": "IDLE"}, None),
        ({"duration": 899_999, "type": "IDLE"}, "6349"),
        ({"duration": 0}, "6349"),
        ({"duration": -1}, None),
        ({"duration": "1h"}, "6332"),
        ({"type": "NEVER"}, "6336"),
    ],
)
def test_lease_bounds(api: Api, lease: dict[str, Any], code: str | None) -> None:
    """The bounds of API page 9.1, the same on create and on renewal."""
    notebook_id = api.running()
    assert code == api.create(duration=None, lease=lease).code
    assert code == api.call("PATCH", f"/notebooks/{notebook_id}/lease", lease).code


def test_show_lease(api: Api) -> None:
    """The lease sub-resource shows what the notebook shows, in any state."""
    notebook_id = api.stopped(duration=HOUR)
    assert api.show(notebook_id)["lease"] == api.call("GET", f"/notebooks/{notebook_id}/lease").body
