"""What can go wrong, as values: the exception tree, diagnostics and source positions.

    ProvisionerError
    ├── UsageError            a command line or a setting that cannot be obeyed
    ├── SpecError             carries every Diagnostic of every spec file
    ├── StateError            the recorded state cannot be read, written or trusted
    │   ├── StateLocked       another run holds the lock
    │   ├── StateDamaged      what is stored is no state of this stack: another copy may take its place
    │   └── StateNotSaved     a run could not record what it did; carries the state for another place
    ├── PlanError             the plan is refused before anything is sent
    │   └── PlanRefused       carries every Diagnostic that stands against a plan
    ├── ApiError              the service answered with an error
    │   ├── NotFound          the object does not exist (status 404, or 400 with a service code)
    │   └── OutcomeUnknown    a mutating request was sent and no usable answer came back
    └── ApplyError            an operation did not reach its goal

Nothing here formats for a terminal; `views.diagnostics` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SourceRange:
    """A place in a spec file. Lines and columns count from 1, as editors do; `end_column` is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: a stable code, a short fixed summary, what and why, and the mend."""

    code: str
    summary: str
    detail: str = ""
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    range: SourceRange | None = None
    source_line: str = ""
    address: str = ""


class ProvisionerError(Exception):
    """Base of all errors that are reported without a traceback.

    `summary` is one line; `detail` says what and why; `hint` says how to mend it.
    """

    def __init__(self, summary: str, *, detail: str = "", hint: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.hint = hint

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return (Diagnostic(code="", summary=self.summary, detail=self.detail, hint=self.hint),)


class UsageError(ProvisionerError):
    """The command line, an environment variable or `provisioner.yaml` asks for something impossible."""


class SpecError(ProvisionerError):
    """Specs that cannot be used. Holds every problem found, in file and line order; `files` counts those read,
    `notebooks` has the addresses and places of those that are well.
    """

    def __init__(
        self,
        problems: tuple[Diagnostic, ...],
        *,
        files: int = 0,
        notebooks: tuple[tuple[str, SourceRange], ...] = (),
    ) -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the specs")
        self.problems = problems
        self.files = files
        self.notebooks = notebooks

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.problems


class StateError(ProvisionerError):
    """The recorded state is damaged, foreign, newer than this version, or cannot be written."""


class StateLocked(StateError):
    """Another run holds the lock of this state; `holder` says who, in one line."""

    def __init__(self, summary: str, *, detail: str = "", hint: str = "", holder: str = "") -> None:
        super().__init__(summary, detail=detail, hint=hint)
        self.holder = holder


class StateDamaged(StateError):
    """What stands in the place of the state is missing, cut, edited, or of another stack."""


class StateUnreachable(StateError):
    """The place of the state gave no answer that settles the question: what was asked of it may have happened."""


class StateNotSaved(StateError):
    """The state of a run could not be written; `data` is all of it."""

    def __init__(self, cause: StateError, data: bytes) -> None:
        super().__init__(cause.summary, detail=cause.detail, hint=cause.hint)
        self.data = data


class PlanError(ProvisionerError):
    """The plan asks for something that is refused before any change is made."""


class PlanRefused(PlanError):
    """A plan that may be looked at and not carried out. Holds every reason."""

    def __init__(self, problems: tuple[Diagnostic, ...]) -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} with the plan")
        self.problems = problems

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.problems


class ApplyError(ProvisionerError):
    """An operation of the plan did not reach its goal."""


class ApiError(ProvisionerError):
    """An error answer of the service, or no answer at all.

    status      HTTP status, 0 when no answer arrived
    code        the service's error code (`ModelArts.6357`, `APIGW.0301`), else the status as text
    message     the service's words, unaltered (clean them before a terminal)
    request_id  X-Request-Id of the answer, "" when there was none
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        method: str = "",
        path: str = "",
        hint: str = "",
    ) -> None:
        self.status = status
        self.code = code or (str(status) if status else "")
        self.message = message
        self.request_id = request_id
        self.method = method
        self.path = path
        shown = f"{self.code}: {message}" if self.code else message
        detail = f"{method} {path}" if method else ""
        if request_id:
            detail += f"{' · ' if detail else ''}request id {request_id}"
        super().__init__(shown, detail=detail, hint=hint)


class NotFound(ApiError):
    """The object does not exist: HTTP 404, or HTTP 400 with ModelArts.6404 or 6309 (API page 16.2)."""


class OutcomeUnknown(ApiError):
    """The request may have taken effect: no usable answer arrived after it was sent (API page 16.6)."""
