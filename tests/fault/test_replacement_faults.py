"""F116-F127: a replacement that creates before it destroys, growth in steps, and records that move, cut in the middle.

The old instance is whole, or recorded beside the new one, until the new one runs: nobody is ever left with neither.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fault.between import between, twice
from tests.fault.campaign import LATENCY_MS, Point, kill
from tests.fault.command import Ended
from tests.fault.flows import MOVE, REPLACE_FIRST, Flow, evs
from tests.fault.world import World

LONG_SEARCH = {"PROVISIONER_SETTLE_WINDOW": "6s"}
FAR = Flow("growth in steps", {"alice": {}, "bob": {}}, {"alice": evs(320), "bob": evs(50)})
BACK = Flow("taken back", REPLACE_FIRST.before, REPLACE_FIRST.before, REPLACE_FIRST.arguments)


@pytest.fixture
def replacing(world: World) -> World:
    """Alice runs, and is to be replaced by a smaller one."""
    world.prepare(REPLACE_FIRST)
    return world


def old_of(world: World) -> str:
    """The instance that is to be replaced: the first of its name."""
    alices = [each for each in world.sandbox.notebooks() if each["name"] == "alice"]
    oldest: str = min(alices, key=lambda each: each["create_at"])["id"]
    return oldest


def held(world: World) -> tuple[str, list[str]]:
    """The ids that are recorded of alice: the one in its place, and the deposed."""
    record = world.recorded()["notebook.alice"]
    return record["id"], [each["id"] for each in record.get("deposed", ())]


def lives(world: World, identifier: str) -> bool:
    return identifier in {each["id"] for each in world.sandbox.notebooks()}


def run(world: World, **environ: str) -> Ended:
    return world.run(*REPLACE_FIRST.arguments, **environ)


def clean(world: World, flow: Flow = REPLACE_FIRST) -> None:
    world.calm()
    world.sandbox.pace(latency_ms=0)
    assert [] == world.settle(flow)[1]


def test_undisturbed(replacing: World) -> None:
    """The new one is made, tagged and running before the old one goes; requests are those that the plan lists."""
    old = old_of(replacing)
    ended = run(replacing)
    assert 0 == ended.code, ended.stderr
    assert ["create", "create-tags", "delete"] == replacing.changes()
    assert not lives(replacing, old)
    assert [] == list(replacing.audit(REPLACE_FIRST))


def test_f116_the_create_is_lost(replacing: World) -> None:
    """Found in the same run, and only then the old one goes."""
    replacing.arm("lose", operation="create", how="drop")
    ended = run(replacing, **LONG_SEARCH)
    assert (1, 0, 1) == (replacing.fired(), ended.code, replacing.changes().count("create")), ended.stderr
    assert [] == list(replacing.audit(REPLACE_FIRST))


def test_f117_it_is_not_found_in_time(replacing: World) -> None:
    """The old one stays in its place, whole; the next run finds the new one and deposes the old one."""
    old = old_of(replacing)
    replacing.arm("lose", operation="create", how="drop")
    replacing.arm("hide", operation="create", ms=1500, where="everywhere")
    ended = run(replacing, PROVISIONER_SETTLE_WINDOW="300ms")
    assert (2, 1) == (replacing.fired(), ended.code), ended.stderr
    assert ((old, []), ["create"]) == (held(replacing), replacing.changes())
    again = run(replacing, **LONG_SEARCH)
    assert 0 == again.code, again.stderr
    assert 1 == replacing.changes().count("create")
    assert not lives(replacing, old)
    assert [] == list(replacing.audit(REPLACE_FIRST))


def test_f117_a_person_decides(replacing: World) -> None:
    """A proxy repeats the create, so two may be it. Nothing is touched until one is imported; then the old one goes."""
    old = old_of(replacing)
    with between(replacing.sandbox.environ["PROVISIONER_ENDPOINT"]) as relay:
        relay.once("POST", twice)
        replacing.project.environ["PROVISIONER_ENDPOINT"] = relay.url
        assert (1, 1, 1) == (run(replacing).code, run(replacing).code, relay.hits)
    replacing.project.environ["PROVISIONER_ENDPOINT"] = replacing.sandbox.environ["PROVISIONER_ENDPOINT"]
    assert (old, []) == held(replacing)
    ours, other = (
        each["id"] for each in replacing.sandbox.notebooks() if each["name"] == "alice" and each["id"] != old
    )
    assert ours in replacing.ended[-1].stderr
    imported = replacing.run("import", "alice", ours)
    assert (0, (ours, [old])) == (imported.code, held(replacing)), imported.stderr
    replacing.sandbox.happen(other, "vanish")
    clean(replacing)
    assert [True, False] == [lives(replacing, each) for each in (ours, old)]


@pytest.mark.parametrize(
    ("status", "code"), [(400, "ModelArts.6302"), (403, "ModelArts.0103"), (400, "ModelArts.6360")]
)
def test_f118_the_create_is_refused(replacing: World, status: int, code: str) -> None:
    """A full quota, no permission, no capacity: the old one is untouched, and so is its record."""
    before, old = replacing.recorded(), old_of(replacing)
    replacing.arm("fail", operation="create", status=status, code=code)
    ended = run(replacing)
    assert (1, 1) == (replacing.fired(), ended.code)
    assert code in ended.stderr
    assert before == replacing.recorded()
    assert lives(replacing, old)
    clean(replacing)


def test_f119_the_new_one_never_runs(replacing: World) -> None:
    """The old one has its place again; the next run deletes the failed one and tries anew."""
    old = old_of(replacing)
    replacing.arm("outcome", operation="create", status="CREATE_FAILED", fail_reason="no rack")
    ended = run(replacing)
    assert (1, 1) == (replacing.fired(), ended.code)
    assert "no rack" in ended.stderr
    assert "was not touched" in ended.stderr
    identifier, deposed = held(replacing)
    assert (old, 1, True) == (identifier, len(deposed), lives(replacing, old))
    clean(replacing)


def test_f119_the_wish_is_taken_back(replacing: World) -> None:
    """After the new one failed, the specs say again what the old one is: it lives on, the failed one is deleted."""
    old = old_of(replacing)
    replacing.arm("outcome", operation="create", status="CREATE_FAILED")
    assert 1 == run(replacing).code
    replacing.project.declare(**BACK.after)
    clean(replacing, BACK)
    assert lives(replacing, old)


def test_f120_the_new_one_fails_while_nobody_looks(replacing: World) -> None:
    """Killed while the new one comes up, which then fails: the old one is not deleted for it."""
    old = old_of(replacing)
    replacing.arm("outcome", operation="create", status="CREATE_FAILED")
    replacing.sandbox.pace(latency_ms=LATENCY_MS)
    assert kill(replacing, REPLACE_FIRST, Point("journal line", 3)).killed
    replacing.calm()
    replacing.sandbox.pace(latency_ms=0)
    replacing.arm("fail", operation="create", status=400, code="ModelArts.6302", times=None)
    assert 1 == run(replacing).code
    assert lives(replacing, old)
    clean(replacing)


def test_f121_the_new_one_is_not_there_yet(replacing: World) -> None:
    """Killed right after the create was answered: the next run waits for the new one before the old one goes."""
    old = old_of(replacing)
    assert kill(replacing, REPLACE_FIRST, Point("journal line", 3)).killed
    replacing.sandbox.pace(latency_ms=0)
    replacing.sandbox.forget()
    clean(replacing)
    assert ["create-tags", "delete"] == replacing.changes()
    assert not lives(replacing, old)


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "fail", "status": 403, "code": "ModelArts.0103"},
        {"effect": "outcome", "status": "DELETE_FAILED", "fail_reason": "stuck rack"},
    ],
    ids=["refused", "failed"],
)
def test_f122_the_old_one_stays(replacing: World, fault: dict[str, Any]) -> None:
    """Its deletion is refused, or fails: it is recorded as deposed, shown, and deleted by the next run."""
    old = old_of(replacing)
    replacing.arm(operation="delete", times=None, **fault)
    ended = run(replacing)
    assert (True, 1) == (replacing.fired() >= 1, ended.code)
    identifier, deposed = held(replacing)
    assert ([old], True) == (deposed, identifier != old)
    replacing.calm()
    shown = replacing.run("show")
    assert old in shown.stdout, shown.stdout + shown.stderr
    assert 2 == replacing.run("plan", "--detailed-exitcode").code
    clean(replacing)
    assert 1 == replacing.changes().count("create")


def test_f123_stop_it_first(replacing: World) -> None:
    """A service that deletes nothing that runs (ModelArts.6304): the old one is stopped, the new one is not."""
    replacing.sandbox.switch(S4=True)
    ended = run(replacing)
    replacing.sandbox.switch(S4=False)
    assert 0 == ended.code, ended.stderr
    assert ["stop", "delete"] == replacing.changes()[-2:]
    assert [] == list(replacing.audit(REPLACE_FIRST))


@pytest.mark.parametrize("when", ["before", "after"])
def test_f124_killed_at_the_delete(replacing: World, when: str) -> None:
    """Whether or not it took effect, the new one is left as it is and the old one goes."""
    replacing.arm("hang", operation="delete", when=when)
    command = replacing.start(*REPLACE_FIRST.arguments)
    assert replacing.until_fired(command), command.wait().stderr
    assert command.kill().killed
    clean(replacing)
    assert 1 == replacing.changes().count("create")


def test_f125_nobody_wants_either(replacing: World) -> None:
    """Both exist, and the notebook is taken out of the specs: both are deleted."""
    replacing.arm("fail", operation="delete", status=403, code="ModelArts.0103")
    assert 1 == run(replacing).code
    replacing.calm()
    gone = Flow("delete both", REPLACE_FIRST.before, {"bob": {}}, REPLACE_FIRST.arguments, frozenset({"alice"}))
    replacing.project.declare(**gone.after)
    clean(replacing, gone)
    assert ["bob"] == [each["name"] for each in replacing.sandbox.notebooks()]


def test_f126_growth_in_steps(world: World) -> None:
    """The service takes 100 GB at a time (switch S6): cut off between two steps, the rest follows."""
    world.prepare(FAR)
    world.sandbox.switch(S6=True)
    world.arm("hang", operation="update", nth=3, when="after")
    command = world.start(*FAR.arguments)
    assert world.until_fired(command), command.wait().stderr
    assert command.kill().killed
    clean(world, FAR)
    world.sandbox.switch(S6=False)
    grown = [each["volume"]["capacity"] for each in world.sandbox.notebooks() if each["name"] == "alice"]
    assert [320] == grown


def test_f127_a_move_cut_in_the_middle(world: World) -> None:
    """Moved and changed at once: no id ever stands at two addresses, or at none, and nothing is created."""
    world.prepare(MOVE)
    ids = {record["id"] for record in world.recorded().values()}
    world.arm("hang", operation="stop", when="before")
    command = world.start(*MOVE.arguments)
    assert world.until_fired(command), command.wait().stderr
    assert command.kill().killed
    stored = json.loads((world.state / "lab.json").read_text())["resources"]
    assert ({"notebook.anna", "notebook.bert"}, ids) == (set(stored), {each["id"] for each in stored.values()})
    clean(world, MOVE)
    assert 0 == world.changes().count("create")
