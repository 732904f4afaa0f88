"""Progress as lines: what a log shows of a run, and who gets the live area instead."""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Callable

import pytest

from provisioner.errors import ApiError
from provisioner.events import (
    ApplyCompleted,
    ApplyStarted,
    OperationStarted,
    RefreshCompleted,
    RefreshStarted,
    StatusSeen,
    StepCompleted,
    StepFailed,
    StepInterrupted,
    StepStarted,
    Tick,
)
from provisioner.plan import Action, Step
from provisioner.views.lines import PlainProgress
from provisioner.views.phrases import elapsed_text
from provisioner.views.progress import progress_for
from tests.builders import HandClock, instance_id, planned, step

Agrees = Callable[[str, str], None]

STEPS = (
    step(Action.CREATE, "carol"),
    step(Action.UPDATE, "alice"),
    step(Action.REPLACE, "bob"),
    step(Action.DELETE, "dave"),
)
NEW = instance_id(99)


class Terminal(io.StringIO):
    """A stream that says of itself that it is a terminal."""

    def isatty(self) -> bool:
        return True


def send(progress: PlainProgress, at: Step, number: int) -> None:
    progress(OperationStarted(at, at.operations[number - 1], number))


def test_transcript_of_a_run(agrees: Agrees) -> None:
    """A log tells what began, what still goes on every ten seconds, and how it ended."""
    carol, alice, bob, dave = STEPS
    clock, stream = HandClock(), io.StringIO()
    with PlainProgress(stream, clock) as progress:
        progress(RefreshStarted("lab", 60))
        progress(RefreshCompleted("lab", 60, requests=2, seconds=0.42))
        progress(ApplyStarted(STEPS))
        for each in STEPS:
            progress(StepStarted(each))
            send(progress, each, 1)
        progress(StatusSeen(carol, NEW, "CREATING", 2, 4, "Prepare the compute resource."))
        progress(StatusSeen(alice, alice.id, "STOPPING"))
        clock.sleep(9)
        progress(Tick())
        progress(StepCompleted(dave, dave.id, 9.0))
        clock.sleep(1)
        progress(Tick())
        progress(Tick())
        clock.sleep(4)
        send(progress, bob, 2)
        send(progress, alice, 2)
        clock.sleep(6)
        progress(Tick())
        clock.sleep(44)
        progress(StepCompleted(carol, NEW, 64.0))
        progress(StepFailed(alice, ApiError("sold out", code="ModelArts.6309"), 64.0))
        progress(StepInterrupted(bob))
        progress(ApplyCompleted(serial=44, requests=42, seconds=64.0))
    agrees("progress/run.txt", stream.getvalue())


def test_what_is_only_recorded_is_told_too(agrees: Agrees) -> None:
    """An import, a move and what is forgotten; and a replacement that creates first ends with its destruction."""
    only_records = (step(Action.IMPORT, "anna"), step(Action.MOVE, "carl"), step(Action.FORGET, "dora"))
    lifecycle = {"create_before_destroy": True}
    (bob,) = planned({"bob": {}}, {"bob": {"workspace_id": "0" * 32, "lifecycle": lifecycle}}).steps
    clock, stream = HandClock(), io.StringIO()
    with PlainProgress(stream, clock) as progress:
        progress(ApplyStarted((*only_records, bob)))
        for each in only_records:
            progress(StepStarted(each))
            progress(StepCompleted(each, each.id, 0.0))
        progress(StepStarted(bob))
        send(progress, bob, 1)
        clock.sleep(4)
        send(progress, bob, 2)
        clock.sleep(3)
        progress(StepCompleted(bob, NEW, 7.0))
    agrees("progress/records.txt", stream.getvalue())


def test_a_heartbeat_has_ten_lines_at_most() -> None:
    """Of many steps under way the ten longest are named, the rest counted."""
    steps = planned(after={f"n{number:02}": {} for number in range(60)}).pending
    clock, stream = HandClock(), io.StringIO()
    progress = PlainProgress(stream, clock)
    progress(ApplyStarted(steps))
    for each in steps:
        progress(StepStarted(each))
    stream.truncate(0)
    stream.seek(0)
    clock.sleep(30)
    progress(Tick())
    lines = stream.getvalue().splitlines()
    assert lines == [f"notebook.n{n:02}: Still creating... [30s elapsed]" for n in range(10)] + ["... and 50 more"]


def test_nothing_recorded_is_not_worth_a_line() -> None:
    """A first run reads nothing and says nothing of it."""
    stream = io.StringIO()
    progress = PlainProgress(stream, HandClock())
    progress(RefreshStarted("lab", 0))
    progress(RefreshCompleted("lab", 0, requests=0, seconds=0.0))
    assert stream.getvalue() == ""


