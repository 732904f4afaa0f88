"""Who may call: the account's keys, the tokens and temporary keys that IAM issued, and the check of every request.

The endpoints that issue them are in `iam.py`.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.simulator import signature
from provisioner.simulator.catalog import hexadecimal
from provisioner.simulator.clock import wall_time
from provisioner.simulator.options import Account
from provisioner.simulator.record import JsonObject
from provisioner.simulator.wire import ServiceError


@dataclass(frozen=True, slots=True)
class Token:
    issued_at: int
    expires_at: int
    project_id: str
    method: str


@dataclass(frozen=True, slots=True)
class TemporaryKey:
    secret_key: str
    security_token: str
    expires_at: int


class Identity:
    def __init__(self, account: Account) -> None:
        self.account = account
        self.user_id = hexadecimal("user", account.user)
        self.domain_id = hexadecimal("domain", account.domain)
        self.projects = {
            account.project_id: account.region,
            hexadecimal("project", account.region): f"{account.region}_other",
        }
        """Project id to name. The second one exists so that a token can be for the wrong project."""
        self.tokens: dict[str, Token] = {}
        self.temporary_keys: dict[str, TemporaryKey] = {}

    @property
    def user(self) -> JsonObject:
        domain = {"id": self.domain_id, "name": self.account.domain}
        return {"id": self.user_id, "name": self.account.user, "domain": domain}

    def issue_token(self, project_id: str, method: str, now: int, life_ms: int) -> tuple[str, Token]:
        # Real tokens are several kilobytes, and clients must cope with that (API page 15.3).
        text = "MII" + secrets.token_urlsafe(1536)
        self.tokens[text] = Token(now, now + life_ms, project_id, method)
        return text, self.tokens[text]

    def issue_key(self, now: int, life_ms: int) -> tuple[str, TemporaryKey]:
        access_key = "HST" + secrets.token_hex(9).upper()[:17]
        key = TemporaryKey(secrets.token_hex(20), secrets.token_urlsafe(512), now + life_ms)
        self.temporary_keys[access_key] = key
        return access_key, key

    def authenticate(self, request: signature.Request, now: int) -> Token | None:
        """The token that was used, None for a signature; ServiceError for anything else.

        Both at once: the signature counts (API page 15).
        """
        if "authorization" in request.headers:
            self._check_signature(request, now)
            return None
        text = request.headers.get("x-auth-token")
        if not text:
            raise unauthorised("x-auth-token not found")
        return self.valid_token(text, now)

    def valid_token(self, text: str, now: int) -> Token:
        token = self.tokens.get(text)
        if token is None:
            raise unauthorised("decrypt token fail")
        if now >= token.expires_at:
            raise unauthorised("token expires")
        return token

    def check_project(self, project_id: str, token: Token | None, headers: Mapping[str, str]) -> None:
        """The path, the header and the token must mean the one project that has notebooks here."""
        scope = token.project_id if token else self.account.project_id
        named = headers.get("x-project-id", project_id)
        if not project_id == scope == named == self.account.project_id:
            raise ServiceError(403, "ModelArts.0210", "The project ID does not match the token.")

    def _check_signature(self, request: signature.Request, now: int) -> None:
        authorization = signature.parse_authorization(request.headers["authorization"])
        if authorization is None:
            raise unauthorised("authorization header is malformed")
        secret = self._secret(authorization.access_key, request.headers, now)
        # The clock of tests may be days ahead; clients sign with the wall clock.
        if reason := signature.mismatch(request, authorization, secret, wall_time()):
            raise unauthorised(reason)

    def _secret(self, access_key: str, headers: Mapping[str, str], now: int) -> str:
        if access_key == self.account.access_key:
            return self.account.secret_key
        key = self.temporary_keys.get(access_key)
        if key is None:
            raise unauthorised("Get secretKey failed")
        if now >= key.expires_at or not _same(headers.get("x-security-token", ""), key.security_token):
            raise unauthorised("decrypt token fail")
        return key.secret_key


def unauthorised(detail: str) -> ServiceError:
    return ServiceError(401, "APIGW.0301", f"Incorrect IAM authentication information: {detail}")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
