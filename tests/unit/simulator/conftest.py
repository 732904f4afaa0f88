"""One simulator for all tests of this directory, as good as new and with its clock standing still for each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.simulator.client import Api, sandbox


@pytest.fixture(scope="session")
def _shared() -> Iterator[Api]:
    with sandbox("--quota", "60") as ready:
        api = Api(ready)
        yield api
        api.close()


@pytest.fixture
def api(_shared: Api) -> Api:
    _shared.control("POST", "/reset")
    _shared.control("POST", "/clock", {"frozen": True})
    return _shared
