"""Each method is one call: its method, path, query and body on a real socket, and what its answer becomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from provisioner.errors import ApiError, NotFound, OutcomeUnknown
from provisioner.provider.base import every_notebook
from provisioner.provider.client import Client
from provisioner.provider.credentials import AccessKey
from provisioner.provider.modelarts import ModelArtsNotebooks
from provisioner.provider.signing import Signer
from tests.unit.provider.fakes import FakeClock, FakeServer, Play, Received, error, reply

PROJECT = "0123456789abcdef0123456789abcdef"
BASE = f"/v1/{PROJECT}/notebooks"
ID = "f9937afa-4451-42db-a76b-72d624749f66"
MOUNT_ID = "11111111-2222-4333-8444-555555555555"
NOTEBOOK = {"id": ID, "status": "RUNNING", "name": "a"}
LEASE = {"type": "IDLE", "duration": 1800000}
NOT_IDS = ["", "..", "../flavors", "all", f"{ID}/stop", f"{ID}?x=1", f" {ID}", f"{ID}\n", ID.replace("-", ""), "%2e%2e"]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def notebooks(server: FakeServer) -> Iterator[ModelArtsNotebooks]:
    clock = FakeClock()
    with Client(server.url, Signer(AccessKey("AK", "SK"), clock, PROJECT), clock) as client:
        yield ModelArtsNotebooks(client, PROJECT)


def shown(received: Received) -> tuple[str, str, dict[str, str], Any]:
    """Method, path, query and body."""
    target = urlsplit(received.target)
    body = json.loads(received.body) if received.body else None
    return received.method, target.path, dict(parse_qsl(target.query)), body


Call = Callable[[ModelArtsNotebooks], Any]
CALLS: dict[str, tuple[Call, str, str, dict[str, str], Any, Play]] = {
    "page": (
        lambda n: n.page("0", 50), "GET", "", {"limit": "50", "offset": "50", "workspace_id": "0"}, None,
        reply(200, {"data": [], "total": 50}),
    ),
    "page of one": (
        lambda n: n.page("w1", 0, notebook_id=ID), "GET", "",
        {"limit": "50", "offset": "0", "workspace_id": "w1", "id": ID}, None, reply(200, {"data": [NOTEBOOK]}),
    ),
    "read": (lambda n: n.read(ID, "0"), "GET", f"/{ID}", {}, None, reply(200, NOTEBOOK)),
    "mounts": (lambda n: n.mounts(ID), "GET", f"/{ID}/storage", {}, None, reply(200, {"data": []})),
    "create": (
        lambda n: n.create({"name": "a", "flavor": "f", "lease": LEASE}), "POST", "", {},
        {"name": "a", "flavor": "f", "lease": LEASE}, reply(200, NOTEBOOK),
    ),
    "create without auto stop": (
        lambda n: n.create({"name": "a", "lease": "never"}), "POST", "", {}, {"name": "a", "duration": -1},
        reply(201, NOTEBOOK),
    ),
    "update": (
        lambda n: n.update(ID, {"name": "b", "description": ""}), "PUT", f"/{ID}", {},
        {"name": "b", "description": ""}, reply(200, {"name": "b"}),
    ),
    "resize": (
        lambda n: n.resize(ID, 100), "PUT", f"/{ID}", {}, {"storage_new_size": 100}, reply(200, NOTEBOOK)
    ),
    "start": (lambda n: n.start(ID, None), "POST", f"/{ID}/start", {}, None, reply(200, NOTEBOOK)),
    "start with a lease": (
        lambda n: n.start(ID, LEASE), "POST", f"/{ID}/start", {"duration": "1800000", "type": "IDLE"}, None,
        reply(200, NOTEBOOK),
    ),
    "start without auto stop": (
        lambda n: n.start(ID, "never"), "POST", f"/{ID}/start", {"duration": "-1"}, None, reply(200, NOTEBOOK),
    ),
    "stop": (lambda n: n.stop(ID), "POST", f"/{ID}/stop", {}, None, reply(200, NOTEBOOK)),
    "lease": (lambda n: n.renew_lease(ID, LEASE), "PATCH", f"/{ID}/lease", {}, LEASE, reply(200, {"duration": 1})),
    "lease off": (
        lambda n: n.renew_lease(ID, "never"), "PATCH", f"/{ID}/lease", {}, {"duration": -1}, reply(204)
    ),
    "tag": (
        lambda n: n.tag(ID, "w1", {"a": "1"}), "POST", f"/{ID}/tags/create", {"workspace_id": "w1"},
        {"tags": [{"key": "a", "value": "1"}]}, reply(204),
    ),
    "untag": (
        lambda n: n.untag(ID, "0", {"数据": ""}), "DELETE", f"/{ID}/tags/delete", {"workspace_id": "0"},
        {"tags": [{"key": "数据", "value": ""}]}, reply(204),
    ),
    "attach": (
        lambda n: n.attach(ID, {"category": "OBS", "uri": "obs://b/d/", "mount_path": "/data/a/"}), "POST",
        f"/{ID}/storage", {}, {"category": "OBS", "uri": "obs://b/d/", "mount_path": "/data/a/"},
        reply(200, {"id": MOUNT_ID, "status": "MOUNTING"}),
    ),
    "detach": (
        lambda n: n.detach(ID, MOUNT_ID), "DELETE", f"/{ID}/storage/{MOUNT_ID}", {}, None,
        reply(200, {"id": MOUNT_ID, "status": "UNMOUNTING"}),
    ),
    "delete": (lambda n: n.delete(ID), "DELETE", f"/{ID}", {}, None, reply(200, {"id": ID, "status": "DELETING"})),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_method_is_one_call(server: FakeServer, notebooks: ModelArtsNotebooks, name: str) -> None:
    """Exactly one request goes out, spelt as the page says, and it is counted."""
    call, method, path, query, body, answer = CALLS[name]
    server.script = [answer]
    call(notebooks)
    assert [(method, BASE + path, query, body)] == [shown(received) for received in server.received]
    assert 1 == notebooks.requests


@pytest.mark.parametrize("name", [name for name in CALLS if not name.startswith(("page", "create"))])
@pytest.mark.parametrize("wrong", NOT_IDS, ids=repr)
def test_what_is_no_id_never_reaches_a_url(
    server: FakeServer, notebooks: ModelArtsNotebooks, name: str, wrong: str
) -> None:
    """An id comes from the service or from a file: what is no UUID is refused before anything is sent."""
    methods: dict[str, Call] = {
        "read": lambda n: n.read(wrong, "0"),
        "mounts": lambda n: n.mounts(wrong),
        "update": lambda n: n.update(wrong, {"name": "b"}),
        "resize": lambda n: n.resize(wrong, 100),
        "start": lambda n: n.start(wrong, None),
        "stop": lambda n: n.stop(wrong),
        "lease": lambda n: n.renew_lease(wrong, LEASE),
        "tag": lambda n: n.tag(wrong, "0", {"a": "1"}),
        "untag": lambda n: n.untag(wrong, "0", {"a": "1"}),
        "attach": lambda n: n.attach(wrong, {}),
        "detach": lambda n: n.detach(ID, wrong),
        "delete": lambda n: n.delete(wrong),
    }
    with pytest.raises(ApiError, match="is not an id"):
        methods[name.split(maxsplit=1)[0]](notebooks)
    assert [] == server.received


def test_a_page(server: FakeServer, notebooks: ModelArtsNotebooks) -> None:
    """Its rows and how many there are in all."""
    server.script = [reply(200, {"current": 0, "data": [NOTEBOOK], "pages": 2, "size": 50, "total": 51})]
    page = notebooks.page("0", 0)
    assert ([ID], 51) == ([each.id for each in page.notebooks], page.total)


@pytest.mark.parametrize("told", [True, False], ids=["total", "no total"])
@pytest.mark.parametrize("count", [0, 1, 50, 51, 100, 120])
def test_every_notebook(server: FakeServer, notebooks: ModelArtsNotebooks, count: int, *, told: bool) -> None:
    """Page after page to the end, with no request more than the rows need."""
    rows = [{"id": f"n{n}", "status": "RUNNING"} for n in range(count)]

    def respond(received: Received) -> Play:
        offset = int(shown(received)[2]["offset"])
        return reply(200, {"data": rows[offset : offset + 50]} | ({"total": count} if told else {}))

    server.respond = respond
    assert [row["id"] for row in rows] == [each.id for each in every_notebook(notebooks, "0")]
    # A full last page that does not say that it is the last costs one more.
    assert notebooks.requests == (max(1, -(-count // 50)) if told else count // 50 + 1)


def test_every_notebook_of_a_service_with_short_pages(server: FakeServer, notebooks: ModelArtsNotebooks) -> None:
    """Where the service gives fewer rows than asked for, the next offset counts the rows that came."""
    rows = [{"id": f"n{n}", "status": "RUNNING"} for n in range(25)]

    def respond(received: Received) -> Play:
        offset = int(shown(received)[2]["offset"])
        return reply(200, {"data": rows[offset : offset + 10], "total": 25})

    server.respond = respond
    assert 25 == len(list(every_notebook(notebooks, "0")))
    assert ["0", "10", "20"] == [shown(received)[2]["offset"] for received in server.received]


@pytest.mark.parametrize(
    "answer",
    [
        {"data": [NOTEBOOK] * 50, "total": 10**9},
        {"data": [NOTEBOOK] * 50},
        {"data": [], "total": 10**9},
    ],
    ids=["same page", "same page without total", "empty page"],
)
def test_every_notebook_ends(server: FakeServer, notebooks: ModelArtsNotebooks, answer: dict[str, Any]) -> None:
    """A service that gives the same page for ever, or none of what it promised, does not hold us for ever."""
    server.respond = lambda _: reply(200, answer)
    assert len(list(every_notebook(notebooks, "0"))) <= 1
    assert notebooks.requests <= 2


@pytest.mark.parametrize(
    "answer",
    [error(404, "ModelArts.6404"), error(400, "ModelArts.6404"), error(400, "ModelArts.6309")],
    ids=["404", "6404", "6309"],
)
def test_read_of_a_missing_one(server: FakeServer, notebooks: ModelArtsNotebooks, answer: Play) -> None:
    """Every form of "not found" is None (API page 16.2)."""
    server.script = [answer]
    assert notebooks.read(ID, "0") is None
    assert 1 == len(server.received)


@pytest.mark.parametrize(("rows", "exists"), [([], False), ([NOTEBOOK], True), ([{**NOTEBOOK, "id": MOUNT_ID}], False)])
def test_an_ambiguous_answer_is_settled_by_the_list(
    server: FakeServer, notebooks: ModelArtsNotebooks, rows: list[dict[str, str]], *, exists: bool
) -> None:
    """6357 says "busy" as well as "gone": the list of the right workspace knows which (API page 16.2)."""
    server.script = [error(400, "ModelArts.6357"), reply(200, {"data": rows})]
    found = notebooks.read(ID, "w1")
    assert exists is (found is not None)
    asked = {"limit": "50", "offset": "0", "workspace_id": "w1", "id": ID}
    assert ("GET", BASE, asked, None) == shown(server.received[1])


@pytest.mark.parametrize(
    "answer",
    [error(403, "ModelArts.0108"), error(400, "ModelArts.0101"), error(404, "APIGW.0101")],
    ids=["403", "0101", "no such API"],
)
def test_read_that_is_refused_is_no_absence(server: FakeServer, notebooks: ModelArtsNotebooks, answer: Play) -> None:
    """Any other error is an error, that of a gateway which does not know the API too."""
    server.script = [answer]
    with pytest.raises(ApiError):
        notebooks.read(ID, "0")


def test_read_of_another_one(server: FakeServer, notebooks: ModelArtsNotebooks) -> None:
    """An answer about another notebook than the one asked for is not believed."""
    server.script = [reply(200, {**NOTEBOOK, "id": MOUNT_ID})]
    with pytest.raises(ApiError, match=f"asked for notebook {ID}, the service answered with {MOUNT_ID}"):
        notebooks.read(ID, "0")


@pytest.mark.parametrize("code", ["ModelArts.6327", "ModelArts.6404", "ModelArts.6309"])
def test_mounts_of_one_that_does_not_run(server: FakeServer, notebooks: ModelArtsNotebooks, code: str) -> None:
    """None is not the same as no mounts (API page 8 and 11)."""
    server.script = [error(400, code)]
    assert notebooks.mounts(ID) is None


def test_mounts(server: FakeServer, notebooks: ModelArtsNotebooks) -> None:
    """Each row with its status."""
    server.script = [
        reply(200, {"current": 1, "data": [{"id": MOUNT_ID, "mount_path": "/data/a", "status": "MOUNTED"}]})
    ]
    found = notebooks.mounts(ID)
    assert found is not None
    assert [(MOUNT_ID, "/data/a/", "MOUNTED")] == [(each.id, each.mount_path, each.status) for each in found]


@pytest.mark.parametrize(
    "answer",
    [
        reply(200),
        reply(200, {}),
        reply(200, {"status": "CREATING"}),
        reply(200, {"id": None, "status": "CREATING"}),
        reply(200, {"id": 5, "status": "CREATING"}),
        reply(200, {"id": "", "status": "CREATING"}),
        reply(200, {"id": "../x", "status": "CREATING"}),
        reply(200, {"id": {}, "status": "CREATING"}),
        reply(200, b"<html>"),
        reply(200, [NOTEBOOK]),
    ],
    ids=["empty", "{}", "no id", "null", "number", "blank", "path", "object", "html", "list"],
)
def test_a_create_whose_answer_has_no_id(server: FakeServer, notebooks: ModelArtsNotebooks, answer: Play) -> None:
    """It was accepted, so it may exist: the outcome is unknown, and nothing is sent again."""
    server.script = [answer]
    with pytest.raises(OutcomeUnknown):
        notebooks.create({"name": "a"})
    assert 1 == len(server.received)


@pytest.mark.parametrize("beside", [{}, {"status": None}, {"status": "CREATING", "volume": "large"}], ids=str)
def test_an_id_is_not_lost_for_what_stands_beside_it(
    server: FakeServer, notebooks: ModelArtsNotebooks, beside: dict[str, Any]
) -> None:
    """An answer to a create that cannot be read but for its id gives the id."""
    server.script = [reply(200, {"id": ID} | beside)]
    found = notebooks.create({"name": "a"})
    assert (ID, "CREATING") == (found.id, found.status)


def test_a_refused_create_left_nothing(server: FakeServer, notebooks: ModelArtsNotebooks) -> None:
    """An error of the service with its code is final."""
    server.script = [error(400, "ModelArts.6335")]
    with pytest.raises(ApiError) as caught:
        notebooks.create({})
    assert ApiError is type(caught.value)
    assert "ModelArts.6335" == caught.value.code


@pytest.mark.parametrize("name", ["update", "start", "stop", "lease", "tag", "untag", "attach", "detach", "delete"])
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(400, "ModelArts.6404"), NotFound),
        (error(400, "ModelArts.6357"), ApiError),
        (error(502, "", "bad gateway"), OutcomeUnknown),
        (Play(then="reset"), OutcomeUnknown),
    ],
    ids=["missing", "busy", "502", "reset"],
)
def test_what_a_change_may_end_in(
    server: FakeServer, notebooks: ModelArtsNotebooks, name: str, answer: Play, kind: type[ApiError]
) -> None:
    """Missing, busy, or unknown: what to do about it is decided elsewhere, and nothing is sent twice."""
    server.script = [answer]
    with pytest.raises(ApiError) as caught:
        CALLS[name][0](notebooks)
    assert kind is type(caught.value)
    assert 1 == len(server.received)
