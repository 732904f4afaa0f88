"""Ways to notebooks as a table, as JSON, and as a file that ssh reads."""

from __future__ import annotations

import json
from typing import Any

from provisioner.model.access import Access
from provisioner.model.address import Address
from provisioner.views.access import Way, access_json, access_table, ssh_config

URL = "https://authoring/ID/lab"
UP = {
    "id": "ID",
    "status": "RUNNING",
    "url": f"{URL}?token=secret",
    "token": "secret",
    "endpoints": [{"service": "SSH", "uri": "ssh://ma-user@host.example:30001", "key_pair_names": ["alice", "bob"]}],
}


def way(key: str = "alice", each: str = "", *, gone: bool = False, **answer: Any) -> Way:
    return Way("lab", Address(key, each), "ID", None if gone else Access.model_validate({**UP, **answer}))


def test_the_table_tells_url_and_command() -> None:
    """And nothing of the token."""
    assert (
        "ADDRESS         STATUS   JUPYTERLAB                SSH\n"
        "notebook.alice  RUNNING  https://authoring/ID/lab  ssh ma-user@host.example -p 30001\n"
    ) == access_table([way()], show_token=False)


def test_the_token_is_shown_on_request() -> None:
    """In a column of its own, and wherever the service puts it."""
    shown = access_table([way()], show_token=True).splitlines()[1].split()
    assert (f"{URL}?token=secret", "secret") == (shown[2], shown[-1])


def test_what_does_not_run_is_told_with_the_mend() -> None:
    """No address is shown of it."""
    ways = [
        way(status="STOPPED"),
        way("gpu", "b c", status="STOPPED"),
        way("cat", status="STARTING"),
        way("x", gone=True),
    ]
    table, notes = access_table(ways, show_token=True).split("\n\n")
    assert "secret" not in table
    assert "host.example" not in table
    assert [
        "notebook.alice is STOPPED: provisioner start alice starts it.",
        'notebook.gpu["b c"] is STOPPED: provisioner start \'gpu["b c"]\' starts it.',
        "notebook.cat is STARTING: it can be reached while it is RUNNING.",
        "notebook.x does not exist any more: provisioner plan shows what apply would do about it.",
    ] == notes.splitlines()


def test_an_ssh_address_that_cannot_be_read_is_told() -> None:
    """The rest is shown."""
    text = access_table([way(endpoints=[{"service": "SSH", "uri": "ssh://a b"}])], show_token=False)
    assert "notebook.alice has an SSH address that cannot be read." in text


def test_json_has_null_for_what_there_is_not() -> None:
    """One form for all, with the token on request alone."""
    up, down = json.loads(access_json([way(), way("bob", status="STOPPED")], show_token=False))
    ssh = {
        "host": "host.example",
        "port": 30001,
        "user": "ma-user",
        "key_pair_names": ["alice", "bob"],
        "command": "ssh ma-user@host.example -p 30001",
    }
    same = {"stack": "lab", "id": "ID"}
    assert {"address": "notebook.alice", "status": "RUNNING", "url": URL, "ssh": ssh} | same == up
    assert {"address": "notebook.bob", "status": "STOPPED", "url": None, "ssh": None} | same == down


def test_json_tells_tokens_on_request() -> None:
    """Null for what does not run."""
    ways = json.loads(access_json([way(), way("bob", status="STOPPED")], show_token=True))
    assert ["secret", None] == [each["token"] for each in ways]


def test_a_host_block_has_what_ssh_needs() -> None:
    """The first key pair names the private key."""
    assert (
        "# notebook.alice, ID\n"
        "Host alice\n"
        "    HostName host.example\n"
        "    Port 30001\n"
        "    User ma-user\n"
        "    IdentityFile ~/.ssh/alice.pem\n"
    ) == ssh_config([way()])


def test_a_host_without_a_key_pair_leaves_the_key_to_ssh() -> None:
    """As with keys of an agent."""
    endpoints = [{"service": "SSH", "uri": "10.0.0.5"}]
    assert "IdentityFile" not in ssh_config([way(endpoints=endpoints)])


def test_what_ssh_cannot_reach_is_a_comment() -> None:
    """So it is not taken for a host."""
    ways = [way(status="STOPPED"), way("bob", endpoints=[]), way("cat", gone=True)]
    lines = ssh_config(ways).splitlines()
    assert [] == [line for line in lines if line and not line.startswith("#")]
    assert "# It has no SSH endpoint: declare one in its spec." in lines


def aliases(*ways: Way) -> list[str]:
    return [line.removeprefix("Host ") for line in ssh_config(ways).splitlines() if line.startswith("Host ")]


def test_an_alias_is_the_key_and_the_instance() -> None:
    """Numbered when two would be the same, also to ssh, which ignores case."""
    ways = [way(), way("gpu", "bob"), way("gpu-bob"), way("GPU-bob"), way("gpu", "a *?!%h b")]
    assert ["alice", "gpu-bob", "gpu-bob-2", "GPU-bob-3", "gpu-a-h-b"] == aliases(*ways)


def test_hostile_text_adds_no_line() -> None:
    """Neither of an address, nor of anything that the service says."""
    hostile = "x\nProxyCommand evil"
    endpoints = [{"service": "SSH", "uri": f"ssh://ma-user@{hostile}:22", "key_pair_names": [hostile]}]
    ways = [
        way("gpu", hostile),
        way("two", status=hostile),
        way("three", endpoints=endpoints),
        way("four", endpoints=[{"service": "SSH", "uri": "10.0.0.5", "key_pair_names": [hostile]}]),
        Way("lab", Address("five", hostile), hostile, None),
    ]
    lines = ssh_config(ways).splitlines()
    allowed = ("Host ", "    HostName ", "    Port ", "    User ", "    IdentityFile ", "#")
    assert [] == [line for line in lines if line and not line.startswith(allowed)]
    assert "\x1b" not in access_table([way("a", status="\x1b[2J")], show_token=True)
    assert 2 == len(access_table([way(token="a\nb")], show_token=True).splitlines())
