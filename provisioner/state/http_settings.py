"""Where a server of Terraform's http protocol is, and how it wants to be spoken to: settings, Terraform's variables,
and what GitLab is known for. Nothing here is sent.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

from provisioner.errors import UsageError

STACK = "{stack}"
_KEYS = ("address", "lock_address", "unlock_address", "update_method", "lock_method", "unlock_method")
_GITLAB = re.compile(r"/api/v4/projects/[^/]+/terraform/state/[^/]+$")
_METHOD = re.compile(r"[A-Z]*")


@dataclass(frozen=True, slots=True)
class Address:
    """Where one state is. GitLab's records of a holder are not like others (`http.py`)."""

    state: str
    lock: str
    unlock: str
    update_method: str = "POST"
    lock_method: str = "LOCK"
    unlock_method: str = "UNLOCK"
    gitlab: bool = False


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a read that was not answered is repeated, and between which pauses, in seconds."""

    times: int
    shortest: float
    longest: float


# Terraform's own.
RETRIES = Retries(2, 1.0, 30.0)


@dataclass(frozen=True, slots=True)
class Certificates:
    """In PEM, "" for none: who else is trusted, and who we are."""

    authority: str = field(default="", repr=False)
    own: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


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
    certificates: Certificates = Certificates()
    retries: Retries = RETRIES

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
            gitlab,
        )


def read_settings(given: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """What `given` does not say is in Terraform's variables; a job of GitLab has a token of its own."""
    if environ.get("TF_HTTP_SKIP_CERT_VERIFICATION", "").lower() in {"1", "t", "true"}:
        raise UsageError(
            "TF_HTTP_SKIP_CERT_VERIFICATION asks for connections without certificate checks",
            detail="Whoever sits between could then read and change the state; this tool always checks.",
            hint="unset it, and set TF_HTTP_CLIENT_CA_CERTIFICATE_PEM to the authority's certificate",
        )
    settings = Settings(
        **{key: given.get(key, "") or environ.get(f"TF_HTTP_{key.upper()}", "") for key in _KEYS},
        username=environ.get("TF_HTTP_USERNAME", ""),
        password=environ.get("TF_HTTP_PASSWORD", ""),
        certificates=_certificates(environ),
        retries=Retries(
            int(_number(environ, "TF_HTTP_RETRY_MAX", RETRIES.times)),
            _number(environ, "TF_HTTP_RETRY_WAIT_MIN", RETRIES.shortest),
            _number(environ, "TF_HTTP_RETRY_WAIT_MAX", RETRIES.longest),
        ),
    )
    _check(settings)
    return _with_job_token(settings, environ)


def without_query(address: str) -> str:
    """For people: a query may hold a token."""
    return address.partition("?")[0]


def _with_job_token(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """For the server that runs the job alone, and only when nobody else is named."""
    token, api = environ.get("CI_JOB_TOKEN", ""), environ.get("CI_API_V4_URL", "").rstrip("/")
    ours = api and all(text.startswith(f"{api}/") for text in _addresses(settings))
    if not token or not ours or settings.username or settings.password:
        return settings
    return replace(settings, username="gitlab-ci-token", password=token)


def _certificates(environ: Mapping[str, str]) -> Certificates:
    names = ("CA_CERTIFICATE", "CERTIFICATE", "PRIVATE_KEY")
    found = Certificates(*(environ.get(f"TF_HTTP_CLIENT_{name}_PEM", "") for name in names))
    if bool(found.own) != bool(found.key):
        raise UsageError(
            "a certificate and its key belong together",
            hint="set both TF_HTTP_CLIENT_CERTIFICATE_PEM and TF_HTTP_CLIENT_PRIVATE_KEY_PEM, or neither",
        )
    return found


def _number(environ: Mapping[str, str], name: str, otherwise: float) -> float:
    text = environ.get(name, "")
    if not text.isascii() or not (text or "0").isdigit():
        raise UsageError(f"{name} is {text!r}", hint="a whole number, 0 or more")
    return float(text) if text else otherwise


def _addresses(settings: Settings) -> list[str]:
    return [each for each in (settings.address, settings.lock_address, settings.unlock_address) if each]


def _check(settings: Settings) -> None:
    if not settings.address:
        raise UsageError(
            "the http backend has no address",
            hint="write backend.address into provisioner.yaml, or set TF_HTTP_ADDRESS",
        )
    for address in _addresses(settings):
        _check_address(address)
    for method in (settings.update_method, settings.lock_method, settings.unlock_method):
        if not _METHOD.fullmatch(method):
            raise UsageError(f"{method!r} is no method of the http backend", hint="capital letters, such as PUT")


def _check_address(address: str) -> None:
    """Plain http is for loopback; no password stands in an address, which is printed."""
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError("the address of the http backend is no URL", detail=str(error)) from error
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "the address of the http backend holds a user name or a password",
            hint="set TF_HTTP_USERNAME and TF_HTTP_PASSWORD instead",
        )
    shown = without_query(address)
    if parts.scheme not in {"https", "http"} or not host:
        raise UsageError(f"{shown!r} is no address of an http backend", hint="https://HOST/PATH/{stack}")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            f"{shown} is plain http", detail="States and passwords would be readable on the way.", hint="write https://"
        )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _beside(address: str) -> str:
    """`ADDRESS/lock`, before a query if there is one."""
    path, mark, query = address.partition("?")
    return f"{path.rstrip('/')}/lock{mark}{query}"
