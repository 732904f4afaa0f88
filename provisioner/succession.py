"""Which instance takes the place of which at one address, and which of them is still to be deleted. Pure.

An instance leaves the record of its address only when it is known to be gone: whatever a run dies of, every instance
stands in the record that the next run reads.
"""

from __future__ import annotations

from provisioner.model.observation import GONE
from provisioner.state.document import Deposed, Record


def succeeded(record: Record, former: Record | None) -> Record:
    """`record`, of a new instance, in the place of `former`, whose instances are deposed."""
    if former is None:
        return record
    mine = () if former.status == GONE else (_deposed(former),)
    return record.model_copy(update={"deposed": (*former.deposed, *mine)})


def restored(former: Record, failed: Record) -> Record:
    """`former` again in its place, when the instance that had taken it failed to come up; that one is deposed."""
    return former.model_copy(update={"deposed": (*former.deposed, _deposed(failed))})


def ended(record: Record) -> Record | None:
    """What stands in the place of `record` once its instance is gone: those that are still to be deleted, if any."""
    return record.model_copy(update={"status": GONE}) if record.deposed else None


def disposed(record: Record, identifier: str) -> Record | None:
    """`record` without the deposed instance of that id, which is gone."""
    left = tuple(deposed for deposed in record.deposed if deposed.id != identifier)
    return None if record.status == GONE and not left else record.model_copy(update={"deposed": left})


def _deposed(record: Record) -> Deposed:
    return Deposed(id=record.id, workspace_id=record.workspace_id)
