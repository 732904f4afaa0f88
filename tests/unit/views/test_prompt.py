"""The questions before anything is changed, and which answers are a yes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from provisioner.plan import Mode, Options, Plan
from provisioner.planning.losses import unconsented
from provisioner.views.prompt import demand, is_consent, question
from tests.builders import planned

Agrees = Callable[[str, str], None]

DESTROY = Options(Mode.DESTROY)


def destroying(*keys: str) -> Plan:
    return planned({key: {"name": f"{key[:2]}-machine"} for key in keys}, options=DESTROY)


def consents(answer: str, keys: Sequence[str]) -> bool:
    plan = destroying(*keys)
    return is_consent(answer, plan, unconsented(plan, ()))


@pytest.mark.parametrize("mode", Mode)
def test_question(mode: Mode, agrees: Agrees) -> None:
    """It names what follows and the one answer that is accepted."""
    agrees(f"prompt/{mode}.txt", question(replace(destroying(), mode=mode)))


@pytest.mark.parametrize(
    ("name", "keys"),
    [("one", ["alice"]), ("few", ["alice", "bob", 'gpu["a b"]']), ("many", ["a", "b", "c", "d", "e", "f"])],
)
def test_question_before_volumes_die(name: str, keys: Sequence[str], agrees: Agrees) -> None:
    """It names what is to be typed."""
    plan = destroying(*keys)
    agrees(f"prompt/destroy-{name}.txt", question(plan, unconsented(plan, ())))


@pytest.mark.parametrize(
    ("answer", "agreed"), [("yes\n", True), (" yes ", True), ("y", False), ("YES", False), ("", False)]
)
def test_yes(answer: str, agreed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Where no volume dies nothing else is accepted."""
    assert agreed is is_consent(answer, destroying("alice"))


@pytest.mark.parametrize(
    "answer",
    ["alice\n", " alice ", "notebook.alice", "huaweicloud_modelarts_notebook.alice", "al-machine", "alice alice"],
)
def test_one_is_named(answer: str) -> None:
    """By its key, its address or its name."""
    assert consents(answer, ["alice"])


@pytest.mark.parametrize("answer", ["yes", "", "\n", "alic", "alice bob", "lab", "all", "alice;", "Alice", "alice yes"])
def test_one_is_not_named(answer: str) -> None:
    assert not consents(answer, ["alice"])


@pytest.mark.parametrize(
    "answer", ["alice bob", "bob, alice", "alice,bob", "notebook.bob al-machine", "alice  bob,\n", "bob alice bob"]
)
def test_few_are_all_named(answer: str) -> None:
    """In any order, with spaces or commas between them."""
    assert consents(answer, ["alice", "bob"])


@pytest.mark.parametrize("answer", ["yes", "alice", "alice bob carol", "lab", "alicebob"])
def test_few_are_not_all_named(answer: str) -> None:
    assert not consents(answer, ["alice", "bob"])


@pytest.mark.parametrize("answer", ['gpu["a b"] gpu["c,d"]', 'notebook.gpu["c,d"],gpu["a b"]'])
def test_instances_of_one_block_are_named(answer: str) -> None:
    """What is in the brackets may hold spaces and commas."""
    assert consents(answer, ['gpu["a b"]', 'gpu["c,d"]'])
    assert not consents("gpu", ['gpu["a b"]', 'gpu["c,d"]'])


def test_many_are_agreed_to_with_the_name_of_the_stack() -> None:
    keys = "abcdef"
    assert consents("lab\n", keys)
    assert not consents(" ".join(keys), keys)
    assert not consents("yes", keys)


def test_a_name_that_two_have_names_neither() -> None:
    """Names are not unique (API page 21, trap 1); nor does the name of one stand for another that has it as its key."""
    twins = planned({"alice": {"name": "bob"}, "carol": {"name": "bob"}}, options=DESTROY)
    losers = unconsented(twins, ())
    assert not is_consent("bob", twins, losers)
    crossed = planned({"alice": {"name": "bob"}, "bob": {"name": "alice"}}, options=DESTROY)
    assert not is_consent("bob", crossed, unconsented(crossed, ()))
    assert is_consent("bob alice", crossed, unconsented(crossed, ()))


def test_every_volume_counts() -> None:
    """Extra ones too."""
    disk = {"category": "EVS", "ownership": "MANAGED", "capacity": 100, "mount_path": "/data/disk/"}
    plan = planned({"alice": {"data_volumes": [disk]}}, options=DESTROY)
    expected = "2 volumes are deleted. To confirm, type the key of the notebook: alice"
    assert expected == demand(plan, unconsented(plan, ()))
