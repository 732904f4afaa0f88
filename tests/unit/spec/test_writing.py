"""What is written as a spec reads back to the same, whatever it holds; and it looks as a person would write it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner.model.address import Address
from provisioner.model.notebook import Notebook
from provisioner.spec.load import load_stacks
from provisioner.spec.writing import Entry, spec_text, unspeakable
from tests.builders import IMAGE, notebook

Fields = dict[str, Any]

SCHEMA = "../../schema/spec.schema.json"
UUID = "0aa1b2c3-0000-4000-8000-00000000000a"
TERM = {"key": "zone", "operator": "In", "values": ["a", "1"]}

LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
# What YAML reads as something else than text, or as structure.
_TRAPS = (
    "yes|null|~|1.10|010|0x1f|1:30|2024-01-01|- a|a: b|a #b|#a|a:|[a|{a}|&a|*a|!a|%a|@a|`a|>|?|-|--- a|a\tb| a |\\|"
    "${var.x}|$${a}|$|...|=|<<|,|a,b|'|\"|1e3|.5|+1|_1|é|日本|\U0001f600"
)
TRAPS = st.sampled_from([*_TRAPS.split("|"), "|"])
TEXTS = st.one_of(TRAPS, LINES).filter(lambda text: not unspeakable(text))
SCRIPTS = st.one_of(TEXTS, st.just("#!/bin/sh\n\techo \"$1\" '\\n'\n"))
DESCRIPTIONS = TEXTS.map(lambda text: "".join(letter for letter in text if letter not in "&<>\"'/")[:400])
TAGS = st.text(st.sampled_from("aZ09_ .:=+-@é日")).map(str.strip)
DURATIONS = st.integers(60, 72 * 60).map(lambda minutes: minutes * 60_000)


def map_of(required: Fields, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Fields]:
    return st.fixed_dictionaries({name: st.just(value) for name, value in required.items()}, optional=optional)


VOLUMES = st.one_of(
    st.integers(5, 4096).map(lambda size: {"category": "EVS", "ownership": "MANAGED", "capacity": size}),
    map_of({"category": "OBSFS", "ownership": "DEDICATED", "uri": "obs://b/d/"}, read_only=st.booleans()),
    TEXTS.map(lambda uri: {"category": "EFS", "ownership": "DEDICATED", "uri": uri, "id": UUID}),
)
OPTIONAL = {
    "description": DESCRIPTIONS,
    "workspace_id": st.sampled_from(["0", "1" * 32, "1b2f0c6d7e8a49f5a3c1d2e4f5061728"]),
    "feature": st.just("NOTEBOOK"),
    "data_volumes": st.lists(VOLUMES.map(lambda volume: {**volume, "mount_path": "/data/x/"}), max_size=2),
    "endpoints": st.lists(st.lists(TEXTS, min_size=1, max_size=9), max_size=1).map(
        lambda keys: [
            {"service": "SSH", "key_pair_names": each, "allowed_access_ips": ["203.0.113.7"]} for each in keys
        ]
    ),
    "storages": st.lists(TEXTS, max_size=3).map(
        lambda uris: [
            {"category": "EFS", "uri": uri, "mount_path": f"/data/{number}/", "efs_id": UUID}
            for number, uri in enumerate(uris)
        ]
    ),
    "lease": st.one_of(st.just("never"), DURATIONS.map(lambda each: {"type": "TIMING", "duration": each})),
    "desired_status": st.sampled_from(["RUNNING", "STOPPED", "UNMANAGED"]),
    "tags": st.dictionaries(
        TAGS.filter(lambda key: bool(key) and not unspeakable({key: ""})),
        TAGS | st.sampled_from(["/", "a/b"]),
        max_size=4,
    ),
    "hooks": SCRIPTS.map(lambda script: {"container_hooks": {"pre_start": {"script": script, "mode": "BLOCK"}}}),
    "affinity": st.lists(st.integers(0, 100), max_size=2).map(
        lambda weights: {
            "preferred_during_scheduling_ignored_during_execution": [TERM | {"weight": each} for each in weights]
        }
    ),
    "run_user": st.just({"uid": 0, "gid": 2**31 - 1}),
    "user_vpc": TEXTS.map(lambda each: {"vpc_id": each, "subnet_id": "s", "security_group_ids": [each]}),
    "public_network_config": st.just({"public_network_type": "SHARED"}),
}
CUSTOM = st.tuples(st.integers(40, 10**12 - 1), TEXTS).map(
    lambda pair: {"custom_spec": {"cpu": pair[0] / 100, "memory": 513, "gpu_type": pair[1]}}
)


@st.composite
def notebooks(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Notebook:
    """Any that the model accepts, in a pool so that everything may be declared."""
    compute = draw(st.one_of(TEXTS.map(lambda flavor: {"flavor": flavor}), CUSTOM))
    fields = {"name": "alice", "image_id": IMAGE, "pool_id": "pool41664192", "volume": draw(VOLUMES)}
    return Notebook.model_validate(fields | compute | draw(st.fixed_dictionaries({}, optional=OPTIONAL)))


def read(text: str) -> dict[str, Any]:
    """The attributes of each notebook in a file that holds `text`, by KEY."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "lab.yaml").write_text(text, encoding="utf-8")
        (spec,) = load_stacks(["lab.yaml"], root=Path(directory))
    return {address.key: declaration.notebook.attributes() for address, declaration in spec.notebooks.items()}


