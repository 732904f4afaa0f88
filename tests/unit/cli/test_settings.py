"""`provisioner.yaml`: defaults, what it may say, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.cli.settings import Settings, load_settings
from provisioner.errors import SpecError, UsageError

HOST = "https://modelarts.cn-north-4.myhuaweicloud.com"


def settings(directory: Path, text: str) -> Settings:
    (directory / "provisioner.yaml").write_text(text, encoding="utf-8")
    return load_settings(directory)


def test_no_file_and_an_empty_one_mean_the_defaults(tmp_path: Path) -> None:
    """State is kept in state/; the cloud is left to the environment."""
    assert Settings() == load_settings(tmp_path)
    for text in ("", "# later\n", "cloud:\nbackend:\n", "cloud: {endpoint: null, ca_bundle: ~}\n"):
        assert Settings() == settings(tmp_path, text)
    assert ("local", "state", None) == ((s := Settings()).backend.type, s.backend.path, s.cloud.poll_seconds)


def test_settings_are_read(tmp_path: Path) -> None:
    """Everything that this version obeys."""
    text = f"""
version: 1
cloud:
  region: cn-north-4
  project_id: 0123456789abcdef0123456789abcdef
  endpoint: {HOST}/
  iam_endpoint: http://127.0.0.1:8080
  ca_bundle: ca.pem
  poll_interval: 1s500ms
  marker: name
  settle_window: 3m
backend: {{type: local, path: infra/state}}
"""
    loaded = settings(tmp_path, text)
    cloud = loaded.cloud
    assert ("cn-north-4", "0123456789abcdef0123456789abcdef") == (cloud.region, cloud.project_id)
    assert (HOST, "http://127.0.0.1:8080", "ca.pem", 1.5) == (
        cloud.endpoint,
        cloud.iam_endpoint,
        cloud.ca_bundle,
        cloud.poll_seconds,
    )
    assert ("name", 180_000) == (cloud.marker_place, cloud.settle_window)
    assert "infra/state" == loaded.backend.path


@pytest.mark.parametrize("text", ["auto", "2s", "500"])
def test_intervals_are_durations_or_auto(text: str, tmp_path: Path) -> None:
    """A bare number counts milliseconds, as everywhere."""
    seconds = {"auto": None, "2s": 2.0, "500": 0.5}
    assert seconds[text] == settings(tmp_path, f"cloud: {{poll_interval: {text}}}").cloud.poll_seconds


BAD = {
    "unknown": ("cloud:\n  regoin: x\n", "E210", "2:3", "did you mean `region`?"),
    "level": ("region: x\n", "E210", "1:1", "belongs under `cloud`"),
    "shape": ("cloud: []\n", "E212", "1:8", "key: value"),
    "version": ("version: 2\n", "E217", "1:10", "version: 1"),
    "root": ("- a\n", "E106", "1:1", "map"),
    "project": ("cloud: {project_id: a/b}\n", "E307", "1:21", "My Credentials"),
    "interval": ("cloud: {poll_interval: 0}\n", "E203", "1:24", "2s"),
    "interval-word": ("cloud: {poll_interval: fast}\n", "E316", "1:24", "8h"),
    "backend": ("backend: {type: s3}\n", "E216", "1:17", "type: local"),
    "backend-typo": ("backend: {type: lokal}\n", "E306", "1:17", "type: local"),
    "backend-key": ("backend: {dsn_env: X}\n", "E216", "1:11", "not supported by this version yet"),
    "environments": ("environments: {}\n", "E216", "1:1", "not supported by this version yet"),
    "policy": ("policy: {}\n", "E216", "1:1", "not supported by this version yet"),
    "default_tags": ("default_tags: {}\n", "E216", "1:1", "not supported by this version yet"),
    "marker": ("cloud: {marker: tag}\n", "E306", "1:17", "description, name or none"),
    "settle_window": ("cloud: {settle_window: 0}\n", "E203", "1:24", "longer than nothing"),
    "secret": ("cloud: {secret_key: hunter2}\n", "E413", "1:9", "environment"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings_are_refused_where_they_are_bad(case: str, tmp_path: Path) -> None:
    """With the same diagnostics as specs."""
    text, code, place, mend = BAD[case]
    with pytest.raises(SpecError) as refused:
        settings(tmp_path, text)
    (problem, *_) = refused.value.problems
    assert (code, f"provisioner.yaml:{place}") == (problem.code, str(problem.range))
    assert mend in f"{problem.summary} {problem.hint}"
    assert "hunter2" not in problem.source_line


@pytest.mark.parametrize(
    ("endpoint", "accepted"),
    [
        ("https://modelarts.example.com", True),
        ("https://modelarts.example.com:8443/", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://localhost:8080", True),
        ("http://modelarts.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://2130706433", False),
        ("http://[::ffff:169.254.169.254]", False),
        ("https://user:hunter2@example.com", False),
        ("https://user@example.com", False),
        ("https://example.com/v1?x=1", False),
        ("https://", False),
        ("https://[::1", False),
        ("https://example.com:99999", False),
        ("ftp://example.com", False),
        ("example.com", False),
    ],
)
def test_requests_are_signed_for_safe_hosts_alone(endpoint: str, accepted: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """E415: https, or http to a loopback address; no user in the URL, and none is shown."""
    text = f"cloud: {{iam_endpoint: '{endpoint}'}}\n"
    if accepted:
        assert endpoint.rstrip("/") == settings(tmp_path, text).cloud.iam_endpoint
        return
    with pytest.raises(SpecError) as refused:
        settings(tmp_path, text)
    assert [("E415", 23)] == [(p.code, p.range.column) for p in refused.value.problems if p.range]
    assert all("hunter2" not in f"{problem}" for problem in refused.value.problems)


def test_all_problems_are_told_in_order(tmp_path: Path) -> None:
    """Several in one run."""
    with pytest.raises(SpecError) as refused:
        settings(tmp_path, "policy: {}\ncloud: {marker: x, region: [a], region: b}\n")
    found = [(problem.code, problem.range.line) for problem in refused.value.problems if problem.range]
    assert [("E216", 1), ("E306", 2), ("E212", 2), ("E114", 2)] == found


def test_settings_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    """A directory of that name, for example."""
    (tmp_path / "provisioner.yaml").mkdir()
    with pytest.raises(UsageError, match=r"provisioner\.yaml cannot be read"):
        load_settings(tmp_path)
