"""What tells one problem from another, also after lines were put in above it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator

from provisioner.errors import Diagnostic
from provisioner.views.findings.findings import Findings

_PLACE = re.compile(r"\b(line|column) \d+|:\d+:\d+\b")


def fingerprinted(findings: Findings) -> Iterator[tuple[Diagnostic, str]]:
    """Each problem with its fingerprint: of code, file, address and words, and which of several alike it is."""
    seen: Counter[str] = Counter()
    for found in findings.diagnostics:
        file = findings.path(found.range.file) if found.range else ""
        identity = "\0".join([found.code, file, found.address, _PLACE.sub("", found.summary)])
        seen[identity] += 1
        yield found, hashlib.sha256(f"{identity}\0{seen[identity]}".encode()).hexdigest()
