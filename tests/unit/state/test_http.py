"""Which address, which method, whose password: what the settings and Terraform's variables come to."""

from __future__ import annotations

import pytest

from provisioner.errors import UsageError
from provisioner.state.backend import Seen
from provisioner.state.http_bodies import holder_in
from provisioner.state.http_settings import Address, Retries, read_settings

HOST = "https://states.example"
GITLAB = "https://gitlab.example/api/v4/projects/1/terraform/state/{stack}"


def test_what_the_protocol_has_for_defaults() -> None:
    """The lock stands beside the state, before its query."""
    settings = read_settings({"address": f"{HOST}/states/{{stack}}?team=a"}, {})
    here = f"{HOST}/states/research.prod"
    assert Address(f"{here}?team=a", f"{here}/lock?team=a", f"{here}/lock?team=a") == settings.of("research.prod")


def test_names_are_encoded() -> None:
    assert f"{HOST}/%E7%A0%94%2Fa" == read_settings({"address": f"{HOST}/{{stack}}"}, {}).of("研/a").state


def test_gitlab_wants_other_methods() -> None:
    """Its shape of address says so; what is given wins."""
    at = read_settings({"address": GITLAB}, {}).of("lab")
    assert ("POST", "POST", "DELETE") == (at.update_method, at.lock_method, at.unlock_method)
    given = {"address": GITLAB, "lock_method": "LOCK", "unlock_method": "UNLOCK", "update_method": "PUT"}
    at = read_settings(given, {}).of("lab")
    assert ("PUT", "LOCK", "UNLOCK") == (at.update_method, at.lock_method, at.unlock_method)


def test_terraforms_variables_stand_in() -> None:
    environ = {
        "TF_HTTP_ADDRESS": f"{HOST}/s",
        "TF_HTTP_LOCK_ADDRESS": f"{HOST}/l",
        "TF_HTTP_UNLOCK_ADDRESS": f"{HOST}/u",
        "TF_HTTP_UPDATE_METHOD": "PUT",
        "TF_HTTP_LOCK_METHOD": "PUT",
        "TF_HTTP_UNLOCK_METHOD": "DELETE",
        "TF_HTTP_USERNAME": "ci",
        "TF_HTTP_PASSWORD": "canary-11aa",
    }
    settings = read_settings({}, environ)
    assert Address(f"{HOST}/s", f"{HOST}/l", f"{HOST}/u", "PUT", "PUT", "DELETE") == settings.of("lab")
    assert ("ci", "canary-11aa") == (settings.username, settings.password)
    assert "canary" not in repr(settings)
    assert f"{HOST}/mine" == read_settings({"address": f"{HOST}/mine"}, environ).of("lab").state


def test_a_job_of_gitlab_has_a_token() -> None:
    """For its own server alone, and only where nothing else is set."""
    job = {"CI_JOB_TOKEN": "canary-22bb", "CI_API_V4_URL": "https://gitlab.example/api/v4"}
    settings = read_settings({"address": GITLAB}, job)
    assert ("gitlab-ci-token", "canary-22bb") == (settings.username, settings.password)
    assert "" == read_settings({"address": f"{HOST}/x"}, job).password
    assert "" == read_settings({"address": "https://gitlab.example/api/v4.evil.example/x"}, job).password
    own = {"TF_HTTP_USERNAME": "me", "TF_HTTP_PASSWORD": "mine"}
    assert "mine" == read_settings({"address": GITLAB}, {**job, **own}).password


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "no address"),
        ("http://states.example/x", "plain http"),
        ("https://ci:canary-33cc@states.example/x", "user name or a password"),
        ("states.example/x", "is no address"),
        ("ftp://states.example/x", "is no address"),
    ],
)
def test_addresses_that_are_refused(address: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        read_settings({"address": address}, {})
    assert "canary" not in f"{caught.value}{caught.value.detail}{caught.value.hint}"


def test_certificates_are_always_checked() -> None:
    with pytest.raises(UsageError, match="without certificate checks"):
        read_settings({"address": f"{HOST}/x"}, {"TF_HTTP_SKIP_CERT_VERIFICATION": "true"})


def test_how_often_a_read_is_repeated() -> None:
    """Terraform's numbers, and its variables."""
    address = {"address": f"{HOST}/x"}
    assert Retries(2, 1.0, 30.0) == read_settings(address, {}).retries
    environ = {"TF_HTTP_RETRY_MAX": "5", "TF_HTTP_RETRY_WAIT_MIN": "0", "TF_HTTP_RETRY_WAIT_MAX": "7"}
    assert Retries(5, 0.0, 7.0) == read_settings(address, environ).retries
    for text in ("-1", "soon", "1.5"):
        with pytest.raises(UsageError, match=f"TF_HTTP_RETRY_MAX is '{text}'"):
            read_settings(address, {"TF_HTTP_RETRY_MAX": text})


def test_a_certificate_needs_its_key() -> None:
    for name in ("CERTIFICATE", "PRIVATE_KEY"):
        with pytest.raises(UsageError, match="belong together"):
            read_settings({"address": f"{HOST}/x"}, {f"TF_HTTP_CLIENT_{name}_PEM": "pem"})


def test_a_method_is_a_word() -> None:
    with pytest.raises(UsageError, match="is no method"):
        read_settings({"address": f"{HOST}/x", "lock_method": "LOCK /x"}, {})


def test_a_job_token_goes_nowhere_else() -> None:
    """Not to a lock address on another host, and not when the user is named without a password."""
    job = {"CI_JOB_TOKEN": "canary-22bb", "CI_API_V4_URL": "https://gitlab.example/api/v4/"}
    assert "" == read_settings({"address": GITLAB, "lock_address": f"{HOST}/lock"}, job).password
    assert "" == read_settings({"address": GITLAB}, {**job, "TF_HTTP_USERNAME": "me"}).password


def test_of_gitlabs_holder_three_fields_count() -> None:
    """The others are those of the request that it refuses."""
    told = b'{"ID":"i","Who":"root","Created":"2026-01-02T03:04:05Z","Operation":"mine","Path":"mine","Info":"mine"}'
    found = holder_in(told, gitlab=True)
    assert found
    assert ("i", "root", "2026-01-02T03:04:05Z", "", "") == (
        found.id,
        found.who,
        found.created,
        found.operation,
        found.path,
    )
    assert "root (since 2026-01-02T03:04:05Z)" == str(Seen("place", found))
    plain = holder_in(told)
    assert plain
    assert "mine" == plain.operation
