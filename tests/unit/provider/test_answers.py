"""What a reply means: the body shapes of API page 16.1, the not-found rule, and what may follow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner.errors import ApiError, NotFound, OutcomeUnknown
from provisioner.provider.answers import Answer, Call, NotTheApi, Reply, judge, parse_object
from provisioner.provider.retry import Failure, Retry
from tests.unit.provider.fakes import NOON

GET = Call("GET", "/v1/p/notebooks/n", repeatable=True)
PUT = Call("PUT", "/v1/p/notebooks/n", repeatable=False)


def failure(call: Call, status: int, body: Any, headers: dict[str, str] | None = None) -> Failure:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    outcome = judge(call, Reply(status, headers or {}, content, NOON))
    assert isinstance(outcome, Failure)
    return outcome


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        pytest.param({"error_code": "ModelArts.0104", "error_msg": "m"}, "ModelArts.0104", "m", id="a"),
        pytest.param({"error_msg": "m", "error_code": "APIGW.0302", "request_id": "r"}, "APIGW.0302", "m", id="b"),
        pytest.param({"error_message": "m", "error_code": "ModelArts.6305"}, "ModelArts.6305", "m", id="c"),
        pytest.param({"errorCode": "C", "errorMsg": "m"}, "C", "m", id="d"),
        pytest.param({"errorCode": "C", "errorMessage": "m"}, "C", "m", id="d-message"),
        pytest.param({"code": "C", "message": "m"}, "C", "m", id="e"),
        pytest.param({"code": 17, "message": "m"}, "17", "m", id="e-number"),
        pytest.param({"error": {"code": 401, "message": "m", "title": "Unauthorized"}}, "401", "m", id="f"),
        pytest.param({"error_msg": "m", "error_code": "IAM.0006"}, "IAM.0006", "m", id="g"),
        pytest.param({"outer": {"error_code": "C", "error_msg": "m"}}, "C", "m", id="h"),
        pytest.param({"outer": {"inner": {"errorCode": "C", "errorMsg": "m"}}}, "C", "m", id="h-twice"),
        pytest.param(b"<html>Bad Gateway</html>", "418", "<html>Bad Gateway</html>", id="j-html"),
        pytest.param(b"", "418", "no message", id="j-empty"),
        pytest.param(b"[1]", "418", "[1]", id="j-list"),
        pytest.param({"message": "no route"}, "418", "no route", id="message-alone"),
        pytest.param({"error_code": "C", "error_msg": None}, "C", "no message", id="code-alone"),
        pytest.param({"error_code": None, "code": "C", "message": "m"}, "C", "m", id="null-is-absent"),
        pytest.param({"code": "E", "message": "e", "error_code": "A", "error_msg": "a"}, "A", "a", id="order"),
        pytest.param({"x": {"error_code": "A", "error_msg": "a"}, "code": "E", "message": "e"}, "E", "e", id="outer"),
    ],
)
def test_error_body(body: Any, code: str, message: str) -> None:
    """Every shape yields its code and its message; without a code the status stands in."""
    error = failure(GET, 418, body).error
    assert (418, code, message) == (error.status, error.code, error.message)


def test_policy_message_is_kept() -> None:
    """The encoded message of a denied policy stays readable in the detail, also one level down (shape i)."""
    for body in (
        {"error_code": "C", "error_msg": "m", "encoded_authorization_message": "XXX"},
        {"error": {"code": "C", "message": "m", "encoded_authorization_message": "XXX"}},
    ):
        assert "encoded_authorization_message: XXX" in failure(GET, 403, body).error.detail


@pytest.mark.parametrize("header", ["x-request-id", "x-iam-trace-id"])
def test_request_id(header: str) -> None:
    """The request id is in the error and in its detail, with method and path."""
    error = failure(PUT, 400, {"error_code": "C", "error_msg": "m"}, {header: "req-7"}).error
    assert "req-7" == error.request_id
    assert "PUT /v1/p/notebooks/n · request id req-7" == error.detail


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "ModelArts.6404", NotFound),
        (404, "", NotFound),
        (400, "ModelArts.6404", NotFound),
        (400, "ModelArts.6309", NotFound),
        (400, "ModelArts.6357", ApiError),
        (403, "ModelArts.6404", ApiError),
        (404, "APIGW.0101", ApiError),
        (404, "APIG.0101", ApiError),
    ],
)
@pytest.mark.parametrize("call", [GET, PUT])
def test_not_found(call: Call, status: int, code: str, kind: type[ApiError]) -> None:
    """Missing is 404, or 400 with 6404 or 6309; not 6357, and not a gateway that does not know the API."""
    outcome = failure(call, status, {"error_code": code, "error_msg": "m"})
    assert kind is type(outcome.error)
    assert Retry.NEVER is outcome.retry


def test_wrong_gateway_hint() -> None:
    """An API that the gateway does not know hints at the endpoint."""
    assert "endpoint" in failure(GET, 404, {"error_code": "APIGW.0101", "error_msg": "m"}).error.hint


@pytest.mark.parametrize(
    ("status", "code", "read", "change", "change_error"),
    [
        (400, "ModelArts.0104", Retry.NEVER, Retry.NEVER, ApiError),
        (400, "ModelArts.6333", Retry.NEVER, Retry.MINUTE, ApiError),
        (400, "ModelArts.6355", Retry.NEVER, Retry.MINUTE, ApiError),
        (401, "ModelArts.0202", Retry.LOGIN, Retry.LOGIN, ApiError),
        (400, "ModelArts.6401", Retry.LOGIN, Retry.LOGIN, ApiError),
        (403, "ModelArts.0112", Retry.NEVER, Retry.NEVER, ApiError),
        (408, "ModelArts.6100", Retry.BACKOFF, Retry.NEVER, OutcomeUnknown),
        (409, "C", Retry.NEVER, Retry.NEVER, OutcomeUnknown),
        (429, "APIGW.0308", Retry.THROTTLED, Retry.THROTTLED, ApiError),
        (429, "ModelArts.6101", Retry.THROTTLED, Retry.THROTTLED, ApiError),
        (500, "ModelArts.6102", Retry.BACKOFF, Retry.NEVER, OutcomeUnknown),
        (501, "", Retry.NEVER, Retry.NEVER, OutcomeUnknown),
        (502, "", Retry.BACKOFF, Retry.NEVER, OutcomeUnknown),
        (503, "", Retry.BACKOFF, Retry.NEVER, OutcomeUnknown),
        (504, "", Retry.BACKOFF, Retry.NEVER, OutcomeUnknown),
    ],
)
def test_what_may_follow(status: int, code: str, read: Retry, change: Retry, change_error: type[ApiError]) -> None:
    """The table of API page 16.6: what a read may do, what a change may do, and what a change means."""
    body = {"error_code": code, "error_msg": "m"}
    assert read is failure(GET, status, body).retry
    assert ApiError is type(failure(GET, status, body).error)
    assert change is failure(PUT, status, body).retry
    assert change_error is type(failure(PUT, status, body).error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_redirect(status: int) -> None:
    """A redirect is not followed: the message names the target, without its query, and says so."""
    headers = {"location": "https://evil.example/path?token=1"}
    read, change = failure(GET, status, b"", headers), failure(PUT, status, b"", headers)
    expected = "the service redirects to https://evil.example/path; nothing was sent there"
    assert (ApiError, expected) == (type(read.error), read.error.message)
    assert (OutcomeUnknown, expected) == (type(change.error), change.error.message)
    assert Retry.NEVER is read.retry is change.retry


def test_redirect_to_nowhere() -> None:
    """A redirect without a target is reported all the same."""
    assert "nowhere" in failure(GET, 302, b"").error.message


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("body", [{"id": "n", "status": "RUNNING"}, {}, {"id": "n", "error_code": ""}])
def test_success(status: int, body: dict[str, Any]) -> None:
    """Any 2xx with an object is an answer."""
    outcome = judge(GET, Reply(status, {"date": "x"}, json.dumps(body).encode()))
    assert Answer(status, {"date": "x"}, body) == outcome


def test_success_without_body() -> None:
    """A change may be answered with nothing; the answer is then an empty object."""
    assert Answer(204, {}, {}) == judge(PUT, Reply(204, {}, b""))
    assert Answer(200, {}, {}) == judge(PUT, Reply(200, {}, b" \n"))


@pytest.mark.parametrize("call", [GET, PUT])
def test_error_with_status_200(call: Call) -> None:
    """A 2xx with an error code and no id is the service's error; with an id it is an answer."""
    error = failure(call, 200, {"error_code": "ModelArts.0113", "error_msg": "quota"}).error
    assert (ApiError, "ModelArts.0113", "quota") == (type(error), error.code, error.message)
    with_id = {"id": "n", "error_code": "ModelArts.0113"}
    assert Answer(200, {}, with_id) == judge(call, Reply(200, {}, json.dumps(with_id).encode()))


