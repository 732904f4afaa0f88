"""What a reply of the service means: a usable answer, or a failure and what may be done about it (API page 16).

Pure: bytes and headers in, values out. No HTTP library, no clock, no waiting.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NoReturn

from provisioner.errors import ApiError, NotFound, OutcomeUnknown
from provisioner.provider.retry import Failure, Retry, parse_http_date, parse_retry_after

MAX_DEPTH = 100
MAX_MESSAGE = 2000
MAX_PAGE_TEXT = 300
NOT_FOUND_CODES = frozenset({"ModelArts.6404", "ModelArts.6309"})  # API page 16.2; 6357 is ambiguous, so not here
BUSY_FOR_A_MINUTE_CODES = frozenset({"ModelArts.6333", "ModelArts.6355"})
TOKEN_CODES = frozenset({"ModelArts.6401"})  # "illegal token", whatever the status (API page 15.3)
SIGNATURE_CODES = frozenset({"APIGW.0301", "APIG.0301"})
PASSING_STATUSES = frozenset({408, 500, 502, 503, 504})
# A change that is answered like this was not made. 408 and 409 leave it open (API page 16.6).
REFUSING_STATUSES = frozenset(range(400, 500)) - {408, 409}
GATEWAY_PREFIXES = ("APIGW.", "APIG.")
MAX_SKEW = 300.0
SHORTEST_SECRET = 8  # shorter ones are made up, and would be found in ordinary words

# The pairs in the order of API page 16.1.
_ERROR_KEYS = (
    ("error_code", ("error_msg", "error_message")),
    ("errorCode", ("errorMsg", "errorMessage")),
    ("code", ("message",)),
)


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked. A repeatable call changes nothing, or nothing that a repetition would make worse.

    `secrets` never reach a message: the gateway answers a bad signature with the canonical request that it computed,
    the security token in it (API page 15.1).
    """

    method: str
    path: str
    repeatable: bool
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, as it came. Header names are lower case. The repr shows no content: it may hold a token."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A usable answer: a 2xx with a JSON object, or with nothing (an empty `body`)."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: dict[str, Any] = field(repr=False)


class NotTheApi(ValueError):
    """A body that is no JSON object of sane shape."""


