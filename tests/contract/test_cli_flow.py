"""The commands as users and scripts run them: exit codes, streams, summary lines, prompts, interrupts and crashes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.contract.project import Project, eventually, until_it_asks
from tests.contract.sandbox import Sandbox

LARGE = {"flavor": "modelarts.vm.cpu.8u"}
SMALLER = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}
NOTHING = "No changes. Your infrastructure matches the configuration."


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    project = Project(tmp_path, sandbox.environ)
    project.declare(alice={})
    return project


@pytest.fixture
def applied(project: Project) -> Project:
    """A project with `alice` and `bob`, both running."""
    project.declare(alice={}, bob={"tags": {"a": "1"}})
    assert 0 == project.run("apply", "--auto-approve").returncode
    return project


def code_and_line(result: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    """The exit code, and the summary line on the standard output."""
    words = ("Plan: ", "No changes. ", "Apply ", "Destroy ")
    lines = [line for line in result.stdout.splitlines() if line.startswith(words)]
    return result.returncode, lines[-1] if lines else ""


class TestRoundTrip:
    def test_plan_apply_change_destroy(self, project: Project, sandbox: Sandbox) -> None:
        """The summary lines to the letter, and exit code 2 where changes are pending and it is asked for."""
        assert (0, "Plan: 1 to add, 0 to change, 0 to destroy.") == code_and_line(project.run("plan"))
        assert 2 == project.run("plan", "--detailed-exitcode").returncode
        assert ([], False) == (sandbox.calls(), (project.root / "state").exists())

        done = "Apply complete! Resources: 1 added, 0 changed, 0 destroyed."
        assert (0, done) == code_and_line(project.run("apply", "--auto-approve"))
        assert (0, NOTHING) == code_and_line(project.run("plan", "--detailed-exitcode"))

        project.declare(alice=LARGE)
        assert (2, "Plan: 0 to add, 1 to change, 0 to destroy.") == code_and_line(
            project.run("plan", "--detailed-exitcode")
        )
        done = "Apply complete! Resources: 0 added, 1 changed, 0 destroyed."
        assert (0, done) == code_and_line(project.run("apply", "--auto-approve"))

        done = "Destroy complete! Resources: 1 destroyed."
        assert (0, done) == code_and_line(project.run("destroy", "--auto-approve", "--accept-loss", "alice"))
        assert ([], {}) == (sandbox.notebooks(), project.recorded())

    def test_streams(self, project: Project) -> None:
        """The plan and the summary are data, progress is not."""
        result = project.run("apply", "--auto-approve")
        assert "  # notebook.alice will be created" in result.stdout.splitlines()
        assert "notebook.alice: Creating..." in result.stderr.splitlines()
        assert "Creating..." not in result.stdout
        assert "will be created" not in result.stderr

    def test_a_run_that_changes_nothing_leaves_every_byte(self, applied: Project) -> None:
        before = applied.bytes_of_state()
        assert ["lab.json"] == list(before)
        for command in (["apply", "--auto-approve"], ["plan"], ["apply", "--auto-approve", "--refresh-only"], ["show"]):
            assert 0 == applied.run(*command).returncode
            assert before == applied.bytes_of_state()

    def test_offline_commands(self, applied: Project, sandbox: Sandbox) -> None:
        """They show what is recorded and send nothing."""
        sandbox.forget()
        identifier = applied.recorded()["notebook.alice"]["id"]
        assert "notebook.alice\nnotebook.bob\n" == applied.run("state", "list").stdout
        assert identifier in applied.run("state", "show", "alice").stdout
        assert identifier in applied.run("show").stdout
        assert 1 == applied.run("state", "show", "nobody").returncode
        assert applied.run("validate").stdout.startswith("Success! The configuration is valid.\n")
        assert [] == sandbox.log()

    def test_a_part_that_fails(self, project: Project, sandbox: Sandbox) -> None:
        """Exit code 1, the rest is done, and the failure stands at the line of the spec that it is about."""
        project.declare(alice={}, bob={"flavor": "modelarts.none"})
        result = project.run("apply", "--auto-approve", "--offline")
        line = "Apply incomplete! Resources: 1 added, 0 changed, 0 destroyed. 1 failed."
        assert (1, line) == code_and_line(result)
        assert "ModelArts.6323" in result.stderr
        assert "specs/lab/notebooks.json:" in result.stderr
        assert [sandbox.only()["id"]] == [record["id"] for record in project.recorded().values()]

    def test_a_spec_error_sends_nothing(self, project: Project, sandbox: Sandbox) -> None:
        project.declare(alice={"flavour": "x"}, bob={"name": "a b"})
        for command in ("plan", "apply", "validate", "destroy"):
            result = project.run(command, *(["--auto-approve"] if command in {"apply", "destroy"} else []))
            assert 1 == result.returncode
            assert "error[E210]: unknown key `flavour`" in result.stderr
            assert "error[E206]" in result.stderr
        assert ([], False) == (sandbox.log(), (project.root / "state").exists())


class TestConsent:
    def test_yes(self, project: Project, sandbox: Sandbox) -> None:
        """The question is on the standard error stream."""
        result = project.run("apply", answer="yes\n")
        assert (0, 1) == (result.returncode, len(sandbox.notebooks()))
        assert "Enter a value:" in result.stderr
        assert "Enter a value:" not in result.stdout

    @pytest.mark.parametrize("answer", ["y\n", ""])
    def test_anything_else(self, project: Project, sandbox: Sandbox, answer: str) -> None:
        """The end of the input too."""
        result = project.run("apply", answer=answer)
        assert 1 == result.returncode
        assert "Apply cancelled" in result.stderr
        assert ([], False) == (sandbox.calls(), (project.root / "state" / "lab.json").exists())

    def test_nobody_to_ask(self, project: Project, sandbox: Sandbox) -> None:
        """Refused at once, before anything is read."""
        for result in (project.run("apply", "--input=false"), project.run("apply", answer="yes\n", CI="true")):
            assert 1 == result.returncode
            assert "add --auto-approve" in result.stderr
        assert [] == sandbox.log()

    def test_a_volume_is_not_lost_unasked(self, applied: Project, sandbox: Sandbox) -> None:
        """A replacement needs --accept-loss, whoever approved it."""
        applied.declare(alice=SMALLER, bob={"tags": {"a": "1"}})
        sandbox.forget()
        for result in (
            applied.run("apply", "--auto-approve"),
            applied.run("apply", answer="yes\n"),
            applied.run("apply", "--auto-approve", "--accept-loss", "bob"),
        ):
            assert 1 == result.returncode
            assert "the plan deletes 1 volume and nobody agreed to that" in result.stderr
            assert "--accept-loss alice" in result.stderr
        assert [] == sandbox.calls()
        line = "Apply complete! Resources: 1 added, 0 changed, 1 destroyed."
        assert (0, line) == code_and_line(applied.run("apply", "--auto-approve", "--accept-loss", "notebook.alice"))
        assert ["delete", "create"] == sandbox.calls()

    def test_destroy(self, applied: Project, sandbox: Sandbox) -> None:
        """The typed names are consent enough; without a question the flag is."""
        assert 1 == applied.run("destroy", "--auto-approve").returncode
        assert 2 == len(sandbox.notebooks())
        line = "Destroy complete! Resources: 2 destroyed."
        assert (0, line) == code_and_line(applied.run("destroy", answer="alice bob\n"))
        assert (0, "Destroy complete! Resources: 0 destroyed.") == code_and_line(
            applied.run("destroy", "--auto-approve", "--accept-loss", "all")
        )


class TestOptions:
    def test_what_is_planned(self, applied: Project, sandbox: Sandbox) -> None:
        """With a change of `alice` declared. Nothing but reads is sent, under --no-refresh nothing at all."""
        applied.declare(alice={"name": "other"}, bob={"tags": {"a": "1"}})
        expected = {
            "--target alice": "Plan: 0 to add, 1 to change, 0 to destroy.",
            "-target=notebook.bob": NOTHING,
            "--exclude alice": NOTHING,
            "--replace bob": "Plan: 1 to add, 1 to change, 1 to destroy.",
            "-replace=huaweicloud_modelarts_notebook.bob -target bob": "Plan: 1 to add, 0 to change, 1 to destroy.",
            "--destroy": "Plan: 0 to add, 0 to change, 2 to destroy.",
            "--refresh-only": "No changes. Your infrastructure still matches the configuration.",
        }
        sandbox.forget()
        found = {options: applied.run("plan", "-detailed-exitcode", *options.split()) for options in expected}
        assert expected == {options: code_and_line(result)[1] for options, result in found.items()}
        assert all(result.returncode == (2 if "Plan: " in result.stdout else 0) for result in found.values())
        assert [] == sandbox.calls()
        sandbox.forget()
        assert (2, expected["--target alice"]) == code_and_line(
            applied.run("plan", "--no-refresh", "-detailed-exitcode")
        )
        assert [] == sandbox.log()

    def test_refresh_only_records_and_changes_nothing(self, applied: Project, sandbox: Sandbox) -> None:
        """Not a single mutating request, and the next plan of that kind finds nothing new."""
        sandbox.drift(applied.recorded()["notebook.alice"]["id"], description="theirs")
        sandbox.forget()
        assert 0 == applied.run("apply", "--refresh-only", "--auto-approve").returncode
        assert [] == sandbox.calls()
        assert "theirs" == applied.recorded()["notebook.alice"]["observed"]["description"]
        line = "No changes. Your infrastructure still matches the configuration."
        assert (0, line) == code_and_line(applied.run("plan", "--refresh-only"))

    def test_a_target_leaves_the_rest_alone(self, project: Project, sandbox: Sandbox) -> None:
        project.declare(alice={}, bob={})
        assert 0 == project.run("apply", "-auto-approve", "-target=bob").returncode
        assert "bob" == sandbox.only()["name"]

    @pytest.mark.parametrize(
        "arguments",
        [
            ["plan", "--nonsense"],
            ["plna"],
            ["plan", "--destroy", "--refresh-only"],
            ["plan", "--refresh-only", "--no-refresh"],
            ["plan", "--target", "nobody"],
            ["plan", "--target", "not an address"],
            ["apply", "--parallelism", "0", "--auto-approve"],
            [],
        ],
    )
    def test_usage_errors(self, project: Project, arguments: list[str]) -> None:
        """Exit code 1, and a word about it on the standard error stream or, for no command at all, the help."""
        result = project.run(*arguments)
        assert 1 == result.returncode
        assert result.stderr or not arguments

    def test_colour(self, project: Project) -> None:
        """None in a pipe unless it is forced, and never against NO_COLOR."""
        assert "\x1b" not in project.run("plan").stdout
        assert "\x1b" in project.run("plan", FORCE_COLOR="1").stdout
        assert "\x1b" not in project.run("plan", FORCE_COLOR="1", NO_COLOR="1").stdout


class TestInterrupts:
    KEYS = ("a", "b", "c", "d", "e", "f")

    @pytest.fixture
    def slow(self, project: Project, sandbox: Sandbox) -> Project:
        """Six creates, one after the other, each long enough to be interrupted."""
        project.declare(**{key: {} for key in self.KEYS})
        sandbox.pace(latency_ms=150, create_ms=400)
        return project

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_gentle_end(self, slow: Project, sandbox: Sandbox, number: signal.Signals) -> None:
        """Exit code 130; what was sent is recorded, nothing else is sent; the next apply does the rest, once."""
        with slow.start("apply", "--auto-approve", "--parallelism=1") as process:
            eventually(lambda: sandbox.calls().count("create") >= 2)
            process.send_signal(number)
            stdout, _ = process.communicate(timeout=30)
        assert 130 == process.returncode
        assert "Apply incomplete!" in stdout
        recorded = {record["id"] for record in slow.recorded().values()}
        assert recorded == {notebook["id"] for notebook in sandbox.notebooks()}
        assert 0 < len(recorded) < len(self.KEYS)
        self.finish(slow, sandbox)

    def test_a_crash(self, slow: Project, sandbox: Sandbox) -> None:
        """Killed in the middle of a create: the journal and a search know what exists."""
        with slow.start("apply", "--auto-approve", "--parallelism=1") as process:
            eventually(lambda: sandbox.calls().count("create") >= 3)
            process.kill()
        assert -signal.SIGKILL == process.returncode
        assert (slow.root / "state" / "lab.journal").exists()
        self.finish(slow, sandbox)

    def finish(self, slow: Project, sandbox: Sandbox) -> None:
        """All exist once and are recorded, the journal is gone, nothing is left to do."""
        sandbox.pace(latency_ms=0, create_ms=5)
        assert 0 == slow.run("apply", "--auto-approve").returncode
        assert sorted(self.KEYS) == sorted(notebook["name"] for notebook in sandbox.notebooks())
        recorded = {address: record["id"] for address, record in slow.recorded().items()}
        assert recorded == {f"notebook.{each['name']}": each["id"] for each in sandbox.notebooks()}
        assert ["lab.json"] == list(slow.bytes_of_state())
        assert (0, NOTHING) == code_and_line(slow.run("plan", "--detailed-exitcode"))

    def test_the_lock(self, project: Project, sandbox: Sandbox) -> None:
        """Held from the question on: another run is refused and told whose it is; a plan is not."""
        with project.start("apply") as process:
            until_it_asks(process)
            refused = project.run("apply", "--auto-approve")
            assert 0 == project.run("plan").returncode
            assert [] == sandbox.calls()
            process.communicate("yes\n", timeout=30)
        assert (0, 1) == (process.returncode, refused.returncode)
        assert "the state is locked by another run" in refused.stderr
        assert "OperationTypeApply" in refused.stderr
        assert ["create"] == sandbox.calls()


class TestEmbedded:
    """`--sandbox`: a simulator of the command's own."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        project = Project(tmp_path)
        project.declare(alice={})
        return project

    def test_it_remembers(self, project: Project) -> None:
        """What one command made the next one finds; no credentials are needed."""
        assert 0 == project.run("apply", "--sandbox", "--auto-approve").returncode
        assert (0, NOTHING) == code_and_line(project.run("plan", "--sandbox", "--detailed-exitcode"))
        destroyed = project.run("destroy", "--sandbox", answer="alice\n")
        assert (0, "Destroy complete! Resources: 1 destroyed.") == code_and_line(destroyed)

    def test_it_ends_with_a_killed_command(self, project: Project) -> None:
        """No simulator is left behind."""
        with project.start("apply", "--sandbox") as process:
            until_it_asks(process)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            assert 1 == len(children)
            process.kill()
            process.communicate()
        eventually(lambda: not _alive(int(children[0])))


def _alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2][:3]
