"""Variables: declarations, where a value comes from, its type, and secrets."""

# ruff: noqa: E501 - a case stands in one line

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import Diagnostic
from provisioner.spec.project import Given, Project
from provisioner.spec.source import read_source
from provisioner.spec.tree import plain
from provisioner.spec.variables import variables_of
from provisioner.views.diagnostics import diagnostics_text
from tests.unit.spec.specs import (
    IMAGE,
    given,
    load,
    notebook,
    only,
    problems,
    refusal,
    unmarked,
    with_lines,
    words,
    write,
)


def from_file(text: str, name: str = "values.yaml") -> Project:
    """A run with these values of variables from a file."""
    root = read_source(name, text.encode()).root
    assert root
    return Project(given={key: Given(node, name) for key, node in root.entries().items()})


def flavor(directory: Path, declaration: str, project: Project) -> str | None:
    """The flavor of a notebook that takes it from a variable."""
    write(directory, specs__a=f"variables: {{x: {declaration}}}\n" + notebook(flavor="${var.x}"))
    return only(load(directory, project=project)).notebook.flavor


DECLARATIONS = {
    "type": ("variables: {x: {type: §text, default: a}}\n", "E306", "'string', 'number', 'bool', 'list' or 'map'"),
    "key": ("variables: {x: {§defualt: a}}\n", "E210", "did you mean `default`?"),
    "name": ("variables: {§1x: {default: a}}\n", "E206", "begins with a letter or _"),
    "no-map": ("variables: {x: §a}\n", "E212", "key: value"),
    "no-value": ("variables:\n  §x: {env: X_1}\n", "E221", "--var x=VALUE, --var-file FILE, the environment variable X_1, or `default: ...`"),
    "env-name": ("variables: {x: {default: a, env: §A-B}}\n", "E206", "env: CI_COMMIT_AUTHOR"),
    "env-credential": ("variables: {x: {default: a, env: §HW_SECRET_KEY}}\n", "E412", "no spec may read"),
    "env-sdk-credential": ("variables: {x: {default: a, env: §HUAWEICLOUD_SDK_SK}}\n", "E412", "no spec may read"),
    "env-old-credential": ("variables: {x: {default: a, env: §OS_PASSWORD}}\n", "E412", "no spec may read"),
    "sensitive-number": ("variables: {x: {type: number, sensitive: §true, default: 1}}\n", "E220", "cannot be hidden"),
    "sensitive-text": ("variables: {x: {sensitive: §yes, default: a}}\n", "E201", "write true"),
    "default-empty": ("variables: {x: {§default: }}\n", "E204", "remove the line or give a value"),
    "default-string": ("variables: {x: {default: §true}}\n", "E222", "is a string, this value is a bool"),
    "default-number": ('variables: {x: {type: number, default: §"1"}}\n', "E222", "is a number, this value is a string"),
    "default-bool": ("variables: {x: {type: bool, default: §yes}}\n", "E222", "give true or false"),
    "default-list": ("variables: {x: {type: list, default: §{}}}\n", "E222", "give a list"),
    "default-map": ("variables: {x: {type: map, default: §[]}}\n", "E222", "give a map"),
}  # fmt: skip


@pytest.mark.parametrize("case", DECLARATIONS)
def test_a_bad_declaration_is_refused_where_it_is_bad(case: str, tmp_path: Path) -> None:
    """One problem, with its code, place and mend."""
    marked, code, mend = DECLARATIONS[case]
    problem = refusal(tmp_path, marked + notebook())
    assert code == problem.code
    assert mend in words(problem)


def test_a_variable_is_declared_once_in_a_stack(tmp_path: Path) -> None:
    """Both places are named."""
    write(tmp_path, specs__a="variables: {x: {default: a}}\n" + notebook(), specs__b="variables: {x: {default: b}}\n")
    (problem,) = problems(tmp_path)
    assert ("E207", "specs/b.yaml:1:13") == (problem.code, str(problem.range))
    assert "specs/a.yaml:1:13" in problem.summary


