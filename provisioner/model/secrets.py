"""Values of sensitive variables, and how they are kept out of everything that is written or shown. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

SHOWN = "(sensitive value)"
_HIDDEN = "(sensitive "
_STAND_IN = re.compile(r"\(sensitive ([0-9a-f]{12})\)")


@dataclass(frozen=True, slots=True)
class Secrets:
    """Texts that no file may hold. What stands in their place tells whether two of them are the same, and no more."""

    texts: tuple[str, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """The longest first: one may be part of another."""
        return cls(tuple(sorted({text for text in texts if text}, key=lambda text: (-len(text), text))))

    def recalled(self, recorded: Mapping[str, Any], live: Mapping[str, Any]) -> Self:
        """These, and those of yesterday: no variable has them any more, and yet they stand in `live`, in a field where
        what is `recorded` holds their digests.
        """
        known, found = {digest_of(text) for text in self.texts}, set[str]()
        for name in live.keys() & recorded.keys():
            if lost := {digest for text in _texts(recorded[name]) for digest in _STAND_IN.findall(text)} - known:
                found |= {part for text in _texts(live[name]) for part in _parts(text) if digest_of(part) in lost}
        return self.of((*self.texts, *found)) if found else self

    def hidden(self, value: Any) -> Any:
        """`value`, a JSON value, with a digest in the place of every secret in its texts. Keys are kept."""
        return mapped_texts(value, self._hidden_text) if self.texts else value

    def revealed(self, value: Any) -> Any:
        """`value` with these in the place of their digests; the digests of others stay."""
        by_digest = {digest_of(text): text for text in self.texts}
        return mapped_texts(value, lambda text: _STAND_IN.sub(lambda found: by_digest.get(found[1], found[0]), text))

    def _hidden_text(self, value: str) -> str:
        for text in self.texts:
            if text in value:
                value = value.replace(text, f"{_HIDDEN}{digest_of(text)})")
        return value


NO_SECRETS = Secrets()


def holds_hidden(value: Any) -> bool:
    """Whether a text of it is one in which a secret was hidden: nobody can say what it was."""
    return any(_HIDDEN in text for text in _texts(value))


def digests_in(value: Any) -> frozenset[str]:
    """The digests that stand in its texts in the place of secrets."""
    return frozenset(digest for text in _texts(value) for digest in _STAND_IN.findall(text))


def mapped_texts(value: Any, function: Callable[[str], str]) -> Any:
    """A JSON value with each of its texts replaced. Keys are kept."""
    match value:
        case str():
            return function(value)
        case Mapping():
            return {key: mapped_texts(each, function) for key, each in value.items()}
        case list() | tuple():
            return [mapped_texts(each, function) for each in value]
        case _:
            return value


def digest_of(text: str) -> str:
    """What stands in the place of a secret."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value but the keys."""
    match value:
        case str():
            yield value
        case Mapping():
            for each in value.values():
                yield from _texts(each)
        case list() | tuple():
            for each in value:
                yield from _texts(each)
        case _:
            pass


def _parts(text: str) -> Iterator[str]:
    """Whatever stands in it, since people may have written something around it."""
    ends = range(1, len(text) + 1)
    return (text[start:end] for end in ends for start in range(end))
