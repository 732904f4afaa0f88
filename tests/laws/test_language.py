"""What holds for every spec that uses the language: variables, `${...}`, for_each and patches."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.errors import SpecError
from provisioner.model.address import EACH_PATTERN, Address
from provisioner.spec.document import Spec
from provisioner.spec.load import load_stacks
from provisioner.spec.project import Given, Project
from provisioner.views.diagnostics import error_text

SECRET = "hunter2-and-more"
NOTEBOOK: dict[str, Any] = {
    "flavor": "modelarts.vm.cpu.2u",
    "image_id": "e1a07296-22a8-4f05-8bc8-e936c8e54090",
    "volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 50},
}
VARIABLES: dict[str, Any] = {
    "s": {"default": "text"},
    "n": {"type": "number", "default": 50},
    "m": {"type": "map", "default": {"a": {"b": 1}, "k": "v"}},
    "l": {"type": "list", "default": ["x", "y"]},
    "hidden": {"sensitive": True},
}
PIECES = st.sampled_from(
    [
        "${var.s}",
        "${var.n}",
        "${var.m}",
        "${var.m.a}",
        "${var.m.a.b}",
        "${var.l}",
        "${var.hidden}",
        "${var.none}",
        "${each.key}",
        "${each.value}",
        "${each.value.a}",
        "${",
        "}",
        "$${",
        "$",
        "x",
        " ",
        "${env.HOME}",
        "${}",
        "${f(x)}",
    ]
)
TEXTS = st.lists(PIECES, min_size=1, max_size=3).map("".join)
SCALARS = TEXTS | st.integers(0, 5000) | st.booleans()
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "name", "capacity", "service", "${x}"]), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [*NOTEBOOK, "name", "description", "tags", "endpoints", "lifecycle", "lease", "for_each", "zzz"]
)
NOTEBOOKS = st.dictionaries(FIELDS, TREES, max_size=4).map(lambda fields: NOTEBOOK | fields)
POINTERS = st.sampled_from(
    ["/flavor", "/tags", "/tags/a", "/volume/capacity", "/storages/-", "/endpoints/0", "", "/x/y"]
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "zap"]), "path": POINTERS},
    optional={"value": TREES, "from": POINTERS},
)
NO_PROJECT = Project()
PROJECT = Project(given={"hidden": Given(SECRET, "--var hidden")})


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A project whose files are written again for each example."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "specs").mkdir()
        yield Path(directory)


def loaded(root: Path, spec: dict[str, Any], project: Project = NO_PROJECT) -> Spec | None:
    """The stack of a spec, or None. Every problem has a code, a mend and a place in a file that exists."""
    (root / "specs" / "lab.yaml").write_text(json.dumps(spec, indent=1, ensure_ascii=False), encoding="utf-8")
    try:
        (stack,) = load_stacks(root=root, project=project)
    except SpecError as error:
        refused = error
    else:
        return stack
    for problem in refused.problems:
        assert problem.code
        assert problem.hint
        assert problem.range
        lines = (root / problem.range.file).read_text(encoding="utf-8").splitlines()
        assert problem.source_line in {lines[problem.range.line - 1], ""}
        assert 1 <= problem.range.column <= len(lines[problem.range.line - 1]) + 1
    assert SECRET not in error_text(refused, color=False)
    return None


def models(stack: Spec | None) -> dict[Address, Any]:
    assert stack
    return {address: declared.notebook for address, declared in stack.notebooks.items()}


@given(notebooks=st.dictionaries(st.sampled_from(["a", "b", "c"]), NOTEBOOKS, max_size=3), defaults=NOTEBOOKS)
@settings(max_examples=300)
def test_any_tree_loads_or_is_refused_in_words(root: Path, notebooks: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Nothing but diagnostics comes out, and none of them shows a secret."""
    loaded(root, {"variables": VARIABLES, "defaults": defaults, "notebooks": notebooks}, PROJECT)


@given(patch=st.dictionaries(st.sampled_from(["a", "b", 'b["x"]', "c"]), st.lists(OPERATIONS, max_size=3), max_size=2))
@settings(max_examples=300)
def test_any_patch_is_applied_or_refused_in_words(root: Path, patch: dict[str, Any]) -> None:
    """What is wrong afterwards is shown in a file that exists: the spec or the patch."""
    (root / "specs" / "prod.patch.yaml").write_text(json.dumps(patch, indent=1, ensure_ascii=False), encoding="utf-8")
    project = Project(given=PROJECT.given, patches=("specs/prod.patch.yaml",))
    notebooks = {"a": NOTEBOOK | {"tags": {"a": "b"}}, "b": NOTEBOOK | {"for_each": ["x", "y"]}}
    loaded(root, {"variables": VARIABLES, "notebooks": notebooks}, project)


@given(
    eaches=st.dictionaries(
        st.from_regex(rf"\A(?:{EACH_PATTERN})\Z").filter(lambda text: "${" not in text and text.isprintable()),
        st.integers(5, 4096),
        max_size=4,
    )
)
@settings(max_examples=100)
def test_for_each_is_a_short_way_to_write_many_notebooks(root: Path, eaches: dict[str, int]) -> None:
    """Each instance equals a notebook that is written out, but for its address."""
    volume = NOTEBOOK["volume"]
    template = NOTEBOOK | {
        "name": "n",
        "volume": volume | {"capacity": "${each.value.size}"},
        "lease": {"duration": "${each.value.size}h"},
        "for_each": {each: {"size": size} for each, size in eaches.items()},
    }
    by_hand = {
        f"n{number}": NOTEBOOK | {"name": "n", "volume": volume | {"capacity": size}, "lease": {"duration": f"{size}h"}}
        for number, size in enumerate(eaches.values())
    }
    expanded = loaded(root, {"notebooks": {"gpu": template}})
    written = loaded(root, {"notebooks": by_hand})
    assert (expanded is None) == (written is None)
    if expanded:
        assert [Address("gpu", each) for each in eaches] == list(expanded.notebooks)
        assert list(models(written).values()) == list(models(expanded).values())


@given(description=st.text(alphabet="ab $x}.", max_size=12), value=st.text(alphabet="ab ${}x", max_size=8))
@settings(max_examples=100)
def test_what_is_escaped_or_a_value_is_text(root: Path, description: str, value: str) -> None:
    """Text without `${` means itself, and so does any value of a variable, whatever it holds."""
    notebook = NOTEBOOK | {"description": description.replace("${", "") + "|${var.v}|$${var.v}"}
    spec = {"variables": {"v": {}}, "notebooks": {"a": notebook}}
    stack = loaded(root, spec, Project(given={"v": Given(value, "--var v")}))
    assert [description.replace("${", "") + f"|{value}|${{var.v}}"] == [
        each.description for each in models(stack).values()
    ]


@given(notebook=NOTEBOOKS)
@settings(max_examples=100)
def test_a_variable_is_as_good_as_its_value(root: Path, notebook: dict[str, Any]) -> None:
    """A field that is one whole `${var.x}` loads as if the value stood there."""
    if "${" in json.dumps(notebook):
        notebook = json.loads(json.dumps(notebook).replace("${", "("))
    kinds = {dict: "map", list: "list", bool: "bool", int: "number", str: "string"}
    variables = {f"v_{name}": {"type": kinds[type(value)], "default": value} for name, value in notebook.items()}
    indirect = {name: f"${{var.v_{name}}}" for name in notebook}
    direct = loaded(root, {"notebooks": {"a": notebook}})
    through = loaded(root, {"variables": variables, "notebooks": {"a": indirect}})
    assert (direct is None) == (through is None)
    if direct:
        assert models(direct) == models(through)
