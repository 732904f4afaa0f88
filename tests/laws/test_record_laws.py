"""Whatever specs say of records: before anything is sent, every instance stands at one address, and none is lost."""

from __future__ import annotations

from collections import Counter

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import PlanError
from provisioner.plan import Action, Mode, Options
from provisioner.planning.restructure import restructured
from provisioner.planning.stack import build_plan
from provisioner.spec.document import Import, Move, Removal, Spec
from provisioner.state.document import Deposed, Record
from tests.builders import ANYWHERE, NOW_MS, declarations, instance, instance_id, parsed, record, state

KEYS = ("a", "b", "c", 'd["x"]', 'd["y"]')
FROM = st.sampled_from([*KEYS, "d"])
OPTIONS = st.sampled_from(
    [Options(), Options(Mode.DESTROY), Options(targets=frozenset({parsed("a"), parsed("b")}), excludes=frozenset())]
)


@hypothesis.settings(max_examples=300)
@given(
    held=st.sets(st.sampled_from(KEYS)),
    declared=st.sets(st.sampled_from(KEYS)),
    moved=st.dictionaries(FROM, FROM, max_size=3),
    removed=st.sets(FROM, max_size=2),
    imported=st.dictionaries(st.sampled_from(KEYS), st.integers(1, 9), max_size=2).filter(
        lambda wanted: len(set(wanted.values())) == len(wanted)  # specs with two of one id are refused
    ),
    gone=st.sets(st.integers(1, 9)),
    heirs=st.sets(st.sampled_from(KEYS)),
    options=OPTIONS,
)
def test_no_instance_is_lost_or_recorded_twice(
    held: set[str],
    declared: set[str],
    moved: dict[str, str],
    removed: set[str],
    imported: dict[str, int],
    gone: set[int],
    heirs: set[str],
    options: Options,
) -> None:
    """But for what is gone and what is to be forgotten. A plan that cannot promise that is refused."""
    numbers = {key: number for number, key in enumerate(sorted(held), 1)}
    records = {key: record(number=number) for key, number in numbers.items()}
    for key in heirs & held:
        records[key] = records[key].model_copy(update={"deposed": (Deposed(id=instance_id(20 + numbers[key])),)})
    before = state(records)
    wanted = Spec(
        "lab",
        declarations({key: {} for key in sorted(declared | set(imported))}),
        imports=tuple(Import(parsed(key), instance_id(number), ANYWHERE) for key, number in imported.items()),
        moved=tuple(Move(parsed(old), parsed(new), ANYWHERE) for old, new in moved.items()),
        removed=tuple(Removal(parsed(key), destroy=False, source=ANYWHERE) for key in removed),
    )
    try:
        base = restructured(before, wanted, importing=options.mode is Mode.NORMAL)
        live = {
            at: None if int(each.id[:8], 16) in gone else instance(number=int(each.id[:8], 16))
            for at, each in base.state.resources.items()
        }
        plan = build_plan(wanted.notebooks, base, live, serial=7, now_ms=NOW_MS, options=options)
    except PlanError:
        return
    after = before.with_records({**plan.refreshed, **plan.rebased})
    found = Counter(identity for each in after.resources.values() for identity in _ids(each))
    assert not {identity: count for identity, count in found.items() if count > 1}
    forgotten = {step.id for step in plan.steps if step.action is Action.FORGET}
    missing = {instance_id(number) for number in gone}
    assert {identity for each in records.values() for identity in _ids(each)} - forgotten - missing <= set(found)


def _ids(held: Record) -> list[str]:
    return [held.id, *(each.id for each in held.deposed)]
