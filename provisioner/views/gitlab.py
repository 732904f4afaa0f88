"""What GitLab shows of a plan on a merge request: three numbers. Pure."""

from __future__ import annotations

from provisioner.plan import Plan

_LARGEST = 999_999  # more digits and GitLab shows an error in the place of the numbers


def widget(plan: Plan) -> dict[str, int]:
    """The document of `artifacts: reports: terraform:`. A replacement is one to create and one to delete."""
    summary = plan.summary
    counts = {"create": summary.add, "update": summary.change, "delete": summary.destroy}
    return {what: min(number, _LARGEST) for what, number in counts.items()}
