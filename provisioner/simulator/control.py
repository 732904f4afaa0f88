"""The control endpoint, `/_control/`: what tests and demonstrations do to the simulator behind the service's back.

No credentials, so loopback only, and not for browsers: see `_guarded`. `docs/simulator.md` is its reference.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

import jsonpatch
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from provisioner.simulator import lifecycle
from provisioner.simulator.faults import Faults
from provisioner.simulator.options import is_loopback
from provisioner.simulator.record import JsonObject, Notebook, patched
from provisioner.simulator.requestlog import RequestLog
from provisioner.simulator.wire import mount_body
from provisioner.simulator.world import World

_Handler = Callable[[Request], Awaitable[Any]]


def control_routes(world: World, faults: Faults, log: RequestLog) -> list[Route]:
    control = _Control(world, faults, log)
    table: tuple[tuple[str, str, _Handler], ...] = (
        ("GET", "/switches", control.show_switches),
        ("POST", "/switches", control.turn_switches),
        ("GET", "/settings", control.show_settings),
        ("POST", "/settings", control.change_settings),
        ("GET", "/faults", control.list_faults),
        ("POST", "/faults", control.add_fault),
        ("DELETE", "/faults", control.clear_faults),
        ("DELETE", "/faults/{number:int}", control.remove_fault),
        ("GET", "/clock", control.show_clock),
        ("POST", "/clock", control.set_clock),
        ("GET", "/notebooks", control.dump),
        ("PATCH", "/notebooks/{id}", control.drift),
        ("POST", "/notebooks/{id}/{event}", control.happen),
        ("GET", "/log", control.show_log),
        ("DELETE", "/log", control.clear_log),
        ("POST", "/reset", control.reset),
    )
    return [Route(path, _guarded(handler), methods=[method]) for method, path, handler in table]


def _guarded(handler: _Handler) -> Callable[[Request], Awaitable[Response]]:
    """Only a local program gets through: a page in a browser sends Origin, or another Host after DNS rebinding."""

    async def endpoint(request: Request) -> Response:
        client = request.client.host if request.client else ""
        if not is_loopback(client) or not is_loopback(request.url.hostname or "") or "origin" in request.headers:
            return JSONResponse({"error": "only for programs on this machine"}, 403)
        try:
            return JSONResponse(await handler(request))
        except LookupError as error:
            return JSONResponse({"error": str(error.args[0])}, 404)
        except (ValueError, TypeError, jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
            return JSONResponse({"error": str(error)}, 400)

    return endpoint


async def _object(request: Request) -> JsonObject:
    body = json.loads(await request.body() or b"{}")
    if not isinstance(body, dict):
        raise TypeError("the body is not an object")
    return body


class _Control:
    """One method per route; what it returns is the JSON answer."""

    def __init__(self, world: World, faults: Faults, log: RequestLog) -> None:
        self._world = world
        self._faults = faults
        self._log = log

    async def show_switches(self, _request: Request) -> Any:
        return self._world.switches.numbered()

    async def turn_switches(self, request: Request) -> Any:
        switches = self._world.switches
        for number, value in (await _object(request)).items():
            word = {True: "on", False: "off"}[value] if isinstance(value, bool) else value
            switches = switches.turned(f"{number}={word}")
        self._world.switches = switches
        return switches.numbered()

    async def show_settings(self, _request: Request) -> Any:
        return asdict(self._world.settings)

    async def change_settings(self, request: Request) -> Any:
        self._world.settings = self._world.settings.changed(await _object(request))
        return asdict(self._world.settings)

    async def list_faults(self, _request: Request) -> Any:
        return {"faults": self._faults.report()}

    async def add_fault(self, request: Request) -> Any:
        return {"id": self._faults.add(await request.body())}

    async def clear_faults(self, _request: Request) -> Any:
        self._faults.clear()
        return {}

    async def remove_fault(self, request: Request) -> Any:
        if not self._faults.remove(request.path_params["number"]):
            raise LookupError("there is no such fault")
        return {}

    async def show_clock(self, _request: Request) -> Any:
        clock = self._world.clock
        return {"now": clock.now(), "offset_ms": clock.offset, "frozen": clock.frozen}

    async def set_clock(self, request: Request) -> Any:
        body, clock = await _object(request), self._world.clock
        milliseconds = body.get("advance_ms", 0)
        if not isinstance(milliseconds, int) or milliseconds < 0:
            raise ValueError("advance_ms is a number of milliseconds; time does not run backwards")
        if "frozen" in body:
            (clock.freeze if body["frozen"] else clock.thaw)()
        clock.advance(milliseconds)
        return await self.show_clock(request)

    async def dump(self, _request: Request) -> Any:
        now = self._world.settle()
        return {"notebooks": [self._dumped(notebook, now) for notebook in self._world.store]}

    async def drift(self, request: Request) -> Any:
        """Apply an RFC 6902 patch to the notebook as the API shows it, as somebody in the console would."""
        notebook, now = self._found(request)
        before = json.loads(json.dumps(self._world.shown(notebook, now)))
        after = jsonpatch.apply_patch(before, await request.json())
        return self._put(patched(notebook, before, after), now)

    async def happen(self, request: Request) -> Any:
        notebook, now = self._found(request)
        match request.path_params["event"]:
            case "idle-stop":
                _expect(notebook, "RUNNING")
                stop_ms = self._world.settings.stop_ms
                return self._put(replace(lifecycle.stopping(notebook, now, stop_ms), lease=notebook.lease), now)
            case "freeze":
                _expect(notebook, "RUNNING", "STOPPED")
                return self._put(replace(notebook, status="FROZEN", update_at=now, mounts=(), resize=None), now)
            case "thaw":
                _expect(notebook, "FROZEN")
                return self._put(replace(notebook, status="STOPPED", update_at=now), now)
            case "vanish":
                self._world.store.remove(notebook.id)
                return {}
            case event:
                raise LookupError(f"nothing is called {event}: there are idle-stop, freeze, thaw and vanish")

    async def show_log(self, request: Request) -> Any:
        return {"requests": self._log.report(request.query_params.get("operation"))}

    async def clear_log(self, _request: Request) -> Any:
        self._log.clear()
        return {}

    async def reset(self, _request: Request) -> Any:
        self._world.reset()
        self._faults.clear()
        self._log.clear()
        return {}

    def _found(self, request: Request) -> tuple[Notebook, int]:
        now = self._world.settle()
        notebook = self._world.store.find(request.path_params["id"])
        if notebook is None:
            raise LookupError("there is no such notebook")
        return notebook, now

    def _put(self, notebook: Notebook, now: int) -> JsonObject:
        self._world.store.put(notebook, now)
        return self._dumped(notebook, now)

    def _dumped(self, notebook: Notebook, now: int) -> JsonObject:
        """The notebook and, which the API shows elsewhere, its dynamic storages."""
        storages = [mount_body(mount) for mount in notebook.mounts]
        return self._world.shown(notebook, now) | {"storages": storages}


def _expect(notebook: Notebook, *statuses: str) -> None:
    if notebook.status not in statuses:
        raise ValueError(f"the notebook is {notebook.status}, not {' or '.join(statuses)}")
