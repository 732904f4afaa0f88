"""What the environment's variables say: token, access key or password, and the scope they are used on.

The names are those of the Terraform provider and of the official SDK (API page 17). Nothing here reads `os.environ`.
"""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.errors import UsageError
from provisioner.provider.credentials import Absent, AccessKey, Found, PasswordLogin, Scope, Surroundings, TokenLogin

Environment = Mapping[str, str]

_NO = frozenset({"", "0", "f", "false", "n", "no", "off"})


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


def token_from_environment(surroundings: Surroundings) -> Found | Absent:
    environ = surroundings.environ
    name = _first_set(environ, "HW_AUTH_TOKEN", "OS_AUTH_TOKEN")
    return Found(TokenLogin(_secret(environ, name)), name) if name else Absent("HW_AUTH_TOKEN is not set")


def access_key_from_environment(surroundings: Surroundings) -> Found | Absent:
    """The pair that every family of variables agrees on: a pair is never mixed from two families."""
    found = [found for names in _KEY_FAMILIES if (found := _pair(surroundings.environ, *names)) is not None]
    for other in found[1:]:
        if other.credentials != found[0].credentials:
            raise UsageError(
                "two different access keys are set",
                detail=f"{found[0].source} and {other.source} do not hold the same.",
                hint="unset one of the two sets",
            )
    return found[0] if found else Absent("neither HW_ACCESS_KEY nor HUAWEICLOUD_SDK_AK is set")


def password_from_environment(surroundings: Surroundings) -> Found | Absent:
    environ = surroundings.environ
    user_name = _first_set(environ, "HW_USER_NAME", "OS_USERNAME")
    user_id_name = _first_set(environ, "HW_USER_ID", "OS_USER_ID")
    password_name = _first_set(environ, "HW_USER_PASSWORD", "OS_PASSWORD")
    if not password_name and not user_name and not user_id_name:
        return Absent("neither HW_USER_NAME nor HW_USER_PASSWORD is set")
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
