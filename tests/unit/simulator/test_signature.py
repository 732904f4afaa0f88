"""The verifier against every test vector of API page 15.5, and against requests that were tampered with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import pytest

from provisioner.simulator.signature import Authorization, Request, canonical_request, mismatch, parse_authorization

SECRET = "ExampleSecretKey0000000000000000000TEST0"
DATE = "20221118T120000Z"
NOW = 1_668_772_800_000
P = "0123456789abcdef0123456789abcdef"
N = "f9937afa-4451-42db-a76b-72d624749f66"
HOST = "modelarts.cn-north-4.myhuaweicloud.com"
USUAL = {"content-type": "application/json", "host": HOST, "x-project-id": P, "x-sdk-date": DATE}
SIGNED = "content-type;host;x-project-id;x-sdk-date"


@dataclass(frozen=True)
class Vector:
    request: Request
    signed: str
    signature: str
    canonical_digest: str | None = None


def request(method: str, path: str, query: str = "", body: str = "", headers: dict[str, str] | None = None) -> Request:
    return Request(method, path, query, headers or USUAL, body.encode())


VECTORS = {
    "V1 query": Vector(
        request(
            "GET",
            f"/v1/{P}/notebooks",
            "limit=50&name=my%20note~book%2A&offset=0&tags=env%7Cdev%2Cteam%7C%E6%95%B0%E6%8D%AE&workspace_id=0",
        ),
        SIGNED,
        "94da5cc405f32cb25bd34d23f3dabdf195e5b07b4c6272f6c408ffdfecb6f831",
        "e40c29412aa6c46eb5e109a51c0068b41863519eb82b83d33b8a5f0fd5dfc7e6",
    ),
    "V2 body": Vector(
        request(
            "POST",
            f"/v1/{P}/notebooks",
            body='{"name":"notebooks_test","feature":"NOTEBOOK","workspace_id":"0","description":"api-test",'
            '"flavor":"modelarts.vm.cpu.2u","image_id":"e1a07296-22a8-4f05-8bc8-e936c8e54090",'
            '"volume":{"category":"EFS","ownership":"MANAGED","capacity":50}}',
        ),
        SIGNED,
        "ea8ded949a092c1380f9271dca1d267847b53ced0a0a11f15fb69465773d80ec",
        "f21ebc5d2a5d52353a94d88fd15b377b09b79e2ca62c9454871e1374c5ca2eb7",
    ),
    "V3 temporary credentials": Vector(
        request(
            "POST",
            f"/v1/{P}/notebooks/{N}/start",
            "duration=-1",
            headers=USUAL | {"x-security-token": "ggpjbi1ub3J0aC00-EXAMPLE-SECURITY-TOKEN"},
        ),
        f"{SIGNED};x-security-token",
        "eb553afc30f9bb391474c837b7f22a832d0ef0d2e84ce97304afef17aa6777d9",
        "00dd27cc2cd47b7f4711a09a721fcc5f888454527047d0d4d3090dfb2e327520",
    ),
    "V4 delete with body": Vector(
        request(
            "DELETE",
            f"/v1/{P}/notebooks/{N}/tags/delete",
            "workspace_id=0",
            '{"tags":[{"key":"owner","value":"数据组"}]}',
            USUAL | {"host": "127.0.0.1:8765", "user-agent": "manb/0.1"},
        ),
        "content-type;host;user-agent;x-project-id;x-sdk-date",
        "642ae27ac101603ddcee72e5f7296024b539817b4f593ce74b0fc618e2c18303",
        "904f9888c5b5d73e7030a7de27428181aed868beb65943223c174943bf251638",
    ),
    "V5 project lookup": Vector(
        request(
            "GET",
            "/v3/projects",
            "name=cn-north-4",
            headers={"host": "iam.cn-north-4.myhuaweicloud.com", "x-sdk-date": DATE},
        ),
        "host;x-sdk-date",
        "d39a55caa0f74454e9bafab496f0c1b3305fa02ec8cf1ec909fa64c33fd03968",
        "dad503eeda9632088ed363bb0f5d60b5e73b754c63af2dc04b0553dcd1fa5481",
    ),
    "V6 repeated keys": Vector(
        request("GET", f"/v1/{P}/images/", "a=&b=1&b=10&b=2&name_fuzzy_match=false&type=DEDICATED"),
        SIGNED,
        "720a2ed2ace3a089f083baf00c10aafec4edf28380243330cc826a76d76cbe13",
        "5e093fe8041ff3ab825a95904acb009248b38594b79fffde633a39fa93a9f0d6",
    ),
    "V7 provider style": Vector(
        request(
            "PUT",
            f"/v1/{P}/notebooks/{N}",
            body='{"name":"renamed","description":""}',
            headers={
                "accept": "application/json",
                "content-type": "application/json",
                "user-agent": "golangsdk/2.0.0",
                "x-sdk-date": DATE,
                "host": HOST,
                "x-project-id": P,
            },
        ),
        "accept;content-type;user-agent;x-sdk-date",
        "85e54c7f50cf8bff68ded1353e6f9ba7914f5ed896dd8a13495b2d871ba215f0",
    ),
}


@pytest.fixture(params=list(VECTORS))
def vector(request: pytest.FixtureRequest) -> Vector:
    return VECTORS[request.param]


def authorization(vector: Vector) -> Authorization:
    header = f"SDK-HMAC-SHA256 Access=EXAMPLEAK0000000TEST, SignedHeaders={vector.signed}, Signature={vector.signature}"
    parsed = parse_authorization(header)
    assert parsed is not None
    return parsed


def test_a_vector_holds(vector: Vector) -> None:
    """The signature of the page is the one the verifier computes."""
    assert mismatch(vector.request, authorization(vector), SECRET, NOW) is None


def test_the_canonical_request(vector: Vector) -> None:
    """The digest of the canonical request is the page's, where the page gives one."""
    canonical = canonical_request(vector.request, tuple(vector.signed.split(";")))
    assert vector.canonical_digest in (None, hashlib.sha256(canonical.encode()).hexdigest())


