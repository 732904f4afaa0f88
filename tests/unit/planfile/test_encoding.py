"""Plans as JSON values and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.model.secrets import Secrets
from provisioner.operations import Operation, OperationKind
from provisioner.planfile.canonical import canonical
from provisioner.planfile.document import PLAN_KEYS, document_of
from provisioner.planfile.encoding import NotAPlan, decoded, encoded
from provisioner.planfile.secrecy import hidden
from tests.builders import planned, state
from tests.plans import SCENARIOS
from tests.unit.planfile.saved import BASIS

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_MAPS = st.dictionaries(_TEXT, _VALUES, max_size=4)


def _through_json(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(canonical(values))
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_plan_is_read_as_it_was(name: str) -> None:
    """Of every action and reason."""
    plan = hidden(SCENARIOS[name]())
    assert plan == decoded(_through_json(encoded(plan)))


@given(_MAPS, _MAPS, _TEXT)
def test_whatever_a_plan_says_is_read_as_it_was(before: dict[str, Any], values: dict[str, Any], note: str) -> None:
    """Any JSON value in any place that is free."""
    plan = planned(after={"alice": {}})
    operations = (Operation(OperationKind.UPDATE, values),)
    step = replace(plan.steps[0], before=before, after=values, note=note, operations=operations)
    plan = replace(plan, steps=(step,))
    assert plan == decoded(_through_json(encoded(plan)))


@pytest.mark.parametrize("name", ["update_sensitive", "create_sensitive"])
def test_no_secret_is_encoded(name: str) -> None:
    """Neither the value of today nor that of yesterday."""
    text = canonical(encoded(hidden(SCENARIOS[name]())))
    assert "hunter2" not in text
    assert '"old"' not in text


def test_a_revealed_plan_is_the_plan() -> None:
    """What was hidden stands where it stood."""
    from provisioner.planfile.secrecy import revealed

    plan = SCENARIOS["create_sensitive"]()
    assert plan == revealed(hidden(plan), Secrets.of(["hunter2"]))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"color": "red"}, "color: nothing of that name belongs there"),
        ({"serial": "7"}, "serial: it is not written as this version writes it"),
        ({"serial": "x"}, "serial: Input should be a valid integer"),
        ({"mode": "sideways"}, "mode: Input should be"),
        ({"steps": [{}]}, "steps.0.address: Field required"),
    ],
)
def test_what_no_plan_says_is_refused(change: dict[str, Any], told: str) -> None:
    """With the place."""
    with pytest.raises(NotAPlan) as refused:
        decoded(encoded(planned(after={"alice": {}})) | change)
    assert told in str(refused.value)


def test_a_missing_key_is_refused() -> None:
    """Though it has a default."""
    values = encoded(planned(after={"alice": {}}))
    del values["steps"][0]["allow_loss"]
    with pytest.raises(NotAPlan, match=r"steps\.0\.allow_loss: it is missing"):
        decoded(values)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_document_is_written_anew_from_what_it_says(name: str) -> None:
    """Byte for byte, or apply could not tell that somebody edited what people read."""
    document = document_of(SCENARIOS[name](), state(), BASIS)
    read = decoded({key: value for key, value in _through_json(document)["provisioner"].items() if key in PLAN_KEYS})
    assert canonical(document) == canonical(document_of(read, state(), BASIS))
    assert "hunter2" not in canonical(document)
