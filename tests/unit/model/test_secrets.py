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


ALPHA = Secrets.of(["alpha"])
BETA = Secrets.of(["beta"])


@pytest.mark.parametrize("text", ["of alpha", "alpha", "somebody wrote: ofalpha!"])
def test_a_secret_of_yesterday_is_known_by_its_digest(text: str) -> None:
    """Its value was changed since: the service still shows the old one, which no variable has any more."""
    recorded = ALPHA.hidden({"description": "of alpha", "tags": [{"value": "alpha"}]})
    known = BETA.recalled(recorded, {"description": text, "name": "a"})
    assert ("alpha", "beta") == known.texts


@pytest.mark.parametrize("live", [{"description": "of beta"}, {"description": "of all"}, {"name": "alpha"}, {}])
def test_what_the_service_does_not_show_where_it_was_is_not_recalled(live: dict[str, str]) -> None:
    """What is there instead is what somebody wrote, and is recorded."""
    assert BETA is BETA.recalled(ALPHA.hidden({"description": "of alpha"}), live)


def test_a_secret_that_a_variable_has_still_is_not_searched_for() -> None:
    assert ALPHA is ALPHA.recalled(ALPHA.hidden({"description": "of alpha"}), {"description": "of alpha"})
