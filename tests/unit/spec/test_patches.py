"""Patch files: which stacks they are for, what they change, and where a mistake is shown."""

# ruff: noqa: E501 - a case stands in one line

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.spec.project import Given, Project
from tests.unit.spec.specs import load, notebook, only, problems, unmarked, with_lines, words, write

PATCH = "specs/s/prod.patch.yaml"
PROD = Project(patches=(PATCH,))


def stack(directory: Path, patch: str, *lines: str, head: str = "") -> None:
    """A stack of one notebook, and its patch."""
    write(directory, specs__s__x=head + with_lines(*lines), specs__s__prod_dot_patch_dot_yaml=patch)


def test_operations_are_applied_in_order_after_the_defaults(tmp_path: Path) -> None:
    """All six of RFC 6902."""
    patch = """\
a:
  - {op: test, path: /tags/team, value: vision}
  - {op: replace, path: /volume/capacity, value: 100}
  - {op: add, path: /tags/env, value: prod}
  - {op: copy, from: /tags/team, path: /tags/copy}
  - {op: move, from: /tags/old, path: /tags/new}
  - {op: remove, path: /description}
  - {op: add, path: /storages/-, value: {category: OBS, uri: obs://b/, mount_path: /data/x}}
"""
    stack(
        tmp_path, patch, "description: d", "tags: {old: o}", "storages: []", head="defaults: {tags: {team: vision}}\n"
    )
    found = only(load(tmp_path, project=PROD)).notebook
    assert (100, None, 1) == (found.volume.capacity, found.description, len(found.storages or ()))
    assert {"team": "vision", "env": "prod", "copy": "vision", "new": "o"} == found.tags


def test_without_the_environment_nothing_is_patched(tmp_path: Path) -> None:
    """A patch file is no spec."""
    stack(tmp_path, "a: [{op: remove, path: /volume}]\n")
    assert 50 == only(load(tmp_path)).notebook.volume.capacity


def test_a_bare_key_means_every_instance(tmp_path: Path) -> None:
    """And one with an entry of its for_each that one; both may be given."""
    patch = """\
a:
  - {op: add, path: /description, value: 'of ${each.key}'}
'a["c"]':
  - {op: replace, path: /volume/capacity, value: 100}
"""
    stack(tmp_path, patch, "for_each: [b, c]")
    stacks = load(tmp_path, project=PROD)
    found = [only(stacks, address).notebook for address in ('a["b"]', 'a["c"]')]
    assert [("of b", 50), ("of c", 100)] == [(each.description, each.volume.capacity) for each in found]


def test_a_value_may_use_variables(tmp_path: Path) -> None:
    """Those of the stack that is patched."""
    stack(tmp_path, "a: [{op: add, path: /description, value: 'x ${var.v}'}]\n", head="variables: {v: {default: y}}\n")
    assert "x y" == only(load(tmp_path, project=PROD)).notebook.description


def test_a_sensitive_value_stays_one(tmp_path: Path) -> None:
    """When it comes with a patch too."""
    patch = "a: [{op: add, path: /description, value: 'x ${var.v}'}]\n"
    stack(tmp_path, patch, head="variables: {v: {sensitive: true, default: hunter2}}\n")
    assert frozenset({"description"}) == only(load(tmp_path, project=PROD)).sensitive


def test_a_patched_field_has_its_place_in_the_patch(tmp_path: Path) -> None:
    """Others keep theirs, so that what is said later of a field is said at the right line."""
    stack(tmp_path, "a:\n- {op: replace, path: /flavor, value: x}\n- {op: replace, path: /volume/capacity, value: 9}\n")
    fields = only(load(tmp_path, project=PROD)).fields
    assert "specs/s/prod.patch.yaml:2:32" == str(fields["flavor"])
    assert "specs/s/x.yaml:4:5" == str(fields["image_id"])
    assert "specs/s/x.yaml:5:5" == str(fields["volume"])


