"""Plans that ask what the service offers: the command as a process, and the offers of the real simulator."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.contract.lab import IMAGE, OTHER_IMAGE
from tests.contract.project import Project
from tests.contract.sandbox import Sandbox

NOTHING = "No changes. Your infrastructure matches the configuration."
PYTORCH = "pytorch1.8-cuda10.2-cudnn7-ubuntu18.04"
NAMED = {"image_id": None, "image": {"name": PYTORCH}}
POOL = {"pool_id": "pool41664192"}
EVS = {"category": "EVS", "ownership": "MANAGED"}
LOOKUPS = ("list-flavors", "list-images", "show-feature", "list-clusters", "list-workspaces")


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    return Project(tmp_path, sandbox.environ)


def declare(project: Project, **notebooks: dict[str, Any]) -> None:
    """Small notebooks; a field that is None is left out."""
    project.declare(**notebooks)
    path = project.root / "specs" / "lab" / "notebooks.json"
    path.write_text(re.sub(r'\n *"[a-z_]+": null,?', "", path.read_text()))


def codes(text: str) -> list[str]:
    return re.findall(r"^(?:error|warning)\[(\w+)\]", text, re.MULTILINE)


def asked(sandbox: Sandbox) -> Counter[str]:
    """The look-ups since the log was cleared."""
    return Counter(entry["operation"] for entry in sandbox.log() if entry["operation"] != "list")


class TestImages:
    def test_by_name(self, project: Project, sandbox: Sandbox) -> None:
        """It is created with the id, and is as declared afterwards."""
        declare(project, alice=NAMED, bob={"image_id": None, "image": {"name": "team-pytorch", "type": "dedicated"}})
        assert 0 == project.run("apply", "--auto-approve").returncode
        team = "a1b2c3d4-0000-4000-8000-000000000001"
        assert {"alice": OTHER_IMAGE, "bob": team} == {
            each["name"]: each["image"]["id"] for each in sandbox.notebooks()
        }
        sandbox.forget()
        assert NOTHING in project.run("plan").stdout
        assert Counter({"list-images": 2}) == asked(sandbox)

    def test_offline(self, project: Project, sandbox: Sandbox) -> None:
        """The recorded image is kept, and nothing is looked up."""
        declare(project, alice=NAMED)
        assert 0 == project.run("apply", "--auto-approve").returncode
        sandbox.forget()
        result = project.run("plan", "--offline")
        assert NOTHING in result.stdout
        assert (["W611"], Counter()) == (codes(result.stderr), asked(sandbox))

        declare(project, alice=NAMED, bob={**NAMED, "flavor": "modelarts.none"})
        result = project.run("plan", "--offline")
        assert (1, "", ["E613"]) == (result.returncode, result.stdout, codes(result.stderr))

    def test_saved_under_one_name(self, project: Project, sandbox: Sandbox) -> None:
        """A second image of that name makes it ambiguous; a tag tells them apart."""
        declare(project, alice={})
        assert 0 == project.run("apply", "--auto-approve").returncode
        self.save(project, sandbox, "2.1")
        team = {"image_id": None, "image": {"name": "team-pytorch"}}
        declare(project, alice={"lifecycle": {"ignore_changes": ["image_id"]}}, bob=team)
        result = project.run("plan")
        assert (1, ["E612"]) == (result.returncode, codes(result.stderr))
        assert "error[E612]: 2 images match `team-pytorch`\n  --> specs/lab/notebooks.json:" in result.stderr
        assert re.search(
            r"= note: notebook.bob\n +[0-9a-f-]{36}  team-pytorch:2.1  DEDICATED  created 20", result.stderr
        )
        assert "a1b2c3d4-0000-4000-8000-000000000001  team-pytorch:2.0  DEDICATED" in result.stderr
        assert "say which one: `tag: 2.1`" in result.stderr
        team["image"] = {"name": "team-pytorch", "tag": "2.0"}
        declare(project, alice={"lifecycle": {"ignore_changes": ["image_id"]}}, bob=team)
        assert 0 == project.run("plan").returncode

    def save(self, project: Project, sandbox: Sandbox, tag: str) -> None:
        from provisioner.clock import SystemClock
        from provisioner.provider.environment import read_scope
        from provisioner.provider.iam import connect
        from provisioner.provider.sources import find_credentials, surroundings_of

        identifier = project.recorded()["notebook.alice"]["id"]
        scope = read_scope(sandbox.environ)
        credentials = find_credentials(surroundings_of(sandbox.environ, scope)).credentials
        with connect(credentials, scope, SystemClock()) as (client, project_id):
            path = f"/v1/{project_id}/notebooks/{identifier}/create-image"
            client.request("POST", path, body={"name": "team-pytorch", "namespace": "team", "tag": tag})
        project.run("plan", "--refresh-only")

    def test_what_needs_no_image(self, project: Project, sandbox: Sandbox) -> None:
        """Refreshing and destroying look nothing up, even where the image is gone."""
        declare(project, alice=NAMED)
        assert 0 == project.run("apply", "--auto-approve").returncode
        declare(project, alice={"image_id": None, "image": {"name": "gone"}})
        assert ["E611"] == codes(project.run("plan").stderr)
        sandbox.forget()
        assert 0 == project.run("plan", "--refresh-only").returncode
        assert 0 == project.run("destroy", "--auto-approve", "--accept-loss", "all").returncode
        assert set() == asked(sandbox).keys() & set(LOOKUPS)


class TestRefusals:
    def test_every_field(self, project: Project, sandbox: Sandbox) -> None:
        """The plan is shown, then each error with its place; an apply of it sends nothing."""
        sandbox.control("POST", "/settings", {"sold_out": ["modelarts.bm.gpu.v100NV32"]})
        ssh_only = "e1a07296-22a8-4f05-8bc8-e936c8e54088"
        declare(
            project,
            a={"flavor": "modelarts.vm.cpu.3u"},
            b={"flavor": "modelarts.bm.gpu.v100NV32"},
            c={"flavor": "modelarts.bm.snt9.xlarge.2", "image_id": ssh_only},
            d={"flavor": "modelarts.vm.cpu.16u", "volume": {**EVS, "capacity": 501}},
            e={"image_id": IMAGE[:-1] + "1"},
            f={"image_id": "a1b2c3d4-0000-4000-8000-000000000002"},
            g={"flavor": "modelarts.bm.gpu.4v100NV32.nosdi", "image_id": "9d63f4d1-dc09-4873-b669-3483cea777c0"},
            h={"flavor": "modelarts.kat1.xlarge"},
            i={"pool_id": "missing-pool"},
            j={"workspace_id": "1b2f0c6d7e8a49f5a3c1d2e4f5061729"},
        )
        result = project.run("plan")
        assert (1, True) == (result.returncode, "Plan: 10 to add, 0 to change, 0 to destroy." in result.stdout)
        wanted = ["E601", "E602", "E603", "E618", "E604", "E614", "E615", "E616", "E617", "E622", "E623"]
        assert wanted == codes(result.stderr)
        assert "there is no flavor modelarts.vm.cpu.3u for notebooks in the shared pool" in result.stderr
        assert "did you mean modelarts.vm.cpu." in result.stderr
        cards = "modelarts.bm.gpu.2v100NV32.share, modelarts.bm.gpu.4v100NV32.nosdi"
        assert f"2 flavors with the same GPU are on sale: {cards}" in result.stderr
        assert 11 == result.stderr.count("--> specs/lab/notebooks.json:")

        sandbox.forget()
        assert wanted == codes(project.run("apply", "--auto-approve").stderr)
        assert ([], []) == (sandbox.calls(), sandbox.notebooks())

    def test_updates(self, project: Project, sandbox: Sandbox) -> None:
        """In the shared pool every flavor on sale counts, in a dedicated one what the instance may change to."""
        fields = {"a": {}, "b": POOL, "c": POOL, "d": {"flavor": "modelarts.vm.cpu.16u"}}
        declare(project, **fields)
        assert 0 == project.run("apply", "--auto-approve").returncode
        sandbox.forget()
        arm = {"flavor": "modelarts.kat1.xlarge"}
        declare(project, a=arm, b=POOL | arm, c=POOL | arm, d={**fields["d"], "volume": {**EVS, "capacity": 501}})
        result = project.run("plan")
        assert (1, ["E617", "E606", "E606", "E604"]) == (result.returncode, codes(result.stderr))
        assert "the instance cannot change to the flavor modelarts.kat1.xlarge in its pool" in result.stderr
        assert Counter({"list-switchable-flavors": 1, "list-flavors": 1, "list-images": 2}) == asked(sandbox)

        declare(project, a={"flavor": "modelarts.vm.cpu.8u"}, b=POOL | {"flavor": "modelarts.vm.cpu.8u"}, c=POOL)
        assert 0 == project.run("plan", "--exclude", "d").returncode

    def test_quota(self, project: Project, sandbox: Sandbox) -> None:
        """An instance too many is known before the first is created."""
        sandbox.pace(quota=3)
        declare(project, a={}, b={})
        assert 0 == project.run("apply", "--auto-approve").returncode
        declare(project, a={}, b={}, c={}, d={})
        sandbox.forget()
        result = project.run("apply", "--auto-approve")
        assert (1, []) == (result.returncode, sandbox.calls())
        assert "error[E621]: the quota has no room for 1 of the instances" in result.stderr
        assert "2 of 3 instances exist, this plan creates 2" in result.stderr

        declare(project, a={"lifecycle": {"create_before_destroy": True}}, b={}, c={})
        assert 0 == project.run("plan").returncode
        result = project.run("plan", "--replace", "a")
        assert ["E621"] == codes(result.stderr)
        assert "2 of 3 instances exist, this plan creates 2" in result.stderr

        declare(project, a={}, c={}, d={})
        result = project.run("plan")
        assert (0, ["W621"]) == (result.returncode, codes(result.stderr))
        assert "2 of 3 instances exist, this plan creates 2 and deletes 1 others" in result.stderr


class TestRefusedLookups:
    @pytest.mark.parametrize(
        "effect",
        [
            {"effect": "fail", "status": 403, "code": "ModelArts.0108", "message": "not authorised"},
            {"effect": "fail", "status": 404, "code": "APIGW.0101", "message": "no such API"},
            {"effect": "fail", "status": 200, "body": {"error_code": "ModelArts.0108", "error_msg": "no"}},
        ],
    )
    def test_warnings(self, project: Project, sandbox: Sandbox, effect: dict[str, Any]) -> None:
        """No rights, no such API here, an error with status 200: each look-up is one warning, and the apply goes on."""
        for operation in LOOKUPS:
            sandbox.control("POST", "/faults", {"operation": operation, "times": None, "then": effect})
        declare(project, **{f"n{number}": {} for number in range(3)})
        result = project.run("apply", "--auto-approve", PROVISIONER_SETTLE_WINDOW="1s")
        assert (0, ["W601", "W603", "W604"]) == (result.returncode, codes(result.stderr))
        assert "warning[W601]: flavors could not be looked up" in result.stderr
        assert 3 == len(sandbox.notebooks())

    def test_images_by_name(self, project: Project, sandbox: Sandbox) -> None:
        """A recorded notebook keeps its image; for a new one there is none."""
        declare(project, alice=NAMED)
        assert 0 == project.run("apply", "--auto-approve").returncode
        refusal = {"effect": "fail", "status": 403, "code": "ModelArts.0108", "message": "not authorised"}
        sandbox.control("POST", "/faults", {"operation": "list-images", "times": None, "then": refusal})
        result = project.run("plan")
        assert (0, ["W612", "W603"]) == (result.returncode, codes(result.stderr))
        assert NOTHING in result.stdout
        declare(project, alice=NAMED, bob=NAMED)
        result = project.run("plan")
        assert (1, ["E613"]) == (result.returncode, codes(result.stderr))
        assert "images cannot be listed (ModelArts.0108: not authorised)" in result.stderr


def test_requests_do_not_grow(project: Project, sandbox: Sandbox) -> None:
    """Sixty notebooks that ask for everything cost as many look-ups as one; `--offline` costs none."""
    everything = NAMED | POOL | {"workspace_id": "1b2f0c6d7e8a49f5a3c1d2e4f5061728"}
    sent = []
    for count in (1, 60):
        declare(project, **{f"n{number}": everything for number in range(count)})
        sandbox.forget()
        assert 0 == project.run("plan").returncode
        sent.append(asked(sandbox))
    assert (
        Counter({"list-flavors": 1, "list-images": 2, "show-feature": 1, "list-clusters": 1, "list-workspaces": 1})
        == (sent[0])
    )
    assert sent[0] == sent[1]

    declare(project, **{f"n{number}": POOL for number in range(60)})
    sandbox.forget()
    assert 0 == project.run("plan", "--offline").returncode
    assert Counter() == asked(sandbox)
