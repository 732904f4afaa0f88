"""What specs come to: defaults, names of 2022, places, and the order of problems."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import SpecError
from provisioner.model.address import Address
from provisioner.model.notebook import Notebook
from provisioner.spec.load import outlines
from provisioner.spec.project import Project
from tests.unit.spec.specs import IMAGE, VALID, load, notebook, problems, with_lines, write

DEFAULTS = """\
defaults:
  flavor: modelarts.vm.cpu.2u
  image_id: e1a07296-22a8-4f05-8bc8-e936c8e54090
  volume: {category: EVS, ownership: MANAGED, capacity: 50}
  lease: {duration: 8h}
  tags: {team: vision, cost: a}
"""


def loaded(directory: Path, key: str = "a") -> Notebook:
    (stack,) = load(directory)
    return stack.notebooks[Address(key)].notebook


def places(directory: Path) -> list[tuple[str, str]]:
    return [(problem.code, str(problem.range)) for problem in problems(directory)]


def test_the_key_is_the_name_by_default(tmp_path: Path) -> None:
    """And the address comes from the key, whatever the name."""
    write(
        tmp_path, specs__a=notebook("b") + "  c: {name: d, " + ", ".join(f"{k}: {v}" for k, v in VALID.items()) + "}\n"
    )
    (stack,) = load(tmp_path)
    assert {"notebook.b": "b", "notebook.c": "d"} == {str(k): v.notebook.name for k, v in stack.notebooks.items()}


def test_defaults_hold_for_every_file_of_the_stack(tmp_path: Path) -> None:
    """Maps merge at every depth, lists and scalars replace."""
    write(tmp_path, specs__s__defaults=DEFAULTS)
    write(
        tmp_path, specs__s__a="notebooks:\n  a:\n    volume: {capacity: 100}\n    tags: {cost: b}\n    flavor: other\n"
    )
    notebook = loaded(tmp_path)
    assert ("other", 100, "EVS") == (notebook.flavor, notebook.volume.capacity, notebook.volume.category)
    assert {"team": "vision", "cost": "b"} == notebook.tags


def test_lists_replace_lists(tmp_path: Path) -> None:
    """No element of a default remains."""
    write(tmp_path, specs__d="defaults: {storages: [{category: OBS, uri: obs://b/, mount_path: /data/a/}]}\n")
    write(tmp_path, specs__a=with_lines("storages: []"))
    assert () == loaded(tmp_path).storages


def test_what_a_notebook_sets_wins_over_a_default_of_its_rival(tmp_path: Path) -> None:
    """Lease and duration, flavor and custom_spec exclude each other, but not across that border."""
    spec = "{duration: 2h, pool_id: pool41664192, custom_spec: {cpu: 1, memory: 1024}}"
    write(tmp_path, specs__a=f"{DEFAULTS}notebooks:\n  a: {spec}\n  b: {{lease: never}}\n")
    assert (None, 7_200_000, None) == ((a := loaded(tmp_path)).lease, a.duration, a.flavor)
    assert "never" == loaded(tmp_path, "b").lease


def test_a_fault_in_defaults_is_told_once_and_there(tmp_path: Path) -> None:
    """However many notebooks it reaches, and also when each of them overrides it."""
    write(tmp_path, specs__d="defaults:\n  flavor: [x]\n  tgas: {}\n", specs__a=notebook("a") + notebook("b")[11:])
    assert [("E212", "specs/d.yaml:2:11"), ("E210", "specs/d.yaml:3:3")] == places(tmp_path)


def test_what_is_missing_in_defaults_is_no_fault(tmp_path: Path) -> None:
    """A part of a map may be a default, and combinations are judged on the whole."""
    write(tmp_path, specs__d="defaults:\n  volume: {category: OBS, ownership: DEDICATED}\n  affinity: {}\n")
    volume = "volume: {uri: obs://b/d/, dew_secret_name: s}"
    write(
        tmp_path,
        specs__a=f"notebooks:\n  a:\n    flavor: f\n    image_id: {IMAGE}\n    pool_id: pool41664192\n    {volume}\n",
    )
    assert "OBS" == loaded(tmp_path).volume.category


def test_a_default_stands_in_one_file(tmp_path: Path) -> None:
    """No order of files decides; different fields of one map may come from two files."""
    write(tmp_path, specs__a="defaults: {tags: {a: x}, flavor: f}\n", specs__b="defaults: {tags: {b: x}, flavor: g}\n")
    write(tmp_path, specs__c=notebook())
    (problem,) = problems(tmp_path)
    assert ("E207", "specs/b.yaml:1:26") == (problem.code, str(problem.range))
    assert "specs/a.yaml:1:26" in problem.summary


def test_a_key_stands_in_one_file(tmp_path: Path) -> None:
    """B58: both places are named."""
    write(tmp_path, specs__a=notebook("x"), specs__b="# second\n" + notebook("x"))
    (problem,) = problems(tmp_path)
    assert ("E207", "specs/b.yaml:3:3") == (problem.code, str(problem.range))
    assert "specs/a.yaml:2:3" in problem.summary


def test_the_names_of_2022_are_accepted(tmp_path: Path) -> None:
    """Also in defaults; a refusal points at the name that was written."""
    old = "endpoints: [{dev_service: ssh, ssh_keys: [k], allowed_access_ips: [203.0.113.7]}]"
    write(tmp_path, specs__a=with_lines(old))
    (endpoint,) = loaded(tmp_path).endpoints or ()
    assert ("SSH", ("k",)) == (endpoint.service, endpoint.key_pair_names)
    write(tmp_path, specs__a=notebook(), specs__d=f"defaults:\n  {old.replace('[k]', '7')}\n")
    assert [("E212", "specs/d.yaml:2:44")] == places(tmp_path)


def test_an_endpoint_of_https_needs_no_allow_list(tmp_path: Path) -> None:
    """It is always there, and nobody gets in with SSH."""
    write(tmp_path, specs__a=with_lines("endpoints: [{service: NOTEBOOK}]"))
    assert [()] == [stack.warnings for stack in load(tmp_path)]


def test_enumerations_are_accepted_in_any_case(tmp_path: Path) -> None:
    """And kept in upper case."""
    write(tmp_path, specs__a=notebook(volume="{category: efs, ownership: Managed}", desired_status="stopped"))
    assert {"category": "EFS", "ownership": "MANAGED"} == loaded(tmp_path).attributes()["volume"]
    assert "STOPPED" == loaded(tmp_path).desired_status


def test_a_declaration_knows_its_places(tmp_path: Path) -> None:
    """For errors that come after reading, such as the service's: defaulted fields are shown in the defaults."""
    write(tmp_path, specs__d="defaults:\n  flavor: f\n", specs__x=notebook("a", flavor=None))
    (stack,) = load(tmp_path)
    declared = stack.notebooks[Address("a")]
    assert "specs/x.yaml:2:3" == str(declared.source)
    shown = {name: str(place) for name, place in declared.fields.items()}
    assert ("specs/d.yaml:2:3", "specs/x.yaml:3:5", "specs/x.yaml:2:3") == (
        shown["flavor"],
        shown["image_id"],
        shown["name"],
    )


