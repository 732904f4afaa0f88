"""The live area as it stands on a screen: a terminal emulator reads what is written and shows it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import pexpect
import pyte
import pytest

from provisioner.errors import ApiError
from provisioner.events import (
    ApplyCompleted,
    ApplyStarted,
    Event,
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
from provisioner.views.live import LiveProgress
from tests.builders import HandClock, instance_id, planned, step

STEPS = (
    step(Action.CREATE, "carol"),
    step(Action.UPDATE, "alice"),
    step(Action.REPLACE, "bob"),
    step(Action.DELETE, "dave"),
)
NEW = instance_id(99)
# Between two events, a whole number of turns of the spinner.
SECONDS_EACH = 5


class Window:
    """A terminal of a given size, and the live area that is drawn into it."""

    def __init__(self, columns: int = 100, lines: int = 12, encoding: str = "utf-8") -> None:
        self.clock = HandClock(1000.0)
        self.screen = pyte.Screen(columns, lines)
        self._terminal = pyte.Stream(self.screen)
        self._raw = io.BytesIO()
        self._encoding = encoding
        stream = io.TextIOWrapper(self._raw, encoding=encoding, newline="\r\n", write_through=True)
        self.progress = LiveProgress(stream, {"TERM": "xterm-256color"}, self.clock)
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        self.progress.console.size = (columns, lines)

    def after(self, *events: Event) -> list[str]:
        """What stands on the screen after these events, each drawn."""
        for event in events:
            self.clock.sleep(SECONDS_EACH)
            self.progress(event)
        return self.shown()

    def shown(self) -> list[str]:
        self._terminal.feed(self._raw.getvalue().decode(self._encoding))
        self._raw.seek(0)
        self._raw.truncate()
        return [line.rstrip() for line in self.screen.display if line.strip()]


def started(steps: Sequence[Step] = STEPS) -> list[Event]:
    return [ApplyStarted(tuple(steps)), *(StepStarted(each) for each in steps)]


def test_a_row_tells_what_is_done_and_what_the_service_says() -> None:
    """Each step under way has a row, below a bar over the whole."""
    window = Window()
    carol, alice, bob, _ = STEPS
    with window.progress:
        lines = window.after(
            *started(STEPS[:3]),
            OperationStarted(alice, alice.operations[0], 1),
            OperationStarted(bob, bob.operations[1], 2),
            StatusSeen(carol, NEW, "CREATING", 2, 4, "Prepare the compute resource."),
        )
    assert lines == [
        " ────────────────────  0 of 3 · 30s · ctrl-c once to stop after running operations",
        " ⠋ notebook.carol      25s  creating  CREATING · 2/4 Prepare the compute resource.",
        " ⠋ notebook.alice      20s  changing: stop 1/3",
        " ⠋ notebook.bob        15s  replacing: create 2/2",
    ]


def test_what_ended_stands_above_and_what_waits_is_counted() -> None:
    """Finished steps leave the area and stay in the scrollback."""
    window = Window()
    carol, alice, bob, _ = STEPS
    with window.progress:
        lines = window.after(
            ApplyStarted(STEPS),
            StepStarted(carol),
            StepStarted(alice),
            StepStarted(bob),
            StepCompleted(carol, NEW, 1.0),
            StepFailed(alice, ApiError("sold out\nin cn-north-4", code="ModelArts.6309"), 1.0),
        )
    assert lines == [
        " ✓ notebook.carol      15s  created",
        " ✗ notebook.alice      15s  failed  ModelArts.6309: sold out\\nin cn-north-4",
        " ━━━━━━━━━━──────────  2 of 4 · 25s · ctrl-c once to stop after running operations",
        " ⠋ notebook.bob        10s  replacing",
        "   + 1 waiting · 1 failed",
    ]


def test_the_area_is_gone_when_the_run_is_over() -> None:
    """Only what ended and the last line remain, and the cursor is back."""
    window = Window()
    carol, alice, *_ = STEPS
    with window.progress:
        assert window.after(*started(STEPS[:2]))
        assert window.screen.cursor.hidden
        window.after(StepCompleted(carol, NEW, 1.0), StepInterrupted(alice), ApplyCompleted(44, 42, 5.0))
    assert window.shown() == [
        " ✓ notebook.carol      10s  created",
        " ! notebook.alice      10s  interrupted  the next apply continues it",
        "Done after 5s and 42 requests; the state is written (serial 44).",
    ]
    assert not window.screen.cursor.hidden


def test_reading_is_shown_while_it_lasts() -> None:
    """A refresh has one row, then one line."""
    window = Window()
    with window.progress:
        assert window.after(RefreshStarted("lab", 60)) == [" ⠋ Reading 60 notebooks..."]
        lines = window.after(RefreshCompleted("lab", 60, 2, 0.4))
    assert lines == ["Read 60 notebooks in 2 requests, 0.4s"]


def test_a_tall_stack_fits_the_window() -> None:
    """Only as many rows as there is room for; the rest is counted, and nothing scrolls."""
    steps = planned(after={f"n{number:02}": {} for number in range(60)}).pending
    window = Window(lines=8)
    with window.progress:
        window.after(ApplyStarted(steps), *(StepStarted(each) for each in steps[:30]))
        lines = window.after(*(Tick() for _ in range(20)))
    assert [line.split()[1] for line in lines[1:-1]] == [f"notebook.n{number:02}" for number in range(5)]
    assert "0 of 60" in lines[0]
    assert lines[-1] == "   + 25 under way · + 30 waiting"


@pytest.mark.parametrize("columns", [80, 40, 24])
def test_rows_are_cut_not_wrapped_when_the_window_shrinks(columns: int) -> None:
    """After a resize every step still has exactly one line, its address whole."""
    window = Window()
    events = [StatusSeen(each, NEW, "CREATING", 1, 4, "Prepare the storage. " * 10) for each in STEPS]
    with window.progress:
        window.after(*started(), *events)
        window.screen.erase_in_display(2)
        window.resize(columns, 12)
        lines = window.after(Tick(), Tick())
    assert [line.split()[1] for line in lines[1:5]] == [str(each.address) for each in STEPS]
    assert len(lines) == 5
    assert max(map(len, lines)) < columns


def test_many_events_at_once_are_drawn_once() -> None:
    """A burst within an eighth of a second is one drawing."""
    window = Window()
    with window.progress:
        window.after(*started())
        for _ in range(100):
            window.progress(StatusSeen(STEPS[0], NEW, "CREATING", 2, 4, "a new word"))
        assert not any("a new word" in line for line in window.shown())
        assert any("a new word" in line for line in window.after(Tick()))


def test_ascii_is_enough() -> None:
    """A terminal without Unicode gets the same rows in ASCII."""
    window = Window(encoding="ascii")
    with window.progress:
        lines = window.after(*started(STEPS[:2]), StepCompleted(STEPS[0], NEW, 1.0), Tick())
    assert lines == [
        " + notebook.carol      10s  created",
        " ##########..........  1 of 2 - 20s - ctrl-c once to stop after running operations",
        " | notebook.alice      10s  changing",
    ]


def test_foreign_words_cannot_act_on_the_terminal() -> None:
    """What the service says is shown, not obeyed, and is no markup."""
    window = Window()
    with window.progress:
        lines = window.after(
            *started(STEPS[:1]), StatusSeen(STEPS[0], NEW, "\x1b[2J[red]CREATING\u202e", 1, 4, "a\nb\tc")
        )
    assert "\\x1b[2J[red]CREATING\\u202e · 1/4 a\\nb" in lines[-1]


CRASHING = """
import os, sys
from provisioner.events import ApplyStarted, StepStarted
from provisioner.views.progress import progress_for
from tests.builders import HandClock, planned
plan = planned(after={f"n{number:02}": {} for number in range(30)})
clock = HandClock()
with progress_for(sys.stderr, os.environ, clock) as progress:
    progress(ApplyStarted(plan.pending))
    for step in plan.pending:
        clock.sleep(1)
        progress(StepStarted(step))
    if sys.argv[1] == "crash":
        raise SystemExit("crashed")
    input("frozen")
