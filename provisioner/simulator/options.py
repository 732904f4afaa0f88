"""How a simulator behaves: start options, switches S1 to S16 of the API page (20) and settings that may change."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

_SWITCH_NAMES = {
    "S1": "legacy_endpoint_names",
    "S2": "strict_description",
    "S3": "reject_unknown_keys",
    "S4": "delete_needs_stopped",
    "S5": "resize_when_stopped",
    "S6": "growth_limit",
    "S7": "strict_limit",
    "S8": "endpoints_when_running",
    "S9": "sparse_update_answer",
    "S10": "lease_needs_running",
    "S11": "not_found",
    "S12": "offset_is_page",
    "S13": "requests_per_second",
    "S14": "fault_rate",
    "S15": "authentication",
    "S16": "legacy_create_answer",
}
NOT_FOUND_FORMS = ("6404", "6309", "404")


@dataclass(frozen=True, slots=True)
class Switches:
    """Section 20 of the API page, in its order and with its defaults."""

    legacy_endpoint_names: bool = False
    strict_description: bool = True
    reject_unknown_keys: bool = False
    delete_needs_stopped: bool = False
    resize_when_stopped: bool = False
    growth_limit: bool = False
    strict_limit: bool = True
    endpoints_when_running: bool = False
    sparse_update_answer: bool = False
    lease_needs_running: bool = False
    not_found: str = "6404"
    offset_is_page: bool = False
    requests_per_second: int = 0
    fault_rate: float = 0.0
    authentication: bool = True
    legacy_create_answer: bool = False

    def turned(self, setting: str) -> Switches:
        """With one setting as typed: `S4` (the alternative of the table), `S2=off`, `S11=6309`, `S13=50`."""
        number, given, value = setting.partition("=")
        name = _SWITCH_NAMES.get(number.upper())
        if name is None:
            raise ValueError(f"there is no switch {number}: they are S1 to S16")
        default = getattr(Switches(), name)
        return replace(self, **{name: _parsed(number, value if given else None, default)})

    def numbered(self) -> dict[str, Any]:
        return {number: getattr(self, name) for number, name in _SWITCH_NAMES.items()}


def _parsed(number: str, value: str | None, default: Any) -> Any:
    if isinstance(default, bool):
        words = {None: not default, "on": True, "true": True, "off": False, "false": False}
        if value not in words:
            raise ValueError(f"{number} is on or off, not {value}")
        return words[value]
    if isinstance(default, str):
        if value not in NOT_FOUND_FORMS:
            raise ValueError(f"{number} is one of {', '.join(NOT_FOUND_FORMS)}")
        return value
    try:
        parsed = type(default)(value or "")
    except ValueError:
        raise ValueError(f"{number} needs a number, as in {number}=1") from None
    if parsed < 0 or (isinstance(default, float) and parsed > 1):
        raise ValueError(f"{number} is out of range: {value}")
    return parsed


@dataclass(frozen=True, slots=True)
class Settings:
    """What the control endpoint may change while the simulator runs. Times are milliseconds."""

    create_ms: int = 300
    start_ms: int = 200
    stop_ms: int = 200
    delete_ms: int = 150
    resize_ms: int = 200
    mount_ms: int = 100
    latency_ms: int = 0
    token_life_ms: int = 24 * 3_600_000
    quota: int = 10
    sold_out: tuple[str, ...] = ("modelarts.bm.gpu.4v100NV32.nosdi",)
    key_pairs: tuple[str, ...] | None = None
    """The known SSH key pairs; None: every name but those that begin with `missing-`."""

    def changed(self, values: dict[str, Any]) -> Settings:
        """With new values as JSON gave them; ValueError names the first that cannot be."""
        kinds = {item.name: getattr(Settings(), item.name) for item in fields(Settings)}
        parsed: dict[str, Any] = {}
        for name, value in values.items():
            if name not in kinds:
                raise ValueError(f"there is no setting {name}: they are {', '.join(kinds)}")
            if isinstance(kinds[name], int):
                if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                    raise ValueError(f"{name} is a number that is not negative")
                parsed[name] = value
            elif value is None and name == "key_pairs":
                parsed[name] = None
            elif isinstance(value, list) and all(isinstance(item, str) for item in value):
                parsed[name] = tuple(value)
            else:
                raise ValueError(f"{name} is a list of names")
        return replace(self, **parsed)


@dataclass(frozen=True, slots=True)
class Account:
    """The one account of this cloud. The defaults are examples that open nothing anywhere else."""

    access_key: str = "SIMULATORACCESSKEY01"
    secret_key: str = "SimulatorSecretKey000000000000000000001"  # noqa: S105 - an example, as above
    project_id: str = "0123456789abcdef0123456789abcdef"
    region: str = "cn-north-4"
    user: str = "sandbox-user"
    password: str = "sandbox-password"  # noqa: S105
    domain: str = "sandbox-domain"


@dataclass(frozen=True, slots=True)
class Options:
    host: str = "127.0.0.1"
    port: int = 0
    allow_remote: bool = False
    data: Path | None = None
    seed_instances: int = 0
    exit_with_stdin: bool = False
    account: Account = field(default_factory=Account)
    switches: Switches = field(default_factory=Switches)
    settings: Settings = field(default_factory=Settings)

    def check(self) -> None:
        """A simulator with example credentials and an open control endpoint belongs on loopback."""
        if not self.allow_remote and not is_loopback(self.host):
            raise ValueError(f"{self.host} is not a loopback address; --allow-remote permits it")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
