"""The signer against the test vectors of the API page (15.5)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest

from provisioner.provider.credentials import AccessKey
from provisioner.provider.signing import (
    Query,
    Signer,
    WireRequest,
    authorization,
    canonical_request,
    encode_path,
    encode_query,
)
from tests.unit.provider.fakes import FakeClock

AK = "EXAMPLEAK0000000TEST"
SK = "ExampleSecretKey0000000000000000000TEST0"
P = "0123456789abcdef0123456789abcdef"
N = "f9937afa-4451-42db-a76b-72d624749f66"
DATE = {"X-Sdk-Date": "20221118T120000Z"}
HOST = "modelarts.cn-north-4.myhuaweicloud.com"
USUAL = {"Host": HOST, "Content-Type": "application/json", "X-Project-Id": P, **DATE}
USUAL_NAMES = "content-type;host;x-project-id;x-sdk-date"
CREATE_BODY = (
    b'{"name":"notebooks_test","feature":"NOTEBOOK","workspace_id":"0","description":"api-test",'
    b'"flavor":"modelarts.vm.cpu.2u","image_id":"e1a07296-22a8-4f05-8bc8-e936c8e54090",'
    b'"volume":{"category":"EFS","ownership":"MANAGED","capacity":50}}'
)
TAG_BODY = '{"tags":[{"key":"owner","value":"数据组"}]}'.encode()


@dataclass(frozen=True)
class Vector:
    name: str
    request: WireRequest
    canonical_digest: str
    signed: str
    signature: str


VECTORS = [
    Vector(
        "V1",
        WireRequest(
            "GET",
            f"/v1/{P}/notebooks",
            "limit=50&name=my%20note~book%2A&offset=0&tags=env%7Cdev%2Cteam%7C%E6%95%B0%E6%8D%AE&workspace_id=0",
            USUAL,
        ),
        "e40c29412aa6c46eb5e109a51c0068b41863519eb82b83d33b8a5f0fd5dfc7e6",
        USUAL_NAMES,
        "94da5cc405f32cb25bd34d23f3dabdf195e5b07b4c6272f6c408ffdfecb6f831",
    ),
    Vector(
        "V2",
        WireRequest("POST", f"/v1/{P}/notebooks", "", USUAL, CREATE_BODY),
        "f21ebc5d2a5d52353a94d88fd15b377b09b79e2ca62c9454871e1374c5ca2eb7",
        USUAL_NAMES,
        "ea8ded949a092c1380f9271dca1d267847b53ced0a0a11f15fb69465773d80ec",
    ),
    Vector(
        "V3",
        WireRequest(
            "POST",
            f"/v1/{P}/notebooks/{N}/start",
            "duration=-1",
            {**USUAL, "X-Security-Token": "ggpjbi1ub3J0aC00-EXAMPLE-SECURITY-TOKEN"},
        ),
        "00dd27cc2cd47b7f4711a09a721fcc5f888454527047d0d4d3090dfb2e327520",
        f"{USUAL_NAMES};x-security-token",
        "eb553afc30f9bb391474c837b7f22a832d0ef0d2e84ce97304afef17aa6777d9",
    ),
    Vector(
        "V4",
        WireRequest(
            "DELETE",
            f"/v1/{P}/notebooks/{N}/tags/delete",
            "workspace_id=0",
            {**USUAL, "Host": "127.0.0.1:8765", "User-Agent": "manb/0.1"},
            TAG_BODY,
        ),
        "904f9888c5b5d73e7030a7de27428181aed868beb65943223c174943bf251638",
        "content-type;host;user-agent;x-project-id;x-sdk-date",
        "642ae27ac101603ddcee72e5f7296024b539817b4f593ce74b0fc618e2c18303",
    ),
    Vector(
        "V5",
        WireRequest("GET", "/v3/projects", "name=cn-north-4", {"Host": "iam.cn-north-4.myhuaweicloud.com", **DATE}),
        "dad503eeda9632088ed363bb0f5d60b5e73b754c63af2dc04b0553dcd1fa5481",
        "host;x-sdk-date",
        "d39a55caa0f74454e9bafab496f0c1b3305fa02ec8cf1ec909fa64c33fd03968",
    ),
    Vector(
        "V6",
        WireRequest("GET", f"/v1/{P}/images/", "a=&b=1&b=10&b=2&name_fuzzy_match=false&type=DEDICATED", USUAL),
        "5e093fe8041ff3ab825a95904acb009248b38594b79fffde633a39fa93a9f0d6",
        USUAL_NAMES,
        "720a2ed2ace3a089f083baf00c10aafec4edf28380243330cc826a76d76cbe13",
    ),
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_vector(vector: Vector) -> None:
    """Canonical form and signature are those that the official signer computes."""
    canonical = canonical_request(vector.request)
    assert vector.canonical_digest == hashlib.sha256(canonical.encode()).hexdigest()
    expected = f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders={vector.signed}, Signature={vector.signature}"
    assert expected == authorization(vector.request, AK, SK)


def test_vector_v7_without_host_and_project() -> None:
    """Headers that are added after signing take no part: that is how the Terraform provider signs."""
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": "golangsdk/2.0.0",
        **DATE,
    }
    request = WireRequest("PUT", f"/v1/{P}/notebooks/{N}", "", headers, b'{"name":"renamed","description":""}')
    expected = (
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=accept;content-type;user-agent;x-sdk-date, "
        "Signature=85e54c7f50cf8bff68ded1353e6f9ba7914f5ed896dd8a13495b2d871ba215f0"
    )
    assert expected == authorization(request, AK, SK)


def test_canonical_text() -> None:
    """The canonical request reads as the API page prints it for V1."""
    expected = (
        "GET\n"
        "/v1/0123456789abcdef0123456789abcdef/notebooks/\n"
        "limit=50&name=my%20note~book%2A&offset=0&tags=env%7Cdev%2Cteam%7C%E6%95%B0%E6%8D%AE&workspace_id=0\n"
        "content-type:application/json\n"
        "host:modelarts.cn-north-4.myhuaweicloud.com\n"
        "x-project-id:0123456789abcdef0123456789abcdef\n"
        "x-sdk-date:20221118T120000Z\n"
        "\n"
        "content-type;host;x-project-id;x-sdk-date\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert expected == canonical_request(VECTORS[0].request)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ""),
        ({"b": 1, "a": 2}, "a=2&b=1"),
        ({"a": ["2", "10", "1"]}, "a=1&a=10&a=2"),
        ({"flag": True, "other": False}, "flag=true&other=false"),
        ({"none": None, "empty": ""}, "empty="),
        ({"k": "a b*c,d|e+f~g/h"}, "k=a%20b%2Ac%2Cd%7Ce%2Bf~g%2Fh"),
        ({"ключ": "数"}, "%D0%BA%D0%BB%D1%8E%D1%87=%E6%95%B0"),
    ],
)
def test_query(query: Query, expected: str) -> None:
    """Parameters are sorted, lists repeat their key, None is dropped, and only unreserved characters stay."""
    assert expected == encode_query(query)


def test_path() -> None:
    """A plain path is encoded segment by segment; its slashes stay."""
    assert "/v1/a%20b/%E6%95%B0%3F%25%2A~" == encode_path("/v1/a b/数?%*~")


def test_signer_headers() -> None:
    """The signer dates, names the project, hands over the security token, and signs all three."""
    signer = Signer(AccessKey(AK, SK, "ggpjbi1ub3J0aC00-EXAMPLE-SECURITY-TOKEN"), FakeClock(), P)
    plain = {"Host": HOST, "Content-Type": "application/json"}
    added = signer.headers(WireRequest("POST", f"/v1/{P}/notebooks/{N}/start", "duration=-1", plain))
    assert {
        "X-Sdk-Date": "20221118T120000Z",
        "X-Project-Id": P,
        "X-Security-Token": "ggpjbi1ub3J0aC00-EXAMPLE-SECURITY-TOKEN",
        "Authorization": f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders={VECTORS[2].signed}, "
        f"Signature={VECTORS[2].signature}",
    } == added


def test_signer_without_project() -> None:
    """For IAM no project id is sent."""
    added = Signer(AccessKey(AK, SK), FakeClock()).headers(WireRequest("GET", "/v3/projects"))
    assert {"X-Sdk-Date", "Authorization"} == set(added)


def test_signer_hides_its_key() -> None:
    """Neither secret nor token stands in the signer's repr."""
    shown = repr(Signer(AccessKey(AK, SK, "temporary-token"), FakeClock(), P))
    assert SK not in shown
    assert "temporary-token" not in shown
