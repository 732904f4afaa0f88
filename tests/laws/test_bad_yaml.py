"""Whatever bytes a spec file holds, loading ends with stacks or with a SpecError whose problems can be shown."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.errors import SpecError
from provisioner.spec.load import load_stacks
from provisioner.views.diagnostics import error_text

SEED = (Path(__file__).parents[2] / "specs" / "quickstart" / "team.yaml").read_bytes()
INDICATORS = [
    b": ",
    b"- ",
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b"'",
    b"&a ",
    b"*a",
    b"<<: ",
    b"!x ",
    b"|\n",
    b">\n",
    b"#",
    b"?",
]
SPACES = [b"\t", b"  ", b"\n", b"\r", b"---\n", b"%YAML 1.2\n"]
REFERENCES = [b"${var.x}", b"'${each.key}'", b"$${", b"variables: {x: {default: y}}\n", b"    for_each: [a]\n"]
RECORDS = [b"imports: [{to: a}]\n", b"moved: [{from: a, to: b}]\n", b"removed: [{from: a}]\n"]
VALUES = [b"~", b"null", b"true", b"1e9", b"010", b"${x}", b"\0", b"\xff", b"\xe2\x80\xae", b"\\ud800"]
KEYS = [b"notebooks:\n", b"defaults:\n", b"volume: ", b"endpoints: ", b"lease: ", b"tags: ", b"duration: ", b"token: "]
PIECES = [*INDICATORS, *SPACES, *REFERENCES, *RECORDS, *VALUES, *KEYS]


@pytest.fixture(scope="module")
def spec() -> Iterator[Path]:
    """A spec file, written again for each example."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "lab.yaml"


def check(spec: Path, data: bytes) -> None:
    """Load `data`; every problem has a code, a mend, and a place that exists in the file."""
    spec.write_bytes(data)
    try:
        load_stacks([spec.name], root=spec.parent)
    except SpecError as error:
        lines = data.count(b"\n") + 1
        for problem in error.problems:
            assert problem.code
            assert problem.hint
            assert problem.range
            assert 1 <= problem.range.line <= lines
            assert problem.range.column >= 1
        error_text(error, color=False).encode("utf-8")


@given(data=st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes(spec: Path, data: bytes) -> None:
    """Nothing but a SpecError comes out."""
    check(spec, data)


@given(
    parts=st.lists(
        st.sampled_from(PIECES) | st.text(max_size=4).map(lambda text: text.encode("utf-8", "replace")), max_size=40
    )
)
@settings(max_examples=300)
def test_any_mixture_of_what_yaml_is_made_of(spec: Path, parts: list[bytes]) -> None:
    """Most of it is nearly valid."""
    check(spec, b"".join(parts))


@given(at=st.integers(0, len(SEED)), cut=st.integers(0, 12), put=st.lists(st.sampled_from(PIECES), max_size=3))
@settings(max_examples=300)
def test_any_damage_to_a_valid_spec(spec: Path, at: int, cut: int, put: list[bytes]) -> None:
    """One place of a good file replaced."""
    check(spec, SEED[:at] + b"".join(put) + SEED[at + cut :])
