"""The one image that each `image: {name, type, tag}` means, found before anything is planned.

What comes after sees the id alone, as if the spec had said `image_id`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial

from provisioner.errors import Diagnostic, PlanRefused
from provisioner.lookups.catalog import Catalog, Unanswered, image_lists
from provisioner.lookups.remarks import merged, without_secrets
from provisioner.model.address import Address
from provisioner.model.blocks import ImageSelector
from provisioner.model.offer import Image
from provisioner.plan import Mode, Options
from provisioner.spec.document import Declaration, Spec
from provisioner.state.document import Record, State

_SHOWN = 10

_Selecting = tuple[Declaration, ImageSelector]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A spec whose notebooks have image ids, and what is to be said of how they were found."""

    spec: Spec
    warnings: tuple[Diagnostic, ...] = ()


def resolved(spec: Spec, state: State, options: Options, catalog: Catalog | None) -> Resolved:
    """The spec that a plan is made of. PlanRefused unless each selector means one image.

    Without a `catalog`, or when the service refuses to tell, what is recorded keeps the image that it has.
    """
    selecting = _selecting(spec, options)
    if catalog is not None:
        catalog.fetch(_reads(selecting, catalog))
    found: dict[Address, Declaration] = {}
    remarks: list[Diagnostic] = []
    for declaration, selector in selecting:
        image_id, remark = _find(declaration, selector, state.resources.get(str(declaration.address)), catalog)
        found[declaration.address] = _by_id(declaration, image_id)
        if remark is not None:
            remarks.append(remark)
    remarks = [without_secrets(remark, spec.secrets) for remark in merged(remarks)]
    if errors := tuple(remark for remark in remarks if remark.severity == "error"):
        raise PlanRefused(errors)
    return Resolved(replace(spec, notebooks={**spec.notebooks, **found}), tuple(remarks))


def _selecting(spec: Spec, options: Options) -> list[_Selecting]:
    """The notebooks of this plan that name their image. What is only removed or looked at needs none."""
    if options.mode is not Mode.NORMAL:
        return []
    return [
        (declaration, declaration.notebook.image)
        for address, declaration in spec.notebooks.items()
        if declaration.notebook.image is not None and options.chooses(address)
    ]


def _reads(selecting: Iterable[_Selecting], catalog: Catalog) -> list[Callable[[], object]]:
    lists = {each for declaration, selector in selecting for each in _lists(declaration, selector)}
    return [partial(catalog.images, *each) for each in sorted(lists)]


def _lists(declaration: Declaration, selector: ImageSelector) -> list[tuple[str, str]]:
    return image_lists(declaration.notebook.workspace_id or "0", selector.type)


def _find(
    declaration: Declaration, selector: ImageSelector, record: Record | None, catalog: Catalog | None
) -> tuple[str, Diagnostic | None]:
    """The id, "" without one, and what is to be said of it."""
    if catalog is None:
        return _recorded(declaration, selector, record, "W611", "--offline looks up none")
    try:
        images = [image for each in _lists(declaration, selector) for image in catalog.images(*each)]
    except Unanswered as refusal:
        return _recorded(declaration, selector, record, "W612", f"images cannot be listed ({refusal})")
    named = [image for image in images if image.name == selector.name]
    meant = [image for image in named if selector.tag in {image.tag, None}]
    usable = [image for image in meant if image.usable]
    if len(usable) == 1:
        return usable[0].id, None
    return "", _several(declaration, selector, usable) if usable else _none(declaration, selector, named, images)


def _recorded(
    declaration: Declaration, selector: ImageSelector, record: Record | None, code: str, why: str
) -> tuple[str, Diagnostic | None]:
    attributes, observed = (record.attributes, record.observed) if record else ({}, {})
    image_id = str(attributes.get("image_id") or observed.get("image", {}).get("id", ""))
    if image_id:
        remark = _remark(declaration, code, f"the image {_words(selector)} is the recorded one: {why}", image_id)
        return image_id, replace(remark, severity="warning")
    hint = "write `image_id: ...`, or plan when it can be looked up"
    return "", _remark(declaration, "E613", f"the image {_words(selector)} is not known: {why}", hint=hint)


def _several(declaration: Declaration, selector: ImageSelector, images: Sequence[Image]) -> Diagnostic:
    tags = {image.tag for image in images}
    types = {image.type for image in images}
    if len(tags) == len(images):
        hint = f"say which one: `tag: {max(images, key=_age).tag}`"
    elif len(types) == len(images):
        hint = f"say which one: `type: {images[0].type}`"
    else:
        hint = f"say which one by its id: `image_id: {max(images, key=_age).id}`"
    summary = f"{len(images)} images match {_words(selector)}"
    return _remark(declaration, "E612", summary, _listed(images), hint)


def _none(
    declaration: Declaration, selector: ImageSelector, named: Sequence[Image], images: Sequence[Image]
) -> Diagnostic:
    """Why is seen in those of its name: another tag, or a status that is not ACTIVE. Or no other is called so."""
    summary = f"no image matches {_words(selector)}"
    if named:
        hint = "none of its name is ACTIVE and matches; take one that is"
        return _remark(declaration, "E611", summary, _listed(named), hint)
    near = get_close_matches(selector.name, sorted({image.name for image in images if image.usable}), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else "names are matched exactly"
    return _remark(declaration, "E611", summary, _listed([each for each in images if each.name in near]), hint)


def _listed(images: Sequence[Image]) -> str:
    """The newest first, as far as the service tells."""
    lines = [str(image) for image in sorted(images, key=_age, reverse=True)]
    return "\n".join([*lines[:_SHOWN], f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else lines)


def _age(image: Image) -> int:
    return image.create_at or 0


def _words(selector: ImageSelector) -> str:
    told = " and ".join(f"{name} {value}" for name, value in (("type", selector.type), ("tag", selector.tag)) if value)
    return f"`{selector.name}`" + (f" of {told}" if told else "")


def _remark(declaration: Declaration, code: str, summary: str, detail: str = "", hint: str = "") -> Diagnostic:
    place = declaration.fields.get("image", declaration.source)
    return Diagnostic(code, summary, detail, hint, range=place, address=str(declaration.address))


def _by_id(declaration: Declaration, image_id: str) -> Declaration:
    """The declaration as if it had been written with `image_id`."""
    fields = dict(declaration.fields)
    if "image" in fields:
        fields["image_id"] = fields["image"]
    sensitive = declaration.sensitive | ({"image_id"} if "image" in declaration.sensitive else frozenset())
    notebook = declaration.notebook.model_copy(update={"image_id": image_id, "image": None})
    return replace(declaration, notebook=notebook, fields=fields, sensitive=sensitive)
