"""`provisioner state`: repairs by hand, and the way back from damage and refused writes. None of it needs a service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.state.document import Deposed, Pending, Record, State
from provisioner.state.local import LocalBackend
from tests.contract.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A recorded stack `lab` with `alice` and `bob`, written in two generations."""
    project = Project(tmp_path)
    backend = backend_of(project)
    for key in ("alice", "bob"):
        snapshot = backend.read()
        record = Record(id=f"id-of-{key}", status="RUNNING", attributes={"name": key})
        backend.write(snapshot.state.with_records({f"notebook.{key}": record}).next(None), replacing=snapshot)
    return project


def backend_of(project: Project, stack: str = "lab") -> LocalBackend:
    return LocalBackend(project.root / "state", stack)


def stored(project: Project) -> State:
    return backend_of(project).read().state


def refused(project: Project, *arguments: str, answer: str = "") -> str:
    """What the command says when it changes nothing."""
    before = project.bytes_of_state()
    result = project.run(*arguments, answer=answer)
    assert (1, "") == (result.returncode, result.stdout)
    assert before == project.bytes_of_state()
    return result.stderr


def done(project: Project, *arguments: str, answer: str = "") -> str:
    result = project.run(*arguments, answer=answer)
    assert 0 == result.returncode, result.stderr
    return result.stdout


def edited(project: Project, **changes: Any) -> str:
    """What `pull` prints, changed on purpose: the digest is taken out."""
    document = json.loads(done(project, "state", "pull")) | changes
    del document["sha256"]
    return json.dumps(document)


class TestMv:
    def test_it_moves_the_record(self, project: Project) -> None:
        """Under a new serial, and how to undo it is said."""
        said = done(project, "state", "mv", "alice", "notebook.carol")
        assert {"notebook.bob": "id-of-bob", "notebook.carol": "id-of-alice"} == ids(stored(project))
        assert 3 == stored(project).serial
        assert "provisioner state restore 2 --stack lab" in said

    @pytest.mark.parametrize(
        ("source", "target", "text"),
        [
            ("nobody", "carol", "notebook.nobody is not recorded"),
            ("alice", "bob", "notebook.bob is recorded already"),
            ("alice", "a b", "is not an address"),
        ],
    )
    def test_what_cannot_be_moved(self, project: Project, source: str, target: str, text: str) -> None:
        assert text in refused(project, "state", "mv", source, target)

    def test_an_instance_of_several_is_named_as_a_shell_wants_it(self, project: Project) -> None:
        """A KEY under `for_each` alone records nothing: one of its instances is shown, in quotes."""
        assert "Moved notebook.alice to" in done(project, "state", "mv", "alice", 'gpu["a b"]')
        said = refused(project, "state", "mv", "gpu", "carol")
        assert "name one of its instances, such as 'notebook.gpu[\"a b\"]'" in said


class TestRm:
    def test_it_forgets_and_says_what_goes_on(self, project: Project) -> None:
        """The instance runs and costs: its id is told."""
        said = done(project, "state", "rm", "alice")
        assert "id-of-alice goes on running, and costing" in said
        assert {"notebook.bob": "id-of-bob"} == ids(stored(project))

    def test_each_instance_that_goes_on_is_told(self, project: Project) -> None:
        """One that was to be deleted too."""
        backend, snapshot = backend_of(project), backend_of(project).read()
        alice = snapshot.state.resources["notebook.alice"]
        held = alice.model_copy(update={"deposed": (Deposed(id="id-before-alice"),)})
        backend.write(snapshot.state.with_records({"notebook.alice": held}).next(None), replacing=snapshot)
        assert "id-before-alice goes on running, and costing" in done(project, "state", "rm", "alice")

    def test_it_can_be_undone(self, project: Project) -> None:
        """With the command that it prints."""
        said = done(project, "state", "rm", "alice", "bob")
        undo = said.rpartition("To undo: provisioner ")[2].split()
        done(project, *undo)
        assert {"notebook.alice": "id-of-alice", "notebook.bob": "id-of-bob"} == ids(stored(project))

    def test_all_or_nothing(self, project: Project) -> None:
        assert "notebook.nobody is not recorded" in refused(project, "state", "rm", "alice", "nobody")

    def test_an_unsettled_create_is_not_forgotten(self, project: Project) -> None:
        """Whether there is an instance has to be found out first."""
        backend, snapshot = backend_of(project), backend_of(project).read()
        pending = (Pending(address="notebook.carol", at=1.0, body={}),)
        backend.write(snapshot.state.with_pending(pending).next(None), replacing=snapshot)
        assert "whether a create of notebook.carol took effect" in refused(project, "state", "rm", "carol")


