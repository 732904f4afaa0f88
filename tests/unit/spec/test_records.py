"""`imports`, `moved` and `removed`: what they come to, and what is refused."""

# ruff: noqa: E501 - a case stands in one line

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.model.address import Address
from tests.unit.spec.specs import IMAGE, given, load, notebook, problems, refusal, with_lines, words, write

OTHER = "f9937afa-4451-42db-a76b-72d624749f66"
EACH = with_lines("for_each: [x, y]")


def test_they_are_read_from_every_file_of_the_stack(tmp_path: Path) -> None:
    """Addresses in any spelling; destroy is true by default, as in Terraform."""
    write(
        tmp_path,
        specs__a=f"imports:\n  - {{to: notebook.a, id: {IMAGE}}}\nmoved: [{{from: b, to: a}}]\n" + notebook(),
        specs__b="removed: [{from: 'c[\"x\"]'}, {from: huaweicloud_modelarts_notebook.d, destroy: false}]\n",
    )
    (stack,) = load(tmp_path)
    assert [(Address("a"), IMAGE, "specs/a.yaml:2:5")] == [
        (each.to, each.id, str(each.source)) for each in stack.imports
    ]
    assert [(Address("b"), Address("a"))] == [(each.origin, each.to) for each in stack.moved]
    assert [(Address("c", "x"), True), (Address("d"), False)] == [(each.origin, each.destroy) for each in stack.removed]


def test_an_import_takes_its_id_from_a_variable(tmp_path: Path) -> None:
    """As it is another in each environment."""
    write(tmp_path, specs__a="variables: {id: {}}\nimports: [{to: a, id: '${var.id}'}]\n" + notebook())
    (stack,) = load(tmp_path, project=given(id=OTHER))
    assert [OTHER] == [each.id for each in stack.imports]


def test_moves_may_form_a_chain(tmp_path: Path) -> None:
    """Of renames at different times."""
    write(tmp_path, specs__a="moved: [{from: c, to: b}, {from: b, to: a}]\n" + notebook())
    assert 2 == len(load(tmp_path)[0].moved)


def test_a_notebook_may_become_an_instance_and_an_instance_a_notebook(tmp_path: Path) -> None:
    """A for_each that comes or goes keeps the KEY, not the address."""
    write(tmp_path, specs__a="moved: [{from: a, to: 'a[\"x\"]'}]\n" + EACH)
    assert Address("a", "x") == load(tmp_path)[0].moved[0].to
    write(tmp_path, specs__a="moved: [{from: 'a[\"x\"]', to: a}]\n" + notebook())
    assert Address("a") == load(tmp_path)[0].moved[0].to


