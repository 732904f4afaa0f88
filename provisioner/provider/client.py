"""One HTTP conversation with one host of the service, for any number of threads.

`Client.send` signs, sends, reads within bounds, and repeats what may be repeated (retry.py decides, answers.py says
what a reply means). Every problem leaves as an `ApiError`; no other exception of the HTTP library gets out.
What the calls mean for notebooks is not known here.

A change is sent once. The one false alarm that a careless client makes is a pooled connection that the server has
just closed for idleness: the request dies on it unseen, and looks like a lost answer. So no connection is used again
after `IDLE_SECONDS`, which is far below the idle limit of any server, and httpx drops those already closed.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import ssl
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Protocol, Self

from provisioner import __version__
from provisioner.clock import Clock
from provisioner.errors import ApiError, UsageError
from provisioner.provider.answers import Answer, Call, Reply, judge, lost
from provisioner.provider.retry import Failure, Patience, Retry, Throttle, Tries
from provisioner.provider.signing import Query, WireRequest, encode_path, encode_query

# httpx imports its own command line, and rich with it, which is more than half of its import time.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
import httpx  # noqa: E402

# Its debug log prints the headers of every answer, a fresh token among them.
logging.getLogger("httpcore").setLevel(logging.INFO)

CONNECT_SECONDS = 10.0
PATIENCE = Patience()
IDLE_SECONDS = 2.0
MAX_BODY = 32 * 1024 * 1024
MAX_PORT = 65535

# Failures before the first byte of the request could have left.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class Authenticator(Protocol):
    def headers(self, request: WireRequest) -> Mapping[str, str]:
        """The headers to add to this attempt."""

    def renew(self, refused: Mapping[str, str]) -> bool:
        """After a 401 to a request with these headers: True when there are others to try now."""

    def secrets(self) -> tuple[str, ...]:
        """What must never appear in a message."""


class Client:
    """Each thread has a connection of its own; all share the TLS context, the authenticator and the throttle."""

    def __init__(
        self,
        base_url: str,
        auth: Authenticator,
        clock: Clock,
        *,
        ca_bundle: str = "",
        connect_seconds: float = CONNECT_SECONDS,
        patience: Patience = PATIENCE,
    ) -> None:
        self._base = parse_endpoint(base_url)
        self._auth = auth
        self._clock = clock
        self._ca_bundle = ca_bundle
        self._connect_seconds = connect_seconds
        self._patience = patience
        self._throttle = Throttle(clock)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._opened: list[httpx.Client] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            opened, self._opened = self._opened, []
            self._local = threading.local()
        for http in opened:
            http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        patience: Patience | None = None,
    ) -> dict[str, Any]:
        """The JSON object that answers; empty when a change was answered with nothing."""
        return self.send(method, path, query=query, body=body, patience=patience).body

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        repeatable: bool | None = None,
        patience: Patience | None = None,
    ) -> Answer:
        """Send until there is an answer or no further attempt is allowed.

        `path` is plain text, not encoded. GET is repeatable, everything else is not, unless the caller knows better.
        Without `patience` it is the client's.
        """
        patience = patience or self._patience
        plain = self._prepare(method, path, query or {}, body)
        tries = Tries(self._clock, self._throttle, patience)
        while True:
            self._throttle.wait()
            added = self._auth.headers(plain)
            call = Call(method, path, method == "GET" if repeatable is None else repeatable, self._auth.secrets())
            outcome = self._attempt(call, plain, added, patience.reading)
            if isinstance(outcome, Answer):
                return outcome
            if tries.may_renew(outcome) and self._auth.renew(added):
                continue
            if not tries.wait(outcome):
                raise outcome.error from outcome.cause

    def _prepare(self, method: str, path: str, query: Query, body: object) -> WireRequest:
        if not path.startswith("/") or {".", ".."} & set(path.split("/")):
            # An id that came from outside must not be able to lead elsewhere.
            raise ValueError(f"{path!r} is no plain absolute path")
        encoded = encode_path(self._base.path.rstrip("/") + path)
        # Only what we control: httpx adds further headers when it sends (API page 15.5).
        headers = {"Host": self._base.netloc.decode("ascii"), "Content-Type": "application/json"}
        return WireRequest(method, encoded, encode_query(query), headers, _encode_body(body))

    def _attempt(self, call: Call, plain: WireRequest, added: Mapping[str, str], seconds: float) -> Answer | Failure:
        http = self._http()
        target = f"{plain.path}?{plain.query}" if plain.query else plain.path
        url = self._base.copy_with(raw_path=target.encode("ascii"))
        request = http.build_request(
            plain.method,
            url,
            headers={**plain.headers, **added},
            content=plain.body or None,
            timeout=httpx.Timeout(seconds, connect=min(seconds, self._connect_seconds)),
        )
        try:
            with closing(http.send(request, stream=True)) as response:
                return judge(call, self._read(response, seconds))
        except _Unreadable as error:
            return lost(call, str(error), cause=error)
        except _NOT_SENT as error:
            return _not_sent(call, error)
        except httpx.TimeoutException as error:
            return lost(call, f"no answer within {seconds:g} s", cause=error)
        except httpx.TransportError as error:
            return lost(call, f"the connection broke before the answer was complete ({error})", cause=error)

    def _read(self, response: httpx.Response, seconds: float) -> Reply:
        """The whole reply, within bounds on size and time: both hold for a body that drips or unfolds."""
        deadline = self._clock.monotonic() + seconds
        body = bytearray()
        for chunk in _decoded(response):
            body += chunk
            if len(body) > MAX_BODY:
                raise _Unreadable(f"the answer is larger than {MAX_BODY // (1024 * 1024)} MiB")
            if self._clock.monotonic() > deadline:
                raise _Unreadable(f"the answer was not complete within {seconds:g} s")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, bytes(body), self._clock.now())

    def _http(self) -> httpx.Client:
        """The thread's own: one pool shared by all threads costs ten times the CPU."""
        with self._lock:
            http: httpx.Client | None = getattr(self._local, "http", None)
            if http is None:
                http = self._local.http = _without_bad_proxy(self._open)
                self._opened.append(http)
        return http

    def _open(self) -> httpx.Client:
        secure = self._base.scheme == "https"
        return httpx.Client(
            headers={
                "User-Agent": f"provisioner/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "X-Language": "en-us",  # else the messages may be Chinese (API page 1.2)
            },
            verify=_tls_context(self._ca_bundle) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=secure,  # proxies; a loopback address must never be sent to one
            limits=httpx.Limits(max_connections=1, keepalive_expiry=IDLE_SECONDS),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
        )


