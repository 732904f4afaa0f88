"""Two runs on one stack, and runs that cannot write what they did: real processes against the simulator."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioner.state.backend import LockInfo
from provisioner.state.local import LocalBackend
from tests.contract.project import PATIENCE, Project, eventually
from tests.contract.sandbox import Sandbox

MANY = 200
LONG = 600_000
APPLY = ("apply", "--auto-approve")
NOTHING = "No changes. Your infrastructure matches the configuration."


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    project = Project(tmp_path, sandbox.environ)
    project.declare(alice={})
    return project


def holder(project: Project) -> dict[str, str]:
    found: dict[str, str] = json.loads((project.root / "state" / "lab.lock").read_text())
    return found


@contextmanager
def creating(project: Project, sandbox: Sandbox) -> Iterator[subprocess.Popen[str]]:
    """An apply that waits for its notebook until the simulator's clock is put forward."""
    sandbox.pace(create_ms=LONG)
    with project.start(*APPLY) as process:
        eventually(lambda: "create" in sandbox.calls())
        yield process


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """How a process ended, and what it said from now on."""
    output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output, errors


def far(identifier: str = "far-1") -> LockInfo:
    """A holder on another machine."""
    return LockInfo(
        id=identifier, operation="OperationTypeApply", who="bob@far", version="0", created="then", host="far", boot="b"
    )


class TestTwoRuns:
    def test_two_hundred_workers_each(self, project: Project, sandbox: Sandbox) -> None:
        """One wins and creates everything once; the other sends nothing and names the holder."""
        project.declare(**{f"k{n:03}": {} for n in range(MANY)})
        with (
            project.start(*APPLY, "--parallelism=200") as one,
            project.start(*APPLY, "--parallelism=200") as other,
        ):
            runs = {process.pid: ended(process) for process in (one, other)}
        winner, lost = sorted(runs, key=lambda pid: runs[pid][0])
        assert [0, 1] == [runs[winner][0], runs[lost][0]], runs
        assert "the state is locked by another run" in runs[lost][2]
        assert re.search(rf"(?m)^Process +{winner}$", runs[lost][2])
        assert MANY == sandbox.calls().count("create") == len(sandbox.notebooks())
        assert {each["id"] for each in sandbox.notebooks()} == {each["id"] for each in project.recorded().values()}

    def test_waiting_for_the_lock(self, project: Project, sandbox: Sandbox) -> None:
        """With --lock-timeout the second runs when the first has ended, and finds nothing to do."""
        with creating(project, sandbox) as first, project.start(*APPLY, "--lock-timeout=30s") as second:
            assert second.stderr is not None
            assert second.stderr.readline().startswith("Waiting for the lock of ")
            sandbox.advance(LONG)
            assert 0 == ended(first)[0]
            code, output, _ = ended(second)
        assert (0, True) == (code, NOTHING in output)
        assert 1 == len(sandbox.notebooks())

    def test_a_plan_says_that_a_run_is_under_way(self, project: Project, sandbox: Sandbox) -> None:
        """And waits for it when asked to."""
        with creating(project, sandbox) as first, project.start("plan", "--lock-timeout=30s") as later:
            at_once = project.run("plan")
            assert later.stderr is not None
            assert later.stderr.readline().startswith("Waiting for the lock of ")
            sandbox.advance(LONG)
            assert 0 == ended(first)[0]
            assert NOTHING in ended(later)[1]
        assert (0, True) == (at_once.returncode, "Another run is under way: " in at_once.stderr)

    def test_a_run_that_was_killed(self, project: Project, sandbox: Sandbox) -> None:
        """The next apply says so and goes on; a plan says so and changes nothing."""
        with creating(project, sandbox) as first:
            first.kill()
        assert "The previous run ended abruptly" in project.run("plan").stderr
        sandbox.advance(LONG)
        second = project.run(*APPLY)
        assert "The previous run ended abruptly" in second.stderr
        assert (0, 1) == (second.returncode, len(sandbox.notebooks()))
        assert "abruptly" not in project.run(*APPLY).stderr

    def test_the_job_is_named(self, project: Project, sandbox: Sandbox) -> None:
        """Whoever is turned away can look at the job that holds the lock."""
        project.environ["CI_JOB_URL"] = "https://gitlab.example/jobs/7"
        with creating(project, sandbox) as first:
            refused = project.run("state", "rm", "alice", "--stack=lab")
            first.kill()
        assert "Job        https://gitlab.example/jobs/7" in refused.stderr

    @pytest.mark.parametrize("text", ["soon", "5", ""])
    def test_a_timeout_is_a_duration(self, project: Project, text: str) -> None:
        result = project.run("plan", f"--lock-timeout={text}")
        assert (1, True) == (result.returncode, "write a duration" in result.stderr)


