"""F11, F95-F99, F106-F114: signals, closed streams, credentials that end, throttling, numbers, and hostile answers."""

from __future__ import annotations

import gzip
import os
import resource
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.contract.project import eventually
from tests.contract.sandbox import PROVISIONER
from tests.fault.between import Between, between
from tests.fault.campaign import Point, kill
from tests.fault.flows import LARGE, Flow
from tests.fault.world import LOGIN, World

APPLY = ("apply", "--auto-approve")
ALICE = Flow("create", {}, {"alice": {}})
LARGER = Flow("update", {"alice": {}}, {"alice": LARGE})
HOUR_MS = 3_600_000
# A pipeline kills after seven to ten seconds.
PATIENCE = 6.0


def many(count: int) -> Flow:
    return Flow("create", {}, {f"n{number:03}": {} for number in range(count)})


def _waits_for_a_create(operations: list[str]) -> bool:
    return "create" in operations and "list" in operations[operations.index("create") :]


def clean(world: World, flow: Flow) -> None:
    world.calm()
    assert [] == world.settle(flow)[1]


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_f95_f96_while_waiting(self, world: World, number: signal.Signals) -> None:
        """It does not wait for RUNNING: recorded, not condemned, and the next run waits on."""
        world.prepare(ALICE)
        world.sandbox.pace(create_ms=HOUR_MS)
        command = world.start(*APPLY)
        # A list before the create is the plan's; one after it waits.
        eventually(lambda: _waits_for_a_create([entry["operation"] for entry in world.sandbox.log()]))
        command.signal(number)
        ended = command.wait(PATIENCE)
        assert 130 == ended.code, ended.stderr
        assert "provisioner apply" in ended.stdout + ended.stderr
        assert world.sandbox.only()["id"] == world.recorded()["notebook.alice"]["id"]
        world.sandbox.advance(HOUR_MS)
        world.sandbox.pace(create_ms=5)
        assert 0 == world.run(*APPLY).code
        assert (["create"], []) == (world.changes(), list(world.audit(ALICE)))

    @pytest.mark.parametrize("operation", ["stop", "update", "start"])
    def test_f95_in_an_update(self, world: World, operation: str) -> None:
        """Interrupted between two calls of a restart, it runs again after the next apply."""
        world.prepare(LARGER)
        world.arm("slow", operation=operation, delay_ms=300)
        command = world.start(*APPLY)
        assert world.until_fired(command)
        command.signal(signal.SIGINT)
        assert command.wait(PATIENCE).code in {0, 130}
        clean(world, LARGER)

    def test_f96_twice(self, world: World) -> None:
        """The second leaves at once, in the middle of a call; the journal knows."""
        world.prepare(ALICE)
        world.arm("hang", operation="create", when="after")
        command = world.start(*APPLY)
        assert world.until_fired(command)
        command.signal(signal.SIGINT)
        eventually(lambda: "Stopping" in command.stderr() or not command.running)
        command.signal(signal.SIGINT)
        assert 130 == command.wait(PATIENCE).code
        clean(world, ALICE)
        assert ["create"] == world.changes()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_f97_at_the_prompt(self, world: World, number: signal.Signals) -> None:
        world.prepare(ALICE)
        with world.project.start("apply") as process:
            assert process.stderr is not None
            shown = ""
            while "Enter a value" not in shown:
                shown += process.stderr.read(1)
            process.send_signal(number)
            process.communicate(timeout=30)
        assert 130 == process.returncode
        assert ([], {}) == (world.changes(), world.recorded())
        clean(world, ALICE)

    def test_f98_nobody_reads_the_output(self, world: World) -> None:
        """As before `| head`: what was begun is recorded all the same."""
        world.prepare(ALICE)
        reading, writing = os.pipe()
        os.close(reading)
        words = [*PROVISIONER, *APPLY]
        try:
            ended = subprocess.run(
                words, cwd=world.project.root, env=world.project.environ, stdout=writing, stderr=subprocess.PIPE,
                text=True, check=False, timeout=60,
            )  # fmt: skip
        finally:
            os.close(writing)
        assert 1 == ended.returncode
        assert "Traceback" not in ended.stderr
        assert {each["id"] for each in world.sandbox.notebooks()} == {
            record["id"] for record in world.recorded().values()
        }
        clean(world, ALICE)

    def test_f99_no_answer(self, world: World) -> None:
        """The end of the input is no consent."""
        world.prepare(ALICE)
        ended = world.run("apply")
        assert (1, []) == (ended.code, world.changes())
        clean(world, ALICE)


