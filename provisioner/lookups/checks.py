"""What stands against a plan in the service's offers, before anything is sent. The order of things; decisions on
flavors and images are in `flavors`, on places and room in `places`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from provisioner.errors import Diagnostic
from provisioner.lookups.catalog import Catalog, Unanswered, image_lists
from provisioner.lookups.flavors import disk_errors, flavor_errors, image_errors
from provisioner.lookups.places import DEFAULT_WORKSPACE, pool_errors, room_remarks, workspace_errors
from provisioner.lookups.remarks import merged, without_secrets
from provisioner.lookups.wishes import Wish, room, wishes
from provisioner.plan import Mode, Plan

_CHECKS = (flavor_errors, disk_errors, image_errors, pool_errors, workspace_errors)


def looked_up(plan: Plan, catalog: Catalog) -> Plan:
    """`plan` with what the offers say against it. A plan that changes nothing asks nothing."""
    if plan.mode is not Mode.NORMAL:
        return plan
    asked, space = wishes(plan), room(plan)
    catalog.fetch(_reads(asked, catalog, counted=space.needed > 0))
    found = merged(remark for wish in asked for check in _CHECKS for remark in _said(check(wish, catalog)))
    found += _said(room_remarks(space, catalog))
    remarks = [without_secrets(remark, plan.secrets) for remark in (*found, *catalog.warnings())]
    return replace(
        plan,
        refusals=(*plan.refusals, *(remark for remark in remarks if remark.severity == "error")),
        warnings=(*plan.warnings, *(remark for remark in remarks if remark.severity == "warning")),
    )


def _reads(asked: Sequence[Wish], catalog: Catalog, *, counted: bool) -> list[Callable[[], object]]:
    """What is certainly needed, to be asked for side by side. The rest is asked for when a decision turns on it."""
    kinds = {bool(wish.pool_id) for wish in asked if wish.creates and wish.flavor}
    lists = {each for wish in asked if wish.asked and wish.image_id for each in image_lists(wish.workspace_id)}
    pools = {wish.workspace_id for wish in asked if wish.creates and wish.pool_id}
    groups = {wish.alike: wish.step.id for wish in asked if wish.switches}
    reads: list[Callable[[], object]] = [catalog.quota] if counted else []
    reads += [partial(catalog.flavors, dedicated=kind) for kind in sorted(kinds)]
    reads += [partial(catalog.images, *each) for each in sorted(lists)]
    reads += [partial(catalog.pools, each) for each in sorted(pools)]
    reads += [partial(catalog.switchable_flavors, *alike, notebook_id=each) for alike, each in groups.items()]
    if any(wish.creates and wish.workspace_id != DEFAULT_WORKSPACE for wish in asked):
        reads.append(catalog.workspaces)
    return reads


def _said(remarks: Iterator[Diagnostic]) -> list[Diagnostic]:
    """As far as the service tells."""
    said: list[Diagnostic] = []
    with suppress(Unanswered):
        said.extend(remarks)
    return said