def judge(call: Call, reply: Reply) -> Answer | Failure:
    """The meaning of a complete reply; API page 16.6 decides what may follow a failure."""
    match reply.status // 100:
        case 2:
            return _success(call, reply)
        case 3:
            return _redirect(call, reply)
        case _:
            return _error(call, reply)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; an empty body is an empty object."""
    if not body.strip():
        return {}
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
        if rb"\ud" in body.lower():
            # Half an emoji, cut off by the service, could later be written to no file.
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError as error:
        raise NotTheApi("nested too deeply") from error
    except ValueError as error:
        raise NotTheApi("no JSON") from error
    if not isinstance(value, dict):
        raise NotTheApi("no JSON object")
    if _is_too_deep(value):
        raise NotTheApi("nested too deeply")
    return value


def lost(call: Call, what: str, *, cause: Exception | None = None) -> Failure:
    """No usable answer came after the request was sent, or may have been."""
    what = _without_secrets(call, what)
    if call.repeatable:
        error = ApiError(what, method=call.method, path=call.path)
        return Failure(error, Retry.BACKOFF, cause=cause)
    return Failure(
        OutcomeUnknown(f"{what}; whether the request took effect is unknown", method=call.method, path=call.path),
        cause=cause,
    )


def _success(call: Call, reply: Reply) -> Answer | Failure:
    try:
        body = parse_object(reply.body)
    except NotTheApi as error:
        return _not_the_api(call, reply, str(error))
    if call.method == "GET" and not reply.body.strip():
        return _not_the_api(call, reply, "empty")
    if body.get("error_code") and not body.get("id"):
        # Some calls report an error with status 200 (API page 16.1).
        code, message = _code_and_message(body) or ("", "")
        return Failure(_detailed(_api_error(ApiError, call, reply, code, message), body))
    return Answer(reply.status, reply.headers, body)


def _not_the_api(call: Call, reply: Reply, why: str) -> Failure:
    message = f"the answer is not the API's ({why}): {_text(reply.body)}".removesuffix(": ")
    hint = "a proxy or a login page may stand between; check the endpoint"
    if call.repeatable:
        return Failure(_api_error(ApiError, call, reply, "", message, hint=hint), Retry.BACKOFF)
    return Failure(_api_error(OutcomeUnknown, call, reply, "", message, hint=hint))


def _redirect(call: Call, reply: Reply) -> Failure:
    # Never followed: the signature belongs to this host, and a token would travel to a stranger.
    target = reply.headers.get("location", "").split("?")[0][:200] or "nowhere"
    message = f"the service redirects to {target}; nothing was sent there"
    kind = ApiError if call.repeatable else OutcomeUnknown
    return Failure(_api_error(kind, call, reply, "", message, hint="check the endpoint"))


def _error(call: Call, reply: Reply) -> Failure:
    try:
        body = parse_object(reply.body)
    except NotTheApi:
        body = {}
    code, message = _code_and_message(body) or ("", _text(reply.body))
    retry = _what_may_follow(call, reply.status, code)
    kind = _error_kind(call, reply.status, code)
    error = _detailed(_api_error(kind, call, reply, code, message, hint=_hint(reply, code)), body)
    return Failure(error, retry, parse_retry_after(reply.headers.get("retry-after", ""), reply.received))


def _what_may_follow(call: Call, status: int, code: str) -> Retry:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Retry.THROTTLED
    if status == HTTPStatus.UNAUTHORIZED or code in TOKEN_CODES:
        return Retry.LOGIN
    if status == HTTPStatus.BAD_REQUEST and code in BUSY_FOR_A_MINUTE_CODES:
        return Retry.NEVER if call.method == "GET" else Retry.MINUTE
    return Retry.BACKOFF if call.repeatable and status in PASSING_STATUSES else Retry.NEVER


def _error_kind(call: Call, status: int, code: str) -> type[ApiError]:
    if not call.repeatable and status not in REFUSING_STATUSES:
        # Even with an error code in the body: the service failed somewhere, nobody knows how far it had got.
        return OutcomeUnknown
    if status == HTTPStatus.NOT_FOUND and not code.startswith(GATEWAY_PREFIXES):
        # The gateway's own 404 says that it knows no such API, nothing about the object (API page 16.4).
        return NotFound
    return NotFound if status == HTTPStatus.BAD_REQUEST and code in NOT_FOUND_CODES else ApiError


def _api_error(kind: type[ApiError], call: Call, reply: Reply, code: str, message: str, *, hint: str = "") -> ApiError:
    request_id = reply.headers.get("x-request-id") or reply.headers.get("x-iam-trace-id", "")
    return kind(
        _without_secrets(call, message)[:MAX_MESSAGE] or "no message",
        status=reply.status,
        code=code[:MAX_PAGE_TEXT],
        request_id=request_id,
        method=call.method,
        path=call.path,
        hint=hint,
    )


def _without_secrets(call: Call, text: str) -> str:
    for secret in call.secrets:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text


def _detailed(error: ApiError, body: Mapping[str, Any]) -> ApiError:
    """Keep what an administrator can decode to see which policy refused (API page 16.1, shape i)."""
    encoded = next((o["encoded_authorization_message"] for o in _objects(body) if _has_policy_message(o)), "")
    if encoded:
        error.detail += f"\nencoded_authorization_message: {encoded}"
    return error


def _has_policy_message(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("encoded_authorization_message"), str)


def _code_and_message(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first pair in the outermost object that has one."""
    for candidate in _objects(body):
        for code_key, message_keys in _ERROR_KEYS:
            code = _scalar(candidate.get(code_key))
            message = next((text for key in message_keys if (text := _scalar(candidate.get(key)))), "")
            if code or message:
                return code, message
    return None


def _objects(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """An object and the objects in it, outermost first."""
    level: list[Mapping[str, Any]] = [body]
    while level:
        yield from level
        level = [value for outer in level for value in outer.values() if isinstance(value, dict)]


def _scalar(value: object) -> str:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _hint(reply: Reply, code: str) -> str:
    if reply.status == HTTPStatus.NOT_FOUND and code.startswith(GATEWAY_PREFIXES):
        return "the gateway knows no such API: check the endpoint and the region"
    if code not in SIGNATURE_CODES:
        return "check the credentials; a token lives for 24 hours" if reply.status == HTTPStatus.UNAUTHORIZED else ""
    theirs = parse_http_date(reply.headers.get("date", ""))
    if theirs is None or abs(theirs - reply.received) < MAX_SKEW:
        return "check the access key and the secret key, and the token when they are temporary"
    return (
        f"the clocks differ: the server says {_clock_text(theirs)}, this machine {_clock_text(reply.received)}; "
        "a signature is refused when it is more than 15 minutes off"
    )


def _clock_text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _text(body: bytes) -> str:
    return body[: 4 * MAX_PAGE_TEXT].decode("utf-8", "replace").strip()[:MAX_PAGE_TEXT]


def _is_too_deep(value: object) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner = (item for outer in level for item in (outer.values() if isinstance(outer, dict) else outer))
        level = [item for item in inner if isinstance(item, (dict, list))]
        if not level:
            return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise NotTheApi(f"{name} is no JSON")
