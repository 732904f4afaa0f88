"""`provisioner.yaml`: defaults, what it may say, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.cli.settings import Settings, load_settings
from provisioner.errors import SpecError, UsageError
from provisioner.spec.project import Policy

HOST = "https://modelarts.cn-north-4.myhuaweicloud.com"


def settings(directory: Path, text: str, environment: str = "") -> Settings:
    (directory / "provisioner.yaml").write_text(text, encoding="utf-8")
    return load_settings(directory, environment)


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


LAYERED = """
cloud: {region: cn-north-4, marker: name, endpoint: https://base.example.com}
backend: {path: infra/state}
environments:
  prod:
    cloud: {region: cn-east-3, endpoint: null}
    variables: {size: 100, owner: null}
    patches: [specs/research/prod.patch.yaml, more.patch.json]
  dev:
  test: {backend: {path: scratch}}
policy: {max_changes: 20, max_destroys: 0, require_lease: true}
default_tags: {managed-by: provisioner, version: 1.10}
ignore_tags: [cost-centre]
"""


def test_an_environment_lies_over_the_base_key_by_key(tmp_path: Path) -> None:
    """What it does not say, or says with null, is as without it."""
    prod = settings(tmp_path, LAYERED, "prod")
    cloud = prod.cloud
    assert ("cn-east-3", "name", "https://base.example.com") == (cloud.region, cloud.marker, cloud.endpoint)
    assert ("prod", "infra/state") == (prod.environment, prod.backend.path)
    assert ("specs/research/prod.patch.yaml", "more.patch.json") == prod.patches
    assert {"size": "7:23", "owner": "7:35"} == {
        name: f"{node.place.line}:{node.place.column}" for name, node in prod.variables.items()
    }
    assert "scratch" == settings(tmp_path, LAYERED, "test").backend.path


@pytest.mark.parametrize("environment", ["", "dev"])
def test_an_environment_that_says_nothing_is_the_base(environment: str, tmp_path: Path) -> None:
    """As is none: variables and patches belong to environments alone."""
    loaded = settings(tmp_path, LAYERED, environment)
    assert (environment, "cn-north-4", "infra/state") == (
        loaded.environment,
        loaded.cloud.region,
        loaded.backend.path,
    )
    assert ({}, ()) == (loaded.variables, loaded.patches)


def test_policy_and_tags_hold_in_every_environment(tmp_path: Path) -> None:
    """A limit that is absent is none."""
    for environment in ("", "prod", "dev"):
        loaded = settings(tmp_path, LAYERED, environment)
        assert Policy(max_changes=20, max_destroys=0, require_lease=True) == loaded.policy
        assert {"managed-by": "provisioner", "version": "1.10"} == loaded.default_tags
        assert frozenset({"cost-centre"}) == loaded.ignore_tags


@pytest.mark.parametrize(
    ("text", "declared", "hint"),
    [
        (LAYERED, "dev, prod, test", "--env dev"),
        ("version: 1\n", "none", "declare it below `environments`"),
    ],
)
def test_an_environment_must_be_declared(text: str, declared: str, hint: str, tmp_path: Path) -> None:
    """The error names those that exist."""
    with pytest.raises(UsageError, match="there is no environment 'production'") as refused:
        settings(tmp_path, text, "production")
    origin = "The name comes from --env, without it from TF_WORKSPACE."
    assert f"provisioner.yaml declares {declared}. {origin}" == refused.value.detail
    assert hint in refused.value.hint


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
    "root": ("- a\n", "E106", "1:1", "begin with `version: 1`"),
    "project": ("cloud: {project_id: a/b}\n", "E307", "1:21", "My Credentials"),
    "interval": ("cloud: {poll_interval: 0}\n", "E203", "1:24", "2s"),
    "interval-word": ("cloud: {poll_interval: fast}\n", "E316", "1:24", "8h"),
    "backend": ("backend: {type: etcd}\n", "E306", "1:17", "type: local, http, postgres or s3"),
    "backend-typo": ("backend: {type: lokal}\n", "E306", "1:17", "type: local"),
    "backend-lock": ("backend: {lock: maybe}\n", "E306", "1:17", "lock: append"),
    "backend-method": ("backend: {lock_method: post}\n", "E306", "1:24", "lock_method: POST"),
    "environment-name": ("environments: {a.b: {}}\n", "E206", "1:16", "1 to 64 letters, digits, - and _"),
    "environment-key": ("environments: {prod: {policy: {}}}\n", "E210", "1:23", "belongs to the file itself"),
    "environment-cloud": ("environments: {prod: {cloud: {regoin: x}}}\n", "E210", "1:31", "did you mean `region`?"),
    "environment-backend": ("environments: {prod: {backend: {type: etcd}}}\n", "E306", "1:39", "type: local"),
    "environment-shape": ("environments: [prod]\n", "E212", "1:15", "key: value"),
    "environment-twice": ("environments: {prod: {}, Prod: {}}\n", "E215", "1:15", "two environments are called Prod"),
    "patches": ("environments: {prod: {patches: x.yaml}}\n", "E212", "1:32", "- value"),
    "variables": ("environments: {prod: {variables: [x]}}\n", "E212", "1:34", "key: value"),
    "variables-place": ("variables: {}\n", "E210", "1:1", "belongs under `environments`"),
    "limit": ("policy: {max_changes: -1}\n", "E203", "1:23", "the range is 0 to 10000"),
    "limit-word": ("policy: {max_destroys: few}\n", "E202", "1:24", "write it in decimal"),
    "policy-key": ("policy: {max_destroy: 1}\n", "E210", "1:10", "did you mean `max_destroys`?"),
    "policy-boolean": ("policy: {require_lease: yes}\n", "E201", "1:25", "write true"),
    "default-tag": ("default_tags: {_sys_a: b}\n", "E317", "1:16", "_sys_"),
    "default-tag-value": ("default_tags: {a: b*c}\n", "E317", "1:19", "'*' is not allowed in a tag value"),
    "default-tag-empty": ("default_tags: {a: null}\n", "E201", "1:19", "write text"),
    "ignore-tag": ("ignore_tags: [' a']\n", "E317", "1:15", "begin or end with a space"),
    "both-tags": ("default_tags: {a: b}\nignore_tags: [a]\n", "E317", "2:14", "remove it from one of the two"),
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
        settings(tmp_path, "polcy: {}\ncloud: {marker: x, region: [a], region: b}\n")
    found = [(problem.code, problem.range.line) for problem in refused.value.problems if problem.range]
    assert [("E210", 1), ("E306", 2), ("E212", 2), ("E114", 2)] == found


def test_settings_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    """A directory of that name, for example."""
    (tmp_path / "provisioner.yaml").mkdir()
    with pytest.raises(UsageError, match=r"provisioner\.yaml cannot be read"):
        load_settings(tmp_path)
