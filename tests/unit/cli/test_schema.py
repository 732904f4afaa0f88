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
    lease: never
    endpoints: [{dev_service: SSH, ssh_keys: [k]}]
  b:
    lease: {duration: 8h, type: IDLE}
    duration: 3600000
    storages: [{category: OBS, uri: obs://b/, mount_path: /data/x/}]
"""

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
    "not yet": "notebooks: {a: {lifecycle: {}}}",
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


def test_every_field_is_described() -> None:
    """An editor can say what a field is, at every level; nothing is null but in settings."""
    schema = spec_schema()
    levels = [schema, *schema["definitions"].values()]
    fields = [(name, field) for level in levels for name, field in level["properties"].items()]
    described = [name for name, field in fields if field.get("description") or "$ref" in field]
    assert [name for name, _ in fields] == described
    assert set(Notebook.model_fields) == set(schema["definitions"]["Notebook"]["properties"])
    assert "null" not in json.dumps(schema)


def test_the_schema_of_settings_knows_good_from_bad() -> None:
    """Null leaves a default in place there."""
    validator = jsonschema.Draft7Validator(settings_schema())
    validator.validate(parsed("cloud: {region: cn-north-4, endpoint: null, poll_interval: auto}\nbackend: {path: s}"))
    for text in (
        "policy: {}",
        "cloud: {marker: tag}",
        "cloud: {poll_interval: fast}",
        "backend: {type: s3}",
        "cloud: []",
    ):
        assert not validator.is_valid(parsed(text)), text
