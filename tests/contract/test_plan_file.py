"""Saved plans on the real command: applied exactly, or refused before anything is sent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.lab import OTHER_IMAGE
from tests.contract.project import Project
from tests.contract.sandbox import Sandbox
from tests.contract.saved import PLAN, World, changing

SSH = {"service": "SSH", "key_pair_names": ["eve"], "allowed_access_ips": ["203.0.113.9"]}


@pytest.fixture
def world(shared_sandbox: Sandbox, tmp_path: Path) -> World:
    return changing(shared_sandbox, tmp_path)


@pytest.fixture(scope="module")
def lasting(shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], World]]:
    """A world that refusals leave as it is; made again when another test has cleared the simulator."""
    made_once: list[World] = []

    def get() -> World:
        if not made_once or not shared_sandbox.notebooks():
            made_once[:] = [changing(shared_sandbox, tmp_path_factory.mktemp("lasting"))]
        return made_once[0]

    yield get
    shared_sandbox.reset()


LIVE: dict[str, tuple[str, dict[str, Any], str]] = {
    "description": ("alice", {"description": "by QA"}, 'description: planned "", live "by QA"'),
    "name": ("alice", {"name": "mine"}, 'name: planned "alice", live "mine"'),
    "tags": ("alice", {"tags": [{"key": "team", "value": "x"}]}, 'tags.team: planned absent, live "x"'),
    "flavor": ("alice", {"flavor": "modelarts.vm.cpu.4u"}, 'flavor: planned "modelarts.vm.cpu.2u", live'),
    "image": ("alice", {"image": {"id": OTHER_IMAGE}}, "image_id: planned"),
    "endpoints": ("alice", {"endpoints": [SSH]}, "endpoints: planned"),
    "status": ("alice", {"status": "STOPPED"}, 'desired_status: planned "RUNNING", live "STOPPED"'),
    "frozen": ("alice", {"status": "FROZEN"}, 'desired_status: planned "RUNNING", live absent'),
    "under way": ("alice", {"status": "SNAPSHOTTING"}, "status: planned at rest, live SNAPSHOTTING"),
    "feature": ("alice", {"feature": "DEFAULT"}, 'feature: planned "NOTEBOOK", live "DEFAULT"'),
    "what is to be deleted": ("dave", {"description": "precious"}, 'description: planned "", live "precious"'),
}


@pytest.mark.parametrize("name", LIVE)
def test_what_the_plan_touches_changed(name: str, lasting: Callable[[], World]) -> None:
    """The field is named, with both values."""
    world = lasting()
    key, fields, told = LIVE[name]
    instance = next(each for each in world.sandbox.notebooks() if each["id"] == world.id(key))
    before = {field: instance.get(field) for field in fields}
    world.sandbox.drift(world.id(key), **fields)
    try:
        said = world.refused()
    finally:
        world.sandbox.drift(world.id(key), **before)
    assert f"error[E703]: notebook.{key} is not any more what the plan was made for" in said
    assert told in said


def test_what_the_plan_touches_is_gone(world: World) -> None:
    """It is not created anew in silence."""
    world.sandbox.happen(world.id("alice"), "vanish")
    assert f"id: planned {world.id('alice')}, live gone" in world.refused()


def test_what_the_plan_does_not_touch_changed(world: World) -> None:
    """That does not matter. And one list request is enough before the first change."""
    world.sandbox.drift(world.id("bob"), tags=[{"key": "team", "value": "x"}])
    world.sandbox.forget()
    done = world.apply()
    assert (0, "Apply complete! Resources: 1 added, 1 changed, 1 destroyed.") == (
        done.code,
        done.stdout.splitlines()[-1],
    )
    operations = [each["operation"] for each in world.sandbox.log()]
    first = next(number for number, each in enumerate(operations) if each != "list")
    assert 1 == first


def test_the_untouched_one_is_gone(world: World) -> None:
    """Nor does that."""
    world.sandbox.happen(world.id("bob"), "vanish")
    assert world.apply().code == 0


def test_what_it_creates_was_made_meanwhile(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    """By the same stack on another machine: there is no second one."""
    other = World(world.sandbox, Project(tmp_path_factory.mktemp("other"), world.sandbox.environ))
    other.applied(carol={})
    said = world.refused()
    assert "notebook.carol is not any more what the plan was made for" in said
    assert "carries its mark (provisioner import carol" in said


def test_the_state_moved(world: World) -> None:
    """By another apply."""
    world.done("apply", "--auto-approve", "--target=alice")
    assert "error[E702]: the state changed since the plan was made" in world.refused()


def test_the_state_was_edited_under_the_same_serial(world: World) -> None:
    """Terraform takes that."""
    path = world.project.root / "state" / "lab.json"
    state = json.loads(path.read_text())
    del state["sha256"]
    state["resources"]["notebook.bob"]["attributes"]["description"] = "edited"
    path.write_text(json.dumps(state))
    said = world.refused()
    assert "E702" in said
    assert "digest: planned" in said
    assert "serial: planned" not in said


def test_another_state(world: World) -> None:
    """One that began anew."""
    shutil.rmtree(world.project.root / "state")
    assert world.run("import", "bob", str(world.sandbox.notebooks()[0]["id"])).code == 0
    assert "lineage: planned" in world.refused()


def test_applied_twice(world: World) -> None:
    """The second time it is known to be done."""
    assert world.apply().code == 0
    assert "error[E701]: this plan was carried out already" in world.refused()


def test_a_first_plan_applied_twice(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    """The lineage of a state begins with the plan that made it."""
    world = World.empty(shared_sandbox, tmp_path)
    world.declare(alice={})
    world.plan()
    assert world.apply().code == 0
    assert "error[E701]" in world.refused()
    assert 1 == len(shared_sandbox.notebooks())


def test_a_first_plan_when_something_is_recorded_by_now(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    """It was made for nothing."""
    world = World.empty(shared_sandbox, tmp_path)
    world.declare(alice={})
    world.plan()
    world.declare(bob={})
    assert world.run("apply", "--auto-approve").code == 0
    assert "error[E702]" in world.refused()


@pytest.mark.parametrize("change", ["edited", "removed"])
def test_the_specs_changed(change: str, world: World) -> None:
    """The plan says everything; that they changed is told."""
    specs = world.project.root / "specs"
    if change == "edited":
        world.declare(alice={"description": "other"})
    else:
        shutil.rmtree(specs)
    done = world.apply()
    assert 0 == done.code, done.stderr
    assert "warning[W709]: files that the plan was made from changed since" in done.stderr
    assert "Apply complete! Resources: 1 added, 1 changed, 1 destroyed." in done.stdout


def test_another_project(world: World) -> None:
    """Of the same account, say."""
    said = world.refused(HW_PROJECT_ID="f" * 32)
    assert "error[E705]: the plan was made for another project or region" in said
    assert f"project_id: planned {world.sandbox.project_id}, here {'f' * 32}" in said


def test_another_region(world: World) -> None:
    """The same project id would not exist there."""
    said = world.refused(HW_REGION_NAME="eu-west-101")
    assert "error[E705]" in said
    assert "region: planned cn-north-4, here eu-west-101" in said


def test_the_limits_of_the_project_count_still(world: World) -> None:
    """Those of today."""
    (world.project.root / "provisioner.yaml").write_text("version: 1\npolicy: {max_destroys: 0}\n")
    assert "error[E516]" in world.refused()


def test_consent_counts_still(world: World) -> None:
    """The volume of dave goes with it."""
    done = world.run("apply", PLAN)
    assert 1 == done.code
    assert "nobody agreed to that" in done.stderr


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--target=alice", "--target"),
        ("--exclude=alice", "--exclude"),
        ("--replace=alice", "--replace"),
        ("--var=a=b", "--var"),
        ("--env=prod", "--env"),
        ("--destroy", "--destroy"),
        ("--refresh-only", "--refresh-only"),
        ("-refresh=false", "--no-refresh"),
        ("--offline", "--offline"),
        ("--accept-missing=1", "--accept-missing"),
        ("specs", "specs stands beside it"),
        (f"--approved-digest=sha256:{'0' * 64}", "error[E708]"),
        ("--approved-digest=abc", "is no digest"),
    ],
)
def test_options_that_do_not_fit(option: str, told: str, lasting: Callable[[], World]) -> None:
    """Said, not ignored."""
    assert told in lasting().refused(option)


def test_an_approved_digest_without_a_plan(lasting: Callable[[], World]) -> None:
    """It would approve whatever is planned now."""
    done = lasting().run("apply", "--auto-approve", "--approved-digest=sha256:0")
    assert 1 == done.code
    assert "--approved-digest needs a plan file" in done.stderr


def test_the_approved_plan_is_applied(world: World) -> None:
    """The digest is what plan --out prints and what stands in the file."""
    digest = world.document()["provisioner"]["digest"]
    assert world.apply(f"--approved-digest={digest}").code == 0


def test_a_plan_is_shown(world: World) -> None:
    """As it was made, and offline."""
    shown = world.run("show", PLAN, PROVISIONER_ENDPOINT="http://127.0.0.1:9")
    assert "Plan: 1 to add, 1 to change, 1 to destroy." in shown.stdout
    assert world.file.read_text() == world.run("show", PLAN, "--json").stdout


def test_a_secret_is_given_again(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    """The file holds none; apply takes it from the variable that the spec names."""
    world = World.empty(shared_sandbox, tmp_path)
    world.declare({"variables": {"word": {"sensitive": True, "env": "THE_WORD"}}}, alice={"description": "${var.word}"})
    world.plan(THE_WORD="hunter2!")
    assert "hunter2!" not in (tmp_path / PLAN).read_text()
    missing, different = world.apply(), world.apply(THE_WORD="hunter3!")
    assert "error[E706]: the sensitive variable `word` is not given" in missing.stderr
    assert "has another value than when the plan was made" in different.stderr
    assert not shared_sandbox.calls()
    assert world.apply(THE_WORD="hunter2!").code == 0
    assert "hunter2!" in shared_sandbox.only()["description"]
    assert not [each for each in (tmp_path / "state").rglob("*") if each.is_file() and b"hunter2!" in each.read_bytes()]


def test_a_secret_that_nobody_can_give_again(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    """Is said when the plan is made."""
    world = World.empty(shared_sandbox, tmp_path)
    world.declare({"variables": {"word": {"sensitive": True}}}, alice={"description": "${var.word}"})
    done = world.run("plan", f"--out={PLAN}", "--var=word=hunter2!")
    assert 1 == done.code
    assert "error[E707]: the sensitive variable `word` has no environment variable" in done.stderr
    assert not (tmp_path / PLAN).exists()


def test_a_refused_plan_is_not_saved(world: World) -> None:
    """Nobody can approve it."""
    (world.project.root / "provisioner.yaml").write_text("version: 1\npolicy: {max_destroys: 0}\n")
    done = world.run("plan", "--out=other.bin")
    assert 1 == done.code
    assert "Not saved as other.bin: the plan is refused." in done.stdout
    assert not (world.project.root / "other.bin").exists()


def test_nothing_to_do(world: World) -> None:
    """A plan without changes is applied as such."""
    world.done("apply", "--auto-approve", "--accept-loss=all")
    world.plan()
    assert 0 == world.apply().code
