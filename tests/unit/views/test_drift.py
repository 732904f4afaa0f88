"""The screen and the document of `drift`, and the note above a plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from provisioner.plan import Mode, Options, Plan
from provisioner.views.drift import HEADING, Checked, drift_document, drift_paragraph, drift_screen
from provisioner.views.paint import Paint
from tests.builders import HOUR_MS, IMAGE, NOW_MS, OTHER_IMAGE, Fields, instance, planned, spec

Agrees = Callable[[str, str], None]

ENDED_LEASE = {
    "enable": True,
    "type": "TIMING",
    "duration": HOUR_MS,
    "create_at": NOW_MS - 4 * HOUR_MS,
    "update_at": NOW_MS - 4 * HOUR_MS,
}
SSH = {"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": ["203.0.113.7"]}
LEASE = {"lease": {"duration": "8h", "type": "IDLE"}}
DECLARED: dict[str, Fields] = {
    "alice": {"description": "team a", "tags": {"team": "a"}, "endpoints": [SSH]},
    "bob": {},
    "carol": {},
    "dave": LEASE,
    "erin": {},
}
LIVE: dict[str, Fields | None] = {
    "alice": {
        "description": 'owned by "QA"',
        "tags": [{"key": "team", "value": "b"}, {"key": "new", "value": "1"}],
        "endpoints": [{**SSH, "allowed_access_ips": ["198.51.100.1"]}],
        "volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 80},
    },
    "bob": None,
    "carol": {"status": "STOPPED", "lease": ENDED_LEASE},
    "dave": {"lease": {"enable": False, "duration": -1}},
    "erin": {"status": "STOPPED"},
}


def checked(
    live: dict[str, Fields | None], *, declared: dict[str, Fields] | None = None, strays: tuple[Any, ...] = ()
) -> Checked:
    """A stack that was applied as DECLARED."""
    specs = DECLARED if declared is None else declared
    plan = planned(DECLARED, specs, live, Options(Mode.REFRESH_ONLY))
    return Checked(spec(specs), plan, strays, recorded=len(DECLARED), requests=1, seconds=0.42)


def screen(found: Checked) -> str:
    return drift_screen(found, "provisioner apply specs/lab", color=False)


def test_all_that_can_be_said(agrees: Agrees) -> None:
    """Foreign and expected changes apart, what is unmanaged, and each way out as a command."""
    stray = instance(number=99).model_copy(update={"name": "left-over"})
    agrees("drift/everything.txt", screen(checked(LIVE, strays=(stray,))))


def test_nothing_moved(agrees: Agrees) -> None:
    agrees("drift/nothing.txt", screen(checked({})))


def test_only_what_was_expected(agrees: Agrees) -> None:
    """It is told, and nothing is to be done."""
    found = checked({"carol": LIVE["carol"]})
    agrees("drift/expected.txt", screen(found))
    assert not found.drifted


def test_the_service_is_in_trouble(agrees: Agrees) -> None:
    """With its own words; no spec could say that."""
    agrees("drift/trouble.txt", screen(checked({"bob": {"status": "ERROR", "fail_reason": "the disk is gone"}})))


def test_what_is_not_declared_can_only_be_recorded(agrees: Agrees) -> None:
    """To apply the specs would delete it."""
    agrees("drift/not_declared.txt", screen(checked({"alice": LIVE["alice"]}, declared={})))


def test_a_saved_image(agrees: Agrees) -> None:
    """It was to be expected; but apply would put the declared one back, so there is a way to keep it."""
    declared: dict[str, Fields] = {"alice": {"image_id": IMAGE}}
    live: dict[str, Fields | None] = {"alice": {"image": {"id": OTHER_IMAGE, "type": "DEDICATED"}}}
    plan = planned(declared, declared, live, Options(Mode.REFRESH_ONLY))
    found = Checked(spec(declared), plan, (), recorded=1, requests=1, seconds=0.42)
    agrees("drift/saved_image.txt", screen(found))
    assert not found.drifted


def test_strays_alone_are_drift() -> None:
    assert checked({}, strays=(instance(),)).drifted


def test_an_ascii_terminal() -> None:
    text = drift_screen(checked({"bob": {"description": "ü" * 80}}), "provisioner apply", color=False, ascii_only=True)
    assert text.isascii()


def test_foreign_text_cannot_act_on_the_terminal() -> None:
    """Neither with escapes nor by imitating a line of ours."""
    evil = "x\x1b[2J\nDrift: 0 changed"
    stray = instance(number=99).model_copy(update={"name": evil})
    text = screen(checked({"alice": {"description": evil, "status": "ERROR", "fail_reason": evil}}, strays=(stray,)))
    assert "\x1b" not in text
    assert [line for line in text.splitlines() if line.startswith("Drift:")] == [
        "Drift: 1 changed, 1 unmanaged. Checked 5 notebooks in 1 request, 0.4s."
    ]


class TestDocument:
    def document(self, found: Checked) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(json.dumps(drift_document([found])))
        return parsed

    def test_everything(self, agrees: Agrees) -> None:
        document = self.document(checked(LIVE, strays=(instance(number=99),)))
        agrees("drift/everything.json", json.dumps(document, indent=2) + "\n")

    def test_nothing_in_it_depends_on_the_run(self) -> None:
        """Neither how long it took nor how many requests."""
        found = checked(LIVE)
        assert self.document(found) == self.document(replace(found, seconds=9.0, requests=7))


class TestNote:
    """Above a plan."""

    def note(self, mode: Mode, live: dict[str, Fields | None]) -> str:
        return drift_paragraph(self.plan(mode, live), Paint(color=False))

    def plan(self, mode: Mode, live: dict[str, Fields | None]) -> Plan:
        return planned(DECLARED, DECLARED, live, Options(mode))

    def test_what_was_expected_is_not_told(self) -> None:
        assert self.note(Mode.NORMAL, {"carol": LIVE["carol"]}) == ""

    def test_what_was_not_is(self) -> None:
        assert self.note(Mode.NORMAL, {"bob": {"description": "x"}}).splitlines() == [
            HEADING,
            "",
            '  + notebook.bob  description  null -> "x"',
        ]

    def test_what_a_warning_tells_of_is_not_told_twice(self) -> None:
        assert self.note(Mode.NORMAL, {"bob": {"status": "FROZEN"}}) == ""

    def test_a_refresh_only_plan_tells_all_that_it_would_record(self) -> None:
        text = self.note(Mode.REFRESH_ONLY, {"carol": LIVE["carol"]})
        assert text.splitlines()[2] == "  ~ notebook.carol  status  RUNNING -> STOPPED  stopped by its lease"
