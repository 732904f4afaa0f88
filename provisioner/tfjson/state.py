"""Terraform's state JSON, format 1.0: what is recorded of one stack. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioner import __version__
from provisioner.model.address import Address
from provisioner.planning.secrecy import sensitive_fields
from provisioner.state.document import Record, State
from provisioner.tfjson.address import identity
from provisioner.tfjson.attributes import deposed, masked, recorded
from provisioner.tfjson.change import deposed_key

FORMAT_VERSION = "1.0"
# Whose JSON this is. Some readers find nothing in a document that does not say.
TERRAFORM_VERSION = "1.11.4"


def state_document(state: State) -> dict[str, Any]:
    """What is recorded. Below `provisioner` stands of which stack, and of which generation."""
    return {
        **values_document(list(_resources(state))),
        "provisioner": {"stack": state.stack, "lineage": state.lineage, "serial": state.serial},
    }


def values_document(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """The document around resources: a state of its own, or the one that a plan was made from."""
    return {
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "provisioner_version": __version__,
        "values": {"root_module": {"resources": resources}},
    }


def state_resource(address: Address, record: Record, region: str) -> dict[str, Any]:
    """What a record holds of an instance."""
    values, sensitive = masked(recorded(record, region), sensitive_fields(record))
    tainted = {"tainted": True} if is_tainted(record.status) else {}
    return {**resource_values(identity(address), values, sensitive), **tainted}


def is_tainted(status: str | None) -> bool:
    """Whether the creation failed, so that the next plan replaces it."""
    return status == "CREATE_FAILED"


def resource_values(names: dict[str, Any], values: Any, sensitive: Any) -> dict[str, Any]:
    return {**names, "schema_version": 0, "values": values, "sensitive_values": sensitive}


def region_of(state: State) -> str:
    return state.cloud.region if state.cloud else ""


def _resources(state: State) -> Iterator[dict[str, Any]]:
    region = region_of(state)
    for text, record in sorted(state.resources.items()):
        address = Address.parse(text)
        if address is None:
            continue
        yield state_resource(address, record, region)
        for each in record.deposed:
            names = {**identity(address), "deposed_key": deposed_key(each)}
            yield resource_values(names, deposed(each.id, each.workspace_id, region), {})
