"""Credentials and scope from an environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from provisioner.errors import UsageError
from provisioner.provider.credentials import (
    AccessKey,
    Found,
    PasswordLogin,
    Scope,
    Surroundings,
    TemporaryKey,
    TokenLogin,
)
from provisioner.provider.environment import read_scope
from provisioner.provider.sources import find_credentials

HW = {"HW_ACCESS_KEY": "AK-HW", "HW_SECRET_KEY": "canary-secret"}
SDK = {"HUAWEICLOUD_SDK_AK": "AK-SDK", "HUAWEICLOUD_SDK_SK": "canary-sdk"}
OS = {"OS_ACCESS_KEY": "AK-OS", "OS_SECRET_KEY": "canary-os"}
USER = {"HW_USER_NAME": "alice", "HW_USER_PASSWORD": "canary password ", "HW_DOMAIN_NAME": "lab"}


def found_in(environ: Mapping[str, str]) -> Found:
    """What the environment alone gives: there are no files."""
    return find_credentials(Surroundings(environ, Path("/nowhere"), lambda _: None))


def everything(error: UsageError) -> str:
    return f"{error} {error.detail} {error.hint} {error!r}"


@pytest.mark.parametrize(
    ("environ", "expected", "source"),
    [
        (HW, AccessKey("AK-HW", "canary-secret"), "HW_ACCESS_KEY, HW_SECRET_KEY"),
        (
            {**HW, "HW_SECURITY_TOKEN": "st"},
            AccessKey("AK-HW", "canary-secret", "st"),
            "HW_ACCESS_KEY, HW_SECRET_KEY",
        ),
        (SDK, AccessKey("AK-SDK", "canary-sdk"), "HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK"),
        (
            {**SDK, "HUAWEICLOUD_SDK_SECURITY_TOKEN": "st"},
            AccessKey("AK-SDK", "canary-sdk", "st"),
            "HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK",
        ),
        (OS, AccessKey("AK-OS", "canary-os"), "OS_ACCESS_KEY, OS_SECRET_KEY"),
        ({"HW_AUTH_TOKEN": "tok"}, TokenLogin("tok"), "HW_AUTH_TOKEN"),
        ({"OS_AUTH_TOKEN": "tok"}, TokenLogin("tok"), "OS_AUTH_TOKEN"),
        (
            USER,
            PasswordLogin("canary password ", user="alice", domain="lab"),
            "HW_USER_NAME, HW_USER_PASSWORD",
        ),
        (
            {"OS_USER_ID": "u1", "OS_PASSWORD": "p"},
            PasswordLogin("p", user_id="u1"),
            "OS_USER_ID, OS_PASSWORD",
        ),
        (
            {"OS_USERNAME": "bob", "OS_PASSWORD": "p", "OS_USER_DOMAIN_ID": "d1"},
            PasswordLogin("p", user="bob", domain_id="d1"),
            "OS_USERNAME, OS_PASSWORD",
        ),
    ],
)
def test_each_source(environ: dict[str, str], expected: object, source: str) -> None:
    """Each family of variables is understood, and the source is named."""
    found = found_in(environ)
    assert expected == found.credentials
    assert source == found.source


def test_preference() -> None:
    """A token wins over a key, a key over a password, as with the Terraform provider."""
    assert TokenLogin("t") == found_in({"HW_AUTH_TOKEN": "t", **HW, **USER}).credentials
    assert AccessKey("AK-HW", "canary-secret") == found_in({**HW, **USER}).credentials


def test_blanks_do_not_count() -> None:
    """A variable that holds only blanks is not set, and blanks around a key are dropped."""
    environ = {"HW_AUTH_TOKEN": "  ", "HW_ACCESS_KEY": " AK-HW\n", "HW_SECRET_KEY": "canary-secret\n"}
    assert AccessKey("AK-HW", "canary-secret") == found_in(environ).credentials


def test_families_that_agree() -> None:
    """The same key under two names is no conflict."""
    same = {"HUAWEICLOUD_SDK_AK": "AK-HW", "HUAWEICLOUD_SDK_SK": "canary-secret"}
    assert AccessKey("AK-HW", "canary-secret") == found_in({**HW, **same}).credentials


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (HW, SDK),
        (HW, OS),
        (SDK, OS),
        (
            {**HW, "HW_SECURITY_TOKEN": "st"},
            {"HUAWEICLOUD_SDK_AK": "AK-HW", "HUAWEICLOUD_SDK_SK": "canary-secret"},
        ),
    ],
)
def test_families_that_differ(one: dict[str, str], other: dict[str, str]) -> None:
    """Two different keys are refused; the message names the variables and shows no value."""
    with pytest.raises(UsageError, match="two different access keys") as caught:
        found_in({**one, **other})
    shown = everything(caught.value)
    for name, value in {**one, **other}.items():
        assert name in shown or "TOKEN" in name
        assert value not in shown


@pytest.mark.parametrize("family", [HW, SDK, OS])
def test_half_a_key(family: dict[str, str]) -> None:
    """A key without its other half is refused, even when another family is complete; the missing name is told."""
    there, missing = family
    for lacking in (there, missing):
        environ = {name: value for name, value in family.items() if name != lacking}
        with pytest.raises(UsageError, match="half") as caught:
            found_in(environ)
        assert f"set {lacking}" == caught.value.hint


@pytest.mark.parametrize("lacking", ["HW_USER_NAME", "HW_USER_PASSWORD", "HW_DOMAIN_NAME"])
def test_incomplete_password_login(lacking: str) -> None:
    """A user, a password and a domain belong together; what lacks is named."""
    with pytest.raises(UsageError, match="incomplete") as caught:
        found_in({name: value for name, value in USER.items() if name != lacking})
    assert lacking in caught.value.hint
    assert "canary" not in everything(caught.value)


@pytest.mark.parametrize("value", ["canary secret", "canary\nsecret", "canary-ключ", "canary\x00"])
def test_impossible_characters(value: str) -> None:
    """A secret that cannot travel in a header is refused by name, not by value."""
    with pytest.raises(UsageError, match="HW_SECRET_KEY") as caught:
        found_in({**HW, "HW_SECRET_KEY": value})
    assert "canary" not in everything(caught.value)


def test_nothing_set() -> None:
    """Without credentials the message lists what to set."""
    with pytest.raises(UsageError, match="no credentials") as caught:
        found_in({"PATH": "/bin"})
    for name in ("HW_ACCESS_KEY", "HUAWEICLOUD_SDK_AK", "HW_AUTH_TOKEN", "HW_USER_PASSWORD"):
        assert name in caught.value.detail


@pytest.mark.parametrize(
    "value",
    [
        AccessKey("canary", "canary", "canary"),
        TokenLogin("canary"),
        PasswordLogin("canary", user="alice"),
        TemporaryKey(lambda: AccessKey("canary", "canary")),
    ],
)
def test_repr_hides_secrets(value: object) -> None:
    """No credential shows its secret when printed, not even inside another value."""
    assert "canary" not in repr(value)
    assert "canary" not in f"{[value]}"


def test_scope_from_the_environment() -> None:
    """Every part of the scope has its variables."""
    environ = {
        "OS_REGION_NAME": "cn-north-4",
        "OS_TENANT_ID": "p1",
        "HW_PROJECT_NAME": "cn-north-4_lab",
        "HW_CLOUD": "example.com",
        "PROVISIONER_ENDPOINT": "https://a",
        "HW_AUTH_URL": "https://iam/v3/",
        "OS_CACERT": "/ca.pem",
    }
    expected = Scope(
        region="cn-north-4",
        project_id="p1",
        project_name="cn-north-4_lab",
        cloud="example.com",
        endpoint="https://a",
        iam_endpoint="https://iam/v3/",
        ca_bundle="/ca.pem",
    )
    assert expected == read_scope(environ)


@pytest.mark.parametrize(
    ("names", "attribute"),
    [
        (["HW_REGION_NAME", "OS_REGION_NAME"], "region"),
        (["HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID", "OS_PROJECT_ID", "OS_TENANT_ID"], "project_id"),
        (["HW_PROJECT_NAME", "OS_PROJECT_NAME", "OS_TENANT_NAME"], "project_name"),
        (
            ["PROVISIONER_IAM_ENDPOINT", "HUAWEICLOUD_SDK_IAM_ENDPOINT", "HW_AUTH_URL", "OS_AUTH_URL"],
            "iam_endpoint",
        ),
    ],
)
def test_order_of_variables(names: list[str], attribute: str) -> None:
    """Of several names for one thing the first wins."""
    while names:
        assert names[0] == getattr(read_scope({name: name for name in names}), attribute)
        names = names[1:]


def test_region_given_wins() -> None:
    """A region from the settings wins over the environment, and chooses the SDK's endpoint variable."""
    environ = {
        "HW_REGION_NAME": "cn-south-1",
        "HUAWEICLOUD_SDK_REGION_MODELARTS_CN_NORTH_4": "https://one, https://two",
        "HUAWEICLOUD_SDK_REGION_MODELARTS_CN_SOUTH_1": "https://three",
    }
    assert Scope(region="cn-north-4", endpoint="https://one") == read_scope(environ, region="cn-north-4")


