"""What is special to PostgreSQL: lost connections, rights, history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from provisioner.errors import StateError, StateLocked, StateUnreachable
from provisioner.state.postgres import KEPT, PostgresStores
from tests.contract.sandbox import Sandbox
from tests.contract.store_postgres import PostgresServer, running_postgres
from tests.contract.test_remote_state import Runner, content, info, numbered


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def stores(server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[PostgresStores]:
    with closing(PostgresStores(server.dsn, request.node.name)) as found:
        yield found


def admin(server: PostgresServer, statement: str) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def cut(server: PostgresServer) -> None:
    """End every connection but the one that asks."""
    admin(
        server,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND application_name = 'provisioner'",
    )


def test_a_lost_connection_gets_its_lock_again(server: PostgresServer, stores: PostgresStores) -> None:
    """Nobody took it since, and nobody wrote: the run goes on. The cut itself is no answer, and is told as that."""
    store = stores.of("lab")
    store.lock(info(1))
    version = store.write(content(numbered(1), info(1)), expected=None)
    cut(server)
    with pytest.raises(StateUnreachable):
        store.write(content(numbered(2), info(1)), expected=version)
    version = store.write(content(numbered(2), info(1)), expected=version)
    with pytest.raises(StateLocked, match="locked by another run"):
        stores.of("lab").lock(info(2))
    store.unlock(info(1))
    assert None is store.holder()


def test_a_lost_connection_whose_lock_another_took(server: PostgresServer, stores: PostgresStores) -> None:
    """What it wrote is not overwritten, and its holder is named."""
    first, second = stores.of("lab"), stores.of("lab")
    first.lock(info(1))
    version = first.write(content(numbered(1), info(1)), expected=None)
    cut(server)
    died = second.lock(info(2))
    assert died
    assert "lock-1" == died.id
    with pytest.raises(StateUnreachable):
        first.write(content(numbered(2), info(1)), expected=version)
    with pytest.raises(StateError) as caught:
        first.write(content(numbered(2), info(1)), expected=version)
    assert "racer2@far" in caught.value.detail


def test_the_last_generations_are_kept(stores: PostgresStores) -> None:
    """Of ends of runs alone; each can be read again."""
    store, version = stores.of("lab"), None
    last = 2 * KEPT
    for serial in range(1, last + 1):
        version = store.write(content(numbered(serial), keep=serial % 3 != 0), expected=version)
    kept = [each.serial for each in store.history()]
    assert [serial for serial in range(last, 0, -1) if serial % 3][:KEPT] == kept
    assert numbered(kept[0]).dumps().encode() == store.generation(store.history()[0])


def test_a_user_who_may_only_read(server: PostgresServer, stores: PostgresStores) -> None:
    """A plan in an untrusted pull request: it reads, and can neither lock nor write."""
    schema = stores.place.rpartition(" ")[2]
    store = stores.of("lab")
    store.write(content(numbered(1)), expected=None)
    admin(server, f'CREATE ROLE "reader_{schema}" LOGIN')
    admin(server, f'GRANT USAGE ON SCHEMA "{schema}" TO "reader_{schema}"')
    admin(server, f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO "reader_{schema}"')
    dsn = server.dsn.replace("postgres@", f"reader_{schema}@")
    with closing(PostgresStores(dsn, schema)) as reading:
        found = reading.of("lab").read()
        assert found
        assert None is reading.of("lab").holder()
        with pytest.raises(StateError, match="the user may not do this"):
            reading.of("lab").lock(info(1))
        with pytest.raises(StateError, match="the user may not do this"):
            reading.of("lab").write(content(numbered(2)), expected=found.version)


def test_reading_makes_nothing(server: PostgresServer, stores: PostgresStores) -> None:
    """Neither a schema nor a table: a plan before the first apply needs no rights."""
    store = stores.of("lab")
    assert (None, None, [], []) == (store.read(), store.holder(), store.history(), stores.stacks())
    with psycopg.connect(server.dsn) as connection:
        schema = stores.place.rpartition(" ")[2]
        found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema]).fetchall()
    assert [] == found


def test_the_command_on_a_database(server: PostgresServer, sandbox: Sandbox, tmp_path: Path) -> None:
    """History and restore, through the command."""
    runner = Runner(tmp_path / "runner", sandbox, server, "commands")
    runner.done("apply", "--auto-approve")
    runner.done("state", "rm", "n0")
    serials = [line.split()[0] for line in runner.done("state", "history").splitlines()[1:]]
    assert 2 == len(serials)
    runner.done("state", "restore", serials[1])
    assert "notebook.n0" in runner.done("state", "list")
    assert "No changes." in runner.done("plan")


def test_wrong_words_and_no_server(sandbox: Sandbox, tmp_path: Path, server: PostgresServer) -> None:
    """A password is never told."""
    runner = Runner(tmp_path / "runner", sandbox, server, "nowhere")
    refused = runner.run("plan", PG_CONN_STR="postgresql://ci:canary-55ff@127.0.0.1:9/infra")
    assert 1 == refused.returncode
    assert "postgresql://127.0.0.1:9/infra" in refused.stderr
    assert "canary" not in refused.stdout + refused.stderr
