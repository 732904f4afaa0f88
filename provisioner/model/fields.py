"""The scalar types of a spec: what a name, a duration or a tag may be.

Limits are those of the API page, sections 4, 5, 6, 9, 10 and 11. Every refusal is a PydanticCustomError whose type is a
stable code and whose context may hold `hint` (the mend) and `at` (the field inside a map that is to blame).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NoReturn

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, Strict
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from provisioner.model.marker import MARK_LENGTH, Place, split

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
MAX_LEASE_MS = 72 * HOUR_MS

_UNITS_MS = {"ms": 1, "s": 1000, "m": MINUTE_MS, "h": HOUR_MS, "d": 24 * HOUR_MS}
_DURATION = re.compile(r"(?:\d+(?:ms|[smhd]))+")
_DURATION_PART = re.compile(r"(\d+)(ms|[smhd])")


class Declared(BaseModel):
    """Base of everything read from a spec: frozen, unknown keys refused. `foreign` are keys that people look for here,
    and where they belong.
    """

    foreign: ClassVar[Mapping[str, str]] = {}
    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """Marks a field: `check` runs first and returns the value to keep or refuses; `schema` is its JSON Schema."""

    check: Callable[[object], object]
    schema: dict[str, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._run, handler(source))

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)

    def _run(self, value: object) -> object:
        return None if value is None else self.check(value)


def refuse(code: str, message: str, *, hint: str = "", at: str = "") -> NoReturn:
    """Raise the problem `code`; `message` must not hold braces of its own."""
    raise PydanticCustomError(code, "{message}", {"message": message, "hint": hint, "at": at})


def as_written(value: object) -> object:
    """A plain YAML scalar where text is expected stays as it was written: `1.10` is no number there."""
    return getattr(value, "source_text", value)


def _is_scalar(value: object) -> bool:
    """Maps and lists are left to pydantic, whose refusal becomes the one about shapes."""
    return isinstance(value, str | int | float)


def _text(value: object) -> object:
    value = as_written(value)
    if isinstance(value, bool):
        refuse("E201", "text is expected here, this is a boolean", hint=f'quote it: "{str(value).lower()}"')
    return value


def _upper(value: object) -> object:
    value = as_written(value)
    return value.upper() if isinstance(value, str) else value


def one_of(*allowed: str, kind: str) -> Checked:
    """An enumeration of the service: any case is accepted, upper case is kept (API page 0.3, rule 4)."""

    def check(value: object) -> object:
        if not _is_scalar(value):
            return value
        upper = _upper(value)
        if upper not in allowed:
            refuse("E306", f"{as_written(value)!r} is not a {kind}", hint=f"one of {', '.join(allowed)}")
        return upper

    return Checked(check, {"type": "string", "enum": [*allowed, *(name.lower() for name in allowed)]})


def matching(regex: str, code: str, message: str, hint: str = "") -> Checked:
    """Text that must match `regex` as a whole."""
    compiled = re.compile(regex)

    def check(value: object) -> object:
        value = _text(value)
        if isinstance(value, str) and not compiled.fullmatch(value):
            refuse(code, message, hint=hint)
        return value

    return Checked(check, {"type": "string", "pattern": f"^(?:{regex})$"})


def text(limit: int) -> Checked:
    """Text of at most `limit` characters."""

    def check(value: object) -> object:
        value = _text(value)
        if isinstance(value, str) and not 1 <= len(value) <= limit:
            message = f"text of 1 to {limit} characters is expected here, this has {len(value)}"
            refuse("E203", message, hint="write what fits")
        return value

    return Checked(check, {"type": "string", "minLength": 1, "maxLength": limit})


def _some_text(value: object) -> object:
    value = _text(value)
    if value == "":
        refuse("E203", "this text is empty", hint="give a value or remove the line")
    return value


def _line(value: object) -> object:
    value = _some_text(value)
    if isinstance(value, str):
        _refuse_newline(value)
    return value


def _refuse_newline(value: str) -> None:
    if "\n" in value:
        refuse("E205", "this text has a line break", hint="`>` and `|` keep one at the end: write it on one line")


Script = Annotated[str, Checked(_some_text, {"type": "string", "minLength": 1})]
Text = Annotated[str, Checked(_line, {"type": "string", "minLength": 1})]


NAME_LIMIT = 64


def _name(value: object) -> object:
    value = _text(value)
    if not isinstance(value, str):
        return value
    _refuse_newline(value)
    if not 1 <= len(value) <= NAME_LIMIT:
        refuse("E206", f"a name has 1 to 64 characters, this has {len(value)}", hint="write another name")
    if strange := re.search(r"[^A-Za-z0-9_-]", value):
        refuse(
            "E206",
            f"the character {strange[0]!r} is not allowed in a name",
            hint="use letters A-Z a-z, digits, - and _",
        )
    _refuse_mark(value, "name")
    return value


Name = Annotated[str, Checked(_name, {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"})]

# The service takes 512; every instance that this tool creates carries a mark.
SERVICE_DESCRIPTION_LIMIT = 512
DESCRIPTION_LIMIT = SERVICE_DESCRIPTION_LIMIT - MARK_LENGTH


def _description(value: object) -> object:
    value = _text(value)
    if not isinstance(value, str):
        return value
    if len(value) > DESCRIPTION_LIMIT:
        message = f"a description has at most {DESCRIPTION_LIMIT} characters, this has {len(value)}"
        hint = f"shorten it: the limit is {SERVICE_DESCRIPTION_LIMIT}, {MARK_LENGTH} of them are used by the marker"
        refuse("E208", message, hint=hint)
    if strange := [f"{found[0]} (position {found.start() + 1})" for found in re.finditer(r"[&<>\"'/]", value)]:
        refuse(
            "E208",
            f"a description must not hold {', '.join(strange[:5])}{' and more' if strange[5:] else ''}",
            hint="the service refuses & < > \" ' and /",
        )
    _refuse_mark(value, "description")
    return value


def _refuse_mark(value: str, place: Place) -> None:
    if mark := split(value, place)[1]:
        refuse("E209", f"{mark} looks like a marker of provisioner", hint="leave it out: markers are put on by apply")


Description = Annotated[
    str, Checked(_description, {"type": "string", "maxLength": DESCRIPTION_LIMIT, "pattern": "^[^&<>\"'/]*$"})
]

Uuid = Annotated[
    str,
    matching(
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "E307",
        "this is not an id of the form 8-4-4-4-12 lower-case hexadecimal digits",
        "such as e1a07296-22a8-4f05-8bc8-e936c8e54090, without braces",
    ),
]
PoolId = Annotated[
    str,
    matching(
        r"[a-z][a-z0-9-]{2,62}[a-z0-9]",
        "E315",
        "a pool id has 4 to 64 lower-case letters, digits and -, begins with a letter and ends with a letter or digit",
        "use the pool's metadata name (such as pool41664192), not its display name",
    ),
]
WorkspaceId = Annotated[
    str,
    matching(
        r"0|[0-9a-z]{32}",
        "E315",
        'a workspace id is "0" or 32 lower-case letters and digits',
        "use the id of the workspace, not its name; without this line it is the default workspace",
    ),
]


def duration_ms(text: str) -> int | None:
    """Milliseconds of `8h`, `90m`, `1h30m`, `500ms`; None when `text` is no duration."""
    if not _DURATION.fullmatch(text):
        return None
    return sum(int(number) * _UNITS_MS[unit] for number, unit in _DURATION_PART.findall(text))


def duration_text(milliseconds: int) -> str:
    """The shortest spelling of a duration: 5400000 is `1h30m`."""
    if milliseconds < 0:
        return f"{milliseconds}ms"
    parts = []
    for unit in ("h", "m", "s", "ms"):
        count, milliseconds = divmod(milliseconds, _UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _duration(value: object) -> object:
    if not _is_scalar(value):
        return value
    if isinstance(value, bool):
        refuse("E316", "a duration is expected here, this is a boolean", hint="write 8h, 90m or milliseconds")
    if isinstance(value, int):
        return int(value)
    text = as_written(value)
    milliseconds = duration_ms(text) if isinstance(text, str) else None
    if milliseconds is None:
        refuse("E316", f"{text!r} is not a duration", hint="write 8h, 90m, 1h30m or a whole number of milliseconds")
    return milliseconds


Duration = Annotated[
    int, Checked(_duration, {"anyOf": [{"type": "string", "pattern": r"^(\d+(ms|[smhd]))+$"}, {"type": "integer"}]})
]


def _integer(value: object) -> object:
    if isinstance(value, bool):
        refuse("E202", "a whole number is expected here, this is a boolean", hint="write a number")
    if isinstance(value, float):
        refuse("E202", f"{as_written(value)} is no whole number", hint="write a whole number, without . or e")
    if isinstance(value, str):
        if re.fullmatch(r"[+-]?\d+", value):
            bare = value.lstrip("+-").lstrip("0") or "0"
            if bare == value:
                refuse("E201", "a whole number is expected here, this is text", hint=f"remove the quotes: {bare}")
            hint = f"write {bare} if you mean the decimal number"
            refuse("E202", f"{value[:40]} has a leading zero, which is octal for some", hint=hint)
        refuse("E202", f"a whole number is expected here, this is the text {value[:40]!r}", hint="write it in decimal")
    return int(value) if isinstance(value, int) else value


def whole(low: int, high: int, unit: str = "", code: str = "E203") -> Checked:
    """A whole number from `low` to `high`."""

    def check(value: object) -> object:
        value = _integer(value)
        if isinstance(value, int) and not low <= value <= high:
            suffix = f" {unit}" if unit else ""
            side = f"below the minimum of {low}" if value < low else f"above the maximum of {high}"
            refuse(code, f"{value} is {side}{suffix}", hint=f"the range is {low} to {high}{suffix}")
        return value

    return Checked(check, {"type": "integer", "minimum": low, "maximum": high})


def decimal(low: float, places: int) -> Checked:
    """A decimal number of at least `low` with at most `places` decimals."""

    def check(value: object) -> object:
        if not _is_scalar(value):
            return value
        if isinstance(value, bool | str) or not isinstance(value, int | float):
            refuse("E202", f"a decimal number is expected here, this is {as_written(value)!r}", hint="such as 0.5")
        number = float(value)
        if not number >= low or number >= 1e10:  # noqa: PLR2004 - ten integer digits, API page 5.6; NaN fails too
            refuse("E203", f"{number:g} is out of range", hint=f"at least {low:g}, at most ten digits")
        if round(number, places) != number:
            refuse("E203", f"{number} has more than {places} decimals", hint=f"write {round(number, places)}")
        return number

    return Checked(check, {"type": "number", "minimum": low})


def _boolean(value: object) -> object:
    if isinstance(value, str) and value.lower() in {"yes", "no", "on", "off", "y", "n", "true", "false"}:
        right = "true" if value.lower() in {"yes", "on", "y", "true"} else "false"
        refuse("E201", f"true or false is expected here, {value!r} is text", hint=f"write {right}")
    return value


Boolean = Annotated[bool, Checked(_boolean, {"type": "boolean"}), Strict()]


def _address_or_network(value: object) -> object:
    value = _text(value)
    if not isinstance(value, str):
        return value
    if ":" in value:
        refuse("E310", f"{value!r} is an IPv6 address", hint="the service takes IPv4 alone")
    try:
        ipaddress.IPv4Network(value)
    except ValueError as error:
        refuse("E310", f"{value!r} is not an IPv4 address: {error}", hint="such as 203.0.113.7 or 203.0.113.0/24")
    return value


IpAddress = Annotated[str, Checked(_address_or_network, {"type": "string", "examples": ["203.0.113.7"]})]

_TAG_CHARACTERS = r"\w .:=+\-@"
_TAG_HINT = "letters, digits, space and _ . : = + - @ are allowed, in a value / too"


def _tag_key(value: object) -> object:
    value = _text(value)
    if not isinstance(value, str):
        return value
    if not 1 <= len(value) <= 128:  # noqa: PLR2004 - the API's own limit
        refuse("E317", f"a tag key has 1 to 128 characters, this has {len(value)}", hint="write another key")
    if value.startswith("_sys_"):
        refuse("E317", "a tag key must not begin with _sys_", hint="that prefix is the service's own")
    if value != value.strip():
        refuse("E317", "a tag key must not begin or end with a space", hint=f"write {value.strip()!r}")
    if strange := re.search(rf"[^{_TAG_CHARACTERS}]", value):
        refuse("E317", f"the character {strange[0]!r} is not allowed in a tag key", hint=_TAG_HINT)
    return value


def _tag_value(value: object) -> object:
    value = _text(value)
    if not isinstance(value, str):
        return value
    if len(value) > 255:  # noqa: PLR2004 - the API's own limit
        refuse("E317", f"a tag value has at most 255 characters, this has {len(value)}", hint="shorten it")
    if strange := re.search(rf"[^{_TAG_CHARACTERS}/]", value):
        refuse("E317", f"the character {strange[0]!r} is not allowed in a tag value", hint=_TAG_HINT)
    return value


TagKey = Annotated[str, Checked(_tag_key, {"type": "string", "minLength": 1, "maxLength": 128})]
TagValue = Annotated[str, Checked(_tag_value, {"type": "string", "maxLength": 255})]
