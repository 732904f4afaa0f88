"""What a plan leaves alone, the tags of a project, and its policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.model.behavior import behaviors
from provisioner.model.notebook import Notebook
from provisioner.spec.project import Policy, Project
from tests.unit.spec.specs import load, notebook, only, problems, refusal, with_lines, words, write


def ignored(directory: Path, text: str, project: Project = Project()) -> frozenset[str]:  # noqa: B008 - frozen
    write(directory, specs__a=with_lines(text))
    return only(load(directory, project=project)).ignored


def test_ignored_fields_are_named_by_their_paths(tmp_path: Path) -> None:
    """A field, a field inside of one, a tag, and the tags that the project ignores."""
    text = "lifecycle: {ignore_changes: [description, volume.capacity, volume, tags.cost centre]}"
    expected = {"description", "volume.capacity", "volume", "tags.cost centre"}
    assert expected == ignored(tmp_path, text)
    project = Project(ignore_tags=frozenset({"cost"}))
    assert expected | {"tags.cost"} == ignored(tmp_path, text, project)
    assert {"tags.cost"} == ignored(tmp_path, "tags: {a: b}", project)


def test_all_is_every_field(tmp_path: Path) -> None:
    """That a plan compares."""
    every = {path.split(".")[0] for path, behavior in behaviors(Notebook).items() if behavior.effect}
    assert every == ignored(tmp_path, "lifecycle: {ignore_changes: [all]}")
    assert {"volume", "lease", "tags"} < every


PATHS = {
    "near": ("lifecycle: {ignore_changes: [§descripton]}", "E225", "did you mean `description`?"),
    "near-inside": ("lifecycle: {ignore_changes: [§volume.capcity]}", "E225", "did you mean `volume.capacity`?"),
    "odd": ("lifecycle: {ignore_changes: [§zzz]}", "E225", "[description, volume.capacity, tags.cost]"),
    "pointer": ("lifecycle: {ignore_changes: [§/tags/cost]}", "E225", "[description, volume.capacity, tags.cost]"),
    "no-tag": ("lifecycle: {ignore_changes: [§tags.]}", "E225", "did you mean `tags`?"),
    "inside-a-list": ("lifecycle: {ignore_changes: [§endpoints.service]}", "E225", "did you mean `endpoints`?"),
    "duration": ("lifecycle: {ignore_changes: [§duration]}", "E225", "write `lease`"),
    "image": ("lifecycle: {replace_triggered_by: [§image]}", "E225", "write `image_id`"),
    "local": ("lifecycle: {ignore_changes: [§timeouts]}", "E225", "no field whose changes are seen"),
    "trigger": ("lifecycle: {replace_triggered_by: [§flavr]}", "E225", "did you mean `flavor`?"),
    "trigger-all": ("lifecycle: {replace_triggered_by: [§all]}", "E225", "for ignore_changes alone"),
    "key": ("lifecycle: {§prevent_destory: true}", "E210", "did you mean `prevent_destroy`?"),
    "boolean": ("lifecycle: {prevent_destroy: §yes}", "E201", "write true"),
}


@pytest.mark.parametrize("case", PATHS)
def test_a_path_that_names_no_field_is_refused(case: str, tmp_path: Path) -> None:
    """With the near one."""
    marked, code, mend = PATHS[case]
    problem = refusal(tmp_path, with_lines(marked))
    assert code == problem.code
    assert mend in words(problem)


def test_the_tags_of_the_project_are_under_those_of_a_notebook(tmp_path: Path) -> None:
    """Which win; defaults and patches are part of the notebook."""
    write(tmp_path, specs__a="defaults: {tags: {a: of-defaults}}\n" + with_lines("tags: {b: own}"))
    project = Project(default_tags={"a": "x", "b": "x", "c": "x"})
    assert {"a": "of-defaults", "b": "own", "c": "x"} == only(load(tmp_path, project=project)).notebook.tags
    write(tmp_path, specs__a=notebook())
    assert {"a": "x"} == only(load(tmp_path, project=Project(default_tags={"a": "x"}))).notebook.tags


def test_tags_of_the_project_that_do_not_fit_are_told_at_the_notebook(tmp_path: Path) -> None:
    """They stand in no spec, so the message says where they come from."""
    project = Project(default_tags={f"t{number}": "x" for number in range(21)})
    problem = refusal(tmp_path, notebook("§a"), project=project)
    assert "E317" == problem.code
    assert "`default_tags` in provisioner.yaml" in problem.detail


def test_a_declared_tag_cannot_be_ignored(tmp_path: Path) -> None:
    """By the project; a notebook may ignore changes of a tag that it declares."""
    project = Project(ignore_tags=frozenset({"cost"}))
    problem = refusal(tmp_path, with_lines("tags: {§cost: x}"), project=project)
    assert ("E226", "notebook.a") == (problem.code, problem.address)
    assert "ignore_tags" in problem.hint
    write(tmp_path, specs__a=with_lines("tags: {cost: x}", "lifecycle: {ignore_changes: [tags.cost]}"))
    assert {"tags.cost"} == only(load(tmp_path)).ignored


LEASE = Project(policy=Policy(require_lease=True))
ALLOWLIST = Project(policy=Policy(require_allowlist=True))

POLICY = {
    "lease-absent": (notebook("§a"), LEASE, "E431", "lease: {duration: 8h}"),
    "lease-never": (with_lines("§lease: never"), LEASE, "E431", "policy.require_lease"),
    "duration-never": (with_lines("§duration: -1"), LEASE, "E431", "policy.require_lease"),
    "allowlist-absent": (
        with_lines("endpoints: [{§service: SSH, key_pair_names: [k]}]"),
        ALLOWLIST,
        "E432",
        "policy.require_allowlist",
    ),
    "allowlist-everyone": (
        with_lines("endpoints: [{service: SSH, key_pair_names: [k], §allowed_access_ips: [203.0.113.7, 0.0.0.0/0]}]"),
        ALLOWLIST,
        "E432",
        "allowed_access_ips: [203.0.113.7]",
    ),
}


@pytest.mark.parametrize("case", POLICY)
def test_the_policy_of_a_project_is_kept(case: str, tmp_path: Path) -> None:
    """An error at the lease, the endpoint or the KEY; without the policy there is none."""
    marked, project, code, mend = POLICY[case]
    problem = refusal(tmp_path, marked, project=project)
    assert (code, "notebook.a") == (problem.code, problem.address)
    assert mend in words(problem)
    assert () == problems(tmp_path)


@pytest.mark.parametrize("line", ["lease: {duration: 8h}", "lease: {duration: 15m, type: IDLE}", "duration: 8h"])
def test_a_lease_that_ends_satisfies_the_policy(line: str, tmp_path: Path) -> None:
    """In any of its forms."""
    write(tmp_path, specs__a=with_lines(line))
    assert () == problems(tmp_path, project=LEASE)


def test_an_allow_list_satisfies_the_policy(tmp_path: Path) -> None:
    """And the endpoint that every notebook has needs none."""
    ssh = "{service: SSH, key_pair_names: [k], allowed_access_ips: [203.0.113.0/24]}"
    write(tmp_path, specs__a=with_lines(f"endpoints: [{ssh}, {{service: NOTEBOOK}}]"))
    assert () == problems(tmp_path, project=ALLOWLIST)


def test_a_state_belongs_to_an_environment(tmp_path: Path) -> None:
    """Its name is part of the stack's, whatever gave that."""
    prod = Project(environment="prod")
    write(tmp_path, specs__lab__a=notebook(), specs__other__a="stack: own\n" + notebook())
    assert ["lab.prod", "own.prod"] == [stack.stack for stack in load(tmp_path, project=prod)]
    assert ["lab", "own"] == [stack.stack for stack in load(tmp_path)]
    write(tmp_path, specs__other__a="stack: lab\n" + notebook())
    (problem,) = problems(tmp_path, project=prod)
    assert ("E215", "two stacks are called lab.prod") == (problem.code, problem.summary)
