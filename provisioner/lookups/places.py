"""Whether there is a place for new instances: pool, workspace, and room in the quota (API page 14)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from provisioner.errors import Diagnostic
from provisioner.lookups.catalog import Catalog
from provisioner.lookups.wishes import Room, Wish

DEFAULT_WORKSPACE = "0"
_NO_POOL = frozenset({"INITIALIZE_FAILED", "DELETING", "DELETED"})
_NO_WORKSPACE = frozenset({"CREATE_FAILED", "DELETING"})
_SHOWN = 5


def pool_errors(wish: Wish, catalog: Catalog) -> Iterator[Diagnostic]:
    """Pools that are not ready yet become so; the service asks to try again in a minute (API page 16.3)."""
    if not wish.creates or not wish.pool_id:
        return
    pool = catalog.pool(wish.pool_id, wish.workspace_id)
    if pool is None:
        hint = _known(wish.pool_id, [pool.pool_id for pool in catalog.pools(wish.workspace_id)], "pools")
        yield wish.error("E622", "pool_id", f"there is no pool {wish.pool_id} for notebooks", hint=hint)
    elif pool.status in _NO_POOL:
        summary = f"the pool {wish.pool_id} takes no notebooks, it is {pool.status}"
        yield wish.error("E622", "pool_id", summary, hint="take another pool, or none: the shared one")


def workspace_errors(wish: Wish, catalog: Catalog) -> Iterator[Diagnostic]:
    if not wish.creates or wish.workspace_id == DEFAULT_WORKSPACE:
        return
    found = {workspace.id: workspace for workspace in catalog.workspaces()}
    workspace = found.get(wish.workspace_id)
    if workspace is None:
        names = [f"{each.id} ({each.name})" if each.name else each.id for each in found.values()]
        hint = _known(wish.workspace_id, names, "workspaces")
        yield wish.error("E623", "workspace_id", f"there is no workspace {wish.workspace_id}", hint=hint)
    elif workspace.status in _NO_WORKSPACE:
        summary = f"the workspace {wish.workspace_id} takes no notebooks, it is {workspace.status}"
        yield wish.error("E623", "workspace_id", summary, hint="take another workspace")


def room_remarks(room: Room, catalog: Catalog) -> Iterator[Diagnostic]:
    """An instance too many is known before the first of them is created."""
    if not room.needed:
        return
    quota = catalog.quota()
    if quota.free is None or room.needed <= quota.free:
        return
    counted = f"{quota.used} of {quota.quota} instances exist, this plan creates {room.needed}"
    if room.freed:
        counted += f" and deletes {room.freed} others"
    short = room.needed - room.freed - quota.free
    if short > 0:
        summary = f"the quota has no room for {short} of the instances"
        hint = (
            "delete some, or plan fewer of them: --target ADDR; a replacement with create_before_destroy needs room too"
        )
        yield Diagnostic("E621", summary, counted, hint)
    else:
        summary = "there is room for all instances only once others are deleted"
        hint = "if a create is refused meanwhile, run apply again"
        yield Diagnostic("W621", summary, counted, hint, severity="warning")


def _known(wanted: str, names: Sequence[str], what: str) -> str:
    if near := get_close_matches(wanted, names, n=1):
        return f"did you mean {near[0]}?"
    return f"{what} of this project: {', '.join(sorted(names)[:_SHOWN]) or 'none'}"
