"""What `auth status` prints."""

from __future__ import annotations

import json

import pytest

from provisioner.views.auth import Holder, Status, masked, status_json, status_text

NOW = 1_896_091_200.0  # 2030-01-31T12:00:00Z
FULL = Status(
    holder=Holder("profile 'lab' of /home/alice/.hcloud/config.json", "temporary key", "HSTA....", "", NOW + 3725),
    now=NOW,
    account_id="d1",
    account_name="lab",
    project_id="p1",
    project_name="cn-north-4",
    region="cn-north-4",
    modelarts="https://modelarts.cn-north-4.myhuaweicloud.com",
    iam="https://iam.cn-north-4.myhuaweicloud.com",
    passed_over=(("chosen profile", "HW_PROFILE is not set"), ("credential command", "it is not set")),
    not_asked=("file of the SDK",),
)

TEXT = """\
source      profile 'lab' of /home/alice/.hcloud/config.json
kind        temporary key
access key  HSTA....
expires     2030-01-31T13:02:05Z, in 1h2m5s
account     lab (d1)
project     cn-north-4 (p1)
region      cn-north-4
ModelArts   https://modelarts.cn-north-4.myhuaweicloud.com
IAM         https://iam.cn-north-4.myhuaweicloud.com

Looked at before, without success:
  chosen profile      HW_PROFILE is not set
  credential command  it is not set

Not looked at, for they come after:
  file of the SDK
"""


def test_everything() -> None:
    """One fact a line, then why not another source."""
    assert TEXT == status_text(FULL)


def test_nothing() -> None:
    """Without credentials the reasons are what is said."""
    text = status_text(Status(None, NOW, passed_over=(("chosen profile", "HW_PROFILE is not set"),)))
    assert text.startswith("credentials  none\n")
    assert "account" not in text
    assert text.endswith("  chosen profile  HW_PROFILE is not set\n")


@pytest.mark.parametrize(
    ("holder", "expected"),
    [
        (Holder("s", "long-lived key"), "never"),
        (Holder("s", "temporary key"), "not said"),
        (Holder("s", "token"), "not said"),
        (Holder("s", "temporary key", expires_at=NOW - 60), "2030-01-31T11:59:00Z, 1m ago"),
        (Holder("s", "temporary key", expires_at=NOW), "2030-01-31T12:00:00Z, 0s ago"),
        (
            Holder("s", "temporary key", expires_at=NOW + 86400, renewed=True),
            "2030-02-01T12:00:00Z, in 24h; renewed before",
        ),
        (Holder("s", "temporary key", expires_at=1e30), "in the far future"),
    ],
)
def test_expiry(holder: Holder, expected: str) -> None:
    """When, how long that is, and whether somebody sees to it."""
    (line,) = (line for line in status_text(Status(holder, NOW)).splitlines() if line.startswith("expires"))
    assert expected in line


def test_json() -> None:
    """The same facts by name; null is what is not known."""
    document = json.loads(status_json(FULL))
    assert {"id": "d1", "name": "lab"} == document["account"]
    assert ("2030-01-31T13:02:05Z", 3725) == (document["expires_at"], document["seconds_left"])
    assert [{"source": "chosen profile", "reason": "HW_PROFILE is not set"}] == document["passed_over"][:1]
    empty = json.loads(status_json(Status(None, NOW)))
    assert list(document) == list(empty)
    assert (False, None, None, None) == (empty["found"], empty["source"], empty["account"], empty["expires_at"])


@pytest.mark.parametrize(("key", "shown"), [("HPUAABCDEFGHIJKLMNOP", "HPUA...."), ("ABCDEFGH", "...."), ("", "....")])
def test_masked(key: str, shown: str) -> None:
    """The first four characters; of a key so short that they would say much, none."""
    assert shown == masked(key)


def test_foreign_text() -> None:
    """Names that others chose can neither imitate a line nor move the cursor."""
    status = Status(Holder("profile 'a\nkind long-lived'", "token"), NOW, account_name="lab\x1b[2J", problems=("x\ny",))
    text = status_text(status)
    assert "\x1b" not in text
    assert r"profile 'a\nkind long-lived'" in text
    assert r"lab\x1b[2J" in text
    assert r"x\ny" in text