def _encode_body(body: object) -> bytes:
    if body is None:
        return b""  # not JSON's null, which the service does not take (API page 21, trap 36)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _without_bad_proxy(open_http: Callable[[], httpx.Client]) -> httpx.Client:
    try:
        return open_http()
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        # Not shown: the address of a proxy may hold a password.
        raise UsageError(
            "the proxy that the environment names cannot be used",
            detail="It must be http://HOST:PORT or https://HOST:PORT.",
            hint="correct HTTPS_PROXY or ALL_PROXY",
        ) from error


class _Unreadable(Exception):
    """The reply is beyond the bounds, or its encoding is broken."""


def parse_endpoint(text: str) -> httpx.URL:
    """An endpoint that credentials may be sent to."""
    try:
        url = httpx.URL(text)
        url.host.encode("idna")  # what connecting would stumble over, outside the errors of httpx
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UsageError("the endpoint is no URL", detail=str(error)) from error
    odd = url.userinfo or url.query or url.fragment or (url.port or 0) > MAX_PORT
    if url.scheme not in {"https", "http"} or not url.host or odd:
        raise UsageError(
            "the endpoint cannot be used",
            detail="It must be https://HOST or https://HOST:PORT, without user, query or fragment.",
        )
    if url.scheme == "http" and not _is_loopback(url.host):
        raise UsageError(
            f"plain http to {url.host} is refused",
            detail="Requests carry credentials; http is for addresses of this machine (127.0.0.1) alone.",
            hint="use https",
        )
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    """The usual authorities, and those of the bundle besides. Made once: loading them takes a while."""
    context = httpx.create_ssl_context()
    if ca_bundle:
        try:
            context.load_verify_locations(cafile=ca_bundle)
        except OSError as error:
            raise UsageError(f"cannot use the CA bundle {ca_bundle}", detail=str(error)) from error
    return context


def _not_sent(call: Call, error: httpx.TransportError) -> Failure:
    untrusted = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))
    problem = ApiError(
        f"cannot connect: {str(error) or type(error).__name__}; nothing was sent",
        method=call.method,
        path=call.path,
        hint="name the certificate authority's bundle in OS_CACERT, or in cloud.ca_bundle" if untrusted else "",
    )
    return Failure(problem, Retry.NEVER if untrusted else Retry.BACKOFF, cause=error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _decoded(response: httpx.Response) -> Iterator[bytes]:
    """The body in pieces of bounded size. httpx would unfold a piece whole, and nested encodings without end."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        yield from response.iter_raw()
        return
    if encoding not in {"gzip", "x-gzip"}:
        raise _Unreadable("the answer has an encoding that was not asked for")
    unzip = zlib.decompressobj(wbits=31)
    empty = True
    try:
        for chunk in response.iter_raw():
            empty = False
            yield unzip.decompress(chunk, MAX_BODY + 1)
    except zlib.error as error:
        raise _Unreadable("the answer is no valid gzip") from error
    if not (unzip.eof or empty):
        raise _Unreadable("the answer is cut off")
