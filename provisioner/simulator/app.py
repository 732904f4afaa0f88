"""HTTP: routes to operations, authentication, throttling, faults and the log around each. No rules of the service.

Every operation is a function of the world and a `Call`; it runs to its end without waiting, so one event loop is the
only lock there is. What waits - latency, a slow or hanging fault - waits around it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from provisioner.simulator import iam, listing, offers, service, signature, storages, tags
from provisioner.simulator.call import Answer, Call
from provisioner.simulator.control import control_routes
from provisioner.simulator.delivery import Abandoned, Connection, afflicted, delivered, prevented
from provisioner.simulator.faults import Effect, Faults
from provisioner.simulator.requestlog import RequestLog
from provisioner.simulator.wire import ServiceError, over_limit
from provisioner.simulator.world import World

Operation = Callable[[World, Call], Answer]

TRANSPORT = "simulator.transport"
"""The scope extension by which the server hands over the connection, so that a fault can cut it."""

_PROJECT = "/v1/{project_id}"
_NOTEBOOK = _PROJECT + "/notebooks/{id}"
# Static words come before {id} (API page 2).
_OPERATIONS: tuple[tuple[str, str, str, Operation], ...] = (
    ("create", "POST", _PROJECT + "/notebooks", service.create),
    ("list", "GET", _PROJECT + "/notebooks", listing.list_own),
    ("list-all", "GET", _PROJECT + "/notebooks/all", listing.list_all),
    ("list-flavors", "GET", _PROJECT + "/notebooks/flavors", offers.list_flavors),
    ("list-tags", "GET", _PROJECT + "/notebooks/tags", tags.list_in_use),
    ("show", "GET", _NOTEBOOK, service.show),
    ("update", "PUT", _NOTEBOOK, service.update),
    ("delete", "DELETE", _NOTEBOOK, service.delete),
    ("start", "POST", _NOTEBOOK + "/start", service.start),
    ("stop", "POST", _NOTEBOOK + "/stop", service.stop),
    ("renew-lease", "PATCH", _NOTEBOOK + "/lease", service.renew_lease),
    ("show-lease", "GET", _NOTEBOOK + "/lease", service.show_lease),
    ("list-switchable-flavors", "GET", _NOTEBOOK + "/flavors", offers.list_switchable_flavors),
    ("save-image", "POST", _NOTEBOOK + "/create-image", service.save_image),
    ("attach-storage", "POST", _NOTEBOOK + "/storage", storages.attach),
    ("list-storages", "GET", _NOTEBOOK + "/storage", storages.list_attached),
    ("show-storage", "GET", _NOTEBOOK + "/storage/{storage_id}", storages.show),
    ("detach-storage", "DELETE", _NOTEBOOK + "/storage/{storage_id}", storages.detach),
    ("create-tags", "POST", _NOTEBOOK + "/tags/create", tags.add),
    ("delete-tags", "DELETE", _NOTEBOOK + "/tags/delete", tags.remove),
    ("list-images", "GET", _PROJECT + "/images", offers.list_images),
    ("list-image-groups", "GET", _PROJECT + "/images/group", offers.list_image_groups),
    ("show-image", "GET", _PROJECT + "/images/{id}", offers.show_image),
    ("list-clusters", "GET", _PROJECT + "/authoring/clusters", offers.list_clusters),
    ("show-cluster", "GET", _PROJECT + "/authoring/clusters/{cluster_id}", offers.show_cluster),
    ("show-feature", "GET", _PROJECT + "/authoring/features/{feature}", offers.show_feature),
    ("list-workspaces", "GET", _PROJECT + "/workspaces", offers.list_workspaces),
    ("show-workspace", "GET", _PROJECT + "/workspaces/{workspace_id}", offers.show_workspace),
)
_IAM_OPERATIONS = (
    ("issue-token", "POST", "/v3/auth/tokens", iam.issue_token),
    ("list-projects", "GET", "/v3/projects", iam.list_projects),
    ("list-domains", "GET", "/v3/auth/domains", iam.list_domains),
    ("issue-temporary-key", "POST", "/v3.0/OS-CREDENTIAL/securitytokens", iam.issue_temporary_key),
)
_log = logging.getLogger(__name__)


def make_app(world: World) -> ASGIApp:
    gateway = Gateway(world)
    routes: list[Route | Mount] = [Mount("/_control", routes=control_routes(world, gateway.faults, gateway.log))]
    for name, method, path, operation in _OPERATIONS:
        routes.append(Route(path, Endpoint(gateway, name, operation), methods=[method]))
    for name, method, path, iam_operation in _IAM_OPERATIONS:
        routes.append(Route(path, Endpoint(gateway, name, _of_identity(iam_operation)), methods=[method]))
    every_method = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    routes.append(Route("/{path:path}", Endpoint(gateway, "unknown", _unpublished), methods=every_method))
    return Router(routes=routes)


def _of_identity(operation: Callable[..., Answer]) -> Operation:
    return lambda world, call: operation(world.identity, world.settings, call)


def _unpublished(_world: World, _call: Call) -> Answer:
    raise ServiceError(404, "APIGW.0101", "The API does not exist or has not been published in the environment.")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The ASGI application of one operation."""

    gateway: Gateway
    name: str
    operation: Operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.gateway.serve(self, scope, receive, send)


