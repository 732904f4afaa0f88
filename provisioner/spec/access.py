"""Who may reach a notebook and how long it runs: warnings for every project, errors where its policy asks for more."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from provisioner.errors import Diagnostic
from provisioner.model.blocks import Endpoint, Lease
from provisioner.model.notebook import NO_AUTO_STOP, Notebook
from provisioner.spec.project import Policy
from provisioner.spec.tree import Node, discreet

# RFC 1918 and loopback; `is_private` also counts the networks of documentation, which examples use.
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")))


def access_problems(notebook: Notebook, node: Node, policy: Policy, address: str) -> Iterator[Diagnostic]:
    """Errors and warnings about a valid notebook; `node` is what it was read from."""
    if policy.require_lease and not _ends(notebook):
        place = (node.entry("lease") or node.entry("duration") or node).heading
        detail = "policy.require_lease in provisioner.yaml asks for one; without it nobody may notice what it costs"
        hint = "lease: {duration: 8h}"
        summary = "this notebook declares no lease that ends"
        yield place.problem("E431", summary, detail=detail, hint=hint, address=address)
    written = node.entry("endpoints")
    items = written.items() if written else []
    for endpoint, item in zip(notebook.endpoints or (), items, strict=True):
        if endpoint.service == "SSH":
            yield from _of_ssh(endpoint, item, policy, address)


def _ends(notebook: Notebook) -> bool:
    """Whether a lease is declared, and stops the instance some day. The service's default is no decision of anyone."""
    return isinstance(notebook.lease, Lease) or notebook.duration not in {None, NO_AUTO_STOP}


def _of_ssh(endpoint: Endpoint, node: Node, policy: Policy, address: str) -> Iterator[Diagnostic]:
    """An absent allow-list opens SSH to every address (API page 5.2)."""
    place = (node.entry("allowed_access_ips") or node.entry("service") or node).heading
    networks = [IPv4Network(text) for text in endpoint.allowed_access_ips]
    if not networks or any(network.prefixlen == 0 for network in networks):
        hint, summary = "allowed_access_ips: [203.0.113.7]", "SSH is open to every address"
        if policy.require_allowlist:
            detail = "policy.require_allowlist in provisioner.yaml asks for the addresses that may connect"
            yield place.problem("E432", summary, detail=detail, hint=hint, address=address)
        else:
            yield place.problem("W309", summary, hint=hint, severity="warning", address=address)
    for network in networks:
        if network.prefixlen and any(network.subnet_of(private) for private in _PRIVATE):
            hint = "the service sees public addresses: name the one that your network goes out with"
            summary = f"{network.with_prefixlen.removesuffix('/32')} is a private address"
            yield discreet(place, node).problem("W311", summary, hint=hint, severity="warning", address=address)
