"""What the journal costs: bytes and fsyncs for each call, and the time of an apply with and without it.

    python benchmarks/journal.py [NOTEBOOKS]

Creates that many notebooks (1000 unless told) in the simulator, three times with the journal and three times without,
taking turns, each time in a stack of its own. Prints JSON: medians of seconds, and what the journal took.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from provisioner.clock import SystemClock
from provisioner.planning.stack import build_plan
from provisioner.provider.environment import read_scope
from provisioner.provider.iam import connect
from provisioner.provider.modelarts import ModelArtsNotebooks
from provisioner.provider.sources import find_credentials, surroundings_of
from provisioner.run.apply import Settings, apply_plan
from provisioner.spec.load import load_stacks
from provisioner.state.document import Cloud, State
from provisioner.state.journal import Entry, FileJournal
from provisioner.state.local import LocalBackend
from tests.contract.lab import SMALL, STACK
from tests.contract.sandbox import Sandbox, running_sandbox

ROUNDS = 3
WORKERS = 50


class Measured(LocalBackend):
    """Counts what its journal writes; each line is one fsync."""

    def __init__(self, directory: Path, stack: str, *, journaled: bool) -> None:
        super().__init__(directory, stack)
        self._place = directory / f"{stack}.journal"
        self._type = Counted if journaled else Silent
        self.written: Counted | None = None

    def journal(self, state: State, *, calls: int = 0) -> FileJournal:
        super().journal(state).close()  # makes the directory
        self.written = self._type(self._place, state, calls=calls)
        return self.written


class Counted(FileJournal):
    """The journal, and how many lines and bytes it took."""

    lines = 0
    bytes = 0

    def _append(self, entry: Entry) -> None:
        self.lines += 1
        self.bytes += len(entry.line())
        super()._append(entry)


class Silent(Counted):
    """No journal: nothing is spelt, written or synced."""

    def _append(self, entry: Entry) -> None:
        pass


def main() -> None:
    notebooks = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seconds: dict[bool, list[float]] = {True: [], False: []}
    journal: dict[str, float] = {}
    with running_sandbox("--create-ms=5", f"--quota={10 * notebooks}") as sandbox:
        for turn in range(2 * ROUNDS):
            journaled = turn % 2 == 0
            with tempfile.TemporaryDirectory() as scratch:
                taken, written = apply(Path(scratch), sandbox, notebooks, journaled=journaled)
            seconds[journaled].append(taken)
            if journaled:
                calls = (written.lines - 1) / 2
                journal = {
                    "calls": calls,
                    "bytes a call": round(written.bytes / calls),
                    "fsyncs a call": round(written.lines / calls, 2),
                }
    medians = {"with": statistics.median(seconds[True]), "without": statistics.median(seconds[False])}
    print(json.dumps({"notebooks": notebooks, "journal": journal, "apply seconds": medians}, indent=2))


def apply(root: Path, sandbox: Sandbox, count: int, *, journaled: bool) -> tuple[float, Counted]:
    """Seconds of one apply, without planning, and its journal."""
    sandbox.reset()
    directory = root / "specs" / STACK
    directory.mkdir(parents=True)
    declared = {"version": 1, "notebooks": {f"k{n}": SMALL for n in range(count)}}
    (directory / "notebooks.json").write_text(json.dumps(declared))
    (spec,) = load_stacks((Path("specs") / STACK,), root=root)
    backend = Measured(root / "state", STACK, journaled=journaled)
    snapshot = backend.read()
    stop = threading.Event()
    clock = SystemClock(stop)
    scope = read_scope(sandbox.environ)
    credentials = find_credentials(surroundings_of(sandbox.environ, scope)).credentials
    with connect(credentials, scope, clock) as (client, project_id):
        provider = ModelArtsNotebooks(client, project_id)
        plan = build_plan(spec.notebooks, snapshot.state, {}, serial=0, now_ms=int(clock.now() * 1000))
        began = time.perf_counter()
        apply_plan(
            plan,
            snapshot,
            backend=backend,
            provider=provider,
            settings=Settings(Cloud(region="cn-north-4", project_id=project_id), workers=WORKERS, poll_interval=0.2),
            clock=clock,
            stop=stop,
            listener=lambda _event: None,
        )
        taken = time.perf_counter() - began
    assert backend.written is not None
    assert len(backend.read().state.resources) == count
    return taken, backend.written


if __name__ == "__main__":
    main()
