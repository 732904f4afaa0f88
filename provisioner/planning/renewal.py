"""What is to be recorded of instances that are there, whatever becomes of them: by what the service says now. Pure.

An instance never leaves the records unless it is known to be gone, and no record holds a secret.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.model.address import Address
from provisioner.model.observation import GONE, Observation
from provisioner.model.secrets import Secrets
from provisioner.plan import Action, Reason, Step, record_of
from provisioner.planning.by_hand import still_by_hand
from provisioner.planning.restructure import Restructured
from provisioner.state.document import Deposed, Record, State
from provisioner.succession import restored

Live = Mapping[str, Observation | None]


@dataclass(frozen=True, slots=True)
class Sight:
    """What is recorded, and what the service says of it.

    live     by recorded address, None when the instance is gone
    deposed  by id, None when the instance is gone
    """

    state: State
    live: Live
    deposed: Live

    def record(self, address: Address) -> Record | None:
        return self.state.resources.get(str(address))

    def observation(self, address: Address) -> Observation | None:
        """The instance, None when there is none."""
        return _existing(self.live.get(str(address)))

    def leftovers(self, record: Record | None) -> tuple[Observation, ...]:
        """The deposed instances of a record that still exist. One that nobody asked the service for counts as such."""
        found = (_existing(self._of(each)) for each in (record.deposed if record else ()))
        return tuple(each for each in found if each is not None)

    def _of(self, each: Deposed) -> Observation | None:
        unasked = Observation(id=each.id, status="RUNNING", workspace_id=each.workspace_id)
        return self.deposed.get(each.id, unasked)


def reinstated(sight: Sight) -> Sight:
    """The same where a deposed instance has its place again, since its successor is gone or never came up: it may hold
    the only copy of somebody's data, and there is one instance for each address.
    """
    records: dict[str, Record | None] = {}
    live, deposed = dict(sight.live), dict(sight.deposed)
    for text, record in sight.state.resources.items():
        successor = _existing(live.get(text))
        never_ran = successor is None or successor.status == "CREATE_FAILED"
        if never_ran and (leftovers := sight.leftovers(record)):
            heir, *others = leftovers
            # What was applied to it is not known any more, so nothing is.
            fresh = Record(id=heir.id, status=heir.status, protected=record.protected)
            fresh = fresh.model_copy(update={"deposed": _those(record, others)})
            records[text] = fresh if successor is None else restored(fresh, record)
            live[text], deposed[record.id] = heir, successor
    return Sight(sight.state.with_records(records), live, deposed)


def renewed(
    sight: Sight, steps: Mapping[Address, Step], chosen: Collection[Address], secrets: Secrets
) -> dict[str, Record | None]:
    """By address the record that its instance gives now, None when it is gone."""
    found: dict[str, Record | None] = {}
    for address in sorted(chosen):
        record, observation = sight.record(address), sight.observation(address)
        if record is None or str(address) not in sight.live:
            continue
        fresh = None
        if observation is not None:
            fresh = _fresh(record, observation, sight.leftovers(record), steps.get(address), secrets)
            fresh = fresh.hidden(secrets)
        found[str(address)] = fresh
    return found


def _existing(observation: Observation | None) -> Observation | None:
    return None if observation is None or observation.status == GONE else observation


def _fresh(
    record: Record, observation: Observation, leftovers: Sequence[Observation], step: Step | None, secrets: Secrets
) -> Record:
    """Where live already is as declared, what is declared becomes what was applied, and what a run left unfinished is
    finished.
    """
    update: dict[str, Any] = {"deposed": _those(record, leftovers)}
    if step is None or not step.after:
        return record_of(observation, record.attributes, record).model_copy(update=update)
    agreed = _leaves_nothing_to_do(step)
    update["incomplete"] = record.incomplete and not agreed
    update["by_hand"] = still_by_hand(record, step.after, observation, secrets)
    if _is_record_alone(step):
        update["protected"] = step.protected
    return record_of(observation, _applied(step, record, agreed=agreed), record).model_copy(update=update)


def _those(record: Record, existing: Sequence[Observation]) -> tuple[Deposed, ...]:
    ids = {each.id for each in existing}
    return tuple(each for each in record.deposed if each.id in ids)


def _leaves_nothing_to_do(step: Step) -> bool:
    return not step.operations and step.reason is not Reason.BLOCKED


def _applied(step: Step, record: Record, *, agreed: bool) -> Mapping[str, Any]:
    """The attributes that count as applied. Of an instance that is taken over, what is as declared by then."""
    if agreed:
        return step.after
    if step.imported:
        return {name: value for name, value in step.before.items() if name in step.after}
    return record.attributes


def _is_record_alone(step: Step) -> bool:
    return step.action in {Action.UPDATE, Action.IMPORT, Action.MOVE} and not step.operations


def rebased(
    base: Restructured, renewals: Mapping[str, Record | None], steps: Mapping[Address, Step]
) -> dict[str, Record | None]:
    """What is to be written before anything is sent: records that move, begin or end, and those whose step is nothing
    but a record.
    """
    alone = [address for address, step in steps.items() if _is_record_alone(step)]
    found: dict[str, Record | None] = {str(old): None for old in base.moved.values()}
    for address in (*base.moved, *sorted(base.imported), *alone):
        if address in steps:
            text = str(address)
            found[text] = renewals.get(text, base.state.resources.get(text))
    return found | {str(address): None for address in base.forgotten if address in steps}
