"""Whether flavors and images are to be had, and fit each other, the volume and the endpoints (API page 5.4 and 12).

What the service does not tell of an offer is never held against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from provisioner.errors import Diagnostic
from provisioner.lookups.catalog import Catalog
from provisioner.lookups.wishes import Wish
from provisioner.model.offer import Flavor, Image

_SHOWN = 3


def flavor_errors(wish: Wish, catalog: Catalog) -> Iterator[Diagnostic]:
    """What stands against the flavor that is asked for."""
    if "flavor" not in wish.asked or not wish.flavor:
        return
    offered = _offered(wish, catalog)
    flavor = _named(wish.flavor, offered)
    if flavor is None:
        yield _unknown(wish, offered)
        return
    if flavor.sold_out:
        yield wish.error("E602", "flavor", f"the flavor {flavor.id} is sold out", hint=_on_sale(flavor, offered))
    feature = str(wish.will_be.get("feature", "NOTEBOOK"))
    if flavor.feature and flavor.feature != feature:
        summary = f"the flavor {flavor.id} is for instances of feature {flavor.feature}, not {feature}"
        yield wish.error("E605", "flavor", summary, hint="take a flavor of the feature NOTEBOOK")
    category = str(wish.volume.get("category", ""))
    if category and flavor.storages and category not in flavor.storages:
        yield wish.error(
            "E603",
            "volume" if wish.creates else "flavor",
            f"the flavor {flavor.id} does not take volumes of category {category}",
            hint=f"it takes {', '.join(flavor.storages)}; {_with_storage(category, flavor, offered)}",
        )


def disk_errors(wish: Wish, catalog: Catalog) -> Iterator[Diagnostic]:
    """Whether an EVS volume is created or grows beyond what its flavor allows."""
    grows, volume = wish.growth, wish.volume
    if wish.creates and volume.get("category") == "EVS":
        name, capacity = wish.flavor, int(volume.get("capacity", 0))
    elif grows is not None:
        name, capacity = grows.flavor, grows.capacity
    else:
        return
    flavor = _named(name, catalog.flavors(dedicated=bool(wish.pool_id))) if name else None
    largest = flavor.largest_disk if flavor else None
    if flavor is not None and largest is not None and capacity > largest:
        summary = f"a volume of {capacity} GB is too large for the flavor {flavor.id}"
        yield wish.error("E604", "volume", summary, hint=f"it takes at most {largest} GB")


def image_errors(wish: Wish, catalog: Catalog) -> Iterator[Diagnostic]:
    """What stands against the image, by itself and beside the flavor and the endpoints."""
    if not {"flavor", "image_id", "endpoints"} & wish.asked or not wish.image_id:
        return
    image = catalog.image(wish.image_id, wish.workspace_id)
    if "image_id" in wish.asked:
        if image is None:
            summary = f"there is no image {wish.image_id}"
            hint = "or it is private to somebody else; `image: {name: ...}` finds one by its name"
            yield wish.error("E614", "image_id", summary, hint=hint)
        elif not image.usable:
            summary = f"the image {image.id} is {image.status}, not ACTIVE"
            yield wish.error("E615", "image_id", summary, str(image), "take one that is ACTIVE")
    if image is not None:
        yield from _misfits(wish, image, catalog)


def _misfits(wish: Wish, image: Image, catalog: Catalog) -> Iterator[Diagnostic]:
    at = "image_id" if "image_id" in wish.asked else "flavor"
    if image.ssh_only and not wish.has_ssh:
        summary = f"the image {image.name} is reached by SSH alone, and no endpoint is of service SSH"
        hint = "endpoints: [{service: SSH, key_pair_names: [my-key]}]"
        yield wish.error("E618", "endpoints" if "endpoints" in wish.step.fields else at, summary, hint=hint)
    if not {"flavor", "image_id"} & wish.asked or not wish.flavor:
        return
    flavor = _named(wish.flavor, _offered(wish, catalog))
    if flavor is None:
        return
    if image.categories and flavor.category and flavor.category not in image.categories:
        told = " and ".join(sorted(image.categories))
        summary = f"the image {image.name} does not run on {flavor.category} flavors such as {flavor.id}"
        yield wish.error("E616", at, summary, hint=f"it runs on {told}")
    if image.arch and flavor.arch and image.arch != flavor.arch:
        summary = f"the image {image.name} is for {image.arch.lower()}, the flavor {flavor.id} is {flavor.arch.lower()}"
        yield wish.error("E617", at, summary, hint="take an image and a flavor of one architecture")


def _offered(wish: Wish, catalog: Catalog) -> Sequence[Flavor]:
    """The flavors to choose from. What an instance in a dedicated pool may change to is a list of its own (API page
    7.8); what may be created there may stand with the pool alone (API page 14).
    """
    if not wish.pool_id:
        return catalog.flavors(dedicated=False)
    if wish.switches:
        return catalog.switchable_flavors(*wish.alike, notebook_id=wish.step.id)
    pool = catalog.pool(wish.pool_id, wish.workspace_id)
    return (*catalog.flavors(dedicated=True), *(pool.flavors if pool else ()))


def _named(flavor_id: str, offered: Sequence[Flavor]) -> Flavor | None:
    return next((flavor for flavor in offered if flavor.id == flavor_id), None)


def _unknown(wish: Wish, offered: Sequence[Flavor]) -> Diagnostic:
    names = sorted({flavor.id for flavor in offered if not flavor.sold_out})
    near = get_close_matches(wish.flavor, names, n=_SHOWN)
    if wish.switches:
        summary = f"the instance cannot change to the flavor {wish.flavor} in its pool"
        return wish.error("E606", "flavor", summary, hint=f"it can change to {_some(near or names)}")
    where = f"in the pool {wish.pool_id}" if wish.pool_id else "in the shared pool"
    summary = f"there is no flavor {wish.flavor} for notebooks {where}"
    return wish.error(
        "E601", "flavor", summary, hint=f"did you mean {_some(near)}?" if near else f"there are {_some(names)}"
    )


def _on_sale(wanted: Flavor, offered: Sequence[Flavor]) -> str:
    """What may stand in for it: with the same card, or else of its kind, the likest first."""
    same = [flavor for flavor in _alike(wanted, offered) if flavor.card == wanted.card]
    if not same:
        others = _some([flavor.id for flavor in _alike(wanted, offered)])
        return f"on sale are {others}" if others else "no other of its kind is on sale; try again later"
    kind = f"the same {'NPU' if wanted.ascend.type else 'GPU'}" if wanted.card else f"category {wanted.category}"
    count = f"{len(same)} flavor{'s' if len(same) > 1 else ''} with {kind} {'are' if len(same) > 1 else 'is'} on sale"
    return f"{count}: {_some([flavor.id for flavor in same])}"


def _with_storage(category: str, wanted: Flavor, offered: Sequence[Flavor]) -> str:
    others = [flavor.id for flavor in _alike(wanted, offered) if category in flavor.storages]
    return f"{category} goes with {_some(others)}" if others else f"no flavor of its kind takes {category}"


def _alike(wanted: Flavor, offered: Sequence[Flavor]) -> list[Flavor]:
    """Flavors on sale of the same category and architecture, the likest first."""
    unique = {flavor.id: flavor for flavor in offered if flavor.id != wanted.id and not flavor.sold_out}
    kind = [flavor for flavor in unique.values() if (flavor.category, flavor.arch) == (wanted.category, wanted.arch)]
    return sorted(kind, key=lambda flavor: (abs(flavor.vcpus - wanted.vcpus), flavor.id))


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