@pytest.mark.parametrize(
    ("scope", "modelarts", "iam"),
    [
        (
            Scope(region="cn-north-4"),
            "https://modelarts.cn-north-4.myhuaweicloud.com",
            "https://iam.cn-north-4.myhuaweicloud.com",
        ),
        (
            Scope(region="eu-west-101"),
            "https://modelarts.eu-west-101.myhuaweicloud.eu",
            "https://iam.eu-west-101.myhuaweicloud.eu",
        ),
        (
            Scope(region="eu-west-101", cloud="example.com"),
            "https://modelarts.eu-west-101.example.com",
            "https://iam.eu-west-101.example.com",
        ),
        (Scope(endpoint="http://127.0.0.1:1", iam_endpoint="https://iam/v3/"), "http://127.0.0.1:1", "https://iam"),
    ],
)
def test_hosts(scope: Scope, modelarts: str, iam: str) -> None:
    """Hosts come from the region and the cloud's domain unless they are given; IAM's version is dropped."""
    assert modelarts == scope.modelarts_url
    assert iam == scope.iam_url


def test_host_without_region() -> None:
    """Without region and endpoint there is no host, and the message says what to set."""
    with pytest.raises(UsageError, match="no region") as caught:
        _ = Scope().modelarts_url
    assert "HW_REGION_NAME" in caught.value.hint


@pytest.mark.parametrize("name", ["HW_INSECURE", "OS_INSECURE"])
def test_insecure_is_refused(name: str) -> None:
    """Switching the certificate checks off is refused, with the way out; a clear no is fine."""
    with pytest.raises(UsageError, match=name) as caught:
        read_scope({name: "true"})
    assert "OS_CACERT" in caught.value.hint
    assert Scope() == read_scope({name: "false"})
