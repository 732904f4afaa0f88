"""Running the simulator: socket, ready line, signals, and saving what it holds. `run` is the way in."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from provisioner.simulator import persistence
from provisioner.simulator.app import make_app
from provisioner.simulator.delivery import TRANSPORT
from provisioner.simulator.options import Options
from provisioner.simulator.world import World

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as _Protocol
else:
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _Protocol
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol as _Protocol

_SAVE_INTERVAL = 0.5
_SAVE_SHARE = 20
"""Saving may cost a twentieth of the time: a big world is written less often."""


def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT (or the end of stdin, when asked). ValueError: the options cannot be obeyed."""
    options.check()
    with persistence.held(options.data) if options.data else contextlib.nullcontext():
        world = World(options)
        if options.data is None or not persistence.load(world, options.data):
            world.seed(options.seed_instances)
        with _listening(options) as listener:
            asyncio.run(_serve(world, listener))


@contextlib.contextmanager
def _listening(options: Options) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off; without it every answer waits 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((options.host, options.port))
        except OSError as error:
            raise ValueError(f"cannot listen on {options.host} port {options.port}: {error.strerror}") from error
        yield listener


async def _serve(world: World, listener: socket.socket) -> None:
    server = _Server(
        uvicorn.Config(
            make_app(world),
            http=_CuttableProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=4096,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        ),
        ready=_ready_line(world.options, listener),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.leave)
    if world.options.exit_with_stdin:
        threading.Thread(target=_await_end_of_stdin, args=(loop, server), daemon=True).start()
    saving = asyncio.create_task(_keep_saved(world))
    try:
        await server.serve(sockets=[listener])
    finally:
        saving.cancel()
        if world.options.data is not None:
            persistence.save(world, world.options.data)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    def leave(self) -> None:
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Not uvicorn's handlers: they raise the signal again at the end, and a clean end has exit code 0."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._ready, flush=True)  # noqa: T201 - this line is the interface


class _CuttableProtocol(_Protocol):
    """Gives the application its connection, so that a fault can cut it where HTTP has no word for that."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app = functools.partial(_with_transport, self.app, transport)


async def _with_transport(app: ASGIApp, transport: Any, scope: Scope, receive: Receive, send: Send) -> None:
    scope.setdefault("extensions", {})[TRANSPORT] = transport
    await app(scope, receive, send)


def _ready_line(options: Options, listener: socket.socket) -> str:
    host = f"[{options.host}]" if ":" in options.host else options.host
    endpoint = f"http://{host}:{listener.getsockname()[1]}"
    account = options.account
    return json.dumps(
        {
            "endpoint": endpoint,
            "iam_endpoint": endpoint,
            "access_key": account.access_key,
            "secret_key": account.secret_key,
            "project_id": account.project_id,
            "region": account.region,
        }
    )


def _await_end_of_stdin(loop: asyncio.AbstractEventLoop, server: _Server) -> None:
    """The parent holds the other end; when it dies, however it dies, this ends too."""
    # Not sys.stdin: its lock, held here at exit, would abort the interpreter.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    loop.call_soon_threadsafe(server.leave)


async def _keep_saved(world: World) -> None:
    """Write after changes, not for each of them."""
    directory = world.options.data
    if directory is None:
        return
    saved, pause = world.store.version, _SAVE_INTERVAL
    while True:
        await asyncio.sleep(pause)
        if world.store.version != saved:
            saved = world.store.version
            started = time.monotonic()
            persistence.save(world, directory)
            pause = max(_SAVE_INTERVAL, _SAVE_SHARE * (time.monotonic() - started))
