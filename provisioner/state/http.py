"""States behind Terraform's http protocol, as GitLab, Gitea and plain servers speak it.

GET reads, POST writes with `?ID=` of the lock, LOCK and UNLOCK (at GitLab POST and DELETE) carry the holder's record;
423 and 409 say that somebody holds it. The protocol has no condition on a write, so what stands there is read once
more before it. The moment between the two is covered by the lock, which the server checks, and by `If-Match` where it
has ETags.
"""

from __future__ import annotations

import logging
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from provisioner.errors import StateError, StateUnreachable, UsageError
from provisioner.state.backend import LockInfo, Seen, locked_by
from provisioner.state.http_bodies import holder_in, md5, probe, record, version, words
from provisioner.state.http_settings import Address, Certificates, Retries, Settings, is_loopback, without_query
from provisioner.state.store import Content, Kept, Stored

# httpx imports its own command line, and rich with it, which is more than half of its import time.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
import httpx  # noqa: E402

# Its debug log prints headers.
logging.getLogger("httpcore").setLevel(logging.INFO)

MAX_BODY = 256 * 1024 * 1024
CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
# Below the idle limit of any server: a request on a connection that it just closed looks like a lost answer.
IDLE_SECONDS = 2.0
_HELD = frozenset({409, 423})
_NOTHING = frozenset({204, 404})
_NOT_FOUND = 404
_DONE = frozenset({200, 201, 204})
_CHANGED = 412
_SERVER_ERROR = 500
_HINTS = {
    401: "set TF_HTTP_USERNAME and TF_HTTP_PASSWORD; at GitLab the password is a token with the scope api",
    403: "this user may not do that; at GitLab the role Developer reads, and Maintainer writes and locks",
    404: "look at backend.address in provisioner.yaml, and whether this user may see the project",
    413: "the server limits the size of states: raise its limit, or make stacks smaller",
}


