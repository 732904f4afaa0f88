"""Keys as their issuers spell them: IAM, STS, metadata services and credential commands answer in several ways."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from provisioner.provider.credentials import AccessKey

_WRAPPERS = ("credential", "credentials")
_ACCESS_KEY = ("access", "accessKeyId", "access_key_id")
_SECRET_KEY = ("secret", "secretAccessKey", "secret_access_key")
_SECURITY_TOKEN = ("securitytoken", "securityToken", "security_token")
_EXPIRY = ("expires_at", "expiration")
_MILLISECONDS = 1e11  # seconds since 1970 stay below for three thousand years


class NoKey(Exception):
    """An answer without a key. Says what is amiss, and no value of the answer."""


def issued_key(document: object) -> AccessKey:
    """The key in an answer, otherwise NoKey."""
    fields = _unwrapped(document)
    return AccessKey(
        _text(fields, _ACCESS_KEY),
        _text(fields, _SECRET_KEY),
        _text(fields, _SECURITY_TOKEN, needed=False),
        _expiry(fields),
    )


def _unwrapped(document: object) -> Mapping[str, object]:
    if not isinstance(document, dict):
        raise NoKey("it is no JSON object")
    inner = next((document[name] for name in _WRAPPERS if name in document), document)
    if not isinstance(inner, dict):
        raise NoKey("what it wraps is no JSON object")
    return inner


def _text(fields: Mapping[str, object], spellings: tuple[str, ...], *, needed: bool = True) -> str:
    """What travels in a header or a signature."""
    value = _first(fields, spellings) or ""
    if not value and not needed:
        return ""
    if not value:
        raise NoKey(f"it has no {spellings[0]} ({', '.join(spellings[1:])})")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise NoKey(f"its {spellings[0]} is nothing that a credential can be")
    return value


def _expiry(fields: Mapping[str, object]) -> float | None:
    """Seconds since the epoch, from a number of them, or from a time in ISO 8601, which without a zone is UTC."""
    value = _first(fields, _EXPIRY)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str) and not value.strip().isdecimal():
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        seconds = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0:
        raise NoKey("its expires_at is no time") from None
    return seconds / 1000 if seconds > _MILLISECONDS else seconds


def _first(fields: Mapping[str, object], spellings: tuple[str, ...]) -> object:
    return next((fields[name] for name in spellings if fields.get(name) is not None), None)
