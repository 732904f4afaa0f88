"""The one spelling of a JSON document, and the digest of it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

PREFIX = "sha256:"


def canonical(value: Any) -> str:
    """Sorted keys, no space, nothing escaped that need not be. ValueError for what JSON has no word for."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(value: Any) -> str:
    return PREFIX + hashlib.sha256(canonical(value).encode()).hexdigest()


def document_digest(document: Mapping[str, Any]) -> str:
    """Of everything that a plan file says but this digest itself."""
    own = {name: value for name, value in document["provisioner"].items() if name != "digest"}
    return digest_of({**document, "provisioner": own})