BAD_BODIES = [
    b"<html>log in</html>",
    b'{"id": "n", "sta',
    b"[1, 2]",
    b'"text"',
    b"null",
    b"17",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b"\xff\xfe\x00",
    b'{"a": "\xff"}',
    b'{"a":' * 101 + b"1" + b"}" * 101,
    b"[" * 200_000,
    b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:12]))
def test_answer_that_is_not_the_api(body: bytes) -> None:
    """A 2xx that is no sane JSON object fails a read, and leaves the outcome of a change unknown."""
    read, change = failure(GET, 200, body), failure(PUT, 200, body)
    assert "the answer is not the API's" in read.error.message
    assert (ApiError, Retry.BACKOFF) == (type(read.error), read.retry)
    assert (OutcomeUnknown, Retry.NEVER) == (type(change.error), change.retry)


def test_empty_answer_to_a_read() -> None:
    """A read that is answered with nothing has not been answered by the API."""
    assert "the answer is not the API's (empty)" == failure(GET, 200, b"").error.message


def test_depth_of_a_hundred_is_fine() -> None:
    """The bound on nesting leaves room."""
    assert {} != parse_object(b'{"a":' * 99 + b"1" + b"}" * 99)


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:12]))
def test_parse_object_refuses(body: bytes) -> None:
    """Whatever comes, parsing ends in an object or in one kind of error."""
    with pytest.raises(NotTheApi):
        parse_object(body)


