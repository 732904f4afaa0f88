"""Names of specs to bodies of the API, and answers to values."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.errors import ApiError
from provisioner.provider import wire

LEASE = {"type": "IDLE", "duration": 1800000}


@pytest.mark.parametrize(
    ("lease", "expected"),
    [({}, {}), ({"lease": LEASE}, {"lease": LEASE}), ({"lease": "never"}, {"duration": -1})],
    ids=["default", "lease", "never"],
)
def test_create_body(lease: dict[str, Any], expected: dict[str, Any]) -> None:
    """A create sends `lease`, or the one duration that switches auto stop off; never both (API page 5.1)."""
    assert {"name": "a"} | expected == wire.create_body({"name": "a"} | lease)


def test_start_query() -> None:
    """A start says duration and type in its query (API page 7.5)."""
    assert {} == wire.lease_query(None)
    assert {"duration": "1800000", "type": "IDLE"} == wire.lease_query(LEASE)
    assert {"duration": "-1"} == wire.lease_query("never")


def test_lease_body() -> None:
    """A renewal says them in its body (API page 7.7)."""
    assert LEASE == wire.lease_body(LEASE)
    assert {"duration": -1} == wire.lease_body("never")


def test_tag_body() -> None:
    """Tags are a list of objects (API page 10)."""
    assert {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": ""}]} == wire.tag_body({"a": "1", "b": ""})


@pytest.mark.parametrize(
    ("payload", "where"),
    [
        ({"status": "RUNNING"}, "id: Field required"),
        ({"id": "x"}, "status: Field required"),
        ({"id": "x", "status": "RUNNING", "volume": {"capacity": "canary"}}, "volume.capacity: "),
        ({"id": "x", "status": "RUNNING", "endpoints": [1]}, "endpoints.0: "),
        ([], "the answer: "),
        ("canary", "the answer: "),
        (None, "the answer: "),
    ],
    ids=str,
)
def test_a_notebook_that_cannot_be_read(payload: object, where: str) -> None:
    """Says which field is wrong, and repeats nothing of what the answer held."""
    with pytest.raises(ApiError, match="answered a notebook that cannot be read") as caught:
        wire.parse_notebook(payload)
    assert where in caught.value.message
    assert "canary" not in caught.value.message


def test_a_mount_that_cannot_be_read() -> None:
    """The same for mounts."""
    with pytest.raises(ApiError, match="answered a mount that cannot be read: mount_path"):
        wire.parse_mount({"mount_path": {}})


@pytest.mark.parametrize(("payload", "rows"), [({}, []), ({"data": None}, []), ({"data": [1, 2]}, [1, 2])], ids=str)
def test_rows(payload: dict[str, Any], rows: list[Any]) -> None:
    """A list without `data` is empty."""
    assert rows == wire.rows(payload)


@pytest.mark.parametrize("data", [{}, "x", 5, True], ids=repr)
def test_rows_that_are_no_list(data: object) -> None:
    """A `data` that is something else is an error, not an empty list: nothing must look deleted for it."""
    with pytest.raises(ApiError, match="a list whose `data` is"):
        wire.rows({"data": data})


@pytest.mark.parametrize(
    ("found", "expected"),
    [(0, 0), (107, 107), (None, None), (-1, None), ("107", None), (True, None), (1.5, None)],
    ids=repr,
)
def test_total(found: object, expected: int | None) -> None:
    """Only a number of rows counts as one."""
    assert expected == wire.total({"total": found})
