"""Credentials in the SDK's file and in KooCLI's: real files in a home of the test's own."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import UsageError
from provisioner.provider.credentials import Absent, AccessKey, Agency, Found, Scope, Surroundings
from provisioner.provider.profiles import current_profile, named_profile, sdk_file
from provisioner.provider.sources import MAX_BYTES, read_file

AK = "HPUAABCDEFGHIJKLMNOP"
SK = "canarySecretKey0123456789"
TOKEN = "canaryToken"

Place = Callable[[bytes], Path]


def around(home: Path, **environ: str) -> Surroundings:
    return Surroundings(environ, home, read_file)


def found(result: Found | Absent) -> Found:
    assert isinstance(result, Found), result
    return result


def reason(result: Found | Absent) -> str:
    assert isinstance(result, Absent), result
    return result.reason


def everything(error: UsageError) -> str:
    return f"{error.detail} {error.hint} {''.join(traceback.format_exception(error))}"


@pytest.fixture
def sdk(tmp_path: Path) -> Place:
    """Writes the SDK's file, where it usually is."""
    return lambda data: _write(tmp_path / ".huaweicloud" / "credentials", data)


@pytest.fixture
def koocli(tmp_path: Path) -> Place:
    """Writes KooCLI's file, where it usually is."""
    return lambda data: _write(tmp_path / ".hcloud" / "config.json", data)


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def profile(name: str = "work", **fields: Any) -> dict[str, Any]:
    """As KooCLI writes it, with fields that are of no use here."""
    usual = {"mode": "AKSK", "accessKeyId": AK, "secretAccessKey": SK, "securityToken": "", "readTimeout": 10}
    return {"name": name, **usual, "language": "en", **fields}


def config(*profiles: dict[str, Any], current: str = "work", **fields: Any) -> bytes:
    return json.dumps({"language": "en", "current": current, "profiles": list(profiles), **fields}).encode()


