"""How Terraform's JSON names a notebook: in documents of plans and states, and in the stream of events. Pure."""

from __future__ import annotations

from typing import Any

from provisioner.model.address import TERRAFORM_TYPE, Address

PROVIDER = "huaweicloud"
PROVIDER_NAME = f"registry.terraform.io/{PROVIDER}/{PROVIDER}"


def identity(address: Address) -> dict[str, Any]:
    """The keys that begin each resource of a plan or a state."""
    index = {"index": address.each} if address.each else {}
    return {"address": address.terraform, **block(address), **index, "provider_name": PROVIDER_NAME}


def block(address: Address) -> dict[str, Any]:
    """What all entries of a for_each share."""
    return {"mode": "managed", "type": TERRAFORM_TYPE, "name": address.key}


def resource(address: Address) -> dict[str, Any]:
    """A notebook in the stream of events (`ui` 1.2)."""
    return {
        "addr": address.terraform,
        "module": "",
        "resource": address.terraform,
        "implied_provider": PROVIDER,
        "resource_type": TERRAFORM_TYPE,
        "resource_name": address.key,
        "resource_key": address.each or None,
    }
