"""The four IAM calls a client needs (API page 15.2 to 15.4): tokens, projects, domains, temporary keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from provisioner.simulator.call import Answer, Call
from provisioner.simulator.identity import Identity, Token
from provisioner.simulator.options import Settings
from provisioner.simulator.record import JsonObject
from provisioner.simulator.validation import parse_object
from provisioner.simulator.wire import ServiceError

_LONGEST_KEY_LIFE = 24 * 3600
_SHORTEST_KEY_LIFE = 15 * 60


def issue_token(identity: Identity, settings: Settings, call: Call) -> Answer:
    """I1, with a password or with a token that is still good. Only a project scope is of use here."""
    auth = _member(_body(call), "auth")
    who = _member(auth, "identity")
    match who.get("methods"):
        case ["password"]:
            _check_password(identity, _member(_member(who, "password"), "user"))
            method = "password"
        case ["token"]:
            _check_token(identity, str(_member(who, "token").get("id", "")), call.now)
            method = "token"
        case _:
            raise _invalid("auth.identity.methods is not supported")
    project_id = _project(identity, _member(_member(auth, "scope"), "project"))
    text, token = identity.issue_token(project_id, method, call.now, settings.token_life_ms)
    with_catalog = call.query.get("nocatalog") != "true"
    return Answer({"token": _shown(identity, token, with_catalog=with_catalog)}, 201, {"X-Subject-Token": text})


def list_projects(identity: Identity, _settings: Settings, call: Call) -> Answer:
    """I2. The default project of a region has the region's name."""
    wanted = call.query.get("name")
    projects = [
        {
            "id": project_id,
            "name": name,
            "domain_id": identity.domain_id,
            "parent_id": identity.domain_id,
            "enabled": True,
            "is_domain": False,
            "description": "",
            "links": {"self": f"/v3/projects/{project_id}"},
        }
        for project_id, name in identity.projects.items()
        if wanted in (None, "", name)
    ]
    return Answer({"links": _links("/v3/projects"), "projects": projects})


def list_domains(identity: Identity, _settings: Settings, _call: Call) -> Answer:
    """I3."""
    domain = {
        "id": identity.domain_id,
        "name": identity.account.domain,
        "enabled": True,
        "description": "",
        "links": {"self": f"/v3/domains/{identity.domain_id}"},
    }
    return Answer({"links": _links("/v3/auth/domains"), "domains": [domain]})


def issue_temporary_key(identity: Identity, _settings: Settings, call: Call) -> Answer:
    """I4: keys that live from 15 minutes to a day. The caller is whoever sent this request."""
    who = _member(_member(_body(call), "auth"), "identity")
    seconds = who.get("token", {}).get("duration_seconds", _SHORTEST_KEY_LIFE)
    if not isinstance(seconds, int) or not _SHORTEST_KEY_LIFE <= seconds <= _LONGEST_KEY_LIFE:
        raise ServiceError(400, "IAM.0007", "Request parameter 'duration_seconds' is invalid.")
    access_key, key = identity.issue_key(call.now, seconds * 1000)
    credential = {
        "access": access_key,
        "secret": key.secret_key,
        "securitytoken": key.security_token,
        "expires_at": _iso(key.expires_at),
    }
    return Answer({"credential": credential}, 201)


def _body(call: Call) -> JsonObject:
    try:
        return parse_object(call.body)
    except ServiceError as error:
        raise _invalid(error.message) from None


def _member(holder: JsonObject, key: str) -> JsonObject:
    value: Any = holder.get(key)
    if not isinstance(value, dict):
        raise _invalid(f"{key} is missing")
    return value


def _check_password(identity: Identity, user: JsonObject) -> None:
    account = identity.account
    domain = user.get("domain")
    right = (
        user.get("name") == account.user
        and user.get("password") == account.password
        and isinstance(domain, dict)
        and (domain.get("name") == account.domain or domain.get("id") == identity.domain_id)
    )
    if not right:
        raise _denied("The username or password is wrong.")


def _check_token(identity: Identity, text: str, now: int) -> None:
    try:
        identity.valid_token(text, now)
    except ServiceError:
        raise _denied("The token is invalid or has expired.") from None


def _project(identity: Identity, wanted: JsonObject) -> str:
    for project_id, name in identity.projects.items():
        if wanted.get("id") == project_id or wanted.get("name") == name:
            return project_id
    raise _denied("The project does not exist or the user has no access to it.")


def _shown(identity: Identity, token: Token, *, with_catalog: bool) -> JsonObject:
    domain = {"id": identity.domain_id, "name": identity.account.domain}
    name = identity.projects[token.project_id]
    body: JsonObject = {
        "issued_at": _iso(token.issued_at),
        "expires_at": _iso(token.expires_at),
        "methods": [token.method],
        "project": {"id": token.project_id, "name": name, "domain": domain},
        "user": identity.user | {"password_expires_at": ""},
        "roles": [{"id": "0", "name": "te_admin"}],
    }
    if with_catalog:
        body["catalog"] = [{"id": "modelarts", "name": "modelarts", "type": "modelarts", "endpoints": []}]
    return body


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _links(path: str) -> JsonObject:
    return {"self": path, "previous": None, "next": None}


def _invalid(message: str) -> ServiceError:
    return ServiceError(400, "IAM", message)


def _denied(message: str) -> ServiceError:
    return ServiceError(401, "IAM", message)