class TestSdkFile:
    def test_basic(self, tmp_path: Path, sdk: Place) -> None:
        """Section [basic] gives the key, the project and the host of IAM; a percent sign is a character like others."""
        path = sdk(
            f"[basic]\nak = {AK}\nSK: a%b\nproject_id=p1\niam_endpoint = https://iam.lab\n[global]\nak=x\n".encode()
        )
        given = found(sdk_file(around(tmp_path)))
        assert AccessKey(AK, "a%b") == given.credentials
        assert Scope(project_id="p1", iam_endpoint="https://iam.lab") == given.scope
        assert f"[basic] of {path}" == given.source
        assert () == given.warnings

    def test_security_token(self, tmp_path: Path, sdk: Place) -> None:
        """A temporary key has its token; an editor's byte order mark is no harm."""
        sdk(f"\ufeff[basic]\nak={AK}\nsk={SK}\nsecurity_token={TOKEN}\n".encode())
        assert AccessKey(AK, SK, TOKEN) == found(sdk_file(around(tmp_path))).credentials

    def test_another_place(self, tmp_path: Path) -> None:
        """HUAWEICLOUD_SDK_CREDENTIALS_FILE names another file; `~` is the home."""
        _write(tmp_path / "mine", f"[basic]\nak={AK}\nsk={SK}\n".encode())
        for name in (str(tmp_path / "mine"), "~/mine"):
            given = sdk_file(around(tmp_path, HUAWEICLOUD_SDK_CREDENTIALS_FILE=name))
            assert AccessKey(AK, SK) == found(given).credentials

    @pytest.mark.parametrize("data", [b"", b"[global]\nak=x\nsk=y\n", b"[basic]\nproject_id=p\n"])
    def test_nothing_for_us(self, tmp_path: Path, sdk: Place, data: bytes) -> None:
        """A file without a key in [basic] is passed over."""
        sdk(data)
        assert "no ak and sk" in reason(sdk_file(around(tmp_path)))

    def test_missing(self, tmp_path: Path) -> None:
        """Missing where it usually is: passed over. Missing where somebody says it is: an error."""
        assert "does not exist" in reason(sdk_file(around(tmp_path)))
        with pytest.raises(UsageError, match="HUAWEICLOUD_SDK_CREDENTIALS_FILE names does not exist"):
            sdk_file(around(tmp_path, HUAWEICLOUD_SDK_CREDENTIALS_FILE=str(tmp_path / "none")))

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            (b"sk = canary\n", "Line 1: a [section] must stand before the first entry."),
            (b"[basic]\nak = A\ncanary\n", "Line 3: it is no NAME = VALUE."),
            (b"[basic]\nsk = canary\nsk = canary2\n", "Line 3: it says again what was said before."),
            (b"[basic]\n[basic]\nsk = canary\n", "Line 2: it says again what was said before."),
            (b"[basic]\nsk = canary\xff\n", "It is no UTF-8 at byte 19."),
            (b"[basic]\nsk = canary\n", "the access key is missing"),
            (b"[basic]\nak = canary\n", "the secret key is missing"),
            (b"[basic]\nak = A\nsk = canary canary\n", "it holds characters that no credential has"),
            (b"[basic]\nak = A\nsk = canary\n  canary\n", "it holds characters that no credential has"),
            ("[basic]\nak = A\nsk = canaryключ\n".encode(), "it holds characters that no credential has"),
            (b"#" * (MAX_BYTES + 1), "It is larger than 1 MiB."),
        ],
    )
    def test_bad_files(self, tmp_path: Path, sdk: Place, data: bytes, problem: str) -> None:
        """A bad file is an error with its name, the place and the mend; no value is shown."""
        path = sdk(data)
        with pytest.raises(UsageError) as caught:
            sdk_file(around(tmp_path))
        shown = everything(caught.value)
        assert problem in shown
        assert str(path) in shown
        assert caught.value.hint
        assert "canary" not in shown.replace(str(path), "")

    def test_others_may_read(self, tmp_path: Path, sdk: Place) -> None:
        """A file that others may read is used, with a warning that says how to close it."""
        path = sdk(f"[basic]\nak={AK}\nsk={SK}\n".encode())
        path.chmod(0o644)
        (warning,) = found(sdk_file(around(tmp_path))).warnings
        assert ("W801", f"chmod 600 {path}", "warning") == (warning.code, warning.hint, warning.severity)

    def test_a_directory(self, tmp_path: Path) -> None:
        """What is no file is an error that says so."""
        with pytest.raises(UsageError, match="cannot be read") as caught:
            sdk_file(around(tmp_path, HUAWEICLOUD_SDK_CREDENTIALS_FILE=str(tmp_path)))
        assert "Is a directory" in caught.value.detail


