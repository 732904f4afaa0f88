"""The process: ready line, data directory, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from provisioner.cli.sandbox import command
from tests.unit.simulator.client import COMMAND, Api, sandbox


def test_the_ready_line() -> None:
    """One line of JSON says where it is and which credentials it takes; the options decide."""
    options = ("--ak", "AK", "--sk", "SK", "--project-id", "f" * 32, "--region", "eu-west-101", "--seed-instances", "2")
    with sandbox(*options, "--switch", "S7=off", "--create-ms", "5") as ready:
        api = Api(ready)
        assert ready["endpoint"].startswith("http://127.0.0.1:")
        assert {
            "endpoint": ready["endpoint"],
            "iam_endpoint": ready["endpoint"],
            "access_key": "AK",
            "secret_key": "SK",
            "project_id": "f" * 32,
            "region": "eu-west-101",
        } == ready
        assert ["seed-1", "seed-0"] == api.names(limit=2)
        assert 5 == api.control("GET", "/settings")["create_ms"]
        api.close()


def test_data_outlive_the_process(tmp_path: Path) -> None:
    """What was made is there again, aged by the time between, in one private file; tokens still hold."""
    with sandbox("--data", str(tmp_path), "--create-ms", "1") as ready:
        api = Api(ready)
        mount = {"category": "OBS", "uri": "obs://bucket/dir/", "mount_path": "/data/sets/"}
        kept = api.running(name="kept", duration=3_600_000)
        api.call("POST", f"/notebooks/{kept}/tags/create", {"tags": [{"key": "k", "value": "v"}]})
        assert 200 == api.call("POST", f"/notebooks/{kept}/storage", mount).status
        before = api.show(kept)
        saved = api.call("POST", f"/notebooks/{kept}/create-image", {"name": "saved", "namespace": "team"}).body
        fresh = api.created(name="fresh")
        api.close()
    assert {"simulator.json": 0o600, "simulator.lock": 0o600} == {
        file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()
    }
    with sandbox("--data", str(tmp_path), "--seed-instances", "3") as ready:
        api = Api(ready)
        api.advance(10_000)
        after = api.show(kept)
        assert ["fresh", "kept"] == api.names()
        assert ("RUNNING", "RUNNING") == (after["status"], api.show(fresh)["status"])
        assert ((before | after)["tags"], before["lease"], saved["id"]) == (
            before["tags"],
            after["lease"],
            after["image"]["id"],
        )
        assert ["MOUNTED"] == [row["status"] for row in api.call("GET", f"/notebooks/{kept}/storage").body["data"]]
        api.close()


def test_data_are_written_while_it_runs(tmp_path: Path) -> None:
    """Not only at the end: a killed simulator has lost a second at most."""
    process = start("--data", str(tmp_path))
    api = Api(json.loads(line(process)))
    api.created(name="kept")
    api.close()
    for _ in range(200):
        if (tmp_path / "simulator.json").exists():
            break
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.02)
    process.kill()
    process.communicate()
    assert ["kept"] == [row["name"] for row in json.loads((tmp_path / "simulator.json").read_text())["notebooks"]]


def test_one_at_a_time(tmp_path: Path) -> None:
    """A second simulator with the same data starts when the first has ended, and has all of it."""
    first = start("--data", str(tmp_path))
    api = Api(json.loads(line(first)))
    second = start("--data", str(tmp_path))
    api.created(name="kept")
    api.close()
    first.terminate()
    first.communicate()
    api = Api(json.loads(line(second)))
    assert ["kept"] == api.names()
    api.close()
    second.terminate()
    second.communicate()


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "other"}', '{"format": "provisioner.simulator/1"}'])
def test_a_file_that_is_no_data(tmp_path: Path, content: str) -> None:
    """It is refused and left as it was."""
    (tmp_path / "simulator.json").write_text(content)
    refused = CliRunner().invoke(command, ["--data", str(tmp_path)])
    assert (1, "", content) == (refused.exit_code, refused.stdout, (tmp_path / "simulator.json").read_text())
    assert "is no data of this simulator" in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(number: signal.Signals) -> None:
    """With exit code 0 and nothing on stderr, open connections or not."""
    process = start()
    api = Api(json.loads(line(process)))
    api.names()
    process.send_signal(number)
    output, errors = process.communicate(timeout=10)
    api.close()
    assert (0, "", "") == (process.returncode, output, errors)


def test_it_ends_with_its_parent_s_pipe() -> None:
    """`--exit-with-stdin`: the end of stdin is the end, cleanly."""
    process = start("--exit-with-stdin")
    line(process)
    assert process.stdin is not None
    process.stdin.close()
    assert 0 == process.wait(10)
    process.stdin = None
    process.communicate()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--host", "192.0.2.1"], "not a loopback address"),
        (["--host", "example.com"], "not a loopback address"),
        (["--switch", "S99"], "there is no switch S99"),
        (["--port", "70000"], "--port"),
    ],
)
def test_options_that_cannot_be_obeyed(options: list[str], complaint: str) -> None:
    """A usage error on stderr, nothing on stdout."""
    refused = CliRunner().invoke(command, options)
    assert (True, "") == (refused.exit_code != 0, refused.stdout)
    assert complaint in refused.stderr


def test_a_port_that_is_taken() -> None:
    """Said as such, not as a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = CliRunner().invoke(command, ["--port", str(port)])
    assert (1, True) == (refused.exit_code, f"cannot listen on 127.0.0.1 port {port}" in refused.stderr)


def start(*options: str) -> subprocess.Popen[str]:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*COMMAND, *options], text=True, **pipes)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()
