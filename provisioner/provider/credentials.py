"""Who we are and what we act on, read from an environment that is handed in: credentials and scope.

A source of credentials is a function from the environment to a `Found` or None; `SOURCES` lists them, first wins.
Nothing here reads `os.environ`, opens a file or talks to the network, and no message or repr holds a secret.
The variable names are those of the Terraform provider and of the official SDK (API page 17).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from provisioner.errors import UsageError

Environment = Mapping[str, str]

DEFAULT_CLOUD = "myhuaweicloud.com"
EUROPEAN_CLOUD = "myhuaweicloud.eu"
_NO = frozenset({"", "0", "f", "false", "n", "no", "off"})


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


Credentials = AccessKey | TokenLogin | PasswordLogin


@dataclass(frozen=True, slots=True)
class Found:
    """Credentials and where they came from, in words for `auth status`."""

    credentials: Credentials
    source: str


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


def find_credentials(environ: Environment) -> Found:
    for source in SOURCES:
        found = source(environ)
        if found is not None:
            return found
    raise UsageError(
        "no credentials for Huawei Cloud",
        detail="One of these sets of variables is needed:\n"
        "  HW_ACCESS_KEY and HW_SECRET_KEY (with HW_SECURITY_TOKEN when they are temporary)\n"
        "  HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK (with HUAWEICLOUD_SDK_SECURITY_TOKEN)\n"
        "  HW_AUTH_TOKEN\n"
        "  HW_USER_NAME, HW_USER_PASSWORD and HW_DOMAIN_NAME",
        hint="or try the tool without an account: --sandbox",
    )


def read_scope(environ: Environment, *, region: str = "") -> Scope:
    """The scope that the environment gives. A region handed in wins, also in the choice of its endpoint variable."""
    _refuse_insecure(environ)
    region = region or _first(environ, "HW_REGION_NAME", "OS_REGION_NAME")
    per_region = f"HUAWEICLOUD_SDK_REGION_MODELARTS_{region.upper().replace('-', '_')}"
    return Scope(
        region=region,
        project_id=_first(environ, "HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID", "OS_PROJECT_ID", "OS_TENANT_ID"),
        project_name=_first(environ, "HW_PROJECT_NAME", "OS_PROJECT_NAME", "OS_TENANT_NAME"),
        cloud=_first(environ, "HW_CLOUD"),
        # The SDK's variable may list several hosts; the first is the one that it tries first.
        endpoint=_first(environ, "PROVISIONER_ENDPOINT") or _first(environ, per_region).split(",")[0].strip(),
        iam_endpoint=_first(
            environ, "PROVISIONER_IAM_ENDPOINT", "HUAWEICLOUD_SDK_IAM_ENDPOINT", "HW_AUTH_URL", "OS_AUTH_URL"
        ),
        ca_bundle=_first(environ, "OS_CACERT"),
    )


def token_from_environment(environ: Environment) -> Found | None:
    name = _first_set(environ, "HW_AUTH_TOKEN", "OS_AUTH_TOKEN")
    return Found(TokenLogin(_secret(environ, name)), name) if name else None


def access_key_from_environment(environ: Environment) -> Found | None:
    """The pair that every family of variables agrees on: a pair is never mixed from two families."""
    found = [found for names in _KEY_FAMILIES if (found := _pair(environ, *names)) is not None]
    for other in found[1:]:
        if other.credentials != found[0].credentials:
            raise UsageError(
                "two different access keys are set",
                detail=f"{found[0].source} and {other.source} do not hold the same.",
                hint="unset one of the two sets",
            )
    return found[0] if found else None


def password_from_environment(environ: Environment) -> Found | None:
    user_name = _first_set(environ, "HW_USER_NAME", "OS_USERNAME")
    user_id_name = _first_set(environ, "HW_USER_ID", "OS_USER_ID")
    password_name = _first_set(environ, "HW_USER_PASSWORD", "OS_PASSWORD")
    if not password_name and not user_name and not user_id_name:
        return None
    login = PasswordLogin(
        password=environ.get(password_name, ""),
        user=_first(environ, user_name),
        user_id=_first(environ, user_id_name),
        domain=_first(environ, "HW_DOMAIN_NAME", "OS_DOMAIN_NAME", "OS_USER_DOMAIN_NAME"),
        domain_id=_first(environ, "HW_DOMAIN_ID", "OS_DOMAIN_ID", "OS_USER_DOMAIN_ID"),
    )
    missing = _missing_for_password(login)
    if missing:
        raise UsageError(
            "the login with a password is incomplete",
            detail=f"{user_name or user_id_name or password_name} is set, but not {' or '.join(missing)}.",
            hint=f"set {missing[0]}",
        )
    return Found(login, f"{user_id_name or user_name}, {password_name}")


# The provider's order of preference (API page 17.2).
SOURCES: tuple[Callable[[Environment], Found | None], ...] = (
    token_from_environment,
    access_key_from_environment,
    password_from_environment,
)

# Access key, secret key, security token; the provider knows one name for the token of both its families.
_KEY_FAMILIES = (
    ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
    ("HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"),
    ("OS_ACCESS_KEY", "OS_SECRET_KEY", "HW_SECURITY_TOKEN"),
)


def _pair(environ: Environment, ak_name: str, sk_name: str, token_name: str) -> Found | None:
    access_key, secret_key = _secret(environ, ak_name), _secret(environ, sk_name)
    if not access_key and not secret_key:
        return None
    if not access_key or not secret_key:
        there, missing = (ak_name, sk_name) if access_key else (sk_name, ak_name)
        raise UsageError(
            "half of an access key is set", detail=f"{there} is set, but not {missing}.", hint=f"set {missing}"
        )
    return Found(AccessKey(access_key, secret_key, _secret(environ, token_name)), f"{ak_name}, {sk_name}")


def _missing_for_password(login: PasswordLogin) -> tuple[str, ...]:
    if not login.password:
        return ("HW_USER_PASSWORD",)
    if login.user_id:
        return ()
    if not login.user:
        return ("HW_USER_NAME", "HW_USER_ID")
    return () if login.domain or login.domain_id else ("HW_DOMAIN_NAME", "HW_DOMAIN_ID")


def _refuse_insecure(environ: Environment) -> None:
    name = _first_set(environ, "HW_INSECURE", "OS_INSECURE")
    if name and environ[name].strip().lower() not in _NO:
        raise UsageError(
            f"{name} asks for connections without certificate checks",
            detail="Whoever sits between could then read the credentials; this tool always checks.",
            hint=f"unset {name} and name the certificate authority's bundle in OS_CACERT, or in cloud.ca_bundle",
        )


def _first_set(environ: Environment, *names: str) -> str:
    """The first of the names that is set to more than blanks, else ""."""
    return next((name for name in names if environ.get(name, "").strip()), "")


def _first(environ: Environment, *names: str) -> str:
    return environ.get(_first_set(environ, *names), "").strip()


def _secret(environ: Environment, name: str) -> str:
    """A value that travels in a header or a signature; blanks around it come from careless pasting."""
    value = _first(environ, name)
    if not value.isascii() or not value.isprintable() or " " in value:
        raise UsageError(f"{name} holds characters that no credential has", hint="copy it again, in one line")
    return value
