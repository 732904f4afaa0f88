"""What stands below a plan for who approves it: complete, worst first, readable on a narrow terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from provisioner.operations import disposal
from provisioner.plan import Action, Options, Plan, Reason
from provisioner.planning.losses import with_loss
from provisioner.views.approval import approval_paragraph
from provisioner.views.paint import Paint
from tests.builders import HOUR_MS, NOW_MS, instance, planned, step

Agrees = Callable[[str, str], None]

OLD = {"create_at": NOW_MS - 41 * 24 * HOUR_MS}
SMALLER: dict[str, Any] = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}
SETS = {"category": "OBSFS", "uri": "obs://bucket/sets/", "mount_path": "/data/sets/"}
LONG = "a-notebook-with-quite-a-long-key-indeed"


def shown(plan: Plan, width: int = 100) -> list[str]:
    return approval_paragraph(plan, Paint(color=False), width).splitlines()


def every_kind() -> Plan:
    mount = {**SETS, "id": "m", "status": "MOUNTED"}
    return planned(
        before={"alice": {}, "bob": {}, "carol": {"storages": [SETS]}},
        after={"alice": {"flavor": "modelarts.vm.cpu.8u"}, "bob": SMALLER},
        live={"alice": OLD, "bob": OLD, "carol": OLD | {"storages": [mount]}},
    )


def test_every_kind(agrees: Agrees) -> None:
    """Size, place and age of each volume, what stays, and the safer way."""
    agrees("approval/every_kind.txt", "\n".join(shown(every_kind())) + "\n")


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    """But for what cannot be broken: the head of a row, addresses, paths."""
    plan = planned({LONG: {}}, {}, {LONG: OLD})
    head = f"  ! DATA LOSS  notebook.{LONG}"
    assert all(len(line) <= width for line in shown(plan, width) if line != head and LONG not in line)


def test_on_a_narrow_terminal_the_text_stands_below() -> None:
    lines = shown(planned({LONG: {}}, {}, {LONG: OLD}), 80)
    assert f"  ! DATA LOSS  notebook.{LONG}" == lines[1]
    assert "      not in the specs any more: the 50 GB EVS volume at /home/ma-user/work" == lines[2]


def test_what_is_left_when_the_volume_is_ones_own() -> None:
    share = {
        "pool_id": "pool41664192",
        "volume": {
            "category": "EFS",
            "ownership": "DEDICATED",
            "uri": "share.sfsturbo.internal:/lab",
            "id": "278e88d1-5b71-4766-8502-b3ba72e824d9",
        },
    }
    assert ["  - removed  notebook.alice  destroyed, not in the specs any more; its volume is kept"] == shown(
        planned({"alice": share})
    )[1:]


def test_an_instance_that_was_replaced_before() -> None:
    """Its volume is not that of the instance at the address."""
    update = replace(step(Action.NO_OP), action=Action.UPDATE, reason=Reason.DEPOSED, operations=(disposal("x"),))
    plan = replace(planned(), steps=(with_loss(update, doomed=[instance()]),))
    assert "is deleted with the instance that was replaced before and cannot be recovered" in " ".join(shown(plan, 200))


def test_an_extra_volume_that_is_taken_away() -> None:
    disk = {"category": "EVS", "ownership": "MANAGED", "capacity": 100, "mount_path": "/data/disk/"}
    plan = planned({"alice": {"data_volumes": [disk]}}, {"alice": {"data_volumes": []}})
    expected = "the 100 GB EVS volume at /data/disk is taken away and cannot be recovered"
    assert f"  ! DATA LOSS  notebook.alice  {expected}" == shown(plan, 200)[1]


def test_nothing_to_say() -> None:
    assert [] == shown(planned(after={"alice": {}}, options=Options()))


def test_colour_marks_and_moves_nothing() -> None:
    """The text is the same but for the escapes."""
    colored = approval_paragraph(every_kind(), Paint(color=True), 100)
    assert "\x1b[" in colored
    plain = colored.replace("\x1b[1m", "").replace("\x1b[31m", "").replace("\x1b[0m", "")
    assert shown(every_kind()) == plain.splitlines()


def test_foreign_text_cannot_act_on_the_terminal() -> None:
    evil = {"storages": [{**SETS, "uri": "obs://b/\x1b[2J\nPlan: 0 to add/", "id": "m", "status": "MOUNTED"}]}
    text = "\n".join(shown(planned({"alice": {"storages": [SETS]}}, {}, {"alice": evil})))
    assert "\x1b" not in text
    assert not any(line.startswith("Plan:") for line in text.splitlines())