def test_all_problems_of_all_stacks_come_together_in_order(tmp_path: Path) -> None:
    """Paths first, then by file, line and column; warnings stand among the errors."""
    write(tmp_path, specs__a__x="notebooks: [", specs__b__y=with_lines("flavour: x") + "oops: 1\n")
    write(tmp_path, specs__b__z=notebook("z", endpoints="[{service: SSH, key_pair_names: [k]}]"))
    (tmp_path / "specs" / "b" / "broken.yaml").symlink_to("nowhere.yaml")
    expected = [
        ("E403", "None"),
        ("E101", "specs/a/x.yaml:1:12"),
        ("E210", "specs/b/y.yaml:6:5"),
        ("E210", "specs/b/y.yaml:7:1"),
        ("W309", "specs/b/z.yaml:6:18"),
    ]
    assert expected == places(tmp_path)


def test_no_notebooks_at_all_must_be_said(tmp_path: Path) -> None:
    """B13: a forgotten file is no wish to destroy everything; an empty map is."""
    write(tmp_path, specs__a="version: 1\n")
    assert ["E105"] == [problem.code for problem in problems(tmp_path)]
    write(tmp_path, specs__a="notebooks: {}\n")
    assert [{}] == [stack.notebooks for stack in load(tmp_path)]


def test_an_unreadable_file_does_not_hide_that_others_are_fine(tmp_path: Path) -> None:
    """A file of bad YAML is one problem; nothing is concluded from its absence."""
    write(tmp_path, specs__a="notebooks: [", specs__b="defaults: {flavor: x}\n")
    assert ["E101"] == [problem.code for problem in problems(tmp_path)]


def test_names_of_stacks_need_no_values(tmp_path: Path) -> None:
    """Who reads a state has none to give, and a notebook may be wrong."""
    spec = "variables: {x: {}}\n" + notebook(flavor="${var.x}", volume="3")
    write(tmp_path, specs__lab__a=spec, specs__own__a="stack: mine\n" + spec)
    assert ["lab", "mine"] == [each.name for each in outlines(root=tmp_path)]
    in_prod = outlines(root=tmp_path, project=Project(environment="prod"))
    assert ["lab.prod", "mine.prod"] == [each.name for each in in_prod]
    write(tmp_path, specs__own__a="stack: [")
    with pytest.raises(SpecError) as refused:
        outlines(root=tmp_path)
    assert ["E101"] == [problem.code for problem in refused.value.problems]
