"""Everything a simulator holds: options as they are now, clock, identity, images and notebooks. No operations."""

from __future__ import annotations

import uuid
from dataclasses import replace

from provisioner.simulator import catalog, lease
from provisioner.simulator.clock import Clock
from provisioner.simulator.identity import Identity
from provisioner.simulator.options import Options
from provisioner.simulator.record import JsonObject, Notebook
from provisioner.simulator.rules import stored_volume
from provisioner.simulator.store import Store
from provisioner.simulator.wire import ServiceError, notebook_body, refused


class World:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.region = options.account.region
        self.switches = options.switches
        self.settings = options.settings
        self.clock = Clock()
        self.identity = Identity(options.account)
        self.store = Store(self.identity.user_id)
        self.saved_images: dict[str, JsonObject] = {}

    @property
    def images(self) -> dict[str, JsonObject]:
        return catalog.IMAGES | self.saved_images if self.saved_images else catalog.IMAGES

    def settle(self) -> int:
        """Let time do its work; the time it is now."""
        now = self.clock.now()
        self.store.settle(now, self.settings.stop_ms)
        return now

    def notebook(self, notebook_id: str, now: int) -> Notebook:
        notebook = self.store.find(notebook_id)
        if notebook is None or notebook.visible_at > now:
            raise self.not_found("notebook", notebook_id)
        return notebook

    def not_found(self, what: str, identifier: str) -> ServiceError:
        """Something missing is status 400 with a code, not 404 (API page 16.2); switch S11 has the other forms."""
        message = f"The {what} {identifier} cannot be found."
        if self.switches.not_found == "404":
            return ServiceError(404, "ModelArts.6404", message)
        return refused(self.switches.not_found, message)

    def shown(self, notebook: Notebook, now: int) -> JsonObject:
        return notebook_body(notebook, now, self.switches, self.region)

    def reset(self) -> None:
        """As after a start without data, options included."""
        fresh = World(self.options)
        self.switches, self.settings, self.clock = fresh.switches, fresh.settings, fresh.clock
        self.identity.tokens.clear()
        self.identity.temporary_keys.clear()
        self.saved_images.clear()
        self.store.clear()
        self.seed(self.options.seed_instances)

    def seed(self, count: int) -> None:
        """Notebooks that are running already, whatever the quota says."""
        now = self.clock.now()
        for number in range(count):
            self.store.put(self._seeded(number, now - count + number), now)

    def _seeded(self, number: int, created: int) -> Notebook:
        granted = lease.granted(lease.LeaseRequest(lease.NEVER), created)
        return Notebook(
            id=str(uuid.UUID(catalog.hexadecimal("seed", str(number)))),
            name=f"seed-{number}",
            description="",
            feature="NOTEBOOK",
            flavor="modelarts.vm.cpu.2u",
            image=catalog.IMAGES["e1a07296-22a8-4f05-8bc8-e936c8e54090"],
            status="RUNNING",
            create_at=created,
            update_at=created,
            workspace_id="0",
            user_id=self.identity.user_id,
            user=self.identity.user,
            token=new_token(),
            volume=stored_volume({"category": "EVS", "ownership": "MANAGED"}),
            lease=replace(granted, create_at=created),
        )


def new_token() -> str:
    """The notebook's own access token; a new one comes with every start (API page 3)."""
    return str(uuid.uuid4())