class TestKooCli:
    def test_the_named_profile(self, tmp_path: Path, koocli: Place) -> None:
        """HW_PROFILE chooses among the profiles; region and project come along."""
        path = koocli(config(profile(), profile("lab", accessKeyId="HPUALAB", region="cn-north-4", projectId="p1")))
        given = found(named_profile(around(tmp_path, HW_PROFILE="lab")))
        assert AccessKey("HPUALAB", SK) == given.credentials
        assert Scope(region="cn-north-4", project_id="p1") == given.scope
        assert f"profile 'lab' of {path}" == given.source

    def test_nobody_names_one(self, tmp_path: Path, koocli: Place) -> None:
        """Without HW_PROFILE there is no chosen profile, and the current one is used."""
        koocli(config(profile("lab"), profile(accessKeyId="HPUACURRENT")))
        assert "HW_PROFILE is not set" == reason(named_profile(around(tmp_path, HW_PROFILE=" ")))
        assert AccessKey("HPUACURRENT", SK) == found(current_profile(around(tmp_path))).credentials

    def test_another_place(self, tmp_path: Path) -> None:
        """HW_SHARED_CONFIG_FILE names another file, for both."""
        path = _write(tmp_path / "mine.json", config(profile()))
        environ = {"HW_SHARED_CONFIG_FILE": str(path), "HW_PROFILE": "work"}
        assert AccessKey(AK, SK) == found(named_profile(around(tmp_path, **environ))).credentials
        assert AccessKey(AK, SK) == found(current_profile(around(tmp_path, **environ))).credentials

    def test_single_sign_on(self, tmp_path: Path, koocli: Place) -> None:
        """With mode SSO the key is the one that KooCLI obtained; it has its token."""
        sts = {"accessKeyId": "HSTASSO", "secretAccessKey": SK, "securityToken": TOKEN}
        koocli(config(profile(mode="SSO", accessKeyId="", secretAccessKey="", ssoAuth={"stsToken": sts})))
        assert AccessKey("HSTASSO", SK, TOKEN) == found(current_profile(around(tmp_path))).credentials

    def test_an_agency(self, tmp_path: Path, koocli: Place) -> None:
        """A profile may ask to act as an agency of another account."""
        koocli(config(profile(agencyName="runner", agencyDomainName="prod", agencyDomainId="d1")))
        assert Agency("runner", "prod", "d1") == found(current_profile(around(tmp_path))).agency

    @pytest.mark.parametrize(
        "data",
        [
            config(profile(), authEncrypt="true"),
            config(profile(accessKeyId="canary+/0123456789abcdef==")),
            config(profile(accessKeyId="ca9a" * 16)),
        ],
    )
    def test_encrypted(self, tmp_path: Path, koocli: Place, data: bytes) -> None:
        """Encrypted keys: the current profile is passed over, a named one is an error; both name KooCLI's command."""
        koocli(data)
        command = "hcloud configure set --cli-auth-encrypt=false"
        assert command in reason(current_profile(around(tmp_path)))
        with pytest.raises(UsageError, match="encrypted") as caught:
            named_profile(around(tmp_path, HW_PROFILE="work"))
        assert command in caught.value.hint
        assert "canary" not in everything(caught.value)

    def test_no_such_profile(self, tmp_path: Path, koocli: Place) -> None:
        """A profile that is not there is an error with the names of those that are."""
        path = koocli(config(profile("one"), profile("two")))
        with pytest.raises(UsageError, match="there is no profile 'three'") as caught:
            named_profile(around(tmp_path, HW_PROFILE="three"))
        assert f"{path} has 'one', 'two'." == caught.value.detail
        assert "no current profile" in reason(current_profile(around(tmp_path)))

    def test_no_file(self, tmp_path: Path) -> None:
        """Without its file a named profile is an error; so is a named file that is missing."""
        assert "does not exist" in reason(current_profile(around(tmp_path)))
        with pytest.raises(UsageError, match="no file of profiles"):
            named_profile(around(tmp_path, HW_PROFILE="work"))
        with pytest.raises(UsageError, match="HW_SHARED_CONFIG_FILE names does not exist"):
            current_profile(around(tmp_path, HW_SHARED_CONFIG_FILE=str(tmp_path / "none")))

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            (b'{"current": "work", "profiles": [{"secretAccessKey": "canary"]}', "line 1 column 62"),
            (b'["canary"]', "cannot be read"),
            (
                config(profile(secretAccessKey={"canary": 1})),
                "profiles.0.secretAccessKey: Input should be a valid string",
            ),
            (config(profile(accessKeyId="")), "the access key is missing"),
            (config(profile(secretAccessKey="")), "the secret key is missing"),
            (config(profile(accessKeyId="", secretAccessKey="", mode="PASSWORD")), "has no access key"),
            (config(profile(secretAccessKey="canary\nX-Evil: 1")), "characters that no credential has"),
            (b'{"current": "canary\xff"}', "It is no UTF-8 at byte 19."),
        ],
    )
    def test_bad_files(self, tmp_path: Path, koocli: Place, data: bytes, problem: str) -> None:
        """A bad file is an error with its name, the place and the mend, whoever chose it; no value is shown."""
        path = koocli(data)
        for source in (current_profile, named_profile):
            with pytest.raises(UsageError) as caught:
                source(around(tmp_path, HW_PROFILE="work"))
            shown = everything(caught.value)
            assert problem in shown
            assert str(path) in shown
            assert caught.value.hint
            assert "canary" not in shown.replace(str(path), "")
