"""`provisioner.yaml` at the root of a project: what it may say, and reading it. The environment is not read here."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from provisioner.errors import SpecError, UsageError
from provisioner.model.fields import Checked, Declared, Duration, Text, matching, refuse
from provisioner.model.marker import Place
from provisioner.spec.check import validated
from provisioner.spec.document import Version
from provisioner.spec.files import SETTINGS_FILE, read_bytes
from provisioner.spec.load import in_order
from provisioner.spec.source import read_source
from provisioner.spec.tree import Node

_INTERVAL_SCHEMA = {
    "anyOf": [{"type": "string", "pattern": r"^(auto|(\d+(ms|[smhd]))+)$"}, {"type": "integer", "minimum": 1}]
}
_LATER_BACKENDS = ("postgres", "s3", "http")


def _endpoint(value: object) -> object:
    """Requests are signed for this host: it must be the one that was meant, and nobody may listen on the way."""
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        refuse("E415", f"this is no URL: {error}", hint="https://modelarts.cn-north-4.myhuaweicloud.com")
    if parts.username is not None or parts.password is not None:
        refuse("E415", "an endpoint holds no user name or password", hint="credentials come from the environment")
    if parts.scheme not in {"https", "http"} or not host:
        refuse("E415", "an endpoint is a URL", hint="https://modelarts.cn-north-4.myhuaweicloud.com")
    if parts.query or parts.fragment or parts.path not in {"", "/"}:
        refuse("E415", "an endpoint is a scheme and a host", hint="remove what follows the host")
    if parts.scheme == "http" and not _is_loopback(host):
        refuse("E415", "plain http is for loopback addresses alone", hint="write https://")
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _poll_interval(value: object) -> object:
    return None if value == "auto" else value


def _forward(milliseconds: int | None) -> int | None:
    if milliseconds is not None and milliseconds < 1:
        refuse("E203", "an interval is longer than nothing", hint="poll_interval: 2s")
    return milliseconds


def _backend_type(value: object) -> object:
    if value in _LATER_BACKENDS:
        refuse("E216", f"the backend {value} is not supported by this version yet", hint="type: local")
    if value != "local":
        refuse("E306", "this is no type of backend", hint="type: local")
    return value


def _marker(value: object) -> object:
    if value not in {"description", "name", "none"}:
        refuse("E306", "this is no place for a marker", hint="description, name or none")
    return value


Endpoint = Annotated[str, Checked(_endpoint, {"type": "string", "pattern": "^https?://"})]
ProjectId = Annotated[
    str,
    matching(
        r"[0-9A-Za-z_-]{1,64}",
        "E307",
        "a project id has letters and digits alone",
        "the console shows it: My Credentials",
    ),
]
PollInterval = Annotated[
    Duration | None, BeforeValidator(_poll_interval), AfterValidator(_forward), WithJsonSchema(_INTERVAL_SCHEMA)
]


class Cloud(Declared):
    """Which cloud, and how to reach it."""

    region: Text = Field(default="", description="Region, such as cn-north-4.", examples=["cn-north-4"])
    project_id: ProjectId = Field(default="", description="Project id. Default: looked up by the region's name.")
    endpoint: Endpoint = Field(default="", description="Host of the ModelArts API. Default: the region's.")
    iam_endpoint: Endpoint = Field(default="", description="Host of the IAM API. Default: the region's.")
    ca_bundle: Text = Field(default="", description="File of CA certificates to trust beside the usual ones.")
    marker: Annotated[Literal["description", "name", "none"], BeforeValidator(_marker)] = Field(
        default="description",
        description="Where a new instance carries the mark by which a lost create is found again; none: nowhere.",
    )
    settle_window: Annotated[Duration, AfterValidator(_forward)] = Field(
        default=120_000, description="How long a create whose answer was lost is searched for. Default: 120s."
    )
    poll_interval: PollInterval = Field(
        default=None, description="Time between two looks at instances in transition; auto: as the service's pace asks."
    )

    @property
    def marker_place(self) -> Place | None:
        return None if self.marker == "none" else self.marker

    @property
    def poll_seconds(self) -> float | None:
        """The interval in seconds; None is `auto`."""
        return None if self.poll_interval is None else self.poll_interval / 1000


class Backend(Declared):
    """Where the state is kept."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"dsn_env", "schema", "bucket", "prefix", "endpoint", "region", "address", "lock_address"}
    )

    type: Annotated[Literal["local"], BeforeValidator(_backend_type)] = Field(
        default="local", description="local: files in a directory."
    )
    path: Text = Field(default="state", description="Directory of the state files, below the root.")


class Settings(Declared):
    """Everything that `provisioner.yaml` says."""

    later: ClassVar[frozenset[str]] = frozenset({"environments", "policy", "default_tags", "ignore_tags"})

    version: Version = Field(default=1, description="Version of the settings format: 1.")
    cloud: Cloud = Field(default=Cloud(), description="Which cloud, and how to reach it.")
    backend: Backend = Field(default=Backend(), description="Where the state is kept.")


def load_settings(root: Path) -> Settings:
    """The settings of the project at `root`; the defaults when it has no `provisioner.yaml` or an empty one."""
    try:
        data = read_bytes(root / SETTINGS_FILE)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise UsageError(f"{SETTINGS_FILE} cannot be read", detail=error.strerror or str(error)) from error
    source = read_source(SETTINGS_FILE, data)
    problems = source.problems
    settings: Settings | None = Settings()
    if source.root:
        settings, refusals = validated(Settings, _without_nulls(source.root))
        problems += refusals
    if problems or not settings:
        raise SpecError(in_order(problems, [SETTINGS_FILE]))
    return settings


def _without_nulls(node: Node) -> Node:
    """`endpoint: null`, or a key with all its lines commented out, leaves the default in place."""
    kept = {key: _without_nulls(child) for key, child in node.entries().items() if child.value is not None}
    return node.holding(kept) if isinstance(node.value, dict) else node
