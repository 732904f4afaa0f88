"""Who a run would be: text and JSON of `auth status`. Pure. It shows the beginning of an access key, and no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from provisioner.model.fields import duration_text
from provisioner.views.clean import clean_json, one_line
from provisioner.views.table import table

_SHOWN = 4

Kind = Literal["long-lived key", "temporary key", "token", "password"]


@dataclass(frozen=True, slots=True)
class Holder:
    """What the credentials are, without a secret. `expires_at`: seconds since the epoch, None where nobody says."""

    source: str
    kind: Kind
    access_key: str = ""
    user: str = ""
    expires_at: float | None = None
    renewed: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that `auth status` says. Empty is what is not known; `problems` say why."""

    holder: Holder | None
    now: float
    account_id: str = ""
    account_name: str = ""
    project_id: str = ""
    project_name: str = ""
    region: str = ""
    modelarts: str = ""
    iam: str = ""
    problems: tuple[str, ...] = ()
    passed_over: tuple[tuple[str, str], ...] = ()
    not_asked: tuple[str, ...] = ()


def masked(access_key: str) -> str:
    """Enough to know it again; of a short one nothing."""
    return f"{access_key[:_SHOWN] if len(access_key) > 2 * _SHOWN else ''}...."


def status_text(status: Status) -> str:
    lines = list(table([[name, one_line(value)] for name, value in _facts(status)]))
    lines += [f"\nProblem: {one_line(problem)}" for problem in status.problems]
    if status.passed_over:
        lines += ["\nLooked at before, without success:", *_reasons(status.passed_over)]
    if status.not_asked:
        lines += ["\nNot looked at, for they come after:", *(f"  {one_line(name)}" for name in status.not_asked)]
    return "\n".join(lines) + "\n"


def status_json(status: Status) -> str:
    """The same for scripts: null stands for what is not known."""
    holder = status.holder
    expiry = holder.expires_at if holder else None
    document: dict[str, Any] = {
        "found": holder is not None,
        "source": holder.source if holder else None,
        "kind": holder.kind if holder else None,
        "access_key": (holder.access_key if holder else "") or None,
        "user": (holder.user if holder else "") or None,
        "account": _named(status.account_id, status.account_name),
        "project": _named(status.project_id, status.project_name),
        "region": status.region or None,
        "hosts": {"modelarts": status.modelarts or None, "iam": status.iam or None},
        "expires_at": _time(expiry) if expiry is not None else None,
        "seconds_left": int(expiry - status.now) if expiry is not None else None,
        "renewed": holder.renewed if holder else False,
        "problems": list(status.problems),
        "passed_over": [{"source": name, "reason": reason} for name, reason in status.passed_over],
        "not_asked": list(status.not_asked),
    }
    return clean_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def _facts(status: Status) -> Iterator[tuple[str, str]]:
    holder = status.holder
    if holder is None:
        yield "credentials", "none"
    else:
        yield "source", holder.source
        yield "kind", holder.kind
        if holder.access_key:
            yield "access key", holder.access_key
        if holder.user:
            yield "user", holder.user
        yield "expires", _expiry(holder, status.now)
        yield "account", _both(status.account_name, status.account_id)
    yield "project", _both(status.project_name, status.project_id)
    yield "region", status.region or "not set"
    yield "ModelArts", status.modelarts or "not known: no region is set"
    yield "IAM", status.iam or "not known: no region is set"


def _expiry(holder: Holder, now: float) -> str:
    if holder.expires_at is None:
        return "not said" if holder.kind != "long-lived key" else "never"
    left = int(holder.expires_at - now)
    span = duration_text(abs(left) * 1000)
    text = f"{_time(holder.expires_at)}, {f'in {span}' if left > 0 else f'{span} ago'}"
    return f"{text}; renewed before" if holder.renewed else text


def _time(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return "in the far future"


def _both(name: str, identifier: str) -> str:
    return f"{name} ({identifier})" if name and identifier else name or identifier or "not known"


def _named(identifier: str, name: str) -> dict[str, str | None] | None:
    return {"id": identifier or None, "name": name or None} if identifier or name else None


def _reasons(passed_over: Sequence[tuple[str, str]]) -> Iterator[str]:
    return table([[one_line(name), one_line(reason)] for name, reason in passed_over], indent="  ")