def test_a_variable_holds_in_every_file_of_its_stack(tmp_path: Path) -> None:
    """Whatever the order of the files."""
    write(tmp_path, specs__b="variables: {f: {default: other}}\n", specs__a=notebook(flavor="${var.f}"))
    assert "other" == only(load(tmp_path)).notebook.flavor


def test_what_is_given_wins_over_the_environment_and_that_over_the_default(tmp_path: Path) -> None:
    """In this order."""
    declaration = "{default: by-default, env: FLAVOR}"
    environ = {"FLAVOR": "by-env"}
    with_both = Project(given={"x": Given("by-var", "--var x")}, environ=environ)
    assert "by-default" == flavor(tmp_path, declaration, Project())
    assert "by-env" == flavor(tmp_path, declaration, Project(environ=environ))
    assert "by-var" == flavor(tmp_path, declaration, with_both)


def test_only_the_named_variable_of_the_environment_is_read(tmp_path: Path) -> None:
    """Not the one that is called like the variable."""
    assert "a" == flavor(tmp_path, "{default: a}", Project(environ={"x": "b"}))


def test_terraforms_variables_of_the_environment(tmp_path: Path) -> None:
    """Between what is given and what the declaration names; one for a variable that nobody declares is not ours."""
    environ = {"TF_VAR_x": "by-terraform", "FLAVOR": "by-env", "TF_VAR_other": "1"}
    assert "by-terraform" == flavor(tmp_path, "{default: a, env: FLAVOR}", Project(environ=environ))
    given = Project(given={"x": Given("by-var", "--var x")}, environ=environ)
    assert "by-var" == flavor(tmp_path, "{default: a, env: FLAVOR}", given)


KINDS = (bool, int, float, str, list, dict)
TYPED: dict[str, tuple[str, str, Any]] = {
    "number": ("{type: number}", "50", 50),
    "number-around": ("{type: number}", " 50 ", 50),
    "number-decimal": ("{type: number}", "0.5", 0.5),
    "bool": ("{type: bool}", "true", True),
    "string-of-digits": ("{}", "50", "50"),
    "list-yaml": ("{type: list}", "- a\n- b", ["a", "b"]),
    "list-json": ("{type: list}", '["a", 1]', ["a", 1]),
    "map": ("{type: map}", "{a: {b: 1.10}}", {"a": {"b": 1.1}}),
}


@pytest.mark.parametrize("case", TYPED)
def test_text_is_typed_by_the_declaration(case: str) -> None:
    """The same text is what the variable is declared to be."""
    declaration, text, expected = TYPED[case]
    root = read_source("a.yaml", f"variables: {{x: {declaration}}}".encode()).root
    assert root
    found = plain(variables_of([root], given(x=text), []).values["x"].node)
    assert (expected, type(expected)) == (found, next(kind for kind in KINDS if isinstance(found, kind)))


