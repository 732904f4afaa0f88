"""F128: the value of a sensitive variable, in runs that end well, badly, and not at all: no file, no screen has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.contract.lab import SMALL
from tests.fault.flows import LARGE
from tests.fault.world import World

SECRET = "Zebra-7-Crossing"
APPLY = ("apply", "--auto-approve", "--var", f"token={SECRET}")
PLAN = ("plan", "--detailed-exitcode", "--var")
LONG_SEARCH = {"PROVISIONER_SETTLE_WINDOW": "6s"}


def declare(world: World, **fields: Any) -> None:
    """A notebook with the secret where the service echoes it, and where it does not."""
    hooks = {"container_hooks": {"pre_start": {"script": "/opt/${var.token}.sh", "type": "SCRIPT"}}}
    notebook = {**SMALL, "description": "of ${var.token}", "hooks": hooks, **fields}
    _write(world, {"alice": notebook})


def _write(world: World, notebooks: Mapping[str, Any]) -> None:
    directory = world.project.root / "specs" / "lab"
    directory.mkdir(parents=True, exist_ok=True)
    variables = {"token": {"type": "string", "sensitive": True}}
    document = {"version": 1, "variables": variables, "notebooks": notebooks}
    (directory / "notebooks.json").write_text(json.dumps(document))


def check(world: World, secret: str = SECRET) -> None:
    """Neither what was said nor anything on the disk holds it."""
    texts = [each.stdout + each.stderr for each in world.ended]
    texts += [path.read_text() for path in world.state.rglob("*") if path.is_file()]
    assert not [text for text in texts if secret in text]


def test_applied_and_changed(world: World) -> None:
    """The service has it; the record says no more than whether it is still the same."""
    declare(world)
    assert 0 == world.run(*APPLY).code, world.ended[-1].stderr
    (made,) = world.sandbox.notebooks()
    assert SECRET in made["description"]
    declare(world, **LARGE)
    assert 0 == world.run(*APPLY).code, world.ended[-1].stderr
    assert "(sensitive " in (world.state / "lab.json").read_text()
    assert [0, 2] == [world.run(*PLAN, f"token={value}").code for value in (SECRET, "Yak-8-Crossing")]
    check(world)


def test_another_value(world: World) -> None:
    """The old one is no more to be seen than the new one, though only the new one is known; a crash changes nothing."""
    declare(world)
    assert 0 == world.run(*APPLY).code, world.ended[-1].stderr
    other = ("apply", "--auto-approve", "--var", "token=Yak-8-Crossing")
    world.arm("hang", operation="stop", when="after")
    command = world.start(*other)
    assert world.until_fired(command), command.wait().stderr
    world.ended.append(command.kill())
    check(world)
    check(world, "Yak-8-Crossing")
    world.calm()
    assert 0 == world.run(*other).code, world.ended[-1].stderr
    (made,) = world.sandbox.notebooks()
    assert "of Yak-8-Crossing" in made["description"]
    assert 0 == world.run(*PLAN, "token=Yak-8-Crossing").code
    check(world)
    check(world, "Yak-8-Crossing")


def test_the_answer_is_lost(world: World) -> None:
    """It is found again by its mark, in the next run too."""
    declare(world)
    world.arm("lose", operation="create", how="drop")
    world.arm("hide", operation="create", ms=1000, where="everywhere")
    assert 1 == world.run(*APPLY, PROVISIONER_SETTLE_WINDOW="200ms").code
    assert "pending" in (world.state / "lab.json").read_text()
    check(world)
    assert 0 == world.run(*APPLY, **LONG_SEARCH).code, world.ended[-1].stderr
    assert 1 == world.changes().count("create")
    check(world)


def test_the_service_quotes_what_it_refuses(world: World) -> None:
    """What it says is shown without the secret, and so is the operation that failed."""
    mount = {"category": "OBSFS", "uri": "obs://pfs-lab/dir/", "mount_path": "/data/${var.token}/"}
    declare(world, storages=[mount])
    world.arm("fail", operation="attach-storage", status=400, code="ModelArts.6317", message=f"No bucket for {SECRET}.")
    assert 1 == world.run(*APPLY).code
    said = world.ended[-1].stdout + world.ended[-1].stderr
    assert "at operation 2 of 2: attach (sensitive value)" in said
    assert "ModelArts.6317: No bucket for (sensitive " in said
    check(world)


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_in_a_create(world: World, when: str) -> None:
    """What the journal of the dead run holds."""
    declare(world)
    world.arm("hang", operation="create", when=when)
    command = world.start(*APPLY)
    assert world.until_fired(command), command.wait().stderr
    assert command.kill().killed
    assert world.journal.exists()
    check(world)
    world.calm()
    assert 0 == world.run(*APPLY).code, world.ended[-1].stderr
    assert 1 == len(world.sandbox.notebooks())
    check(world)
