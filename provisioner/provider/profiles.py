"""Keys in files of the user's home: the SDK's (INI) and KooCLI's (JSON).

A file that somebody names must be there and be right; in its usual place it may be missing. No message shows a value.
"""

from __future__ import annotations

import configparser
import io
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from provisioner.errors import Diagnostic, UsageError
from provisioner.provider.credentials import Absent, AccessKey, Agency, File, Found, Scope, Surroundings

SDK_FILE = Path(".huaweicloud") / "credentials"
SDK_FILE_VARIABLE = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
KOOCLI_FILE = Path(".hcloud") / "config.json"
KOOCLI_FILE_VARIABLE = "HW_SHARED_CONFIG_FILE"
PROFILE_VARIABLE = "HW_PROFILE"
DECRYPT = "hcloud configure set --cli-auth-encrypt=false"

_SECTION = "basic"
_PLAIN = re.compile(r"[A-Za-z0-9]{1,40}")  # what KooCLI encrypts is longer, or holds other characters


class _Part(BaseModel):
    """What KooCLI writes; there is more in it than is of use here."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, hide_input_in_errors=True, coerce_numbers_to_str=True
    )


class _Keys(_Part):
    access_key_id: str = Field(default="", repr=False)
    secret_access_key: str = Field(default="", repr=False)
    security_token: str = Field(default="", repr=False)


class _Single(_Part):
    sts_token: _Keys | None = None


class _Profile(_Keys):
    name: str = ""
    mode: str = ""
    region: str = ""
    project_id: str = ""
    agency_name: str = ""
    agency_domain_name: str = ""
    agency_domain_id: str = ""
    sso_auth: _Single | None = None

    @property
    def keys(self) -> _Keys:
        """With single sign-on, what the last `hcloud configure sso` obtained."""
        single = self.sso_auth.sts_token if self.sso_auth and self.mode.upper() == "SSO" else None
        return single or self

    @property
    def agency(self) -> Agency | None:
        return Agency(self.agency_name, self.agency_domain_name, self.agency_domain_id) if self.agency_name else None


class _Profiles(_Part):
    current: str = ""
    auth_encrypt: bool = False
    profiles: tuple[_Profile, ...] = ()


def named_profile(surroundings: Surroundings) -> Found | Absent:
    """The profile of KooCLI that HW_PROFILE names: an explicit choice, so whatever is wrong with it is an error."""
    name = surroundings.environ.get(PROFILE_VARIABLE, "").strip()
    if not name:
        return Absent(f"{PROFILE_VARIABLE} is not set")
    path, _ = _path(surroundings, KOOCLI_FILE_VARIABLE, KOOCLI_FILE)
    file = surroundings.read(path)
    if file is None:
        raise UsageError(
            f"{PROFILE_VARIABLE} names a profile, but there is no file of profiles",
            detail=f"{path} does not exist.",
            hint=f"unset {PROFILE_VARIABLE}, or name the file of KooCLI in {KOOCLI_FILE_VARIABLE}",
        )
    given = _profiles(path, file)
    profile = next((each for each in given.profiles if each.name == name), None)
    if profile is None:
        raise UsageError(
            f"there is no profile {name!r}",
            detail=f"{path} has {', '.join(repr(each.name) for each in given.profiles) or 'none'}.",
            hint=f"correct {PROFILE_VARIABLE}, or make the profile: hcloud configure set --cli-profile=NAME",
        )
    if _is_encrypted(given, profile):
        raise UsageError(
            f"the keys of profile {name!r} are encrypted",
            detail=f"{path} can be read by KooCLI alone.",
            hint=f"{DECRYPT} writes them in clear; PROVISIONER_CREDENTIAL_COMMAND is for keys that stay locked up",
        )
    return _of_profile(path, file, profile)


def sdk_file(surroundings: Surroundings) -> Found | Absent:
    """Section [basic] of the official SDK's file."""
    path, explicit = _path(surroundings, SDK_FILE_VARIABLE, SDK_FILE)
    file = surroundings.read(path)
    if file is None:
        return _missing(path, SDK_FILE_VARIABLE, explicit=explicit)
    section = _section(path, file)
    key = _key(path, f"[{_SECTION}]", (section.get("ak", ""), section.get("sk", ""), section.get("security_token", "")))
    if key is None:
        return Absent(f"[{_SECTION}] of {path} has no ak and sk")
    scope = Scope(project_id=section.get("project_id", ""), iam_endpoint=section.get("iam_endpoint", ""))
    return Found(key, f"[{_SECTION}] of {path}", scope, warnings=_open_to_others(path, file))


