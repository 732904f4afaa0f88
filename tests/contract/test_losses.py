"""No volume dies unasked: what is said before, what must be typed, and that nothing is sent until then."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.lab import SMALL
from tests.contract.project import Project
from tests.contract.sandbox import Sandbox

DAY = 24 * 3_600_000
SMALLER: dict[str, Any] = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}
ON_SHARE: dict[str, Any] = {
    "pool_id": "pool41664192",
    "volume": {
        "category": "EFS",
        "ownership": "DEDICATED",
        "uri": "share.sfsturbo.internal:/lab",
        "id": "278e88d1-5b71-4766-8502-b3ba72e824d9",
    },
}


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    return Project(tmp_path, sandbox.environ)


def applied(project: Project, sandbox: Sandbox, **notebooks: dict[str, Any]) -> Project:
    project.declare(**notebooks)
    done = project.run("apply", "--auto-approve")
    assert 0 == done.returncode, done.stderr
    sandbox.forget()
    return project


def flat(text: str) -> str:
    """What a screen says, however it is wrapped."""
    return " ".join(text.split())


class TestReplacement:
    def test_it_is_refused_before_anything_is_asked_or_sent(self, project: Project, sandbox: Sandbox) -> None:
        """The plan says what dies, and the safer way; the refusal names address, size and flag."""
        applied(project, sandbox, alice={}).declare(alice=SMALLER)
        refused = project.run("apply", answer="yes\n")
        assert (1, []) == (refused.returncode, sandbox.calls())
        assert "the 50 GB EVS volume at /home/ma-user/work (created less than an hour ago)" in flat(refused.stdout)
        assert "safer: keep the capacity of 50 GB" in refused.stdout
        assert "the plan deletes 1 volume and nobody agreed to that" in refused.stderr
        assert "notebook.alice: 50 GB EVS volume at /home/ma-user/work" in refused.stderr
        assert "--accept-loss alice; or for good in its spec: lifecycle: {allow_data_loss: true}" in refused.stderr
        assert "Enter a value" not in refused.stderr

    def test_its_spec_agrees(self, project: Project, sandbox: Sandbox) -> None:
        applied(project, sandbox, alice={}).declare(alice={**SMALLER, "lifecycle": {"allow_data_loss": True}})
        assert 0 == project.run("apply", "--auto-approve").returncode
        assert ["delete", "create"] == sandbox.calls()

    def test_a_slip_of_the_pen(self, project: Project, sandbox: Sandbox) -> None:
        """Consent for what the plan does not touch changes nothing, though all that dies is agreed to."""
        applied(project, sandbox, alice={}, bob={}).declare(alice=SMALLER, bob={})
        refused = project.run("apply", "--auto-approve", "--accept-loss", "alice", "--accept-loss", "bobb")
        assert (1, []) == (refused.returncode, sandbox.calls())
        assert "--accept-loss bobb: the plan does not touch notebook.bobb" in refused.stderr
        assert "it touches: alice" in refused.stderr

    def test_consent_is_for_one_stack(self, project: Project, sandbox: Sandbox) -> None:
        """Of several it does not say which; `all` is for all of them."""
        applied(project, sandbox, alice={}).declare(alice=SMALLER)
        other = project.root / "specs" / "other"
        other.mkdir()
        (other / "notebooks.json").write_text(json.dumps({"version": 1, "notebooks": {"alice": SMALL}}))
        refused = project.run("apply", "--auto-approve", "--accept-loss", "alice")
        assert (1, []) == (refused.returncode, sandbox.calls())
        assert "--accept-loss alice does not say in which of 2 stacks" in refused.stderr
        assert "name the PATH of one stack, or --accept-loss all" in refused.stderr
        assert 0 == project.run("apply", "specs/lab", "--auto-approve", "--accept-loss", "alice").returncode


class TestRemoval:
    def test_the_safer_way_keeps_the_instance(self, project: Project, sandbox: Sandbox) -> None:
        """The line that the plan offers can be put into the spec as it is."""
        applied(project, sandbox, alice={}, bob={}).declare(bob={})
        sandbox.advance(41 * DAY)
        planned = project.run("plan")
        assert "removed: [{from: alice, destroy: false}]" in planned.stdout
        file = project.root / "specs" / "lab" / "notebooks.json"
        spec = json.loads(file.read_text())
        spec["removed"] = [{"from": "alice", "destroy": False}]
        file.write_text(json.dumps(spec))
        done = project.run("apply", "--auto-approve")
        assert 0 == done.returncode, done.stderr
        assert (2, ["notebook.bob"]) == (len(sandbox.notebooks()), list(project.recorded()))
        assert "delete" not in sandbox.calls()


class TestDestroy:
    def destroy(self, project: Project, answer: str, *options: str) -> subprocess.CompletedProcess[str]:
        return project.run("destroy", *options, answer=answer)

    def test_yes_is_not_enough(self, project: Project, sandbox: Sandbox) -> None:
        """Nothing is changed, and what is to be typed is said twice."""
        applied(project, sandbox, alice={}, bob={})
        for answer in ("yes\n", "alice\n", "\n", "alice carol\n"):
            refused = self.destroy(project, answer)
            assert (1, []) == (refused.returncode, sandbox.calls())
            assert "Destroy cancelled" in refused.stderr
            assert "Nothing was changed." in refused.stderr
            demand = "2 volumes are deleted. To confirm, type the keys of the notebooks: alice bob"
            assert 2 == refused.stderr.count(demand)
        done = self.destroy(project, "bob, notebook.alice\n")
        assert (0, []) == (done.returncode, sandbox.notebooks())

    def test_the_name_of_the_stack_for_many(self, project: Project, sandbox: Sandbox) -> None:
        applied(project, sandbox, **{key: {} for key in "abcdef"})
        assert 1 == self.destroy(project, "a b c d e f\n").returncode
        done = self.destroy(project, "lab\n")
        assert (0, []) == (done.returncode, sandbox.notebooks())

    def test_yes_where_no_volume_dies(self, project: Project, sandbox: Sandbox) -> None:
        applied(project, sandbox, alice=ON_SHARE)
        done = self.destroy(project, "yes\n")
        assert (0, []) == (done.returncode, sandbox.notebooks())
        assert "Only 'yes' will be accepted to confirm." in done.stderr

    def test_yes_for_what_was_agreed_to_already(self, project: Project, sandbox: Sandbox) -> None:
        """Only what was not is asked for."""
        applied(project, sandbox, alice={}, bob={})
        assert 1 == self.destroy(project, "yes\n", "--accept-loss", "alice").returncode
        assert 0 == self.destroy(project, "bob\n", "--accept-loss", "alice").returncode
        applied(project, sandbox, alice={})
        assert 0 == self.destroy(project, "yes\n", "--accept-loss", "alice").returncode

    def test_a_spec_does_not_agree_to_the_end_of_its_notebook(self, project: Project, sandbox: Sandbox) -> None:
        applied(project, sandbox, alice={"lifecycle": {"allow_data_loss": True}})
        refused = project.run("destroy", "--auto-approve")
        assert (1, []) == (refused.returncode, sandbox.calls())
        assert "--accept-loss alice" in refused.stderr
