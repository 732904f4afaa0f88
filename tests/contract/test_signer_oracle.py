"""Our signer against the one of the official SDK, which is the authority (API page 15.1)."""

from __future__ import annotations

import random

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer as SdkSigner

from provisioner.provider.signing import WireRequest, authorization, encode_path, encode_query

CHARACTERS = "abcXYZ019-_.~ !\"#$%&'()*+,:;<=>?@[\\]^`{|}数据組éß😀"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def random_text(source: random.Random, most: int = 12) -> str:
    return "".join(source.choices(CHARACTERS, k=source.randint(1, most)))


def random_query(source: random.Random) -> dict[str, str | int | bool | list[str]]:
    makers = (
        lambda: random_text(source),
        lambda: "",
        lambda: source.randint(-5, 10**6),
        lambda: source.choice((True, False)),
        lambda: [random_text(source) for _ in range(source.randint(1, 4))],
    )
    return {random_text(source, 5): source.choice(makers)() for _ in range(source.randint(0, 5))}


def random_headers(source: random.Random) -> dict[str, str]:
    headers = {"Host": "127.0.0.1:8765", "X-Sdk-Date": f"2022111{source.randint(0, 9)}T120000Z"}
    if source.random() < 0.8:
        headers["Content-Type"] = source.choice(("application/json", "application/json;charset=utf-8"))
    if source.random() < 0.8:
        headers["X-Project-Id"] = f"{source.getrandbits(128):032x}"
    if source.random() < 0.5:
        headers["X-Security-Token"] = f"  {source.getrandbits(256):x}+/= "
    if source.random() < 0.3:
        headers["User-Agent"] = "provisioner/0.1.0 (数)"
    return headers


def sdk_signature(
    method: str,
    path: str,
    query: dict[str, str | int | bool | list[str]],
    headers: dict[str, str],
    body: str,
    keys: tuple[str, str],
) -> tuple[str, str]:
    request = SdkRequest(
        method=method,
        schema="http",
        host=headers["Host"],
        resource_path=path,
        query_params=[(key, list(value) if isinstance(value, list) else value) for key, value in query.items()],
        header_params=dict(headers),
        body=body,
    )
    SdkSigner(BasicCredentials(*keys)).sign(request)
    return request.header_params["Authorization"], request.uri


def test_equals_the_official_signer() -> None:
    """On a thousand random requests the Authorization header and the target are the SDK's, byte for byte."""
    source = random.Random(20221118)
    for _ in range(1000):
        path = "/" + "/".join(random_text(source) for _ in range(source.randint(1, 5)))
        query, headers = random_query(source), random_headers(source)
        method, body = source.choice(METHODS), source.choice(("", random_text(source, 200)))
        keys = (f"AK{source.getrandbits(64):X}", random_text(source, 40))
        wire = WireRequest(method, encode_path(path), encode_query(query), headers, body.encode())

        expected, uri = sdk_signature(method, wire.path, query, headers, body, keys)

        assert expected == authorization(wire, *keys)
        assert uri == (f"{wire.path}?{wire.query}" if wire.query else wire.path)