class TestForceUnlock:
    def test_a_holder_elsewhere(self, project: Project) -> None:
        """It is shown, somebody says yes, and the next run begins."""
        with LocalBackend(project.root / "state", "lab").lock(far()):
            turned_away = project.run("apply", "--auto-approve")
            assert "provisioner force-unlock far-1" in turned_away.stderr
            assert "Who        bob@far" in project.run("force-unlock", "far-1", answer="no\n").stderr
            assert 1 == project.run("apply", "--auto-approve").returncode
            assert 0 == project.run("force-unlock", "far-1", answer="yes\n").returncode
            assert 0 == project.run("apply", "--auto-approve").returncode

    def test_nobody_can_be_asked(self, project: Project) -> None:
        with LocalBackend(project.root / "state", "lab").lock(far()):
            assert "add --force" in project.run("force-unlock", "far-1", CI="1").stderr
            assert 0 == project.run("force-unlock", "far-1", "--force", CI="1").returncode

    def test_a_wrong_id(self, project: Project) -> None:
        """The holders there are, are shown."""
        assert "No state is locked." in project.run("force-unlock", "x").stderr
        with LocalBackend(project.root / "state", "lab").lock(far()):
            said = project.run("force-unlock", "far-2", "--force").stderr
            assert "no lock has the id far-2" in said
            assert "far-1" in said
            assert 1 == project.run("apply", "--auto-approve").returncode

    def test_a_live_holder_here(self, project: Project, sandbox: Sandbox) -> None:
        """It can be ended instead."""
        with creating(project, sandbox) as first:
            refused = project.run("force-unlock", holder(project)["ID"], "--force")
            first.kill()
        assert 1 == refused.returncode
        assert f"kill {first.pid}" in refused.stderr


class TestRefusedWrites:
    """Something stands where the new state would be written: it happens at the end, when the money is spent."""

    def test_the_state_goes_elsewhere_and_back(self, project: Project) -> None:
        """To errored.NAME.json, private; the command that is named puts it back."""
        obstacle = project.root / "state" / ".lab.json.new"
        obstacle.mkdir(parents=True)
        result = project.run("apply", "--auto-approve")
        saved = project.root / "errored.lab.json"
        assert (1, 0o600) == (result.returncode, saved.stat().st_mode & 0o777)
        assert "lab.json cannot be written" in result.stderr
        command = result.stderr.rpartition("then run: provisioner ")[2].split()
        assert ["state", "push", "errored.lab.json"] == command
        assert (project.root / "state" / "lab.journal").exists()
        obstacle.rmdir()
        assert 0 == project.run(*command).returncode
        assert NOTHING in project.run("plan").stdout
        assert not (project.root / "state" / "lab.journal").exists()

    def test_or_onto_the_screen(self, project: Project) -> None:
        """Between two marked lines, whole."""
        (project.root / "state" / ".lab.json.new").mkdir(parents=True)
        (project.root / ".errored.lab.json.new").mkdir()
        result = project.run("apply", "--auto-approve")
        assert 1 == result.returncode
        found = re.search(r"(?ms)^-+ BEGIN STATE errored\.lab\.json -+\n(.*?)^-+ END STATE", result.stderr)
        assert found is not None
        (project.root / "state" / ".lab.json.new").rmdir()
        assert 0 == project.run("state", "push", "-", answer=found[1]).returncode
        assert NOTHING in project.run("plan").stdout

    def test_the_journal_alone_is_enough(self, project: Project, sandbox: Sandbox) -> None:
        """Whoever just runs apply again loses nothing either."""
        obstacle = project.root / "state" / ".lab.json.new"
        obstacle.mkdir(parents=True)
        project.run("apply", "--auto-approve")
        again = project.run("apply", "--auto-approve")
        assert (1, True) == (again.returncode, "cannot be written" in again.stderr)
        obstacle.rmdir()
        assert 0 == project.run("apply", "--auto-approve").returncode
        assert [sandbox.only()["id"]] == [record["id"] for record in project.recorded().values()]

    def test_without_a_journal_nothing_is_sent(self, project: Project, sandbox: Sandbox) -> None:
        """Where it cannot be opened, not one mutating call is made."""
        (project.root / "state" / "lab.journal").mkdir(parents=True)
        result = project.run("apply", "--auto-approve")
        assert (1, []) == (result.returncode, sandbox.calls())
        assert "lab.journal cannot be" in result.stderr
