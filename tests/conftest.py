"""Options and settings of the whole test run. Fixtures stand beside the tests that use them."""

from __future__ import annotations

import os
import re
import signal

import hypothesis
import pytest

# The same examples in every run and no limit on an example's time: a gate must not fail by chance or by a slow machine.
# `pytest --hypothesis-profile default` explores.
hypothesis.settings.register_profile("gate", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("gate")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what the scenarios print into their golden files; read the difference before you commit it",
    )


@pytest.fixture(scope="session")
def update_golden(pytestconfig: pytest.Config) -> bool:
    """Whether golden files are written instead of compared."""
    return bool(pytestconfig.getoption("--update-golden"))


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background ignores Ctrl-C for them, and so would the commands they start:
    # the tests of interrupts need what a person at a terminal has.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What a pipeline or a person's shell has set is not for the tests: a command asks nobody under CI, and writes into the
# files that GitHub names. A test that is about a variable sets it. PROVISIONER_CHECKOV is the tests' own.
_FOREIGN = re.compile(
    r"(?!PROVISIONER_CHECKOV$)"
    r"(CI|(CI|GITHUB|GITLAB|TF|HW|HUAWEICLOUD|OS|PROVISIONER)_.*|NO_COLOR|FORCE_COLOR|CLICOLOR_FORCE)"
)
for _name in [name for name in os.environ if _FOREIGN.fullmatch(name)]:
    del os.environ[_name]
