"""What a report is made of, for the tests of every kind of report that a browser or a pipeline reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from provisioner.plan import Plan
from provisioner.views.reported import Origin, Reported

DIGEST = "sha256:" + "9b1c" * 16
JOB = "https://gitlab.example.com/lab/notebooks/-/jobs/8123"


def reported(plan: Plan, **fields: Any) -> Reported:
    """A plan with everything that a pipeline tells of it; `fields` replace what is told."""
    given: dict[str, Any] = {
        "document": {"format_version": "1.2"},
        "digest": DIGEST,
        "environment": "prod",
        "region": "cn-north-4",
        "project_id": "0123456789abcdef0123456789abcdef",
        "saved_as": "lab.plan",
        "origin": Origin("3f2c1ab", "li.wei", "main", JOB),
    }
    stack = ".".join(filter(None, (plan.stack, str((given | fields)["environment"]))))  # as a plan is called
    return Reported(replace(plan, stack=stack), **given | fields)
