"""Server side of SDK-HMAC-SHA256 (API page 15.1): recompute the signature from what arrived. Pure.

Written from the page, not from the client's signer: two readings check each other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, unquote

ALGORITHM = "SDK-HMAC-SHA256"
MAX_SKEW_MS = 15 * 60 * 1000
_AUTHORIZATION = re.compile(rf"{ALGORITHM} Access=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{{64}})")


@dataclass(frozen=True, slots=True)
class Request:
    """What the signature covers, as it came over the wire. Header names are lower case."""

    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Authorization:
    access_key: str
    signed_headers: tuple[str, ...]
    signature: str


def parse_authorization(value: str) -> Authorization | None:
    match = _AUTHORIZATION.fullmatch(value.strip())
    if match is None:
        return None
    return Authorization(match[1], tuple(match[2].split(";")), match[3])


def mismatch(request: Request, authorization: Authorization, secret_key: str, now: int) -> str | None:
    """None when the signature holds, else the reason in the gateway's words (API page 16.4).

    Only the headers named in SignedHeaders count, whatever they are: clients in use sign different sets (step 4).
    """
    if "x-sdk-date" not in authorization.signed_headers:
        return "x-sdk-date is not signed"
    date = request.headers.get("x-sdk-date", "")
    moment = _milliseconds(date)
    if moment is None or abs(now - moment) > MAX_SKEW_MS:
        return "signature expired"
    canonical = canonical_request(request, authorization.signed_headers)
    expected = sign(canonical, date, secret_key)
    if hmac.compare_digest(expected, authorization.signature):
        return None
    return "verify aksk signature fail,canonicalRequest:" + canonical.replace("\n", "|")


def sign(canonical: str, date: str, secret_key: str) -> str:
    """The key is the secret key itself; nothing is derived from it (step 11)."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return hmac.new(secret_key.encode(), f"{ALGORITHM}\n{date}\n{digest}".encode(), hashlib.sha256).hexdigest()


def canonical_request(request: Request, signed_headers: tuple[str, ...]) -> str:
    lines = [f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed_headers]
    payload = hashlib.sha256(request.body).hexdigest()
    if request.body and "x-sdk-content-sha256" in request.headers:
        payload = request.headers["x-sdk-content-sha256"]
    return "\n".join(
        (
            request.method,
            _canonical_path(request.raw_path),
            _canonical_query(request.raw_query),
            "".join(lines),
            ";".join(signed_headers),
            payload,
        )
    )


@lru_cache(maxsize=4096)
def _canonical_path(raw_path: str) -> str:
    """Every segment encoded anew, and a slash at the end that the path on the wire does not have (step 6)."""
    path = "/".join(_encode(segment) for segment in unquote(raw_path).split("/"))
    return path if path.endswith("/") else path + "/"


@lru_cache(maxsize=4096)
def _canonical_query(raw_query: str) -> str:
    if not raw_query:
        return ""
    pairs = [part.partition("=") for part in raw_query.split("&") if part]
    decoded = sorted((unquote(key), unquote(value)) for key, _, value in pairs)
    return "&".join(f"{_encode(key)}={_encode(value)}" for key, value in decoded)


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


@lru_cache(maxsize=64)
def _milliseconds(date: str) -> int | None:
    try:
        parsed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(parsed.timestamp() * 1000)
