"""Which instance is recorded at an address: none is dropped before it is gone."""

from __future__ import annotations

from provisioner.model.observation import GONE
from provisioner.state.document import Deposed
from provisioner.succession import disposed, ended, restored, succeeded
from tests.builders import instance_id, record


def deposed(*numbers: int) -> tuple[Deposed, ...]:
    return tuple(Deposed(id=instance_id(number)) for number in numbers)


def test_the_first_has_nobody_before_it() -> None:
    assert () == succeeded(record(number=2), None).deposed


def test_whoever_is_succeeded_is_deposed() -> None:
    """After those that it deposed itself."""
    former = record(number=2).model_copy(update={"deposed": deposed(1)})
    assert deposed(1, 2) == succeeded(record(number=3), former).deposed


def test_one_that_is_gone_is_not_deposed() -> None:
    former = record(number=2).model_copy(update={"deposed": deposed(1), "status": GONE})
    assert deposed(1) == succeeded(record(number=3), former).deposed


def test_a_failed_successor_is_deposed_in_its_turn() -> None:
    former = record(number=2)
    assert former.model_copy(update={"deposed": deposed(3)}) == restored(former, record(number=3))


def test_an_end_leaves_those_that_are_still_to_be_deleted() -> None:
    """They are recorded under the id of one that is gone; without them nothing is."""
    alone = record(number=2)
    last = ended(alone.model_copy(update={"deposed": deposed(1)}))
    assert None is ended(alone)
    assert last is not None
    assert (GONE, deposed(1)) == (last.status, last.deposed)
    assert None is disposed(last, instance_id(1))


def test_a_disposal_leaves_the_one_in_its_place() -> None:
    alone = record(number=2)
    assert alone == disposed(alone.model_copy(update={"deposed": deposed(1)}), instance_id(1))