def test_a_name_may_be_patched(tmp_path: Path) -> None:
    """Also one that comes from the KEY."""
    stack(tmp_path, "a: [{op: replace, path: /name, value: other}]\n")
    assert "other" == only(load(tmp_path, project=PROD)).notebook.name


# The mark § stands where the problem must be shown.
BAD = {
    "test": ("a: [{op: §test, path: /flavor, value: x}]\n", "E230", "another value there"),
    "test-true-is-not-1": ("a: [{op: §test, path: /volume/capacity, value: true}]\n", "E230", "the test of `/volume/capacity` fails"),
    "test-missing": ("a: [{op: §test, path: /tags/x, value: x}]\n", "E230", "another value there, or none"),
    "missing": ("a: [{op: §remove, path: /tags}]\n", "E230", "`remove` of `/tags` is not possible"),
    "missing-parent": ("a: [{op: §add, path: /tags/x, value: y}]\n", "E230", "the notebook has no `tags`"),
    "replace-missing": ("a: [{op: §replace, path: /tags, value: {}}]\n", "E230", "/volume/capacity"),
    "in-a-text": ("a: [{op: §add, path: /flavor/x, value: y}]\n", "E230", "`/flavor` is no map and no list"),
    "no-index": ("a: [{op: §add, path: /endpoints/9, value: {}}]\n", "E230", "`/endpoints` is a list of"),
    "index-with-a-zero": ("a: [{op: §replace, path: /endpoints/00, value: {}}]\n", "E230", "counted from 0"),
    "behind-the-end": ("a: [{op: §remove, path: /endpoints/-}]\n", "E230", "- is behind its end"),
    "remove-whole": ("a: [{op: §remove, path: ''}]\n", "E230", "`remove` of the whole notebook is not possible"),
    "from-missing": ("a: [{op: §move, from: /x, path: /description}]\n", "E230", "`move` of `/description`"),
    "into-itself": ("a: [{op: §move, from: /volume, path: /volume/x}]\n", "E230", "it cannot go into itself"),
    "bad-escape": ("a: [{op: remove, path: §/a~2}]\n", "E230", "write ~0 for ~, and ~1 for /"),
    "no-operation": ("a: [{op: §merge, path: /flavor}]\n", "E306", "'add', 'remove', 'replace'"),
    "no-op": ("a: [§{path: /flavor}]\n", "E211", "`op: ...`"),
    "no-path": ("a: [§{op: remove}]\n", "E211", "`path: ...`"),
    "no-value": ("a: [{op: §add, path: /description}]\n", "E211", "the operation add needs it"),
    "no-from": ("a: [{op: §copy, path: /description}]\n", "E211", "the operation copy needs it"),
    "value-too-much": ("a: [{op: remove, path: /flavor, value: §x}]\n", "E230", "takes no `value`"),
    "from-too-much": ("a: [{op: add, path: /flavor, value: x, from: §/y}]\n", "E230", "takes no `from`"),
    "empty-value": ("a: [{op: add, path: /flavor, §value: }]\n", "E204", "remove takes a field away"),
    "unknown-key": ("a: [{op: remove, path: /flavor, §vaule: x}]\n", "E210", "`value`"),
    "no-slash": ("a: [{op: remove, path: §flavor}]\n", "E230", "/flavor"),
    "from-no-slash": ("a: [{op: move, path: /name, from: §flavor}]\n", "E230", "/flavor"),
    "no-map": ("a: [§x]\n", "E212", "{op: replace"),
    "no-list": ("a: §{op: remove, path: /flavor}\n", "E212", "- {op: replace"),
    "no-address": ("§'a[b]': []\n", "E218", 'KEY["each"]'),
    "not-there": ("§aa: []\n", "E231", "did you mean `a`?"),
    "no-instance": ("§'a[\"b\"]': []\n", "E231", "the KEY alone for all of them"),
    "variable-in-path": ('a: [{op: remove, path: "/§${var.x}"}]\n', "E411", "`path` of an operation"),
    "unknown-variable": ('a: [{op: add, path: /description, value: "§${var.x}"}]\n', "E227", "declare it"),
    "each-without": ('a: [{op: add, path: /description, value: "x§${each.key}"}]\n', "E411", "has no `for_each`"),
    "syntax": ("a: §[\n", "E101", "close it"),
    "no-map-at-all": ("§- a\n", "E106", "a map is expected"),
    "after-it": ("a: [{op: replace, path: /volume/capacity, value: §3}]\n", "E304", "5 to 4096"),
    "after-it-a-key": ("a: [{op: add, path: /volume/capacty, §value: 3}]\n", "E210", "`capacity`"),
    "after-it-for-each": ("a: [{op: add, path: /for_each, §value: [x]}]\n", "E210", "below `notebooks`"),
    "whole": ("a: [{op: replace, path: '', value: §x}]\n", "E212", "a map is expected"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_patch_is_refused_where_it_is_bad(case: str, tmp_path: Path) -> None:
    """In the patch file, with its code, line and mend."""
    marked, code, mend = BAD[case]
    text, line, column = unmarked(marked)
    stack(tmp_path, text, "endpoints: []")
    (found,) = problems(tmp_path, project=PROD)
    assert found.range
    assert (code, PATCH, line, column) == (found.code, found.range.file, found.range.line, found.range.column)
    assert text.splitlines()[line - 1] == found.source_line
    assert mend in words(found)


def test_a_patch_beside_specs_is_for_their_stack(tmp_path: Path) -> None:
    """Or below them; another stack with the same KEY is left alone."""
    write(tmp_path, specs__s__x=notebook(), specs__t__x=notebook("a"))
    write(tmp_path, specs__s__patches__prod_dot_patch_dot_yaml="a: [{op: replace, path: /flavor, value: x}]\n")
    project = Project(patches=("specs/s/patches/prod.patch.yaml",))
    stacks = load(tmp_path, project=project)
    assert ["x", "modelarts.vm.cpu.2u"] == [only((each,)).notebook.flavor for each in stacks]


def test_a_patch_elsewhere_is_for_every_stack_that_has_the_key(tmp_path: Path) -> None:
    """Also when it uses a variable that others do not have."""
    head = "variables: {f: {default: x}}\n"
    write(tmp_path, specs__s__x=head + notebook(), specs__t__x=head + notebook(), specs__u__x=notebook("b"))
    write(tmp_path, envs__prod="a: [{op: replace, path: /flavor, value: '${var.f}'}]\n")
    s, t, u = load(tmp_path, project=Project(patches=("envs/prod.yaml",)))
    assert ["x", "x"] == [only((each,)).notebook.flavor for each in (s, t)]
    assert "modelarts.vm.cpu.2u" == only((u,), "b").notebook.flavor
    write(tmp_path, envs__prod="zzz: []\n")
    (problem,) = problems(tmp_path, project=Project(patches=("envs/prod.yaml",)))
    assert ("E231", "envs/prod.yaml:1:1") == (problem.code, str(problem.range))


def test_other_yaml_at_the_root_makes_it_no_stack(tmp_path: Path) -> None:
    """A patch below it is for every stack all the same."""
    write(tmp_path, specs__s__x=notebook(), mkdocs="site: x\n")
    write(tmp_path, envs__prod_dot_patch_dot_yaml="a: [{op: replace, path: /flavor, value: x}]\n")
    assert "x" == only(load(tmp_path, project=Project(patches=("envs/prod.patch.yaml",)))).notebook.flavor


def test_a_patch_of_a_stack_that_is_not_loaded_is_left_out(tmp_path: Path) -> None:
    """Whatever it says."""
    write(tmp_path, specs__s__x=notebook(), specs__t__x=notebook("b"), specs__t__prod_dot_patch_dot_yaml="- [\n")
    assert 1 == len(load(tmp_path, "specs/s", project=Project(patches=("specs/t/prod.patch.yaml",))))


def test_a_patch_may_be_for_a_file_that_is_not_loaded(tmp_path: Path) -> None:
    """When one file of a directory is named, the others are no part of the stack."""
    write(tmp_path, specs__s__x=notebook(), specs__s__y=notebook("b"))
    write(tmp_path, specs__s__prod_dot_patch_dot_yaml="b: [{op: remove, path: /tags}]\n")
    assert 1 == len(load(tmp_path, "specs/s/x.yaml", project=PROD))


def test_a_patch_file_lies_in_the_project(tmp_path: Path) -> None:
    """Links count by where they lead."""
    (tmp_path / "outside.yaml").write_text("a: []\n")
    root = tmp_path / "root"
    write(root, specs__s__x=notebook())
    (root / "link.yaml").symlink_to("../outside.yaml")
    (root / "round.yaml").symlink_to("round.yaml")
    names = {"../outside.yaml": "E403", "link.yaml": "E403", "none.yaml": "E401", "specs": "E402", "round.yaml": "E402"}
    for name, code in names.items():
        (problem,) = problems(root, project=Project(patches=(name,)))
        assert (code, "`patches` of the environment in provisioner.yaml names it") == (problem.code, problem.hint)
        assert name.removeprefix("../") in problem.summary


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ("{op: add, path: /volume/x/y, value: z}", "`/volume` has no `x`"),
        ("{op: copy, from: /volume/x, path: /description}", "`/volume` has no `x`"),
        ("{op: move, from: /volume/x/y, path: /description}", "`/volume` has no `x`"),
        ("{op: copy, from: /flavor, path: /x/y}", "the notebook has no `x`"),
    ],
)
def test_a_failure_quotes_nothing_of_the_notebook(operation: str, reason: str, tmp_path: Path) -> None:
    """The words of the libraries hold the whole document, with what is sensitive in it."""
    stack(tmp_path, f"a: [{operation}]\n")
    assert [("E230", reason)] == [(problem.code, problem.detail) for problem in problems(tmp_path, project=PROD)]


