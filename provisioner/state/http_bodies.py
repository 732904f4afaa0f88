"""What stands in the bodies of Terraform's http protocol: records of holders, words of refusals, digests."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from datetime import UTC, datetime

from pydantic import ValidationError

from provisioner.state.backend import LockInfo
from provisioner.state.process import this_process

_WORDS = 300


def holder_in(data: bytes, *, gitlab: bool = False) -> LockInfo | None:
    """The holder that an answer names, a run of ours or of Terraform; None when it names none. What GitLab answers is
    the holder's in three fields alone: the others are those of the request that it refuses.
    """
    try:
        found = json.loads(data)
        if not isinstance(found, dict) or not found.get("ID"):
            return None
        if gitlab:
            found = {key: found.get(key) for key in ("ID", "Who", "Created")}
        said = {key: each for key, each in found.items() if each is not None}
        return LockInfo.model_validate({"Operation": "", "Who": "somebody", "Version": "", "Created": "", **said})
    except (ValueError, RecursionError, ValidationError):
        return None


def probe() -> LockInfo:
    """Who looks is a process too: if it dies between its lock and its unlock, others can tell."""
    me = this_process()
    return LockInfo(
        id=str(uuid.uuid4()),
        operation="OperationTypeLook",
        who=f"provisioner@{me.host}",
        version="",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        host=me.host,
        boot=me.boot,
        process=me.number,
        started=me.started,
    )


def record(info: LockInfo) -> bytes:
    return info.model_dump_json(by_alias=True).encode()


def words(body: bytes) -> str:
    """What the server says, a line of it at most; a page of HTML says nothing to people."""
    text = body[:_WORDS].decode(errors="replace").strip()
    try:
        told = json.loads(text)
        text = str(told.get("message") or text) if isinstance(told, dict) else text
    except (ValueError, RecursionError):
        pass
    return "" if text.startswith("<") else text.partition("\n")[0]


def version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
