"""Holds a saved plan against what was approved, where it is to be carried out, the state and the service. Pure.

Each check raises PlanRefused: nothing was sent then, and nothing written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provisioner.errors import Diagnostic, PlanRefused, SourceRange, UsageError
from provisioner.model.marker import is_of
from provisioner.model.observation import GONE, Observation
from provisioner.model.secrets import Secrets
from provisioner.operations import OperationKind, waiting
from provisioner.plan import Action, Plan, Step, as_argument
from provisioner.planfile.canonical import PREFIX, canonical
from provisioner.planfile.document import document_of_read
from provisioner.planfile.reading import SavedPlan
from provisioner.planning.secrecy import recalled
from provisioner.planning.steps import seen
from provisioner.state.backend import Snapshot
from provisioner.state.document import Cloud, Record, State

_AGAIN = "plan again, and have that approved"
_STATE_CHANGED = "the state changed since the plan was made"
_SHOWN = 10
_LONGEST = 200
_ABSENT: Any = object()


def check_approved(saved: SavedPlan, approved: str) -> None:
    """The plan is the one that somebody approved, by its digest."""
    digest = approved.strip().lower().removeprefix(PREFIX)
    if not re.fullmatch("[0-9a-f]{64}", digest):
        hint = "as plan --out prints it: sha256: and 64 hexadecimal digits"
        raise UsageError("--approved-digest is no digest of a plan", hint=hint)
    if PREFIX + digest != saved.header.digest:
        detail = f"It has the digest {saved.header.digest}; approved was {PREFIX}{digest}."
        raise _refused("E708", "another plan was approved than this one", detail, "apply the file that was approved")


def check_cloud(saved: SavedPlan, cloud: Cloud) -> None:
    planned = saved.header.cloud
    if planned == cloud:
        return
    differ = [name for name in ("region", "project_id") if getattr(planned, name) != getattr(cloud, name)]
    detail = "\n".join(f"{name}: planned {getattr(planned, name)}, here {getattr(cloud, name)}" for name in differ)
    hint = "use the credentials and the region that it was planned with"
    raise _refused("E705", "the plan was made for another project or region", detail, hint)


def check_state(saved: SavedPlan, snapshot: Snapshot) -> None:
    """The state is the one that was planned on."""
    plan, state, serial = saved.plan, snapshot.state, snapshot.stored_serial
    found = {
        "lineage": (plan.lineage, state.lineage),
        "serial": (plan.serial, serial),
        "digest": (saved.header.state_digest, state.digest),
    }
    differ = [f"{name}: planned {was}, now {now}" for name, (was, now) in found.items() if was != now]
    if not differ:
        return
    if plan.serial and not snapshot.stored_digest:
        detail = f"It was made on serial {plan.serial} of lineage {plan.lineage}; here nothing is recorded."
        hint = "run it in the directory that it was planned in, with the same provisioner.yaml"
        raise _refused("E702", _STATE_CHANGED, detail, hint)
    wanted = _wanted(plan, state) if plan.lineage == state.lineage else {}
    done = [text for text, there in wanted.items() if there]
    if done and len(done) == len(wanted):
        detail = f"The state is at serial {serial} and shows all that it asked for."
        raise _refused("E701", "this plan was carried out already", detail, "there is nothing to do; plan again")
    if done:
        differ.append(f"Of its {len(wanted)} changes {len(done)} are there: {', '.join(done[:_SHOWN])}.")
    if snapshot.has_journal:
        differ.append("A run was cut off, and what it did stands in its journal alone.")
    hint = f"{_AGAIN}; or provisioner apply, which plans anew what is left" if done or snapshot.has_journal else _AGAIN
    raise _refused("E702", _STATE_CHANGED, "\n".join(differ), hint)


def _wanted(plan: Plan, state: State) -> dict[str, bool]:
    """The addresses where the plan asks for something, and whether the state shows that by now."""
    if plan.pending:
        return {str(step.address): _shows(plan, step, state.resources.get(str(step.address))) for step in plan.pending}
    return {text: state.resources.get(text) == record for text, record in plan.refreshed.items()}


def check_shown(saved: SavedPlan, state: State) -> None:
    """What people and policies read in the file is what its steps do: it is written anew and compared."""
    again = document_of_read(saved.plan, state, saved.header.basis)
    if again["provisioner"]["digest"] == saved.header.digest:
        return
    differ = (path for path, *_ in _paths(saved.document, again, in_lists=True) if path != "provisioner.digest")
    detail = f"{next(differ, '')}: the file says otherwise than its steps do. Nothing was changed."
    raise _refused("E704", "the plan was altered", detail, "make it again: provisioner plan --out FILE")


def touched(plan: Plan, state: State) -> dict[str, Record]:
    """By address the recorded instances that the plan changes, removes or takes over; and those that it takes to be
    gone.
    """
    found = {text: state.resources[text] for text in _gone(plan) if text in state.resources}
    for step in _touching(plan):
        places = (str(step.address), str(step.moved_from) if step.moved_from else "")
        recorded = next((state.resources[place] for place in places if place in state.resources), None)
        record = recorded or step.record or plan.rebased.get(str(step.address))
        if record is not None:
            found[str(step.address)] = record
    return found


def mounting(plan: Plan) -> set[str]:
    """The addresses whose mounts were looked at."""
    return {str(step.address) for step in _touching(plan) if step.before.get("storages")}


def creating_in(plan: Plan) -> set[str]:
    """The workspaces in which the plan creates something: it may be there by now."""
    return {str(step.after.get("workspace_id", "0")) for step in plan.pending if step.action is Action.CREATE}


def check_live(
    plan: Plan, live: Mapping[str, Observation | None], strays: Sequence[Observation], secrets: Secrets
) -> None:
    """Every instance that the plan touches looks as it was planned on."""
    found: dict[str, list[str]] = {text: list(_still_there(live.get(text))) for text in _gone(plan)}
    for step in _touching(plan):
        differ = _differences(step, live.get(str(step.address)), secrets)
        found[str(step.address)] = [*differ, *_made_meanwhile(step, strays)]
    sources = {str(step.address): step.source for step in plan.steps}
    problems = tuple(_moved_on(text, lines, sources.get(text)) for text, lines in found.items() if lines)
    if problems:
        raise PlanRefused(problems)


def all_secrets(plan: Plan, state: State, live: Mapping[str, Observation | None], secrets: Secrets) -> Secrets:
    """`secrets` and those that the plan does not send while the service shows them: no record may hold them."""
    secrets = recalled(secrets, state, live)
    for step in plan.steps:
        if (observation := live.get(str(step.address))) is not None:
            secrets = secrets.recalled(step.before, observation.attributes())
            secrets = secrets.recalled(step.after, observation.attributes())
    return secrets


def file_warnings(saved: SavedPlan, now: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """That files are not any more what the plan was made from; `now` has their digests."""
    changed = [name for name, digest in saved.header.files.items() if now.get(name) != digest]
    if not changed:
        return ()
    detail = "\n".join([*changed[:_SHOWN], "…"] if len(changed) > _SHOWN else changed)
    hint = "what the plan says is carried out; the next plan shows the rest"
    return (Diagnostic("W709", "files that the plan was made from changed since", detail, hint, severity="warning"),)


def _moved_on(address: str, lines: Sequence[str], source: SourceRange | None) -> Diagnostic:
    shown = [*lines[:_SHOWN], "…"] if len(lines) > _SHOWN else lines
    summary = f"{address} is not any more what the plan was made for"
    detail = "\n".join([*shown, "Nothing was changed."])
    return Diagnostic("E703", summary, detail, _AGAIN, address=address, range=source)


def _gone(plan: Plan) -> list[str]:
    """The addresses whose record the plan drops, because their instance was not there."""
    return [text for text, record in plan.refreshed.items() if record is None]


def _touching(plan: Plan) -> Iterator[Step]:
    return (step for step in plan.pending if step.operations or step.action is Action.IMPORT)


def _shows(plan: Plan, step: Step, record: Record | None) -> bool:
    """Whether a step was carried out, by what is recorded at its address now."""
    if step.action in {Action.DELETE, Action.FORGET}:
        return record is None
    if record is None or record.incomplete or record.deposed:
        return False
    if step.operations and record == _found(plan, step):
        return False  # whatever else was done, this was not
    if step.action in {Action.CREATE, Action.REPLACE} and record.id == step.id:
        return False
    done = {name: value for name, value in step.after.items() if name in record.attributes}
    return bool(done == record.attributes) and record.protected == step.protected


def _found(plan: Plan, step: Step) -> Record | None:
    """What any run that refreshes records of it, without doing anything to it."""
    text = str(step.address)
    return plan.rebased.get(text) or plan.refreshed.get(text) or step.record


def _differences(step: Step, observation: Observation | None, secrets: Secrets) -> Iterator[str]:
    if not step.before:
        yield from _still_there(observation)
    elif step.operations[:1] == (waiting(GONE),):
        return  # it was on its way out already
    elif observation is None or observation.status in {"DELETING", GONE}:
        yield f"id: planned {step.id}, live {'gone' if observation is None else observation.status}"
    else:
        if not observation.settled and not _waits(step):
            yield f"status: planned at rest, live {observation.status}"
        yield from _fields(step, seen(observation), secrets)


def _still_there(observation: Observation | None) -> Iterator[str]:
    """What was planned as gone may be back; what was being deleted may take its time."""
    if observation is not None and observation.status not in {"DELETING", GONE}:
        yield f"id: planned as gone, live {observation.id} ({observation.status})"


def _fields(step: Step, live: Mapping[str, Any], secrets: Secrets) -> Iterator[str]:
    # What nobody asked for when it was planned is not known.
    live = {name: value for name, value in live.items() if name != "storages" or "storages" in step.before}
    for path, planned, now in _paths(step.before, secrets.recalled(step.before, live).hidden(live)):
        sensitive = path.partition(".")[0] in step.sensitive
        yield f"{path}: changed" if sensitive else f"{path}: planned {_shown(planned)}, live {_shown(now)}"


def _waits(step: Step) -> bool:
    """Whether it was planned on an instance that was not at rest, and begins with waiting."""
    return bool(step.operations) and step.operations[0].kind is OperationKind.WAIT


def _made_meanwhile(step: Step, strays: Sequence[Observation]) -> Iterator[str]:
    if step.action is not Action.CREATE:
        return
    for stray in strays:
        if is_of(stray.marker, str(step.address)):
            adopt = f"provisioner import {as_argument(step.address)} {stray.id}"
            yield f"id: planned as not there, live {stray.id} carries its mark ({adopt} adopts it)"


def _paths(planned: Any, live: Any, path: str = "", *, in_lists: bool = False) -> Iterator[tuple[str, Any, Any]]:
    """The paths at which two JSON values differ; a list differs as a whole, or `in_lists` of one length
    at its elements.
    """
    if in_lists and isinstance(planned, list) and isinstance(live, list) and len(planned) == len(live):
        planned, live = (dict(zip(map(str, range(len(each))), each, strict=True)) for each in (planned, live))
    if not (isinstance(planned, Mapping) and isinstance(live, Mapping)):
        if planned is _ABSENT or live is _ABSENT or canonical(planned) != canonical(live):
            yield path, planned, live
        return
    for key in sorted({*planned, *live}):
        pair = (planned.get(key, _ABSENT), live.get(key, _ABSENT))
        yield from _paths(*pair, f"{path}.{key}" if path else key, in_lists=in_lists)


def _shown(value: Any) -> str:
    text = "absent" if value is _ABSENT else canonical(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _refused(code: str, summary: str, detail: str, hint: str) -> PlanRefused:
    return PlanRefused((Diagnostic(code, summary, detail, hint),))
