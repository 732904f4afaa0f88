"""What a project may use, read over a real socket: methods, paths, queries, pages, and what answers become."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from provisioner.errors import ApiError
from provisioner.provider.client import Client
from provisioner.provider.credentials import AccessKey
from provisioner.provider.offers import PAGE_SIZE, WORKSPACES_PAGE, ModelArtsOffers
from provisioner.provider.signing import Signer
from tests.unit.provider.fakes import FakeClock, FakeServer, Play, Received, error, reply

PROJECT = "0123456789abcdef0123456789abcdef"
BASE = f"/v1/{PROJECT}"
ID = "f9937afa-4451-42db-a76b-72d624749f66"
PAGE = {"limit": str(PAGE_SIZE), "offset": "0"}
Call = Callable[[ModelArtsOffers], Any]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def offers(server: FakeServer) -> Iterator[ModelArtsOffers]:
    clock = FakeClock()
    with Client(server.url, Signer(AccessKey("AK", "SK"), clock, PROJECT), clock) as client:
        yield ModelArtsOffers(client, PROJECT)


def shown(received: Received) -> tuple[str, str, dict[str, str]]:
    """Method, path and query."""
    target = urlsplit(received.target)
    return received.method, target.path, dict(parse_qsl(target.query))


def pages(rows: Sequence[dict[str, Any]], *, told: bool = True) -> Callable[[Received], Play]:
    """A list that is served as API page 13 says, `told` how long it is or not."""

    def respond(received: Received) -> Play:
        query = shown(received)[2]
        start, size = int(query["offset"]), int(query["limit"])
        return reply(200, {"data": rows[start : start + size], **({"total": len(rows)} if told else {})})

    return respond


def test_no_plan_waits_long_for_a_look_up(server: FakeServer) -> None:
    """Whatever the region is in trouble with: a plan goes on without the answer."""
    clock = FakeClock()
    server.script = [error(429, "APIGW.0308", headers={"Retry-After": "60"})]
    with (
        Client(server.url, Signer(AccessKey("AK", "SK"), clock, PROJECT), clock) as client,
        pytest.raises(ApiError, match=r"APIGW.0308"),
    ):
        ModelArtsOffers(client, PROJECT).flavors("MANAGED")
    assert (1, []) == (len(server.received), clock.slept)


CALLS: dict[str, tuple[Call, str, dict[str, str], dict[str, Any]]] = {
    "flavors": (
        lambda o: o.flavors("MANAGED"), "/notebooks/flavors", {"type": "MANAGED", "feature": "NOTEBOOK", **PAGE},
        {"data": []},
    ),
    "switchable flavors": (lambda o: o.switchable_flavors(ID), f"/notebooks/{ID}/flavors", PAGE, {"flavors": []}),
    "images": (
        lambda o: o.images("DEDICATED", "w1"), "/images", {"type": "DEDICATED", "workspace_id": "w1", **PAGE},
        {"data": []},
    ),
    "image": (lambda o: o.image(ID), f"/images/{ID}", {}, {"id": ID}),
    "pools": (
        lambda o: o.pools("w1"), "/authoring/clusters", {"type": "DEDICATED", "workspace_id": "w1", **PAGE},
        {"data": []},
    ),
    "pool": (lambda o: o.pool("pool-a"), "/authoring/clusters/pool-a", {}, {"pool_id": "pool-a"}),
    "workspaces": (
        lambda o: o.workspaces(), "/workspaces", {"limit": str(WORKSPACES_PAGE), "offset": "0"}, {"workspaces": []},
    ),
    "quota": (lambda o: o.quota(), "/authoring/features/NOTEBOOK", {}, {"quota": 10}),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str, server: FakeServer, offers: ModelArtsOffers) -> None:
    """One read each."""
    call, path, query, body = CALLS[name]
    server.script.append(reply(200, body))
    call(offers)
    assert [("GET", BASE + path, query)] == [shown(received) for received in server.received]


class TestPages:
    def test_to_the_end(self, server: FakeServer, offers: ModelArtsOffers) -> None:
        """The offset counts rows."""
        server.respond = pages([{"id": f"i{number}"} for number in range(2 * PAGE_SIZE + 1)])
        found = offers.images("BUILD_IN", "0")
        assert [f"i{number}" for number in range(2 * PAGE_SIZE + 1)] == [image.id for image in found]
        assert ["0", str(PAGE_SIZE), str(2 * PAGE_SIZE)] == [shown(each)[2]["offset"] for each in server.received]

    def test_without_a_total(self, server: FakeServer, offers: ModelArtsOffers) -> None:
        """A page that is not full is the last, and so is an empty one."""
        for rows, requests in ((PAGE_SIZE - 1, 1), (PAGE_SIZE, 2), (0, 1)):
            server.received.clear()
            server.respond = pages([{"id": f"f{number}"} for number in range(rows)], told=False)
            assert (rows, requests) == (len(offers.flavors("MANAGED")), len(server.received))

    def test_rows_that_shift(self, server: FakeServer, offers: ModelArtsOffers) -> None:
        """A list with missing rows is no answer: what it lacks would look as if it did not exist."""
        first = [{"id": f"i{number}"} for number in range(PAGE_SIZE)]
        server.script += [reply(200, {"data": first, "total": 300}), reply(200, {"data": first[:100], "total": 300})]
        with pytest.raises(ApiError, match="the list has 300 rows and shows 200"):
            offers.images("BUILD_IN", "0")

    def test_workspaces(self, server: FakeServer, offers: ModelArtsOffers) -> None:
        """Their offset counts pages."""
        rows = [{"id": f"w{number}"} for number in range(WORKSPACES_PAGE)]
        server.script += [reply(200, {"workspaces": rows}), reply(200, {"workspaces": [{"id": "last"}]})]
        assert (WORKSPACES_PAGE + 1, "last") == (len(found := offers.workspaces()), found[-1].id)
        assert ["0", "1"] == [shown(each)[2]["offset"] for each in server.received]

    def test_workspaces_by_row(self, server: FakeServer, offers: ModelArtsOffers) -> None:
        """A service that serves the same page again and again is asked twice."""
        page = reply(200, {"workspaces": [{"id": f"w{number}"} for number in range(WORKSPACES_PAGE)]})
        server.script += [page, page]
        assert WORKSPACES_PAGE == len(offers.workspaces())


class TestAnswers:
    def test_flavor(self, server: FakeServer, offers: ModelArtsOffers) -> None:
        """The sample of API page 12.4 and 12.5: numbers as text, fractions of cards, either case, unknown words."""
        row = {
            "id": "f", "arch": "X86_64", "category": "gpu", "feature": "NOTEBOOK", "sold_out": True, "vcpus": 8,
            "storages": ["EFS", "new"], "evs_max_size": "500", "memory": 8388608, "billing": None,
            "gpu": {"gpu": 0.5, "gpu_memory": "32", "type": "V100"}, "unheard": {"of": []},
        }  # fmt: skip
        server.script.append(reply(200, {"data": None, "flavors": [row], "total": 1}))
        (flavor,) = offers.flavors("MANAGED")
        assert ("f", "X86_64", "GPU", True, ("EFS", "NEW"), 500, "V100") == (
            flavor.id,
            flavor.arch,
            flavor.category,
            flavor.sold_out,
            flavor.storages,
            flavor.largest_disk,
            flavor.card,
        )

    def test_what_a_flavor_does_not_tell(self, server: FakeServer, offers: ModelArtsOffers) -> None:
        server.script.append(reply(200, {"data": [{"id": "f", "evs_max_size": "lots", "gpu": None}]}))
        (flavor,) = offers.flavors("MANAGED")
        assert (False, None, "", (), "") == (
            flavor.sold_out,
            flavor.largest_disk,
            flavor.card,
            flavor.storages,
            flavor.arch,
        )

    def test_images(self, server: FakeServer, offers: ModelArtsOffers) -> None:
        rows = [
            {"id": "1", "name": "a", "status": "active", "dev_services": ["SSH"], "resource_categories": ["cpu"]},
            {"id": "2", "name": "b", "status": "CREATING", "support_res_categories": ["GPU"], "create_at": 0},
            {"id": "3", "dev_services": None},
        ]
        server.script.append(reply(200, {"data": rows, "total": 3}))
        found = offers.images("BUILD_IN", "0")
        assert [(True, True, {"CPU"}), (False, False, {"GPU"}), (True, False, set())] == [
            (image.usable, image.ssh_only, set(image.categories)) for image in found
        ]
        assert "2  b  created 1970-01-01  CREATING" == str(found[1])

    @pytest.mark.parametrize("absent", [error(400, "ModelArts.6404"), error(404, "ModelArts.6404")])
    def test_absent(self, absent: Play, server: FakeServer, offers: ModelArtsOffers) -> None:
        """What does not exist is None."""
        server.script += [absent, absent]
        assert (None, None) == (offers.image(ID), offers.pool("pool-a"))

    @pytest.mark.parametrize(
        "answer",
        [
            error(403, "ModelArts.0108"),
            error(404, "APIGW.0101"),
            reply(200, {"data": "text"}),
            reply(200, {"data": ["text"], "total": 1}),
            reply(200, {"data": [{"id": {"a": 1}}]}),
        ],
    )
    def test_refused(self, answer: Play, server: FakeServer, offers: ModelArtsOffers) -> None:
        """No rights, no such API in this region, no list: an error of the service, nothing else."""
        server.script.append(answer)
        with pytest.raises(ApiError):
            offers.flavors("MANAGED")

    @pytest.mark.parametrize(
        ("body", "free"),
        [
            ({"quota": 10, "used": 3}, 7),
            ({"quota": 10, "used": 12}, 0),
            ({"quota": -1, "used": 12}, None),
            ({}, None),
        ],
    )
    def test_quota(self, body: dict[str, Any], free: int | None, server: FakeServer, offers: ModelArtsOffers) -> None:
        server.script.append(reply(200, body))
        assert free == offers.quota().free
