"""Whatever a notebook is: Terraform's names for it are read back as what they were made of, and patches hold."""

from __future__ import annotations

import json
from typing import Any

import hypothesis
import jsonpatch
from hypothesis import given
from hypothesis import strategies as st

from provisioner.model.address import TERRAFORM_TYPE
from provisioner.state.terraform import MOUNT_TYPE, read_terraform
from provisioner.tfjson.attributes import named
from provisioner.tfjson.plan import plan_document
from tests.builders import OTHER_IMAGE, instance_id, notebook, planned, state

WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N"], include_characters=" -_"), min_size=1, max_size=12)
EFS = {"category": "EFS", "ownership": "DEDICATED", "uri": "share.internal:/lab", "id": instance_id(7)}
SSH = {"service": "SSH", "key_pair_names": ["alice"]}
OBS = {"category": "OBSFS", "uri": "obs://bucket/sets/"}
# What the provider has names for, all of it.
KNOWN = st.fixed_dictionaries(
    {},
    optional={
        "description": WORDS.map(str.strip).filter(bool),
        "flavor": st.sampled_from(["modelarts.vm.cpu.8u", "modelarts.vm.gpu.v100"]),
        "image_id": st.just(OTHER_IMAGE),
        "pool_id": st.just("pool41664192"),
        "workspace_id": st.sampled_from(["0", "a" * 32]),
        "tags": st.dictionaries(WORDS.map(str.strip).filter(bool), WORDS.map(str.strip), min_size=1, max_size=3),
        "endpoints": st.sampled_from([[SSH], [SSH | {"allowed_access_ips": ["203.0.113.7", "198.51.100.0/24"]}]]),
        "volume": st.one_of(
            st.just(EFS),
            st.integers(5, 4096).map(lambda size: {"category": "EVS", "ownership": "MANAGED", "capacity": size}),
        ),
        "storages": st.sets(st.sampled_from(["/data/a/", "/data/b/", "/data/c/"]), min_size=1).map(
            lambda places: [OBS | {"mount_path": place} for place in sorted(places)]
        ),
    },
)
# And what only we have names for.
MORE = st.fixed_dictionaries(
    {},
    optional={
        "lease": st.sampled_from(["never", {"duration": "8h"}, {"duration": "90m", "type": "IDLE"}]),
        "desired_status": st.sampled_from(["RUNNING", "STOPPED"]),
    },
)


def _valid(fields: dict[str, Any]) -> dict[str, Any]:
    """A dedicated pool where one is needed."""
    needs = fields.get("volume") == EFS or "storages" in fields
    return {"pool_id": "pool41664192"} | fields if needs else fields


FIELDS = KNOWN.map(_valid)
BOTH = st.builds(lambda known, more: known | more, FIELDS, MORE)


@hypothesis.settings(max_examples=200)
@given(BOTH)
def test_names_are_read_back(fields: dict[str, Any]) -> None:
    """By what reads them of a Terraform state, the mounts as resources of their own, as the provider has them."""
    ours = notebook(**fields).attributes()
    found = named(ours)
    mounts = [
        {"type": each["type"], "storage_path": each["path"], "local_mount_directory": each["mount_path"]}
        for each in found.get("mount_storages", ())
    ]
    (read,) = read_terraform(_state(found, mounts), "state").notebooks
    assert {name: value for name, value in ours.items() if name not in {"lease", "desired_status"}} == read.declared


@hypothesis.settings(max_examples=100)
@given(BOTH, BOTH)
def test_a_patch_leads_from_before_to_after(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Whatever changes of a notebook."""
    plan = planned({"alice": before}, {"alice": after})
    for each in plan_document(plan, state=state(), timestamp="")["resource_changes"]:
        change = each["change"]
        assert change["after"] == jsonpatch.apply_patch(change["before"], change["patch"])
        assert bool(change["patch"]) == (change["actions"] != ["no-op"])


def _state(attributes: dict[str, Any], mounts: list[dict[str, Any]]) -> bytes:
    def resource(kind: str, name: str, held: dict[str, Any]) -> dict[str, Any]:
        return {"mode": "managed", "type": kind, "name": name, "instances": [{"attributes": held}]}

    identity = instance_id(1)
    resources = [resource(TERRAFORM_TYPE, "alice", attributes | {"id": identity})]
    resources += [resource(MOUNT_TYPE, f"m{n}", each | {"id": f"{identity}/{n}"}) for n, each in enumerate(mounts)]
    return json.dumps({"version": 4, "resources": resources}).encode()
