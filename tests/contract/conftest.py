"""One simulator for all tests of this directory that can share one, as good as new for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.clock import SystemClock
from provisioner.provider.credentials import find_credentials, read_scope
from provisioner.provider.iam import connect
from provisioner.provider.modelarts import ModelArtsNotebooks
from tests.contract.lab import Lab
from tests.contract.sandbox import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def provider(shared_sandbox: Sandbox) -> Iterator[ModelArtsNotebooks]:
    credentials = find_credentials(shared_sandbox.environ).credentials
    scope = read_scope(shared_sandbox.environ)
    with connect(credentials, scope, SystemClock()) as (client, project_id):
        yield ModelArtsNotebooks(client, project_id)


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def lab(sandbox: Sandbox, provider: ModelArtsNotebooks, tmp_path: Path) -> Lab:
    return Lab(sandbox, provider, tmp_path)
