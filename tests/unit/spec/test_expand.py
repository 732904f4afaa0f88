"""`for_each`: instances, their addresses and names, and what may stand in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.spec.specs import given, load, notebook, only, problems, refusal, with_lines, words, write


def addresses(directory: Path) -> list[str]:
    (stack,) = load(directory)
    return list(map(str, stack.notebooks))


def test_a_map_makes_an_instance_for_each_entry(tmp_path: Path) -> None:
    """`each.key` is the key, `each.value` the value, with its type."""
    volume = '{category: EVS, ownership: MANAGED, capacity: "${each.value.size.gb}"}'
    spec = notebook("gpu", volume=volume) + (
        "    description: ${each.key} has ${each.value.size.gb}\n"
        "    for_each: {bob: {size: {gb: 100}}, carol: {size: {gb: 200}}}\n"
    )
    write(tmp_path, specs__a=spec)
    assert ['notebook.gpu["bob"]', 'notebook.gpu["carol"]'] == addresses(tmp_path)
    carol = only(load(tmp_path), 'gpu["carol"]')
    assert ("gpu-carol", "carol has 200", 200) == (
        carol.notebook.name,
        carol.notebook.description,
        carol.notebook.volume.capacity,
    )
    assert "specs/a.yaml:2:3" == str(carol.source)


def test_a_list_makes_an_instance_for_each_text(tmp_path: Path) -> None:
    """Which is its key and its value; a plain number is text as it is written."""
    write(tmp_path, specs__a=with_lines("for_each: [x, 1.10]", "description: ${each.key} ${each.value}"))
    assert ['notebook.a["x"]', 'notebook.a["1.10"]'] == addresses(tmp_path)
    assert "1.10 1.10" == only(load(tmp_path), 'a["1.10"]').notebook.description


def test_no_entries_mean_no_notebooks(tmp_path: Path) -> None:
    """Of this KEY."""
    write(tmp_path, specs__a=with_lines("for_each: {}"))
    assert [] == addresses(tmp_path)
    write(tmp_path, specs__a=with_lines("for_each: []"))
    assert [] == addresses(tmp_path)


def test_a_variable_may_say_for_what(tmp_path: Path) -> None:
    """As a whole, or inside of a map."""
    write(tmp_path, specs__a="variables: {x: {type: list}}\n" + with_lines("for_each: ${var.x}"))
    (stack,) = load(tmp_path, project=given(x="[b, c]"))
    assert ['notebook.a["b"]', 'notebook.a["c"]'] == list(map(str, stack.notebooks))
    lines = ["for_each: {b: {c: '${var.x}'}}", "description: ${each.value.c}"]
    write(tmp_path, specs__a="variables: {x: {}}\n" + with_lines(*lines))
    assert "d" == only(load(tmp_path, project=given(x="d")), 'a["b"]').notebook.description


def test_defaults_may_use_each(tmp_path: Path) -> None:
    """Where every notebook that takes them has a for_each; what is overridden is not asked for."""
    defaults = "defaults: {description: 'of ${each.key}', tags: {size: '${each.value.size}'}}\n"
    write(tmp_path, specs__a=defaults + with_lines("for_each: [b]", "tags: {size: '1'}"))
    found = only(load(tmp_path), 'a["b"]').notebook
    assert ("of b", {"size": "1"}) == (found.description, found.tags)


def test_a_default_that_uses_each_is_refused_where_there_is_none(tmp_path: Path) -> None:
    """At the default, with the address that takes it."""
    problem = refusal(tmp_path, "defaults: {description: 'of §${each.key}'}\n" + notebook())
    assert ("E411", "notebook.a") == (problem.code, problem.address)
    assert "notebook.a has no `for_each`" in problem.summary


def test_a_name_is_made_of_what_a_name_may_have(tmp_path: Path) -> None:
    """Everything else becomes a hyphen; who does not like it writes a name."""
    write(tmp_path, specs__a=with_lines('for_each: ["b c/ü.d"]'))
    assert "a-b-c---d" == only(load(tmp_path), 'a["b c/ü.d"]').notebook.name
    write(tmp_path, specs__a=with_lines('for_each: ["b c"]', "name: x_${each.key}"))
    assert ["E206"] == [problem.code for problem in problems(tmp_path)]


def test_a_name_that_gets_too_long_must_be_given(tmp_path: Path) -> None:
    """The message says how."""
    write(tmp_path, specs__a=with_lines(f"for_each: [{'n' * 63}]"))
    (problem,) = problems(tmp_path)
    assert ("E206", "give it one: `name: short-${each.key}`") == (problem.code, problem.hint)
    write(tmp_path, specs__a=with_lines(f"for_each: [{'n' * 63}]", "name: x"))
    assert 1 == len(addresses(tmp_path))
    write(tmp_path, specs__a="defaults: {name: x}\n" + with_lines(f"for_each: [{'n' * 63}]"))
    assert 1 == len(addresses(tmp_path))


BAD = {
    "text": ("for_each: §a", "E224", "for_each: [alice, bob]"),
    "number": ("for_each: §3", "E224", "for_each: [alice, bob]"),
    "twice": ("for_each: [b, §b]", "E207", "specs/a.yaml:6:16"),
    "twice-as-written": ("for_each: [1, §'1']", "E207", "remove one of the two"),
    "map-in-list": ("for_each: [§{a: b}]", "E224", "texts alone"),
    "boolean-in-list": ("for_each: [§true]", "E224", "quote it"),
    "empty": ("for_each: [§'']", "E224", "1 to 64 characters"),
    "quote": ("for_each: [§'\"']", "E224", "no quotes"),
    "bracket": ("for_each: {§'a[0]': x}", "E224", "brackets"),
    "backslash": ("for_each: [§'a\\b']", "E224", "backslashes"),
    "line-break": ('for_each: [§"a\\nb"]', "E224", "line breaks"),
    "space": ("for_each: [§' a']", "E224", "no space at either end"),
    "long": ("for_each: [§" + "n" * 65 + "]", "E224", "1 to 64"),
    "each": ("for_each: {b: §'${each.key}'}", "E411", "what `for_each` gives"),
    "each-whole": ("for_each: §${each.value}", "E411", "what `for_each` gives"),
    "each-in-list": ("for_each: [§'x${each.key}']", "E411", "what `for_each` gives"),
    "no-map": ("description: x §${each.value.size}", "E411", "`each.value` is no map"),
    "key-of-key": ("description: x §${each.key.size}", "E411", "there are ${var.NAME}"),
    "other": ("description: x §${each.index}", "E411", "there are ${var.NAME}"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_a_for_each_cannot_have(case: str, tmp_path: Path) -> None:
    """Shown where it stands, with the mend."""
    marked, code, mend = BAD[case]
    lines = [marked] if "for_each" in marked else ["for_each: [b]", marked]
    problem = refusal(tmp_path, with_lines(*lines))
    assert code == problem.code
    assert mend in words(problem)


def test_a_fault_of_one_instance_names_it(tmp_path: Path) -> None:
    """And says where its value stands; a fault of all of them is told once."""
    volume = '{category: EVS, ownership: MANAGED, capacity: §"${each.value.gb}"}'
    lines = "    for_each: {b: {gb: 50}, c: {gb: 4}}\n"
    problem = refusal(tmp_path, notebook(volume=volume) + lines)
    assert ("E304", 'notebook.a["c"]') == (problem.code, problem.address)
    assert "`${each.value.gb}` is set at specs/a.yaml:6:37" == problem.detail
    assert "E210" == refusal(tmp_path, with_lines("for_each: [b, c]", "§flavour: x")).code


def test_an_entry_that_only_some_have_is_asked_of_the_others(tmp_path: Path) -> None:
    """With the near name."""
    lines = ["for_each: {b: {size: a}, c: {sise: b}}", "description: §${each.value.size}"]
    problem = refusal(tmp_path, with_lines(*lines))
    assert ("did you mean `sise`?", 'notebook.a["c"]') == (problem.hint, problem.address)
    assert "`each.value` is set at specs/a.yaml:6:33" == problem.detail


def test_the_limit_of_notebooks_counts_instances(tmp_path: Path) -> None:
    """The first one too many is shown."""
    entries = "".join(f"      - n{n}\n" for n in range(10_001))
    write(tmp_path, specs__a=f"notebooks:\n  a:\n    for_each:\n{entries}")
    (found,) = [problem for problem in problems(tmp_path) if problem.code == "E214"]
    assert "specs/a.yaml:10004:9" == str(found.range)
