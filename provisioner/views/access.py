"""How to reach notebooks: a table, JSON, or Host blocks for OpenSSH. Pure. Tokens are shown on request alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.model.access import Access
from provisioner.model.address import Address
from provisioner.plan import as_argument
from provisioner.views.clean import clean_json, one_line
from provisioner.views.table import table

_ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Way:
    """The way to one recorded notebook; `access` is None when it does not exist any more."""

    stack: str
    address: Address
    id: str
    access: Access | None


def access_table(ways: Sequence[Way], *, show_token: bool) -> str:
    """One line for each notebook, and below what keeps people out of some."""
    headings = ["ADDRESS", "STATUS", "JUPYTERLAB", "SSH", *(["TOKEN"] if show_token else [])]
    rows = [[one_line(cell or _ABSENT) for cell in _cells(way, show_token=show_token)] for way in ways]
    notes = [note for way in ways if (note := _note(way))]
    return "\n".join([*table([headings, *rows]), *([""] if notes else []), *notes]) + "\n"


def access_json(ways: Sequence[Way], *, show_token: bool) -> str:
    """The same for scripts: null stands for what there is not."""
    documents = [_document(way, show_token=show_token) for way in ways]
    return clean_json(json.dumps(documents, indent=2, ensure_ascii=False)) + "\n"


def ssh_config(ways: Sequence[Way]) -> str:
    """A Host block for each notebook that ssh can reach, a comment for each other one."""
    taken: set[str] = set()
    blocks = ["\n".join(_host(way, taken)) for way in ways]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _cells(way: Way, *, show_token: bool) -> Iterator[str]:
    access = way.access
    yield str(way.address)
    yield _status(way)
    yield _url(access, show_token=show_token)
    yield access.ssh.command if access and access.runs and access.ssh else ""
    if show_token:
        yield access.token if access and access.runs else ""


def _status(way: Way) -> str:
    return way.access.status if way.access else "GONE"


def _url(access: Access | None, *, show_token: bool) -> str:
    if access is None or not access.runs:
        return ""
    return access.full_url if show_token else access.page


def _note(way: Way) -> str:
    """Why nobody gets in, and what to do about it."""
    name = one_line(str(way.address))
    match way.access:
        case None:
            return f"{name} does not exist any more: provisioner plan shows what apply would do about it."
        case Access(status="STOPPED"):
            return f"{name} is STOPPED: provisioner start {one_line(as_argument(way.address))} starts it."
        case Access(runs=False, status=status):
            return f"{name} is {one_line(status)}: it can be reached while it is RUNNING."
        case Access(ssh=None, has_ssh=True):
            return f"{name} has an SSH address that cannot be read."
        case _:
            return ""


def _document(way: Way, *, show_token: bool) -> dict[str, Any]:
    access = way.access
    ssh = access.ssh if access and access.runs else None
    found: dict[str, Any] = {
        "address": str(way.address),
        "stack": way.stack,
        "id": way.id,
        "status": _status(way),
        "url": _url(access, show_token=show_token) or None,
        "ssh": None,
    }
    if access and ssh:
        found["ssh"] = {
            "host": ssh.host,
            "port": ssh.port,
            "user": ssh.user,
            "key_pair_names": list(access.key_pairs),
            "command": ssh.command,
        }
    return found | ({"token": (access.token if access and access.runs else "") or None} if show_token else {})


def _host(way: Way, taken: set[str]) -> Iterator[str]:
    """A block for ssh. Host, port, user and key pair were checked where they were read: no text of the service can add
    a line to it.
    """
    access = way.access
    yield f"# {one_line(str(way.address))}, {one_line(way.id)}"
    if access is None or not access.runs:
        yield f"# {_note(way)}"
    elif access.ssh is None:
        yield f"# {_note(way) or 'It has no SSH endpoint: declare one in its spec.'}"
    else:
        yield f"Host {_alias(way.address, taken)}"
        yield f"    HostName {access.ssh.host}"
        yield f"    Port {access.ssh.port}"
        yield f"    User {access.ssh.user}"
        if access.key_pairs:
            yield f"    IdentityFile ~/.ssh/{access.key_pairs[0]}.pem"


def _alias(address: Address, taken: set[str]) -> str:
    """KEY, or KEY-each, without what means something to ssh in a pattern; numbered when two would be the same."""
    text = f"{address.key}-{address.each}" if address.each else address.key
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text)
    alias, number = plain, 1
    while alias.lower() in taken:
        number += 1
        alias = f"{plain}-{number}"
    taken.add(alias.lower())
    return alias
