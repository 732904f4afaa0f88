"""Values of sensitive variables, and how they are kept out of everything that is written or shown. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

SHOWN = "(sensitive value)"
_HIDDEN = "(sensitive "


@dataclass(frozen=True, slots=True)
class Secrets:
    """Texts that no file may hold. What stands in their place tells whether two of them are the same, and no more."""

    texts: tuple[str, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """The longest first: one may be part of another."""
        return cls(tuple(sorted({text for text in texts if text}, key=lambda text: (-len(text), text))))

    def hidden(self, value: Any) -> Any:
        """`value`, a JSON value, with a digest in the place of every secret in its texts. Keys are kept."""
        if not self.texts:
            return value
        match value:
            case str():
                return self._hidden_text(value)
            case Mapping():
                return {key: self.hidden(each) for key, each in value.items()}
            case list() | tuple():
                return [self.hidden(each) for each in value]
            case _:
                return value

    def _hidden_text(self, value: str) -> str:
        for text in self.texts:
            if text in value:
                value = value.replace(text, f"{_HIDDEN}{hashlib.sha256(text.encode()).hexdigest()[:12]})")
        return value


NO_SECRETS = Secrets()


def holds_hidden(value: Any) -> bool:
    """Whether a text of it is one in which a secret was hidden: nobody can say what it was."""
    match value:
        case str():
            return _HIDDEN in value
        case Mapping():
            return any(map(holds_hidden, value.values()))
        case list() | tuple():
            return any(map(holds_hidden, value))
        case _:
            return False
