"""What is behind one step of a plan, as values: attributes on both sides, the same as a diff of its spec, what moved
outside. Pure; knows no markup. The HTML report shows it when a row is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Literal

from provisioner.diff import Change
from provisioner.drift import Drift
from provisioner.model.secrets import SHOWN
from provisioner.plan import Action, Step
from provisioner.spec.writing import Entry, spec_text
from provisioner.views.block import note_on
from provisioner.views.drift import BECAUSE, because, short
from provisioner.views.values import humane, inline

ABSENT = ""
# `spec_text` begins with a schema and a version, of which a diff has no use.
_HEAD = 2


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a notebook, or one entry of a map; a side on which it is absent is empty."""

    mark: str
    path: str
    live: str
    desired: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """One field that is live otherwise than it was recorded, and what is behind it."""

    path: str
    recorded: str
    live: str
    cause: str
    expected: bool


def attributes(step: Step) -> Iterator[Attribute]:
    """What appears, vanishes or changes; of what is only taken over or left alone, what it is."""
    match step.action:
        case Action.CREATE:
            yield from (_attribute(step, "+", name, (None, value)) for name, value in _told(step.after))
        case Action.DELETE:
            yield from (_attribute(step, "-", name, (value, None)) for name, value in _told(step.before))
        case Action.FORGET | Action.IMPORT:
            yield from (_attribute(step, "", name, (value, None)) for name, value in _told(step.before))
        case _:
            yield from (_changed(step, change) for change in step.changes)


def spec_diff(step: Step) -> tuple[str, ...]:
    """A unified diff from what is live to what is declared, as the spec would spell it; empty where nothing differs.
    A field that no spec declares is the service's own affair.
    """
    match step.action:
        case Action.CREATE:
            live, desired = {}, step.after
        case Action.DELETE:
            live, desired = dict(_told(step.before)), {}
        case Action.UPDATE | Action.REPLACE:
            live, desired = (_put(step.after, step.changes, side) for side in ("live", "desired"))
        case _:
            return ()
    return tuple(unified_diff(_spelled(step, live), _spelled(step, desired), "live", "declared", lineterm=""))


def moved(drift: Drift) -> Iterator[Moved]:
    """Field by field where it is live otherwise than recorded."""
    if drift.gone:
        yield Moved("instance", drift.id, ABSENT, BECAUSE[drift.gone], drift.gone.expected)
    for change in drift.changes:
        recorded, live = (ABSENT if value is None else short(change, value) for value in (change.recorded, change.live))
        yield Moved(change.path, recorded, live, because(drift, change), change.cause.expected)


def _attribute(step: Step, mark: str, path: str, sides: tuple[Any, Any], note: str = "") -> Attribute:
    sensitive = path.partition(".")[0] in step.sensitive
    live, desired = (_side(path, SHOWN if sensitive and value is not None else value) for value in sides)
    return Attribute(mark, path, live, desired, note)


def _changed(step: Step, change: Change) -> Attribute:
    mark = "+" if change.live is None else "-" if change.desired is None else "~"
    return _attribute(step, mark, change.path, (change.live, change.desired), note_on(step, change))


def _side(path: str, value: Any) -> str:
    if value is None:
        return ABSENT
    return SHOWN if value == SHOWN else inline(humane(path, value))


def _told(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in values.items() if value not in ("", [], {}))


def _put(values: Mapping[str, Any], changes: Iterable[Change], side: Literal["live", "desired"]) -> dict[str, Any]:
    """`values` with one side of the changes. Paths name a field, or an entry of a map, whose name may hold dots."""
    put = dict(values)
    for change in changes:
        top, _, entry = change.path.partition(".")
        value = change.live if side == "live" else change.desired
        put[top] = {**put.get(top, {}), entry: value} if entry else value
    return put


def _spelled(step: Step, values: Mapping[str, Any]) -> list[str]:
    """The lines of a spec with these values; none where there are none."""
    fields = {name: SHOWN if name in step.sensitive else value for name, value in _present(values).items()}
    return spec_text({step.address.key: Entry(fields)}, {}, schema="").splitlines()[_HEAD:] if fields else []


def _present(value: Any) -> Any:
    """`value` without what is absent."""
    if not isinstance(value, Mapping):
        return value
    return {key: _present(each) for key, each in value.items() if each is not None}
