"""What `provisioner.yaml` at the root of a project may say. Reading it is in `settings`."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from provisioner.model.fields import (
    Boolean,
    Checked,
    Declared,
    Duration,
    TagKey,
    TagValue,
    Text,
    matching,
    refuse,
    whole,
)
from provisioner.model.marker import Place
from provisioner.spec.document import NAME_PATTERN, Version
from provisioner.spec.project import Policy

_INTERVAL_SCHEMA = {
    "anyOf": [{"type": "string", "pattern": r"^(auto|(\d+(ms|[smhd]))+)$"}, {"type": "integer", "minimum": 1}]
}


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
    if value not in {"local", "http", "postgres", "s3"}:
        refuse("E306", "this is no type of backend", hint="type: local, http, postgres or s3")
    return value


def _lock(value: object) -> object:
    if value != "append":
        refuse("E306", "this is no way to lock", hint="lock: append, or leave it out for conditional writes")
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


EnvironmentName = Annotated[
    str,
    matching(
        NAME_PATTERN,
        "E206",
        "an environment's name has 1 to 64 letters, digits, - and _, and begins with a letter or a digit",
        "it becomes part of the names of states: research.prod",
    ),
]
Method = Annotated[
    str, matching(r"[A-Z]{1,20}", "E306", "a method of HTTP has upper-case letters alone", "lock_method: POST")
]
Limit = Annotated[int | None, whole(0, 10_000)]


class Section(Declared):
    """A map of settings. `endpoint: null`, or a key with all its lines commented out, leaves the default in place."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: object) -> object:
        return {key: each for key, each in value.items() if each is not None} if isinstance(value, dict) else value


class Cloud(Section):
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


class Backend(Section):
    """Where the states are kept. Which keys a type takes is checked once an environment has had its say."""

    type: Annotated[Literal["local", "http", "postgres", "s3"], BeforeValidator(_backend_type)] = Field(
        default="local",
        description="local: files in a directory; http: Terraform's protocol, as GitLab speaks it; postgres; "
        "s3: not in this version yet.",
    )
    path: Text = Field(default="state", description="local: directory of the state files, below the root.")
    address: Text = Field(
        default="",
        description="http: URL of the state; {stack} stands for the stack's name. Default: TF_HTTP_ADDRESS.",
        examples=["https://gitlab.example/api/v4/projects/1/terraform/state/{stack}"],
    )
    lock_address: Text = Field(default="", description="http: URL of the lock. Default: ADDRESS/lock.")
    unlock_address: Text = Field(default="", description="http: URL to unlock at. Default: that of the lock.")
    update_method: Method = Field(default="", description="http: method of a write. Default: POST.")
    lock_method: Method = Field(default="", description="http: method that locks. Default: LOCK; GitLab: POST.")
    unlock_method: Method = Field(default="", description="http: method that unlocks. Default: UNLOCK; GitLab: DELETE.")
    dsn_env: Text = Field(
        default="PG_CONN_STR", description="postgres: the environment variable that holds the connection string."
    )
    schema_name: Text = Field(
        default="provisioner", alias="schema", description="postgres: schema of our tables, made when it is not there."
    )
    bucket: Text = Field(default="", description="s3: bucket.")
    prefix: Text = Field(default="", description="s3: what the names of our objects begin with.", examples=["infra/"])
    endpoint: Endpoint = Field(default="", description="s3: URL of the service. Default: AWS, or AWS_ENDPOINT_URL_S3.")
    region: Text = Field(default="", description="s3: region of the bucket. Default: AWS_REGION.")
    lock: Annotated[Literal["", "append"], BeforeValidator(_lock)] = Field(
        default="",
        description="s3: append (experimental) locks by appended objects, for Huawei OBS: its PUT has no conditions.",
    )


class Rules(Section):
    """What every plan must keep to."""

    max_changes: Limit = Field(
        default=None, description="How many notebooks one plan may create, update, replace or delete."
    )
    max_destroys: Limit = Field(default=None, description="How many notebooks one plan may delete or replace.")
    require_lease: Boolean = Field(default=False, description="Every notebook must declare a lease that ends.")
    require_allowlist: Boolean = Field(
        default=False, description="Every SSH endpoint must name the addresses that may connect."
    )

    @property
    def policy(self) -> Policy:
        return Policy(self.max_changes, self.max_destroys, self.require_lease, self.require_allowlist)


class Environment(Section):
    """What differs in one environment."""

    cloud: Cloud = Field(default=Cloud(), description="Keys that differ from the project's `cloud`.")
    backend: Backend = Field(default=Backend(), description="Keys that differ from the project's `backend`.")
    variables: dict[str, Any] = Field(default={}, description="Values of variables.")
    patches: tuple[Text, ...] = Field(
        default=(),
        description="Patch files, RFC 6902, applied in this order.",
        examples=[["specs/lab/prod.patch.yaml"]],
    )


def _empty_map(value: object) -> object:
    return {} if value is None else value


class File(Section):
    """Everything that `provisioner.yaml` may say."""

    version: Version = Field(default=1, description="Version of the settings format: 1.")
    cloud: Cloud = Field(default=Cloud(), description="Which cloud, and how to reach it.")
    backend: Backend = Field(default=Backend(), description="Where the state is kept.")
    environments: dict[EnvironmentName, Annotated[Environment, BeforeValidator(_empty_map)]] = Field(
        default={}, description="What differs in each environment, by the name that --env takes."
    )
    policy: Rules = Field(default=Rules(), description="What every plan must keep to.")
    default_tags: dict[TagKey, TagValue] = Field(
        default={}, description="Tags of every notebook; those that it declares itself win."
    )
    ignore_tags: tuple[TagKey, ...] = Field(
        default=(), description="Tags that others put on: neither compared, nor written, nor removed."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if both := [key for key in self.default_tags if key in self.ignore_tags]:
            hint = "remove it from one of the two"
            refuse("E317", f"the tag {both[0]} is put on every notebook, and ignored", hint=hint, at="ignore_tags")
        seen: set[str] = set()
        for name in self.environments:
            if name.casefold() in seen:  # on some file systems they would share their states
                refuse("E215", f"two environments are called {name}", hint="rename one", at="environments")
            seen.add(name.casefold())
        return self
