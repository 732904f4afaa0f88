"""The document that a plan file is. Pure.

It is Terraform's plan JSON with more on each change, and with one key of our own, `provisioner`: the plan itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from provisioner import __version__
from provisioner.plan import Plan, Step
from provisioner.planfile.canonical import digest_of, document_digest
from provisioner.planfile.encoding import as_read, encoded
from provisioner.planfile.secrecy import Needed, hidden
from provisioner.state.document import Cloud, State
from provisioner.tfjson.plan import plan_document

FORMAT = "provisioner.plan/1"
PLAN_KEYS = frozenset(each.name for each in fields(Plan)) - {"secrets"}


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan was made from and for.

    environment  of provisioner.yaml, "" for none
    files        digests of the specs and settings by their names
    sensitive    the secrets that its operations send
    """

    cloud: Cloud
    environment: str = ""
    files: Mapping[str, str] | None = None
    sensitive: tuple[Needed, ...] = ()


class Header(BaseModel):
    """What stands below `provisioner` beside the plan."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["provisioner.plan/1"]
    version: str
    digest: str
    environment: str
    cloud: Cloud
    state_digest: str
    spec_digest: str
    files: dict[str, str]
    sensitive: tuple[Needed, ...]

    @property
    def basis(self) -> Basis:
        return Basis(self.cloud, self.environment, self.files, self.sensitive)


def document_of(plan: Plan, state: State, basis: Basis) -> dict[str, Any]:
    """The document of `plan`, which was made from `state`. It holds no secret."""
    return document_of_read(as_read(hidden(plan)), state, basis)  # the order of keys shows in what is written of it


def document_of_read(plan: Plan, state: State, basis: Basis) -> dict[str, Any]:
    """The same for a plan that was read from a document."""
    files = dict(basis.files or {})
    document = plan_document(plan, state=state, timestamp=_moment(plan.made_at))
    _describe(document, plan)
    document["provisioner"] = {
        **encoded(plan),
        "format": FORMAT,
        "version": __version__,
        "environment": basis.environment,
        "cloud": basis.cloud.model_dump(),
        "state_digest": state.digest,
        "spec_digest": digest_of(files),
        "files": files,
        "sensitive": [asdict(each) for each in basis.sensitive],
    }
    document["provisioner"]["digest"] = document_digest(document)
    return document


def fingerprint(step: Step) -> str:
    """Of the live instance as it was planned on; "" where there is none."""
    return digest_of({"id": step.id, "attributes": step.before}) if step.before else ""


def _describe(document: Mapping[str, Any], plan: Plan) -> None:
    """Tell of each change what dies, what is called, and what it was planned on."""
    steps = {step.address.terraform: step for step in plan.steps}
    for change in document.get("resource_changes", ()):
        step = steps.get(change["address"])
        if step is not None and "deposed" not in change:
            change["change"] |= {
                "loss": str(step.loss),
                "operations": [
                    {"call": str(each.kind), "text": step.told(each), "values": each.values} for each in step.operations
                ],
                "fingerprint": fingerprint(step),
            }


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