# The mark § stands where the problem must be shown.
BAD = {
    "import-undeclared": (f"imports: [{{to: §aa, id: {IMAGE}}}]\n" + notebook(), "E240", "did you mean `a`?"),
    "import-unknown": (f"imports: [{{to: §zzz, id: {IMAGE}}}]\n" + notebook(), "E240", "declare the notebook first"),
    "import-of-all": (f"imports: [{{to: §a, id: {IMAGE}}}]\n" + EACH, "E240", 'its instances are notebook.a["x"], notebook.a["y"]'),
    "import-of-none": (f"imports: [{{to: §a, id: {IMAGE}}}]\n" + with_lines("for_each: {}"), "E240", "no entries"),
    "import-instance": (f"imports: [{{to: §'a[\"z\"]', id: {IMAGE}}}]\n" + EACH, "E240", 'notebook.a["x"]'),
    "import-twice": (f"imports: [{{to: a, id: {IMAGE}}}, {{to: §a, id: {OTHER}}}]\n" + notebook(), "E207", "an import to notebook.a"),
    "import-id-twice": (f"imports: [{{to: 'a[\"x\"]', id: {IMAGE}}}, {{to: 'a[\"y\"]', id: §{IMAGE}}}]\n" + EACH, "E207", f"an import of {IMAGE}"),
    "import-id": ("imports: [{to: a, id: §my-notebook}]\n" + notebook(), "E307", "8-4-4-4-12"),
    "import-without-id": ("imports: [§{to: a}]\n" + notebook(), "E211", "`id: ...`"),
    "import-address": (f"imports: [{{to: §a.b, id: {IMAGE}}}]\n" + notebook(), "E218", 'KEY["each"]'),
    "import-braces": (f"imports: [{{to: §'{{a}}', id: {IMAGE}}}]\n" + notebook(), "E218", "'{a}' is no address"),
    "import-key": (f"imports: [{{to: a, id: {IMAGE}, §form: b}}]\n" + notebook(), "E210", "the keys here are to, id"),
    "import-each": ("imports: [{to: a, id: '§${each.key}'}]\n" + notebook(), "E411", "an import has no `for_each`"),
    "imports-a-map": ("imports: §{to: a}\n" + notebook(), "E212", "- value"),
    "imports-a-text": ("imports: [§a]\n" + notebook(), "E212", "key: value"),
    "moved-declared": ("moved: [{from: §a, to: b}]\n" + notebook(), "E241", "rename the notebook in the spec too"),
    "moved-declared-each": ("moved: [{from: §a, to: b}]\n" + EACH, "E241", "rename the notebook"),
    "moved-instance-declared": ("moved: [{from: §'a[\"x\"]', to: b}]\n" + EACH, "E241", "rename the notebook"),
    "moved-twice": ("moved: [{from: b, to: a}, {from: §b, to: c}]\n" + notebook(), "E207", "what becomes of notebook.b"),
    "moved-together": ("moved: [{from: b, to: a}, {from: c, to: §a}]\n" + notebook(), "E207", "a move to notebook.a"),
    "moved-circle": ("moved: [{from: §b, to: c}, {from: c, to: d}, {from: d, to: b}]\n" + notebook(), "E242", "notebook.b to notebook.c to notebook.d to notebook.b"),
    "moved-itself": ("moved: [{from: §b, to: b}]\n" + notebook(), "E242", "notebook.b to notebook.b"),
    "moved-without-from": ("moved: [§{to: a}]\n" + notebook(), "E211", "`from: ...`"),
    "moved-name": ("moved: [{§origin: b, from: b, to: a}]\n" + notebook(), "E210", "the keys here are from, to"),
    "removed-declared": ("removed: [{from: §a}]\n" + notebook(), "E241", "remove the notebook from the spec too"),
    "removed-declared-each": ("removed: [{from: §a}]\n" + with_lines("for_each: {}"), "E241", "remove the notebook"),
    "removed-instance": ("removed: [{from: §'a[\"x\"]'}]\n" + EACH, "E241", "remove the notebook"),
    "removed-twice": ("removed: [{from: b}, {from: §b, destroy: false}]\n" + notebook(), "E207", "what becomes of notebook.b"),
    "removed-and-moved": ("moved: [{from: b, to: a}]\nremoved: [{from: §b}]\n" + notebook(), "E207", "what becomes of notebook.b"),
    "removed-destroy": ("removed: [{from: b, destroy: §no}]\n" + notebook(), "E201", "write false"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_shown_where_it_stands(case: str, tmp_path: Path) -> None:
    """One problem, with its code and mend."""
    marked, code, mend = BAD[case]
    problem = refusal(tmp_path, marked)
    assert code == problem.code
    assert mend in words(problem)


def test_an_id_is_no_secret(tmp_path: Path) -> None:
    """It is recorded and shown."""
    marked = "variables: {id: {sensitive: true}}\nimports: [{to: a, id: §'${var.id}'}]\n" + notebook()
    problem = refusal(tmp_path, marked, project=given(id=OTHER))
    assert "E220" == problem.code
    assert OTHER not in words(problem)


def test_nothing_is_undeclared_when_a_file_cannot_be_read(tmp_path: Path) -> None:
    """It may declare it."""
    write(tmp_path, specs__a=f"imports: [{{to: b, id: {IMAGE}}}]\n" + notebook(), specs__b="notebooks: [")
    assert ["E101"] == [problem.code for problem in problems(tmp_path)]
