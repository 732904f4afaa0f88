"""How GitHub's runner reads a workflow command: the rules of its ActionCommand.cs, told again."""

from __future__ import annotations

from dataclasses import dataclass

_DATA = {"%0D": "\r", "%0A": "\n", "%25": "%"}
_PROPERTY = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    properties: dict[str, str]
    data: str


def command(line: str) -> Command | None:
    """The command that a line of a log is."""
    line = line.lstrip()
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, _, told = line[2:end].partition(" ")
    pairs = [part.split("=", 1) for part in told.strip().split(",") if part]
    properties = {pair[0]: _unescaped(pair[1], _PROPERTY) for pair in pairs if len(pair) == 2 and pair[1]}
    return Command(name, properties, _unescaped(line[end + 2 :], _DATA))


def _unescaped(text: str, mapping: dict[str, str]) -> str:
    for escape, character in mapping.items():
        text = text.replace(escape, character)
    return text
