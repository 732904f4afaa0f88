"""The desired notebook: normal form, costs of changes, limits at their edges."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from provisioner.model.behavior import Effect, behaviors
from provisioner.model.fields import duration_ms, duration_text
from provisioner.model.notebook import Notebook

IMAGE = "e1a07296-22a8-4f05-8bc8-e936c8e54090"
VALID: dict[str, Any] = {
    "name": "a",
    "flavor": "modelarts.vm.cpu.2u",
    "image_id": IMAGE,
    "volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 50},
}


def notebook(**fields: Any) -> Notebook:
    return Notebook.model_validate(VALID | fields)


def codes(**fields: Any) -> list[str]:
    """The codes that these fields are refused with."""
    try:
        notebook(**fields)
    except ValidationError as error:
        return [problem["type"] for problem in error.errors()]
    return []


def test_every_field_declares_what_a_change_costs() -> None:
    """One effect each; what is nested declares its own."""
    costs = {path: behavior.effect for path, behavior in behaviors(Notebook).items()}
    assert {path.partition(".")[0] for path in costs} == set(Notebook.model_fields)
    assert (Effect.IN_PLACE, Effect.RESTART, Effect.REPLACE) == (
        costs["name"],
        costs["flavor"],
        costs["volume.category"],
    )


def test_attributes_hold_what_is_declared_and_nothing_else() -> None:
    """A field that is absent is left to the service."""
    assert VALID | {"desired_status": "RUNNING"} == notebook().attributes()


def test_attributes_have_one_normal_form() -> None:
    """Lists without an order are sorted, mount paths end in a slash, enumerations are in upper case."""
    endpoint = {"service": "ssh", "key_pair_names": ["b", "a"], "allowed_access_ips": ["9.9.9.9", "1.1.1.1"]}
    mounts = [{"category": "obs", "uri": "obs://b/", "mount_path": f"/data/{name}"} for name in ("y", "x")]
    attributes = notebook(endpoints=[endpoint], storages=mounts).attributes()
    expected = {"service": "SSH", "key_pair_names": ["a", "b"], "allowed_access_ips": ["1.1.1.1", "9.9.9.9"]}
    assert [expected] == attributes["endpoints"]
    assert ["/data/x/", "/data/y/"] == [mount["mount_path"] for mount in attributes["storages"]]
    assert ["OBS", "OBS"] == [mount["category"] for mount in attributes["storages"]]


@pytest.mark.parametrize(
    ("fields", "lease"),
    [
        ({"lease": {"duration": "8h"}}, {"type": "TIMING", "duration": 28_800_000}),
        ({"lease": {"duration": "15m", "type": "idle"}}, {"type": "IDLE", "duration": 900_000}),
        ({"lease": "never"}, "never"),
        ({"duration": 3_600_000}, {"type": "TIMING", "duration": 3_600_000}),
        ({"duration": "72h"}, {"type": "TIMING", "duration": 259_200_000}),
        ({"duration": -1}, "never"),
    ],
)
def test_every_way_to_declare_a_lease_has_one_form(fields: dict[str, Any], lease: Any) -> None:
    """The API's older `duration` is a TIMING lease, and -1 is none (API page 9)."""
    assert lease == notebook(**fields).attributes()["lease"]


def test_limits_hold_at_their_edges() -> None:
    """The last good value and the first bad one."""
    volume = VALID["volume"]
    assert [] == codes(volume=volume | {"capacity": 5}) + codes(volume=volume | {"capacity": 4096})
    assert ["E304", "E304"] == codes(volume=volume | {"capacity": 4}) + codes(volume=volume | {"capacity": 4097})
    assert [] == codes(description="d" * 487, name="n" * 64, tags={"k" * 128: "v" * 255})
    assert ["E208"] == codes(description="d" * 488)
    assert [] == codes(tags={f"t{n}": "" for n in range(20)})
    assert ["E317"] == codes(tags={f"t{n}": "" for n in range(21)})
    assert [] == codes(lease={"duration": "15m", "type": "IDLE"}) + codes(lease={"duration": "72h"})
    assert ["E316"] == codes(lease={"duration": "15m"})
    assert [] == codes(workspace_id="0") + codes(workspace_id="0a" * 16)
    assert ["E315"] == codes(workspace_id="00")


def test_a_dedicated_pool_allows_what_needs_one() -> None:
    """SFS Turbo, scheduling rules and flavors of one's own."""
    shared_file_system = {"category": "EFS", "ownership": "DEDICATED", "uri": "192.168.0.1:/x/", "id": IMAGE}
    needy: dict[str, Any] = {
        "volume": shared_file_system,
        "affinity": {},
        "storages": [{"category": "EFS", "uri": "s:/d", "mount_path": "/data/x", "efs_id": IMAGE}],
    }
    own_flavor = {"flavor": None, "custom_spec": {"cpu": 0.4, "memory": 513}}
    assert [] == codes(pool_id="pool41664192", **needy, **own_flavor)
    assert ["E302"] * 3 == codes(**needy)
    assert ["E302"] == codes(**own_flavor)


def test_durations_have_a_shortest_spelling() -> None:
    """Reading it back gives the same milliseconds."""
    for text in ("0s", "500ms", "45s", "90m", "1h30m", "72h", "1h1m1s1ms"):
        milliseconds = duration_ms(text)
        assert milliseconds is not None
        assert milliseconds == duration_ms(duration_text(milliseconds))
    assert "1h30m" == duration_text(5_400_000)
    assert [None] * 4 == [duration_ms(text) for text in ("", "8", "8 h", "h")]
