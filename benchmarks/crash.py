"""The long crash campaign: applies are killed with SIGKILL, run again, and everything is audited.

    python benchmarks/crash.py --kills 300 [--seed N] [--flow NAME]...
    python benchmarks/crash.py --syscalls

The first kills at every request and journal boundary of every flow, then at random instants until there are that many
kills. The second kills, and fails with each error, every k-th system call on files of the state (needs strace). Prints
JSON; exit code 1 when anything was found, or when nothing was hit.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.contract.sandbox import Sandbox, running_sandbox
from tests.fault.campaign import Case, Point, boundaries, instants, kill_at, summary
from tests.fault.flows import CREATE as APPLY
from tests.fault.flows import DESTROY, FLOWS, REPLACE, UPDATE, Flow
from tests.fault.syscalls import ERRORS, JOURNAL, KILL, STATE, every_k

# No flow takes longer when nothing disturbs it.
LONGEST_SECONDS = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(description="The long crash campaign.")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument(
        "--flow", action="append", choices=[flow.name for flow in FLOWS], help="this one alone; repeats"
    )
    parser.add_argument("--syscalls", action="store_true")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, running_sandbox() as sandbox:
        directory = Path(scratch)
        flows = [flow for flow in FLOWS if not given.flow or flow.name in given.flow]
        result = (
            syscalls(directory, sandbox)
            if given.syscalls
            else kills(directory, sandbox, given.kills, seed=given.seed, flows=flows)
        )
    print(json.dumps({"seed": given.seed, "seconds": round(time.monotonic() - began), **result}, indent=2))
    return 1 if result["where"] or not result["kills"] else 0


def kills(directory: Path, sandbox: Sandbox, wanted: int, *, seed: int, flows: Sequence[Flow]) -> dict[str, Any]:
    chance = random.Random(seed)  # noqa: S311 - repeatable chance is the point
    cases: list[Case] = []
    planned = every_boundary(directory, sandbox, flows)
    while sum(case.landed for case in cases) < wanted:
        flow, point = (
            planned.pop() if planned else (chance.choice(flows), next(instants(1, LONGEST_SECONDS, chance.random())))
        )
        scratch = directory / str(len(cases))
        cases.append(kill_at(scratch, sandbox, flow, point))
        shutil.rmtree(scratch)
        if len(cases) % 50 == 0:
            print(f"{len(cases)} cases", file=sys.stderr)
    return summary(cases)


def every_boundary(directory: Path, sandbox: Sandbox, flows: Sequence[Flow]) -> list[tuple[Flow, Point]]:
    return [(flow, point) for flow in flows for point in boundaries(directory / flow.name, sandbox, flow)]


def syscalls(directory: Path, sandbox: Sandbox) -> dict[str, Any]:
    hits: Counter[str] = Counter()
    where = []
    for flow in (APPLY, UPDATE, REPLACE, DESTROY):
        for fault in (*KILL, *ERRORS):
            for name, files in (("journal", JOURNAL), ("state", STATE)):
                for each in every_k(directory / flow.name / fault / name, sandbox, flow, files, (fault,)):
                    hits[f"{flow.name}, {fault}"] += 1
                    where += [f"{each}: {finding.kind}: {finding.text[-600:]}" for finding in each.findings]
            print(f"{flow.name}, {fault}: {hits[f'{flow.name}, {fault}']}", file=sys.stderr)
    return {"kills": sum(hits.values()), "injections": hits, "where": where}


if __name__ == "__main__":
    sys.exit(main())
