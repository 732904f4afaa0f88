"""Whose credentials these are: the account and the project, asked of IAM (API page 15.3, 15.4). Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from provisioner.clock import Clock
from provisioner.errors import ApiError
from provisioner.provider.client import Authenticator, Client
from provisioner.provider.credentials import AccessKey, PasswordLogin, Scope, TokenLogin
from provisioner.provider.iam import Anonymous, GivenToken, PasswordToken
from provisioner.provider.retry import Patience
from provisioner.provider.signing import Signer

PATIENCE = Patience(reading=10.0, trying=3.0)  # somebody waits for the answer


@dataclass(frozen=True, slots=True)
class Named:
    """An account or a project."""

    id: str
    name: str


@contextmanager
def open_iam(credentials: AccessKey | TokenLogin | PasswordLogin, scope: Scope, clock: Clock) -> Iterator[Client]:
    """A conversation with IAM alone."""
    with ExitStack() as stack:

        def client(auth: Authenticator) -> Client:
            return stack.enter_context(Client(scope.iam_url, auth, clock, ca_bundle=scope.ca_bundle, patience=PATIENCE))

        match credentials:
            case AccessKey():
                yield client(Signer(credentials, clock))
            case TokenLogin():
                yield client(GivenToken(credentials.token))
            case PasswordLogin():
                yield client(PasswordToken(client(Anonymous(credentials.password)), credentials, scope, clock))


def account_of(iam: Client) -> Named:
    """A user belongs to one account; IAM's word for it is domain."""
    found = _rows(iam, "/v3/auth/domains", "domains")
    if not found:
        raise ApiError("the answer names no account", method="GET", path="/v3/auth/domains")
    return found[0]


def project_of(iam: Client, scope: Scope) -> Named | None:
    """The project of the scope; without an id the one of its name, by default the region's. None: it is not there."""
    name = scope.project_name or scope.region
    found = _rows(iam, "/v3/projects", "projects")
    return next(
        (each for each in found if (each.id == scope.project_id if scope.project_id else each.name == name)), None
    )


def _rows(iam: Client, path: str, key: str) -> list[Named]:
    rows = iam.request("GET", path).get(key)
    if not isinstance(rows, list):
        raise ApiError(f"the answer is not the API's (no {key})", method="GET", path=path)
    pairs = [(row.get("id"), row.get("name")) for row in rows if isinstance(row, dict)]
    return [Named(found, name) for found, name in pairs if isinstance(found, str) and isinstance(name, str)]
