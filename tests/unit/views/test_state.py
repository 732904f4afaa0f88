"""The recorded state as text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from provisioner.errors import StateError
from provisioner.state.document import Cloud, Deposed, State
from provisioner.views.state import state_list, state_show, state_table
from tests.builders import instance_id, notebook, parsed, record, state

Agrees = Callable[[str, str], None]


@pytest.fixture
def lab() -> State:
    """Three notebooks of different kinds."""
    pooled = notebook("carol", flavor=None, pool_id="pool41664192", custom_spec={"cpu": 2.5, "memory": 4096})
    found = state(
        {
            "alice": record(notebook("alice", tags={"team": "vision"}, lease={"duration": "8h"})),
            "carol": record(pooled, 3).model_copy(update={"protected": True, "incomplete": True}),
            'gpu["bob"]': record(notebook("gpu"), 2, status="STOPPED"),
        }
    )
    return found.model_copy(update={"cloud": Cloud(region="cn-north-4", project_id="p")})


def test_table(lab: State, agrees: Agrees) -> None:
    """One line for each notebook with its id, status and flavor."""
    agrees("state/table.txt", state_table(lab))


def test_one(lab: State, agrees: Agrees) -> None:
    """One notebook with what the service said of it too."""
    agrees("state/show.txt", state_show(lab, parsed("carol")))


def test_list(lab: State) -> None:
    """Addresses alone, sorted, one a line."""
    assert state_list(lab) == 'notebook.alice\nnotebook.carol\nnotebook.gpu["bob"]\n'


def test_every_id_and_status_is_in_the_table(lab: State) -> None:
    """Whoever looks for an instance in the console finds its whole id."""
    rows = [line.split()[:3] for line in state_table(lab).splitlines()[3:]]
    assert rows == [
        ["notebook.alice", instance_id(1), "RUNNING"],
        ["notebook.carol", instance_id(3), "RUNNING"],
        ['notebook.gpu["bob"]', instance_id(2), "STOPPED"],
    ]


def test_deposed_instances_are_shown() -> None:
    """They exist and cost until they are deleted."""
    held = record(number=2).model_copy(update={"deposed": (Deposed(id=instance_id(1)),)})
    lab = state({"alice": held})
    assert ["notebook.alice", "(deposed)", instance_id(1)] == state_table(lab).splitlines()[-1].split()
    assert f'= [\n        "{instance_id(1)}",\n    ]' in state_show(lab, parsed("alice"))


def test_nothing_recorded() -> None:
    """An empty state says so and has no empty table."""
    assert state_table(state(serial=0)) == "Stack lab, serial 0: nothing recorded\n"
    assert "" == state_list(state())


def test_an_unknown_address_is_refused(lab: State) -> None:
    """What is not recorded cannot be shown."""
    with pytest.raises(StateError, match=r"notebook\.dave is not recorded"):
        state_show(lab, parsed("dave"))


def test_foreign_text_cannot_act_on_the_terminal() -> None:
    """A state that somebody tampered with is shown, not obeyed."""
    found = record(notebook("alice", tags={"a": "b"})).model_copy(
        update={"status": "\x1b[2J\nx", "attributes": {"na\u202eme": "\x1b[2J\n", "flavor": "\x9b1m"}}
    )
    evil = state({"alice": found}).with_records({'notebook.gpu["\x1b[2J\n"]': found})
    screens = [state_table(evil), state_list(evil), state_show(evil, parsed("alice"))]
    assert not {"\x1b", "\x9b", "\u202e"} & set("".join(screens))
    assert len(state_list(evil).splitlines()) == 2
    assert len(state_table(evil).splitlines()) == 5
