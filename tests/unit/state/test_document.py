"""The state as a value and its one spelling."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner.errors import StateDamaged, StateError
from provisioner.state.document import Cloud, Pending, Record, State, parse_state

ALICE = Record(id="a", status="RUNNING", attributes={"name": "алиса", "x": None}, observed={"volume": {"capacity": 5}})
TEXT = """\
{
  "format": "provisioner.state/1",
  "lineage": "l",
  "resources": {
    "notebook.alice": {
      "attributes": {
        "name": "алиса",
        "x": null
      },
      "id": "a",
      "observed": {
        "volume": {
          "capacity": 5
        }
      },
      "protected": false,
      "status": "RUNNING"
    }
  },
  "serial": 3,
  "stack": "lab"
}
"""
DIGEST = "241ef21dec877d7b0d772d14c12b8712dbcefa7edcbfffe45a5327060544a095"
SPELT = TEXT.replace('"serial": 3,', f'"serial": 3,\n  "sha256": "{DIGEST}",')


def state(**fields: Any) -> State:
    given = {"lineage": "l", "serial": 3, "stack": "lab", "resources": {"notebook.alice": ALICE}} | fields
    return State.model_validate(given)


def test_the_spelling() -> None:
    """Sorted, two spaces, UTF-8 as it is, one newline at the end, its digest, no key that says nothing."""
    assert SPELT == state().dumps()
    assert DIGEST == state().digest


def test_a_state_without_a_digest_is_read_and_gets_one() -> None:
    """The first versions wrote none."""
    assert SPELT == parse_state(TEXT.encode(), "S").dumps()


def test_the_digest_is_of_what_is_said() -> None:
    """Line ends and indentation, which git and editors change, are no damage."""
    for spelt in (SPELT.replace("\n", "\r\n"), json.dumps(json.loads(SPELT))):
        assert state() == parse_state(spelt.encode(), "S")


@pytest.mark.parametrize(
    ("before", "after"),
    [('"RUNNING"', '"STOPPED"'), ('"capacity": 5', '"capacity": 4'), ('"serial": 3', '"serial": 2'), (DIGEST, "x")],
)
def test_an_edited_state_is_refused(before: str, after: str) -> None:
    """Whatever was changed, by hand or by the disk, and the digest itself too."""
    with pytest.raises(StateDamaged, match="is damaged") as caught:
        parse_state(SPELT.replace(before, after).encode(), "S")
    assert "edited by hand" in caught.value.detail


def test_every_flipped_bit_is_found() -> None:
    """It is refused, or changes nothing that is said."""
    data = SPELT.encode()
    for position in range(len(data)):
        for bit in range(8):
            spoilt = data[:position] + bytes([data[position] ^ (1 << bit)]) + data[position + 1 :]
            try:
                found = parse_state(spoilt, "S")
            except StateError:
                continue
            # A key `sha256` that is spelt otherwise is unknown; white space says nothing.
            assert state() == found, (position, bit)


def test_a_digest_of_another_type_is_refused() -> None:
    with pytest.raises(StateDamaged, match="is damaged"):
        parse_state(SPELT.replace(f'"{DIGEST}"', "[]").encode(), "S")


def test_the_spelling_is_the_only_one() -> None:
    """The order in which records came does not show; reading back and writing again changes no byte."""
    records = {f"notebook.k{n}": ALICE for n in range(5)}
    forward, backward = state(resources=records), state(resources=dict(reversed(records.items())))
    assert forward.dumps() == backward.dumps() == parse_state(forward.dumps().encode(), "x").dumps()


def test_rare_keys_are_there_only_when_they_say_something() -> None:
    """`pending`, `incomplete` and `cloud` appear when set."""
    pending = Pending(address="notebook.b", at=1.5, body={"name": "b"})
    unfinished = ALICE.model_copy(update={"incomplete": True})
    full = state(resources={"notebook.alice": unfinished}, pending=(pending,), cloud=Cloud(region="r", project_id="p"))
    told = json.loads(full.dumps())
    assert {"address": "notebook.b", "at": 1.5, "body": {"name": "b"}} == told["pending"][0]
    assert {"region": "r", "project_id": "p"} == told["cloud"]
    assert told["resources"]["notebook.alice"]["incomplete"] is True
    assert full == parse_state(full.dumps().encode(), "x")


def test_records_are_replaced_and_removed() -> None:
    """A change replaces what stood at its address, None removes it, the rest stays; the old document is as it was."""
    before = state(resources={"notebook.b": ALICE, "notebook.c": ALICE})
    other = Record(id="o", status="STOPPED")
    after = before.with_records({"notebook.c": None, "notebook.b": other, "notebook.a": ALICE})
    assert {"notebook.a": ALICE, "notebook.b": other} == after.resources
    assert {"notebook.b": ALICE, "notebook.c": ALICE} == before.resources


def test_next_is_one_further() -> None:
    """The serial grows by one, the lineage stays, a cloud that is not told stays as it was."""
    cloud = Cloud(region="r", project_id="p")
    after = state().next(cloud).next(None)
    assert (5, "l", cloud) == (after.serial, after.lineage, after.cloud)


def test_lineages_differ() -> None:
    """Each new state has a lineage of its own."""
    assert State.empty("lab").lineage != State.empty("lab").lineage


@pytest.mark.parametrize(
    ("data", "summary", "detail"),
    [
        (b"", "the state S is empty", "damage"),
        (b"\0" * 512, "the state S is empty", "damage"),
        (b" \n", "the state S is empty", "damage"),
        (TEXT.encode()[:200], "the state S is damaged", "not JSON"),
        (b"\xff\xfe{}", "the state S is damaged", "not JSON text"),
        (b"<<<<<<< HEAD\n", "the state S is damaged", "not JSON"),
        (b"[" * 100_000, "the state S is damaged", "not JSON"),
        (b"[]", "the state S cannot be read by this version", "None"),
        (b'{"version": 4, "terraform_version": "1.11.4"}', "the state S cannot be read by this version", "None"),
        (b'{"format": 7}', "the state S cannot be read by this version", "7"),
        (TEXT.replace('"serial": 3', '"serial": -1').encode(), "the state S is damaged", "serial: "),
        (TEXT.replace('"serial": 3,', "").encode(), "the state S is damaged", "serial: Field required."),
        (TEXT.replace('"id": "a"', '"id": ""').encode(), "the state S is damaged", "resources.notebook.alice.id: "),
        (TEXT.replace('"lab"', '"lab", "more": 1').encode(), "the state S is damaged", "more: "),
    ],
)
def test_what_is_no_state_is_refused(data: bytes, summary: str, detail: str) -> None:
    """The message says what is wrong and where, and what to do."""
    with pytest.raises(StateError) as caught:
        parse_state(data, "S")
    assert summary == caught.value.summary
    assert detail in caught.value.detail
    assert "put back a good copy" in caught.value.hint


def test_a_newer_format_asks_for_a_newer_version() -> None:
    """A later format is not damage: the mend is another version of the tool."""
    with pytest.raises(StateError, match="cannot be read by this version") as caught:
        parse_state(TEXT.replace("state/1", "state/2").encode(), "S")
    assert "provisioner.state/2" in caught.value.detail
    assert "use the version of provisioner that wrote it" in caught.value.hint
