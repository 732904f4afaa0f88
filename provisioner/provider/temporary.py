"""Signs with keys that expire: whoever issues them is asked for others in time. All in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from provisioner.clock import Clock
from provisioner.errors import ProvisionerError
from provisioner.provider.credentials import AccessKey
from provisioner.provider.signing import Signer, WireRequest

RENEW_AT = 0.8  # of a key's life, so that no request meets its end
RETRY_SECONDS = 30.0  # after a renewal that failed while the key is still good


class IssuedKeys:
    """The key that is good now. All threads share it: one asks for the next, the others go on with this one."""

    def __init__(self, issue: Callable[[], AccessKey], clock: Clock) -> None:
        self._issue = issue
        self._clock = clock
        self._lock = threading.Lock()
        self._key: AccessKey | None = None
        self._renew_at = 0.0

    def valid(self) -> AccessKey:
        key = self._key
        if key is not None and (self._clock.now() < self._renew_at or (self._lock.locked() and self._lives(key))):
            return key
        with self._lock:
            if self._key is None or self._clock.now() >= self._renew_at:
                self._renew()
            assert self._key is not None  # noqa: S101 - else an error was raised
            return self._key

    def after(self, refused: str) -> bool:
        """The service refused the key whose AK is `refused`; True when there is another to try now."""
        with self._lock:
            if self._key is not None and self._key.access_key == refused:
                self._take(self._issue())
            return self._key is not None and self._key.access_key != refused

    def secrets(self) -> tuple[str, ...]:
        key = self._key
        return (key.secret_key, key.security_token) if key else ()

    def _renew(self) -> None:
        try:
            self._take(self._issue())
        except ProvisionerError:
            if self._key is None or not self._lives(self._key):
                raise
            self._renew_at = self._clock.now() + RETRY_SECONDS

    def _take(self, key: AccessKey) -> None:
        now = self._clock.now()
        life = key.expires_at - now if key.expires_at is not None else float("inf")
        self._key, self._renew_at = key, now + RENEW_AT * life

    def _lives(self, key: AccessKey) -> bool:
        return key.expires_at is None or self._clock.now() < key.expires_at


@dataclass(frozen=True, slots=True)
class RenewedSigner:
    """Authenticates with the key of now. Without a project id (IAM) the X-Project-Id header stays away."""

    keys: IssuedKeys
    clock: Clock
    project_id: str = ""

    def headers(self, request: WireRequest) -> dict[str, str]:
        return Signer(self.keys.valid(), self.clock, self.project_id).headers(request)

    def renew(self, refused: Mapping[str, str]) -> bool:
        """A key that somebody revoked before its end is replaced once; one that is refused anew stays so."""
        _, _, rest = refused.get("Authorization", "").partition("Access=")
        return self.keys.after(rest.partition(",")[0])

    def secrets(self) -> tuple[str, ...]:
        return self.keys.secrets()
