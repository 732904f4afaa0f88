"""`${...}`: what it becomes, and with which type. What may not stand in it is in test_bad_input."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import Diagnostic
from provisioner.spec.interpolate import Interpolation
from provisioner.spec.project import Project
from provisioner.spec.source import read_source
from provisioner.spec.tree import BROKEN, plain
from provisioner.spec.variables import variables_of
from tests.unit.spec.specs import given, load, notebook, only, problems, refusal, with_lines, words, write

VARIABLES = """\
variables:
  name: {default: bob}
  version: {default: 1.10}
  size: {type: number, default: 50}
  share: {type: bool, default: true}
  tags: {type: map, default: {cost: a, nested: {deep: x}}}
  ips: {type: list, default: [203.0.113.7, 203.0.113.8]}
  odd: {default: "$${var.name}"}
"""
PLAIN = VARIABLES.replace('  odd: {default: "$${var.name}"}\n', "")

TEXTS = {
    "alone": ("${var.name}", "bob"),
    "spaces": ("${ var.name }", "bob"),
    "inside": ("a ${var.name}, b", "a bob, b"),
    "two": ("${var.name}${var.name}", "bobbob"),
    "spelling": ("${var.version}", "1.10"),
    "spelling-inside": ("v${var.version}", "v1.10"),
    "number-inside": ("${var.size} GB", "50 GB"),
    "boolean-inside": ("x ${var.share}", "x true"),
    "entry": ("${var.tags.cost}", "a"),
    "entry-deep": ("${var.tags.nested.deep}", "x"),
    "escaped": ("$${var.name}", "${var.name}"),
    "escaped-and-not": ("$${a} ${var.name}", "${a} bob"),
    "dollars": ("$ $$ $x {y} $$${z}", "$ $$ $x {y} $${z}"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_text_with_values_in_it(case: str, tmp_path: Path) -> None:
    """Scalars as they were written; nothing else in a text means anything."""
    text, expected = TEXTS[case]
    write(tmp_path, specs__a=PLAIN + with_lines(f"description: '{text}'"))
    assert expected == only(load(tmp_path)).notebook.description


def test_a_whole_value_keeps_its_type(tmp_path: Path) -> None:
    """Number, boolean, list and map."""
    lines = [
        "tags: ${var.tags.nested}",
        "endpoints: [{service: SSH, key_pair_names: [k], allowed_access_ips: '${var.ips}'}]",
    ]
    volume = '{category: EVS, ownership: MANAGED, capacity: "${var.size}", read_only: "${var.share}"}'
    write(
        tmp_path,
        specs__a=PLAIN + notebook(volume=volume) + "".join(f"    {line}\n" for line in lines),
    )
    found = only(load(tmp_path)).notebook
    assert (50, True, {"deep": "x"}) == (found.volume.capacity, found.volume.read_only, found.tags)
    assert ("203.0.113.7", "203.0.113.8") == (found.endpoints or ())[0].allowed_access_ips


def test_a_map_merges_with_defaults_as_if_it_were_written_there(tmp_path: Path) -> None:
    """On both sides, and from `each` too."""
    spec = """\
variables:
  base: {type: map, default: {team: vision, cost: a}}
  own: {type: map, default: {cost: b}}
defaults:
  tags: ${var.base}
