"""What differs between a desired and a live notebook, field by field. Pure; decides nothing but the effect of a change.

A field that the spec does not declare is left to the service. A field that the service does not tell (some are
write-only) is compared with what was recorded when it was last applied. Recorded values otherwise only say who moved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from provisioner.leases import same_lease
from provisioner.model.behavior import Behavior, Effect, behaviors
from provisioner.model.notebook import Notebook
from provisioner.model.secrets import NO_SECRETS, Secrets

BEHAVIORS: Mapping[str, Behavior] = behaviors(Notebook)

EFS_DEFAULT_GB = 50
EVERY_FIELD = "all"

_MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One field, or one entry of a map, that must change. None stands for absent.

    moved_by  spec: the declaration changed since it was applied; outside: the live notebook did
    """

    path: str
    live: Any
    desired: Any
    effect: Effect
    moved_by: Literal["spec", "outside"] = "spec"


def compare(
    desired: Mapping[str, Any],
    live: Mapping[str, Any],
    recorded: Mapping[str, Any],
    secrets: Secrets = NO_SECRETS,
) -> tuple[Change, ...]:
    """The changes that lead from `live` to `desired`. All three in the form of `Notebook.attributes`; what is recorded
    holds digests in the place of `secrets`.
    """
    return tuple(
        _priced(change, desired)
        for path, behavior in BEHAVIORS.items()
        if behavior.effect is not Effect.NONE
        for change in _changes(
            path, behavior, *(_at(each, path) for each in (desired, live, recorded)), secrets=secrets
        )
        if not _is_untold_default(change, desired)
    )


def effective(
    declared: Mapping[str, Any],
    live: Mapping[str, Any],
    recorded: Mapping[str, Any],
    ignored: Collection[str],
    *,
    anew: bool = False,
) -> dict[str, Any]:
    """What is desired once the fields that are `ignored` have their live values; one that no answer tells has the
    recorded one. An instance that is made `anew` gets what is declared where nothing live is known.
    """
    wanted = _copied(declared)
    for path, behavior in BEHAVIORS.items():
        want = _at(declared, path)
        if want is _MISSING:
            continue
        have, was = _at(live, path), _at(recorded, path)
        told = was if behavior.write_only or have is _MISSING else _told(path, want, have, was)
        if is_under(path, ignored):
            if not (anew and (behavior.write_only or told is _MISSING)):
                _put(wanted, path, told)
        elif behavior.per_entry:
            entries = {} if told is _MISSING else told
            for key in {*want, *entries}:
                if f"{path}.{key}" in ignored:
                    _set(wanted[path], key, entries.get(key))
    return wanted


def is_under(path: str, tops: Collection[str]) -> bool:
    """Whether `path` is one of `tops` or lies within one."""
    return EVERY_FIELD in tops or any(path == top or path.startswith(f"{top}.") for top in tops)


def as_asked(mount: Mapping[str, Any], wanted: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A mount under the category that was asked for: a parallel file system asked for as OBS reads back as OBSFS (API
    page 11).
    """
    asked = {storage["mount_path"]: storage["category"] for storage in wanted}
    same = mount["category"] == "OBSFS" and asked.get(mount["mount_path"]) == "OBS"
    return {**mount, "category": "OBS"} if same else mount


def _priced(change: Change, desired: Mapping[str, Any]) -> Change:
    """A volume grows in place alone, and only an EVS volume does (API page 6.3)."""
    behavior = BEHAVIORS.get(change.path)
    if behavior is None or not behavior.grow_only:
        return change
    grows = change.live is None or change.desired > change.live
    in_place = grows and desired["volume"]["category"] == "EVS"
    return change if in_place else replace(change, effect=Effect.REPLACE)


def _is_untold_default(change: Change, desired: Mapping[str, Any]) -> bool:
    """The 50 GB of an EFS volume need not be told (API page 18)."""
    untold = change.path == "volume.capacity" and change.live is None
    return untold and desired["volume"]["category"] == "EFS" and change.desired == EFS_DEFAULT_GB


def _changes(path: str, behavior: Behavior, want: Any, have: Any, was: Any, *, secrets: Secrets) -> Iterator[Change]:
    if want is _MISSING:
        return
    was = None if was is _MISSING else was
    told = was if behavior.write_only or have is _MISSING else _told(path, want, have, was)
    if behavior.per_entry:
        yield from _entries(path, behavior.effect, want, told or {}, was or {}, secrets=secrets)
    elif not _equal(path, secrets.hidden(want), secrets.hidden(told)):
        mover = "spec" if behavior.write_only else _mover(was, secrets.hidden(want))
        yield Change(path, told, want, behavior.effect, mover)


def _entries(
    path: str,
    effect: Effect,
    want: Mapping[str, Any],
    told: Mapping[str, Any],
    was: Mapping[str, Any],
    *,
    secrets: Secrets,
) -> Iterator[Change]:
    for key in sorted({*want, *told}):
        before, after = told.get(key), want.get(key)
        hidden = secrets.hidden(after)
        if secrets.hidden(before) != hidden:
            yield Change(f"{path}.{key}", before, after, effect, _mover(was.get(key), hidden))


def _mover(was: Any, after: Any) -> Literal["spec", "outside"]:
    return "outside" if was == after else "spec"


def _told(path: str, want: Any, have: Any, was: Any) -> Any:
    """The live value as far as it can be held against the declared one."""
    match path:
        case "endpoints":
            # A NOTEBOOK entry is always there, declared or not, and has nothing to set (API page 21, trap 15).
            return [*(e for e in want if e["service"] != "SSH"), *(e for e in have if e["service"] == "SSH")]
        case "storages":
            return [as_asked(mount, want) for mount in have]
        case "tags":
            # What begins with _sys_ is the service's own (API page 10).
            return {key: value for key, value in have.items() if not key.startswith("_sys_")}
        case _:
            return _restrict(want, have, was)


def _restrict(want: Any, have: Any, was: Any) -> Any:
    """`have` without what was never declared; what `have` does not tell is taken from `was`. A key that was declared
    and is not any more stays: its removal is a change.
    """
    if isinstance(want, Mapping) and isinstance(have, Mapping):
        recorded = was if isinstance(was, Mapping) else {}
        known = {key: value for key, value in {**recorded, **have}.items() if key in want or key in recorded}
        return {key: _restrict(want.get(key), value, recorded.get(key)) for key, value in known.items()}
    if isinstance(want, list) and isinstance(have, list) and len(want) == len(have):
        past = was if isinstance(was, list) and len(was) == len(want) else [None] * len(want)
        return [_restrict(*triple) for triple in zip(want, have, past, strict=True)]
    return have


def _equal(path: str, want: Any, have: Any) -> bool:
    if path == "lease":
        return same_lease(want, have)
    if path == "desired_status":
        return have is None or want in ("UNMANAGED", have)
    return bool(want == have)


def _at(attributes: Mapping[str, Any], path: str) -> Any:
    value: Any = attributes
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _MISSING
        value = value[part]
    return value


def _copied(value: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of which every map may be changed; lists are never."""
    return {key: _copied(each) if isinstance(each, Mapping) else each for key, each in value.items()}


def _put(attributes: dict[str, Any], path: str, value: Any) -> None:
    """Set what stands at `path`, or take it away."""
    *above, last = path.split(".")
    for part in above:
        attributes = attributes.setdefault(part, {})
    _set(attributes, last, None if value is _MISSING else value)


def _set(attributes: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        attributes.pop(key, None)
    else:
        attributes[key] = value