def test_tampering_shows(vector: Vector) -> None:
    """Another method, path, query, signed header or body, and another secret, all fail; the reason helps."""
    right = vector.request
    first = vector.signed.split(";", maxsplit=1)[0]
    for wrong in (
        replace(right, method="PATCH"),
        replace(right, raw_path=right.raw_path + "x"),
        replace(right, raw_query=right.raw_query + "&z=1"),
        replace(right, headers=dict(right.headers) | {first: "other"}),
        replace(right, body=right.body + b" "),
    ):
        reason = mismatch(wrong, authorization(vector), SECRET, NOW)
        assert reason is not None
        assert reason.startswith(f"verify aksk signature fail,canonicalRequest:{wrong.method}|/v")
    assert mismatch(right, authorization(vector), SECRET + "x", NOW) is not None


@pytest.mark.parametrize(("skew", "reason"), [(900_000, None), (-900_000, None), (900_001, "signature expired")])
def test_clock_skew(skew: int, reason: str | None) -> None:
    """A quarter of an hour to either side is tolerated."""
    vector = VECTORS["V1 query"]
    assert reason == mismatch(vector.request, authorization(vector), SECRET, NOW + skew)


def test_the_date_must_be_signed() -> None:
    """A signature that does not cover its date could be replayed for ever."""
    vector = replace(VECTORS["V1 query"], signed="content-type;host")
    assert "x-sdk-date is not signed" == mismatch(vector.request, authorization(vector), SECRET, NOW)


def test_a_declared_payload_hash_counts() -> None:
    """X-Sdk-Content-Sha256 takes the place of the body's hash when there is a body (step 3)."""
    plain = request("PUT", "/p", body="b", headers={"x-sdk-content-sha256": "UNSIGNED-PAYLOAD"})
    assert canonical_request(plain, ()).endswith("\nUNSIGNED-PAYLOAD")
    assert canonical_request(replace(plain, body=b""), ()).endswith(hashlib.sha256(b"").hexdigest())


@pytest.mark.parametrize("header", ["", "Bearer x", "SDK-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=short"])
def test_other_headers_are_no_signature(header: str) -> None:
    """Anything else in Authorization is not understood."""
    assert parse_authorization(header) is None