class TestPullAndPush:
    def test_pull_prints_the_state(self, project: Project) -> None:
        assert (project.root / "state" / "lab.json").read_text() == done(project, "state", "pull")

    def test_pull_knows_the_journal(self, project: Project) -> None:
        """What a run that died did is part of what is recorded."""
        journal = backend_of(project).journal(stored(project))
        journal.outcome(journal.intent("notebook.bob", "delete", 1.0), "notebook.bob", None)
        assert ["notebook.alice"] == list(json.loads(done(project, "state", "pull"))["resources"])
        journal.close()

    def test_a_later_generation_is_taken(self, project: Project) -> None:
        """From the standard input as well; the stack is that of the state itself."""
        done(project, "state", "push", "-", answer=edited(project, serial=3, resources={}))
        assert (3, {}) == (stored(project).serial, ids(stored(project)))
        assert "is this one already" in done(project, "state", "push", "-", answer=stored(project).dumps())

    def test_what_would_lose_something_is_refused(self, project: Project) -> None:
        """An older one, the same serial with other content, another lineage, an edited one that keeps its digest."""
        older, other = edited(project, serial=1), edited(project, resources={})
        for text in (older, other):
            assert "the stored state is newer" in refused(project, "state", "push", "-", answer=text)
        foreign = edited(project, serial=9, lineage="another")
        assert "the state of something else" in refused(project, "state", "push", "-", answer=foreign)
        spoilt = stored(project).dumps().replace("id-of-bob", "id-of-bot")
        assert "edited by hand" in refused(project, "state", "push", "-", answer=spoilt)
        assert "cannot be read" in refused(project, "state", "push", "nowhere.json")

    def test_by_force(self, project: Project) -> None:
        """It gets a serial above all others, and what stood there can be restored."""
        done(project, "state", "push", "--force", "-", answer=edited(project, serial=1, lineage="another"))
        assert ("another", 3) == (stored(project).lineage, stored(project).serial)
        done(project, "state", "restore", "2")
        assert "another" != stored(project).lineage

    def test_instances_of_a_dead_run_are_not_forgotten(self, project: Project) -> None:
        """A state that does not know what the journal knows is refused; one that does is taken."""
        state = stored(project)
        journal = backend_of(project).journal(state)
        carol = Record(id="id-of-carol", status="RUNNING", deposed=(Deposed(id="id-before-carol"),))
        journal.outcome(journal.intent("notebook.carol", "create", 1.0, {}), "notebook.carol", carol)
        journal.intent("notebook.dave", "create", 1.0, {})
        journal.close()
        said = refused(project, "state", "push", "-", answer=state.next(None).dumps())
        assert "notebook.carol id-of-carol" in said
        assert "notebook.carol id-before-carol" in said
        assert "notebook.dave, a create without an answer" in said
        whole = backend_of(project).read().state.next(None)
        done(project, "state", "push", "-", answer=whole.dumps())
        assert (whole, False) == (stored(project), (project.root / "state" / "lab.journal").exists())


class TestHistory:
    def test_the_generations(self, project: Project) -> None:
        """The newest first, with what each holds."""
        path = next((project.root / "state" / "history").glob("lab.1.*"))
        path.write_text("{")
        heading, *rows = done(project, "state", "history").splitlines()
        assert ["SERIAL", "DIGEST", "WRITTEN", "HOLDS"] == heading.split()
        assert [("2", "2 notebooks"), ("1", "damaged")] == [(row.split()[0], row.split(None, 3)[3]) for row in rows]

    def test_restore_is_a_new_generation(self, project: Project) -> None:
        assert "Restored serial 1 as serial 3" in done(project, "state", "restore", "1")
        assert (3, {"notebook.alice": "id-of-alice"}) == (stored(project).serial, ids(stored(project)))

    def test_what_is_not_there(self, project: Project) -> None:
        assert "the history has no serial 7" in refused(project, "state", "restore", "7")

    def test_one_of_several_must_be_named(self, project: Project) -> None:
        """After a state was put back by hand, two generations may have one serial."""
        other = stored(project).with_records({"notebook.bob": None})
        (project.root / "state" / "lab.json").write_text(other.dumps())
        done(project, "state", "mv", "alice", "carol")
        assert "several of serial 2" in refused(project, "state", "restore", "2")
        done(project, "state", "restore", "2", "--digest", other.digest[:8])
        assert other.resources == stored(project).resources


class TestDamage:
    def test_every_command_names_the_way_back(self, project: Project) -> None:
        """And it works, word for word."""
        whole = ids(stored(project))
        path = project.root / "state" / "lab.json"
        path.write_text(path.read_text().replace("id-of-bob", "id-of-bot"))
        commands = (["show"], ["state", "list"], ["state", "rm", "alice"], ["state", "pull"])
        said = [refused(project, *command) for command in commands]
        assert ["is damaged"] * 4 == ["is damaged" for text in said if "is damaged" in text]
        (way_back,) = {text.rpartition("provisioner ")[2].strip() for text in said}
        assert "state restore 2 --stack lab" == way_back
        done(project, *way_back.split())
        assert whole == ids(stored(project))

    def test_a_digest_taken_out_is_an_edit_on_purpose(self, project: Project) -> None:
        """And the next write puts it in again."""
        path = project.root / "state" / "lab.json"
        path.write_text(edited(project, resources={}))
        done(project, "state", "push", "-", answer=edited(project, serial=3))
        assert "sha256" in json.loads(path.read_text())


class TestWhichStack:
    def test_several_must_be_named(self, project: Project) -> None:
        backend = backend_of(project, "prod")
        snapshot = backend.read()
        backend.write(snapshot.state.next(None), replacing=snapshot)
        said = refused(project, "state", "pull")
        assert "there are 2 states: lab, prod" in said
        assert "prod" == json.loads(done(project, "state", "pull", "--stack", "prod"))["stack"]

    def test_nothing_is_recorded(self, tmp_path: Path) -> None:
        result = Project(tmp_path).run("state", "history")
        assert "nothing is recorded" in result.stderr
        assert not (tmp_path / "state").exists()


def ids(state: State) -> dict[str, str]:
    return {address: record.id for address, record in state.resources.items()}
