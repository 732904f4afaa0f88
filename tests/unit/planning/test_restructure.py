"""What `moved`, `removed` and `imports` make of a state, and which of them contradict it."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.errors import PlanError
from provisioner.planning.restructure import Restructured, restructured
from provisioner.planning.stack import build_plan
from provisioner.spec.document import Import, Move, Removal, Spec
from provisioner.state.document import Deposed, Pending
from tests.builders import ANYWHERE, NOW_MS, declarations, instance_id, parsed, record, state


def after(
    keys: str,
    *,
    moved: dict[str, str] | None = None,
    imports: dict[str, int] | None = None,
    removed: dict[str, bool] | None = None,
    pending: str = "",
    deposed: str = "",
    importing: bool = True,
) -> Restructured:
    """Of a state with these keys, whose ids are counted from 1."""
    held = {key: record(number=number) for number, key in enumerate(keys.split(), 1)}
    if deposed:
        held[deposed] = held[deposed].model_copy(update={"deposed": (Deposed(id=instance_id(90)),)})
    before = state(held).with_pending(
        tuple(Pending(address=str(parsed(key)), at=0, body={}) for key in pending.split())
    )
    spec = Spec(
        "lab",
        declarations({key: {"workspace_id": "1" * 32} for key in imports or {}}),
        imports=tuple(Import(parsed(to), instance_id(number), ANYWHERE) for to, number in (imports or {}).items()),
        moved=tuple(Move(parsed(old), parsed(new), ANYWHERE) for old, new in (moved or {}).items()),
        removed=tuple(Removal(parsed(key), destroy, ANYWHERE) for key, destroy in (removed or {}).items()),
    )
    return restructured(before, spec, importing=importing)


def ids(found: Restructured) -> dict[str, int]:
    return {key.removeprefix("notebook."): int(each.id[:8], 16) for key, each in found.state.resources.items()}


class TestMoves:
    @pytest.mark.parametrize(
        ("keys", "moved", "expected"),
        [
            ("a", {"a": "b"}, {"b": 1}),
            ("b", {"a": "b"}, {"b": 1}),
            ("a", {"a": "b", "b": "c"}, {"c": 1}),
            ("b", {"a": "b", "b": "c"}, {"c": 1}),
            ('a["x"] a["y"]', {"a": "b"}, {'b["x"]': 1, 'b["y"]': 2}),
            ('a["x"] a["y"]', {'a["x"]': 'a["z"]'}, {'a["z"]': 1, 'a["y"]': 2}),
            ('a["x"] a["y"]', {'a["x"]': "c", "a": "b"}, {"c": 1, 'b["y"]': 2}),
            ('a a["x"]', {"a": 'b["one"]'}, {'b["one"]': 1, 'a["x"]': 2}),
        ],
    )
    def test_where_records_end(self, keys: str, moved: dict[str, str], expected: dict[str, int]) -> None:
        """A chain is followed to its end by what stands at its start and on its way; what is not recorded is no
        matter.
        """
        assert expected == ids(after(keys, moved=moved))

    def test_both_recorded(self) -> None:
        """None of two is forgotten: the message names both and their ids."""
        with pytest.raises(PlanError, match=r"notebook\.a cannot move to notebook\.b: both are recorded") as refused:
            after("a b", moved={"a": "b"})
        assert instance_id(1) in refused.value.detail
        assert instance_id(2) in refused.value.detail
        assert "provisioner state mv" in refused.value.hint

    def test_one_place_for_two(self) -> None:
        """Both stand on one chain."""
        with pytest.raises(PlanError, match=r"notebook\.a and notebook\.b cannot both move to notebook\.c"):
            after("a b", moved={"a": "b", "b": "c"})

    @pytest.mark.parametrize("pending", ["a", "b"])
    def test_what_nobody_knows_the_fate_of_is_not_moved(self, pending: str) -> None:
        """A create of it may have made an instance."""
        with pytest.raises(PlanError, match=rf"notebook\.{pending} cannot be moved yet") as refused:
            after("" if pending == "a" else "a", moved={"a": "b"}, pending=pending)
        assert "run provisioner apply" in refused.value.hint

    def test_what_moved_is_told(self) -> None:
        assert {parsed("c"): parsed("a")} == after("a", moved={"a": "b", "b": "c"}).moved


class TestRemovals:
    def test_only_what_is_not_to_be_destroyed_is_forgotten(self) -> None:
        """A bare KEY means all its instances; protection is no hindrance: nothing is deleted."""
        found = after('a["x"] b c', removed={"a": False, "b": True})
        assert {"b": 2, "c": 3} == ids(found)
        assert [parsed('a["x"]')] == list(found.forgotten)

    def test_after_a_move(self) -> None:
        """Under its new address."""
        assert {} == ids(after("a", moved={"a": "b"}, removed={"b": False}))

    def test_what_leaves_an_instance_behind_is_not_forgotten(self) -> None:
        """Nobody would ever delete the deposed one."""
        with pytest.raises(PlanError, match=r"notebook\.a cannot be forgotten yet") as refused:
            after("a", removed={"a": False}, deposed="a")
        assert instance_id(90) == refused.value.detail


class TestImports:
    def test_provisional(self) -> None:
        """An id, where to look for it, and nothing else."""
        found = after("", imports={"a": 7})
        assert frozenset({parsed("a")}) == found.imported
        held = found.state.resources["notebook.a"]
        assert (instance_id(7), "", {}, "1" * 32) == (held.id, held.status, held.attributes, held.workspace_id)

    def test_done_already(self) -> None:
        """An import may stay in the specs."""
        found = after("a", imports={"a": 1})
        assert (frozenset(), {"a": 1}) == (found.imported, ids(found))

    def test_what_was_replaced_since(self) -> None:
        """An import may stay in the specs; what is recorded has the last word, and the plan says so."""
        found = after("a", imports={"a": 7})
        assert (frozenset(), {"a": 1}) == (found.imported, ids(found))
        plan = build_plan({}, found, {"notebook.a": None}, serial=1, now_ms=NOW_MS)
        (told,) = plan.warnings
        assert ("W506", "notebook.a") == (told.code, told.address)
        assert f"the import names {instance_id(7)}" in told.detail
        assert not plan.refused

    def test_not_when_all_goes(self) -> None:
        assert {} == ids(after("", imports={"a": 7}, importing=False))

    @pytest.mark.parametrize(
        ("given", "summary", "help_text"),
        [
            (
                {"keys": "a", "imports": {"b": 1}},
                "cannot be imported as notebook.b: it is recorded as notebook.a",
                "moved",
            ),
            (
                {"keys": "a", "imports": {"b": 90}, "deposed": "a"},
                "cannot be imported as notebook.b: it is recorded as notebook.a",
                "take the import at specs/lab/notebooks.yaml:99:3 away",
            ),
            (
                {"keys": "", "imports": {"a": 7}, "pending": "a"},
                "it is not known yet whether a create of it took effect",
                "provisioner import a 00000007",
            ),
        ],
    )
    def test_contradictions(self, given: dict[str, Any], summary: str, help_text: str) -> None:
        """No instance gets two addresses."""
        with pytest.raises(PlanError) as refused:
            after(**given)
        assert summary in refused.value.summary
        assert help_text in refused.value.detail + refused.value.hint
