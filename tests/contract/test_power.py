"""start, stop and extend as people use them: what they send, what they say, and that no plan undoes them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.project import Project, eventually, until_it_asks
from tests.contract.sandbox import Sandbox

NOTHING = "No changes. Your infrastructure matches the configuration."
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
MOUNT = {"category": "OBS", "uri": "obs://bucket/dir/", "mount_path": "/data/sets/"}
ALICE = {"lease": {"duration": "8h"}, "storages": [MOUNT]}


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    """One where `alice` runs with a lease and a mount."""
    project = Project(tmp_path, sandbox.environ)
    apply(project, alice=ALICE)
    sandbox.forget()
    return project


def apply(project: Project, **notebooks: dict[str, Any]) -> None:
    project.declare(**notebooks)
    result = project.run("apply", "--auto-approve")
    assert 0 == result.returncode, result.stderr


def done(result: subprocess.CompletedProcess[str]) -> str:
    """What a command that ended well printed."""
    assert 0 == result.returncode, result.stdout + result.stderr
    return result.stdout


def refused(result: subprocess.CompletedProcess[str]) -> str:
    assert 1 == result.returncode, result.stdout
    return result.stderr


def planned(project: Project) -> str:
    """What an empty plan says."""
    screen = done(project.run("plan", "--detailed-exitcode"))
    assert NOTHING in screen
    return screen


def by_hand(project: Project, key: str = "alice") -> Any:
    return project.recorded()[f"notebook.{key}"].get("by_hand", {})


def lease_hours(sandbox: Sandbox) -> float:
    """What the service counts from now."""
    lease = sandbox.only()["lease"]
    counted: int = lease["duration"] - (lease["update_at"] - lease["create_at"])
    return counted / HOUR_MS


def test_stop_and_start_cause_no_drift(project: Project, sandbox: Sandbox) -> None:
    """A stopped notebook stays stopped, whatever runs in between; started again it is as declared, mounts and all."""
    assert "Apply complete! Resources: 0 added, 1 changed, 0 destroyed." in done(
        project.run("stop", "alice", "--auto-approve")
    )
    assert (["stop"], "STOPPED") == (sandbox.calls(), sandbox.only()["status"])
    assert {"desired_status": "STOPPED"} == by_hand(project)
    assert "provisioner start alice" in planned(project)
    done(project.run("apply", "--auto-approve"))
    assert {"desired_status": "STOPPED"} == by_hand(project)

    sandbox.forget()
    assert "notebook.alice runs until" in done(project.run("start", "notebook.alice"))
    assert (["start", "attach-storage"], 8) == (sandbox.calls(), lease_hours(sandbox))
    assert {} == by_hand(project)
    assert "provisioner start" not in planned(project)


def test_an_apply_for_other_reasons_leaves_the_power_as_it_is(project: Project, sandbox: Sandbox) -> None:
    """A notebook that was stopped by hand gets its new flavor, and stays stopped."""
    done(project.run("stop", "alice", "--auto-approve"))
    sandbox.forget()
    apply(project, alice={**ALICE, "flavor": "modelarts.vm.cpu.8u"})
    assert (["update"], "STOPPED") == (sandbox.calls(), sandbox.only()["status"])
    assert "provisioner start alice" in planned(project)


def test_what_is_so_already_sends_nothing(project: Project, sandbox: Sandbox) -> None:
    """It is said, with exit code 0; a stop is still remembered."""
    before = project.bytes_of_state()
    assert "notebook.alice runs already." in done(project.run("start", "alice"))
    assert ([], before) == (sandbox.calls(), project.bytes_of_state())
    done(project.run("stop", "alice", "--auto-approve"))
    sandbox.forget()
    assert "notebook.alice is stopped already." in done(project.run("stop", "alice", "--auto-approve"))
    assert ([], {"desired_status": "STOPPED"}) == (sandbox.calls(), by_hand(project))


def test_stop_says_what_is_lost_and_asks(project: Project, sandbox: Sandbox) -> None:
    """Anything but yes leaves all as it was; where nobody can be asked the flag is asked for."""
    before = project.bytes_of_state()
    result = project.run("stop", "alice", answer="no\n")
    assert "Apply cancelled" in refused(result)
    assert "what is outside /home/ma-user/work is lost" in result.stdout
    assert "add --auto-approve" in refused(project.run("stop", "alice", "--input=false"))
    assert ([], before) == (sandbox.calls(), project.bytes_of_state())
    done(project.run("stop", "alice", answer="yes\n"))
    assert ["stop"] == sandbox.calls()


def test_start_after_the_lease_ended(project: Project, sandbox: Sandbox) -> None:
    """What its lease stopped is left alone by plans, and started by start."""
    sandbox.advance(9 * HOUR_MS)
    assert "stopped by its lease" in planned(project)
    done(project.run("start", "alice"))
    assert ("RUNNING", {}) == (sandbox.only()["status"], by_hand(project))
    planned(project)


def test_start_of_what_is_declared_stopped(project: Project, sandbox: Sandbox) -> None:
    """It runs until the spec says something else."""
    apply(project, alice={"desired_status": "STOPPED"})
    done(project.run("start", "alice"))
    assert {"desired_status": "RUNNING"} == by_hand(project)
    assert "provisioner stop alice" in planned(project)
    apply(project, alice={"desired_status": "UNMANAGED"})
    assert ("RUNNING", {}) == (sandbox.only()["status"], by_hand(project))


def test_extend_counts_the_declared_lease_anew(project: Project, sandbox: Sandbox) -> None:
    """It says until when the notebook runs now, and how long that is."""
    sandbox.advance(HOUR_MS)
    screen = done(project.run("extend", "alice"))
    assert re.search(r"notebook\.alice runs until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(\w+ from now\)\.", screen)
    assert (["renew-lease"], 8, {}) == (sandbox.calls(), lease_hours(sandbox), by_hand(project))
    planned(project)


def test_extend_for_another_time_holds_until_the_next_start(project: Project, sandbox: Sandbox) -> None:
    """No plan shortens it; a start counts the declared lease again."""
    done(project.run("extend", "alice", "--for", "10h"))
    lease = {"lease": {"type": "TIMING", "duration": 10 * HOUR_MS}}
    assert (10, lease) == (lease_hours(sandbox), by_hand(project))
    planned(project)
    done(project.run("stop", "alice", "--auto-approve"))
    done(project.run("start", "alice"))
    assert (8, {}) == (lease_hours(sandbox), by_hand(project))
    planned(project)


def test_a_refused_call_is_not_remembered(project: Project, sandbox: Sandbox) -> None:
    """The notebook runs on, and no later plan believes that it was stopped by hand."""
    sandbox.fault("stop", "fail", status=400, code="ModelArts.6326", message="frozen")
    result = project.run("stop", "alice", "--auto-approve")
    assert "ModelArts.6326: frozen" in refused(result)
    assert "Give the command again" in result.stdout
    assert ("RUNNING", {}) == (sandbox.only()["status"], by_hand(project))
    planned(project)


def test_a_lost_answer_is_looked_into(project: Project, sandbox: Sandbox) -> None:
    """The call took effect: it is not sent again, and counts."""
    sandbox.fault("stop", "lose")
    done(project.run("stop", "alice", "--auto-approve"))
    assert (["stop"], {"desired_status": "STOPPED"}) == (sandbox.calls(), by_hand(project))


def test_no_secret_is_recorded(project: Project) -> None:
    """A start sends the value of a sensitive variable, and records and shows a digest of it."""
    spec = project.root / "specs" / "lab" / "notebooks.json"
    document = json.loads(spec.read_text())
    document["variables"] = {"bucket": {"type": "string", "sensitive": True, "default": "moonshot"}}
    document["notebooks"]["alice"]["storages"][0]["uri"] = "obs://${var.bucket}/dir/"
    spec.write_text(json.dumps(document))
    done(project.run("apply", "--auto-approve"))
    done(project.run("stop", "alice", "--auto-approve"))
    assert "moonshot" not in done(project.run("start", "alice"))
    assert [] == [
        path for path in project.root.glob("state/**/*") if path.is_file() and b"moonshot" in path.read_bytes()
    ]
    planned(project)


def test_a_kill_after_the_call_loses_nothing(project: Project, sandbox: Sandbox) -> None:
    """The next plan knows that the notebook was stopped by hand; the lock told others what was under way."""
    sandbox.pace(stop_ms=MINUTE_MS)
    process = project.start("stop", "alice", "--auto-approve")
    try:
        eventually(lambda: sandbox.calls() == ["stop"])
        assert "OperationTypeStop" in refused(project.run("start", "alice"))
    finally:
        process.kill()
        process.communicate()
    sandbox.advance(MINUTE_MS)
    assert "STOPPED" == sandbox.only()["status"]
    assert "provisioner start alice" in planned(project)


def test_a_kill_before_the_call_claims_nothing(project: Project, sandbox: Sandbox) -> None:
    """The notebook runs, and the next plan says nothing of a stop."""
    sandbox.fault("stop", "hang", when="before")
    process = project.start("stop", "alice", "--auto-approve")
    try:
        eventually(lambda: by_hand(project) == {"desired_status": "STOPPED"})
    finally:
        process.kill()
        process.communicate()
    assert "RUNNING" == sandbox.only()["status"]
    assert "provisioner start" not in planned(project)


def test_ctrl_c_leaves_what_was_sent_to_be_seen(project: Project, sandbox: Sandbox) -> None:
    """Exit code 130; the notebook stops, and stays stopped."""
    sandbox.pace(stop_ms=MINUTE_MS)
    process = project.start("stop", "alice", "--auto-approve")
    eventually(lambda: sandbox.calls() == ["stop"])
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert 130 == process.returncode
    sandbox.advance(MINUTE_MS)
    done(project.run("apply", "--auto-approve"))
    assert ("STOPPED", {"desired_status": "STOPPED"}) == (sandbox.only()["status"], by_hand(project))


def test_a_signal_at_the_question_changes_nothing(project: Project, sandbox: Sandbox) -> None:
    """Exit code 130, no call, every byte as it was."""
    before = project.bytes_of_state()
    process = project.start("stop", "alice")
    until_it_asks(process)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert (130, [], before) == (process.returncode, sandbox.calls(), project.bytes_of_state())


def test_a_key_means_all_its_instances(project: Project, sandbox: Sandbox) -> None:
    """Under for_each; one of them has an address of its own."""
    apply(project, alice=ALICE, gpu={"for_each": ["bob", "carol"], "name": "gpu-${each.key}"})
    done(project.run("stop", "gpu", "--auto-approve"))
    done(project.run("start", 'gpu["bob"]'))
    assert {"alice": "RUNNING", "gpu-bob": "RUNNING", "gpu-carol": "STOPPED"} == {
        notebook["name"]: notebook["status"] for notebook in sandbox.notebooks()
    }
    planned(project)
    screen = done(project.run("start", "gpu"))
    assert re.search(r'Left as it is:\n +notebook\.gpu\["bob"\] +runs already', screen)
    assert 'notebook.gpu["carol"] runs until' in screen


def test_what_cannot_be_done_sends_nothing(project: Project, sandbox: Sandbox) -> None:
    """One notebook that is frozen holds back the others that were named, and is told with the mend."""
    apply(project, alice=ALICE, bob={"desired_status": "STOPPED"})
    bob = project.recorded()["notebook.bob"]["id"]
    sandbox.happen(bob, "freeze")
    sandbox.forget()
    said = refused(project.run("stop", "alice", "bob", "--auto-approve"))
    assert "error[E532]: notebook.bob cannot be stopped: it is FROZEN" in said
    assert "arrears" in said
    assert [] == sandbox.calls()


@pytest.fixture(scope="class")
def running(shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One notebook for all tests of a class: none of them does anything to it."""
    shared_sandbox.reset()
    project = Project(tmp_path_factory.mktemp("power"), shared_sandbox.environ)
    apply(project, alice=ALICE)
    shared_sandbox.forget()
    return project


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["start", "alicf"], "is it alice?"),
            (["start", "not an address"], "'not an address' is not an address"),
            (["start", "gpu[bob]"], "quoted, or a shell takes the inner quotes away: 'gpu[\"bob\"]'"),
            (["start"], "Missing argument 'ADDR...'"),
            (["extend", "alice", "--for", "soon"], "write a duration: 90m, 4h, 1h30m"),
            (["extend", "alice", "--for", "100h"], "TIMING lasts 1h to 72h"),
            (["stop", "alice", "--auto-approve", "--specs", "elsewhere"], "elsewhere does not exist"),
        ],
    )
    def test_it_is_told(self, running: Project, shared_sandbox: Sandbox, arguments: list[str], said: str) -> None:
        """Nothing is sent."""
        assert said in refused(running.run(*arguments))
        assert [] == shared_sandbox.calls()
