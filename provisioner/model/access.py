"""How to reach a notebook: what an `Observation` leaves out because it is secret. Never written to any file.

Every text here is the service's and may end in a file that ssh obeys: what is not of the expected form is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import AliasChoices, Field, model_validator

from provisioner.model.answer import Answer, Upper

SSH_USER = "ma-user"
SSH_PORT = 22
MAX_PORT = 65535

# As in API page 3.3; the description of the field also allows the bare address of a private network.
_SSH_URI = re.compile(
    r"(?:ssh://)?(?:(?P<user>[a-z_][a-z0-9_-]{0,31})@)?"
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)(?::(?P<port>[0-9]{1,5}))?/?"
)
_KEY_PAIR = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class SshAddress:
    """Where ssh connects to."""

    host: str
    port: int = SSH_PORT
    user: str = SSH_USER

    @classmethod
    def parse(cls, uri: str) -> Self | None:
        """The address that `uri` spells, None when it is none that one could trust."""
        found = _SSH_URI.fullmatch(uri)
        port = int((found and found["port"]) or SSH_PORT)
        if found is None or not 1 <= port <= MAX_PORT:
            return None
        return cls(found["host"], port, found["user"] or SSH_USER)

    @property
    def command(self) -> str:
        return f"ssh {self.user}@{self.host} -p {self.port}"


class Door(Answer):
    """One endpoint; the names of 2022 are read too (API page 3.3)."""

    service: Upper = Field(default="", validation_alias=AliasChoices("service", "dev_service"))
    key_pair_names: tuple[str, ...] = Field(default=(), validation_alias=AliasChoices("key_pair_names", "ssh_keys"))
    uri: str = Field(default="", repr=False)

    @model_validator(mode="before")
    @classmethod
    def _without_empties(cls, data: object) -> object:
        """A new name that is empty leaves the word to the old one."""
        return {key: value for key, value in data.items() if value} if isinstance(data, dict) else data


class Access(Answer):
    """What the service says of how to reach one notebook."""

    id: str = Field(min_length=1)
    status: Upper = Field(min_length=1)
    url: str = Field(default="", repr=False)
    token: str = Field(default="", repr=False)
    endpoints: tuple[Door, ...] = ()

    @property
    def runs(self) -> bool:
        return self.status == "RUNNING"

    @property
    def full_url(self) -> str:
        """JupyterLab's address as the service tells it, with whatever it carries; "" when it tells none."""
        told = self.url or next((door.uri for door in self.endpoints if door.service == "NOTEBOOK"), "")
        try:
            parts = urlsplit(told)
        except ValueError:
            return ""
        return told if parts.scheme in {"https", "http"} and parts.hostname else ""

    @property
    def page(self) -> str:
        """JupyterLab's address without a token or a password."""
        parts = urlsplit(self.full_url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @property
    def ssh(self) -> SshAddress | None:
        """Where ssh connects to; None without an SSH endpoint, or when its address cannot be trusted."""
        door = self._ssh_door
        return SshAddress.parse(door.uri) if door else None

    @property
    def has_ssh(self) -> bool:
        return self._ssh_door is not None

    @property
    def key_pairs(self) -> tuple[str, ...]:
        """The key pairs that open it, as far as their names may become names of files."""
        door = self._ssh_door
        return tuple(name for name in door.key_pair_names if _KEY_PAIR.fullmatch(name)) if door else ()

    @property
    def _ssh_door(self) -> Door | None:
        return next((door for door in self.endpoints if door.service == "SSH" and door.uri), None)
