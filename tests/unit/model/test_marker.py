"""The mark of an instance: what it says, and that it comes off as it was put on."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from provisioner.model.marker import MARK_LENGTH, UNMARKED, Marking, Place, is_of, join, marked, split, unmarked
from provisioner.model.observation import Observation

MARKING = Marking.of("research", "p1", "cn-north-4", "description")
ALICE = "notebook.alice"

PLACES: st.SearchStrategy[Place] = st.sampled_from(["description", "name"])
TEXTS = st.one_of(
    st.text(st.characters(exclude_characters="&<>\"'/", exclude_categories=["Cs"]), max_size=60),
    st.text("mp-ab2 ", max_size=40),
)


def bare(text: str) -> bool:
    """A spec takes no other."""
    return not split(text, "description")[1]


@given(TEXTS.filter(bare), PLACES)
def test_it_comes_off_as_it_was_put_on(text: str, place: Place) -> None:
    """Whatever the text is, an empty one and one that ends with the separator included."""
    mark = MARKING.fresh(ALICE)
    assert (text, mark) == split(join(text, mark, place), place)
    assert text == join(text, "", place)


def test_it_says_whose_it_is() -> None:
    """24 characters that every published rule allows: stack, address, and one that is new each time."""
    mark = MARKING.fresh(ALICE)
    assert re.fullmatch(r"mp-[a-z2-7]{5}-[a-z2-7]{7}-[a-z2-7]{7}", mark)
    assert MARK_LENGTH == len(mark) + 1
    assert mark != MARKING.fresh(ALICE)
    assert MARKING.owns(mark)
    assert is_of(mark, ALICE)
    assert not is_of(mark, "notebook.bob")


def test_stacks_and_clouds_have_their_own() -> None:
    """Another stack, project or region has another mark; who has none owns nothing."""
    mark = MARKING.fresh(ALICE)
    for other in (("lab", "p1", "cn-north-4"), ("research", "p2", "cn-north-4"), ("research", "p1", "cn-east-3")):
        assert not Marking.of(*other, "description").owns(mark)
    assert not UNMARKED.owns(mark)
    assert "" == UNMARKED.fresh(ALICE)


def test_it_is_found_wherever_people_left_it() -> None:
    """Somebody who writes behind it loses nothing."""
    mark = MARKING.fresh(ALICE)
    assert ("of Ann and Bob", mark) == split(f"of Ann {mark} and Bob", "description")
    assert (f"x{mark}", "") == split(f"x{mark}", "description")


def test_values_carry_it_where_it_belongs() -> None:
    """And are as they were without it."""
    mark, values = MARKING.fresh(ALICE), {"name": "alice", "flavor": "f"}
    described = marked(values, mark, "description")
    assert {**values, "description": mark} == described
    assert (values, mark, "description") == unmarked(described)
    assert {**values, "name": f"alice-{mark}"} == (named := marked(values, mark, "name"))
    assert (values, mark, "name") == unmarked(named)
    assert (values, "") == (marked(values, "", None), unmarked(values)[1])


def test_an_observation_shows_the_text_without_it() -> None:
    """What is recorded keeps it as its own key and reads it back."""
    mark = MARKING.fresh(ALICE)
    told = {"id": "n1", "status": "RUNNING", "name": "alice", "description": f"of Ann {mark}"}
    seen = Observation.model_validate(told)
    assert ("of Ann", mark) == (seen.description, seen.marker)
    assert "of Ann" == seen.attributes()["description"]
    assert ("of Ann", mark) == (seen.payload()["description"], seen.payload()["marker"])
    assert seen == Observation.model_validate({**seen.payload(), "id": "n1", "status": "RUNNING"})
    named = Observation.model_validate({"id": "n1", "status": "RUNNING", "name": f"alice-{mark}"})
    assert ("alice", mark, "name") == (named.name, named.marker, named.marker_place)
