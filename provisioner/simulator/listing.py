"""Lists of notebooks, E2 and E3 of the API page, and how every list is filtered, sorted and paged (7.1, 13).

The usual call, unfiltered and newest first, costs one page; a filter costs a walk over the workspace.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from provisioner.simulator import lifecycle
from provisioner.simulator.call import Answer, Call
from provisioner.simulator.record import JsonObject, Notebook
from provisioner.simulator.store import EVERYONE
from provisioner.simulator.validation import incorrect
from provisioner.simulator.wire import page_body, refused
from provisioner.simulator.world import World

_Test = Callable[[Notebook], bool]
_LIMITS = (10, 20, 50)
_NOTEBOOK_KEYS = {
    "create_at": "create_at",
    "createTime": "create_at",
    "update_at": "update_at",
    "updateTime": "update_at",
    "name": "name",
    "status": "status",
    "flavor": "flavor",
}


def list_own(world: World, call: Call) -> Answer:
    """E2."""
    return _notebooks(world, call, world.identity.user_id)


def list_all(world: World, call: Call) -> Answer:
    """E3: those of every user of the project."""
    return _notebooks(world, call, EVERYONE)


def _notebooks(world: World, call: Call, user_id: str) -> Answer:
    limit, offset = window(world, call, default=10)
    if world.switches.strict_limit and limit not in _LIMITS:
        raise incorrect("limit")
    if not 1 <= (limit or 0) <= _LIMITS[-1]:
        raise incorrect("limit")
    # Hidden unless asked for: other workspaces, and the free instance (API page 7.1).
    workspace_id = call.query.get("workspace_id") or call.query.get("workspaceId") or "0"
    feature = call.chosen("feature", "DEFAULT", "NOTEBOOK") or "NOTEBOOK"
    shelf = world.store.shelf(workspace_id, feature, user_id)
    tests = _tests(world, call)
    keys = sort_keys(call, _NOTEBOOK_KEYS)
    newest_first = descending(call)
    if not tests and not keys:
        end = len(shelf) - offset if newest_first else offset + (limit or 0)
        places = shelf[max(end - (limit or 0), 0) : max(end, 0)]
        rows = [_found(world, place[2]) for place in (reversed(places) if newest_first else places)]
        return Answer(_page(world, call, rows, len(shelf), (limit, offset), first=0))
    candidates = (_found(world, place[2]) for place in reversed(shelf))
    matching = [notebook for notebook in candidates if all(test(notebook) for test in tests)]
    if keys:
        matching.sort(key=lambda notebook: [getattr(notebook, key) for key in keys], reverse=newest_first)
    elif not newest_first:
        matching.reverse()
    rows = matching[offset : offset + (limit or 0)]
    return Answer(_page(world, call, rows, len(matching), (limit, offset), first=0))


def _page(
    world: World, call: Call, rows: list[Notebook], total: int, window: tuple[int | None, int], *, first: int
) -> JsonObject:
    limit, offset = window
    shown = [world.shown(notebook, call.now) for notebook in rows]
    return page_body(shown, total=total, offset=offset, limit=limit, first=first)


def _found(world: World, notebook_id: str) -> Notebook:
    notebook = world.store.find(notebook_id)
    if notebook is None:
        raise LookupError(notebook_id)
    return notebook


def _tests(world: World, call: Call) -> list[_Test]:
    """One test per filter that was given; they all have to hold."""
    query = call.query
    tests: list[_Test] = []
    if status := call.chosen("status", *lifecycle.STATUSES):
        tests.append(lambda notebook: notebook.status == status)
    if billing := call.chosen("billing", "COMPUTE", "STORAGE", "ALL"):
        wanted = {"COMPUTE", "STORAGE"} if billing == "ALL" else {billing}
        tests.append(lambda notebook: wanted <= set(world.shown(notebook, call.now)["billing_items"]))
    if wanted_tags := _tag_filter(query.get("tags", "")):
        tests.append(lambda notebook: wanted_tags <= {(tag["key"], tag["value"]) for tag in notebook.tags})
    if ip := query.get("ip"):
        _check_ip(ip)
        tests.append(lambda notebook: notebook.extra.get("ip") == ip)
    for parameter, (read, fuzzy) in _READERS.items():
        if value := query.get(parameter):
            tests.append(_text_test(read, value, fuzzy=fuzzy))
    return tests


_Reader = Callable[[Notebook], str]
_READERS: dict[str, tuple[_Reader, bool]] = {
    "id": (lambda notebook: notebook.id, False),
    "name": (lambda notebook: notebook.name, True),
    "description": (lambda notebook: notebook.description, True),
    "flavor": (lambda notebook: notebook.flavor, True),
    "image_id": (lambda notebook: str(notebook.image["id"]), False),
    "swr_path": (lambda notebook: str(notebook.image["swr_path"]), True),
    "pool_id": (lambda notebook: str((notebook.pool or {}).get("id", "")), False),
    "pool_name": (lambda notebook: str((notebook.pool or {}).get("name", "")), True),
    "owner": (lambda notebook: notebook.user_id, False),
    "username": (lambda notebook: str(notebook.user["name"]), True),
}
"""Text filters: what each compares with, and whether a part is enough."""


def _text_test(read: _Reader, value: str, *, fuzzy: bool) -> _Test:
    return (lambda notebook: value in read(notebook)) if fuzzy else (lambda notebook: value == read(notebook))


def _tag_filter(text: str) -> set[tuple[str, str]]:
    """`k1|v1,k2|v2`; separators neither lead, nor trail, nor double (API page 7.1)."""
    if not text:
        return set()
    if text[0] in ",|" or text.endswith(",") or ",," in text or "||" in text:
        raise incorrect("tags")
    pairs = (part.partition("|") for part in text.split(","))
    return {(key, value) for key, _, value in pairs}


def _check_ip(text: str) -> None:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        raise incorrect("ip") from None


def window(world: World, call: Call, default: int | None) -> tuple[int | None, int]:
    """Page size and first row. The offset counts rows (API page 13), or pages with switch S12."""
    limit, offset = call.number("limit", default), call.number("offset", 0) or 0
    if offset < 0 or (limit is not None and limit < 1):
        raise incorrect("offset" if offset < 0 else "limit")
    return limit, offset * (limit or 0) if world.switches.offset_is_page else offset


def sort_keys(call: Call, known: dict[str, str]) -> list[str]:
    keys = [key for key in call.query.get("sort_key", "").split(",") if key]
    for key in keys:
        if key not in known:
            raise refused("6303", f"The field {key} does not support sorting.")
    return [known[key] for key in keys]


def descending(call: Call) -> bool:
    return call.chosen("sort_dir", "ASC", "DESC") != "ASC"


def plain_page(
    world: World, call: Call, rows: list[JsonObject], known: dict[str, str], *, default: int | None, first: int
) -> JsonObject:
    limit, offset = window(world, call, default)
    if keys := sort_keys(call, known):
        rows = sorted(rows, key=lambda row: [row[key] for key in keys], reverse=descending(call))
    page = rows[offset : offset + limit if limit else None]
    return page_body(page, total=len(rows), offset=offset, limit=limit, first=first)