def current_profile(surroundings: Surroundings) -> Found | Absent:
    """KooCLI's current profile. Encrypted is what it usually is, so that is passed over."""
    path, explicit = _path(surroundings, KOOCLI_FILE_VARIABLE, KOOCLI_FILE)
    file = surroundings.read(path)
    if file is None:
        return _missing(path, KOOCLI_FILE_VARIABLE, explicit=explicit)
    given = _profiles(path, file)
    profile = next((each for each in given.profiles if each.name == given.current), None)
    if profile is None:
        return Absent(f"{path} has no current profile")
    if _is_encrypted(given, profile):
        return Absent(f"{path} is encrypted; `{DECRYPT}` writes it in clear")
    return _of_profile(path, file, profile)


def _path(surroundings: Surroundings, variable: str, usual: Path) -> tuple[Path, bool]:
    """Where the file is, and whether somebody says so."""
    given = surroundings.environ.get(variable, "").strip()
    if not given:
        return surroundings.home / usual, False
    return (surroundings.home / given[2:] if given.startswith("~/") else Path(given)), True


def _missing(path: Path, variable: str, *, explicit: bool) -> Absent:
    if explicit:
        raise UsageError(
            f"the file that {variable} names does not exist", detail=f"{path}.", hint=f"correct or unset {variable}"
        )
    return Absent(f"{path} does not exist")


def _section(path: Path, file: File) -> Mapping[str, str]:
    """As the SDK reads it, but for `%`, which means nothing here: a secret key may hold one."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_file(io.StringIO(_text(path, file)))
    except configparser.Error as error:
        # Its message quotes the line, and with it a key.
        problem, line = _ini_problem(error)
    else:
        return {name: value.strip() for name, value in parser.items(_SECTION)} if parser.has_section(_SECTION) else {}
    raise UsageError(
        f"{path} cannot be read",
        detail=f"Line {line}: {problem}.",
        hint=f"write [{_SECTION}], and below it lines like ak = … and sk = …",
    )


def _ini_problem(error: configparser.Error) -> tuple[str, int]:
    match error:
        case configparser.MissingSectionHeaderError():
            return "a [section] must stand before the first entry", error.lineno
        case configparser.DuplicateSectionError() | configparser.DuplicateOptionError():
            return "it says again what was said before", error.lineno or 0
        case configparser.ParsingError():
            return "it is no NAME = VALUE", error.errors[0][0] if error.errors else 0
        case _:
            return "it is no INI file", 0


def _profiles(path: Path, file: File) -> _Profiles:
    try:
        return _Profiles.model_validate_json(_text(path, file))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        # Where pydantic cannot parse at all, it says the line and the column, and quotes nothing.
        where = ".".join(str(part) for part in first["loc"])
        problem = f"{where}: {first['msg']}" if where else first["msg"]
    raise UsageError(f"{path} cannot be read", detail=f"{problem}.", hint="`hcloud configure list` shows what is in it")


def _of_profile(path: Path, file: File, profile: _Profile) -> Found | Absent:
    keys = profile.keys
    source = f"profile {profile.name!r} of {path}"
    key = _key(path, source, (keys.access_key_id, keys.secret_access_key, keys.security_token))
    if key is None:
        mode = f" (its mode is {profile.mode})" if profile.mode else ""
        raise UsageError(
            f"profile {profile.name!r} has no access key",
            detail=f"It stands in {path}{mode}.",
            hint=f"hcloud configure set --cli-profile={profile.name} --cli-access-key=… --cli-secret-key=…",
        )
    scope = Scope(region=profile.region, project_id=profile.project_id)
    return Found(key, source, scope, profile.agency, _open_to_others(path, file))


def _is_encrypted(given: _Profiles, profile: _Profile) -> bool:
    key = profile.keys.access_key_id
    return bool(key) and (given.auth_encrypt or not _PLAIN.fullmatch(key))


def _key(path: Path, place: str, values: tuple[str, str, str]) -> AccessKey | None:
    access_key, secret_key, security_token = (value.strip() for value in values)
    if not access_key and not secret_key:
        return None
    problem = ""
    if not access_key or not secret_key:
        problem = f"the {'secret' if access_key else 'access'} key is missing"
    elif not all(_is_possible(value) for value in (access_key, secret_key, security_token)):
        problem = "it holds characters that no credential has"
    if problem:
        raise UsageError("the access key of a file cannot be used", detail=f"{place}: {problem}.", hint=f"edit {path}")
    return AccessKey(access_key, secret_key, security_token)


def _is_possible(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value


def _text(path: Path, file: File) -> str:
    try:
        return file.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start
    raise UsageError(f"{path} cannot be read", detail=f"It is no UTF-8 at byte {at}.", hint="save it as UTF-8")


def _open_to_others(path: Path, file: File) -> tuple[Diagnostic, ...]:
    if not file.open_to_others:
        return ()
    return (
        Diagnostic(
            "W801",
            "others may read the file of the access key",
            f"{path} is open to other users of this machine.",
            f"chmod 600 {path}",
            severity="warning",
        ),
    )
