"""The long campaign of random edits: a stack of forty notebooks that uses every feature, edited, applied, audited.

    python benchmarks/edits.py [--edits 200] [--seed N]

Prints what was done as JSON; ends with a traceback at the first thing that is not as it must be.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.contract.campaign import Campaign
from tests.contract.sandbox import running_sandbox


def main() -> None:
    parser = argparse.ArgumentParser(description="The long campaign of random edits.")
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, running_sandbox() as sandbox:
        campaign = Campaign(Path(scratch), sandbox, given.seed)
        with campaign.entered():
            campaign.begin()
            for number in range(given.edits):
                try:
                    campaign.edit()
                except Exception as error:
                    error.add_note(f"seed {given.seed}, edit {number + 1}")
                    raise
    print(campaign.report.text())
    print(f"seed {given.seed}, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
