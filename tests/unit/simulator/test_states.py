"""The state machine of API page 8."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.client import IMAGE, Answer, Api

COLUMNS = ("start", "stop", "delete", "name", "flavor", "storage", "lease", "save", "mount", "tags")
# The table of the page, row by row; RUNNING+ is RUNNING while the volume grows.
TABLE = """
INIT          | 6357 | 6357 | 6357 | 6357 | 6357 | 6357 | 6327 | 6327 | 6327 | ok
CREATING      | 6357 | 6357 | 6357 | 6357 | 6357 | 6357 | 6327 | 6327 | 6327 | ok
RUNNING       | 6357 | ok   | ok   | ok   | 6347 | ok   | ok   | ok   | ok   | ok
RUNNING+      | 6357 | 6357 | 6357 | ok   | 6347 | 6357 | ok   | 6357 | ok   | ok
STOPPING      | 6357 | 6357 | 6357 | 6357 | 6357 | 6357 | 6327 | 6327 | 6327 | ok
STARTING      | 6357 | 6357 | 6357 | 6357 | 6357 | 6357 | 6327 | 6327 | 6327 | ok
STOPPED       | ok   | 6357 | ok   | ok   | ok   | 6347 | 6327 | 6327 | 6327 | ok
SNAPSHOTTING  | 6357 | 6357 | 6357 | 6357 | 6357 | 6357 | 6357 | 6357 | 6357 | ok
CREATE_FAILED | 6357 | 6357 | ok   | ok   | 6347 | 6347 | 6327 | 6327 | 6327 | ok
START_FAILED  | ok   | 6357 | ok   | ok   | ok   | 6347 | 6327 | 6327 | 6327 | ok
DELETE_FAILED | 6357 | 6357 | ok   | 6347 | 6347 | 6347 | 6327 | 6327 | 6327 | ok
ERROR         | 6357 | 6357 | ok   | 6347 | 6347 | 6347 | 6327 | 6327 | 6327 | ok
FROZEN        | 6326 | 6326 | ok   | 6326 | 6326 | 6326 | 6326 | 6326 | 6326 | ok
DELETING      | 6357 | 6357 | 6357 | 6357 | 6357 | 6357 | 6327 | 6327 | 6327 | 6357
gone          | 6404 | 6404 | 6404 | 6404 | 6404 | 6404 | 6404 | 6404 | 6404 | 6404
"""
CELLS = [
    (row[0], column, code)
    for row in ([cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines())
    for column, code in zip(COLUMNS, row[1:], strict=True)
]


def operate(api: Api, notebook_id: str, operation: str) -> Answer:
    path = f"/notebooks/{notebook_id}"
    mount = {"category": "OBSFS", "uri": "obs://bucket/dir/", "mount_path": "/data/sets/"}
    requests: dict[str, tuple[str, str, Any]] = {
        "start": ("POST", f"{path}/start", None),
        "stop": ("POST", f"{path}/stop", {}),
        "delete": ("DELETE", path, None),
        "name": ("PUT", path, {"name": "other"}),
        "flavor": ("PUT", path, {"flavor": "modelarts.vm.cpu.8u"}),
        "storage": ("PUT", path, {"storage_new_size": 7}),
        "lease": ("PATCH", f"{path}/lease", {"duration": 3_600_000}),
        "save": ("POST", f"{path}/create-image", {"name": "saved", "namespace": "team"}),
        "mount": ("POST", f"{path}/storage", mount),
        "tags": ("POST", f"{path}/tags/create", {"tags": [{"key": "k", "value": "v"}]}),
    }
    return api.call(*requests[operation])


@pytest.mark.parametrize(("state", "operation", "code"), CELLS)
def test_operation_in_state(api: Api, state: str, operation: str, code: str) -> None:
    """Every cell of the table: the operation succeeds, or is refused as 400 with that code."""
    notebook_id = api.running()
    if state == "RUNNING+":
        assert api.call("PUT", f"/notebooks/{notebook_id}", {"storage_new_size": 6}).status == 200
    elif state == "gone":
        api.control("POST", f"/notebooks/{notebook_id}/vanish")
    else:
        api.drift(notebook_id, status=state)

    answer = operate(api, notebook_id, operation)

    if code == "ok":
        assert (204 if operation == "tags" else 200) == answer.status, answer.body
    else:
        assert (400, code) == (answer.status, answer.code)


def test_a_life(api: Api) -> None:
    """Every operation starts a transition that ends after its own duration, and not before."""
    notebook_id = api.created()
    path = f"/notebooks/{notebook_id}"
    seen = [api.show(notebook_id)["status"]]

    def passes(milliseconds: int) -> None:
        api.advance(milliseconds - 1)
        seen.append(api.show(notebook_id)["status"])
        api.advance(1)

    passes(300)
    seen.append(api.show(notebook_id)["status"])
    seen.append(api.call("POST", f"{path}/stop").body["status"])
    passes(200)
    seen.append(api.show(notebook_id)["status"])
    seen.append(api.call("POST", f"{path}/start").body["status"])
    passes(200)
    seen.append(api.show(notebook_id)["status"])
    seen.append(api.call("DELETE", path).body["status"])
    passes(150)

    assert [
        *("CREATING", "CREATING", "RUNNING"),
        *("STOPPING", "STOPPING", "STOPPED"),
        *("STARTING", "STARTING", "RUNNING"),
        *("DELETING", "DELETING"),
    ] == seen
    assert (400, "6404") == (api.call("GET", path).status, api.call("GET", path).code)


def test_progress_moves_through_its_steps(api: Api) -> None:
    """While a notebook is made its four steps complete one after another; once it runs they are gone."""
    notebook_id = api.created()
    seen = []
    for _ in range(4):
        seen.append([step["status"][0] for step in api.show(notebook_id)["action_progress"]])
        api.advance(75)
    assert [list("PWWW"), list("CPWW"), list("CCPW"), list("CCCP")] == seen
    assert "action_progress" not in api.show(notebook_id)


def test_a_start_renews_the_token(api: Api) -> None:
    """The notebook's access token is another one after each start."""
    notebook_id = api.stopped()
    before = api.show(notebook_id)["token"]
    assert before != api.call("POST", f"/notebooks/{notebook_id}/start").body["token"]