def written(fields: Fields, *, key: str = "alice", remarks: tuple[str, ...] = ()) -> str:
    return spec_text({key: Entry(fields, remarks)}, {}, schema=SCHEMA)


@settings(max_examples=60)
@given(notebooks())
@example(notebook(description="${var.x} $${a} $", tags={"yes": "1.10", "a : b": "0"}))
def test_what_is_written_reads_back_to_the_same(declared: Notebook) -> None:
    """Any notebook that the model accepts, as far as a file may hold its texts."""
    assert {"alice": declared.attributes()} == read(written(declared.attributes()))


@settings(max_examples=40)
@given(LINES, TEXTS)
def test_a_remark_is_a_comment_whatever_it_holds(remark: str, about_all: str) -> None:
    """It neither becomes a part of the spec nor makes the file unreadable."""
    attributes = notebook().attributes()
    text = spec_text({"alice": Entry(attributes, [remark])}, {}, schema=SCHEMA, remarks=[about_all])
    assert {"alice": attributes} == read(text)


def test_a_spec_looks_as_people_write_it() -> None:
    """Fields in the order of the model, small maps on one line, durations with units, quotes where they are needed."""
    fields = {
        "lease": {"duration": 28_800_000, "type": "TIMING"},
        "volume": {"ownership": "MANAGED", "capacity": 50, "category": "EVS"},
        "tags": {"team": "vision", "cost": "1.10", "a b": "yes"},
        "storages": [{"mount_path": "/data/sets/", "category": "OBSFS", "uri": "obs://bucket/dir/"}],
        "endpoints": [{"service": "SSH", "key_pair_names": ["alice"], "allowed_access_ips": ["203.0.113.7"]}],
        "hooks": {"container_hooks": {"pre_start": {"script": "/opt/a.sh"}}},
        "workspace_id": "0",
        "image_id": IMAGE,
        "flavor": "modelarts.vm.cpu.2u",
        "description": "50% of what we need: a start",
        "lifecycle": {"ignore_changes": ["name"]},
    }
    text = spec_text({"alice": Entry(fields, ["its name is odd"])}, {"alice": UUID}, schema=SCHEMA, remarks=["made"])
    assert (
        text
        == f"""\
# yaml-language-server: $schema=../../schema/spec.schema.json
# made
version: 1
notebooks:
  # its name is odd
  alice:
    description: "50% of what we need: a start"
    flavor: modelarts.vm.cpu.2u
    image_id: {IMAGE}
    workspace_id: "0"
    volume: {{category: EVS, ownership: MANAGED, capacity: 50}}
    endpoints:
      - {{service: SSH, key_pair_names: [alice], allowed_access_ips: [203.0.113.7]}}
    storages:
      - {{category: OBSFS, uri: obs://bucket/dir/, mount_path: /data/sets/}}
    lease: {{duration: 8h, type: TIMING}}
    tags: {{a b: "yes", cost: "1.10", team: vision}}
    hooks:
      container_hooks:
        pre_start: {{script: /opt/a.sh}}
    lifecycle: {{ignore_changes: [name]}}

imports:
  - {{to: alice, id: {UUID}}}
"""
    )


def test_what_is_too_long_for_a_line_takes_several() -> None:
    """Lists and maps alike, and they read back to the same."""
    keys = [f"key-pair-number-{number}" for number in range(9)]
    declared = notebook(
        tags={f"tag-number-{number}": "of a notebook" for number in range(9)},
        endpoints=[{"service": "SSH", "key_pair_names": keys}],
    )
    text = written(declared.attributes())
    assert "\n    tags:\n      tag-number-0: of a notebook\n" in text
    assert "\n      - service: SSH\n        key_pair_names:\n          - key-pair-number-0\n" in text
    assert {"alice": declared.attributes()} == read(text)


def test_no_notebooks_make_a_valid_file(tmp_path: Path) -> None:
    """Which says so."""
    assert {} == read(spec_text({}, {}, schema=SCHEMA))


def test_a_key_that_looks_like_a_number_is_text() -> None:
    """Keys are quoted by the rules of values."""
    text = written(notebook().attributes(), key="123")
    assert '\n  "123":\n' in text
    assert [Address("123").key] == list(read(text))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"description": "a\u202eb"}, "it holds the invisible character U+202E"),
        (["a\rb"], "it holds the invisible character U+000D"),
        ({"tags": {"Token": "x"}}, "its key Token looks like a secret"),
        ("a" * 65537, "it has more than 64 KiB"),
        ({"description": "a\nb", "tags": {"tokens": "${x}"}}, ""),
    ],
)
def test_what_no_file_may_hold_is_told(value: Any, reason: str) -> None:
    """The reader would refuse it, whatever its field allows."""
    assert reason == unspeakable(value)
