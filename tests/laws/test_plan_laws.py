"""What holds for every pair of declarations: the plan leads there, and once there it is empty."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from provisioner.clock import SystemClock
from provisioner.diff import compare
from provisioner.errors import ApiError, OutcomeUnknown
from provisioner.events import StepFailed
from provisioner.model.marker import Marking
from provisioner.plan import Plan
from provisioner.planning.stack import build_plan
from provisioner.refresh import refresh
from provisioner.run.apply import Settings, apply_plan
from provisioner.run.settle import settle
from provisioner.state.document import Cloud
from provisioner.state.local import LocalBackend
from tests.builders import IMAGE, OTHER_IMAGE, declarations, instance, notebook
from tests.service import NOW_MS, PureService

Fields = dict[str, Any]

EVS = {"category": "EVS", "ownership": "MANAGED"}
SHARE = {
    "category": "EFS",
    "ownership": "DEDICATED",
    "uri": "192.168.0.1:/a/",
    "id": "0aa1b2c3-0000-4000-8000-00000000000a",
}
HOOK = {"script": "/opt/a.sh", "type": "SCRIPT"}
WORDS = st.sampled_from(["", "one", "two"])
SPACES = st.sampled_from(["0", "1b2f0c6d7e8a49f5a3c1d2e4f5061728"])

VOLUMES = st.one_of(
    st.sampled_from([5, 50, 80]).map(lambda capacity: {**EVS, "capacity": capacity}),
    st.sampled_from([SHARE, {"category": "EFS", "ownership": "MANAGED"}]),
)
COMPUTE = st.one_of(
    st.sampled_from(["modelarts.vm.cpu.2u", "modelarts.vm.cpu.8u"]).map(lambda flavor: {"flavor": flavor}),
    st.fixed_dictionaries(
        {"cpu": st.sampled_from([1.0, 2.5]), "memory": st.just(1024)}, optional={"gpu": st.just(1.0)}
    ).map(lambda spec: {"flavor": None, "custom_spec": spec}),
)
ENDPOINTS = st.lists(
    st.fixed_dictionaries(
        {"service": st.just("SSH"), "key_pair_names": st.sampled_from([["a"], ["a", "b"], ["b", "a"]])},
        optional={"allowed_access_ips": st.sampled_from([[], ["203.0.113.7"], ["203.0.113.0/24", "203.0.113.7"]])},
    ),
    max_size=1,
)
STORAGES = st.lists(
    st.fixed_dictionaries(
        {
            "category": st.sampled_from(["OBS", "OBSFS"]),
            "uri": st.sampled_from(["obs://a/d/", "obs://b/d/"]),
            "mount_path": st.sampled_from(["/data/a", "/data/b/", "/data/c/"]),
        }
    ),
    max_size=3,
    unique_by=lambda storage: str(storage["mount_path"]).rstrip("/"),
)
LEASES = st.one_of(
    st.just("never"),
    st.sampled_from(["1h", "8h"]).map(lambda duration: {"duration": duration}),
    st.just({"duration": "15m", "type": "IDLE"}),
)
OPTIONAL = {
    "description": WORDS,
    "workspace_id": SPACES,
    "endpoints": ENDPOINTS,
    "storages": STORAGES,
    "lease": LEASES,
    "desired_status": st.sampled_from(["RUNNING", "STOPPED", "UNMANAGED"]),
    "tags": st.dictionaries(st.sampled_from(["a", "b", "c.d"]), WORDS, max_size=3),
    "hooks": st.sampled_from([{"container_hooks": {"pre_start": HOOK}}, {"container_hooks": {"post_start": HOOK}}]),
    "run_user": st.just({"uid": 1000, "gid": 100}),
    "lifecycle": st.fixed_dictionaries(
        {},
        optional={
            "create_before_destroy": st.booleans(),
            "ignore_changes": st.lists(st.sampled_from(["description", "tags", "tags.a", "lease"]), max_size=2),
            "replace_triggered_by": st.lists(st.sampled_from(["image_id", "tags", "desired_status"]), max_size=2),
        },
    ),
}


@st.composite
def notebooks(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Fields:
    """Any valid notebook, in a pool so that everything may be declared."""
    required = {
        "name": st.sampled_from(["one", "two"]),
        "image_id": st.sampled_from([IMAGE, OTHER_IMAGE]),
        "pool_id": st.sampled_from(["pool41664192", "pool-gpu"]),
        "volume": VOLUMES,
    }
    fields: Fields = draw(st.fixed_dictionaries(required, optional=OPTIONAL))
    return {**fields, **draw(COMPUTE)}


MARKING = Marking.of("lab", "p", "here", "description")


class ServiceClock(SystemClock):
    """Shows the time of the service."""

    def now(self) -> float:
        return NOW_MS / 1000


@dataclass(slots=True)
class World:
    """One stack and a service of its own."""

    backend: LocalBackend
    service: PureService = field(default_factory=PureService)

    def plan(self, declared: Mapping[str, Fields]) -> Plan:
        return self._planned(declared)[0]

    def _planned(self, declared: Mapping[str, Fields]) -> tuple[Plan, Any]:
        found, snapshot, clock = declarations(declared), self.backend.read(), ServiceClock()
        if snapshot.state.pending:
            settled = settle(snapshot.state, self.service, clock, window=0, waiting=None)
            snapshot = replace(snapshot, state=settled.state, has_journal=True)
        mounting = {str(address) for address, each in found.items() if each.notebook.storages is not None}
        seen = refresh(
            snapshot.state, self.service, mounting=mounting, workers=1, clock=clock, listener=lambda _event: None
        )
        serial = snapshot.stored_serial
        plan = build_plan(found, snapshot.state, seen.live, serial=serial, now_ms=NOW_MS, deposed=seen.deposed)
        return plan, snapshot

    def apply(self, declared: Mapping[str, Fields]) -> list[StepFailed]:
        """How the steps failed that did."""
        plan, snapshot = self._planned(declared)
        failed: list[StepFailed] = []
        stop = threading.Event()
        apply_plan(
            plan,
            snapshot,
            backend=self.backend,
            provider=self.service,
            settings=Settings(Cloud(region="here", project_id="p"), 1, 0.0, MARKING, settle_window=0.0),
            clock=ServiceClock(stop),
            stop=stop,
            listener=lambda event: failed.append(event) if isinstance(event, StepFailed) else None,
        )
        return failed


@contextmanager
def a_world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as directory:
        yield World(LocalBackend(Path(directory), "lab"))


@hypothesis.settings(max_examples=100)
@given(notebooks(), notebooks())
def test_a_plan_leads_there(first: Fields, second: Fields) -> None:
    """From any notebook to any other: no call is refused, the declaration is met, and nothing is left to do."""
    with a_world() as world:
        for declared in (first, second):
            power = next((each["status"] for each in world.service.notebooks.values()), "RUNNING")
            assert [] == world.apply({"alice": declared})
            (made,) = world.service.notebooks.values()
            wanted = notebook(**declared).attributes()
            assert (power if wanted["desired_status"] == "UNMANAGED" else wanted["desired_status"]) == made["status"]
            plan = world.plan({"alice": declared})
            assert ((), ()) == (plan.pending, plan.drift)
        assert [] == world.apply({})
        assert {} == world.service.notebooks


@hypothesis.settings(max_examples=80)
@given(notebooks(), notebooks(), st.integers(1, 8), st.booleans())
def test_a_failure_anywhere_is_mended(first: Fields, second: Fields, number: int, effect: bool) -> None:  # noqa: FBT001
    """Call `number` fails, or has its effect and loses its answer: the next run ends as if nothing had happened."""
    with a_world() as world:
        assert [] == world.apply({"alice": first})
        made = len(world.service.calls)

        def fail(_name: str) -> None:
            if len(world.service.calls) == made + number - (0 if effect else 1):
                world.service.calls.append("failed")
                raise OutcomeUnknown("lost") if effect else ApiError("refused", status=500)

        if effect:
            world.service.after = fail
        else:
            world.service.before = fail
        world.apply({"alice": second})
        world.service.before = world.service.after = lambda _name: None
        assert [] == world.apply({"alice": second})
        assert 1 == len(world.service.notebooks)
        plan = world.plan({"alice": second})
        assert ((), ()) == (plan.pending, plan.drift)


@given(notebooks())
def test_nothing_differs_from_itself(fields: Fields) -> None:
    """A live notebook that is as declared is not changed, whether it was recorded with that declaration or is new to
    us; what no answer tells is known from the record alone.
    """
    declared = notebook(**fields)
    attributes = declared.attributes()
    live = instance(declared).attributes()
    assert () == compare(attributes, live, attributes)
    told = {name: value for name, value in attributes.items() if name not in {"hooks", "storages", "desired_status"}}
    assert () == compare(told, live, {})
