"""Keeps the values of sensitive variables out of a saved plan, and puts them back before it is carried out. Pure.

In the file stands a digest in their place (`model.secrets`). What the operations send must be given again, by the
environment variables that the sensitive variables declare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner.diff import Change
from provisioner.drift import Drift
from provisioner.errors import Diagnostic, PlanRefused
from provisioner.model.secrets import NO_SECRETS, Secrets, digest_of, digests_in
from provisioner.plan import Plan, Step
from provisioner.spec.document import Giver

_Texts = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Needed:
    """A secret that the operations of a plan send: what stands in its place, and who can give it."""

    digest: str
    variable: str
    env: str


def hidden(plan: Plan) -> Plan:
    """`plan` without any secret."""
    return replace(_mapped(plan, plan.secrets.hidden), secrets=NO_SECRETS)


def revealed(plan: Plan, secrets: Secrets) -> Plan:
    """A hidden plan with `secrets` where they stood. Those that nobody gave stay hidden."""
    return replace(_mapped(plan, secrets.revealed), secrets=secrets)


def needed(plan: Plan, givers: Sequence[Giver]) -> tuple[Needed, ...]:
    """The secrets that the operations of a hidden plan send. Raises PlanRefused when one of them cannot be given to a
    later run.
    """
    found, problems = [], []
    for digest, step in _sent(plan):
        own = [giver for giver in givers if digest in giver.digests]
        giver = next((each for each in own if each.env), None)
        if giver:
            found.append(Needed(digest, giver.name, giver.env))
        else:
            problems.append(_not_givable(step, own[0].name if own else ""))
    if problems:
        raise PlanRefused(tuple(problems))
    return tuple(found)


def given(wanted: Sequence[Needed], environ: Mapping[str, str]) -> Secrets:
    """The values of `wanted` from the environment. Raises PlanRefused, naming every one that is missing or another."""
    texts, problems = [], []
    for each in wanted:
        names = [each.env, f"TF_VAR_{each.variable}"]
        values = [environ[name] for name in names if name in environ]
        right = next((value for value in values if digest_of(value) == each.digest), None)
        if right is not None:
            texts.append(right)
        else:
            problems.append(_not_given(each, there=bool(values)))
    if problems:
        raise PlanRefused(tuple(problems))
    return Secrets.of(texts)


def _sent(plan: Plan) -> Iterator[tuple[str, Step]]:
    """Each secret that an operation sends, with the first step that does."""
    told = set[str]()
    for step in plan.pending:
        for digest in sorted(digests_in([operation.values for operation in step.operations]) - told):
            told.add(digest)
            yield digest, step


def _not_givable(step: Step, variable: str) -> Diagnostic:
    if variable:
        summary = f"the sensitive variable `{variable}` has no environment variable, so its value cannot be given again"
        hint = f"declare one: `{variable}: {{sensitive: true, env: {variable.upper().replace('-', '_')}}}`"
    else:
        summary = "a value that was secret in an earlier run would be sent, and no variable holds it any more"
        hint = "give it by a sensitive variable with `env`"
    detail = f"{step.address} sends it. A plan file holds no secret: apply takes them from the environment."
    return Diagnostic("E707", summary, detail, f"{hint}; or apply without a plan file", address=str(step.address))


def _not_given(each: Needed, *, there: bool) -> Diagnostic:
    what = "has another value than when the plan was made" if there else "is not given"
    return Diagnostic(
        "E706",
        f"the sensitive variable `{each.variable}` {what}",
        "The plan sends its value, and a plan file holds no secret.",
        f"set the environment variable {each.env} to the value that it was planned with; or plan again",
    )


def _mapped(plan: Plan, texts: _Texts) -> Plan:
    """`plan` with `texts` applied wherever a value of a spec, of the service or a message stands. Records are kept:
    they never hold a secret.
    """
    return replace(
        plan,
        steps=tuple(_mapped_step(step, texts) for step in plan.steps),
        drift=tuple(_mapped_drift(each, texts) for each in plan.drift),
        warnings=tuple(_mapped_words(each, texts) for each in plan.warnings),
        refusals=tuple(_mapped_words(each, texts) for each in plan.refusals),
    )


def _mapped_step(step: Step, texts: _Texts) -> Step:
    return replace(
        step,
        operations=tuple(replace(each, values=texts(each.values)) for each in step.operations),
        changes=tuple(_mapped_change(each, texts) for each in step.changes),
        before=texts(step.before),
        after=texts(step.after),
        note=texts(step.note),
    )


def _mapped_change(change: Change, texts: _Texts) -> Change:
    return replace(change, live=texts(change.live), desired=texts(change.desired))


def _mapped_drift(drift: Drift, texts: _Texts) -> Drift:
    return replace(
        drift,
        recorded=texts(drift.recorded),
        live=texts(drift.live),
        changes=tuple(replace(each, recorded=texts(each.recorded), live=texts(each.live)) for each in drift.changes),
        reason=texts(drift.reason),
    )


def _mapped_words(found: Diagnostic, texts: _Texts) -> Diagnostic:
    return replace(
        found,
        summary=texts(found.summary),
        detail=texts(found.detail),
        hint=texts(found.hint),
        source_line=texts(found.source_line),
    )
