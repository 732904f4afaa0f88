"""Until when a notebook runs, in words."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.model.address import Address
from provisioner.views.lease import lease_text
from tests.builders import HOUR_MS, NOW_MS, instance

EIGHT = {"enable": True, "create_at": NOW_MS, "update_at": NOW_MS, "duration": 8 * HOUR_MS}


@pytest.mark.parametrize(
    ("lease", "expected"),
    [
        ({**EIGHT, "type": "TIMING"}, "runs until 2025-10-09 16:53:20 UTC (7h30m0s from now)."),
        (EIGHT, "runs until 2025-10-09 16:53:20 UTC (7h30m0s from now)."),
        ({**EIGHT, "duration": HOUR_MS // 4}, "runs until 2025-10-09 09:08:20 UTC (0s from now)."),
        ({**EIGHT, "type": "IDLE"}, "stops once nobody used it for 8h."),
        ({"enable": False, "duration": -1}, "has no auto stop: it runs, and costs, until somebody stops it."),
        ({"enable": True}, "runs; the service does not tell until when."),
        (None, "runs; the service does not tell until when."),
    ],
)
def test_what_ends_a_run_is_told(lease: dict[str, Any] | None, expected: str) -> None:
    """Half an hour after a lease began to count."""
    running = instance(lease=lease)
    assert f"notebook.alice {expected}" == lease_text(Address("alice"), running, NOW_MS / 1000 + 1800)