TEXTS = {
    "number": ("{type: number}", "abc", "E222", "--var x: the variable `x` is a number, this value is a string"),
    "number-empty": ("{type: number}", "", "E222", "is a number"),
    "bool": ("{type: bool}", "yes", "E222", "give true or false"),
    "list": ("{type: list}", "abc", "E222", "is a list, this value is a string"),
    "list-map": ("{type: list}", "{a: b}", "E222", "give a list"),
    "list-nothing": ("{type: list}", "", "E222", "give a list"),
    "map-broken": ("{type: map}", "{a: [b}", "E101", "line 1, column 5 of --var x"),
    "map-twice": ("{type: map}", "{a: b, a: c}", "E114", "line 1, column 8 of --var x"),
    "map-empty": ("{type: map}", "{a: }", "E204", "line 1, column 2 of --var x"),
    "map-tag": ("{type: map}", "{a: !x b}", "E112", "tags are not allowed"),
    "invisible": ("{}", "a\u202eb", "E104", "U+202E in the value of --var x"),
    "escape": ("{}", "a\x1b[2J", "E104", "U+001B"),
    "long": ("{}", "a" * 70_000, "E113", "64 KiB"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_bad_text_is_refused_at_the_declaration(case: str, tmp_path: Path) -> None:
    """It stands in no file; the message names where it came from."""
    declaration, text, code, mend = TEXTS[case]
    problem = refusal(tmp_path, f"variables:\n  §x: {declaration}\n" + notebook(), project=given(x=text))
    assert code == problem.code
    assert mend in words(problem)


def test_a_file_of_values_keeps_their_types_and_spelling(tmp_path: Path) -> None:
    """A plain number where text is declared stays as it was written."""
    assert "1.10" == flavor(tmp_path, "{}", from_file("x: 1.10\n"))


def test_a_bad_value_in_a_file_is_shown_there_without_its_line(tmp_path: Path) -> None:
    """Another value in that line may be a secret."""
    write(tmp_path, specs__a="variables: {n: {type: number}, s: {sensitive: true}}\n" + notebook())
    project = from_file("{s: hunter2, n: abc}\n")
    (problem,) = problems(tmp_path, project=project)
    assert ("E222", "values.yaml:1:17", "") == (problem.code, str(problem.range), problem.source_line)


def test_an_empty_value_in_a_file_is_refused(tmp_path: Path) -> None:
    """As everywhere in YAML."""
    write(tmp_path, specs__a="variables: {n: {type: map}}\n" + notebook())
    (problem,) = problems(tmp_path, project=from_file("n:\n  a:\n"))
    assert ("E204", "values.yaml:2:3") == (problem.code, str(problem.range))


def test_a_value_for_a_variable_that_nobody_declares_is_refused(tmp_path: Path) -> None:
    """With the near name; a value in a file at its place, without its line."""
    write(tmp_path, specs__a="variables: {owner: {default: a}}\n" + notebook())
    (problem,) = problems(tmp_path, project=given(ownr="b"))
    assert ("E223", None) == (problem.code, problem.range)
    assert "--var ownr gives a value to `ownr`" in problem.summary
    assert "did you mean `owner`?" == problem.hint
    (problem,) = problems(tmp_path, project=from_file("zzz: hunter2\n"))
    assert ("values.yaml:1:1", "") == (str(problem.range), problem.source_line)
    assert "declare it: `variables: {zzz: {}}`" == problem.hint


def test_a_variable_of_another_stack_is_declared(tmp_path: Path) -> None:
    """What is given is for all stacks of a run."""
    write(tmp_path, specs__a__x=notebook(), specs__b__x="variables: {x: {}}\n" + notebook())
    assert 2 == len(load(tmp_path, project=given(x="1")))


def test_values_of_the_project_need_no_declaration(tmp_path: Path) -> None:
    """An environment gives values to the variables of all its stacks, and here is one of them: a warning."""
    write(tmp_path, specs__a=notebook())
    project = Project(given={"x": Given("1", "provisioner.yaml", strict=False)})
    (spec,) = load(tmp_path, project=project)
    (warning,) = spec.warnings
    assert ("W223", "warning") == (warning.code, warning.severity)
    assert "provisioner.yaml gives a value to `x`, which no spec declares" == warning.summary


def test_nothing_is_concluded_from_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It may declare what seems to be missing."""
    write(tmp_path, specs__a=notebook(flavor="${var.f}"), specs__b="variables: [")
    assert ["E101"] == [problem.code for problem in problems(tmp_path, project=given(f="x"))]


SECRET = "hunter2/<x>"
LEAKS = {
    "wrong-field": with_lines("name: a-${var.s}"),
    "whole": notebook(image_id="${var.s}"),
    "enumeration": with_lines("desired_status: ${var.s}"),
    "number": notebook(volume='{category: EVS, ownership: MANAGED, capacity: "${var.s}"}'),
    "tag": with_lines("tags: {k: '*${var.s}'}"),
    "address": with_lines("endpoints: [{service: SSH, key_pair_names: [k], allowed_access_ips: ['${var.s}']}]"),
    "twice": with_lines("endpoints: [{service: SSH, key_pair_names: [k], allowed_access_ips: ['${var.s}', '${var.s}']}]"),
    "cut": with_lines(*["storages:", *["  - {category: OBS, uri: obs://b/, mount_path: '${var.path}'}"] * 2]),
    "map-of-it": with_lines("description: ${var.s.x}"),
    "for-each": notebook().replace("  a:\n", "  a:\n    for_each: {b: '${var.s}'}\n    description: ${each.value}\n"),
    "for-each-entry": notebook().replace("  a:\n", "  a:\n    for_each: {b: {c: '${var.s}'}}\n    description: ${each.value.c}\n"),
    "for-each-whole": notebook().replace("  a:\n", "  a:\n    for_each: {b: {c: '${var.s}'}}\n    tags: ${each.value}\n"),
    "for-each-key": notebook().replace("  a:\n", "  a:\n    for_each: ['${var.s}']\n"),
    "import": f"imports: [{{to: a, id: '${{var.s}}'}}]\n{notebook()}",
}  # fmt: skip


def shown(found: tuple[Diagnostic, ...]) -> str:
    return diagnostics_text(found, color=False)


@pytest.mark.parametrize("case", LEAKS)
def test_a_refused_secret_is_never_shown(case: str, tmp_path: Path) -> None:
    """Neither the value nor a part of it."""
    declared = "variables: {s: {sensitive: true}, path: {sensitive: true}}\n"
    write(tmp_path, specs__a=declared + LEAKS[case])
    found = problems(tmp_path, project=given(s=SECRET, path="/data/hunter2/"))
    assert found
    assert "hunter2" not in shown(found)
    assert repr(SECRET)[1:-1] not in shown(found)


DECLARED_LEAKS = {
    "in-line": "variables: {s: {sensitive: true, default: hunter2, typ: x}}\n",
    "beside": "variables: {s: {sensitive: true, default: hunter2}, other: {}}\n",
    "block": "variables:\n  s:\n    sensitive: true\n    default: |\n      hunter2 \u200b\n",
    "misdeclared": "variables: {s: {sensitive: yes, default: hunter2}}\n",
    "no-string": "variables: {s: {sensitive: true, default: [hunter2]}}\n",
    "given-otherwise": "variables: {s: {sensitive: true, default: hunter2, env: 1}}\n",
    "syntax": 'variables: {s: {sensitive: true, default: "hunter2}}\n',
    "twice": "variables: {s: {default: x}}\nvariables: {s: {sensitive: true, default: hunter2}}\n",
}


@pytest.mark.parametrize("case", DECLARED_LEAKS)
def test_a_line_with_a_secret_is_never_quoted(case: str, tmp_path: Path) -> None:
    """Whatever is wrong in it, and with however little of the file understood."""
    write(tmp_path, specs__a=DECLARED_LEAKS[case] + notebook())
    found = problems(tmp_path)
    assert found
    assert "hunter2" not in shown(found)


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        ("s: {sensitive: true}", {"s": "a"}),
        ("s: {sensitive: true}", {"s": "1.5"}),
        ("s: {sensitive: true, default: abc}", {}),
        ("s: {sensitive: true, default: abc}", {"s": "hunter2"}),
    ],
)
def test_a_very_short_secret_is_refused(declared: str, values: dict[str, str], tmp_path: Path) -> None:
    """It would stand in the middle of every other word of a record, and anybody would guess it."""
    write(tmp_path, specs__a=f"variables: {{{declared}}}\n" + with_lines("description: x ${var.s}"))
    (problem,) = problems(tmp_path, project=given(**values))
    summary = "the sensitive variable `s` has fewer than 4 characters"
    assert ("E220", summary, "") == (problem.code, problem.summary, problem.source_line)
    assert "take a longer value; anybody would guess this one" == problem.hint


def test_a_secret_may_be_empty_or_have_four_characters(tmp_path: Path) -> None:
    """An optional one has no value at all; there is nothing to hide."""
    write(tmp_path, specs__a="variables: {s: {sensitive: true, default: ''}}\n" + with_lines("tags: {a: 'x${var.s}'}"))
    assert [(), ("abcd",)] == [load(tmp_path, project=given(**value))[0].secrets.texts for value in ({}, {"s": "abcd"})]


def test_a_secret_is_known_to_the_stack(tmp_path: Path) -> None:
    """Its value, and the fields that it went into, also as a part of text."""
    lines = ["description: x ${var.s}", "tags: {a: b, c: '${var.s}'}"]
    write(tmp_path, specs__a="variables: {s: {sensitive: true}, t: {default: u}}\n" + with_lines(*lines))
    (stack,) = load(tmp_path, project=given(s="hunter2"))
    assert ("hunter2",) == stack.secrets.texts
    assert frozenset({"description", "tags"}) == only((stack,)).sensitive
    assert "x hunter2" == only((stack,)).notebook.description


def test_a_warning_shows_no_secret(tmp_path: Path) -> None:
    """A namesake is told by its address."""
    both = notebook("a", name="${var.s}") + notebook("b", name="${var.s}").removeprefix("notebooks:\n")
    write(tmp_path, specs__a="variables: {s: {sensitive: true}}\n" + both)
    (stack,) = load(tmp_path, project=given(s="hunter2"))
    assert ["W213"] == [warning.code for warning in stack.warnings]
    assert "hunter2" not in shown(stack.warnings)


def test_a_warning_shows_no_secret_in_another_spelling(tmp_path: Path) -> None:
    """Nor what was made of it."""
    ssh = "endpoints: [{service: SSH, key_pair_names: [k], allowed_access_ips: ['${var.ip}']}]"
    write(tmp_path, specs__a="variables: {ip: {sensitive: true}}\n" + with_lines(ssh))
    (stack,) = load(tmp_path, project=given(ip="10.1.2.3/32"))
    assert ["W311"] == [warning.code for warning in stack.warnings]
    assert "10.1.2.3" not in shown(stack.warnings)


def test_a_message_about_a_value_says_where_it_came_from(tmp_path: Path) -> None:
    """And points at the `${...}`."""
    marked = "variables: {x: {type: number}}\n" + notebook(
        volume='{category: EVS, ownership: MANAGED, capacity: §"${var.x}"}'
    )
    problem = refusal(tmp_path, marked, project=given(x="4"))
    assert ("E304", "`var.x` is a number from --var x") == (problem.code, problem.detail)
    problem = refusal(tmp_path, marked.replace("{type: number}", "{}"), project=given(x="50"))
    assert ("E201", "declare the type of the variable: `x: {type: number}`") == (problem.code, problem.hint)
    text, *_ = unmarked(marked.replace("{type: number}", "{default: a}"))
    write(tmp_path, specs__a=text)
    (found,) = problems(tmp_path)
    assert "`var.x` is a string from its default at specs/a.yaml:1:26" == found.detail


def test_a_variable_may_be_called_like_a_secret(tmp_path: Path) -> None:
    """A declaration is a map; it is values that have no place in a file."""
    write(tmp_path, specs__a="variables: {token: {sensitive: true, env: MY_TOKEN}}\n" + notebook(flavor="${var.token}"))
    (stack,) = load(tmp_path, project=Project(environ={"MY_TOKEN": "hunter2"}))
    assert "hunter2" == only((stack,)).notebook.flavor
    assert IMAGE == only((stack,)).notebook.image_id
