"""A stack of forty notebooks that uses every feature at once, edited at random (`campaign`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.campaign import Campaign
from tests.contract.sandbox import Sandbox


@pytest.mark.parametrize("seed", [1, 2])
def test_random_edits_converge(seed: int, sandbox: Sandbox, tmp_path: Path) -> None:
    """After every edit the plan is empty, no volume was lost without consent, and requests equal the plan's operations.

    `python benchmarks/edits.py` is the long form.
    """
    campaign = Campaign(tmp_path, sandbox, seed)
    with campaign.entered():
        campaign.begin()
        for _ in range(12):
            campaign.edit()
    assert 12 == campaign.report.edits
