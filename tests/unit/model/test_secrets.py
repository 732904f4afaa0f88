"""Secrets are kept out of what is written, and what is needed to find an instance again is kept in."""

from __future__ import annotations

import pytest

from provisioner.model.marker import Marking, marked, unmarked
from provisioner.model.secrets import NO_SECRETS, Secrets, holds_hidden
from provisioner.state.document import Pending, Record


def test_the_same_secret_has_the_same_stand_in() -> None:
    """Wherever it stands; another has another."""
    secrets = Secrets.of(["alpha", "beta"])
    hidden = secrets.hidden({"a": "x alpha y", "b": ["alpha", 7, None], "c": "beta"})
    assert hidden["a"] == f"x {hidden['b'][0]} y"
    assert hidden["b"][0] != hidden["c"]
    assert [7, None] == hidden["b"][1:]
    assert "alpha" not in str(hidden)


@pytest.mark.parametrize(
    ("value", "holds"),
    [("alpha", True), ("plain", False), ({"a": ["alpha"]}, True), ({"a": ["plain"]}, False), (7, False), (None, False)],
)
def test_what_was_hidden_is_known_as_such(value: object, *, holds: bool) -> None:
    assert holds is holds_hidden(Secrets.of(["alpha"]).hidden(value))


def test_nothing_secret_changes_nothing() -> None:
    value = {"a": ("b", "c")}
    assert value is NO_SECRETS.hidden(value)


def test_what_identifies_an_instance_is_never_hidden() -> None:
    """A secret may be a short word that stands in a mark or in the name of a workspace by chance."""
    secrets = Secrets.of(["m", "w", "d"])
    observed = {"marker": "mp-aaaaa-bbbbbbb-ccccccc", "marker_place": "description", "workspace_id": "w2", "name": "d"}
    record = Record(id="m1", status="RUNNING", attributes={"workspace_id": "w2"}, observed=observed).hidden(secrets)
    assert ("m1", "w2") == (record.id, record.workspace_id)
    assert observed == {**record.observed, "name": "d"}
    assert record.observed["name"] != "d"
    mark = Marking.of("lab", "p", "here", "description").fresh("notebook.alice")
    pending = Pending(address="notebook.alice", at=0, body=marked({"description": "mw"}, mark, "description"))
    assert mark == unmarked(pending.hidden(secrets).body)[1]
    assert "mw" not in pending.hidden(secrets).body["description"]


def test_a_secret_of_yesterday_stays_hidden() -> None:
    """Its value was changed since: the service still shows the old one, which nobody knows as a secret any more."""
    shown = Record(id="n1", status="RUNNING", observed={"description": "of alpha", "name": "a"})
    recorded = shown.hidden(Secrets.of(["alpha"]))
    renamed = shown.model_copy(update={"observed": {"description": "of alpha", "name": "b"}})
    assert {**recorded.observed, "name": "b"} == renamed.hidden(Secrets.of(["beta"]), recorded).observed


@pytest.mark.parametrize("description", ["of beta", None])
def test_what_is_known_again_is_recorded(description: str | None) -> None:
    """The new secret, and that there is none any more."""
    recorded = Record(id="n1", status="RUNNING", observed={"description": "of alpha"}).hidden(Secrets.of(["alpha"]))
    fresh = Record(id="n1", status="RUNNING", observed={"description": description} if description else {})
    secrets = Secrets.of(["beta"])
    assert fresh.hidden(secrets) == fresh.hidden(secrets, recorded)


def test_another_instance_has_its_own_past() -> None:
    recorded = Record(id="n1", status="RUNNING", observed={"description": "of alpha"}).hidden(Secrets.of(["alpha"]))
    other = Record(id="n2", status="RUNNING", observed={"description": "mine"})
    assert other == other.hidden(Secrets.of(["beta"]), recorded)
