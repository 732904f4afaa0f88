"""Creates whose answer was lost, and instances of ours that nobody recorded, over real HTTP: never two of one."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from provisioner.events import StatusSeen
from provisioner.model.marker import Marking, split
from tests.contract.lab import SMALL, Lab, is_empty

PLAIN: dict[str, dict[str, Any]] = {"alice": {"description": "of Ann", "tags": {"a": "1"}}}


def codes(lab: Lab, declared: dict[str, dict[str, Any]] = PLAIN) -> list[str]:
    return [each.code for each in lab.plan(declared).warnings]


def orphan(lab: Lab, key: str = "alice", **fields: Any) -> str:
    """An instance that this stack made for `key` and nobody recorded."""
    mark = lab.marking.fresh(f"notebook.{key}")
    return lab.provider.create({"name": key, **SMALL, **fields, "description": mark}).id


class TestMark:
    """Where it stands, and that nobody sees it."""

    def test_it_is_on_the_instance_and_nowhere_else(self, lab: Lab) -> None:
        """The service has it behind the description; no plan or record shows it there."""
        lab.applied(PLAIN)
        text, mark = split(lab.sandbox.only()["description"], "description")
        assert ("of Ann", True) == (text, lab.marking.owns(mark))
        record = lab.record()
        assert record is not None
        assert ("of Ann", "of Ann", mark) == (
            record.attributes["description"],
            record.observed["description"],
            record.observed["marker"],
        )
        assert is_empty(lab.plan(PLAIN))

    def test_a_new_description_keeps_it(self, lab: Lab) -> None:
        """It is put on again by each change; without a description it stands alone."""
        lab.applied({"alice": {}})
        mark = lab.sandbox.only()["description"]
        lab.applied({"alice": {"description": "of Bob"}})
        assert f"of Bob {mark}" == lab.sandbox.only()["description"]
        lab.applied({"alice": {"description": ""}})
        assert mark == lab.sandbox.only()["description"]
        assert is_empty(lab.plan({"alice": {"description": ""}}))

    def test_nothing_happens_when_somebody_removes_it(self, lab: Lab) -> None:
        """The id is recorded: no change, no drift; a later change does not bring it back."""
        lab.applied(PLAIN)
        lab.sandbox.drift(lab.id(), description="of Ann")
        assert is_empty(lab.plan(PLAIN))
        lab.applied({"alice": {"description": "of Bob", "tags": {"a": "1"}}})
        assert "of Bob" == lab.sandbox.only()["description"]

    def test_a_mark_in_the_name(self, lab: Lab) -> None:
        """The same with the other place: hidden, kept by a change of the name, found again."""
        lab.marking = Marking.of("lab", lab.cloud.project_id, lab.cloud.region, "name")
        lab.sandbox.fault("create", "lose")
        lab.applied({"alice": {}})
        text, mark = split(lab.sandbox.only()["name"], "name")
        assert ("alice", True) == (text, lab.marking.owns(mark))
        lab.applied({"alice": {"name": "ann"}})
        assert f"ann-{mark}" == lab.sandbox.only()["name"]
        assert is_empty(lab.plan({"alice": {"name": "ann"}}))


class TestLostAnswers:
    """Of a create."""

    def test_it_is_found_in_the_same_run(self, lab: Lab) -> None:
        """Adopted by its mark, with the rest of the step after it; progress says that it is searched for."""
        lab.sandbox.fault("create", "lose")
        done = lab.applied(PLAIN)
        assert ["create", "create-tags"] == lab.sandbox.calls()
        assert any("searching" in event.status for event in done.events if isinstance(event, StatusSeen))
        assert ((), True) == (lab.backend.read().state.pending, is_empty(lab.plan(PLAIN)))

    @pytest.mark.parametrize("where", ["lists", "everywhere"])
    def test_one_that_appears_late_is_found(self, lab: Lab, where: str) -> None:
        """Within the window."""
        lab.window = 10.0
        lab.sandbox.fault("create", "hide", ms=300, where=where)
        lab.sandbox.fault("create", "lose")
        lab.applied(PLAIN)
        assert (1, 1) == (len(lab.sandbox.notebooks()), lab.sandbox.calls().count("create"))

    def test_one_that_never_was_is_created_by_the_next_run(self, lab: Lab) -> None:
        """Not in the same: others go on, the failure says so, and the next run finds nothing and creates it."""
        lab.window = 0.3
        lab.sandbox.fault("create", "fail", status=502, body="Bad Gateway")
        declared = {**PLAIN, "bob": {}}
        done = lab.apply(declared)
        assert (1, 1) == (len(done.errors), len(done.completed))
        (error,) = done.errors.values()
        assert "run apply again" in error.hint
        assert 2 == lab.sandbox.calls().count("create")
        lab.applied(declared)
        assert (2, True) == (len(lab.sandbox.notebooks()), is_empty(lab.plan(declared)))

    def test_a_request_that_was_repeated_on_the_way_is_undecided(self, lab: Lab) -> None:
        """Two instances with one mark: both are shown, none is deleted, none is created until a person decides."""
        lab.sandbox.fault("create", "hide", ms=60_000)
        lab.sandbox.fault("create", "lose")
        lab.window = 0.1
        lab.apply(PLAIN)
        (pending,) = lab.backend.read().state.pending
        lab.provider.create(dict(pending.body))
        lab.sandbox.advance(60_000)
        plan = lab.plan(PLAIN)
        assert ["E511"] == [each.code for each in plan.warnings]
        assert all(each["id"] in plan.warnings[0].detail for each in lab.sandbox.notebooks())
        assert (True, ()) == (plan.refused, plan.pending)
        lab.apply(PLAIN)
        assert 2 == len(lab.sandbox.notebooks())
        assert (pending,) == lab.backend.read().state.pending

    def test_an_id_that_is_recorded_already_is_refused(self, lab: Lab) -> None:
        """Nothing is overwritten, and the message says whose it is."""
        lab.applied({"bob": {}})
        body = lab.sandbox.only()
        lab.sandbox.fault("create", "fail", status=200, body=body)
        lab.window = 0.1
        error = lab.apply({"alice": {}, "bob": {}}).errors["alice"]
        assert error.summary.startswith("E421")
        assert "notebook.bob" in error.summary
        assert (body["id"], None) == (lab.id("bob"), lab.record("alice"))
        lab.applied({"alice": {}, "bob": {}})
        assert 2 == len(lab.sandbox.notebooks())


class TestStrays:
    """Instances with our mark that nobody recorded."""

    def test_none_is_made_beside_one_that_was_made_for_the_address(self, lab: Lab) -> None:
        """A state that was lost never leads to a second instance; both ways on are told."""
        lab.applied({"alice": {}, "bob": {}})
        ids = {lab.id(), lab.id("bob")}
        shutil.rmtree(lab.root / "state")
        plan = lab.plan({"alice": {}, "bob": {}})
        assert (["E512", "E512"], True, ()) == ([each.code for each in plan.warnings], plan.refused, plan.pending)
        assert {f"provisioner import {key}" for key in ("alice", "bob")} == {
            " ".join(each.hint.removeprefix("keep it: ").split()[:3]) for each in plan.warnings
        }
        assert all("destroy --target" in each.hint for each in plan.warnings)
        lab.apply({"alice": {}, "bob": {}})
        assert ids == {each["id"] for each in lab.sandbox.notebooks()}

    def test_others_are_created(self, lab: Lab) -> None:
        """One refused address holds up no other."""
        orphan(lab)
        lab.apply({"alice": {}, "bob": {}})
        assert (None, 2) == (lab.record(), len(lab.sandbox.notebooks()))
        assert lab.record("bob")

    def test_a_second_one_of_a_recorded_address_is_reported(self, lab: Lab) -> None:
        """As is one of an address that is not declared; what is recorded is not touched."""
        lab.applied(PLAIN)
        twin, old = orphan(lab), orphan(lab, "carol")
        plan = lab.plan(PLAIN)
        assert ["W503", "W503"] == [each.code for each in plan.warnings]
        assert {twin, old} == {each.summary.rpartition(" ")[2] for each in plan.warnings}
        assert (False, ()) == (plan.refused, plan.pending)

    def test_those_of_other_stacks_are_theirs(self, lab: Lab) -> None:
        """Neither they nor instances without a mark are reported."""
        other = Marking.of("other", lab.cloud.project_id, lab.cloud.region, "description")
        lab.provider.create({"name": "alice", **SMALL, "description": other.fresh("notebook.alice")})
        lab.provider.create({"name": "alice", **SMALL})
        assert [] == codes(lab)

    def test_it_costs_nothing(self, lab: Lab) -> None:
        """Sixty notebooks are two lists, with the look for strays; an empty state is one."""
        declared: dict[str, dict[str, Any]] = {f"n{number}": {} for number in range(60)}
        lab.plan(declared)
        assert ["list"] == [entry["operation"] for entry in lab.sandbox.log()]
        lab.applied(declared)
        lab.sandbox.forget()
        assert is_empty(lab.plan(declared))
        assert ["list", "list"] == [entry["operation"] for entry in lab.sandbox.log()]
