"""Keys that expire: asked for once, renewed in time, by one thread for all."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from provisioner.errors import UsageError
from provisioner.provider.credentials import AccessKey
from provisioner.provider.signing import WireRequest
from provisioner.provider.temporary import RETRY_SECONDS, IssuedKeys, RenewedSigner

LIFE = 100.0
REQUEST = WireRequest("GET", "/v1/p/notebooks", "", {"Host": "modelarts.example"}, b"")


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Issuer:
    """Gives AK1, AK2, …, each for `LIFE` seconds; fails while it is told to."""

    def __init__(self, clock: Hands) -> None:
        self.clock = clock
        self.given = 0
        self.broken = False
        self.while_asked: Callable[[], object] = bool

    def __call__(self) -> AccessKey:
        self.while_asked()
        if self.broken:
            raise UsageError("the credential command gave no key")
        self.given += 1
        return AccessKey(f"AK{self.given}", "canary-sk", f"canary-token{self.given}", self.clock.now() + LIFE)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def issuer(clock: Hands) -> Issuer:
    return Issuer(clock)


@pytest.fixture
def keys(issuer: Issuer, clock: Hands) -> IssuedKeys:
    return IssuedKeys(issuer, clock)


def test_nobody_is_asked_before_a_key_is_needed(issuer: Issuer, keys: IssuedKeys) -> None:
    assert (0, ()) == (issuer.given, keys.secrets())
    assert ["AK1"] * 3 == [keys.valid().access_key for _ in range(3)]
    assert ("canary-sk", "canary-token1") == keys.secrets()


def test_it_is_renewed_before_its_end(clock: Hands, keys: IssuedKeys) -> None:
    """At four fifths of its life, so that no request meets the end."""
    assert "AK1" == keys.valid().access_key
    clock.time += 79
    assert "AK1" == keys.valid().access_key
    clock.time += 1
    assert "AK2" == keys.valid().access_key


def test_a_key_without_an_end_is_kept(clock: Hands) -> None:
    keys = IssuedKeys(lambda: AccessKey("AK", "SK"), clock)
    assert "AK" == keys.valid().access_key
    clock.time += 1e9
    assert "AK" == keys.valid().access_key


def test_a_renewal_that_fails(issuer: Issuer, clock: Hands, keys: IssuedKeys) -> None:
    """While the key lives it is used, and another is asked for later; after its end the error is told."""
    keys.valid()
    issuer.broken = True
    clock.time += 85
    assert "AK1" == keys.valid().access_key
    issuer.broken = False
    clock.time += 1
    assert "AK1" == keys.valid().access_key, "the issuer is left in peace for a while"
    clock.time += RETRY_SECONDS
    assert "AK2" == keys.valid().access_key
    issuer.broken = True
    clock.time += LIFE + 1
    with pytest.raises(UsageError, match="gave no key"):
        keys.valid()


def test_one_asks_and_the_others_go_on(issuer: Issuer, clock: Hands, keys: IssuedKeys) -> None:
    """Nobody waits for a renewal while the key is good."""
    keys.valid()
    clock.time += 90
    asked, answered = threading.Event(), threading.Event()

    def held() -> None:
        asked.set()
        assert answered.wait(10)

    issuer.while_asked = held
    asking = threading.Thread(target=keys.valid)
    asking.start()
    assert asked.wait(10)
    assert "AK1" == keys.valid().access_key
    answered.set()
    asking.join()
    assert ("AK2", 2) == (keys.valid().access_key, issuer.given)


def test_a_refused_key_is_replaced_once(issuer: Issuer, clock: Hands, keys: IssuedKeys) -> None:
    """Whoever comes with the same refusal finds the next one there already."""
    signer = RenewedSigner(keys, clock, "p")
    refused = signer.headers(REQUEST)
    assert "Access=AK1," in refused["Authorization"]
    assert (True, True, 2) == (signer.renew(refused), signer.renew(refused), issuer.given)
    assert "Access=AK2," in signer.headers(REQUEST)["Authorization"]


def test_an_issuer_that_gives_the_same_key_again(clock: Hands) -> None:
    """A refused key stays refused: nothing is repeated with it."""
    signer = RenewedSigner(IssuedKeys(lambda: AccessKey("AK", "SK", "T", clock.now() + 9), clock), clock)
    assert not signer.renew(signer.headers(REQUEST))


def test_headers_are_those_of_a_temporary_key(clock: Hands, keys: IssuedKeys) -> None:
    """With the security token (API page 15.2), and no project where IAM is asked."""
    headers = RenewedSigner(keys, clock).headers(REQUEST)
    assert ("canary-token1", None) == (headers["X-Security-Token"], headers.get("X-Project-Id"))
    assert "p" == RenewedSigner(keys, clock, "p").headers(REQUEST)["X-Project-Id"]