class TestCredentials:
    @pytest.fixture
    def by_password(self, world: World) -> World:
        world.project.environ |= {**LOGIN, "HW_ACCESS_KEY": "", "HW_SECRET_KEY": ""}
        return world

    @pytest.mark.parametrize("operation", ["create", "list", "create-tags"])
    def test_f106_the_token_ends(self, by_password: World, operation: str) -> None:
        """In the middle of a run: renewed once, and it goes on."""
        flow = Flow("create", {}, {"alice": {"tags": {"a": "1"}}})
        by_password.prepare(flow)
        by_password.arm("fail", operation=operation, status=401, code="ModelArts.6401", message="expired")
        ended = by_password.run(*APPLY)
        assert (1, 0) == (by_password.fired(), ended.code), ended.stderr
        assert 2 == sum(entry["operation"] == "issue-token" for entry in by_password.sandbox.log())
        assert [] == list(by_password.audit(flow))

    def test_f107_the_renewal_is_refused(self, by_password: World) -> None:
        """What was made is recorded, nothing more is made; with good credentials the next run goes on."""
        flow = many(6)
        by_password.prepare(flow)
        by_password.arm("fail", operation="create", nth=3, times=None, status=401, code="ModelArts.6401")
        by_password.arm("fail", operation="issue-token", nth=2, times=None, status=401, code="IAM.0001")
        ended = by_password.run(*APPLY, "--parallelism=1")
        assert 1 == ended.code
        assert by_password.fired() >= 2
        assert 2 == len(by_password.recorded()) == len(by_password.sandbox.notebooks())
        clean(by_password, flow)

    def test_f108_the_key_is_revoked(self, world: World) -> None:
        flow = many(6)
        world.prepare(flow)
        world.arm("fail", nth=8, times=None, status=401, code="APIGW.0301", message="Incorrect IAM authentication")
        ended = world.run(*APPLY, "--parallelism=1")
        assert 1 == ended.code
        assert world.fired() >= 1
        live = {each["id"] for each in world.sandbox.notebooks()}
        assert live == {record["id"] for record in world.recorded().values()}
        assert 0 < len(live) < 6
        clean(world, flow)


class TestNumbers:
    def test_f109_throttled_all_along(self, world: World) -> None:
        """Far more workers than the service permits: all of them slow down, none gives up."""
        flow = many(20)
        world.prepare(flow)
        world.sandbox.switch(S13=8)
        try:
            ended = world.run(*APPLY, "--parallelism=20")
            refused = sum(entry["status"] == 429 for entry in world.sandbox.log())
        finally:
            world.sandbox.switch(S13=0)
        assert 0 == ended.code, ended.stderr
        assert refused, "nothing was throttled"
        assert [] == list(world.audit(flow))

    def test_f110_many_killed_again_and_again(self, world: World) -> None:
        """The short form: 150 notebooks, killed five times on the way."""
        flow = many(150)
        world.prepare(flow)
        landed = 0
        for k in (20, 25, 30, 35, 40):
            landed += kill(world, flow, Point("after request", k)).killed
            world.calm()
        assert landed
        assert [] == world.settle(flow)[1]

    def test_f111_many_open_intents(self, world: World) -> None:
        """All of them are looked up with a few lists, not one each."""
        flow = many(60)
        world.prepare(flow)
        world.arm("hang", operation="create", times=None, when="after")
        command = world.start(*APPLY, "--parallelism=60")
        eventually(lambda: world.fired() == 60 or not command.running)
        assert command.kill().killed
        world.calm()
        world.sandbox.forget()
        ended = world.run(*APPLY)
        assert 0 == ended.code, ended.stderr
        assert 0 == world.changes().count("create")
        assert sum(entry["operation"] == "list" for entry in world.sandbox.log()) <= 20
        assert [] == list(world.audit(flow))

    def test_f11_out_of_memory(self, world: World) -> None:
        """Whatever the machine cannot give, nothing is made twice or lost."""
        flow = many(40)
        world.prepare(flow)
        world.arm("slow", operation="create", nth=3, delay_ms=300)
        command = world.start(*APPLY)
        assert world.until_fired(command)
        resource.prlimit(command.pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))
        assert command.running, "it ended before its memory did"
        world.ended.append(command.wait())
        clean(world, flow)


class TestHostileAnswers:
    """A read that is answered with nonsense is read again; nonsense for ever is an error that changes nothing."""

    BODIES = {  # noqa: RUF012 - a table
        "deep": b"[" * 100_000,
        "large": b'{"data": "' + b"x" * (33 << 20) + b'"}',
        "wrong-type": b'{"data": 5, "total": "many"}',
        "no-utf8": b'{"data": "\xff\xfe"}',
    }

    @pytest.fixture
    def relay(self, world: World) -> Iterator[Between]:
        world.prepare(LARGER)
        with between(world.sandbox.environ["PROVISIONER_ENDPOINT"]) as relay:
            world.project.environ["PROVISIONER_ENDPOINT"] = relay.url
            yield relay

    @pytest.mark.parametrize("name", BODIES)
    def test_f112_once_or_an_error(self, relay: Between, world: World, name: str) -> None:
        self._answer(relay, world, self.BODIES[name], "")

    def test_f112_a_bomb(self, relay: Between, world: World) -> None:
        """It unfolds to a hundred times its size; nobody waits for the end of it."""
        self._answer(relay, world, gzip.compress(b"[" + b" " * (200 << 20)), "Content-Encoding: gzip\r\n")

    def _answer(self, relay: Between, world: World, body: bytes, headers: str) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        relay.once("GET", lambda *_: head.encode() + body)
        ended = world.run(*APPLY)
        assert 1 == relay.hits
        assert "Traceback" not in ended.stderr
        assert ended.code in {0, 1}
        if ended.code:
            assert [] == world.changes()
        clean(world, LARGER)
