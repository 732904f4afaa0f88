"""How a notebook is reached: what is read of an answer, and what of it is not to be trusted."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.model.access import Access, SshAddress
from provisioner.model.observation import Observation

HOST = "dev-modelarts-cnnorth4.huaweicloud.com"
URL = "https://authoring-modelarts-cnnorth4.huaweicloud.com/ID/lab"


def access(*, status: str = "RUNNING", ssh: str = "", keys: tuple[str, ...] = ("alice",), **answer: Any) -> Access:
    endpoints = [{"service": "SSH", "uri": ssh, "key_pair_names": list(keys)}] if ssh else []
    return Access.model_validate({"id": "ID", "status": status, "url": URL, "endpoints": endpoints, **answer})


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (f"ssh://ma-user@{HOST}:30983", SshAddress(HOST, 30983)),
        ("ssh://ma-user@10.0.0.5:31000", SshAddress("10.0.0.5", 31000)),
        ("ssh://dev_1@10.0.0.5:22/", SshAddress("10.0.0.5", 22, "dev_1")),
        ("10.0.0.5", SshAddress("10.0.0.5")),
        (f"{HOST}:30000", SshAddress(HOST, 30000)),
    ],
)
def test_every_documented_form_of_the_ssh_address_is_read(uri: str, expected: SshAddress) -> None:
    """With a host or a bare address, as in a public or a private network (API page 3.3)."""
    assert expected == SshAddress.parse(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "ssh://",
        "ssh://ma-user@host\nProxyCommand evil:22",
        "ssh://ma-user@host:22\n",
        "ssh://ma-user@-oProxyCommand=evil:22",
        "ssh://-oProxyCommand=evil@host:22",
        "ssh://ma-user@host name:22",
        "ssh://ma-user@host:0",
        "ssh://ma-user@host:65536",
        "ssh://ma-user@host:22%20",
        "ssh://ma-user:password@host:22",
        "ssh://ma-user@host:22/;touch x",
        "ssh://ma-user@$(id):22",
        "ssh://ma-user@host#x:22",
        "https://host",
        "ssh://ma-user@ho\u202est:22",
    ],
)
def test_an_address_of_another_form_is_none(uri: str) -> None:
    """Whatever could become a line, an option or a command of its own."""
    assert SshAddress.parse(uri) is None
    assert access(ssh=uri).ssh is None


def test_the_command_is_what_one_types() -> None:
    """User, host and port."""
    assert f"ssh ma-user@{HOST} -p 30983" == SshAddress(HOST, 30983).command


def test_names_of_2022_are_read() -> None:
    """dev_service and ssh_keys, and a new name that is empty leaves the word to the old one (API page 3.3)."""
    old = {"service": "", "dev_service": "ssh", "key_pair_names": [], "ssh_keys": ["alice"], "uri": "10.0.0.5:22"}
    found = access(endpoints=[old])
    assert (SshAddress("10.0.0.5"), ("alice",)) == (found.ssh, found.key_pairs)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a b", "a\nProxyCommand evil", "-x", "%h", "~root", ""])
def test_a_key_pair_that_is_no_name_of_a_file_is_left_out(name: str) -> None:
    """It becomes part of a path in a file that ssh obeys."""
    assert ("bob",) == access(ssh="10.0.0.5", keys=(name, "bob")).key_pairs


@pytest.mark.parametrize("url", [f"{URL}?token=secret", f"{URL}#secret", f"{URL}?a=1&token=secret#x"])
def test_a_url_is_shown_without_what_it_carries(url: str) -> None:
    """A token in its query is a key to the notebook."""
    found = access(url=url)
    assert (URL, url) == (found.page, found.full_url)


def test_a_url_is_shown_without_user_and_password() -> None:
    """They are secrets too."""
    assert "https://host:8443/lab" == access(url="https://user:secret@host:8443/lab").page


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "/lab", "https://", "https://[broken"])
def test_what_is_no_address_of_a_page_is_none(url: str) -> None:
    """Nothing is made of it."""
    assert ("", "") == (access(url=url).page, access(url=url).full_url)


def test_the_notebook_endpoint_stands_in_for_the_url() -> None:
    """Some answers tell it there alone."""
    assert URL == access(url=None, endpoints=[{"service": "NOTEBOOK", "uri": URL}]).page


def test_its_representation_holds_no_secret() -> None:
    """What goes to a traceback or a log."""
    shown = repr(access(token="secret-token", url=f"{URL}?token=secret", ssh="10.0.0.5"))
    assert "secret" not in shown


def test_an_observation_never_holds_it() -> None:
    """What goes to a state knows neither token nor URL."""
    answer = {"id": "ID", "status": "RUNNING", "token": "secret", "url": URL, "endpoints": [{"uri": URL}]}
    assert not {"secret", URL} & set(str(Observation.model_validate(answer).model_dump()).split("'"))
