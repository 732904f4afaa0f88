"""States behind Terraform's http protocol, as GitLab, Gitea and plain servers speak it.

GET reads, POST writes with `?ID=` of the lock, LOCK and UNLOCK (at GitLab POST and DELETE) carry the holder's record;
423 and 409 say that somebody holds it. The protocol has no condition on a write, so what stands there is read once more
before it: the lock, which the server checks, covers the moment between the two.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

from provisioner.errors import StateError, StateUnreachable, UsageError
from provisioner.state.backend import LockInfo, Seen, locked_by
from provisioner.state.store import Content, Kept, Stored

# httpx imports its own command line, and rich with it, which is more than half of its import time.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
import httpx  # noqa: E402

STACK = "{stack}"
MAX_BODY = 256 * 1024 * 1024
CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
READ_TRIES, READ_PAUSE = 3, 1.0
_HELD = frozenset({409, 423})
_NOTHING = frozenset({204, 404})
_DONE = frozenset({200, 201, 204})
_GITLAB = re.compile(r"/api/v4/projects/[^/]+/terraform/state/[^/]+$")
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Address:
    """Where one state is, and how the server wants to be spoken to."""

    state: str
    lock: str
    unlock: str
    update_method: str = "POST"
    lock_method: str = "LOCK"
    unlock_method: str = "UNLOCK"


@dataclass(frozen=True, slots=True)
class Settings:
    """What `provisioner.yaml` and the environment say; "" where they say nothing. Addresses may hold `{stack}`."""

    address: str
    lock_address: str = ""
    unlock_address: str = ""
    update_method: str = ""
    lock_method: str = ""
    unlock_method: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    ca_bundle: str = ""

    def of(self, stack: str) -> Address:
        name = quote(stack, safe="")
        state = self.address.replace(STACK, name)
        lock = self.lock_address.replace(STACK, name) or _beside(state)
        gitlab = _GITLAB.search(urlsplit(state).path) is not None
        return Address(
            state,
            lock,
            self.unlock_address.replace(STACK, name) or lock,
            self.update_method or "POST",
            self.lock_method or ("POST" if gitlab else "LOCK"),
            self.unlock_method or ("DELETE" if gitlab else "UNLOCK"),
        )


def read_settings(given: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """What `given` does not say is in Terraform's variables; a job of GitLab has a token of its own."""

    def value(key: str) -> str:
        return given.get(key, "") or environ.get(f"TF_HTTP_{key.upper()}", "")

    if environ.get("TF_HTTP_SKIP_CERT_VERIFICATION", "").lower() in {"1", "t", "true"}:
        raise UsageError(
            "TF_HTTP_SKIP_CERT_VERIFICATION asks for connections without certificate checks",
            detail="Whoever sits between could then read and change the state; this tool always checks.",
            hint="unset it, and name the certificate authority's bundle in TF_HTTP_CLIENT_CA_CERTIFICATE_PEM",
        )
    keys = ("address", "lock_address", "unlock_address", "update_method", "lock_method", "unlock_method")
    settings = Settings(
        **{key: value(key) for key in keys},
        username=environ.get("TF_HTTP_USERNAME", ""),
        password=environ.get("TF_HTTP_PASSWORD", ""),
        ca_bundle=environ.get("TF_HTTP_CLIENT_CA_CERTIFICATE_PEM", ""),
    )
    if not settings.address:
        raise UsageError(
            "the http backend has no address",
            hint="write backend.address into provisioner.yaml",
        )
    for text in (settings.address, settings.lock_address, settings.unlock_address):
        _check(text)
    job, api = environ.get("CI_JOB_TOKEN", ""), environ.get("CI_API_V4_URL", "")
    if job and api and not settings.password and settings.address.startswith(f"{api.rstrip('/')}/"):
        return Settings(
            **{key: value(key) for key in keys},
            username="gitlab-ci-token",
            password=job,
            ca_bundle=settings.ca_bundle,
        )
    return settings


