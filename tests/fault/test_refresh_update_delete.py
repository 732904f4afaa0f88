"""F48-F67: what a refresh may not conclude, and updates, replacements and deletions that are cut in the middle."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fault.command import Ended
from tests.fault.flows import DELETE, LARGE, REPLACE, UPDATE, Flow, evs
from tests.fault.world import World

APPLY = ("apply", "--auto-approve")
SAME = Flow("nothing", {"alice": {}, "bob": {}}, {"alice": {}, "bob": {}})
LARGER = Flow("update", {"alice": {}}, {"alice": LARGE})
QUICK_TO_GIVE_UP = {"timeouts": {"create": "500ms", "update": "500ms", "delete": "500ms"}}
NO_ROWS = {"current": 0, "data": [], "pages": 0, "size": 0, "total": 0}


@pytest.fixture
def same(world: World) -> World:
    """Two notebooks as declared: nothing is to be done."""
    world.prepare(SAME)
    return world


def clean(world: World, flow: Flow) -> None:
    world.calm()
    assert [] == world.settle(flow)[1]


def unchanged(world: World) -> None:
    """Nothing but reads was sent, and both are still recorded."""
    assert [] == world.changes()
    assert 2 == len(world.recorded()) == len(world.sandbox.notebooks())


def killed_at(world: World, flow: Flow, operation: str, when: str) -> Ended:
    """Killed while the service holds the first such request, before or after its effect."""
    world.arm("hang", operation=operation, when=when)
    command = world.start(*flow.arguments)
    assert world.until_fired(command), command.wait().stderr
    ended = command.kill()
    assert ended.killed
    return ended


class TestRefresh:
    def test_f48_f52_an_empty_page(self, same: World) -> None:
        """No list alone says that something is gone."""
        same.arm("fail", operation="list", status=200, body=NO_ROWS)
        ended = same.run("plan", "--detailed-exitcode")
        assert (1, 0) == (same.fired(), ended.code), ended.stdout + ended.stderr
        same.calm()
        same.arm("fail", operation="list", status=200, body=NO_ROWS)
        assert 0 == same.run(*APPLY).code
        assert 1 == same.fired()
        unchanged(same)

    def test_f49_another_project(self, same: World) -> None:
        """Refused before anything is read: everything would look deleted."""
        for command in (("plan",), APPLY):
            ended = same.run(*command, HW_PROJECT_ID="f" * 32)
            assert 1 == ended.code
            assert "recorded elsewhere" in ended.stderr
        assert [] == same.sandbox.log()
        unchanged(same)

    def test_f49_all_are_missing(self, world: World) -> None:
        """So many cannot be gone at once: refused, unless somebody says how many."""
        keys: dict[str, dict[str, Any]] = {key: {} for key in ("a", "b", "c", "d", "e")}
        flow = Flow("nothing", keys, keys)
        world.prepare(flow)
        for notebook in world.sandbox.notebooks():
            world.sandbox.happen(notebook["id"], "vanish")
        for command in (("plan",), APPLY):
            ended = world.run(*command)
            assert 1 == ended.code, ended.stdout
            assert "--accept-missing" in ended.stderr
        assert ([], 5) == (world.changes(), len(world.recorded()))
        assert 0 == world.run(*APPLY, "--accept-missing", "5").code
        assert 5 == len(world.sandbox.notebooks()) == world.changes().count("create")

    @pytest.mark.parametrize("form", ["6404", "6309", "404"])
    def test_f50_gone(self, same: World, form: str) -> None:
        """However the service says "not found", it is made again, once."""
        same.sandbox.switch(S11=form)
        gone = same.recorded()["notebook.alice"]["id"]
        same.sandbox.happen(gone, "vanish")
        ended = same.run(*APPLY)
        assert 0 == ended.code, ended.stderr
        same.sandbox.switch(S11="6404")
        assert ["create"] == same.changes()
        assert gone not in {record["id"] for record in same.recorded().values()}
        assert 0 == same.run("plan", "--detailed-exitcode").code

    @pytest.mark.parametrize("status", [401, 403, 500])
    def test_f51_refused(self, same: World, status: int) -> None:
        """A refresh that fails plans nothing."""
        same.arm("fail", operation="list", times=None, status=status)
        same.arm("fail", operation="show", times=None, status=status)
        ended = same.run(*APPLY)
        assert 1 == ended.code, ended.stdout
        assert same.fired() >= 1
        assert "Plan:" not in ended.stdout
        unchanged(same)

    def test_f51_a_passing_fault(self, same: World) -> None:
        """A read that fails is read again."""
        same.arm("fail", operation="list", times=2, status=503)
        ended = same.run("plan", "--detailed-exitcode")
        assert (2, 0) == (same.fired(), ended.code), ended.stderr
        unchanged(same)

    def test_f53_frozen(self, same: World) -> None:
        """Arrears are no drift: a word about it, and nothing is changed."""
        same.sandbox.happen(same.recorded()["notebook.alice"]["id"], "freeze")
        ended = same.run("plan")
        assert 0 == ended.code
        assert "FROZEN" in ended.stdout + ended.stderr
        same.run(*APPLY)
        unchanged(same)

    def test_f114_another_id_comes_back(self, same: World) -> None:
        """Asked for one, told of another: an error, nothing is planned or overwritten."""
        alice, bob = (same.recorded()[f"notebook.{key}"]["id"] for key in ("alice", "bob"))
        other = next(each for each in same.sandbox.notebooks() if each["id"] == bob)
        rows = {**NO_ROWS, "data": [other], "pages": 1, "size": 1, "total": 1}
        same.arm("fail", operation="list", times=None, status=200, body=rows)
        same.arm("fail", operation="show", times=None, status=200, body=other)
        ended = same.run(*APPLY)
        assert 1 == ended.code, ended.stdout
        assert same.fired() >= 2
        assert alice == same.recorded()["notebook.alice"]["id"]
        unchanged(same)

    def test_f113_a_list_without_end(self, world: World) -> None:
        """The same page for ever, with a total that promises more: it ends, and in an error or without a change."""
        keys: dict[str, dict[str, Any]] = {f"n{number}": {} for number in range(60)}
        flow = Flow("nothing", keys, keys)
        world.prepare(flow)
        rows = world.sandbox.notebooks()[:50]
        endless = {"current": 0, "data": rows, "pages": 10**6, "size": 50, "total": 5 * 10**7}
        world.arm("fail", operation="list", times=None, status=200, body=endless)
        ended = world.start("plan", "--detailed-exitcode").wait(patience=20)
        assert world.fired() >= 1
        assert ended.code in {0, 1}, ended.stdout
        assert len(world.sandbox.log()) < 200
        assert [] == world.changes()


class TestUpdate:
    def test_f54_stopped_between_plan_and_call(self, world: World) -> None:
        """The lease stops it just before we would: what was wanted is there, so the update goes on."""
        world.prepare(LARGER)
        world.arm("slow", operation="stop", delay_ms=400)
        command = world.start(*APPLY)
        assert world.until_fired(command)
        world.sandbox.happen(world.sandbox.only()["id"], "idle-stop")
        ended = command.wait()
        assert 0 == ended.code, ended.stderr
        assert [] == list(world.audit(LARGER))

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("operation", ["stop", "update", "start"])
    def test_f55_f56_killed(self, world: World, operation: str, when: str) -> None:
        """Cut between stop, change and start: the next run does the rest, and it runs again."""
        world.prepare(UPDATE)
        killed_at(world, UPDATE, operation, when)
        clean(world, UPDATE)

    @pytest.mark.parametrize(
        "fault",
        [
            {"effect": "lose", "how": "status", "status": 500},
            {"effect": "lose", "how": "drop"},
            {"effect": "malformed", "form": "html"},
        ],
        ids=["500", "drop", "html"],
    )
    @pytest.mark.parametrize("operation", ["stop", "update", "start"])
    def test_f56_f57_the_answer_is_lost(self, world: World, operation: str, fault: dict[str, Any]) -> None:
        """The change is seen on the instance, and the same run goes on."""
        world.prepare(LARGER)
        world.arm(operation=operation, **fault)
        ended = world.run(*APPLY)
        assert (1, 0) == (world.fired(), ended.code), ended.stderr
        assert [] == list(world.audit(LARGER))

    @pytest.mark.parametrize("operation", ["create-tags", "delete-tags"])
    def test_f57_tags(self, world: World, operation: str) -> None:
        flow = Flow("tags", {"alice": {"tags": {"a": "1", "b": "1"}}}, {"alice": {"tags": {"a": "2"}}})
        world.prepare(flow)
        world.arm("lose", operation=operation, how="drop")
        ended = world.run(*APPLY)
        assert (1, 0) == (world.fired(), ended.code), ended.stderr
        assert [] == list(world.audit(flow))

    @pytest.mark.parametrize(
        "fault",
        [
            {"effect": "outcome", "status": "START_FAILED", "fail_reason": "no rack"},
            {"effect": "fail", "status": 400, "code": "ModelArts.6360", "message": "no rack"},
        ],
        ids=["START_FAILED", "no-capacity"],
    )
    def test_f58_the_start_fails(self, world: World, fault: dict[str, Any]) -> None:
        """Its data is intact: said, and started again by the next run; never replaced."""
        world.prepare(LARGER)
        world.arm(operation="start", **fault)
        ended = world.run(*APPLY)
        assert (1, 1) == (world.fired(), ended.code), ended.stdout
        assert "no rack" in ended.stderr
        plan = world.run("plan").stdout
        assert "start" in plan
        assert "replace" not in plan
        clean(world, LARGER)

    def test_f59_the_volume_keeps_growing(self, world: World) -> None:
        """Patience ends before the service is done: the next run waits on and does not grow it twice."""
        flow = Flow("growth", {"alice": {}}, {"alice": {**evs(80), **QUICK_TO_GIVE_UP}})
        world.prepare(flow)
        world.sandbox.pace(resize_ms=3_600_000)
        assert 1 == world.run(*APPLY).code
        world.sandbox.advance(3_600_000)
        world.sandbox.control("POST", "/settings", {"resize_ms": 5})
        ended = world.run(*APPLY)
        assert 0 == ended.code, ended.stderr
        assert 1 == sum("update" == each or "resize" in each for each in world.changes())
        assert 80 == world.sandbox.only()["volume"]["capacity"]

    def test_f67_deleted_in_the_middle(self, world: World) -> None:
        """Somebody deletes it in the console between stop and change: an error, and the next run makes it anew."""
        world.prepare(LARGER)
        world.arm("slow", operation="update", delay_ms=400)
        command = world.start(*APPLY)
        assert world.until_fired(command)
        world.sandbox.happen(world.sandbox.only()["id"], "vanish")
        ended = command.wait()
        assert 1 == ended.code, ended.stdout
        assert "Traceback" not in ended.stderr
        world.calm()
        assert world.converge(LARGER) is not None
        assert 1 == len(world.sandbox.notebooks())
        assert 0 == world.run("plan", "--detailed-exitcode").code


class TestDelete:
    def test_f60_gone_already(self, world: World) -> None:
        world.prepare(DELETE)
        world.arm("slow", operation="delete", delay_ms=400)
        command = world.start(*DELETE.arguments)
        assert world.until_fired(command)
        world.sandbox.happen(world.recorded()["notebook.bob"]["id"], "vanish")
        ended = command.wait()
        assert 0 == ended.code, ended.stderr
        assert [] == list(world.audit(DELETE))

    @pytest.mark.parametrize("how", ["drop", "half", "status"])
    def test_f61_the_answer_is_lost(self, world: World, how: str) -> None:
        world.prepare(DELETE)
        world.arm("lose", operation="delete", how=how)
        ended = world.run(*DELETE.arguments)
        assert (1, 0) == (world.fired(), ended.code), ended.stderr
        assert [] == list(world.audit(DELETE))

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_f62_killed(self, world: World, when: str) -> None:
        world.prepare(DELETE)
        killed_at(world, DELETE, "delete", when)
        clean(world, DELETE)

    def test_f63_it_must_be_stopped_first(self, world: World) -> None:
        world.sandbox.switch(S4=True)
        try:
            world.prepare(DELETE)
            ended = world.run(*DELETE.arguments)
            assert 0 == ended.code, ended.stderr
            assert ["delete", "stop", "delete"] == world.changes()
            assert [] == list(world.audit(DELETE))
        finally:
            world.sandbox.switch(S4=False)

    def test_f64_delete_failed(self, world: World) -> None:
        """Recorded still, one error, no loop; the next run tries again."""
        world.prepare(DELETE)
        world.arm("outcome", operation="delete", status="DELETE_FAILED", fail_reason="stuck rack")
        ended = world.run(*DELETE.arguments)
        assert (1, 1) == (world.fired(), ended.code), ended.stdout
        assert "stuck rack" in ended.stderr
        assert (1, 2) == (world.changes().count("delete"), len(world.recorded()))
        clean(world, DELETE)

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("operation", ["delete", "create"])
    def test_f65_killed_in_a_replacement(self, world: World, operation: str, when: str) -> None:
        world.prepare(REPLACE)
        killed_at(world, REPLACE, operation, when)
        clean(world, REPLACE)

    def test_f66_deleted_before_created(self, world: World) -> None:
        """The new one is asked for only when the old one is gone."""
        world.prepare(REPLACE)
        world.sandbox.pace(delete_ms=400)
        ended = world.run(*REPLACE.arguments)
        assert 0 == ended.code, ended.stderr
        moments = {entry["operation"]: entry["t"] for entry in world.sandbox.log()}
        assert moments["create"] - moments["delete"] >= 400
        assert [] == list(world.audit(REPLACE))
