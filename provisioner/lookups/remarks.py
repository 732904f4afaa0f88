"""Diagnostics of look-ups: the same remark on many notebooks is made once, and nothing secret is in it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from provisioner.errors import Diagnostic
from provisioner.model.secrets import Secrets

_NAMED = 3


def merged(remarks: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Those that differ in nothing but the notebook, such as all that come of one line of `defaults`, become one."""
    alike: dict[Diagnostic, list[str]] = {}
    for remark in remarks:
        alike.setdefault(replace(remark, address=""), []).append(remark.address)
    return [_of(remark, list(dict.fromkeys(addresses))) for remark, addresses in alike.items()]


def _of(remark: Diagnostic, addresses: list[str]) -> Diagnostic:
    named, more = addresses[:_NAMED], len(addresses) - _NAMED
    concerned = f"{', '.join(named)}{f' and {more} more' if more > 0 else ''}"
    return replace(remark, address=addresses[0], detail=f"{concerned}\n{remark.detail}".strip())


def without_secrets(remark: Diagnostic, secrets: Secrets) -> Diagnostic:
    """`remark` as it may be shown: a value that it quotes may come from a sensitive variable."""
    return replace(
        remark,
        summary=secrets.hidden(remark.summary),
        detail=secrets.hidden(remark.detail),
        hint=secrets.hidden(remark.hint),
    )
