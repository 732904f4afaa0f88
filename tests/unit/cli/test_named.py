"""Which recorded notebooks the addresses on a command line mean."""

from __future__ import annotations

import pytest

from provisioner.cli.named import by_stack
from provisioner.errors import UsageError
from provisioner.model.address import Address
from provisioner.state.document import Pending, State
from tests.builders import record, state

GPU = {'notebook.gpu["bob"]': record(), 'notebook.gpu["carol"]': record(), "notebook.gpu-big": record()}


def message(asked: Address, *stacks: State) -> str:
    with pytest.raises(UsageError) as caught:
        by_stack([asked], stacks)
    return f"{caught.value.summary} {caught.value.detail} {caught.value.hint}"


def test_a_bare_key_means_all_its_instances() -> None:
    """Those of for_each, and no other key that begins so."""
    lab = state(GPU, stack="lab")
    assert {"lab": (Address("gpu", "bob"), Address("gpu", "carol"))} == by_stack([Address("gpu")], [lab])
    assert {"lab": (Address("gpu", "bob"),)} == by_stack([Address("gpu", "bob")], [lab])


def test_each_address_goes_to_its_stack_once() -> None:
    """In the order in which they are asked for."""
    lab, ops = state({"alice": record(), "bob": record()}, stack="lab"), state({"carol": record()}, stack="ops")
    asked = [Address("bob"), Address("carol"), Address("bob"), Address("alice")]
    assert {"lab": (Address("bob"), Address("alice")), "ops": (Address("carol"),)} == by_stack(asked, [lab, ops])


def test_what_is_not_recorded_is_told_with_what_is_like_it() -> None:
    """Only with what is like it."""
    lab = state({"alice": record(), "bob": record()})
    said = message(Address("alicf"), lab)
    assert "notebook.alicf is not recorded" in said
    assert "is it alice?" in said
    assert "provisioner state list" in message(Address("zzz"), lab)


def test_a_create_that_nobody_saw_is_told() -> None:
    """An apply finds out what became of it."""
    lab = state().with_pending((Pending(address="notebook.alice", at=0, body={}),))
    assert "run provisioner apply" in message(Address("alice"), lab)


def test_one_address_in_two_stacks_is_refused() -> None:
    """Both are named, with the option that chooses."""
    lab, ops = state({"alice": record()}, stack="lab"), state({"alice": record()}, stack="ops")
    said = message(Address("alice"), lab, ops)
    assert "notebook.alice is recorded in 2 stacks: lab, ops" in said
    assert "--specs PATH" in said
