"""Which live notebooks become which KEYs of a spec, what of each a spec can say, and what is recorded of it. Pure.

A spec made here leads to an empty plan: it declares what is live, leaves out what is live by default, and says in a
comment what it cannot declare. How it is spelt is in `spec.writing`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from provisioner.diff import Change, compare
from provisioner.errors import Diagnostic
from provisioner.model.address import Address
from provisioner.model.fields import NAME_LIMIT
from provisioner.model.notebook import Notebook
from provisioner.model.observation import GONE, Observation
from provisioner.plan import record_of
from provisioner.spec.document import Declaration
from provisioner.spec.writing import Entry, unspeakable
from provisioner.state.document import Record

_NO_NAMES: Mapping[str, str] = {}

Path = tuple[str, ...]

ENDING = frozenset({"DELETING", GONE})

# No answer carries them (API page 3), so nobody can say whether a live notebook has them.
UNTOLD = "hooks and public_network_config are not shown by the service: nothing is said of them here"

_NEEDED = {("flavor",), ("custom_spec",), ("image_id",), ("volume",), ("volume", "category"), ("volume", "ownership")}
_IN_PARTS = frozenset({"tags", "volume"})
# Where what a spec does not say is no reason to leave the live value alone.
_KEPT_BY_HAND = frozenset({"name", "tags"})
# What a notebook may be without, and no spec can say so: an empty value is none.
_NEVER_EMPTY = ("pool_id", "affinity", "run_user", "user_vpc", "endpoints", "data_volumes", "storages")
_SHORT_ID = 8


@dataclass(frozen=True, slots=True)
class Adopted:
    """A live notebook, and how a spec declares it."""

    key: str
    live: Observation
    entry: Entry

    @property
    def address(self) -> Address:
        return Address(self.key)


@dataclass(frozen=True, slots=True)
class Adoption:
    """What becomes of some live notebooks: `warnings` tell of those that no spec can declare."""

    adopted: tuple[Adopted, ...]
    warnings: tuple[Diagnostic, ...]

    @property
    def entries(self) -> dict[str, Entry]:
        return {each.key: each.entry for each in self.adopted}

    @property
    def ids(self) -> dict[str, str]:
        return {each.key: each.live.id for each in self.adopted}


def adoption(
    live: Iterable[Observation],
    *,
    taken: Collection[str] = (),
    names: Mapping[str, str] = _NO_NAMES,
    ignored_tags: Collection[str] = (),
    defaulted: Collection[str] = (),
) -> Adoption:
    """Declare `live`.

    taken         KEYs that are others' already
    names         by id, what a KEY is made of instead of the notebook's name
    ignored_tags  tags that no spec of the project declares
    defaulted     fields, and `tags.KEY`, to which the stack or project gives a default: what is live must not become
                  that
    """
    notebooks = list(live)
    keys = _keys({each.id: names.get(each.id, each.name) for each in sorted(notebooks, key=_age)}, taken)
    adopted: list[Adopted] = []
    warnings: list[Diagnostic] = []
    for notebook in sorted(notebooks, key=lambda each: (keys[each.id].casefold(), each.id)):
        key = keys[notebook.id]
        match _why_left_out(notebook) or _entry(notebook, key, ignored_tags, defaulted):
            case Entry() as entry:
                adopted.append(Adopted(key, notebook, entry))
            case reason, hint:
                warnings.append(_left_out(notebook, reason, hint))
    return Adoption(tuple(adopted), tuple(warnings))


def adopted_record(live: Observation, declaration: Declaration | None) -> Record:
    """What is recorded of an instance that no apply of this stack made. What is declared counts as applied as far as it
    is so.
    """
    told = live.attributes()
    if declaration is not None:
        declared = declaration.notebook.attributes()
        told = {name: value for name, value in told.items() if name in declared}
    protected = declaration is not None and declaration.notebook.lifecycle.prevent_destroy is True
    return record_of(live, told).model_copy(update={"incomplete": not live.settled, "protected": protected})


def differences(declared: Mapping[str, Any], live: Observation) -> tuple[Change, ...]:
    """Where a notebook is not as Terraform declared it, as far as the service tells. Its provider knows no `efs_id`."""
    told = live.attributes()
    if live.storages is not None:
        told["storages"] = [{name: mount[name] for name in mount if name != "efs_id"} for mount in told["storages"]]
    return compare({name: value for name, value in declared.items() if name in told}, told, {})


def _age(notebook: Observation) -> tuple[int, str]:
    return notebook.create_at or 0, notebook.id


def _keys(names: Mapping[str, str], taken: Collection[str]) -> dict[str, str]:
    """A KEY for each id. Of namesakes the first has the plain KEY, the others a part of their id behind it: so a KEY
    stays what it is when younger notebooks come. People confuse keys that differ in case only, so none do.
    """
    used = {key.casefold() for key in taken}
    found: dict[str, str] = {}
    for identifier, name in names.items():
        key = next(key for key in _candidates(name, identifier) if key.casefold() not in used)
        used.add(key.casefold())
        found[identifier] = key
    return found


def _candidates(name: str, identifier: str) -> Iterator[str]:
    valid = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-").lstrip("_-") or "notebook"
    yield valid[:NAME_LIMIT]
    for suffix in (identifier[:_SHORT_ID], identifier):
        yield f"{valid[: NAME_LIMIT - 1 - len(suffix)]}-{suffix}"


def _why_left_out(notebook: Observation) -> tuple[str, str] | None:
    """What is wrong, and the mend."""
    if notebook.feature == "DEFAULT":
        return (
            "it is a free CodeLab instance",
            "these stop after an hour and vanish after 72 idle hours: nothing to manage",
        )
    if notebook.status in ENDING:
        return "it is being deleted", "nothing is to be done"
    if notebook.status == "CREATE_FAILED":
        key = f"failed-{notebook.id[:_SHORT_ID]}"
        hint = f"be rid of it: provisioner import {key} {notebook.id} && provisioner destroy --target {key}"
        return "its creation failed, there is nothing to keep", hint
    return None


def _left_out(notebook: Observation, reason: str, hint: str) -> Diagnostic:
    detail = f"{notebook.name}  {notebook.status}\nIt is left out because {reason}."
    return Diagnostic("W641", f"the notebook {notebook.id} is left out", detail, hint, severity="warning")


def _entry(
    notebook: Observation, key: str, ignored_tags: Collection[str], defaulted: Collection[str]
) -> Entry | tuple[str, str]:
    """What a spec can say, found by leaving out what it would refuse until it refuses nothing more; or why there is
    none, and the mend.
    """
    fields = _told(notebook, key, ignored_tags, defaulted)
    left: dict[Path, str] = {}
    while refusals := dict(_refusals(key, fields)):
        cuts = {cut: reason for path, reason in refusals.items() if (cut := _cut(fields, path))}
        if not cuts:
            hint = "no spec can declare it" if notebook.settled else "run this again when it has settled"
            return next(iter(refusals.values())), hint
        left |= cuts
        fields = _without(fields, cuts)
    left = {path: reason for path, reason in _absent(notebook, defaulted) if path not in _paths(fields)} | left
    if kept := [".".join(path) for path in left if path[0] in _KEPT_BY_HAND or path[0] in defaulted]:
        fields["lifecycle"] = {"ignore_changes": kept}
    remarks = [f"{'.'.join(path)} is left as it is: {reason}" for path, reason in left.items()]
    if not notebook.power:
        remarks.append(f"whether it is to run cannot be told while it is {notebook.status}")
    return Entry(fields, tuple(remarks))


def _absent(notebook: Observation, defaulted: Collection[str]) -> Iterator[tuple[Path, str]]:
    """Fields that are not live, and that no spec can say to be absent."""
    if not notebook.name:
        yield ("name",), "it has none"
    for name in _NEVER_EMPTY:
        if name in defaulted:
            yield (name,), "it has none, or the service does not tell; the stack has a default"
    for path in sorted(defaulted):
        top, _, tag = path.partition(".")
        if tag:
            yield (top, tag), "it does not have this default; take the line away to give it"


def _paths(fields: Mapping[str, Any]) -> set[Path]:
    return {(name,) for name in fields} | {("tags", tag) for tag in fields.get("tags", ())}


def _told(notebook: Observation, key: str, ignored_tags: Collection[str], defaulted: Collection[str]) -> dict[str, Any]:
    """What is live and not live by default, nearer to what people write. The lease is a policy and always stands."""
    told = notebook.attributes()
    changed = {
        "volume": _volume(told.get("volume", {}), sized="volume" in defaulted),
        "endpoints": [_filled(endpoint) for endpoint in told.get("endpoints", ()) if endpoint["service"] == "SSH"],
        "data_volumes": [_filled(volume) for volume in told.get("data_volumes", ())],
        # What begins with _sys_ is the service's own (API page 10).
        "tags": {
            tag: value
            for tag, value in told.get("tags", {}).items()
            if not tag.startswith("_sys_") and tag not in ignored_tags
        },
    }
    defaults = {"name": key, "feature": "NOTEBOOK", "workspace_id": "0", "desired_status": "RUNNING"}
    fields = {
        name: changed.get(name, value)
        for name, value in told.items()
        if name in defaulted or changed.get(name, value) not in (defaults.get(name), "", [], {})
    }
    return fields if notebook.power else fields | {"desired_status": "UNMANAGED"}


def _volume(volume: Mapping[str, Any], *, sized: bool) -> dict[str, Any]:
    """What is asked for, not what the service made of it: only an EVS volume has a size of its own, unless all are to
    be `sized`, and only one that is DEDICATED an address (API page 6).
    """
    shown = {"mount_path"}
    if volume.get("category") != "EVS" and not sized:
        shown.add("capacity")
    if volume.get("ownership") == "MANAGED":
        shown |= {"uri", "id"}
    return _filled({name: value for name, value in volume.items() if name not in shown})


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _refusals(key: str, fields: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Where a spec would be refused, and why."""
    for path, value in _parts(fields):
        if reason := unspeakable(value):
            yield path, reason
    try:
        Notebook.model_validate({"name": key, **fields})
    except ValidationError as refused:
        for error in refused.errors(include_url=False, include_input=False):
            path = tuple(map(str, error["loc"]))
            context = error.get("ctx", {})
            missing = f"`{path[-1]}` is missing" if error["type"] == "missing" else ""
            at = context.get("at")
            yield (*path, at) if at else path, missing or context.get("message", error["msg"])


def _parts(fields: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The parts that can be left out one by one."""
    for name, value in fields.items():
        if name in _IN_PARTS:
            yield from (((name, key), {key: each}) for key, each in value.items())
        else:
            yield (name,), value


def _cut(fields: Mapping[str, Any], path: Path) -> Path | None:
    """What to leave out so that nothing is refused at `path`. None: there is no notebook without it. Of a list nothing
    is left out alone: a plan would take away what is missing.
    """
    top, inner = path[0], path[1] if len(path) > 1 else ""
    if top in _IN_PARTS and inner in fields.get(top, ()) and (top, inner) not in _NEEDED:
        return top, inner
    return (top,) if top in fields and (top,) not in _NEEDED else None


def _without(fields: Mapping[str, Any], cuts: Collection[Path]) -> dict[str, Any]:
    rest = {name: _rest(name, value, cuts) for name, value in fields.items() if (name,) not in cuts}
    return {name: value for name, value in rest.items() if value or not fields[name]}


def _rest(name: str, value: Any, cuts: Collection[Path]) -> Any:
    if name not in _IN_PARTS:
        return value
    return {key: each for key, each in value.items() if (name, key) not in cuts}
