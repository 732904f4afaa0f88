"""What is recorded at the address of one step while it is under way: in the ledger at once, on the disk by the journal.

Nothing is sent here, and no secret gets past here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.model.observation import GONE, Observation
from provisioner.model.secrets import Secrets
from provisioner.operations import Operation, OperationKind
from provisioner.plan import Step, record_of
from provisioner.run.desk import Ledger
from provisioner.state.document import Pending, Record
from provisioner.succession import disposed, ended, restored, succeeded

_PASSING_STATUS = {
    OperationKind.STOP: "STOPPING",
    OperationKind.START: "STARTING",
    OperationKind.DELETE: "DELETING",
}
# A stop does (API page 11), and what is started had been stopped, if not by us.
_DROPPING_MOUNTS = frozenset({OperationKind.STOP, OperationKind.START})


@dataclass(frozen=True, slots=True)
class Place:
    """Which instance, and where: the service wants to be told both."""

    id: str
    workspace_id: str


class Recording:
    """The record of one address. A step of ours has `own`, the instance that stands there, and may have others that
    were deposed.
    """

    def __init__(self, step: Step, ledger: Ledger, secrets: Secrets) -> None:
        self._step = step
        self._address = str(step.address)
        self._ledger = ledger
        self._secrets = secrets
        self._former: Record | None = None
        self.record = ledger.records.get(self._address) or step.record
        self.own = Place(step.id, step.workspace_id)

    def place_of(self, operation: Operation | None) -> Place:
        """The instance that `operation` is about."""
        if operation is None or not operation.deposed:
            return self.own
        deposed = self.record.deposed if self.record else ()
        workspaces = {each.id: each.workspace_id for each in deposed}
        return Place(operation.deposed, workspaces.get(operation.deposed, self.own.workspace_id))

    def accepted(self, operation: Operation) -> None:
        """A call was accepted; what the service makes of it is seen later. What was sent counts as applied from here
        on: some of it no answer will ever tell.
        """
        record = self.record
        assert record is not None  # noqa: S101 - what is changed was recorded
        update: dict[str, Any] = {"incomplete": True}
        if not operation.deposed:
            update["status"] = _PASSING_STATUS.get(operation.kind, record.status)
            if operation.kind is OperationKind.UPDATE:
                update["attributes"] = _with_sent(record.attributes, operation.values)
            if operation.kind in _DROPPING_MOUNTS:
                update["observed"] = {name: value for name, value in record.observed.items() if name != "storages"}
        self._keep(record.model_copy(update=update))

    def created(self, record: Record, workspace: str) -> None:
        """Another instance takes the place; the one before it is recorded until it is gone."""
        self._former = self.record
        self.own = Place(record.id, workspace)
        update = {"incomplete": True, "protected": self._step.protected}
        self._keep(succeeded(record.model_copy(update=update), self._former))

    def failed(self, operation: Operation, seen: Observation | None) -> bool:
        """What `operation` came to when its goal is out of reach. Whether the instance before it has its place again:
        one that was to be replaced by one that never ran.
        """
        record = self.record
        if operation.deposed or record is None:
            return False
        if operation.kind is OperationKind.CREATE and self._former is not None and self._former.status != GONE:
            self._keep(restored(self._former, record))
            return True
        if seen is not None:
            self._keep(record_of(seen, record.attributes, record).model_copy(update={"incomplete": True}))
        return False

    def gone(self, operation: Operation) -> None:
        """The instance that `operation` is about does not exist any more."""
        if operation.deposed:
            self._keep(disposed(self.record, operation.deposed) if self.record else None)
            return
        self.own = Place("", self.own.workspace_id)
        self._keep(ended(self.record) if self.record else None)

    def completed(self, seen: Observation) -> None:
        """All is done, and the service shows `seen`."""
        record = record_of(seen, self._step.after, self.record)
        self._keep(record.model_copy(update={"protected": self._step.protected}))

    def pending(self, now: float, body: Mapping[str, Any]) -> Pending:
        """A create that is about to be sent."""
        return Pending(address=self._address, at=now, body=dict(body)).hidden(self._secrets)

    def keep_open(self, pending: Pending) -> None:
        """Nobody knows what came of a create: that it was sent is recorded until it is known."""
        self._ledger.pending.append(pending)

    def settle(self, pending: Pending) -> None:
        self._ledger.pending.remove(pending)

    def _keep(self, record: Record | None) -> None:
        self.record = record.hidden(self._secrets) if record else None
        self._ledger.records[self._address] = self.record


def _with_sent(attributes: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """`attributes` with the values of a PUT, where the secret of the volume stands at the top (API page 7.3)."""
    merged = {**attributes, **sent}
    if secret := merged.pop("dew_secret_name", None):
        merged["volume"] = {**attributes.get("volume", {}), "dew_secret_name": secret}
    return merged
