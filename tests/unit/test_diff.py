"""Field by field: what counts as a change, what does not, what it costs and who made it."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.diff import Change, compare, effective, is_under
from provisioner.model.behavior import Effect
from tests.builders import HOUR_MS, instance, notebook

Fields = dict[str, Any]

MOUNT = {"category": "OBSFS", "uri": "obs://pfs/dir/", "mount_path": "/data/a/"}
EFS = {"category": "EFS", "ownership": "MANAGED"}
SSH = {"service": "SSH", "key_pair_names": ["a"], "allowed_access_ips": []}


def changes(desired: Fields, live: Fields | None = None, recorded: Fields | None = None) -> tuple[Change, ...]:
    """Of a small notebook declared with `desired`; what is live and recorded is the same except for what is given."""
    wanted = notebook(**desired).attributes()
    told = {name: value for name, value in (wanted | (live or {})).items() if value is not None}
    was = {name: value for name, value in (wanted | (recorded or {})).items() if value is not None}
    return compare(wanted, told, was)


def paths(*arguments: Fields | None) -> list[str]:
    desired, *others = arguments
    return [change.path for change in changes(desired or {}, *others)]


def test_what_is_not_declared_is_no_change() -> None:
    """Also within a map."""
    assert [] == paths({}, {"description": "theirs", "tags": {"a": "1"}, "lease": "never"})
    assert [] == paths({}, {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 50, "read_only": True}})


def test_a_field_that_the_answer_lacks_is_known_from_the_record() -> None:
    assert [] == paths({"storages": [MOUNT]}, {"storages": None})
    assert ["storages"] == paths({"storages": [MOUNT]}, {"storages": None}, {"storages": []})


@pytest.mark.parametrize("name", ["hooks", "public_network_config"])
def test_what_no_answer_tells_is_held_against_the_record(name: str) -> None:
    """An answer that mentions it says nothing."""
    values = {
        "hooks": {"container_hooks": {"pre_start": {"script": "/opt/a.sh"}}},
        "public_network_config": {"public_network_type": "SHARED"},
    }
    declared = {name: values[name]}
    assert [] == paths(declared, {name: {"other": 1}})
    (change,) = changes(declared, None, {name: None})
    assert (name, None, Effect.RESTART, "spec") == (change.path, change.live, change.effect, change.moved_by)


def test_the_notebook_endpoint_is_no_change() -> None:
    """The service adds it; declared, it is there already."""
    shown = [{"service": "NOTEBOOK", "key_pair_names": [], "allowed_access_ips": []}, SSH]
    assert [] == paths({"endpoints": [SSH]}, {"endpoints": shown})
    assert [] == paths({"endpoints": [SSH, {"service": "NOTEBOOK"}]}, {"endpoints": [SSH]})
    assert ["endpoints"] == paths({"endpoints": []}, {"endpoints": shown})


@pytest.mark.parametrize(
    ("declared", "told", "equal"),
    [
        ({"duration": "1h"}, {"type": "TIMING", "duration": HOUR_MS + 59_000}, True),
        ({"duration": "1h"}, {"type": "TIMING", "duration": HOUR_MS + 61_000}, False),
        ({"duration": "1h"}, {"type": "IDLE", "duration": HOUR_MS}, False),
        ({"duration": "1h"}, "never", False),
        ("never", "never", True),
        ("never", {"type": "TIMING", "duration": HOUR_MS}, False),
    ],
)
def test_leases_are_compared_by_what_was_asked_for(declared: Any, told: Any, equal: bool) -> None:  # noqa: FBT001
    """To the minute: the two clocks of the service differ by milliseconds."""
    assert equal == (paths({"lease": declared}, {"lease": told}) == [])


@pytest.mark.parametrize(
    ("declared", "told", "changed"),
    [
        ({"a": "1"}, {"a": "1", "b": "2"}, ["tags.b"]),
        ({"a": "1", "b.c": "2"}, {"a": "0"}, ["tags.a", "tags.b.c"]),
        ({}, {"a": "1"}, ["tags.a"]),
        ({"a": "1"}, {"a": "1", "_sys_owner": "x"}, []),
    ],
)
def test_tags_change_one_by_one(declared: Fields, told: Fields, changed: list[str]) -> None:
    """Declared tags are all there are, except for those of the service."""
    assert changed == paths({"tags": declared}, {"tags": told})


def test_a_parallel_file_system_may_be_called_obs() -> None:
    """Asked for as OBS, it reads back as OBSFS; not so the other way round."""
    assert [] == paths({"storages": [{**MOUNT, "category": "OBS"}]}, {"storages": [MOUNT]})
    assert ["storages"] == paths({"storages": [MOUNT]}, {"storages": [{**MOUNT, "category": "OBS"}]})


@pytest.mark.parametrize(
    ("volume", "live", "effect"),
    [
        ({"category": "EVS", "ownership": "MANAGED", "capacity": 80}, 50, Effect.IN_PLACE),
        ({"category": "EVS", "ownership": "MANAGED", "capacity": 20}, 50, Effect.REPLACE),
        ({**EFS, "capacity": 80}, 50, Effect.REPLACE),
    ],
)
def test_only_evs_grows(volume: Fields, live: int, effect: Effect) -> None:
    """Everything else about its size takes another volume."""
    (change,) = changes({"volume": volume}, {"volume": {**volume, "capacity": live}})
    assert ("volume.capacity", effect) == (change.path, change.effect)


def test_the_size_of_an_efs_volume_need_not_be_told() -> None:
    """50 GB is what it has; any other size would be a change."""
    untold: tuple[Fields, Fields] = {"volume": EFS}, {"volume": EFS}
    assert [] == paths({"volume": {**EFS, "capacity": 50}}, *untold)
    assert ["volume.capacity"] == paths({"volume": {**EFS, "capacity": 60}}, *untold)


def test_what_is_withdrawn_within_a_map_is_a_change() -> None:
    """What was never declared there is left to the service."""
    spec = {"cpu": 2.0, "memory": 4096}
    declared = {"flavor": None, "pool_id": "pool41664192", "custom_spec": spec}
    more = {"custom_spec": {**spec, "gpu": 1.0}}
    assert [] == paths(declared, more)
    assert ["custom_spec"] == paths(declared, more, more)


@pytest.mark.parametrize("name", ["UNMANAGED", "RUNNING"])
def test_power_left_alone_is_no_change(name: str) -> None:
    stopped = {"desired_status": "STOPPED"}
    assert ([] if name == "UNMANAGED" else ["desired_status"]) == paths({"desired_status": name}, stopped)


def test_who_moved() -> None:
    """The live notebook, when the declaration is as it was applied."""
    outside = changes({"name": "a", "tags": {"k": "1"}}, {"name": "b", "tags": {"k": "2", "l": "3"}})
    assert {"outside"} == {change.moved_by for change in outside}
    spec = changes({"name": "a", "tags": {"k": "1"}}, *[{"name": "b", "tags": {"k": "2"}}] * 2)
    assert {"spec"} == {change.moved_by for change in spec}


def test_an_instance_as_declared_differs_in_nothing() -> None:
    """Read from an answer, not from attributes."""
    declared = notebook(endpoints=[SSH], tags={"a": "1"}, lease="never", workspace_id="0")
    assert () == compare(declared.attributes(), instance(declared).attributes(), {})


def test_a_lease_whose_type_is_not_told() -> None:
    """Older answers carry no type (API page 3.5): an IDLE lease is not asked for again and again."""
    asked = {"lease": {"type": "IDLE", "duration": 3600000}}
    assert () == compare(asked, {"lease": {"duration": 3600000}}, {})
    assert ("lease",) == tuple(change.path for change in compare(asked, {"lease": {"duration": 7200000}}, {}))


class TestEffective:
    """What is desired where some live values are right."""

    declared = notebook(description="ours", tags={"a": "1", "b": "1"}).attributes()
    live = instance(notebook(description="theirs", tags={"a": "2", "c": "2"})).attributes()

    def test_only_what_is_ignored_is_taken_over(self) -> None:
        found = effective(self.declared, self.live, {}, {"tags.a", "tags.b", "tags.c"})
        assert ("ours", {"a": "2", "c": "2"}) == (found["description"], found["tags"])
        assert {"a": "1", "b": "1"} == self.declared["tags"]

    def test_what_is_not_declared_stays_so(self) -> None:
        bare = notebook().attributes()
        assert bare == effective(bare, self.live, {}, {"description", "tags", "tags.a"})

    def test_what_no_answer_tells_is_as_recorded(self) -> None:
        """And left to the service where nothing is recorded; a new instance gets what is declared."""
        declared = self.declared | {"storages": [MOUNT]}
        live = {name: value for name, value in self.live.items() if name != "storages"}
        assert [] == effective(declared, live, {"storages": []}, {"storages"})["storages"]
        assert "storages" not in effective(declared, live, {}, {"storages"})
        assert [MOUNT] == effective(declared, live, {}, {"storages"}, anew=True)["storages"]

    @pytest.mark.parametrize("ignored", [{"all"}, {"description"}, {"volume", "tags"}])
    def test_it_leaves_no_change_of_what_is_ignored(self, ignored: set[str]) -> None:
        wanted = effective(self.declared, self.live, {}, ignored)
        assert [] == [change.path for change in compare(wanted, self.live, {}) if is_under(change.path, ignored)]