class Gateway:
    """What stands before every operation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults = Faults(name for name, *_ in (*_OPERATIONS, *_IAM_OPERATIONS))
        self.log = RequestLog()
        self._window = (0, 0)

    async def serve(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _received(scope, receive)
        path = str(scope["path"])
        entry = self.log.open(self.world.clock.now(), request.method, path, request.raw_query, endpoint.name)
        connection = Connection(scope, receive, send, entry)
        effects = self.faults.fired(endpoint.name, request.method, path, rate=self.world.switches.fault_rate)
        if self.world.settings.latency_ms:
            await asyncio.sleep(self.world.settings.latency_ms / 1000)
        try:
            answer = await prevented(effects, connection)
            if answer is None:
                answer = self._performed(endpoint, request, scope["path_params"], effects, connection)
            await delivered(answer, effects, connection)
        except Abandoned:
            return

    def _performed(
        self,
        endpoint: Endpoint,
        request: signature.Request,
        ids: dict[str, str],
        effects: Iterable[Effect],
        connection: Connection,
    ) -> Answer:
        now = self.world.settle()
        try:
            self._admit(endpoint.name, request, ids, now)
            query = dict(parse_qsl(request.raw_query, keep_blank_values=True))
            call = Call(now, ids, query, request.headers, request.body)
            return endpoint.operation(self.world, afflicted(call, effects))
        except ServiceError as error:
            return connection.error(error)
        except Exception:  # noqa: BLE001 - a bug of ours is the service's internal error to whoever called
            _log.exception("%s failed", endpoint.name)
            return connection.error(ServiceError(500, "ModelArts.0010", "Internal error."))

    def _admit(self, name: str, request: signature.Request, ids: dict[str, str], now: int) -> None:
        if name in ("unknown", "issue-token"):
            return
        if self.world.switches.authentication:
            token = self.world.identity.authenticate(request, now)
            if "project_id" in ids:
                self.world.identity.check_project(ids["project_id"], token, request.headers)
        if "project_id" in ids:
            self._throttle(now)

    def _throttle(self, now: int) -> None:
        """Switch S13, and no Retry-After: real answers often have none (API page 16.5)."""
        limit = self.world.switches.requests_per_second
        second, count = self._window
        self._window = (now // 1000, count + 1 if second == now // 1000 else 1)
        if limit and self._window[1] > limit:
            raise over_limit(limit)


async def _received(scope: Scope, receive: Receive) -> signature.Request:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return signature.Request(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        raw_query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): value.decode(errors="replace") for name, value in scope["headers"]},
        body=body,
    )
