"""The JSON Schemas: true to the models, right about good and bad specs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provisioner.cli.schema import settings_schema, spec_schema
from provisioner.model.notebook import Notebook
from provisioner.spec.source import read_source
from provisioner.spec.tree import plain
from tests.contract.edits import first
from tests.unit.spec.specs import IMAGE, problems, write

ROOT = Path(__file__).parents[3]
FILES = {"spec.schema.json": [], "settings.schema.json": ["--settings"]}
EXAMPLES = sorted((ROOT / "specs").rglob("*.yaml"))

VALID = """
version: 1
stack: lab
defaults: {tags: {version: 1.10}, volume: {category: evs}}
notebooks:
  a:
    name: 42
    workspace_id: 0
    feature: Notebook
    desired_status: Stopped
    public_network_config: {public_network_type: Shared}
    lease: never
    endpoints: [{dev_service: SSH, ssh_keys: [k]}]
  b:
    lease: {duration: 8h, type: IDLE}
    duration: 3600000
    storages: [{category: OBS, uri: obs://b/, mount_path: /data/x/}]
    image: {name: pytorch_2.1, type: build_in}
    lifecycle: {prevent_destroy: true, ignore_changes: [description, tags.cost]}
  c:
    for_each: {x: {capacity: 50}, y: {capacity: 100}}
    name: ${each.key}_notebook
    description: ${var.text}
    volume: {category: "${var.category}", ownership: MANAGED, capacity: "${each.value.capacity}"}
    endpoints: ["${var.endpoint}"]
    storages: ${var.storages}
    lease: ${var.lease}
    timeouts: {create: "${var.timeout}"}
  d: {for_each: [x, 1], tags: {each: "${each.key}"}}
  e: {for_each: "${var.names}", image_id: "${var.image}"}
variables:
  image: {default: e1a07296-22a8-4f05-8bc8-e936c8e54090}
  names: {type: list, default: [x, y], description: of the team}
  owner: {env: CI_COMMIT_AUTHOR, sensitive: true}
  text:
    type: string
imports: [{to: a, id: f9937afa-4451-42db-a76b-72d624749f66}, {to: 'c["x"]', id: "${var.id}"}]
moved: [{from: old, to: notebook.a}]
removed: [{from: legacy, destroy: false}, {from: older}]
"""

WHOLE = f"defaults: {{flavor: f, image_id: {IMAGE}, volume: {{category: EVS, ownership: MANAGED, capacity: 50}}}}"
BAD = {
    "unknown key": "notebooks: {a: {flavour: x}}",
    "unknown key at the top": "notebook: {}",
    "unknown key inside": "notebooks: {a: {volume: {capacty: 5}}}",
    "unknown key in defaults": "defaults: {flavour: x}",
    "key": "notebooks: {'a b': {}}",
    "name": "notebooks: {a: {name: a b}}",
    "description": "notebooks: {a: {description: a & b}}",
    "text for a number": "notebooks: {a: {volume: {capacity: '50'}}}",
    "too small": "notebooks: {a: {volume: {capacity: 4}}}",
    "too large": "notebooks: {a: {volume: {capacity: 4097}}}",
    "decimal": "notebooks: {a: {volume: {capacity: 5.5}}}",
    "enumeration": "notebooks: {a: {volume: {category: SSD}}}",
    "feature": "notebooks: {a: {feature: DEFAULT}}",
    "image": "notebooks: {a: {image_id: mindspore}}",
    "list for a map": "notebooks: {a: {volume: []}}",
    "map for a list": "notebooks: {a: {endpoints: {}}}",
    "empty": "notebooks: {a: {flavor: null}}",
    "boolean for text": "notebooks: {a: {flavor: true}}",
    "lease": "notebooks: {a: {lease: forever}}",
    "duration": "notebooks: {a: {lease: {duration: 8 hours}}}",
    "missing in a list": "notebooks: {a: {endpoints: [{key_pair_names: [k]}]}}",
    "mounts": "notebooks: {a: {storages: [{category: OBS, uri: 'obs://b/', mount_path: /mnt/x}]}}",
    "addresses": "notebooks: {a: {endpoints: [{service: SSH, allowed_access_ips: [a, b, c, d, e, f]}]}}",
    "version": "version: 2",
    "lifecycle": "notebooks: {a: {lifecycle: {prevent_delete: true}}}",
    "image selector": "notebooks: {a: {image: {name: x, type: SHARED}}}",
    "number in a list": "notebooks: {a: {for_each: [[x]]}}",
    "for_each": "notebooks: {a: {for_each: 3}}",
    "each key": "notebooks: {a: {for_each: {'a\"b': 1}}}",
    "for_each in defaults": "defaults: {for_each: [a]}",
    "text that is no interpolation": "notebooks: {a: {volume: {capacity: $50}}}",
    "a function": "notebooks: {a: {volume: {capacity: '${max(1, 2)}'}}}",
    "variable": "variables: {a: {type: text}}",
    "variable name": "variables: {'a b': {}}",
    "bare variable": "variables: {a: x}",
    "import without id": "imports: [{to: a}]",
    "import id": "imports: [{to: a, id: x}]",
    "move": "moved: [{from: a, into: b}]",
    "removal": "removed: [{from: a, destroy: maybe}]",
    "setting": "default_tags: {a: b}",
}


def parsed(text: str) -> Any:
    root = read_source("a.yaml", text.encode()).root
    assert root
    return plain(root)


def test_the_schemas_are_draft_07() -> None:
    """The draft that editors read."""
    for schema in (spec_schema(), settings_schema()):
        jsonschema.Draft7Validator.check_schema(schema)
        assert "http://json-schema.org/draft-07/schema#" == schema["$schema"]


@pytest.mark.parametrize("name", FILES)
def test_the_committed_schemas_are_those_that_are_printed(name: str, update_golden: bool) -> None:  # noqa: FBT001
    """`provisioner schema > schema/spec.schema.json` brings the file up to date, as does --update-golden."""
    command = [sys.executable, "-m", "provisioner", "schema", *FILES[name]]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    path = ROOT / "schema" / name
    if update_golden:
        path.write_text(printed, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == printed


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_fits_the_schema_that_it_names(path: Path) -> None:
    """By the first line, which editors follow."""
    text = path.read_text(encoding="utf-8")
    named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    schema = json.loads((path.parent / named).read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(parsed(text))


def test_a_good_spec_fits() -> None:
    """Numbers where text is expected, names of 2022, lower case, and parts that defaults complete."""
    jsonschema.Draft7Validator(spec_schema()).validate(parsed(VALID))


@pytest.mark.parametrize("case", BAD)
def test_a_bad_spec_does_not_fit(case: str) -> None:
    """Editors mark it while it is written."""
    assert not jsonschema.Draft7Validator(spec_schema()).is_valid(parsed(BAD[case]))


def test_a_stack_of_every_feature_fits() -> None:
    """As `validate` says of it."""
    jsonschema.Draft7Validator(spec_schema()).validate(first().spec())


@pytest.mark.parametrize("case", BAD)
def test_what_an_editor_marks_is_refused(case: str, tmp_path: Path) -> None:
    """By `validate` too, where all else is right: an editor gives no false alarms."""
    complete = {"defaults": WHOLE, "notebooks": "notebooks: {}"}
    missing = [line for name, line in complete.items() if f"{name}:" not in BAD[case]]
    write(tmp_path, specs__a="\n".join([BAD[case], *missing]))
    assert problems(tmp_path)


def test_every_field_is_described() -> None:
    """An editor can say what a field is, at every level; nothing is null but in settings."""
    schema = spec_schema()
    levels = [schema, *(each for each in schema["definitions"].values() if "properties" in each)]
    fields = [(name, field) for level in levels for name, field in level["properties"].items()]
    described = [name for name, field in fields if field.get("description") or "$ref" in str(field)]
    assert [name for name, _ in fields] == described
    assert {*Notebook.model_fields, "for_each"} == set(schema["definitions"]["Notebook"]["properties"])
    assert "null" not in json.dumps(schema)


GOOD_SETTINGS = """
cloud: {region: cn-north-4, endpoint: null, poll_interval: auto}
backend: {path: s}
environments:
  dev:
  prod:
    cloud: {project_id: 0123456789abcdef}
    backend: {path: prod}
    variables: {size: 100, names: [a, b], owner: null}
    patches: [specs/research/prod.patch.yaml]
policy: {max_changes: 20, max_destroys: 0, require_lease: true, require_allowlist: null}
default_tags: {managed-by: provisioner, version: 1.10}
ignore_tags: [cost-centre]
"""


def test_the_schema_of_settings_knows_good_from_bad() -> None:
    """Null leaves a default in place there."""
    validator = jsonschema.Draft7Validator(settings_schema())
    validator.validate(parsed(GOOD_SETTINGS))
    for text in (
        "policy: {max_change: 1}",
        "policy: {max_changes: many}",
        "policy: {require_lease: 1}",
        "environments: {'a b': {}}",
        "environments: {prod: {policy: {}}}",
        "environments: {prod: {cloud: {regoin: x}}}",
        "environments: {prod: {patches: x.yaml}}",
        "default_tags: [a]",
        "ignore_tags: {a: b}",
        "cloud: {marker: tag}",
        "cloud: {poll_interval: fast}",
        "backend: {type: etcd}",
        "cloud: []",
    ):
        assert not validator.is_valid(parsed(text)), text
