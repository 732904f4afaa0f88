"""F15-F47: creates with ambiguous, wrong, late or no answers. One instance comes of it, or none; nobody guesses."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner.provider.retry import parse_retry_after
from tests.contract.project import Project, eventually
from tests.contract.sandbox import running_sandbox
from tests.fault.between import Between, between, close_after, later, reset, reset_after, twice
from tests.fault.campaign import world_in
from tests.fault.command import Ended
from tests.fault.flows import Flow
from tests.fault.world import LOGIN, World

APPLY = ("apply", "--auto-approve")
ALICE = Flow("create", {}, {"alice": {}})
FIVE = Flow("create", {}, {key: {} for key in ("a", "b", "c", "d", "e")})
SHOWN_AT_ONCE = {"PROVISIONER_SETTLE_WINDOW": "300ms"}
LONG_SEARCH = {"PROVISIONER_SETTLE_WINDOW": "6s"}


@pytest.fixture
def alice(world: World) -> World:
    world.prepare(ALICE)
    return world


@pytest.fixture
def relay(world: World) -> Iterator[Between]:
    with between(world.sandbox.environ["PROVISIONER_ENDPOINT"]) as relay:
        world.project.environ["PROVISIONER_ENDPOINT"] = relay.url
        yield relay


def creates(world: World) -> int:
    return world.changes().count("create")


def clean(world: World, flow: Flow = ALICE) -> None:
    """Without further faults one or two plain runs lead to the wanted state."""
    world.calm()
    assert [] == world.settle(flow)[1]


def the_only_create_is_adopted(world: World, ended: Ended) -> None:
    """Everything is there after the very run that saw the fault."""
    assert 0 == ended.code, ended.stderr
    assert 1 == creates(world)
    assert [] == list(world.audit(ALICE))


class TestTheAnswerIsLost:
    """The effect took place: the same run finds the instance and goes on."""

    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param({"effect": "lose", "how": "drop"}, id="F19-closed"),
            *[
                pytest.param({"effect": "lose", "how": "status", "status": status}, id=f"F22-{status}")
                for status in (500, 502, 503, 504)
            ],
            pytest.param({"effect": "lose", "how": "half"}, id="F25-half"),
            pytest.param({"effect": "malformed", "form": "cut"}, id="F25-cut-json"),
            pytest.param({"effect": "malformed", "form": "html"}, id="F26-html"),
            pytest.param({"effect": "malformed", "form": "no-id"}, id="F27-no-id"),
            pytest.param({"effect": "malformed", "form": "wrong-type"}, id="F27-a-list"),
        ],
    )
    def test_adopted_in_the_same_run(self, alice: World, fault: dict[str, Any]) -> None:
        alice.arm(operation="create", **fault)
        ended = alice.run(*APPLY, **LONG_SEARCH)
        assert 1 == alice.fired()
        the_only_create_is_adopted(alice, ended)

    @pytest.mark.parametrize("habit", [reset_after, close_after], ids=["F18-reset", "F19-closed"])
    def test_the_connection_ends(self, relay: Between, alice: World, habit: Any) -> None:
        relay.once("POST", habit)
        ended = alice.run(*APPLY, **LONG_SEARCH)
        assert 1 == relay.hits
        the_only_create_is_adopted(alice, ended)

    def test_f39_lists_lag(self, alice: World) -> None:
        """It is in no list for a while: the search goes on for its window."""
        alice.arm("lose", operation="create", how="drop")
        alice.arm("hide", operation="create", ms=1500, where="lists")
        ended = alice.run(*APPLY, **LONG_SEARCH)
        assert 2 == alice.fired()
        the_only_create_is_adopted(alice, ended)

    def test_f42_twins(self, world: World) -> None:
        """Two identical specs lose both answers: each finds its own."""
        twins = {"alice": {"name": "same"}, "bob": {"name": "same"}}
        world.project.declare(**twins)
        world.arm("lose", operation="create", how="drop", times=2)
        ended = world.run(*APPLY, **LONG_SEARCH)
        assert (2, 0) == (world.fired(), ended.code), ended.stderr
        live = {each["id"] for each in world.sandbox.notebooks()}
        assert live == {record["id"] for record in world.recorded().values()}
        assert 2 == len(live) == creates(world)
        assert 0 == world.run("plan", "--detailed-exitcode").code

    def test_f40_many_others(self, tmp_path: Path) -> None:
        """It is found among so many others that they fill pages."""
        with running_sandbox("--seed-instances=120", "--create-ms=5") as crowded:
            world = world_in(tmp_path / "crowded", crowded)
            before = {each["id"] for each in crowded.notebooks()}
            assert 120 == len(before)
            world.project.declare(alice={})
            world.arm("lose", operation="create", how="drop")
            ended = world.run(*APPLY, **LONG_SEARCH)
            assert (1, 0, 1) == (world.fired(), ended.code, creates(world)), ended.stderr
            (made,) = {each["id"] for each in crowded.notebooks()} - before
            assert made == world.recorded()["notebook.alice"]["id"]


class TestNothingWasMade:
    """The effect did not take place: nothing is created again within the search; the next run does it, once."""

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            pytest.param("<html>Welcome to the hotel</html>", 200, id="F26-captive-portal"),
            pytest.param({"id": 5, "name": "alice"}, 200, id="F27-a-number"),
            pytest.param({"id": "", "name": "alice"}, 200, id="F27-empty"),
            pytest.param({"id": "../../x", "name": "alice", "status": "CREATING"}, 200, id="F27-a-path"),
            pytest.param({}, 200, id="F27-nothing"),
            pytest.param({"error_code": "ModelArts.0010", "error_msg": "conflict"}, 409, id="F29-conflict"),
            pytest.param({"error_code": "ModelArts.0001", "error_msg": "internal"}, 500, id="F22-no-effect"),
        ],
    )
    def test_the_answer_is_none(self, alice: World, body: Any, status: int) -> None:
        alice.arm("fail", operation="create", status=status, body=body)
        ended = alice.run(*APPLY)
        assert (1, 1) == (alice.fired(), ended.code), ended.stderr
        assert ([], {}) == (alice.sandbox.notebooks(), alice.recorded())
        assert 1 == creates(alice)
        assert not [entry for entry in alice.sandbox.log() if ".." in entry["path"]]
        assert "alice" in ended.stderr
        clean(alice)
        assert 2 == creates(alice)

    def test_f17_reset_before(self, relay: Between, alice: World) -> None:
        relay.once("POST", reset)
        ended = alice.run(*APPLY)
        assert (1, 1, 0) == (relay.hits, ended.code, creates(alice)), ended.stderr
        assert "alice" in ended.stderr
        clean(alice)
        assert 1 == creates(alice)

    def test_f15_refused_then_there(self, alice: World) -> None:
        """Nothing was sent, so it is sent again until the service is there."""
        with socket.create_server(("127.0.0.1", 0)) as placeholder:
            address = placeholder.getsockname()
        alice.project.environ["PROVISIONER_ENDPOINT"] = f"http://{address[0]}:{address[1]}"
        command = alice.start(*APPLY)
        time.sleep(0.5)  # nothing tells that it has tried; were this too short, nothing would be refused
        assert command.running, "it gave up at once"
        with between(alice.sandbox.environ["PROVISIONER_ENDPOINT"], port=address[1]):
            ended = command.wait()
            assert (0, 1) == (ended.code, creates(alice)), ended.stderr
            assert [] == list(alice.audit(ALICE))

    def test_f16_no_tls(self, alice: World) -> None:
        """A certificate that is none ends it before anything is sent."""
        plain = alice.project.environ["PROVISIONER_ENDPOINT"]
        ended = alice.run(*APPLY, PROVISIONER_ENDPOINT=plain.replace("http:", "https:"))
        assert (1, []) == (ended.code, alice.sandbox.log()), ended.stderr
        assert "alice" in ended.stderr or "Error" in ended.stderr
        clean(alice)

    @pytest.mark.parametrize(
        ("status", "code"),
        [(403, "ModelArts.6302"), (403, "ModelArts.0113"), (400, "ModelArts.6323")],
        ids=["F34-quota", "F34-no-permission", "F33-bad-field"],
    )
    def test_a_refusal_is_final(self, world: World, status: int, code: str) -> None:
        """One of five: the others are made and recorded, the refused is not tried again."""
        world.prepare(FIVE)
        world.arm("fail", operation="create", nth=3, status=status, code=code, message="not you")
        ended = world.run(*APPLY)
        assert (1, 1) == (world.fired(), ended.code)
        assert f"{code}: not you" in ended.stderr
        assert (5, 4) == (creates(world), len(world.recorded()))
        if code == "ModelArts.6323":
            assert "specs/lab/notebooks.json:" in ended.stderr
        clean(world, FIVE)

    def test_f35_a_redirect(self, alice: World) -> None:
        """It is not followed, and nothing is sent to where it leads."""
        visitors: list[bytes] = []
        with socket.create_server(("127.0.0.1", 0)) as elsewhere:
            threading.Thread(target=_welcome, args=(elsewhere, visitors), daemon=True).start()
            host, port = elsewhere.getsockname()
            alice.arm("redirect", operation="create", location=f"http://{host}:{port}/x", status=307)
            ended = alice.run(*APPLY)
        assert (1, 1, []) == (alice.fired(), ended.code, visitors)
        assert f"{host}:{port}" in ended.stderr
        clean(alice)


class TestTheServiceIsBusy:
    @pytest.mark.parametrize("value", ["1", "0", "-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"])
    def test_f30_f31_throttled(self, alice: World, value: str) -> None:
        """It waits as it is told, within reason, and sends again: 429 changed nothing."""
        alice.arm("throttle", operation="create", retry_after=value)
        ended = alice.run(*APPLY)
        assert (1, 0) == (alice.fired(), ended.code), ended.stderr
        assert [] == list(alice.audit(ALICE))

    @pytest.mark.parametrize("value", ["1000000000", "inf", "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_f31_for_ever(self, value: str) -> None:
        """Two minutes at most."""
        assert 120.0 == parse_retry_after(value, now=0.0)

    def test_f32_the_token_is_refused_once(self, alice: World) -> None:
        """One renewal, and the create is sent again."""
        alice.project.environ |= {**LOGIN, "HW_ACCESS_KEY": "", "HW_SECRET_KEY": ""}
        alice.arm("fail", operation="create", status=401, code="ModelArts.6401", message="expired")
        ended = alice.run(*APPLY)
        assert (1, 0) == (alice.fired(), ended.code), ended.stderr
        tokens = [entry for entry in alice.sandbox.log() if entry["operation"] == "issue-token"]
        assert 2 == len(tokens)
        assert [] == list(alice.audit(ALICE))


class TestNobodyGuesses:
    def test_f21_hangs_and_is_interrupted(self, alice: World) -> None:
        """It leaves within seconds; the next run finds the instance."""
        alice.arm("hang", operation="create", when="after")
        command = alice.start(*APPLY)
        assert alice.until_fired(command)
        command.signal(signal.SIGINT)
        ended = command.wait(patience=8)
        assert 130 == ended.code, ended.stderr
        alice.calm()
        assert 0 == alice.run(*APPLY).code
        assert (1, []) == (creates(alice), list(alice.audit(ALICE)))

    def test_f23_made_after_the_search(self, relay: Between, alice: World) -> None:
        """504 now, the instance later: unresolved now, adopted by the next run."""
        relay.once("POST", later(1.2))
        ended = alice.run(*APPLY)
        assert (1, 1, {}) == (relay.hits, ended.code, alice.recorded()), ended.stderr
        assert "run apply again" in ended.stderr
        eventually(lambda: len(alice.sandbox.notebooks()) == 1)
        assert 0 == alice.run(*APPLY).code
        assert (1, []) == (creates(alice), list(alice.audit(ALICE)))

    def test_f24_made_after_the_second_create(self, relay: Between, alice: World) -> None:
        """The one hole: two exist for a while. The next command says so and names the stray."""
        relay.once("POST", later(3.0))
        assert 1 == alice.run(*APPLY).code
        assert 0 == alice.run(*APPLY).code
        ours = alice.recorded()["notebook.alice"]["id"]
        eventually(lambda: len(alice.sandbox.notebooks()) == 2)
        (stray,) = {each["id"] for each in alice.sandbox.notebooks()} - {ours}
        for command in (("plan",), APPLY):
            ended = alice.run(*command)
            assert stray in ended.stdout + ended.stderr
        assert 2 == len(alice.sandbox.notebooks()), "nothing is deleted silently"

    def test_f36_a_proxy_repeats(self, relay: Between, alice: World) -> None:
        """Two instances with one mark: both are shown, none is taken, none is deleted."""
        relay.once("POST", twice)
        first = alice.run(*APPLY)
        ended = alice.run(*APPLY)
        assert (1, 1, 1) == (relay.hits, first.code, ended.code), first.stderr + ended.stderr
        ids = [each["id"] for each in alice.sandbox.notebooks()]
        assert 2 == len(ids) == creates(alice)
        assert all(each in ended.stderr for each in ids)
        alice.sandbox.happen(ids[0], "vanish")
        clean(alice)

    def test_f37_the_mark_is_removed(self, alice: World) -> None:
        """Somebody edits the description away: harmless once the id is recorded."""
        assert 0 == alice.run(*APPLY).code
        alice.sandbox.drift(alice.sandbox.only()["id"], description="")
        assert 0 == alice.run(*APPLY).code
        assert (1, []) == (creates(alice), list(alice.audit(ALICE)))

    def test_f38_the_search_fails(self, alice: World) -> None:
        """The list is forbidden: the intent stays open, and the next run finds the instance."""
        alice.arm("lose", operation="create", how="drop")
        # The first list is the plan's.
        alice.arm("fail", operation="list", nth=2, times=None, status=403, code="ModelArts.0102", message="no")
        ended = alice.run(*APPLY)
        assert (1, 1) == (ended.code, creates(alice)), ended.stderr
        assert alice.fired() >= 2
        clean(alice)
        assert 1 == creates(alice)

    def test_f41_a_namesake_is_not_ours(self, alice: World) -> None:
        """Same name, flavor and image, made by somebody else in that very moment: never adopted."""
        alice.arm("fail", operation="create", status=500)
        ended = alice.run(*APPLY)
        assert (1, 1) == (alice.fired(), ended.code)
        theirs = _foreign(alice)
        alice.calm()
        assert 0 == alice.run(*APPLY).code
        assert theirs != alice.recorded()["notebook.alice"]["id"]
        assert 2 == len(alice.sandbox.notebooks())

    def test_f28_an_id_that_is_known(self, world: World) -> None:
        """An answer with the id of another notebook overwrites nothing."""
        world.prepare(Flow("create", {"alice": {}}, {"alice": {}, "bob": {}}))
        known = world.sandbox.only()
        body = {name: known[name] for name in ("id", "name", "flavor", "status", "image", "volume")}
        world.arm("fail", operation="create", status=200, body=body)
        ended = world.run(*APPLY)
        assert (1, 1) == (world.fired(), ended.code), ended.stdout
        assert known["id"] == world.recorded()["notebook.alice"]["id"]
        assert "notebook.bob" not in world.recorded()
        clean(world, Flow("create", {"alice": {}}, {"alice": {}, "bob": {}}))


class TestWhileItIsBeingMade:
    def test_f43_not_found_for_a_while(self, alice: World) -> None:
        """Its id says "not found" at first: the wait goes on."""
        alice.arm("hide", operation="create", ms=800, where="everywhere")
        ended = alice.run(*APPLY)
        assert (1, 0) == (alice.fired(), ended.code), ended.stderr
        assert (1, []) == (creates(alice), list(alice.audit(ALICE)))

    def test_f44_create_failed(self, alice: World) -> None:
        """Recorded with the reason; the next plan replaces it, which loses nothing: it never ran."""
        alice.arm("outcome", operation="create", status="CREATE_FAILED", fail_reason="no such rack")
        ended = alice.run(*APPLY)
        assert (1, 1) == (alice.fired(), ended.code)
        assert "no such rack" in ended.stderr
        assert alice.sandbox.only()["id"] == alice.recorded()["notebook.alice"]["id"]
        assert "must be replaced" in alice.run("plan").stdout
        clean(alice)

    def test_f45_create_failed_and_gone(self, alice: World) -> None:
        """It is created again, once."""
        alice.arm("outcome", operation="create", status="CREATE_FAILED")
        assert 1 == alice.run(*APPLY).code
        assert 1 == alice.fired()
        alice.sandbox.happen(alice.sandbox.only()["id"], "vanish")
        clean(alice)
        assert 2 == creates(alice)

    def test_f46_takes_too_long(self, world: World) -> None:
        """Still creating when patience ends: recorded, not condemned; the next run waits on."""
        flow = Flow("create", {}, {"alice": {"timeouts": {"create": "300ms"}}})
        world.prepare(flow)
        world.sandbox.pace(create_ms=3_600_000)
        ended = world.run(*APPLY)
        assert 1 == ended.code
        assert "apply again" in ended.stderr
        assert world.sandbox.only()["id"] == world.recorded()["notebook.alice"]["id"]
        world.sandbox.advance(3_600_000)
        assert 0 == world.run(*APPLY).code
        assert ["create"] == world.changes()

    def test_f47_an_unknown_status(self, world: World) -> None:
        """It counts as busy; the error names it and nothing is destroyed."""
        flow = Flow("create", {}, {"alice": {"timeouts": {"create": "500ms", "update": "500ms"}}})
        world.prepare(flow)
        world.sandbox.pace(create_ms=3_600_000)
        assert 1 == world.run(*APPLY).code
        world.sandbox.drift(world.sandbox.only()["id"], status="WOBBLING")
        ended = world.run(*APPLY)
        assert 1 == ended.code
        assert "WOBBLING" in ended.stdout + ended.stderr
        assert ["create"] == world.changes()
        assert 1 == len(world.recorded())


def _welcome(listener: socket.socket, visitors: list[bytes]) -> None:
    try:
        connection, _ = listener.accept()
    except OSError:
        return
    with connection:
        visitors.append(connection.recv(65536))


def _foreign(world: World) -> str:
    """An instance like alice that no provisioner made: no mark."""
    before = {each["id"] for each in world.sandbox.notebooks()}
    other = world_beside(world)
    assert 0 == other.run(*APPLY).code
    (made,) = {each["id"] for each in world.sandbox.notebooks()} - before
    world.sandbox.drift(made, description="")
    return str(made)


def world_beside(world: World) -> World:
    root = world.project.root.with_name("somebody-else")
    root.mkdir()
    project = Project(root, world.project.environ)
    project.declare(alice={})
    (root / "specs" / "lab").rename(root / "specs" / "theirs")
    return World(project, world.sandbox)
