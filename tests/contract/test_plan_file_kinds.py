"""Plan files of every kind of plan, on the real command, and what may happen to them meanwhile."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.contract.sandbox import Sandbox
from tests.contract.saved import LARGE, PLAN, World, changing
from tests.fault.command import Command
from tests.fault.flows import FIRST, MOUNT, evs
from tests.fault.world import World as Faulty

WORD = {"variables": {"word": {"sensitive": True, "env": "THE_WORD"}}}
SECRET = "hunter2-of-tests"


@pytest.fixture
def world(shared_sandbox: Sandbox, tmp_path: Path) -> World:
    return World.empty(shared_sandbox, tmp_path)


def cut_off(world: World, operation: str, when: str = "after", *arguments: str) -> None:
    """An apply that is killed while it waits for the answer to such a request."""
    faulty = Faulty(world.project, world.sandbox)
    faulty.arm("hang", operation=operation, when=when)
    command = Command(world.project, *(arguments or ("apply", "--auto-approve", "--accept-loss=all")))
    assert faulty.until_fired(command)
    assert command.kill().killed
    faulty.calm()


# ------------------------------------------------------------------------------------------- after a run that died


@pytest.mark.parametrize("when", ["before", "after"])
def test_planned_over_a_create_without_an_answer(when: str, world: World) -> None:
    """Whether it came about or not, plan and apply find the same, and there is one instance."""
    world.declare(alice={})
    cut_off(world, "create", when)
    world.plan()
    assert 0 == world.apply().code
    assert world.sandbox.only()["name"] == "alice"
    assert world.is_empty()


def test_what_the_create_made_goes_away_again(world: World) -> None:
    """Then the plan was made for something else."""
    world.declare(alice={})
    cut_off(world, "create")
    world.plan()
    world.sandbox.happen(world.sandbox.only()["id"], "vanish")
    said = world.refused()
    assert "error[E702]" in said
    assert "A run was cut off" in said
    assert "or provisioner apply, which plans anew what is left" in said


def test_a_plan_that_was_carried_out_in_part(world: World) -> None:
    """It is told what is done, and how to go on."""
    world.applied(alice={}, bob={})
    world.declare(alice={"description": "new"}, bob={"description": "new"}, carol={})
    world.plan()
    world.sandbox.fault("create", "fail", status=400)
    assert 1 == world.apply().code
    said = world.refused()
    assert "Of its 3 changes 2 are there: notebook.alice, notebook.bob." in said
    assert "plan again, and have that approved; or provisioner apply" in said
    world.done("apply", "--auto-approve")
    assert world.is_empty()


# ---------------------------------------------------------------------------------------------- every kind of plan


def test_a_destroy_plan(world: World) -> None:
    """It needs consent as every other, and is applied once."""
    world.applied(alice={}, bob={})
    world.plan("--destroy")
    assert "nobody agreed to that" in world.run("apply", PLAN).stderr
    assert 2 == len(world.sandbox.notebooks())
    some = world.run("apply", PLAN, "--accept-loss=alice")
    assert "notebook.bob" in some.stderr
    assert 2 == len(world.sandbox.notebooks())
    done = world.apply()
    assert "Destroy complete! Resources: 2 destroyed." in done.stdout
    assert not world.sandbox.notebooks()
    assert "error[E701]" in world.refused()


def test_a_refresh_only_plan(world: World) -> None:
    """What it saw is recorded; nothing is sent."""
    world.applied(alice={}, bob={})
    world.sandbox.drift(world.id("alice"), description="by QA")
    world.sandbox.happen(world.id("bob"), "vanish")
    world.sandbox.forget()
    world.plan("--refresh-only")
    assert 0 == world.apply().code
    recorded = world.project.recorded()
    assert ["notebook.alice"] == list(recorded)
    assert "by QA" == recorded["notebook.alice"]["observed"]["description"]
    assert not world.sandbox.calls()
    assert "error[E701]" in world.refused()


def test_an_import_plan(world: World) -> None:
    """The instance is taken over as it was seen, or not at all."""
    other = World(world.sandbox, world.project)
    other.applied(alice={})
    identifier = other.id("alice")
    shutil.rmtree(world.project.root / "state")
    world.declare({"imports": [{"to": "alice", "id": identifier}]}, alice={"description": "ours"})
    world.plan()
    world.sandbox.drift(identifier, description="by QA")
    assert 'description: planned "", live "by QA"' in world.refused()
    world.sandbox.drift(identifier, description="")
    assert 0 == world.apply().code
    assert identifier == world.id("alice")
    assert world.is_empty()


def test_a_plan_that_moves_and_forgets(world: World) -> None:
    """Records alone: nothing is sent."""
    world.applied(alice={}, bob={})
    world.declare(
        {"moved": [{"from": "alice", "to": "anna"}], "removed": [{"from": "bob", "destroy": False}]},
        anna={"name": "alice"},
    )
    world.plan()
    world.sandbox.forget()
    assert 0 == world.apply().code
    assert ["notebook.anna"] == list(world.project.recorded())
    assert not world.sandbox.calls()
    assert "error[E701]" in world.refused()


def test_a_plan_over_what_a_replacement_left(world: World) -> None:
    """The deposed instance is deleted by it, once."""
    world.applied(alice={}, bob={})
    world.declare(alice={**evs(20), **FIRST}, bob={})
    cut_off(world, "delete", "before")
    world.plan()
    assert "deposed" in world.file.read_text()
    done = world.apply()
    assert 0 == done.code, done.stderr
    assert 2 == len(world.sandbox.notebooks())
    assert world.is_empty()


def test_the_plan_of_an_environment(world: World) -> None:
    """Its name stands in the plan: nothing has to be said again."""
    settings = "version: 1\nenvironments: {prod: {patches: [prod.patch.yaml]}}\n"
    (world.project.root / "provisioner.yaml").write_text(settings)
    patch = world.project.root / "prod.patch.yaml"
    patch.write_text("alice: [{op: add, path: /description, value: prod}]\n")
    world.declare(alice={})
    world.plan("--env=prod")
    assert {"prod.patch.yaml", "provisioner.yaml", "specs/lab/notebooks.json"} == set(
        world.document()["provisioner"]["files"]
    )
    patch.write_text("alice: [{op: add, path: /description, value: other}]\n")
    done = world.apply()
    assert 0 == done.code, done.stderr
    assert "warning[W709]" in done.stderr
    assert "prod.patch.yaml" in done.stderr
    assert "specs/lab/notebooks.json" not in done.stderr
    assert (world.project.root / "state" / "lab.prod.json").exists()
    assert world.sandbox.only()["description"].startswith("prod")


def test_several_stacks(world: World) -> None:
    """A plan file is of one."""
    world.declare(alice={})
    shutil.copytree(world.project.root / "specs" / "lab", world.project.root / "specs" / "other")
    done = world.run("plan", f"--out={PLAN}")
    assert 1 == done.code
    assert "--out needs exactly one stack, and here are 2: lab, other" in done.stderr
    assert not world.file.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": {"team": "${var.word}"}},
        {"description": "of ${var.word}"},
        {"storages": [{**MOUNT, "uri": "obs://${var.word}/dir/"}]},
        {"hooks": {"container_hooks": {"pre_start": {"script": "/opt/${var.word}.sh"}}}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_secret_wherever_it_stands(fields: dict[str, Any], world: World) -> None:
    """It is sent, and in no file."""
    world.declare(WORD, alice=fields)
    planned = world.plan(THE_WORD=SECRET)
    assert "error[E706]: the sensitive variable `word` is not given" in world.refused()
    done = world.apply(THE_WORD=SECRET)
    assert 0 == done.code, done.stderr
    assert "hooks" in fields or SECRET in json.dumps(world.sandbox.only())  # no answer tells of hooks
    for said in (planned, done):
        assert SECRET not in said.stdout + said.stderr
    files = [each for each in world.project.root.rglob("*") if each.is_file()]
    assert not [each for each in files if SECRET.encode() in each.read_bytes()]
    assert 0 == world.run("plan", "--detailed-exitcode", THE_WORD=SECRET).code


# ------------------------------------------------------------------------------------------------ where and by whom


def test_it_is_planned_and_applied_from_elsewhere(world: World) -> None:
    """With --chdir; the file lies there."""
    world.declare(alice={})
    inner = world.project.root / "inner"
    inner.mkdir()
    shutil.move(world.project.root / "specs", inner / "specs")
    world.done("--chdir=inner", "plan", f"--out={PLAN}")
    world.done("--chdir=inner", "apply", PLAN)
    assert (inner / "state" / "lab.json").exists()
    assert not (world.project.root / "state").exists()


def test_it_is_applied_where_no_state_is(world: World) -> None:
    """It is told, or somebody would plan everything anew there."""
    world.applied(alice={})
    world.declare(alice=LARGE)
    world.plan()
    (world.project.root / "empty").mkdir()
    done = world.run("--chdir=empty", "apply", f"../{PLAN}")
    assert 1 == done.code
    assert "error[E702]" in done.stderr
    assert "here nothing is recorded" in done.stderr
    assert "run it in the directory that it was planned in" in done.stderr


def test_two_apply_it_at_once(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    """One does; the other, which waits for the lock, is told that it is done."""
    world = changing(shared_sandbox, tmp_path)
    arguments = ("apply", PLAN, "--accept-loss=all", "--lock-timeout=30s")
    both = [Command(world.project, *arguments) for _ in range(2)]
    ended = sorted((each.wait() for each in both), key=lambda each: each.code)
    assert [0, 1] == [each.code for each in ended]
    assert "error[E701]" in ended[1].stderr
    assert world.is_empty()


def test_another_run_holds_the_lock(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    """It is named, and nothing happens; the run that held it ends well."""
    world = changing(shared_sandbox, tmp_path)
    faulty = Faulty(world.project, world.sandbox)
    faulty.arm("hang", operation="list", when="before")
    other = Command(world.project, "apply", PLAN, "--accept-loss=all")
    assert faulty.until_fired(other)
    said = world.apply()
    assert 1 == said.code
    assert "locked" in said.stderr
    assert other.kill().killed
    faulty.calm()
    assert 0 == world.apply().code


def test_nobody_is_asked_in_a_pipeline(world: World) -> None:
    """The plan was approved; there is nobody to ask."""
    world.declare(alice={})
    world.plan(CI="true")
    assert 0 == world.run("apply", PLAN, CI="true").code


# ------------------------------------------------------------------------------------- what happens to the instance


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("idle-stop", 'desired_status: planned "RUNNING", live "STOPPED"'),
        ("freeze", 'desired_status: planned "RUNNING", live absent'),
    ],
)
def test_it_was_stopped_by_the_service(event: str, told: str, world: World) -> None:
    """By its lease, or for want of money."""
    world.applied(alice={})
    world.declare(alice=LARGE)
    world.plan()
    world.sandbox.happen(world.id("alice"), event)
    assert told in world.refused()


def test_it_was_under_way_and_is_at_rest(world: World) -> None:
    """A plan that begins with waiting does not mind that it need not."""
    world.applied(alice={})
    world.sandbox.drift(world.id("alice"), status="SNAPSHOTTING")
    world.declare(alice={"description": "new"})
    world.plan()
    world.sandbox.drift(world.id("alice"), status="RUNNING")
    done = world.apply()
    assert 0 == done.code, done.stderr
    assert world.is_empty()


def test_drift_was_planned_away_and_another_run_came_between(world: World) -> None:
    """The records look the same before and after: it is not taken for done."""
    world.applied(alice={}, bob={})
    world.sandbox.drift(world.id("alice"), description="by QA")
    world.plan()
    world.declare(alice={}, bob={"description": "new"})
    world.done("apply", "--auto-approve", "--target=bob")
    assert "error[E702]" in world.refused()