class HttpStores:
    """The states behind `settings`; one client for all of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None

    @property
    def place(self) -> str:
        return without_query(self._settings.address)

    def of(self, stack: str) -> HttpStore:
        return HttpStore(self._opened(), self._settings.of(stack), self._settings.retries)

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
                self._client = _client(self._settings)
            return self._client


class HttpStore:
    """One state."""

    def __init__(self, client: httpx.Client, address: Address, retries: Retries) -> None:
        self._client = client
        self._at = address
        self._retries = retries

    @property
    def place(self) -> str:
        return without_query(self._at.state)

    def read(self) -> Stored | None:
        answer = self._look()
        return Stored(answer.content, version(answer.content)) if answer is not None else None

    def write(self, content: Content, *, expected: str | None) -> str:
        stands = self._look()
        if (version(stands.content) if stands is not None else None) != expected:
            raise _changed(self.place)
        tag = stands.headers.get("etag", "") if stands is not None else ""
        headers = {"Content-MD5": md5(content.data)}
        if tag.startswith('"'):  # a weak one (W/"...") is for caches
            headers["If-Match"] = tag
        url = str(httpx.URL(self._at.state).copy_merge_params({"ID": content.lock})) if content.lock else self._at.state
        answer = self._send(self._at.update_method, url, content.data, headers)
        if answer.status_code == _CHANGED:
            raise _changed(self.place)
        if answer.status_code in _HELD:
            raise self._lost(answer)
        self._check(answer, "be written")
        return version(content.data)

    def lock(self, info: LockInfo) -> LockInfo | None:
        seen = self._try(info)
        if seen is not None and seen.id != info.id:  # with ours an earlier try had landed
            raise locked_by(seen)
        return None

    def unlock(self, info: LockInfo) -> None:
        answer = self._send(self._at.unlock_method, self._at.unlock, record(info))
        if answer.status_code in _HELD:
            raise self._lost(answer)
        self._check(answer, "be unlocked")

    def holder(self, *, trying: bool = False) -> Seen | None:
        """The protocol names a holder only to those who want its lock: a look would turn away a run that begins at this
        moment.
        """
        if not trying:
            return None
        look = probe()
        seen = self._try(look)
        if seen is None:
            self.unlock(look)
        return seen

    def break_lock(self, seen: Seen) -> None:
        if seen.info is None:
            raise StateError(
                f"the server does not say who holds the lock of {self.place}", hint="remove the lock at the server"
            )
        now = self.holder(trying=True)
        if now is None or now.id != seen.id:
            raise StateError(
                "the lock is not held by that run any more",
                detail=now.lines() if now else "It is free.",
                hint="run the command again",
            )
        self.unlock(seen.info)

    def history(self) -> list[Kept]:
        raise StateError(
            f"{self.place} keeps no history that the protocol could show",
            hint="look at the server: GitLab lists the versions of a state at Operate, Terraform states",
        )

    def generation(self, kept: Kept) -> bytes:
        raise StateError(f"{self.place} has no serial {kept.serial}")

    def _look(self) -> httpx.Response | None:
        """The answer that holds the state, None when there is none yet."""
        answer = self._ask()
        said = words(answer.content)
        # GitLab hides a project that one may not see; that is not an empty state.
        hidden = self._at.gitlab and answer.status_code == _NOT_FOUND and "project" in said.lower()
        if answer.status_code in _NOTHING and not hidden:
            return None
        self._check(answer, "be read")
        if not answer.content:
            return None
        digest = answer.headers.get("content-md5", "")
        if digest and digest != md5(answer.content):
            raise StateUnreachable(
                f"{self.place} was damaged on the way",
                detail="What arrived does not agree with its Content-MD5.",
                hint="run the command again; if it stays, look at the server and at proxies",
            )
        return answer

    def _ask(self) -> httpx.Response:
        """A read may be repeated."""
        for number in range(self._retries.times):
            try:
                answer = self._send("GET", self._at.state)
            except StateUnreachable:
                pass
            else:
                if answer.status_code < _SERVER_ERROR:
                    return answer
            time.sleep(min(self._retries.shortest * 2**number, self._retries.longest))
        return self._send("GET", self._at.state)

    def _try(self, info: LockInfo) -> Seen | None:
        """Take the lock. Who has it instead, None when we do."""
        answer = self._send(self._at.lock_method, self._at.lock, record(info))
        if answer.status_code in _HELD:
            return self._seen(answer)
        self._check(answer, "be locked")
        return None

    def _seen(self, answer: httpx.Response) -> Seen:
        return Seen(without_query(self._at.lock), holder_in(answer.content, gitlab=self._at.gitlab))

    def _lost(self, answer: httpx.Response) -> StateError:
        seen = self._seen(answer)
        said = seen.lines() if seen.info else words(answer.content) or "The server does not say who has it."
        return StateError(
            "the lock of the state is not ours any more",
            detail=f"{self.place} answers {answer.status_code}.\n{said}",
            hint="somebody broke it: see what the other run did, then run the command again",
        )

    def _send(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        kind = {"Content-Type": "application/json"} if body else {}
        shown = without_query(url)
        read = bytearray()
        try:
            with self._client.stream(method, url, content=body, headers={**kind, **(headers or {})}) as answer:
                for part in answer.iter_raw():
                    read += part
                    if len(read) > MAX_BODY:
                        raise StateError(
                            f"{shown} answers with more than {MAX_BODY // 1024**2} MiB",
                            hint="see whether this is the address of a state",
                        )
        except httpx.RequestError as error:
            raise StateUnreachable(
                f"{shown} gave no answer",
                detail=f"{type(error).__name__}: {error}",
                hint="see whether it can be reached from here",
            ) from error
        kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        return httpx.Response(answer.status_code, headers=kept, content=bytes(read))

    def _check(self, answer: httpx.Response, what: str) -> None:
        status = answer.status_code
        if status in _DONE:
            return
        title = f"{self.place} cannot {what}: {status} {answer.reason_phrase}".rstrip()
        if status >= _SERVER_ERROR:
            raise StateUnreachable(title, detail=words(answer.content), hint="see how the server is, then run it again")
        target = without_query(answer.headers.get("location", ""))
        raise StateError(
            title,
            detail=f"It redirects to {target}, which is not followed." if target else words(answer.content),
            hint=_HINTS.get(status, "see whether this is the address of a server of Terraform's http protocol"),
        )


_KEPT = ("content-md5", "etag", "location")


def _client(settings: Settings) -> httpx.Client:
    named = settings.username or settings.password
    here = is_loopback(urlsplit(settings.address).hostname or "")
    return httpx.Client(
        auth=(settings.username, settings.password) if named else None,
        headers={"Accept-Encoding": "identity"},
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(keepalive_expiry=IDLE_SECONDS),
        follow_redirects=False,
        trust_env=not here,  # proxies; a loopback address must never be sent to one
        verify=_tls(settings.certificates),
    )


def _tls(certificates: Certificates) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    try:
        if certificates.authority:
            context.load_verify_locations(cadata=certificates.authority)
        if certificates.own:
            with tempfile.NamedTemporaryFile("w") as file:  # for its owner alone; the library reads files only
                file.write(f"{certificates.own}\n{certificates.key}\n")
                file.flush()
                context.load_cert_chain(file.name)
    except (ssl.SSLError, ValueError) as error:
        raise UsageError(
            "a certificate of the http backend cannot be used",
            detail=str(error),
            hint="the variables TF_HTTP_CLIENT_..._PEM hold PEM: the text itself, not the name of a file",
        ) from error
    return context


def _changed(place: str) -> StateError:
    return StateError("the state was changed by another run", detail=place, hint="run the command again")
