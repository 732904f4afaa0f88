"""The k-th system call on files of the state is killed or fails, for every k: `strace` injects into the command.

strace counts each call by its name and its thread, so one name is injected at a time, the commands run with one worker,
and the files of the two threads are told apart: the worker writes the journal, the main thread the state.
"""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.contract.sandbox import Sandbox
from tests.fault.campaign import world_in
from tests.fault.command import Ended
from tests.fault.flows import Flow
from tests.fault.world import Finding, World

STRACE = shutil.which("strace")
MISSING = "strace is not installed: apt-get install strace (and ptrace must be permitted)"
KILL = ("signal=KILL",)
ERRORS = ("error=EIO", "error=ENOSPC", "error=EROFS", "error=EDQUOT")
CALLS = (
    *("openat", "write", "pwrite64", "fsync", "fdatasync", "fallocate", "ftruncate"),
    *("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat"),
)
JOURNAL = ("state/lab.journal",)
STATE = ("state", "state/history", "state/lab.json", "state/.lab.json.new")
_MOST = 200


@dataclass(frozen=True, slots=True)
class Injection:
    """What the `k`th call of that name came to."""

    flow: Flow
    call: str
    fault: str
    k: int
    ended: Ended
    trace: str
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        return f"{self.flow.name}, {self.fault} at {self.call} {self.k}: {injected_call(self.trace)}"


def every_k(
    directory: Path, sandbox: Sandbox, flow: Flow, files: Sequence[str], faults: Sequence[str]
) -> Iterator[Injection]:
    """For each call that an undisturbed run makes on `files`, inject at k = 1, 2, ... until none fires any more; the
    faults take turns.
    """
    world = world_in(directory / "undisturbed", sandbox)
    world.prepare(flow)
    ended, trace = traced(world, flow, files)
    assert 0 == ended.code, ended.stderr
    for call in (name for name in CALLS if f" {name}(" in trace):
        for k in itertools.count(1):
            assert k < _MOST, f"{flow.name} has no end of {call}"
            world = world_in(directory / f"{call}{k}", sandbox)
            world.prepare(flow)
            fault = faults[k % len(faults)]
            ended, trace = traced(world, flow, files, f"{call}:{fault}:when={k}")
            if not fired(trace):
                break
            world.ended.append(ended)
            yield Injection(flow, call, fault, k, ended, trace, tuple(world.settle(flow)[1]))


def traced(
    world: World, flow: Flow, files: Sequence[str], injection: str = "", calls: str = ",".join(CALLS)
) -> tuple[Ended, str]:
    """Run `flow` with one worker, maybe under an injection; how it ended, and what it did to `files`."""
    assert STRACE is not None
    command = world.start(*flow.command, "--parallelism=1", traced=True)
    output = world.project.root / "trace"
    # As the command spells them: from its own directory, and in full.
    spelled = [name for file in files for name in (file, str(world.project.root / file))]
    paths = [word for path in spelled for word in ("-P", path)]
    expressions = ["-e", f"trace={calls}", *(["-e", f"inject={injection}"] if injection else [])]
    words = [STRACE, "-f", "-y", "-p", str(command.pid), "-o", str(output), *paths, *expressions]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as strace:
        ended = command.wait()
        _, complaints = strace.communicate(timeout=10)
    assert output.exists(), complaints
    return ended, output.read_text()


def fired(trace: str) -> bool:
    return "(INJECTED)" in trace or "killed by SIGKILL" in trace


def injected_call(trace: str) -> str:
    """The line of the trace that was made to fail, or that the command died of."""
    found = re.search(r".*\(INJECTED\)|.*= \?$", trace, re.MULTILINE)
    return found.group().strip() if found else ""
