"""`provisioner schema`: JSON Schema of specs and of `provisioner.yaml`, for editors. Made from the models.

Editors read it as draft-07. It knows less than `validate`: what `defaults` may supply cannot be required here,
combinations of fields are not told, and what a `${...}` stands for is not known.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from provisioner.model.fields import Declared

Schema = dict[str, Any]

_DRAFT = "http://json-schema.org/draft-07/schema#"
# Elements of lists: no default is merged into them, so what they need can be required.
_ELEMENTS = frozenset({"Endpoint", "Storage", "AffinityTerm", "ImportEntry", "MovedEntry", "RemovedEntry"})
_LEGACY = {"dev_service": "service", "ssh_keys": "key_pair_names"}
_INTERPOLATED = {"$ref": "#/definitions/Interpolated"}
# Spellings that YAML reads as numbers; a text field keeps them as they are written.
_PLAIN_NUMBERS = ("0", "1.10", "12345678")


@click.command("schema")
@click.option("--settings", "of_settings", is_flag=True, help="Of provisioner.yaml instead of specs.")
def command(*, of_settings: bool) -> None:
    """Print the JSON Schema of specs, for editors.

    Name it in the first line of a spec: # yaml-language-server: $schema=PATH
    """
    schema = settings_schema() if of_settings else spec_schema()
    click.echo(as_text(schema), nl=False)


def as_text(schema: Schema) -> str:
    return f"{json.dumps(schema, indent=2, ensure_ascii=False)}\n"


def spec_schema() -> Schema:
    """What one spec file may hold."""
    from provisioner.model.notebook import Notebook
    from provisioner.spec.document import Document

    notebook = _schema_of(Notebook)
    definitions = notebook.pop("definitions") | {"Notebook": notebook}
    _add_legacy_names(definitions["Endpoint"])
    for definition in definitions.values():
        definition["properties"] = {name: _or_interpolated(field) for name, field in definition["properties"].items()}
    notebook["properties"]["for_each"] = _for_each()
    document = _schema_of(Document)
    definitions |= document.pop("definitions")
    for name, definition in definitions.items():
        if name not in _ELEMENTS:
            definition.pop("required", None)
    definitions["ImportEntry"]["properties"]["id"] = _or_interpolated(definitions["ImportEntry"]["properties"]["id"])
    definitions["Interpolated"] = {
        "description": "A value from elsewhere: ${var.NAME}, ${each.key}, ${each.value.NAME}.",
        "type": "string",
        "pattern": r"\$\{(var|each)\.",
    }
    fields = document["properties"]
    fields["defaults"] = {
        "description": fields["defaults"]["description"],
        "allOf": [{"$ref": "#/definitions/Notebook"}, {"not": {"required": ["for_each"]}}],
    }
    fields["notebooks"]["additionalProperties"] = {"$ref": "#/definitions/Notebook"}
    return _named("Spec of modelarts-provisioner", document | {"definitions": definitions})


def _for_each() -> Schema:
    from provisioner.model.address import EACH_PATTERN

    entries = {"type": "object", "propertyNames": {"pattern": f"^{EACH_PATTERN}$"}, "additionalProperties": True}
    names = {"type": "array", "items": {"type": ["string", "number"]}, "uniqueItems": True}
    description = "One notebook for each entry of a map, or of a list of texts."
    return {"description": description, "anyOf": [entries, names, _INTERPOLATED]}


def settings_schema() -> Schema:
    """What `provisioner.yaml` may hold. Unlike in specs, null is allowed: it leaves the default in place."""
    from provisioner.cli.settings_file import File

    schema = _schema_of(File)
    environments = schema["properties"]["environments"]
    environments["additionalProperties"] = _or_null(environments["additionalProperties"])
    for level in (schema, *schema["definitions"].values()):
        level["properties"] = {name: _or_null(field) for name, field in level["properties"].items()}
    return _named("Settings of modelarts-provisioner", schema)


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _or_interpolated(schema: Schema) -> Schema:
    """`schema`, and `${...}` wherever it refuses that, inside of lists and maps as well."""
    inner = schema
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            inner = inner | {key: _or_interpolated(schema[key])}
    takes_any_text = "string" in inner.get("type", ()) and not {"enum", "const", "pattern"} & set(inner)
    if takes_any_text:
        return inner
    remarks: Schema = {key: inner[key] for key in ("description", "default", "examples", "deprecated") if key in inner}
    bare = {key: value for key, value in inner.items() if key not in remarks}
    return {
        **remarks,
        "anyOf": [*bare.pop("allOf", ()), *bare.pop("anyOf", ()), *([bare] if bare else ()), _INTERPOLATED],
    }


def _named(title: str, schema: Schema) -> Schema:
    return {"$schema": _DRAFT, "title": title, **schema}


def _schema_of(model: type[Declared]) -> Schema:
    schema = model.model_json_schema(ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs", {})
    return _tidied(schema) | {"definitions": {name: _tidied(definition) for name, definition in definitions.items()}}


def _tidied(schema: Schema) -> Schema:
    """Without what pydantic adds for itself, defaults that say nothing, and null, which specs refuse."""
    kept: Schema = {}
    for key, value in schema.items():
        match value:
            case _ if key == "title" or (key == "default" and (not value or isinstance(value, dict))):
                continue
            case dict() if key == "patternProperties":  # names of maps; those that do not fit are refused
                ((pattern, inner),) = value.items()
                kept |= {"propertyNames": {"pattern": pattern}, "additionalProperties": _tidied(inner)}
            case dict() if key == "properties":  # its keys are names of fields, not words of JSON Schema
                kept[key] = {name: _tidied(field) for name, field in value.items()}
            case dict():
                kept[key] = _tidied(value)
            case list():
                kept[key] = [_tidied(item) if isinstance(item, dict) else item for item in value]
            case _:
                kept[key] = value
    if "description" in kept:
        kept["description"] = re.sub(r" \(API page [^)]*\)", "", kept["description"])
    choices = [choice for choice in kept.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        kept.pop("anyOf")
        kept = choices[0] | kept
    elif choices:
        kept["anyOf"] = choices
    return _ref_alone(_in_any_case(_with_numbers(kept)))


def _with_numbers(schema: Schema) -> Schema:
    if schema.get("type") != "string" or "enum" in schema or "const" in schema:
        return schema
    pattern = schema.get("pattern", "")
    numeric = any(re.search(pattern, number) for number in _PLAIN_NUMBERS)
    return schema | {"type": ["string", "number"]} if numeric else schema


def _in_any_case(schema: Schema) -> Schema:
    """Names of the service are taken in any case; editors offer the two usual spellings."""
    names = schema.get("enum", [])
    half = len(names) // 2
    if not half or names[half:] != [name.lower() for name in names[:half]]:
        return schema
    letters = (
        f"[{letter.upper()}{letter}]" if letter.isalpha() else letter for name in names[half:] for letter in f"{name}|"
    )
    offered = {"type": schema.get("type", "string"), "enum": names}
    any_case = {"type": "string", "pattern": f"^({''.join(letters).removesuffix('|')})$"}
    return {key: value for key, value in schema.items() if key not in offered} | {"anyOf": [offered, any_case]}


def _ref_alone(schema: Schema) -> Schema:
    """In draft-07 nothing beside `$ref` counts, so a description needs it one level down."""
    if "$ref" not in schema or len(schema) == 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {"allOf": [{"$ref": schema["$ref"]}], **rest}


def _add_legacy_names(endpoint: Schema) -> None:
    """The names of 2022 are accepted (API page 5.2)."""
    for old, name in _LEGACY.items():
        meaning = {"description": f"Old name of {name}.", "deprecated": True}
        endpoint["properties"][old] = endpoint["properties"][name] | meaning
    endpoint["anyOf"] = [{"required": ["service"]}, {"required": ["dev_service"]}]
    endpoint.pop("required")
