"""The examples of docs/spec.md are specs that load."""

from __future__ import annotations

import re
from pathlib import Path

from provisioner.spec.project import Given, Project
from tests.unit.spec.specs import IMAGE, given, load, only, write

PAGE = (Path(__file__).parents[3] / "docs" / "spec.md").read_text(encoding="utf-8")
BASIC, VARIABLES, FOR_EACH, PATCH, RECORDS = re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE)


def test_the_first_example(tmp_path: Path) -> None:
    """And the patch that is shown for it."""
    write(tmp_path, specs__research__x=BASIC, specs__research__prod_dot_patch_dot_yaml=PATCH)
    assert "research" == load(tmp_path)[0].stack
    prod = Project(environment="prod", patches=("specs/research/prod.patch.yaml",))
    stacks = load(tmp_path, project=prod)
    assert ("research.prod", 200) == (stacks[0].stack, only(stacks, "alice").notebook.volume.capacity)
    assert {"team": "vision", "owner": "alice", "env": "prod"} == only(stacks, "alice").notebook.tags


def test_variables(tmp_path: Path) -> None:
    """The owner comes from the command line, the key from the environment."""
    write(tmp_path, specs__x=VARIABLES)
    project = Project(given={"owner": Given("ann", "--var owner")}, environ={"REGISTRY_KEY": "abcdef"})
    stacks = load(tmp_path, project=project)
    assert (IMAGE, 50) == ((alice := only(stacks, "alice").notebook).image_id, alice.volume.capacity)
    assert {"owner": "ann", "note": "made for ann"} == alice.tags
    assert ("abcdef",) == stacks[0].secrets.texts


def test_for_each(tmp_path: Path) -> None:
    """The addresses, and the name that is the default."""
    write(tmp_path, specs__x=FOR_EACH)
    stacks = load(tmp_path)
    addresses = ['gpu["bob"]', 'gpu["carol"]', 'guest["monday"]', 'guest["tuesday"]']
    assert [f"notebook.{each}" for each in addresses] == list(map(str, stacks[0].notebooks))
    assert "guest-monday" == only(stacks, addresses[2]).notebook.name
    write(tmp_path, specs__x=FOR_EACH.replace("    name: guest-${each.key}", "    #"))
    assert "guest-monday" == only(load(tmp_path), addresses[2]).notebook.name


def test_records(tmp_path: Path) -> None:
    """Beside the notebooks that they are about."""
    write(tmp_path, specs__x__records=RECORDS, specs__x__x=BASIC)
    (stack,) = load(tmp_path, project=given())
    assert (1, 1, 1) == (len(stack.imports), len(stack.moved), len(stack.removed))
