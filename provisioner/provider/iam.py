"""Signing in: tokens, the project id of a region, and the client that carries them (API page 15.3, 15.4).

`connect` is the way in. What the client is used for afterwards is not known here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from provisioner.clock import Clock
from provisioner.errors import ApiError, UsageError
from provisioner.provider.client import Authenticator, Client
from provisioner.provider.credentials import AccessKey, Credentials, PasswordLogin, Scope, TemporaryKey, TokenLogin
from provisioner.provider.signing import Signer, WireRequest
from provisioner.provider.temporary import IssuedKeys, RenewedSigner

TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - the name of a header
TOKEN_LIFE = 24 * 3600.0  # when the answer does not say (API page 15.3)
RENEW_AT = 0.8  # of a token's life, so that no request meets its end
REFUSALS = frozenset({400, 401, 403, 404})
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


@contextmanager
def connect(credentials: Credentials, scope: Scope, clock: Clock) -> Iterator[tuple[Client, str]]:
    """A client for ModelArts, and the id of the project that it acts on.

    IAM is asked only for what is not known: for nothing when there is a project id and no password to log in with.
    """
    with ExitStack() as stack:

        def open_client(url: str, auth: Authenticator) -> Client:
            return stack.enter_context(Client(url, auth, clock, ca_bundle=scope.ca_bundle))

        def open_iam(auth: Authenticator) -> Client:
            return open_client(scope.iam_url, auth)

        auth, project_id = _sign_in(credentials, scope, clock, open_iam)
        yield open_client(scope.modelarts_url, auth), project_id


def find_project_id(iam: Client, name: str) -> str:
    """The id of the one project of that name; the default project of a region is named like the region."""
    rows = iam.request("GET", "/v3/projects", query={"name": name}).get("projects")
    if not isinstance(rows, list):
        raise ApiError("the answer is not the API's (no projects)", method="GET", path="/v3/projects")
    found = [row["id"] for row in rows if isinstance(row, dict) and row.get("name") == name and _is_id(row.get("id"))]
    if len(found) == 1:
        return str(found[0])
    raise UsageError(
        f"{len(found)} projects are named {name}" if found else f"no project is named {name}",
        detail="The credentials may belong to another account." if not found else f"Their ids: {', '.join(found)}.",
        hint="give the project's id: HW_PROJECT_ID, or cloud.project_id in provisioner.yaml",
    )


@dataclass(frozen=True, slots=True)
class GivenToken:
    """Authenticates with a token that somebody else obtained."""

    token: str = field(repr=False)

    def headers(self, request: WireRequest) -> dict[str, str]:
        del request
        return {TOKEN_HEADER: self.token}

    def renew(self, refused: Mapping[str, str]) -> bool:
        del refused
        return False

    def secrets(self) -> tuple[str, ...]:
        return (self.token,)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """For the login itself, whose body carries the secret."""

    password: str = field(repr=False)

    def headers(self, request: WireRequest) -> dict[str, str]:
        del request
        return {}

    def renew(self, refused: Mapping[str, str]) -> bool:
        del refused
        return False

    def secrets(self) -> tuple[str, ...]:
        return (self.password,)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    value: str = field(repr=False)
    project_id: str
    renew_at: float


class PasswordToken:
    """Authenticates with a token that it obtains when first needed, renews in time, and keeps in memory only.

    All threads share it: whoever comes while one logs in waits for that token.
    """

    def __init__(self, iam: Client, login: PasswordLogin, scope: Scope, clock: Clock) -> None:
        self._iam = iam
        self._login = login
        self._scope = scope
        self._clock = clock
        self._lock = threading.Lock()
        self._token: IssuedToken | None = None
        self._refusal: ApiError | None = None

    def headers(self, request: WireRequest) -> dict[str, str]:
        del request
        return {TOKEN_HEADER: self._valid().value}

    def renew(self, refused: Mapping[str, str]) -> bool:
        with self._lock:
            if self._token is None or self._token.value == refused.get(TOKEN_HEADER):
                self._token = self._issue()
        return True

    def secrets(self) -> tuple[str, ...]:
        token = self._token
        return (self._login.password, token.value if token else "")

    def project_id(self) -> str:
        return self._valid().project_id

    def _valid(self) -> IssuedToken:
        with self._lock:
            if self._token is None or self._clock.now() >= self._token.renew_at:
                self._token = self._issue()
            return self._token

    def _issue(self) -> IssuedToken:
        if self._refusal is not None:
            # Every thread would try the same wrong password, and the account would be locked.
            raise self._refusal
        try:
            answer = self._iam.send(
                "POST",
                "/v3/auth/tokens",
                query={"nocatalog": "true"},
                body=_login_body(self._login, self._scope),
                repeatable=True,
            )
        except ApiError as error:
            if error.status in REFUSALS:
                self._refusal = error
            raise
        return _issued(answer.headers.get("x-subject-token", ""), answer.body.get("token"), self._clock.now())


def _sign_in(
    credentials: Credentials, scope: Scope, clock: Clock, open_iam: Callable[[Authenticator], Client]
) -> tuple[Authenticator, str]:
    match credentials:
        case AccessKey():
            # The look-up is signed without a project id (API page 15.4).
            project_id = scope.project_id or find_project_id(open_iam(Signer(credentials, clock)), _project_name(scope))
            return Signer(credentials, clock, project_id), project_id
        case TemporaryKey():
            keys = IssuedKeys(credentials.issue, clock)
            keys.valid()  # an issuer that fails is told of first
            project_id = scope.project_id or find_project_id(open_iam(RenewedSigner(keys, clock)), _project_name(scope))
            return RenewedSigner(keys, clock, project_id), project_id
        case TokenLogin():
            given = GivenToken(credentials.token)
            return given, scope.project_id or find_project_id(open_iam(given), _project_name(scope))
        case PasswordLogin():
            token = PasswordToken(open_iam(Anonymous(credentials.password)), credentials, scope, clock)
            return token, scope.project_id or token.project_id()


def _project_name(scope: Scope) -> str:
    name = scope.project_name or scope.region
    if not name:
        raise UsageError("no project is set", hint="set HW_PROJECT_ID, or HW_REGION_NAME for its default project")
    return name


def _login_body(login: PasswordLogin, scope: Scope) -> dict[str, Any]:
    """The scope is a project: ModelArts is a regional service (API page 15.3)."""
    user: dict[str, Any] = {"password": login.password}
    if login.user_id:
        user["id"] = login.user_id
    else:
        user["name"] = login.user
        user["domain"] = {"id": login.domain_id} if login.domain_id else {"name": login.domain}
    project = {"id": scope.project_id} if scope.project_id else {"name": _project_name(scope)}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"auth": {"identity": identity, "scope": {"project": project}}}


def _issued(value: str, token: object, now: float) -> IssuedToken:
    details = token if isinstance(token, dict) else {}
    project = details.get("project")
    project_id = project.get("id") if isinstance(project, dict) else None
    if not value or not value.isascii() or not value.isprintable() or not _is_id(project_id):
        raise ApiError("the answer is not the API's (no token for a project)", method="POST", path="/v3/auth/tokens")
    return IssuedToken(value, str(project_id), now + RENEW_AT * _life(details))


def _life(details: Mapping[str, Any]) -> float:
    """From the service's two times: their difference holds even when our clock is wrong."""
    try:
        issued, expires = (datetime.fromisoformat(details[key]) for key in ("issued_at", "expires_at"))
        return max((expires - issued).total_seconds(), 0.0)
    except (KeyError, TypeError, ValueError):
        return TOKEN_LIFE


def _is_id(value: object) -> bool:
    """Only what is safe in a path and in a header."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None