"""
    write(tmp_path, specs__a=spec + with_lines("tags: ${var.own}"))
    assert {"team": "vision", "cost": "b"} == only(load(tmp_path)).notebook.tags
    each = "defaults: {tags: '${each.value}'}\n" + with_lines("for_each: {x: {team: t, cost: a}}", "tags: {cost: b}")
    write(tmp_path, specs__a=each)
    assert {"team": "t", "cost": "b"} == only(load(tmp_path), 'a["x"]').notebook.tags


def test_a_notebook_may_be_one_variable(tmp_path: Path) -> None:
    """And so may all of them."""
    fields = notebook().removeprefix("notebooks:\n  a:\n").replace("    ", "      ")
    spec = f"variables:\n  x:\n    type: map\n    default:\n{fields}"
    write(tmp_path, specs__a=spec + "notebooks: {b: '${var.x}'}\n")
    assert "modelarts.vm.cpu.2u" == only(load(tmp_path), "b").notebook.flavor


def test_a_result_is_not_interpolated_again(tmp_path: Path) -> None:
    """What a value says stays what it says."""
    write(tmp_path, specs__a="variables: {x: {}, y: {default: z}}\n" + with_lines("tags: {k: '${var.x}'}"))
    (problem,) = problems(tmp_path, project=given(x="${var.y}"))
    assert "E317" == problem.code
    write(tmp_path, specs__a="variables: {x: {}, y: {default: z}}\n" + with_lines("description: '${var.x}'"))
    assert "${var.y}" == only(load(tmp_path, project=given(x="${var.y}"))).notebook.description


BAD = {
    "map-in-text": ("description: a §${var.tags}", "E411", "is a map, which text cannot hold"),
    "list-in-text": ("description: a §${var.ips}", "E411", "is a list, which text cannot hold"),
    "no-such-key": ("description: §${var.tags.cots}", "E411", "did you mean `cost`?"),
    "no-such-key-deep": ("description: x §${var.tags.nested.zzz}", "E411", "it has deep"),
    "no-map": ("description: x §${var.name.first}", "E411", "`var.name` is no map"),
    "near": ("description: x §${var.nam}", "E227", "did you mean `var.name`?"),
    "var-forgotten": ("description: x §${name}", "E411", "write ${var.name}"),
    "upper-case": ("description: x §${VAR.name}", "E411", "there are ${var.NAME}"),
    "index": ("description: x §${var.ips[0]}", "E411", "there are ${var.NAME}"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_reference_is_shown_inside_of_its_text(case: str, tmp_path: Path) -> None:
    """With its code and mend."""
    marked, code, mend = BAD[case]
    problem = refusal(tmp_path, PLAIN + with_lines(marked))
    assert code == problem.code
    assert mend in words(problem)


def test_a_default_may_not_be_interpolated(tmp_path: Path) -> None:
    """Not even escaped: it would look as if it could."""
    write(tmp_path, specs__a=VARIABLES + notebook())
    assert ["E411"] == [problem.code for problem in problems(tmp_path)]


def test_what_is_wrong_in_a_value_is_shown_at_its_use(tmp_path: Path) -> None:
    """A key of a map that a field does not have."""
    spec = "variables: {v: {type: map, default: {category: EVS, ownership: MANAGED, capacty: 5}}}\n"
    write(tmp_path, specs__a=spec + notebook(volume="${var.v}"))
    found = problems(tmp_path)
    assert [("E210", "specs/a.yaml:6:13")] == [(problem.code, str(problem.range)) for problem in found]
    assert "`var.v` is a map from its default at specs/a.yaml:1:37" == found[0].detail


def test_a_long_result_is_refused(tmp_path: Path) -> None:
    """The limit of 64 KiB holds for what a text becomes."""
    big = "x" * 40_000
    write(tmp_path, specs__a=f"variables: {{x: {{default: {big}}}}}\n" + with_lines("description: ${var.x}${var.x}"))
    assert ["E113"] == [problem.code for problem in problems(tmp_path)]


def test_values_are_counted_at_each_use() -> None:
    """A small file must not become a large stack. What is too much is told once."""
    root = read_source("a.yaml", b"variables: {x: {type: list, default: [k, k, k]}}\nuse: '${var.x}'\n").root
    assert root
    found: list[Diagnostic] = []
    interpolation = Interpolation(variables_of([root], Project(), found).values, found, most=8)
    use = root.entries()["use"]
    assert [["k", "k", "k"]] * 2 == [plain(interpolation.resolved(use)) for _ in range(2)]
    assert () == tuple(found)
    assert [plain(interpolation.resolved(use)) for _ in range(2)] == [BROKEN, BROKEN]
    assert [("E110", "a.yaml:2:6")] == [(problem.code, str(problem.range)) for problem in found]
