"""A plan as one HTML page for reviewers: everything in one file, which loads nothing. Pure but for its own templates.

Foreign text is escaped where it is put in, once, by the template engine; before that its secrets and controls are made
visible stand-ins, once, by `_shown`. A policy lets the browser obey the style and the script written here, known by
their digests, and nothing else. The page reads without its script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from provisioner import __version__
from provisioner.drift import Drift
from provisioner.errors import Diagnostic
from provisioner.model.address import Address
from provisioner.model.secrets import Secrets
from provisioner.plan import Action, Mode, Plan
from provisioner.views.block import header, remarks
from provisioner.views.clean import clean, clean_json
from provisioner.views.details import Attribute, Moved, attributes, moved, spec_diff
from provisioner.views.reported import Reported
from provisioner.views.review import Caution, Row, review_of
from provisioner.views.text import summary_line

# Above this many changes each has one line: what is behind it stands in the JSON.
MOST_IN_FULL = 2000
# Above this many characters the JSON stays in its own report.
MOST_JSON = 5_000_000

_GRAVE = frozenset({"REFUSED", "DATA LOSS", "removed", "REPLACED", "EXPOSED"})
_ENDS = 4
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A change as its row, and what is behind it."""

    id: str
    row: Row
    header: str = ""
    remarks: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    moves: tuple[Moved, ...] = ()
    operations: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Page:
    """What the template puts in. A caution comes with the id of the row that it is about, "" for none."""

    title: str
    stack: str
    verdict: str
    digest: str
    job: str
    saved_as: str
    file_name: str
    facts: tuple[tuple[str, str], ...]
    tiles: tuple[tuple[Action, int], ...]
    cautions: tuple[tuple[Caution, str], ...]
    rows: tuple[_Entry, ...]
    drift: tuple[tuple[str, tuple[Moved, ...]], ...]
    findings: tuple[Diagnostic, ...]
    unchanged: tuple[tuple[str, str], ...]
    brief: bool
    version: str = __version__


def html(reported: Reported) -> str:
    """The whole page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    secrets = reported.plan.secrets
    environment = Environment(
        loader=PackageLoader("provisioner.views"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown(secrets),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = _own("plan.css"), _own("plan.js")
    return environment.get_template("plan.html.j2").render(
        page=_page(reported),
        grave=_GRAVE,
        policy=_policy(style, script),
        style=style,
        script=script,
        document=_embedded(secrets.hidden(reported.document)),
    )


def _shown(secrets: Secrets) -> Callable[[Any], Any]:
    """What of a value is shown. Markup is our own and stays as it is."""

    def shown(value: Any) -> Any:
        is_text = isinstance(value, str) and not hasattr(value, "__html__")
        return clean(secrets.hidden(value)) if is_text else value

    return shown


def _own(name: str) -> str:
    return (files("provisioner.views") / "templates" / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """What the browser may do with the page: to show it."""
    rules = {
        "default-src": "'none'",
        "style-src": _source(style),
        "script-src": _source(script),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(document: Mapping[str, Any]) -> str:
    """JSON that cannot end the element that it stands in, and hides nothing from whoever reads it there; "" for more
    than a browser is to be burdened with.
    """
    text = clean_json(json.dumps(document, ensure_ascii=False, indent=1))
    if len(text) > MOST_JSON:
        return ""
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _page(reported: Reported) -> _Page:
    plan = reported.plan
    review = review_of(plan)
    brief = len(review.rows) > MOST_IN_FULL
    drifts = {drift.address: drift for drift in plan.drift}
    rows = tuple(_entry(number, row, drifts, brief=brief) for number, row in enumerate(review.rows, 1))
    ids = {entry.row.address: entry.id for entry in rows}
    actions = Counter(row.step.action for row in review.rows)
    return _Page(
        title=f"Plan of {plan.stack}",
        stack=plan.stack,
        verdict=f"{summary_line(plan)}{' It is refused.' if plan.refused else ''}",
        digest=reported.digest if reported.approvable else "",
        job=_job(reported.origin.job_url),
        saved_as=reported.saved_as,
        file_name=f"{_NOT_IN_NAMES.sub('_', plan.stack)}.plan.json",
        facts=tuple((term, text) for term, text in _facts(reported) if text),
        tiles=tuple((action, actions[action]) for action in Action if actions[action]),
        cautions=tuple((each, ids.get(each.address, "")) for each in review.cautions if each.word != "WARNING"),
        rows=rows,
        drift=tuple((str(drift.address), tuple(moved(drift))) for drift in plan.drift),
        findings=(*plan.refusals, *plan.warnings),
        unchanged=tuple((str(step.address), step.note) for step in plan.steps if step.action is Action.NO_OP),
        brief=brief,
    )


def _entry(number: int, row: Row, drifts: Mapping[Address, Drift], *, brief: bool) -> _Entry:
    identity, step = f"change-{number}", row.step
    if brief:
        return _Entry(identity, row)
    drift = drifts.get(step.address)
    return _Entry(
        identity,
        row,
        header=header(step),
        remarks=tuple(remarks(step)),
        attributes=tuple(attributes(step)),
        moves=tuple(moved(drift)) if drift else (),
        operations=tuple(map(step.told, step.operations)),
        diff=spec_diff(step),
    )


def _facts(reported: Reported) -> Iterator[tuple[str, str]]:
    plan, origin = reported.plan, reported.origin
    yield "Environment", reported.environment
    yield "Region", reported.region
    yield "Project", _masked(reported.project_id)
    yield "State", _serials(plan)
    yield "Mode", "" if plan.mode is Mode.NORMAL else plan.mode
    yield "Created", datetime.fromtimestamp(plan.made_at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    yield "Branch", origin.branch
    yield "Commit", origin.commit
    yield "Author", origin.author
    yield "Saved plan", reported.saved_as


def _serials(plan: Plan) -> str:
    """The serial now, and after an apply: one that records nothing leaves it."""
    records = plan.pending or plan.rebased or plan.refreshed
    return f"serial {plan.serial} → {plan.serial + 1}" if records else f"serial {plan.serial}"


def _masked(identifier: str) -> str:
    """Enough to tell one project from another."""
    return f"{identifier[:_ENDS]}…{identifier[-_ENDS:]}" if len(identifier) > 2 * _ENDS else "…" if identifier else ""


def _job(url: str) -> str:
    """Where a reader may go back to the job that made this; only what a browser opens safely is a link."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme == "https" and parts.hostname and "@" not in parts.netloc else ""