def test_a_step_that_fails_before_its_first_call_is_reported() -> None:
    """A refusal without any call has a line of its own."""
    stream = io.StringIO()
    progress = PlainProgress(stream, HandClock())
    progress(StepFailed(STEPS[1], ApiError("changed since it was planned"), 0.0))
    assert stream.getvalue() == "notebook.alice: Modifications failed after 0s\n"


def test_foreign_words_stay_on_their_line() -> None:
    """What the service says of a step can neither start a line nor clear the screen."""
    clock, stream = HandClock(), io.StringIO()
    progress = PlainProgress(stream, clock)
    progress(ApplyStarted(STEPS[:1]))
    progress(StepStarted(STEPS[0]))
    progress(StatusSeen(STEPS[0], NEW, "CREATING\x1b[2J", 1, 4, "a\n::error::b\u202e"))
    clock.sleep(10)
    progress(Tick())
    assert stream.getvalue().splitlines()[1:] == [
        "notebook.carol: Still creating... [10s elapsed] CREATING\\x1b[2J · 1/4 a\\n::error::b\\u202e"
    ]


def test_a_stream_without_unicode_gets_ascii() -> None:
    """The middle dot of a status would fail on a terminal in plain ASCII."""
    clock, raw = HandClock(), io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    progress = PlainProgress(stream, clock)
    progress(StepStarted(STEPS[0]))
    progress(StatusSeen(STEPS[0], NEW, "CREATING", 1, 4, "größer"))
    clock.sleep(10)
    progress(Tick())
    assert b"CREATING - 1/4 gr\\xf6\\xdfer" in raw.getvalue()


def test_lines_of_many_threads_are_whole() -> None:
    """Workers report at once; no line is torn."""
    steps = planned(after={f"n{number:02}": {} for number in range(40)}).pending
    stream = io.StringIO()
    progress = PlainProgress(stream, HandClock())

    def work(mine: tuple[Step, ...]) -> None:
        for each in mine:
            progress(StepStarted(each))
            progress(StepCompleted(each, NEW, 0.0))

    threads = [threading.Thread(target=work, args=(steps[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shape = re.compile(rf"notebook\.n\d\d: (Creating\.\.\.|Creation complete after 0s \[id={NEW}\])")
    lines = stream.getvalue().splitlines()
    assert (len(lines), [line for line in lines if not shape.fullmatch(line)]) == (80, [])


def test_a_reader_that_went_away_does_not_end_the_run() -> None:
    """`apply 2>&1 | head` must not stop an apply half-way."""
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"lost")
    stream = io.TextIOWrapper(io.FileIO(writer, "w"), encoding="utf-8")
    with stream, PlainProgress(stream, HandClock()) as progress:
        progress(StepStarted(STEPS[0]))
        progress(StepCompleted(STEPS[0], NEW, 1.0))


def test_news_of_a_step_that_ended_are_ignored() -> None:
    """A status that arrives late neither fails nor shows the step again."""
    clock, stream = HandClock(), io.StringIO()
    progress = PlainProgress(stream, clock)
    progress(StepStarted(STEPS[0]))
    progress(StepCompleted(STEPS[0], NEW, 0.0))
    shown = stream.getvalue()
    progress(StatusSeen(STEPS[0], NEW, "RUNNING"))
    clock.sleep(60)
    progress(Tick())
    assert stream.getvalue() == shown


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (38, "38s"), (64, "1m4s"), (600, "10m0s"), (3600, "1h0m0s"), (7323.9, "2h2m3s")]
)
def test_durations_are_written_as_terraform_does(seconds: float, text: str) -> None:
    """Whole seconds, the larger units in front."""
    assert elapsed_text(seconds) == text


@pytest.mark.parametrize(
    ("stream", "environment", "kind"),
    [
        (Terminal(), {"TERM": "xterm"}, "LiveProgress"),
        (Terminal(), {"TERM": "xterm", "CI": "false"}, "LiveProgress"),
        (Terminal(), {"TERM": "xterm", "CI": "true"}, "PlainProgress"),
        (Terminal(), {"TERM": "dumb"}, "PlainProgress"),
        (io.StringIO(), {"TERM": "xterm"}, "PlainProgress"),
    ],
)
def test_only_a_person_at_a_terminal_gets_the_live_area(
    stream: io.StringIO, environment: dict[str, str], kind: str
) -> None:
    """Pipes, CI and dumb terminals get lines."""
    assert type(progress_for(stream, environment, HandClock())).__name__ == kind
