"""A project and its simulator, what can be done to them, and the oracle: what must hold whatever happened.

The oracle reads the simulator's own books and the state file, never the product's opinion, but for the last question:
whether a plan is empty.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.contract.lab import SMALL
from tests.contract.project import Project, eventually
from tests.contract.sandbox import READS, Sandbox
from tests.fault.command import Command, Ended
from tests.fault.flows import PLAN_FILE, Flow, Notebooks

Kind = Literal["orphan", "duplicate", "lost", "wrong", "deleted", "leftover", "stuck", "not empty", "secret"]
RERUNS = 2
LOGIN = {"HW_USER_NAME": "tester", "HW_USER_PASSWORD": "Tester-Secret-1", "HW_DOMAIN_NAME": "testers"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be."""

    kind: Kind
    text: str


class World:
    def __init__(self, project: Project, sandbox: Sandbox) -> None:
        self.project = project
        self.sandbox = sandbox
        self.ended: list[Ended] = []
        self._before: dict[str, str] = {}

    @property
    def state(self) -> Path:
        return self.project.root / "state"

    @property
    def journal(self) -> Path:
        return self.state / "lab.journal"

    def start(self, *arguments: str, traced: bool = False) -> Command:
        return Command(self.project, *arguments, traced=traced)

    def run(self, *arguments: str, **environ: str) -> Ended:
        ended = Command(self.project, *arguments, environ=environ).wait()
        self.ended.append(ended)
        return ended

    def prepare(self, flow: Flow) -> None:
        """As it is before `flow`, in the simulator and on disk, with the new specs in place."""
        if flow.before:
            self.project.declare(**flow.before)
            first = self.run("apply", "--auto-approve")
            assert 0 == first.code, first.stderr
        self.project.declare(**flow.after)
        if flow.records:
            (self.project.root / "specs" / "lab" / "records.json").write_text(
                json.dumps({"version": 1, **flow.records})
            )
        if flow.saved:
            saved = self.run("plan", f"--out={PLAN_FILE}")
            assert 0 == saved.code, saved.stderr
        self._before = {each["id"]: each["name"] for each in self.sandbox.notebooks()}
        self.sandbox.forget()

    def arm(self, effect: str, *, operation: str | None = None, **rule: Any) -> int:
        """A fault rule; what is no criterion is a parameter of the effect."""
        criteria: dict[str, Any] = {name: rule.pop(name) for name in ("nth", "times", "path", "method") if name in rule}
        body = {"then": {"effect": effect, **rule}, **criteria}
        if operation:
            body["operation"] = operation
        number: int = self.sandbox.control("POST", "/faults", body)["id"]
        return number

    def fired(self) -> int:
        """How often the armed rules fired, all together."""
        faults: list[dict[str, Any]] = self.sandbox.control("GET", "/faults")["faults"]
        return sum(each["fired"] for each in faults)

    def calm(self) -> None:
        """No more faults."""
        self.sandbox.control("DELETE", "/faults")

    def until_fired(self, command: Command) -> bool:
        """Wait until an armed rule has fired; False when the command ended before."""
        eventually(lambda: self.fired() > 0 or not command.running)
        return self.fired() > 0

    def recorded(self) -> dict[str, Any]:
        path = self.state / "lab.json"
        return self.project.recorded() if path.exists() else {}

    def converge(self, flow: Flow, **environ: str) -> int | None:
        """Run the command again until it succeeds; how often that took, None when it never did."""
        for count in range(1, RERUNS + 1):
            if self.run(*flow.arguments, **environ).code == 0:
                return count
        return None

    def settle(self, flow: Flow, **environ: str) -> tuple[int, list[Finding]]:
        """Converge and look at everything: how many runs that took, and what is wrong."""
        runs = self.converge(flow, **environ)
        if runs is None:
            return RERUNS, [Finding("stuck", self.ended[-1].stderr), *self.audit(flow, **environ)]
        return runs, list(self.audit(flow, **environ))

    def audit(self, flow: Flow, **environ: str) -> Iterator[Finding]:
        yield from self._instances(flow.remaining)
        yield from self._deletions(flow)
        yield from self._files()
        arguments = ("plan", "--detailed-exitcode", *(("--destroy",) if flow.destroys else ()))
        plan = self.run(*arguments, **environ)
        if plan.code != 0:
            yield Finding("not empty", plan.stdout + plan.stderr)
        yield from self._secrets()

    def _instances(self, declared: Notebooks) -> Iterator[Finding]:
        live = {each["id"]: each for each in self.sandbox.notebooks()}
        recorded = {record["id"]: address for address, record in self.recorded().items()}
        for address, record in self.recorded().items():
            for deposed in record.get("deposed", ()):
                yield Finding("leftover", f"{address} still has {deposed['id']} to delete")
        for identifier in live.keys() - recorded.keys():
            yield Finding("orphan", f"{identifier} {live[identifier]['name']} is not recorded")
        for identifier in recorded.keys() - live.keys():
            yield Finding("lost", f"{recorded[identifier]} is recorded as {identifier}, which is not there")
        for address in {f"notebook.{key}" for key in declared} ^ set(recorded.values()):
            yield Finding("lost" if address not in recorded.values() else "wrong", f"{address} is recorded or declared")
        for name, count in Counter(each["name"] for each in live.values()).items():
            if count > 1:
                yield Finding("duplicate", f"{count} instances are called {name}")
        for identifier in live.keys() & recorded.keys():
            key = recorded[identifier].removeprefix("notebook.")
            yield from (Finding("wrong", f"{key}: {text}") for text in _differences(live[identifier], declared, key))

    def _deletions(self, flow: Flow) -> Iterator[Finding]:
        """Whoever was there before is there now, but for the doomed; and nobody was made to be deleted."""
        live = {each["id"] for each in self.sandbox.notebooks()}
        for identifier, name in self._before.items():
            if identifier not in live and name not in flow.doomed:
                yield Finding("deleted", f"{name} {identifier} was there before")

    def _files(self) -> Iterator[Finding]:
        if not self.state.exists():
            return
        allowed = {"lab.json", "lab.lock", "history"}
        for path in self.state.iterdir():
            if path.name not in allowed:
                yield Finding("leftover", f"{path.name} is left")
            if path.is_file() and path.stat().st_mode & 0o077:
                yield Finding("leftover", f"{path.name} is readable by others")
        if not self._lock_is_free():
            yield Finding("leftover", "the lock is held")

    def _lock_is_free(self) -> bool:
        try:
            descriptor = os.open(self.state / "lab.lock", os.O_RDONLY)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            os.close(descriptor)

    def _secrets(self) -> Iterator[Finding]:
        known = {self.sandbox.environ["HW_SECRET_KEY"], LOGIN["HW_USER_PASSWORD"]}
        secrets = known | {*(each["token"] for each in self.sandbox.notebooks())}
        texts = {f"output {number}": each.stdout + each.stderr for number, each in enumerate(self.ended)}
        texts |= {str(path): path.read_text() for path in self.state.rglob("*") if path.is_file()}
        for place, text in texts.items():
            if any(secret in text for secret in secrets):
                yield Finding("secret", f"{place} holds a secret")

    def changes(self) -> list[str]:
        """The mutating operations that took place or were tried, in order."""
        return [entry["operation"] for entry in self.sandbox.log() if entry["operation"] not in READS]


def _differences(live: Mapping[str, Any], declared: Notebooks, key: str) -> Iterator[str]:
    """Where an instance is not what its spec says, as far as the flows go."""
    wanted: dict[str, Any] = {"desired_status": "RUNNING", "tags": {}, "storages": [], **SMALL, **declared.get(key, {})}
    found = {
        "desired_status": live["status"],
        "tags": {tag["key"]: tag["value"] for tag in live["tags"]},
        "flavor": live["flavor"],
        "volume": {"capacity": live["volume"]["capacity"]},
        "storages": [each["mount_path"] for each in live["storages"]],
    }
    wanted["storages"] = [each["mount_path"] for each in wanted["storages"]]
    wanted["volume"] = {"capacity": wanted["volume"]["capacity"]}
    for name, value in found.items():
        if value != wanted[name]:
            yield f"{name} is {value}, not {wanted[name]}"
