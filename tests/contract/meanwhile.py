"""What happens between two edits: others at the console, leases that end, power by hand, an unwell service.

Each is random, and each leaves the campaign something to prove at its next plan.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

from provisioner.cli.by_hand import Order, carry_out
from provisioner.cli.options import Request
from provisioner.errors import PlanRefused
from provisioner.model.address import Address
from provisioner.planning.power import extending, starting, stopping
from tests.contract.sandbox import Sandbox

HOUR_MS = 3_600_000
# Variants of the service (docs/simulator.md); each campaign meets some of them.
SWITCHES = {
    "S1": (False, True),
    "S4": (False, True),
    "S5": (False, True),
    "S6": (False, True),
    "S8": (False, True),
    "S9": (False, True),
    "S10": (False, True),
    "S16": (False, True),
}
# What may become of one request of each kind, once.
UNWELL: tuple[dict[str, Any], ...] = {"effect": "throttle", "retry_after": "0"}, {"effect": "lose", "how": "drop"}
CALLS = ("create", "update", "delete", "start", "stop", "create-tags", "attach-storage", "list", "renew-lease")


def variant(sandbox: Sandbox, chance: random.Random) -> dict[str, bool]:
    """Some switches of the service, at random."""
    chosen = {number: chance.choice(values) for number, values in SWITCHES.items()}
    sandbox.switch(**chosen)
    return chosen


def at_the_console(sandbox: Sandbox, chance: random.Random, released: Collection[str]) -> None:
    """Somebody else changes something, or the service does. `released` instances are nobody's here."""
    notebook = chance.choice(sandbox.notebooks())
    identifier, tags = notebook["id"], notebook["tags"]
    match chance.randrange(6):
        case 0:
            sandbox.drift(identifier, tags=[*tags, {"key": "foreign", "value": "1"}])
        case 1:
            sandbox.drift(identifier, tags=[*tags, {"key": "cost-centre", "value": "42"}])
        case 2:
            sandbox.drift(identifier, name="renamed-outside")
        case 3 if notebook["status"] == "RUNNING":
            sandbox.happen(identifier, "idle-stop")
        case 4 if identifier not in released:
            sandbox.happen(identifier, "vanish")
        case _:
            sandbox.drift(identifier, token="another", update_at=1)


def unwell(sandbox: Sandbox, chance: random.Random) -> None:
    """One request of a few kinds is turned away, or done without an answer."""
    for operation in chance.sample(CALLS, 3):
        sandbox.fault(operation, nth=chance.randint(1, 3), **chance.choice(UNWELL))


@dataclass(frozen=True, slots=True)
class ByHand:
    """One `start`, `stop` or `extend` of some notebooks."""

    verb: str
    addresses: tuple[Address, ...]
    hours: int

    @classmethod
    def of(cls, recorded: Collection[str], chance: random.Random) -> ByHand:
        chosen = chance.sample(sorted(recorded), 2)
        addresses = tuple(address for address in map(Address.parse, chosen) if address is not None)
        return cls(chance.choice(["start", "stop", "extend"]), addresses, chance.randint(1, 70))

    def carried_out(self, request: Request) -> bool:
        """Whether it was done; False when the command refused all of it."""
        decide = {"start": starting, "stop": stopping, "extend": extending(self.hours * HOUR_MS)}[self.verb]
        order = Order(f"OperationType{self.verb.title()}", tuple(map(str, self.addresses)), decide)
        try:
            with redirect_stdout(StringIO()):
                code = carry_out(order, request)
        except PlanRefused:
            return False
        assert code == 0, self
        return True
