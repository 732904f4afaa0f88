"""Which KEYs live notebooks get, what a spec says of them, and what is recorded: it leads to an empty plan."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.adoption import Adopted, adopted_record, adoption, differences
from provisioner.diff import compare
from provisioner.model.notebook import Notebook
from provisioner.model.observation import Observation
from tests.builders import IMAGE, OTHER_IMAGE, declaration, instance, instance_id, notebook

POOL = {"pool_id": "pool41664192"}
SSH = {"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": []}
MOUNT = {"category": "OBSFS", "uri": "obs://b/d/", "mount_path": "/data/a/"}


def named(*names: str) -> list[Observation]:
    """Live notebooks of these names, each younger than the one before."""
    return [instance(number=number, name=name, create_at=number) for number, name in enumerate(names, 1)]


def keys(*names: str, **options: Any) -> list[str]:
    """The KEY of each."""
    found = {each.live.id: each.key for each in adoption(named(*names), **options).adopted}
    return [found[instance_id(number)] for number in range(1, len(names) + 1)]


def only(live: Observation, **options: Any) -> Adopted:
    done = adoption([live], **options)
    assert () == done.warnings
    (adopted,) = done.adopted
    return adopted


def left_out(live: Observation) -> str:
    """Why it is in no spec."""
    done = adoption([live])
    assert () == done.adopted
    (warning,) = done.warnings
    assert ("W641", f"the notebook {live.id} is left out") == (warning.code, warning.summary)
    assert warning.hint
    return warning.detail


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["alice", "bob"], ["alice", "bob"]),
        (["lab", "lab", "LAB"], ["lab", "lab-00000002", "LAB-00000003"]),
        (["研究 a.b", "_-_", "-a"], ["a-b", "notebook", "a"]),
        (["a" * 128, "a" * 70], ["a" * 64, "a" * 55 + "-00000002"]),
        (["x", "x-00000003", "x"], ["x", "x-00000003", f"x-{instance_id(3)}"]),
    ],
)
def test_a_key_is_the_name_made_valid(names: list[str], expected: list[str]) -> None:
    """Of namesakes the oldest has the plain KEY, also where case alone differs."""
    assert expected == keys(*names)


def test_keys_stay_when_younger_notebooks_come() -> None:
    """And whatever the order of the list."""
    live = named("lab", "lab", "lab")
    before = {each.live.id: each.key for each in adoption(live[:2]).adopted}
    after = {each.live.id: each.key for each in adoption(reversed(live)).adopted}
    assert before == {identifier: key for identifier, key in after.items() if identifier in before}


def test_taken_keys_are_respected() -> None:
    """Those of the stack stay its own, in whatever case."""
    assert ["lab-00000001", "b"] == keys("lab", "b", taken={"LAB"})


def test_a_key_can_come_from_elsewhere() -> None:
    """The name is declared then."""
    adopted = only(instance(number=1, name="alice"), names={instance_id(1): "team.lab[0]"})
    assert ("team-lab-0", "alice") == (adopted.key, adopted.entry.fields["name"])


def test_what_is_live_by_default_is_left_out() -> None:
    """The lease stands: it is a policy."""
    live = instance(
        description="",
        endpoints=[{"service": "NOTEBOOK", "uri": "https://x"}],
        data_volumes=[],
        tags=[{"key": "_sys_x", "value": "y"}],
        storages=[],
        volume={"category": "EVS", "ownership": "MANAGED", "capacity": 50, "mount_path": "/home/ma-user/work/"},
    )
    assert {
        "flavor": "modelarts.vm.cpu.2u",
        "image_id": IMAGE,
        "volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 50},
        "lease": {"type": "TIMING", "duration": 3_600_000},
    } == only(live).entry.fields


def test_ignored_tags_are_no_part_of_a_spec() -> None:
    """The project says so."""
    live = instance(notebook(tags={"cost": "1", "team": "a"}))
    assert {"team": "a"} == only(live, ignored_tags={"cost"}).entry.fields["tags"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": "other", "description": "a # b", "tags": {"a": "1", "b": ""}},
        {"flavor": None, "custom_spec": {"cpu": 2.5, "memory": 4096}} | POOL,
        {"volume": {"category": "EFS", "ownership": "MANAGED"}, "desired_status": "STOPPED"},
        {"endpoints": [SSH], "storages": [MOUNT], "lease": "never"} | POOL,
        {"lease": {"type": "IDLE", "duration": "15m"}, "run_user": {"uid": 1, "gid": 2}, "image_id": OTHER_IMAGE},
    ],
)
def test_what_is_declared_is_what_is_live(fields: dict[str, Any]) -> None:
    """Nothing differs, neither before nor after it is recorded."""
    live = instance(notebook(**fields))
    adopted = only(live)
    declared = Notebook.model_validate({"name": adopted.key, **adopted.entry.fields})
    assert () == compare(declared.attributes(), live.attributes(), {})
    record = adopted_record(live, declaration(**{"name": live.name, "flavor": None, **adopted.entry.fields}))
    assert () == compare(declared.attributes(), live.attributes(), record.attributes)


@pytest.mark.parametrize(
    ("answer", "field", "remark"),
    [
        (
            {"description": "a/b"},
            "description",
            "description is left as it is: a description must not hold / (position 2)",
        ),
        (
            {"description": "a\u202eb"},
            "description",
            "description is left as it is: it holds the invisible character U+202E",
        ),
        ({"pool": {"id": "X"}}, "pool_id", "pool_id is left as it is: a pool id has 4 to 64 lower-case letters"),
        (
            {"data_volumes": [{"category": "OBS", "url": "obs://b/", "mount_path": "/data/x/"}]},
            "data_volumes",
            "data_volumes is left as it is: `ownership` is missing",
        ),
        (
            {"endpoints": [{"service": "SSH", "key_pair_names": []}]},
            "endpoints",
            "endpoints is left as it is: an SSH endpoint needs `key_pair_names`",
        ),
        (
            {"storages": [{"category": "SFS", "uri": "x", "mount_path": "/data/x/"}]},
            "storages",
            "storages is left as it is: 'SFS' is not a storage category",
        ),
    ],
)
def test_a_field_that_a_spec_refuses_is_left_to_the_service(answer: dict[str, Any], field: str, remark: str) -> None:
    """With the reason."""
    entry = only(instance(**answer)).entry
    assert field not in entry.fields
    assert entry.remarks[0].startswith(remark)
    assert "lifecycle" not in entry.fields


def test_an_empty_name_is_left_as_it_is() -> None:
    """A plan would give it the KEY."""
    adopted = only(instance(name=""))
    assert ("notebook", {"ignore_changes": ["name"]}) == (adopted.key, adopted.entry.fields["lifecycle"])
    assert ("name is left as it is: it has none",) == adopted.entry.remarks


def test_what_is_live_does_not_become_a_default_of_the_stack() -> None:
    """What has a default is said, also where it is empty or live by default; what cannot be said is ignored."""
    live = instance(description="", endpoints=[], volume={"category": "EFS", "ownership": "MANAGED", "capacity": 50})
    told = {"name", "description", "workspace_id", "desired_status", "volume", "endpoints"}
    fields = only(live, defaulted=told | {"pool_id", "storages"}).entry.fields
    assert {
        "name": "alice",
        "description": "",
        "workspace_id": "0",
        "desired_status": "RUNNING",
        "volume": {"category": "EFS", "ownership": "MANAGED", "capacity": 50},
        "endpoints": [],
        "lifecycle": {"ignore_changes": ["pool_id", "storages"]},
    }.items() <= fields.items()


def test_a_refused_field_does_not_become_a_default_of_the_stack() -> None:
    """Its live value is kept by name."""
    entry = only(instance(description="a/b"), defaulted={"description"}).entry
    assert {"ignore_changes": ["description"]} == entry.fields["lifecycle"]


def test_a_name_and_tags_that_a_spec_refuses_are_ignored() -> None:
    """Their live value counts, and the other tags stay declared."""
    tags = [{"key": "password", "value": "x"}, {"key": "a/b", "value": "x"}, {"key": "team", "value": "a"}]
    entry = only(instance(name="研究", tags=tags)).entry
    assert "name" not in entry.fields
    assert {"team": "a"} == entry.fields["tags"]
    assert {"tags.password", "tags.a/b", "name"} == set(entry.fields["lifecycle"]["ignore_changes"])
    assert 3 == len(entry.remarks)


def test_a_part_of_the_volume_that_a_spec_refuses_is_left_to_the_service() -> None:
    """The rest of it stays declared."""
    volume = {"category": "OBSFS", "ownership": "DEDICATED", "uri": "obs://b/", "dew_secret_name": "a b"}
    entry = only(instance(volume=volume)).entry
    assert {"category": "OBSFS", "ownership": "DEDICATED", "uri": "obs://b/"} == entry.fields["volume"]
    assert entry.remarks[0].startswith("volume.dew_secret_name is left as it is: a DEW secret name has")


@pytest.mark.parametrize("status", ["FROZEN", "ERROR", "DELETE_FAILED"])
def test_what_is_not_well_has_its_power_left_alone(status: str) -> None:
    """Nobody can tell how it is to be."""
    entry = only(instance(status=status)).entry
    assert "UNMANAGED" == entry.fields["desired_status"]
    assert (f"whether it is to run cannot be told while it is {status}",) == entry.remarks


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"feature": "DEFAULT"}, "it is a free CodeLab instance"),
        ({"status": "DELETING"}, "it is being deleted"),
        ({"status": "CREATE_FAILED"}, "its creation failed, there is nothing to keep"),
        ({"status": "CREATING", "volume": {}}, "`volume` is missing"),
        ({"image": {"id": "none"}}, "this is not an id of the form"),
        ({"volume": {"category": "SFS", "ownership": "MANAGED"}}, "'SFS' is not a volume category"),
        ({"flavor": ""}, "`flavor` is missing"),
        (
            {"volume": {"category": "EFS", "ownership": "DEDICATED", "uri": "x"}},
            "an EFS volume that is DEDICATED needs `id`",
        ),
    ],
)
def test_what_no_spec_can_declare_is_left_out(answer: dict[str, Any], reason: str) -> None:
    """And told, with the mend."""
    assert f"It is left out because {reason}" in left_out(instance(**answer))


def test_what_is_recorded_counts_as_applied_as_far_as_it_is_declared() -> None:
    """An instance on its way is finished by the next apply; what must not be destroyed is protected at once."""
    live = instance(notebook(tags={"a": "1"}), status="STARTING")
    record = adopted_record(live, declaration(tags={"a": "2"}, lifecycle={"prevent_destroy": True}))
    assert ({"a": "1"}, True, True) == (record.attributes["tags"], record.incomplete, record.protected)
    assert "lease" not in record.attributes


def test_differences_are_those_that_the_service_tells_of() -> None:
    """Mounts that nobody asked for are none, nor is an id that Terraform does not keep."""
    declared = {"flavor": "x", "storages": [MOUNT], "custom_spec": {"cpu": 1}}
    assert ["flavor"] == [change.path for change in differences(declared, instance())]
    mounted = instance(flavor="x", storages=[MOUNT | {"efs_id": "e", "status": "MOUNTED"}])
    assert () == differences(declared, mounted)
