"""The k-th system call on the state is killed, or fails, for every k: the next plain run converges and nothing is lost.

`benchmarks/crash.py --syscalls` tries every error at every k.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.sandbox import Sandbox
from tests.fault.flows import CREATE, DESTROY, REPLACE, UPDATE, Flow
from tests.fault.syscalls import ERRORS, JOURNAL, KILL, MISSING, STATE, STRACE, every_k, fired, traced
from tests.fault.world import World

ALICE = {"tags": {"a": "1"}}
SHORT = {
    "apply": Flow("create", {}, {"alice": ALICE}),
    "update": Flow("update", {"alice": ALICE}, {"alice": {**ALICE, **UPDATE.after["alice"]}}),
    "replace": Flow("replace", {"alice": ALICE}, {"alice": REPLACE.after["alice"]}, REPLACE.arguments, REPLACE.doomed),
    "destroy": Flow("destroy", {"alice": ALICE}, {"alice": ALICE}, DESTROY.arguments, frozenset({"alice"})),
}

pytestmark = pytest.mark.skipif(not STRACE, reason=MISSING)


@pytest.mark.parametrize("files", [JOURNAL, STATE], ids=["journal", "state"])
@pytest.mark.parametrize("faults", [KILL, ERRORS], ids=["kill", "errors"])
@pytest.mark.parametrize("name", SHORT)
def test_every_kth_call(
    name: str, faults: tuple[str, ...], files: tuple[str, ...], shared_sandbox: Sandbox, tmp_path: Path
) -> None:
    """F02, F03, F05, F06, F14, F68, F70-F73: killed or failed at every k, nothing is orphaned, doubled or lost."""
    injections = list(every_k(tmp_path, shared_sandbox, SHORT[name], files, faults))
    assert injections, "no fault fired"
    assert {} == {str(each): each.findings for each in injections if each.findings}
    assert [] == [str(each) for each in injections if "Traceback" in each.ended.stderr]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(("call", "k", "sent"), [("write", 1, 0), ("fsync", 1, 0), ("write", 2, 1), ("fsync", 2, 1)])
def test_after_a_failed_write_nothing_is_sent(error: str, call: str, k: int, sent: int, world: World) -> None:
    """F70, F72, F73: once the journal failed no change leaves, though the disk would take the next line again."""
    world.prepare(CREATE)
    ended, trace = traced(world, CREATE, JOURNAL, f"{call}:{error}:when={k}")
    assert fired(trace)
    assert 1 == ended.code
    assert ["create"] * sent == world.changes() or [] == world.changes()
    for notebook in world.sandbox.notebooks():
        assert notebook["id"] in ended.stdout + ended.stderr, "the id is nowhere to be read"
    assert [] == world.settle(CREATE)[1]


def test_the_state_is_watched(world: World) -> None:
    """Every file that becomes the state is among those whose calls are counted; else the loop would prove nothing."""
    world.prepare(CREATE)
    ended, trace = traced(world, CREATE, STATE)
    assert 0 == ended.code, ended.stderr
    renamed = [line for line in trace.splitlines() if "rename" in line and "lab.json" in line]
    assert renamed, trace
    assert all(".lab.json.new" in line for line in renamed), renamed
