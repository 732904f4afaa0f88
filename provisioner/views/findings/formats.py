"""The formats by the names that `validate --format` knows; `text` is the screen for people, `views.diagnostics`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from provisioner.views.findings.concise import concise
from provisioner.views.findings.findings import Findings
from provisioner.views.findings.github import github
from provisioner.views.findings.gitlab import gitlab
from provisioner.views.findings.junit import junit
from provisioner.views.findings.sarif import sarif
from provisioner.views.findings.terraform import terraform

FORMATS: Mapping[str, Callable[[Findings], str]] = {
    "concise": concise,
    "json": terraform,
    "github": github,
    "gitlab": gitlab,
    "sarif": sarif,
    "junit": junit,
}
