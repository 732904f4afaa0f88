"""Which connection string is meant, and that no password gets into a text."""

from __future__ import annotations

import pytest

from provisioner.errors import UsageError
from provisioner.state.postgres import PostgresStores, read_dsn

PASSWORD = "canary-44dd"


def test_the_connection_string_comes_from_the_environment() -> None:
    """From the variable that the settings name; libpq's own variables do as well."""
    assert "postgresql:///x" == read_dsn("MY_DSN", {"MY_DSN": "postgresql:///x"})
    assert "" == read_dsn("PG_CONN_STR", {"PGHOST": "db.example"})
    with pytest.raises(UsageError, match="PG_CONN_STR is not set"):
        read_dsn("PG_CONN_STR", {})


@pytest.mark.parametrize(
    ("dsn", "place"),
    [
        (f"postgresql://ci:{PASSWORD}@db.example:6432/infra", "postgresql://db.example:6432/infra schema lab"),
        (f"host=db.example password={PASSWORD} dbname=infra", "postgresql://db.example:5432/infra schema lab"),
    ],
)
def test_a_place_has_no_password(dsn: str, place: str) -> None:
    assert place == PostgresStores(dsn, "lab").place


@pytest.mark.parametrize("dsn", [f"postgresql://ci:{PASSWORD}@[", f"passwort={PASSWORD}", f"host='{PASSWORD}"])
def test_a_string_that_is_none(dsn: str) -> None:
    """The library quotes what it cannot read; we do not."""
    with pytest.raises(UsageError, match="cannot be read") as caught:
        PostgresStores(dsn, "lab")
    assert PASSWORD not in f"{caught.value}{caught.value.detail}{caught.value.hint}"