class HttpStores:
    """The states behind `settings`; one client for all of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None

    @property
    def place(self) -> str:
        return self._settings.address

    def of(self, stack: str) -> HttpStore:
        return HttpStore(self._opened(), self._settings.of(stack))

    def stacks(self) -> list[str] | None:
        return None  # the protocol lists nothing

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _opened(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(
                    auth=(self._settings.username, self._settings.password) if self._settings.username else None,
                    timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
                    follow_redirects=False,
                    verify=_trust(self._settings.ca_bundle),
                )
            return self._client


class HttpStore:
    """One state."""

    def __init__(self, client: httpx.Client, address: Address) -> None:
        self._client = client
        self._at = address

    @property
    def place(self) -> str:
        return self._at.state

    def read(self) -> Stored | None:
        return self._stored(self._looked())

    def _stored(self, answer: httpx.Response) -> Stored | None:
        if answer.status_code in _NOTHING:
            return None
        self._check(answer, "be read")
        if not answer.content:
            return None
        expected = answer.headers.get("content-md5", "")
        if expected and expected != _md5(answer.content):
            raise StateUnreachable(f"{self.place} was cut on the way", detail="It does not agree with its Content-MD5.")
        return Stored(answer.content, _version(answer.content))

    def _looked(self) -> httpx.Response:
        """A look costs nothing, so it is repeated."""
        for _ in range(READ_TRIES - 1):
            with suppress(StateUnreachable):
                answer = self._send("GET", self._at.state)
                if answer.status_code < _SERVER_ERROR:
                    return answer
            time.sleep(READ_PAUSE)
        return self._send("GET", self._at.state)

    def write(self, content: Content, *, expected: str | None) -> str:
        stands = self._stored(self._send("GET", self._at.state))
        if (stands.version if stands else None) != expected:
            raise StateError("the state was changed by another run", detail=self.place, hint="run the command again")
        answer = self._send(
            self._at.update_method,
            self._at.state,
            content.data,
            query={"ID": content.lock} if content.lock else {},
            headers={"Content-MD5": _md5(content.data)},
        )
        if answer.status_code in _HELD:
            raise StateError(
                "the lock of the state is not ours any more",
                detail=f"{self.place} refuses the write ({answer.status_code}).\n{_words(answer)}".rstrip(),
                hint="see who has it: run the command again",
            )
        if answer.status_code >= _SERVER_ERROR:
            raise StateUnreachable(f"{self.place} answered {answer.status_code}", detail=_words(answer))
        self._check(answer, "be written")
        return _version(content.data)

    def lock(self, info: LockInfo) -> LockInfo | None:
        answer = self._send(self._at.lock_method, self._at.lock, _record(info))
        if answer.status_code in _HELD:
            held = _holder(answer.content)
            if held is not None and held.id == info.id:  # a repeated request: the first one had landed
                return None
            raise locked_by(Seen(self._at.lock, held))
        if answer.status_code >= _SERVER_ERROR:
            raise StateUnreachable(f"{self._at.lock} answered {answer.status_code}", detail=_words(answer))
        self._check(answer, "be locked")
        return None

    def unlock(self, info: LockInfo) -> None:
        answer = self._send(self._at.unlock_method, self._at.unlock, _record(info))
        if answer.status_code >= _SERVER_ERROR:
            raise StateUnreachable(f"{self._at.unlock} answered {answer.status_code}", detail=_words(answer))
        if answer.status_code in _HELD:
            held = _holder(answer.content)
            raise StateError(
                "the lock of the state is not ours any more",
                detail=Seen(self._at.lock, held).lines() if held else _words(answer),
                hint="what this run recorded is stored; see what the other one does before you go on",
            )
        self._check(answer, "be unlocked")

    def holder(self, *, trying: bool = False) -> Seen | None:
        """The protocol shows a holder only to those who want its lock."""
        if not trying:
            return None
        probe = LockInfo(id=_PROBE, operation="OperationTypeLook", who="provisioner", version="", created="")
        answer = self._send(self._at.lock_method, self._at.lock, _record(probe))
        if answer.status_code in _HELD:
            return Seen(self._at.lock, _holder(answer.content))
        if answer.status_code >= _SERVER_ERROR:
            raise StateUnreachable(f"{self._at.lock} answered {answer.status_code}", detail=_words(answer))
        self._check(answer, "be locked")
        self._send(self._at.unlock_method, self._at.unlock, _record(probe))
        return None

    def break_lock(self, seen: Seen) -> None:
        if seen.info is None:
            raise StateError(
                f"the lock of {self.place} does not say who holds it", hint="remove it where the server keeps it"
            )
        now = self.holder(trying=True)
        if now is None or now.id != seen.id:
            detail = now.lines() if now else "It is free."
            raise StateError("the lock is not held by that run any more", detail=detail)
        self.unlock(seen.info)

    def history(self) -> list[Kept]:
        raise StateError(
            f"{self.place} keeps no history that its protocol could show",
            hint="look at the server: GitLab lists the versions of a state in Operate > Terraform states",
        )

    def generation(self, kept: Kept) -> bytes:
        raise StateError(f"{self.place} has no serial {kept.serial}")

    def _send(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        given = {"Content-Type": "application/json"} if body else {}
        merged = httpx.URL(url).copy_merge_params(dict(query)) if query else httpx.URL(url)
        try:
            with self._client.stream(method, merged, content=body, headers={**given, **(headers or {})}) as answer:
                read = bytearray()
                for part in answer.iter_bytes():
                    read += part
                    if len(read) > MAX_BODY:
                        raise StateError(f"{url} answers with more than 256 MiB", hint="is it the address of a state?")
                return httpx.Response(answer.status_code, headers=_plain(answer.headers), content=bytes(read))
        except httpx.TransportError as error:
            raise StateUnreachable(
                f"{url} gave no answer", detail=f"{type(error).__name__}: {error}", hint="see whether it can be reached"
            ) from error

    def _check(self, answer: httpx.Response, what: str) -> None:
        status = answer.status_code
        if status in _DONE:
            return
        hints = {
            401: "set TF_HTTP_USERNAME and TF_HTTP_PASSWORD; at GitLab a token with the scope api",
            403: "the user may not do this: at GitLab the role Maintainer is needed to write and to lock",
            404: "look at backend.address in provisioner.yaml",
            413: "the server limits the size of states: raise its limit, or make stacks smaller",
        }
        redirected = f" It redirects to {answer.headers['location']}." if "location" in answer.headers else ""
        raise StateError(
            f"{self.place} cannot {what}: {status} {answer.reason_phrase}".rstrip(),
            detail=f"{_words(answer)}{redirected}".strip(),
            hint=hints.get(status, "is this the address of a server that speaks Terraform's http protocol?"),
        )


_PROBE = "00000000-0000-0000-0000-000000000000"


def _record(info: LockInfo) -> bytes:
    return info.model_dump_json(by_alias=True).encode()


def _holder(data: bytes) -> LockInfo | None:
    """The record of a holder, of ours or of Terraform's; None when the answer is none."""
    try:
        found = json.loads(data)
        if isinstance(found, dict) and isinstance(found.get("ID"), str) and found["ID"]:
            texts = {"Operation": "", "Who": "", "Version": "", "Created": ""}
            return LockInfo.model_validate({**texts, **{key: each for key, each in found.items() if each is not None}})
    except (ValueError, ValidationError):
        pass
    return None