def test_a_patch_that_fails_is_the_only_problem(tmp_path: Path) -> None:
    """Nothing is concluded from what it leaves behind."""
    stack(tmp_path, "a: [{op: remove, path: /tags}]\n")
    project = Project(patches=(PATCH,), default_tags={"a": "b"}, ignore_tags=frozenset({"c"}))
    assert ["E230"] == [problem.code for problem in problems(tmp_path, project=project)]


def test_patches_of_two_files_are_applied_in_order(tmp_path: Path) -> None:
    """The order of the environment."""
    stack(tmp_path, "a: [{op: add, path: /description, value: x}]\n")
    write(tmp_path, specs__s__two_dot_patch_dot_yaml="a: [{op: test, path: /description, value: x}]\n")
    second = "specs/s/two.patch.yaml"
    assert 1 == len(load(tmp_path, project=Project(patches=(PATCH, second))))
    assert ["E230"] == [problem.code for problem in problems(tmp_path, project=Project(patches=(second, PATCH)))]


def test_the_library_is_loaded_for_patches_alone(tmp_path: Path) -> None:
    """Most projects have none, and a start should be quick."""
    write(tmp_path, specs__s__x=notebook())
    code = (
        "import sys; from pathlib import Path; from provisioner.spec.load import load_stacks;"
        "load_stacks(root=Path(sys.argv[1])); sys.exit('jsonpatch' in sys.modules)"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode


def test_given_values_reach_patches(tmp_path: Path) -> None:
    """An environment has variables and patches."""
    stack(
        tmp_path,
        "a: [{op: replace, path: /volume/capacity, value: '${var.v}'}]\n",
        head="variables: {v: {type: number}}\n",
    )
    project = Project(patches=(PATCH,), given={"v": Given("70", "--var v")})
    assert 70 == only(load(tmp_path, project=project)).notebook.volume.capacity