@pytest.mark.parametrize(
    ("status", "items"),
    [("RUNNING", ["COMPUTE", "STORAGE"]), ("STOPPED", ["STORAGE"]), ("SNAPSHOTTING", ["COMPUTE", "STORAGE"])],
)
def test_billing(api: Api, status: str, items: list[str]) -> None:
    """Compute is billed while it runs, a managed EVS volume always."""
    notebook_id = api.running()
    api.drift(notebook_id, status=status)
    assert items == api.show(notebook_id)["billing_items"]


def test_saving_an_image_changes_the_notebook_s_own(api: Api) -> None:
    """SNAPSHOTTING, then RUNNING on the new image, which is ACTIVE only then."""
    notebook_id = api.running()
    saved = operate(api, notebook_id, "save").body
    assert ("INIT", "IMAGE_SAVE", "DEDICATED") == (saved["status"], saved["origin"], saved["type"])
    assert ("SNAPSHOTTING", IMAGE) == (api.show(notebook_id)["status"], api.show(notebook_id)["image"]["id"])
    assert api.call("GET", f"/images/{saved['id']}").body["status"] == "CREATING"
    api.advance(1000)
    assert ("RUNNING", saved["id"]) == (api.show(notebook_id)["status"], api.show(notebook_id)["image"]["id"])
    assert api.call("GET", f"/images/{saved['id']}").body["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"namespace": "team"}, "6335"),
        ({"name": "saved"}, "6335"),
        ({"name": "Saved", "namespace": "team"}, "6336"),
        ({"name": "saved", "namespace": "1team"}, "6336"),
        ({"name": "saved", "namespace": "team", "tag": "a b"}, "6336"),
        ({"name": "saved", "namespace": "team", "tag": "v1"}, "6737"),
    ],
)
def test_what_cannot_be_saved(api: Api, body: dict[str, str], code: str) -> None:
    """A name, organisation or tag of the wrong form, and a tag that exists."""
    path = f"/notebooks/{api.running()}/create-image"
    api.call("POST", path, {"name": "saved", "namespace": "team", "tag": "v1"})
    api.advance(1000)
    assert code == api.call("POST", path, body).code


def test_deleting_what_is_being_deleted(api: Api) -> None:
    """A second delete meets 6357, not the not-found code (API page 16.2)."""
    notebook_id = api.running()
    api.call("DELETE", f"/notebooks/{notebook_id}")
    assert api.call("DELETE", f"/notebooks/{notebook_id}").code == "6357"
