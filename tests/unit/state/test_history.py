"""The generations beside a state, and what they are for: damage that costs nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.errors import StateDamaged, StateError
from provisioner.state.document import Pending, Record, State, parse_state
from provisioner.state.local import LocalBackend

ALICE = Record(id="a", status="RUNNING")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def backend(directory: Path) -> LocalBackend:
    return LocalBackend(directory, "lab")


def write(backend: LocalBackend, times: int = 1) -> State:
    """Generations that differ: each has one record more."""
    for _ in range(times):
        snapshot = backend.read()
        records = {f"notebook.k{len(snapshot.state.resources)}": ALICE}
        backend.write(snapshot.state.with_records(records).next(None), replacing=snapshot)
    return backend.read().state


def kept(backend: LocalBackend) -> list[int]:
    return [generation.serial for generation in backend.history()]


def test_each_generation_is_kept(directory: Path, backend: LocalBackend) -> None:
    """Under its serial and digest, and it reads back as it was."""
    first, second = write(backend), write(backend)
    names = {f"lab.{state.serial}.{state.digest[:8]}.json" for state in (first, second)}
    assert names == {path.name for path in (directory / "history").iterdir()}
    assert [second, first] == [generation.read() for generation in backend.history()]


def test_the_last_ten_are_kept(backend: LocalBackend) -> None:
    write(backend, times=13)
    assert list(range(13, 3, -1)) == kept(backend)


def test_stacks_share_the_directory(directory: Path, backend: LocalBackend) -> None:
    """One does not prune or show what belongs to another whose name begins alike."""
    other = LocalBackend(directory, "lab.2")
    write(other)
    write(backend, times=12)
    assert (10, 1) == (len(backend.history()), len(other.history()))


def test_a_copy_is_no_link(directory: Path, backend: LocalBackend) -> None:
    """An editor that writes in place spoils the state and not its copy."""
    state = write(backend)
    with (directory / "lab.json").open("r+b") as file:
        file.write(b"XXXX")
    assert state == backend.history()[0].read()


def test_a_generation_that_could_not_be_kept_is_kept_by_the_next_write(directory: Path, backend: LocalBackend) -> None:
    """As when a run dies right after its rename, or the state is from before there was a history."""
    first = write(backend)
    shutil.rmtree(directory / "history")
    write(backend)
    assert first == backend.history()[1].read()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _data: b"",
    "zeros": lambda data: b"\0" * len(data),
    "cut": lambda data: data[: len(data) // 2],
    "flipped": lambda data: data.replace(b"RUNNING", b"RUNNINF"),
    "edited": lambda data: data.replace(b'"id": "a"', b'"id": "b"'),
    "foreign stack": lambda _data: State.empty("prod").dumps().encode(),
    "Terraform's": lambda _data: b'{"version": 4}',
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_refused_with_the_way_back(directory: Path, backend: LocalBackend, damage: str) -> None:
    """The message names the newest good copy and the command; after it nothing is lost, and the damage is kept."""
    write(backend)
    state = write(backend)
    path = directory / "lab.json"
    spoilt = DAMAGE[damage](path.read_bytes())
    path.write_bytes(spoilt)
    with pytest.raises(StateDamaged, match=r"lab\.json") as caught:
        backend.read()
    assert f"lab.2.{state.digest[:8]}.json is good: provisioner state restore 2 --stack lab" in caught.value.hint
    assert spoilt == path.read_bytes()
    restored = backend.restore(backend.history()[0].read())
    assert (state.resources, state.lineage, 3) == (restored.resources, restored.lineage, restored.serial)
    assert restored == backend.read().state
    aside = [each.read_bytes() for each in (directory / "history").glob("lab.damaged.*.json")]
    assert [spoilt] * bool(spoilt) == aside


def test_a_missing_state_is_no_empty_one(directory: Path, backend: LocalBackend) -> None:
    """All that it recorded would be created once more."""
    state = write(backend)
    (directory / "lab.json").unlink()
    with pytest.raises(StateDamaged, match="is missing") as caught:
        backend.read()
    assert "provisioner state restore 1 --stack lab" in caught.value.hint
    assert state.resources == backend.restore(state).resources


def test_a_newer_state_is_not_replaced_by_an_older_copy(directory: Path, backend: LocalBackend) -> None:
    """It is no damage: the version that wrote it reads it."""
    state = write(backend)
    (directory / "lab.json").write_text(state.dumps().replace("state/1", "state/2"), encoding="utf-8")
    for attempt in (backend.read, lambda: backend.restore(state)):
        with pytest.raises(StateError, match="cannot be read by this version") as caught:
            attempt()
        assert "the version of provisioner that wrote it" in caught.value.hint


def test_a_damaged_copy_is_passed_over(directory: Path, backend: LocalBackend) -> None:
    write(backend, times=3)
    for path in (directory / "lab.json", *(directory / "history").glob("lab.3.*")):
        path.write_bytes(b"{")
    with pytest.raises(StateDamaged) as caught:
        backend.read()
    assert "provisioner state restore 2" in caught.value.hint
    with pytest.raises(StateDamaged, match=r"lab\.3\."):
        backend.history()[0].read()


def test_a_journal_continues_the_copy_of_its_state(directory: Path, backend: LocalBackend) -> None:
    """A run died and then the state was spoilt: what the journal holds is in the restored state."""
    state = write(backend)
    journal = backend.journal(state)
    journal.outcome(journal.intent("notebook.bob", "create", 1.0, {}), "notebook.bob", ALICE)
    journal.intent("notebook.carol", "create", 2.0, {"name": "carol"})
    (directory / "lab.json").write_bytes(b"")
    restored = backend.restore(backend.history()[0].read())
    assert {"notebook.k0", "notebook.bob"} == set(restored.resources)
    assert (Pending(address="notebook.carol", at=2.0, body={"name": "carol"}),) == restored.pending
    assert not (directory / "lab.journal").exists()
    journal.close()


def test_a_journal_that_would_be_lost_prevents_a_restore(directory: Path, backend: LocalBackend) -> None:
    """To go back further than the journal would forget what the dead run made."""
    first, second = write(backend), write(backend)
    journal = backend.journal(second)
    journal.outcome(journal.intent("notebook.bob", "create", 1.0, {}), "notebook.bob", ALICE)
    journal.close()
    with pytest.raises(StateError, match="stands in its journal alone"):
        backend.restore(first)
    (directory / "lab.json").write_bytes(b"")
    with pytest.raises(StateError, match="belongs to another state"):
        backend.restore(first)
    assert (directory / "lab.journal").exists()


def test_restoring_is_a_new_generation(backend: LocalBackend) -> None:
    """The serial grows, what was there before the restore is kept, and can be restored in turn."""
    first, second = write(backend), write(backend)
    restored = backend.restore(first)
    assert (3, first.resources) == (restored.serial, restored.resources)
    assert [3, 2, 1] == kept(backend)
    assert second.resources == backend.restore(second).resources


def test_the_second_of_two_writers_loses_between_check_and_rename(directory: Path, backend: LocalBackend) -> None:
    """What another run wrote while this one wrote its temporary file is seen right before the rename."""
    write(backend)
    snapshot = backend.read()
    theirs = snapshot.state.with_records({"notebook.bob": ALICE})

    class Racing(State):
        """Another run writes at the moment in which this state is spelt."""

        def dumps(self) -> str:
            if directory.joinpath("lab.json").read_text() == snapshot.state.dumps():
                LocalBackend(directory, "lab").write(theirs.next(None), replacing=snapshot)
            return super().dumps()

    mine = Racing.model_validate(snapshot.state.next(None).model_dump())
    with pytest.raises(StateError, match="changed by another run"):
        backend.write(mine, replacing=snapshot)
    assert theirs.resources == parse_state((directory / "lab.json").read_bytes(), "S").resources
    assert [".lab.json.new"] != [path.name for path in directory.glob(".*")]