def _beside(address: str) -> str:
    """`ADDRESS/lock`, before a query if there is one."""
    path, mark, query = address.partition("?")
    return f"{path.rstrip('/')}/lock{mark}{query}"


def _check(address: str) -> None:
    """Plain http is for loopback; no password stands in an address, which is printed."""
    if not address:
        return
    parts = urlsplit(address)
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "an address of the http backend holds a user name or a password",
            hint="set TF_HTTP_USERNAME and TF_HTTP_PASSWORD instead",
        )
    host = parts.hostname or ""
    if parts.scheme not in {"https", "http"} or not host:
        raise UsageError(f"{address!r} is no address of an http backend", hint="https://HOST/PATH/{stack}")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UsageError(f"{address} is plain http", detail="States are sent there.", hint="write https://")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _trust(bundle: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if bundle:
        try:
            given = {"cadata": bundle} if "BEGIN " in bundle else {"cafile": bundle}
            context.load_verify_locations(**given)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                "TF_HTTP_CLIENT_CA_CERTIFICATE_PEM holds no certificates",
                detail=str(error),
                hint="PEM, or its file",
            ) from error
    return context


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """Without what describes a coding that is undone already."""
    return {name: each for name, each in headers.items() if name not in {"content-encoding", "content-length"}}


def _words(answer: httpx.Response) -> str:
    """What the server says, at most a line of it."""
    text = answer.content[:300].decode(errors="replace").strip()
    return text.splitlines()[0] if text else ""


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
