"""Keys that a command prints: real commands."""

from __future__ import annotations

import json
import os
import shlex
import sys
import traceback
from pathlib import Path

import pytest

from provisioner.errors import UsageError
from provisioner.provider.credential_command import VARIABLE, from_command, run_command
from provisioner.provider.credentials import Absent, AccessKey, Found, Surroundings, TemporaryKey
from provisioner.provider.issued import NoKey, issued_key

KEY = {"access": "HSTA", "secret": "canary-secret", "securitytoken": "canary-token"}


def asked(text: str, **environ: str) -> AccessKey:
    """The key that the command gives when it is asked once."""
    around = Surroundings({"PATH": os.environ["PATH"], **environ, VARIABLE: text}, Path("/nowhere"), lambda _: None)
    found = from_command(around)
    assert isinstance(found, Found)
    assert found.source == VARIABLE
    assert isinstance(found.credentials, TemporaryKey)
    return found.credentials.issue()


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def printing(text: str) -> str:
    return python(f"print({text!r})")


def everything(error: UsageError) -> str:
    return f"{error.detail} {error.hint} {''.join(traceback.format_exception(error))}"


def test_the_key_that_it_prints() -> None:
    """The command is split into words as by a shell, sees the environment, and what it prints is the key."""
    code = "import json, os, sys; print(json.dumps({'access': sys.argv[1], 'secret': os.environ['VAULT']}))"
    assert AccessKey("A1", "s") == asked(f"{python(code)} 'A1'", VAULT="s")


def test_no_shell_runs_it(tmp_path: Path) -> None:
    """What a shell would do with the words is not done."""
    mark = tmp_path / "mark"
    assert AccessKey("HSTA", "s") == asked(f"{printing(json.dumps({'access': 'HSTA', 'secret': 's'}))} ; touch {mark}")
    assert not mark.exists()


def test_its_standard_input_is_closed() -> None:
    """A command that reads its input finds it empty: it cannot wait for an answer."""
    code = "import sys, json; print(json.dumps({'access': 'A' + sys.stdin.read(), 'secret': 's'}))"
    assert AccessKey("A", "s") == asked(python(code))


def test_each_time_it_is_asked_anew(tmp_path: Path) -> None:
    """It is not run before a key is needed, and each question runs it again."""
    count = tmp_path / "count"
    code = (
        f"import json, pathlib; f = pathlib.Path({str(count)!r}); n = len(f.read_text()) + 1 if f.exists() else 1; "
        "f.write_text('x' * n); print(json.dumps({'access': f'A{n}', 'secret': 's', 'expires_at': 100 + n}))"
    )
    found = from_command(Surroundings({VARIABLE: python(code)}, Path("/nowhere"), lambda _: None))
    assert isinstance(found, Found)
    assert isinstance(found.credentials, TemporaryKey)
    assert not count.exists()
    assert AccessKey("A1", "s", expires_at=101) == found.credentials.issue()
    assert AccessKey("A2", "s", expires_at=102) == found.credentials.issue()


def test_what_it_says_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """Its standard error is ours."""
    with pytest.raises(UsageError):
        asked(python("import sys; print('vault is sealed', file=sys.stderr); sys.exit(2)"))
    assert "vault is sealed\n" == capfd.readouterr().err


@pytest.mark.parametrize("text", ["", "  "])
def test_not_set(text: str) -> None:
    """Without the variable there is nothing."""
    assert Absent(f"{VARIABLE} is not set") == from_command(Surroundings({VARIABLE: text}, Path("/"), lambda _: None))


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("vault 'canary", "No closing quotation"),
        ("/nowhere/canary --token canary", "It cannot be started: No such file or directory."),
        ("TOKEN=canary vault", "It cannot be started: No such file or directory."),
        (python("'canary'; raise SystemExit(3)"), "It ended with status 3."),
        (python("'canary'; import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), "It ended by signal 9."),
        (printing("canary"), "is no JSON at line 1, column 1"),
        (printing('{"secret": "canary",\n}'), "is no JSON at line 2, column 1"),
        (python('import sys; sys.stdout.buffer.write(b\'{"secret": "canary\\xff"}\')'), "is no UTF-8"),
        (printing("[" * 100_000), "is nested too deeply"),
        (printing(""), "is no JSON"),
        (printing('["canary"]'), "holds no key: it is no JSON object"),
        (printing('{"secret": "canary"}'), "holds no key: it has no access (accessKeyId, access_key_id)"),
        (printing('{"access": "canary"}'), "it has no secret (secretAccessKey, secret_access_key)"),
        (printing('{"access": "canary", "secret": "canary\\u0000"}'), "its secret is nothing that a credential can be"),
    ],
)
def test_what_may_go_wrong(command: str, problem: str) -> None:
    """Each failure says what, and how to mend it; neither the command nor what it printed is shown."""
    with pytest.raises(UsageError) as caught:
        asked(command)
    shown = everything(caught.value)
    assert problem in shown
    assert VARIABLE in shown
    assert caught.value.hint
    assert "canary" not in shown


def test_one_that_does_not_end() -> None:
    """After its time it is ended, though a child of its own holds its output open."""
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(5)  # canary'])"
    with pytest.raises(UsageError) as caught:
        run_command([sys.executable, "-c", child], os.environ, seconds=0.2)
    assert "It did not end within 0.2 s." in caught.value.detail
    assert "canary" not in everything(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        KEY,
        {"accessKeyId": "HSTA", "secretAccessKey": "canary-secret", "securityToken": "canary-token"},
        {"access_key_id": "HSTA", "secret_access_key": "canary-secret", "security_token": "canary-token"},
        {"credential": KEY},
        {"credentials": KEY, "assumed_agency": {}},
    ],
)
def test_spellings(document: object) -> None:
    """The three spellings, and both wrappers."""
    assert AccessKey("HSTA", "canary-secret", "canary-token") == issued_key(document)


@pytest.mark.parametrize(
    ("expiry", "expected"),
    [
        ({"expires_at": "2030-01-31T12:00:00Z"}, 1896091200.0),
        ({"expires_at": "2030-01-31T12:00:00.000000Z"}, 1896091200.0),
        ({"expiration": "2030-01-31T20:00:00+08:00"}, 1896091200.0),
        ({"expiration": "2030-01-31T12:00:00"}, 1896091200.0),
        ({"expires_at": 1896091200}, 1896091200.0),
        ({"expires_at": "1896091200"}, 1896091200.0),
        ({"expires_at": 1896091200000}, 1896091200.0),
        ({"expires_at": ""}, None),
        ({"expires_at": None}, None),
        ({}, None),
    ],
)
def test_expiry(expiry: dict[str, object], expected: float | None) -> None:
    """A time in ISO 8601, without a zone UTC, or a number of seconds or milliseconds since 1970."""
    assert expected == issued_key({**KEY, **expiry}).expires_at


@pytest.mark.parametrize("expiry", ["tomorrow", True, -1, [1], float("inf"), "9" * 400, "0000-00-00T00:00:00Z"])
def test_no_time(expiry: object) -> None:
    """What is no time is told without being shown."""
    with pytest.raises(NoKey, match=r"^its expires_at is no time$"):
        issued_key({**KEY, "expires_at": expiry})


@pytest.mark.parametrize("document", [None, "canary", [KEY], {"credential": "canary"}, {"credential": None}])
def test_no_key(document: object) -> None:
    """What holds no key is told without being shown."""
    with pytest.raises(NoKey) as caught:
        issued_key(document)
    assert "canary" not in str(caught.value)
