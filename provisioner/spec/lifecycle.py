"""Which fields of a notebook a plan leaves alone: the paths in `lifecycle`, and the tags that a project ignores."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache

from provisioner.errors import Diagnostic
from provisioner.model.behavior import Effect, behaviors
from provisioner.model.notebook import Notebook
from provisioner.spec.near import nearest
from provisioner.spec.tree import Node, Origin, Place

ALL = "all"
_TAG = "tags."
# Written in another way than it is compared.
_COMPARED_AS = {"duration": "lease", "image": "image_id"}


def ignored_paths(notebook: Notebook, ignore_tags: Collection[str]) -> frozenset[str]:
    """Paths of which the live value is right."""
    declared = notebook.lifecycle.ignore_changes
    fields = {path.split(".")[0] for path in _paths()} if ALL in declared else set()
    return frozenset({*declared, *fields, *(_TAG + key for key in ignore_tags)} - {ALL})


def lifecycle_problems(node: Node, ignore_tags: Collection[str], address: str) -> Iterator[Diagnostic]:
    """Paths that name no field, and tags that are declared and ignored at once."""
    lifecycle = node.entry("lifecycle")
    for name in ("ignore_changes", "replace_triggered_by"):
        paths = lifecycle and lifecycle.entry(name)
        for item in paths.items() if paths else ():
            path = item.value
            if isinstance(path, str) and not (_is_path(path) or (path == ALL and name == "ignore_changes")):
                summary, hint = f"`{path}` is no field whose changes are seen", _mend(path, name)
                yield item.place.problem("E225", summary, hint=hint, address=address)
    tags = node.entry("tags")
    for key, child in tags.entries().items() if tags else ():
        if key in ignore_tags:
            hint = "remove it here, or from `ignore_tags` in provisioner.yaml"
            summary = f"the tag `{key}` is declared, and the project ignores it"
            yield child.heading.problem("E226", summary, hint=hint, address=address)


def with_default_tags(node: Node, default_tags: Mapping[str, str]) -> Node:
    """The tags of the project under those of the notebook."""
    tags = node.entry("tags")
    if not default_tags or not isinstance((tags or node).value, dict):  # what is refused stays so
        return node
    place = _project_place((tags or node).heading)
    added = {key: Node(value, place, place) for key, value in default_tags.items()}
    base = tags or Node({}, place, place)
    return node.holding(node.entries() | {"tags": base.holding(added | base.entries())})


def _project_place(place: Place) -> Place:
    origin = Origin("`default_tags` in provisioner.yaml are put under the tags of every notebook")
    return Place(place.text, place.line, place.column, place.end_line, place.end_column, origin)


@cache
def _paths() -> Mapping[str, Effect]:
    """Every field and nested field whose changes mean anything to a plan."""
    paths = {path: behavior.effect for path, behavior in behaviors(Notebook).items() if behavior.effect > Effect.NONE}
    return {path.split(".")[0]: Effect.NONE for path in paths} | paths


def _is_path(path: str) -> bool:
    return path in _paths() or (path.startswith(_TAG) and len(path) > len(_TAG))


def _mend(path: str, name: str) -> str:
    if path in _COMPARED_AS:
        return f"write `{_COMPARED_AS[path]}`"
    if path == ALL:
        return f"name the fields; `{ALL}` is for ignore_changes alone"
    near = nearest(path, _paths())
    return f"did you mean `{near}`?" if near else f"{name}: [description, volume.capacity, tags.cost]"
