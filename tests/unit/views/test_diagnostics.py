"""Diagnostics as people see them."""

from __future__ import annotations

from provisioner.errors import ApiError, Diagnostic, SourceRange, UsageError
from provisioner.views.clean import clean, one_line
from provisioner.views.diagnostics import diagnostics_text, error_text

UNKNOWN = Diagnostic(
    code="E210",
    summary="unknown key `flavr`",
    hint="did you mean `flavor`?",
    range=SourceRange("specs/research/notebooks.yaml", 33, 5, 33, 10),
    source_line="    flavr: modelarts.vm.gpu.v100",
)
OPEN = Diagnostic(
    code="W309",
    summary="SSH is open to every address",
    detail="anyone may try a key",
    severity="warning",
    range=SourceRange("specs/research/notebooks.yaml", 101, 7, 102, 3),
    source_line="      service: SSH",
)

GOLDEN = """\
error[E210]: unknown key `flavr`
  --> specs/research/notebooks.yaml:33:5
   |
33 |     flavr: modelarts.vm.gpu.v100
   |     ^^^^^
   = help: did you mean `flavor`?

warning[W309]: SSH is open to every address
   --> specs/research/notebooks.yaml:101:7
    |
101 |       service: SSH
    |       ^^^^^^^^^^^^
    = note: anyone may try a key

Found 1 error, 1 warning in 1 of 3 files."""


def shown(diagnostic: Diagnostic) -> list[str]:
    return diagnostics_text([diagnostic], color=False).splitlines()


def at(column: int, end: int, line: str) -> Diagnostic:
    return Diagnostic(code="E1", summary="s", range=SourceRange("f", 1, column, 1, end), source_line=line)


def test_every_diagnostic_shows_its_place_and_its_mend() -> None:
    """The whole form, as it is promised."""
    assert GOLDEN == diagnostics_text([UNKNOWN, OPEN], color=False, files=3)


def test_the_count_names_the_files_concerned() -> None:
    """Without the number of files read when that is unknown; without files when no place is known."""
    assert "Found 2 errors in 1 file." == diagnostics_text([UNKNOWN, UNKNOWN], color=False).splitlines()[-1]
    assert "Found 1 warning." == shown(Diagnostic("W405", "x", severity="warning"))[-1]


def test_colour_adds_nothing_but_colour() -> None:
    """Taken away, the same text is left."""
    colored = diagnostics_text([UNKNOWN, OPEN], color=True, files=3)
    assert "\x1b[31m" in colored
    for code in ("0", "1", "2", "31", "33"):
        colored = colored.replace(f"\x1b[{code}m", "")
    assert GOLDEN == colored


def test_a_problem_without_a_place_is_an_error_in_words() -> None:
    """What happened, what and why, and the mend; nothing is counted."""
    error = UsageError("the endpoint cannot be used", detail="It is http.", hint="write https://")
    assert "Error: the endpoint cannot be used\n\nIt is http.\n\nhint: write https://" == error_text(error, color=False)
    assert "Error: short" == error_text(UsageError("short"), color=False)


def test_a_refusal_of_the_service_can_have_a_place_too() -> None:
    """No code of ours, but the line of the spec that it is about."""
    place = SourceRange("a.yaml", 3, 5, 3, 9)
    assert ["Error: create failed", " --> a.yaml:3:5", "  = note: no", "  = help: wait"] == shown(
        Diagnostic(code="", summary="create failed", detail="no", hint="wait", range=place)
    )


def test_foreign_text_cannot_steer_the_terminal_or_imitate_us() -> None:
    """Controls become visible; a newline in a summary too; further lines of a detail are indented."""
    error = ApiError("\x1b]52;c;x\x07bad\nError: all is well", status=400)
    assert error_text(error, color=False).startswith("Error: 400: \\x1b]52;c;x\\x07bad\\nError: all is well")
    lines = shown(Diagnostic("E1", "s", detail="one\nFound 0 errors\u202e"))
    assert [" = note: one", "         Found 0 errors\\u202e"] == lines[1:3]


def test_marks_stand_below_what_they_mean() -> None:
    """Tabs stay tabs, wide characters take two columns, escapes as many as they are long."""
    assert ["1 | \ta: x", "  | \t   ^"] == shown(at(5, 6, "\ta: x"))[3:5]
    assert ["1 | 笔: x", "  |     ^"] == shown(at(4, 5, "笔: x"))[3:5]
    assert ["1 | \\u202e: x", "  |         ^"] == shown(at(4, 5, "\u202e: x"))[3:5]
    assert ["1 | a:", "  |   ^"] == shown(at(3, 3, "a:"))[3:5]


def test_a_long_line_is_cut_around_the_place() -> None:
    """The marked part is in sight, and ellipses tell that there is more."""
    line = "a" * 500 + "X" + "b" * 500
    shown_line, marks = shown(at(501, 502, line))[3:5]
    assert len(shown_line) < 130
    assert "X" == shown_line[marks.index("^")]
    assert shown_line.startswith("1 | …a")
    assert shown_line.endswith("b…")


def test_clean_spells_out_what_terminals_obey_or_hide() -> None:
    """C0 and C1 controls, bidirectional overrides, zero-width characters, lone surrogates; not newline and tab."""
    assert "\\x1b[2J \\r \\x00 \\x9b \\x7f" == clean("\x1b[2J \r \0 \x9b \x7f")
    assert "\\u202e \\u2066 \\u200b \\ufeff \\u2028 \\ud800 \\U000e0041" == clean(
        "\u202e \u2066 \u200b \ufeff \u2028 \ud800 \U000e0041"
    )
    assert "é 笔记本 😀\n\t" == clean("é 笔记本 😀\n\t")
    assert "a\\nb" == one_line("a\nb")
