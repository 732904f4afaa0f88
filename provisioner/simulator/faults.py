"""Fault rules: which requests they hit, and what is to go wrong. `app.py` makes it go wrong.

A rule is JSON from the control endpoint. Every rule that matches a request fires, so that effects combine: an answer
that is lost *and* a notebook that stays out of the lists for a while.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator

JsonObject = dict[str, Any]


class _Effect(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fail(_Effect):
    """An error answer, before anything happened. `body` replaces the usual error body, text as it is."""

    effect: Literal["fail"]
    status: int = Field(500, ge=200, le=599)
    code: str = "ModelArts.0010"
    message: str = "Internal error."
    body: JsonObject | str | None = None
    headers: dict[str, str] = {}


class Throttle(_Effect):
    effect: Literal["throttle"]
    retry_after: str | None = None


class Redirect(_Effect):
    effect: Literal["redirect"]
    location: str
    status: int = Field(302, ge=300, le=399)


class Lose(_Effect):
    """The effect takes place and the answer does not arrive: no byte of it, half of it, or a gateway's 5xx."""

    effect: Literal["lose"]
    how: Literal["drop", "half", "status"] = "drop"
    status: int = Field(502, ge=500, le=599)


class Malformed(_Effect):
    """The effect takes place and the answer is a page of HTML, cut JSON, JSON without id, or a list."""

    effect: Literal["malformed"]
    form: Literal["html", "cut", "no-id", "wrong-type"] = "html"


class Slow(_Effect):
    effect: Literal["slow"]
    delay_ms: int = Field(ge=0)
    when: Literal["before", "after"] = "before"


class Hang(_Effect):
    """No answer until the client gives up."""

    effect: Literal["hang"]
    when: Literal["before", "after"] = "before"


class Outcome(_Effect):
    """What a create, start, stop or delete ends in."""

    effect: Literal["outcome"]
    status: Literal["CREATE_FAILED", "START_FAILED", "DELETE_FAILED", "ERROR"]
    fail_reason: str = "The simulator was told to fail."


class Hide(_Effect):
    """What a create makes is in no list, or cannot be read at all, for a while."""

    effect: Literal["hide"]
    ms: int = Field(ge=0)
    where: Literal["lists", "everywhere"] = "lists"


Effect = Fail | Throttle | Redirect | Lose | Malformed | Slow | Hang | Outcome | Hide


class Rule(BaseModel):
    """Criteria that are absent match everything. `times` null: for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str | None = None
    method: str | None = None
    path: str | None = None
    nth: int = Field(1, ge=1)
    times: int | None = Field(1, ge=1)
    probability: float = Field(1.0, gt=0, le=1)
    seed: int = 0
    then: Annotated[Effect, Field(discriminator="effect")]

    @field_validator("path")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value

    def matches(self, operation: str, method: str, path: str) -> bool:
        return (
            self.operation in (None, operation)
            and (self.method or method).upper() == method
            and (self.path is None or re.search(self.path, path) is not None)
        )


_RULE: TypeAdapter[Rule] = TypeAdapter(Rule)


class _Armed:
    """A rule and how often it has matched and fired."""

    def __init__(self, number: int, rule: Rule) -> None:
        self.number = number
        self.rule = rule
        self.matched = 0
        self.fired = 0
        self._random = random.Random(rule.seed)  # noqa: S311 - repeatable chance is the point

    def fires(self, operation: str, method: str, path: str) -> bool:
        rule = self.rule
        if not rule.matches(operation, method, path):
            return False
        self.matched += 1
        if self.matched < rule.nth or (rule.times is not None and self.fired >= rule.times):
            return False
        if rule.probability < 1 and self._random.random() >= rule.probability:
            return False
        self.fired += 1
        return True


class Faults:
    """The rules that are armed. `operations` are the names that a rule may be about."""

    def __init__(self, operations: Iterable[str]) -> None:
        self._operations = frozenset(operations)
        self._armed: list[_Armed] = []
        self._numbers = 0
        self._chance = random.Random(0)  # noqa: S311

    def add(self, raw: bytes) -> int:
        """Arm the rule in a JSON text; its number. pydantic's ValidationError, a ValueError, when it is none. A rule
        that could never fire is refused too.
        """
        rule = _RULE.validate_json(raw)
        if rule.operation is not None and rule.operation not in self._operations:
            raise ValueError(f"no operation {rule.operation!r}; there are {', '.join(sorted(self._operations))}")
        self._numbers += 1
        self._armed.append(_Armed(self._numbers, rule))
        return self._numbers

    def remove(self, number: int) -> bool:
        before = len(self._armed)
        self._armed = [armed for armed in self._armed if armed.number != number]
        return len(self._armed) < before

    def clear(self) -> None:
        self._armed.clear()
        self._chance.seed(0)

    def report(self) -> list[JsonObject]:
        return [
            {"id": armed.number, "matched": armed.matched, "fired": armed.fired}
            | armed.rule.model_dump(exclude_unset=True)
            for armed in self._armed
        ]

    def fired(self, operation: str, method: str, path: str, *, rate: float) -> Sequence[Effect]:
        """The effects for one request. `rate` is switch S14: that share of requests suffers something, repeatably."""
        if not self._armed and not rate:
            return ()
        effects: list[Effect] = [armed.rule.then for armed in self._armed if armed.fires(operation, method, path)]
        if rate and self._chance.random() < rate:
            effects.append(self._chance.choice(_MISHAPS))
        return effects


_MISHAPS: tuple[Effect, ...] = (
    Lose(effect="lose", how="status"),
    Lose(effect="lose", how="drop"),
    Fail(effect="fail", status=503, code="ModelArts.6200", message="No resources."),
)
