"""What a report says beside the plan itself. Values alone; `markdown`, `html` and `gitlab` write them down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.plan import Plan


@dataclass(frozen=True, slots=True)
class Origin:
    """What a pipeline tells of the change that is planned; "" where it does not."""

    commit: str = ""
    author: str = ""
    branch: str = ""
    job_url: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """One plan, and where it comes from.

    document     the plan file, as `planfile` writes it
    digest       of that document, `sha256:` and 64 hexadecimal digits
    environment  of provisioner.yaml, "" for none; the stack is named after it, too
    saved_as     name of the plan file, "" when none was written
    """

    plan: Plan
    document: Mapping[str, Any]
    digest: str
    environment: str
    region: str
    project_id: str
    saved_as: str = ""
    origin: Origin = Origin()

    @property
    def approvable(self) -> bool:
        """Whether there is something to approve by its digest: a saved plan that may be carried out."""
        return bool(self.saved_as and self.digest) and not self.plan.refused
