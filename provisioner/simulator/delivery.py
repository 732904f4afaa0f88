"""The way back of a request: answers in full, in part or not at all, as fault rules want it.

The effects themselves are declared in `faults.py`; here they happen.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import NoReturn

from starlette.types import Receive, Scope, Send

from provisioner.simulator.call import Answer, Call
from provisioner.simulator.faults import Effect, Fail, Hang, Hide, Lose, Malformed, Outcome, Redirect, Slow, Throttle
from provisioner.simulator.requestlog import Entry
from provisioner.simulator.wire import ServiceError, error_body, over_limit

TRANSPORT = "simulator.transport"
"""The scope extension by which the server hands over the connection, so that a fault can cut it."""


class Abandoned(Exception):
    """There is nobody left to answer."""


class Connection:
    """One request's way back: answers in full, in part or not at all, and what the log says of it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, entry: Entry) -> None:
        self._transport = scope.get("extensions", {}).get(TRANSPORT)
        self._receive = receive
        self._send = send
        self._entry = entry
        self.request_id = secrets.token_hex(16)

    def error(self, error: ServiceError) -> Answer:
        self._entry.code = error.code
        return Answer(error_body(error, self.request_id), error.status)

    async def answer(self, answer: Answer) -> None:
        self._entry.status = answer.status
        await self.send(answer, _encoded(answer))

    async def send(self, answer: Answer, body: bytes, *, announced: int | None = None) -> None:
        """With `announced` more bytes than the body has, the answer stays incomplete."""
        headers = {"X-Request-Id": self.request_id} | answer.headers
        if answer.status != 204:  # no body, hence neither type nor length
            headers = {"Content-Type": "application/json", "Content-Length": str(announced or len(body))} | headers
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await self._send({"type": "http.response.body", "body": body, "more_body": announced is not None})

    async def cut(self, how: str) -> NoReturn:
        """Close without another byte."""
        self._entry.status, self._entry.code = 0, how
        if self._transport is not None:
            self._transport.close()
        await self._gone()

    async def hang(self) -> NoReturn:
        self._entry.code = "hang"
        await self._gone()

    async def _gone(self) -> NoReturn:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise Abandoned


def afflicted(call: Call, effects: Iterable[Effect]) -> Call:
    """What fault rules tell the operation itself to do."""
    for effect in effects:
        if isinstance(effect, Outcome):
            call = replace(call, outcome=(effect.status, effect.fail_reason))
        elif isinstance(effect, Hide):
            until = call.now + effect.ms
            hidden = effect.where == "everywhere"
            call = replace(call, unlisted_until=until, unseen_until=until if hidden else call.unseen_until)
    return call


async def prevented(effects: Iterable[Effect], connection: Connection) -> Answer | None:
    """The answer of a fault that comes before the effect; None when the operation is to take place."""
    for effect in effects:
        match effect:
            case Slow(when="before"):
                await asyncio.sleep(effect.delay_ms / 1000)
            case Hang(when="before"):
                await connection.hang()
            case Fail():
                answer = connection.error(ServiceError(effect.status, effect.code, effect.message))
                return replace(answer, body=effect.body or answer.body, headers=effect.headers)
            case Throttle():
                wait = {"Retry-After": effect.retry_after} if effect.retry_after else {}
                return replace(connection.error(over_limit(1)), headers=wait)
            case Redirect():
                return Answer(None, effect.status, {"Location": effect.location})
            case _:
                pass
    return None


async def delivered(answer: Answer, effects: Iterable[Effect], connection: Connection) -> None:
    """Send the answer, unless a fault that comes after the effect has other plans."""
    for effect in effects:
        match effect:
            case Slow(when="after"):
                await asyncio.sleep(effect.delay_ms / 1000)
            case Hang(when="after"):
                await connection.hang()
            case Lose(how="drop"):
                await connection.cut("drop")
            case Lose(how="half"):
                body = _encoded(answer)
                await connection.send(answer, body[: len(body) // 2], announced=len(body))
                await connection.cut("half")
            case Lose(how="status"):
                answer = Answer("<html>Bad Gateway</html>", effect.status, {"Content-Type": "text/html"})
            case Malformed():
                answer = _malformed(answer, effect.form)
            case _:
                pass
    await connection.answer(answer)


def _malformed(answer: Answer, form: str) -> Answer:
    match form:
        case "cut":
            text = _encoded(answer)
            return replace(answer, body=text[: len(text) // 2].decode(errors="ignore"))
        case "no-id":
            return replace(answer, body={key: value for key, value in (answer.body or {}).items() if key != "id"})
        case "wrong-type":
            return replace(answer, body=[answer.body])
        case _:
            return Answer("<html><body>Welcome</body></html>", 200, {"Content-Type": "text/html"})


def _encoded(answer: Answer) -> bytes:
    """Text goes out as it is; everything else as JSON."""
    if answer.body is None:
        return b""
    if isinstance(answer.body, str):
        return answer.body.encode()
    return json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
