"""Credentials as values, and what a source of them is. Which sources there are, and their order, is in sources.py.

A source is a function that looks only at what it is handed (`Surroundings`), and says what it found or why it has
nothing. No message and no repr of anything here holds a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from provisioner.errors import Diagnostic, UsageError

DEFAULT_CLOUD = "myhuaweicloud.com"
EUROPEAN_CLOUD = "myhuaweicloud.eu"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """AK and SK; with a security token they are temporary (API page 15.2)."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    security_token: str = field(default="", repr=False)
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """A token that somebody else obtained; it cannot be renewed."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """An IAM user. `user_id` alone is enough; `user` needs its domain (API page 15.3)."""

    password: str = field(repr=False)
    user: str = ""
    user_id: str = ""
    domain: str = ""
    domain_id: str = ""


@dataclass(frozen=True, slots=True)
class TemporaryKey:
    """Keys that somebody issues anew whenever asked.

    `issue` asks once, and raises UsageError or ApiError; a key without `expires_at` lasts.
    """

    issue: Callable[[], AccessKey] = field(repr=False)


Credentials = AccessKey | TokenLogin | PasswordLogin | TemporaryKey


@dataclass(frozen=True, slots=True)
class Scope:
    """What the credentials are used on. Empty means not given."""

    region: str = ""
    project_id: str = ""
    project_name: str = ""
    cloud: str = ""
    endpoint: str = ""
    iam_endpoint: str = ""
    ca_bundle: str = ""

    def filled_from(self, other: Scope) -> Scope:
        """What is not given here is taken from `other`, whose project counts in its own region alone."""
        elsewhere = bool(self.region and other.region and self.region != other.region)
        return replace(
            self,
            region=self.region or other.region,
            project_id=self.project_id or ("" if self.project_name or elsewhere else other.project_id),
            endpoint=self.endpoint or other.endpoint,
            iam_endpoint=self.iam_endpoint or other.iam_endpoint,
            ca_bundle=self.ca_bundle or other.ca_bundle,
        )

    @property
    def modelarts_url(self) -> str:
        return self.endpoint or self._service_url("modelarts")

    @property
    def iam_url(self) -> str:
        # HW_AUTH_URL is written with the version by convention (API page 1.1); our paths bring their own.
        return self.iam_endpoint.rstrip("/").removesuffix("/v3") or self._service_url("iam")

    def _service_url(self, service: str) -> str:
        if not self.region:
            raise UsageError(
                "no region is set",
                detail=f"The host of {service} is made from the region.",
                hint="set HW_REGION_NAME, or cloud.region in provisioner.yaml",
            )
        european = self.region.startswith("eu-west-1")
        return f"https://{service}.{self.region}.{self.cloud or (EUROPEAN_CLOUD if european else DEFAULT_CLOUD)}"


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency of another account, in whose place a profile asks to act."""

    name: str
    domain_name: str = ""
    domain_id: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Credentials, and where they came from, in words.

    `scope` is what the same place says of their use; it counts where nothing else does. `warnings` say what is amiss
    with that place.
    """

    credentials: Credentials
    source: str
    scope: Scope = field(default_factory=Scope)
    agency: Agency | None = None
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Absent:
    """A source that has nothing: why, in words that may follow its name (`HW_PROFILE is not set`)."""

    reason: str


@dataclass(frozen=True, slots=True)
class File:
    """What a file held, and whether others than its owner may read it."""

    data: bytes = field(repr=False)
    open_to_others: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that a source may look at. `scope` is what the environment and `provisioner.yaml` say.

    `read` returns None for a file that does not exist.
    """

    environ: Mapping[str, str]
    home: Path
    read: Callable[[Path], File | None]
    scope: Scope = field(default_factory=Scope)


Source = Callable[[Surroundings], Found | Absent]