"""


def on_a_real_terminal(how: str, *, no_color: bool = False) -> tuple[pyte.Screen, str]:
    """Run the script on a pseudo-terminal of 60 columns and 10 lines until it says its last word."""
    screen = pyte.Screen(60, 10)
    environment = {"TERM": "xterm-256color", "PYTHONPATH": ":".join(sys.path), "NO_COLOR": "1" if no_color else ""}
    child = pexpect.spawn(
        sys.executable,
        ["-c", CRASHING, how],
        dimensions=(10, 60),
        env=environment,
        encoding="utf-8",
        timeout=60,
    )
    child.logfile_read = written = io.StringIO()
    child.expect("crashed" if how == "crash" else "frozen")
    if how == "crash":
        child.expect(pexpect.EOF)
    child.close(force=True)
    pyte.Stream(screen).feed(written.getvalue())
    return screen, written.getvalue()


def test_the_size_of_the_terminal_is_obeyed() -> None:
    """Ten lines and sixty columns are neither exceeded nor left unused."""
    screen, written = on_a_real_terminal("wait")
    lines = [line.rstrip() for line in screen.display]
    assert lines[0].startswith(" ─────")
    assert [line.split()[1] for line in lines[1:8]] == [f"notebook.n{number:02}" for number in range(7)]
    assert "+ 23 under way" in lines[8]
    assert "\x1b[?25l" in written


def test_a_crash_gives_the_cursor_back() -> None:
    """Whatever ends the run, the area is wiped and the cursor is visible."""
    screen, written = on_a_real_terminal("crash")
    assert [line.rstrip() for line in screen.display if line.strip()] == ["crashed"]
    assert not screen.cursor.hidden
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


def test_a_closed_terminal_does_not_end_the_run() -> None:
    """When the window is gone, events are taken as before."""
    master, slave = os.openpty()
    stream = io.TextIOWrapper(io.FileIO(slave, "w"), encoding="utf-8")
    with stream, LiveProgress(stream, {"TERM": "xterm"}, HandClock()) as progress:
        os.close(master)
        with pytest.raises(OSError, match="Input/output"):
            os.write(slave, b"lost")
        for event in [*started(), Tick(), StepCompleted(STEPS[0], NEW, 1.0), ApplyCompleted(1, 1, 1.0)]:
            progress(event)


@pytest.mark.parametrize("no_color", [True, False])
def test_no_color_is_honoured(*, no_color: bool) -> None:
    """With NO_COLOR the area moves but has no colour."""
    _, written = on_a_real_terminal("wait", no_color=no_color)
    assert ("\x1b[36m" not in written) is no_color
