"""The JSON of `terraform validate -json`: names of files are relative to where we work, as there."""

from __future__ import annotations

import json

from provisioner.tfjson.diagnostics import validation_document
from provisioner.views.findings.findings import Findings


def terraform(findings: Findings) -> str:
    return json.dumps(validation_document(findings.diagnostics, findings.sources), indent=2) + "\n"
