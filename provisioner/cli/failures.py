"""Failed steps as diagnostics: what the service said, at the line of the spec that it is about."""

from __future__ import annotations

from provisioner.errors import ApiError, Diagnostic
from provisioner.events import StepFailed
from provisioner.model.secrets import Secrets
from provisioner.views.outcome import Outcome
from provisioner.views.phrases import elapsed_text

# Which field a refusal is about (API page 16.3).
FIELD_OF_CODE = {
    "ModelArts.6323": "flavor",
    "ModelArts.6328": "flavor",
    "ModelArts.6329": "flavor",
    "ModelArts.6330": "flavor",
    "ModelArts.6716": "flavor",
    "ModelArts.6792": "flavor",
    "ModelArts.6870": "flavor",
    "ModelArts.6797": "image_id",
    "ModelArts.6768": "endpoints",
    "ModelArts.6789": "endpoints",
    "ModelArts.6324": "volume",
    "ModelArts.6331": "volume",
    "ModelArts.6528": "volume",
    "ModelArts.6334": "description",
    "ModelArts.6346": "lease",
    "ModelArts.6348": "lease",
    "ModelArts.6349": "lease",
    "ModelArts.0102": "workspace_id",
}

MENDS = {
    "ModelArts.6302": "the account's quota of notebooks is used up: delete one, or ask for more",
    "ModelArts.0113": "the account's quota is used up",
    "ModelArts.0118": "the account's quota is used up",
    "ModelArts.6329": "the flavor is sold out: take another one, or try later",
    "ModelArts.6716": "the flavor is sold out: take another one, or try later",
    "ModelArts.6360": "there is no capacity now: try later, or take another flavor",
    "ModelArts.6326": "the account is in arrears",
}


def failures_of(outcome: Outcome, secrets: Secrets) -> list[Diagnostic]:
    """What ended the steps that failed. The words of the service may hold what was sent."""
    return [_diagnostic(end, secrets) for end in outcome.ends.values() if isinstance(end, StepFailed)]


def _diagnostic(end: StepFailed, secrets: Secrets) -> Diagnostic:
    step, error = end.step, end.error
    code = error.code if isinstance(error, ApiError) else ""
    return Diagnostic(
        code="",
        summary=f"{step.address}: {step.action} failed after {elapsed_text(end.seconds)}",
        detail=secrets.hidden("\n".join(part for part in (error.summary, error.detail) if part)),
        hint=error.hint or MENDS.get(code, ""),
        range=step.fields.get(FIELD_OF_CODE.get(code, ""), step.source),
        address=str(step.address),
    )
