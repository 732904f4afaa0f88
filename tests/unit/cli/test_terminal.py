"""What is known of the terminal and of who runs us."""

from __future__ import annotations

import io

import pytest

from provisioner.cli.terminal import colored, may_advise, may_ask


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("environ", "on_terminal", "in_pipe"),
    [
        ({}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR_FORCE": "0", "FORCE_COLOR": "0"}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
    ],
)
def test_colour(environ: dict[str, str], on_terminal: bool, in_pipe: bool) -> None:  # noqa: FBT001 - a table
    """NO_COLOR wins over FORCE_COLOR, that over TERM=dumb, that over what the stream is."""
    streams = (Stream(terminal=True), Stream(terminal=False))
    assert (on_terminal, in_pipe) == tuple(colored(stream, environ) for stream in streams)


@pytest.mark.parametrize("environ", [{"TF_IN_AUTOMATION": "0"}, {"CI": "true"}])
def test_no_advice_to_machines(environ: dict[str, str]) -> None:
    """Any text in TF_IN_AUTOMATION counts, as in Terraform."""
    assert may_advise(Stream(terminal=True), {})
    assert not may_advise(Stream(terminal=False), {})
    assert not may_advise(Stream(terminal=True), environ)


@pytest.mark.parametrize("environ", [{"TF_INPUT": "0"}, {"TF_INPUT": "false"}, {"CI": "1"}])
def test_nobody_to_ask(environ: dict[str, str]) -> None:
    """TF_IN_AUTOMATION alone forbids no question, as in Terraform."""
    assert may_ask(wanted=True, environ={"TF_IN_AUTOMATION": "1", "TF_INPUT": "", "CI": "false"})
    assert not may_ask(wanted=False, environ={})
    assert not may_ask(wanted=True, environ=environ)
