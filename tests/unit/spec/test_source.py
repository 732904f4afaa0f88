"""Bytes and syntax: the first part of the matrix of bad input, and what is read from good input."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner.errors import Diagnostic
from provisioner.spec.source import MAX_DEPTH, MAX_SCALAR, read_source
from provisioner.spec.text import MAX_BYTES
from provisioner.spec.tree import plain
from tests.unit.spec.specs import unmarked, words


def values(data: str | bytes) -> Any:
    """What the tree of a good file holds."""
    source = read_source("a.yaml", data if isinstance(data, bytes) else data.encode())
    assert () == source.problems
    assert source.root
    return plain(source.root)


def refusals(data: str | bytes) -> tuple[Diagnostic, ...]:
    return read_source("a.yaml", data if isinstance(data, bytes) else data.encode()).problems


# The mark § stands where the problem must be shown.
SYNTAX = {
    "B01-tab": ("a:\n§\tb: 1\n", "E101", "use spaces"),
    "B04-nul": ("a: 1\nb: x§\0y\n", "E103", "U+0000"),
    "B04-escape": ("a: x§\x1b[2J\n", "E103", "U+001B"),
    "B06-nul-escaped": ('a: §"\\0"\n', "E104", "U+0000"),
    "B06-ansi-escaped": ('a: §"\\e[2J"\n', "E104", "U+001B"),
    "B07-bidi": ("a: x§\u202ey\n", "E104", "U+202E"),
    "B07-bidi-in-comment": ("a: 1 # §\u2066\n", "E104", "U+2066"),
    "B07-bidi-escaped": ('a: §"\\u202e"\n', "E104", "U+202E"),
    "B07-zero-width": ("a: §x\u200by\n", "E104", "U+200B"),
    "B08-surrogate": ('a: "\\u§d800"\n', "E104", "write the character itself"),
    "B08-other-half": ('a: "\\u§de00\\ud83d"\n', "E104", "write the character itself"),
    "B08-escaped-backslash": ('a: "\\\\ud83d\\u§de00"\n', "E104", "write the character itself"),
    "B08-private-characters-beside": ('a: "\\u§d83d\\ude00 \ue03d"\n', "E104", "write the character itself"),
    "B08-after-a-pair": ('a: "\\ud83d\\ude00"\nb: x§: y\n', "E101", "quote the value"),
    "B09-cr": ("a: 1§\rb: 2\r", "E101", "LF"),
    "B09-nel": ("a: 1§\x85b: 2\n", "E101", "LF"),
    "B09-ls": ("a: 1§\u2028b: 2\n", "E101", "LF"),
    "B10-quote": ('a: 1\nb: §"x\nc: 2\n', "E101", "close it"),
    "B10-list": ("a: §[1, 2\nb: 3\n", "E101", "end it with ]"),
    "B10-map": ("a: §{b: 1\nc: 3\n", "E101", "end it with }"),
    "B10-end-of-file": ("a: [1,\n  §{b:\n\n", "E101", "close it with"),
    "B10-wrong-bracket": ("a: [1, §}\nb: 1\n", "E101", "near this place"),
    "B11-colon": ("a: b§: c\n", "E101", "quote the value"),
    "B11-no-colon": ("a: 1\n§b\n", "E101", "key: value"),
    "B12-at": ("a: §@x\n", "E101", "quote the value"),
    "B12-percent": ("a: §%x\n", "E101", "quote the value"),
    "B12-backtick": ("a: §`x`\n", "E101", "quote the value"),
    "B14-list": ("§- a\n- b\n", "E106", "notebooks:"),
    "B14-text": ("§hello\n", "E106", "notebooks:"),
    "B15-two-documents": ("a: 1\n§---\nb: 1\n", "E107", "first is at line 1"),
    "B16-version": ("§%YAML 2.0\n---\na: 1\n", "E108", "%YAML"),
    "B16-tag-directive": ("§%TAG ! tag:x,2000:\n---\na: 1\n", "E108", "remove the line"),
    "B16-unknown-directive": ("§%FOO x\n---\na: 1\n", "E108", "%"),
    "B17-depth": ("a: " + "[" * (MAX_DEPTH - 1) + "§" + "[" * 50_000, "E109", "flatten"),
    "B20-recursive": ("a: &x [§*x]\n", "E111", "itself"),
    "B20-recursive-merge": ("a: &x {<<: §*x}\n", "E111", "itself"),
    "B21-undefined": ("a: §*x\n", "E111", "no anchor"),
    "B21-doubled": ("a: &x 1\nb: §&x 2\n", "E111", "another name"),
    "B22-merge-of-text": ("a: {<<: §text}\n", "E111", "maps alone"),
    "B23-python": ('a: §!!python/object/apply:os.system ["x"]\n', "E112", "remove the !tag"),
    "B24-own": ("a: §!Foo x\n", "E112", "remove the !tag"),
    "B24-binary": ("a: §!!binary x\n", "E112", "remove the !tag"),
    "B24-set": ("a: §!!set {b}\n", "E112", "remove the !tag"),
    "B24-undefined-handle": ("a: §!x!y z\n", "E112", "remove the !tag"),
    "B25-size": ("§# " + "x" * MAX_BYTES, "E113", "split"),
    "B26-scalar": ("a: §" + "x" * (MAX_SCALAR + 1), "E113", "64 KiB"),
    "B27-duplicate": ("a: 1\nb: 2\n§a: 3\n", "E114", "first at line 1, column 1"),
    "B27-duplicate-in-flow": ("x: {a: 1, §a: 1}\n", "E114", "first at line 1, column 5"),
    "B28-number": ("§1: x\n", "E115", "quote it"),
    "B28-boolean": ("§true: x\n", "E115", "quote it"),
    "B28-null": ("§~: x\n", "E115", "quote it"),
    "B28-list": ("? §[a]\n: x\n", "E115", "quote it"),
    "B36-digits": ("a: §" + "9" * 5000, "E203", "5000 digits"),
    "B94-password": ("a: {§password: hunter2}\n", "E413", "credentials come from the environment"),
    "B94-sk": ("tags:\n  §SK: hunter2\n", "E413", "credentials come from the environment"),
}


@pytest.mark.parametrize("case", SYNTAX)
def test_bad_bytes_are_refused_where_they_stand(case: str) -> None:
    """One problem, with its code, line, column and mend."""
    text, code, mend = SYNTAX[case]
    data, line, column = unmarked(text)
    found = refusals(data)
    assert [(code, line, column)] == [(p.code, p.range.line, p.range.column) for p in found if p.range]
    assert mend in words(found[0])


ENCODINGS = {
    "B03-utf16": ("a: 1".encode("utf-16"), "a.yaml:1:1", "0xFF"),
    "B03-utf32": (b"\0\0\xfe\xff" + "a: 1".encode("utf-32-be"), "a.yaml:1:3", "0xFE"),
    "B05-latin1": ("a: 1\né: caf".encode() + b"\xe9\n", "a.yaml:2:7", "0xE9"),
}


@pytest.mark.parametrize("case", ENCODINGS)
def test_other_encodings_are_refused_at_their_first_byte(case: str) -> None:
    """The message names the byte and says how to save the file."""
    data, place, byte = ENCODINGS[case]
    (problem,) = refusals(data)
    assert ("E102", place) == (problem.code, str(problem.range))
    assert byte in problem.summary
    assert "save the file as UTF-8" == problem.hint


def billion_laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def merge_bomb(levels: int, width: int) -> str:
    lines = ["k0: &k0 {" + ", ".join(f"a{n}: 1" for n in range(20)) + "}"]
    lines += [f"k{n}: &k{n} {{<<: [{', '.join([f'*k{n - 1}'] * width)}]}}" for n in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "B18-billion-laughs": billion_laughs(9),
    "B19-merge-bomb": merge_bomb(60, 100),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_ends_at_the_limit_of_values(bomb: str) -> None:
    """Aliases count at each use, merged keys too."""
    assert ["E110"] == [problem.code for problem in refusals(BOMBS[bomb])]


def test_a_file_without_a_document_is_no_problem_of_syntax() -> None:
    """Empty files have no root; what that means is for the reader of the file to say."""
    for data in ("", "# only this\n", "---\n", "~\n", "\ufeff"):
        source = read_source("a.yaml", data.encode())
        assert (None, ()) == (source.root, source.problems), data


def test_good_bytes_are_accepted() -> None:
    """B02, B09, B16: a byte order mark, CR LF, a %YAML line and JSON are fine."""
    assert {"a": 1} == values("\ufeffa: 1\n")
    assert {"a": "x", "b": 2} == values("a: x\r\nb: 2\r\n")
    assert {"a": "x"} == values("%YAML 1.2\n---\na: x\n...\n")
    assert {"a": [1, True, "/é"]} == values('{"a":[1, true,\t"\\/\\u00e9"]}')


def test_a_character_may_be_written_as_two_escapes() -> None:
    """As json.dumps writes an emoji, in keys too; only where escapes mean something, and with every place kept."""
    document = {"a😀": "x😀😁y", "b": ["\\", "\\😀"], "c": {"d": 5}}
    assert document == values(json.dumps(document))
    assert {"a": "x 😀", "b": r"\uD83D\ude00", "c": "\\uD83d\\uDE00\n"} == values(
        '# \\ud83d\\ude00\na: "x\n  \\uD83D\\uDE00"\nb: \\uD83D\\ude00\nc: |\n  \\uD83d\\uDE00\n'
    )
    text = json.dumps(document)
    tree = read_source("a.json", text.encode()).root
    assert tree
    assert f"a.json:1:{text.index('5') + 1}" == str(tree.entries()["c"].entries()["d"].place.range)


def test_columns_count_characters() -> None:
    """Neither bytes nor UTF-16 units, and a byte order mark does not count."""
    (problem,) = refusals("\ufeffé😀: {a: 1, a: 2}\n")
    assert problem.range
    assert (1, 12) == (problem.range.line, problem.range.column)
    assert "é😀: {a: 1, a: 2}" == problem.source_line


TEXTS = [
    *("no", "Yes", "on", "Off", "True", "Null"),
    *("010", "0o10", "0x1F", "1_000", "0b11", "0123456789", "1e", "+", ".inf", ".nan", "1.2.3"),
    *("1:30", "22:22", "2024-01-01", "2024-13-45", "=", "<<"),
]


def test_plain_scalars_are_read_as_written() -> None:
    """B29 to B44: numbers have one spelling, booleans two words, and the rest is text."""
    assert {"a": TEXTS} == values(f"a: [{', '.join(TEXTS)}]")
    assert {"a": [50, -1, 5, 0, True, False, None]} == values("a: [50, -1, +5, -0, true, false, ~]")
    assert {"a": [50.0, 50.0, 0.5, 1.1]} == values("a: [50.0, 5e1, .5, 1.10]")
    assert {"a": ["50", "true", "~", ""]} == values("""a: ["50", 'true', "~", '']""")


def test_numbers_remember_their_spelling() -> None:
    """`1.10` is a version as often as a number: a text field can have it back."""
    written = values("a: [1.10, 5e1, +5, -0, 12e34567]")["a"]
    assert ["1.10", "5e1", "+5", "-0", "12e34567"] == [number.source_text for number in written]


def test_aliases_and_merges_work_and_point_at_their_use() -> None:
    """B22: own keys win over merged ones, earlier maps over later ones."""
    text = "base: &b {x: 1, y: {z: 2}}\nmore: &m {x: 3, w: 4}\nuse:\n  <<: [*b, *m]\n  y: 5\nalias: *b\n"
    tree = read_source("a.yaml", text.encode()).root
    assert tree
    assert {"x": 1, "y": 5, "w": 4} == plain(tree)["use"]
    assert plain(tree)["base"] == plain(tree)["alias"]
    merged = tree.entries()["use"].entries()
    assert ["a.yaml:4:8", "a.yaml:5:6", "a.yaml:4:12"] == [str(merged[key].place.range) for key in ("x", "y", "w")]
    inside = tree.entries()["alias"].entries()["y"].entries()["z"]
    assert "a.yaml:6:8" == str(inside.place.range)


def test_a_secret_is_not_quoted() -> None:
    """Neither its own problem nor another one in that line shows the value."""
    found = refusals("x: {flavour: 1, token: hunter2, flavour: 2}\n")
    assert ["E413", "E114"] == [problem.code for problem in found]
    assert all("hunter2" not in f"{problem}" for problem in found)


def test_every_problem_of_a_value_is_told() -> None:
    """What is wrong with one value does not hide the next."""
    found = refusals("a: !x 1\nb: *y\nb: 2\n3: c\n")
    assert ["E112", "E111", "E114", "E115"] == [problem.code for problem in found]
