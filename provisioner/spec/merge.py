"""Trees into trees: `defaults` under a notebook, and the names of 2022 into today's. Places are kept."""

from __future__ import annotations

from collections.abc import Callable

from provisioner.errors import Diagnostic
from provisioner.spec.tree import Node, Template

_LEGACY_NAMES = {"dev_service": "service", "ssh_keys": "key_pair_names"}
# Of each pair a notebook has one: what it sets itself wins over a default of the other.
_PAIRS = (("lease", "duration"), ("flavor", "custom_spec"), ("image_id", "image"))
_RIVALS = (*_PAIRS, *((second, first) for first, second in _PAIRS))


def with_defaults(defaults: Node, notebook: Node, filled: Callable[[Node], Node]) -> Node:
    """The notebook as it is once the defaults are under it. What is taken of them is `filled`, and nothing else: what
    a notebook sets itself need not make sense as a default.
    """
    beaten = {rival for own, rival in _RIVALS if notebook.entry(own) and not notebook.entry(rival)}
    fitting = {key: child for key, child in defaults.entries().items() if key not in beaten}
    return _merged(defaults.holding(fitting), notebook, filled)


def _merged(base: Node, own: Node, filled: Callable[[Node], Node]) -> Node:
    """Maps merge, everything else replaces."""
    if isinstance(own.value, dict) and isinstance(base.value, Template):
        base = filled(base)
    if not (isinstance(base.value, dict) and isinstance(own.value, dict)):
        return own
    entries = {key: child if key in own.value else filled(child) for key, child in base.value.items()}
    for key, child in own.value.items():
        entries[key] = _merged(entries[key], child, filled) if key in entries else child
    return own.holding(entries)


def joined(first: Node, second: Node, problems: list[Diagnostic]) -> Node:
    """The defaults of two files. A value has one default only, for no order of files should decide."""
    if not (isinstance(first.value, dict) and isinstance(second.value, dict)):
        summary = f"this default exists already, at {first.heading.range}"
        problems.append(second.heading.problem("E207", summary, hint="remove one of the two"))
        return first
    entries = dict(first.value)
    for key, child in second.value.items():
        entries[key] = joined(entries[key], child, problems) if key in entries else child
    return first.holding(entries)


def modern(notebook: Node, problems: list[Diagnostic]) -> Node:
    """The endpoint names of 2022, `dev_service` and `ssh_keys`, become today's (API page 5.2)."""
    endpoints = notebook.entry("endpoints")
    if not (endpoints and isinstance(endpoints.value, list)):
        return notebook
    renamed = endpoints.holding([_modern_endpoint(endpoint, problems) for endpoint in endpoints.value])
    return notebook.holding(notebook.entries() | {"endpoints": renamed})


def _modern_endpoint(endpoint: Node, problems: list[Diagnostic]) -> Node:
    if not isinstance(endpoint.value, dict):
        return endpoint
    entries = dict(endpoint.value)
    for old, name in _LEGACY_NAMES.items():
        node = entries.pop(old, None)
        if node and name in entries:
            summary = f"`{old}` is the old name of `{name}`, which is given too"
            problems.append(node.heading.problem("E303", summary, hint=f"remove `{old}`"))
        elif node:
            entries[name] = node
    return endpoint.holding(entries)
