"""SDK-HMAC-SHA256 (API page 15.1): the canonical form of a request, its signature, and the headers that carry it.

Everything is pure but `Signer`, which reads the clock. Nothing here sends anything, and no secret leaves but inside
the signature. The strings made by `encode_path` and `encode_query` are the ones that go on the wire: the service
recomputes the signature from the bytes it received, so a second encoder anywhere would break it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from provisioner.clock import Clock
    from provisioner.provider.credentials import AccessKey

ALGORITHM = "SDK-HMAC-SHA256"

Scalar = str | int | bool
QueryValue = Scalar | Sequence[Scalar] | None
Query = Mapping[str, QueryValue]


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request as it will be sent: path and query already encoded, body already bytes."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


def encode_path(path: str) -> str:
    """Percent-encode each segment of a plain path."""
    return quote(path, safe="/~")


def encode_query(query: Query) -> str:
    """Sorted by key, then by value; a list repeats its key; None is dropped; an empty value keeps its `=`."""
    pairs: list[tuple[str, str]] = []
    for key, value in query.items():
        if value is None:
            continue
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        pairs.extend((key, _text(item)) for item in values)
    return "&".join(f"{_encode(key)}={_encode(value)}" for key, value in sorted(pairs))


def canonical_request(request: WireRequest) -> str:
    """The text that is signed. Every header of the request takes part, so hand in only those that are controlled."""
    headers = {name.lower(): value.strip() for name, value in request.headers.items()}
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    payload = hashlib.sha256(request.body).hexdigest()
    path = _canonical_path(request.path)
    return f"{request.method}\n{path}\n{request.query}\n{lines}\n{';'.join(names)}\n{payload}"


def authorization(request: WireRequest, access_key: str, secret_key: str) -> str:
    """The Authorization header for a request whose headers hold X-Sdk-Date."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    digest = hashlib.sha256(canonical_request(request).encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{headers['x-sdk-date']}\n{digest}"
    # The key is the secret key itself: this algorithm derives none from the date or the region.
    signature = hmac.new(secret_key.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Access={access_key}, SignedHeaders={';'.join(sorted(headers))}, Signature={signature}"


def sdk_date(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")


@dataclass(frozen=True, slots=True)
class Signer:
    """Authenticates with an access key. Without a project id (IAM) the X-Project-Id header stays away."""

    key: AccessKey
    clock: Clock
    project_id: str = ""

    def headers(self, request: WireRequest) -> dict[str, str]:
        """What to add to a request: signed anew for each attempt, since a signature ages (API page 15.1)."""
        added = {"X-Sdk-Date": sdk_date(self.clock.now())}
        if self.project_id:
            added["X-Project-Id"] = self.project_id
        if self.key.security_token:
            added["X-Security-Token"] = self.key.security_token
        to_sign = WireRequest(request.method, request.path, request.query, {**request.headers, **added}, request.body)
        return {**added, "Authorization": authorization(to_sign, self.key.access_key, self.key.secret_key)}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """A refused key stays refused; repeating only brings the service nearer to locking it (API page 15.1)."""
        del refused
        return False

    def secrets(self) -> tuple[str, ...]:
        return (self.key.secret_key, self.key.security_token)


def _canonical_path(path: str) -> str:
    encoded = encode_path(unquote(path))
    # The closing slash exists in the canonical form only, not in the path that is sent.
    return encoded if encoded.endswith("/") else f"{encoded}/"


def _encode(text: str) -> str:
    return quote(text, safe="~")


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
