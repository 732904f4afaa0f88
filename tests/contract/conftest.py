"""One simulator for all tests of this directory that can share one, as good as new for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.clock import SystemClock
from provisioner.provider.client import Client
from provisioner.provider.environment import read_scope
from provisioner.provider.iam import connect
from provisioner.provider.modelarts import ModelArtsNotebooks
from provisioner.provider.offers import ModelArtsOffers
from provisioner.provider.sources import find_credentials, surroundings_of
from tests.contract.lab import Lab
from tests.contract.sandbox import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def client(shared_sandbox: Sandbox) -> Iterator[tuple[Client, str]]:
    """Signed in, and for which project."""
    scope = read_scope(shared_sandbox.environ)
    credentials = find_credentials(surroundings_of(shared_sandbox.environ, scope)).credentials
    with connect(credentials, scope, SystemClock()) as connected:
        yield connected


@pytest.fixture(scope="session")
def provider(client: tuple[Client, str]) -> ModelArtsNotebooks:
    return ModelArtsNotebooks(*client)


@pytest.fixture(scope="session")
def offers(client: tuple[Client, str]) -> ModelArtsOffers:
    return ModelArtsOffers(*client)


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def lab(sandbox: Sandbox, provider: ModelArtsNotebooks, offers: ModelArtsOffers, tmp_path: Path) -> Lab:
    return Lab(sandbox, provider, offers, tmp_path)
