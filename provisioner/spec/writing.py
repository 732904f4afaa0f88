"""Notebooks to the text of a spec file that the strict reader reads back to the same. Pure.

What of a live notebook a spec can say is decided in `adoption`; here is only how it is spelt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.model.fields import duration_text
from provisioner.model.notebook import Notebook
from provisioner.spec.check import levels
from provisioner.spec.scalars import resolved
from provisioner.spec.source import MAX_SCALAR
from provisioner.spec.text import hidden_character
from provisioner.spec.tree import SECRET_KEYS

WIDTH = 100
_STEP = "  "

_PLAIN = re.compile(r"[\w./](?:[\w./@+=:-]*[\w./@+=-])?(?: [\w./@+=:-]*[\w./@+=-])*")
# Text for our reader, and something else for other readers of YAML: booleans, numbers, base 60, dates.
_ELSEWHERE = re.compile(
    r"""(?ix) y | n | yes | no | on | off | true | false | null
    | [-+]?\.(?:inf|nan)
    | [-+]?\.?[0-9][0-9_]*(?::[0-9]+)*(?:\.[0-9_]*)?(?:e[-+]?[0-9]+)?
    | [-+]?0[xob][0-9a-f_]+
    | \d{4}-\d\d?-\d\d?(?:[t ].*)?
    """
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A notebook to write.

    fields   its values under the names of the spec, in the form of `Notebook.attributes` or nearer to what people write
    remarks  what its fields do not say, one line each
    """

    fields: Mapping[str, Any]
    remarks: Sequence[str] = ()


def spec_text(
    notebooks: Mapping[str, Entry], imports: Mapping[str, str], *, schema: str, remarks: Sequence[str] = ()
) -> str:
    """A spec file.

    notebooks  by KEY
    imports    id of the live instance by KEY
    schema     where its JSON Schema is, as seen from the file
    remarks    about the file as a whole
    """
    lines = [f"# yaml-language-server: $schema={schema}", *map(_comment, remarks), "version: 1"]
    lines.append("notebooks:" if notebooks else "notebooks: {}")
    for number, (key, entry) in enumerate(notebooks.items()):
        lines += [""] if number else []
        lines += [f"{_STEP}{line}" for line in (*map(_comment, entry.remarks), *_notebook(key, entry.fields))]
    if imports:
        lines += ["", "imports:"]
        lines += [f"{_STEP}- {_flow({'to': key, 'id': identifier})}" for key, identifier in imports.items()]
    return "\n".join(lines) + "\n"


def unspeakable(value: Any) -> str:
    """Why no spec file can hold `value`; "" when one can. What its field allows is another matter."""
    for text, is_key in _texts(value):
        if found := hidden_character(text):
            return f"it holds the invisible character {found}"
        if is_key and text.lower() in SECRET_KEYS:
            return f"its key {text} looks like a secret"
        if len(_escaped(text)) > MAX_SCALAR:
            return f"it has more than {MAX_SCALAR // 1024} KiB"
    return ""


def _texts(value: Any) -> Iterator[tuple[str, bool]]:
    """Every text in `value`, and whether it is a key."""
    match value:
        case str():
            yield value, False
        case Mapping():
            for key, each in value.items():
                yield key, True
                yield from _texts(each)
        case list() | tuple():
            for each in value:
                yield from _texts(each)
        case _:
            pass  # numbers and truth values stand in any file


def _comment(text: str) -> str:
    """One line, whatever `text` holds: what ends a line or hides text is spelt out."""
    return "# " + "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def _notebook(key: str, fields: Mapping[str, Any]) -> list[str]:
    spelled = {name: _spelled(name, value) for name, value in fields.items()}
    return [f"{_scalar(key)}:", *_map(_ordered(spelled, ()), _STEP)]


def _spelled(name: str, value: Any) -> Any:
    """Durations as people write them."""
    if name in {"lease", "timeouts"} and isinstance(value, Mapping):
        return {key: duration_text(each) if isinstance(each, int) else each for key, each in value.items()}
    return value


def _ordered(value: Any, path: tuple[str, ...]) -> Any:
    """Keys in the order of the model; those that it does not know (tags) by name."""
    match value:
        case Mapping():
            level = levels(Notebook).get(path)
            rank = {name: number for number, name in enumerate(level.model_fields if level else ())}
            keys = sorted(value, key=lambda key: (rank.get(key, len(rank)), key))
            return {key: _ordered(value[key], (*path, key)) for key in keys}
        case list() | tuple():
            return [_ordered(each, path) for each in value]
        case _:
            return value


def _map(value: Mapping[str, Any], indent: str) -> list[str]:
    return [line for key, each in value.items() for line in _under(f"{indent}{_scalar(key)}:", each, indent)]


def _under(heading: str, value: Any, indent: str) -> list[str]:
    """A value after its key or dash: on the same line when it is small."""
    line = f"{heading} {_flow(value)}"
    if _is_small(value) and (len(line) <= WIDTH or not isinstance(value, Mapping | list)):
        return [line]
    if isinstance(value, Mapping):
        return [heading, *_map(value, indent + _STEP)]
    inner = indent + _STEP
    return [heading, *(line for each in value for line in _item(each, inner))]


def _item(value: Any, indent: str) -> list[str]:
    """An item of a list. A map that is too long for one line begins behind the dash."""
    line = f"{indent}- {_flow(value)}"
    if not isinstance(value, Mapping) or (_is_small(value) and len(line) <= WIDTH):
        return [line]
    first, *rest = _map(value, indent + _STEP)
    return [f"{indent}- {first.strip()}", *rest]


def _is_small(value: Any) -> bool:
    """Whether people read it more easily on one line: no maps inside of it."""
    match value:
        case Mapping():
            return not any(_holds_map(each) for each in value.values())
        case list():
            return not _holds_map(value)
        case _:
            return True


def _holds_map(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(map(_holds_map, value)))


def _flow(value: Any) -> str:
    match value:
        case Mapping():
            return f"{{{_joined(f'{_scalar(key)}: {_flow(each)}' for key, each in value.items())}}}"
        case list():
            return f"[{_joined(map(_flow, value))}]"
        case _:
            return _scalar(value)


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def _scalar(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case _:
            return _text(str(value))


def _text(text: str) -> str:
    escaped = _escaped(text)
    plain = _PLAIN.fullmatch(escaped) and not _ELSEWHERE.fullmatch(escaped) and isinstance(resolved(escaped), str)
    return escaped if plain else _quoted(escaped)


def _escaped(text: str) -> str:
    """`${` begins a reference; `$${` means itself."""
    return text.replace("${", "$${")


def _quoted(text: str) -> str:
    """In double quotes. JSON's escapes are YAML's too; letters that print stay as they are."""
    return "".join(_shown(letter) for letter in json.dumps(text, ensure_ascii=False))


def _shown(letter: str) -> str:
    if letter.isprintable():
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) <= 0xFFFF else f"\\U{ord(letter):08x}"  # noqa: PLR2004 - one unit
