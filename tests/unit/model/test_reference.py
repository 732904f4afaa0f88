"""The table of fields in docs/spec.md is made from the models, so that it stays true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from provisioner.cli.schema import spec_schema
from provisioner.model.behavior import Effect, behaviors
from provisioner.model.fields import Declared, duration_text
from provisioner.model.notebook import Notebook
from provisioner.spec.check import levels
from tests.fields import COLUMNS, matrix

PAGE = Path(__file__).parents[3] / "docs" / "spec.md"
TABLE = re.compile(r"(<!-- fields: .*? -->\n).*?(<!-- end of fields -->)", re.DOTALL)
MATRIX = re.compile(r"(<!-- changes: .*? -->\n).*?(<!-- end of changes -->)", re.DOTALL)

EFFECTS = {
    Effect.NONE: "nothing is sent",
    Effect.IN_PLACE: "in place",
    Effect.RESTART: "restart",
    Effect.REPLACE: "replace",
}
# What the models cannot say.
COSTS = {"duration": "as `lease`", "image": "as `image_id`", "volume": "see below"}
DEFAULTS = {
    "name": "the KEY",
    "flavor": "required, or `custom_spec`",
    "image_id": "required, or `image`",
    "image.type": "either",
}


def test_the_reference_of_fields_is_the_models(update_golden: bool) -> None:  # noqa: FBT001 - a fixture
    """docs/spec.md lists every field with its type, range, default and what a change of it costs."""
    page = PAGE.read_text(encoding="utf-8")
    expected = TABLE.sub(lambda found: f"{found[1]}{field_table()}{found[2]}", page)
    expected = MATRIX.sub(lambda found: f"{found[1]}{change_table()}{found[2]}", expected)
    if update_golden:
        PAGE.write_text(expected, encoding="utf-8")
    assert expected == PAGE.read_text(encoding="utf-8")


def change_table() -> str:
    """Markdown: every field by what may happen to it."""
    head = f"\n| field | {' | '.join(COLUMNS)} |\n|---{'|:-:' * len(COLUMNS)}|\n"
    return head + "".join(
        f"| `{path}` | {' | '.join('●' if column in marks else '' for column in COLUMNS)} |\n"
        for path, marks in matrix().items()
    )


def field_table() -> str:
    """Markdown: a section for each kind of map, a row for each of its fields."""
    sections = [section(model, paths) for model, paths in maps().items()]
    return "\n" + "\n".join(sections)


def maps() -> dict[type[Declared], list[tuple[str, ...]]]:
    """Every kind of map and where it stands, the notebook itself first, each in the order of its field."""
    found: dict[type[Declared], list[tuple[str, ...]]] = {}
    fields = list(Notebook.model_fields)
    for path, model in sorted(
        levels(Notebook).items(), key=lambda level: [fields.index(level[0][0])] if level[0] else []
    ):
        found.setdefault(model, []).append(path)
    return found


def section(model: type[Declared], paths: list[tuple[str, ...]]) -> str:
    names = ", ".join(f"`{'.'.join(path)}`" for path in paths if path)
    title = f"### {names or 'A notebook'}"
    head = f"{title}\n\n| field | type and range | default | a change | meaning |\n|---|---|---|---|---|\n"
    return head + "".join(f"{row}\n" for row in rows(model, paths[0]))


def rows(model: type[Declared], path: tuple[str, ...]) -> Iterator[str]:
    properties = spec_schema()["definitions"][model.__name__]["properties"]
    for name, field in model.model_fields.items():
        dotted = ".".join((*path, name))
        default = DEFAULTS.get(dotted) or default_text(field.default, properties[name])
        cells = [f"`{name}`", type_text(properties[name]), default, cost_text(dotted), field.description or ""]
        yield f"| {' | '.join(cells)} |"


def cost_text(dotted: str) -> str:
    """Inside a map without costs of its own a change costs what its field costs."""
    behavior = behaviors(Notebook).get(dotted)
    if dotted in COSTS or not behavior:
        return COSTS.get(dotted, "")
    return EFFECTS[behavior.effect] + ("; replace when it shrinks" if behavior.grow_only else "")


def default_text(default: Any, schema: dict[str, Any]) -> str:
    if default is PydanticUndefined:
        return "required"
    if isinstance(default, str):
        return f"`{default}`"
    if isinstance(default, int) and type_text(schema) == "duration":
        return f"`{duration_text(default)}`"
    return ""


def type_text(schema: dict[str, Any]) -> str:  # noqa: PLR0911 - one line for each kind
    match as_value(schema):
        case {"enum": [*names]} | {"anyOf": [{"enum": [*names]}, *_]}:
            return ", ".join(f"`{name}`" for name in names if name.upper() == name or name.upper() not in names)
        case {"oneOf": _}:
            return "map, or `never`"
        case {"anyOf": _}:
            return "duration"
        case {"$ref": _} | {"allOf": _}:
            return "map"
        case {"type": "array", "items": items}:
            return f"list of {type_text(items)}s" if type_text(items) == "map" else f"list of {type_text(items)}"
        case {"type": "object"}:
            return "map of text"
        case {"type": "integer" | "number"}:
            return range_text(as_value(schema))
        case {"type": "boolean"}:
            return "`true` or `false`"
        case {"maxLength": longest}:
            return f"text, at most {longest}"
        case _:
            return "text"


def as_value(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of the value itself: `${...}` may stand for any."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"$ref": "#/definitions/Interpolated"}]
    return choices[0] if len(choices) == 1 else schema


def range_text(schema: dict[str, Any]) -> str:
    kind = "decimal number" if schema["type"] == "number" else "whole number"
    if "maximum" in schema:
        return f"{kind}, {schema['minimum']} to {schema['maximum']}"
    return f"{kind}, at least {schema['minimum']}"