def test_half_a_surrogate_pair() -> None:
    """A text that was cut inside an emoji becomes one that can be written to a file; a whole emoji stays."""
    assert {"a": "x?", "b": "😀"} == parse_object(rb'{"a": "x\uD83D", "b": "\ud83d\ude00"}')


def test_messages_are_bounded() -> None:
    """A huge page or message does not flood the terminal."""
    assert 300 == len(failure(GET, 502, b"x" * 10**6).error.message)
    assert 2000 == len(failure(GET, 400, {"error_code": "C", "error_msg": "x" * 10**6}).error.message)


def test_secrets_are_cut_out_of_messages() -> None:
    """The gateway repeats signed headers in its message; a token does not get into the error."""
    call = Call("GET", "/v1/p", repeatable=True, secrets=("canary-token", ""))
    body = {"error_code": "APIGW.0301", "error_msg": "canonicalRequest:GET|/v1/|x-security-token:canary-token|"}
    for content in (body, json.dumps(body).encode()[:-1]):
        error = failure(call, 401, content).error
        assert "canary" not in f"{error} {error.message} {error.detail} {error.hint} {error!r} {call!r}"
        assert "x-security-token:***|" in error.message


@pytest.mark.parametrize("code", ["APIGW.0301", "APIG.0301"])
def test_clock_skew_hint(code: str) -> None:
    """When a signature is refused and the clocks differ, the hint shows both."""
    headers = {"date": "Fri, 18 Nov 2022 13:00:00 GMT"}
    hint = failure(GET, 401, {"error_code": code, "error_msg": "signature expired"}, headers).error.hint
    assert "server says 2022-11-18 13:00:00 UTC" in hint
    assert "this machine 2022-11-18 12:00:00 UTC" in hint


@pytest.mark.parametrize("headers", [{}, {"date": "soon"}, {"date": "Fri, 18 Nov 2022 12:01:00 GMT"}])
def test_refused_signature_hint(headers: dict[str, str]) -> None:
    """When the clocks agree, or the server tells no time, the hint is to check the key."""
    assert "check the access key" in failure(GET, 401, {"error_code": "APIGW.0301"}, headers).error.hint


def test_values_hide_their_content() -> None:
    """Neither a reply nor an answer shows headers or body when printed: a token may be in either."""
    headers, body = {"x-subject-token": "canary"}, b'{"token": "canary"}'
    assert "canary" not in repr(Reply(200, headers, body))
    assert "canary" not in repr(judge(GET, Reply(200, headers, body)))
