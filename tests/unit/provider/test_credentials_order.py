"""Which source of credentials wins, what is said of the others, and what a profile adds to the scope."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provisioner.errors import UsageError
from provisioner.provider.credentials import Absent, Found, Scope, Surroundings
from provisioner.provider.sources import SOURCES, PassedOver, Search, read_file, search, surroundings_of

NAMES = tuple(name for name, _ in SOURCES)

CHOSEN = {"HW_PROFILE": "lab"}
TOKEN = {"HW_AUTH_TOKEN": "tok"}
KEY = {"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "canary"}
PASSWORD = {"HW_USER_ID": "u1", "HW_USER_PASSWORD": "canary"}
COMMAND = {"PROVISIONER_CREDENTIAL_COMMAND": "vault"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with both files."""
    (tmp_path / ".huaweicloud").mkdir()
    (tmp_path / ".huaweicloud" / "credentials").write_text("[basic]\nak=AKSDK\nsk=canary\n")
    (tmp_path / ".hcloud").mkdir()
    names = ("work", "lab")
    profiles = [{"name": name, "accessKeyId": f"AK{name}", "secretAccessKey": "canary"} for name in names]
    (tmp_path / ".hcloud" / "config.json").write_text(json.dumps({"current": "work", "profiles": profiles}))
    return tmp_path


def winner(looked: Search) -> str:
    return NAMES[len(looked.passed_over)]


def test_the_order(home: Path) -> None:
    """What is chosen, then the environment, then a command, then files; taking one away lets the next one win."""
    steps = [CHOSEN, TOKEN, KEY, PASSWORD, COMMAND]
    seen = []
    while steps:
        environ = {name: value for step in steps for name, value in step.items()}
        seen.append(winner(search(Surroundings(environ, home, read_file))))
        steps = steps[1:]
    seen.append(winner(search(Surroundings({}, home, read_file))))
    (home / ".huaweicloud" / "credentials").unlink()
    seen.append(winner(search(Surroundings({}, home, read_file))))
    expected = ["chosen profile", "token in the environment", "access key in the environment"]
    expected += ["password in the environment", "credential command", "file of the SDK", "current profile of KooCLI"]
    assert expected == seen


def test_no_file_is_read_for_what_the_environment_has() -> None:
    """Whoever sets variables waits for no disk."""

    def refused(path: Path) -> None:
        raise AssertionError(f"{path} was read")

    assert search(Surroundings(KEY, Path("/home/alice"), refused)).found is not None


def test_what_is_said_of_the_others(home: Path) -> None:
    """Those before the winner have their reasons, those after it were not looked at."""
    looked = search(Surroundings(KEY, home, read_file))
    before = (
        PassedOver("chosen profile", "HW_PROFILE is not set"),
        PassedOver("token in the environment", "HW_AUTH_TOKEN is not set"),
    )
    assert before == looked.passed_over
    assert NAMES[3:] == looked.not_asked


def test_nowhere(tmp_path: Path) -> None:
    """Without any, the error has a line for each place: what is missing there."""
    looked = search(surroundings_of({"HOME": str(tmp_path)}, Scope()))
    assert looked.found is None
    with pytest.raises(UsageError, match="no credentials") as caught:
        looked.result()
    lines = caught.value.detail.splitlines()[1:]
    assert list(NAMES) == [line.strip().partition(":")[0] for line in lines]
    for each in ("HW_PROFILE", "HW_ACCESS_KEY", "HUAWEICLOUD_SDK_AK", str(tmp_path / ".hcloud" / "config.json")):
        assert each in caught.value.detail
    assert "--sandbox" in caught.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_a_source_without_anything_says_so(name: str, tmp_path: Path) -> None:
    """In words that fit behind its name."""
    result = dict(SOURCES)[name](Surroundings({}, tmp_path, read_file))
    assert isinstance(result, Absent)
    assert result.reason
    assert not result.reason.endswith(".")


PROFILE = Scope(region="cn-south-1", project_id="p-profile", iam_endpoint="https://iam.profile")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Scope(), PROFILE),
        (Scope(project_id="p"), Scope(region="cn-south-1", project_id="p", iam_endpoint="https://iam.profile")),
        (
            Scope(region="cn-south-1", iam_endpoint="https://iam"),
            Scope("cn-south-1", "p-profile", iam_endpoint="https://iam"),
        ),
        (Scope(region="cn-north-4"), Scope(region="cn-north-4", iam_endpoint="https://iam.profile")),
        (Scope(project_name="lab"), Scope("cn-south-1", project_name="lab", iam_endpoint="https://iam.profile")),
    ],
)
def test_what_a_profile_adds(said: Scope, expected: Scope) -> None:
    """A profile fills what nobody says; its project is left out in another region, and where a name says which."""
    assert expected == said.filled_from(PROFILE)


def test_a_profile_of_an_agency(home: Path) -> None:
    """Its key without the agency would act on the wrong account: it is refused, also as the current one."""
    (home / ".huaweicloud" / "credentials").unlink()
    path = home / ".hcloud" / "config.json"
    path.write_text(path.read_text().replace('"secretAccessKey"', '"agencyName": "runner", "secretAccessKey"'))
    for environ in (CHOSEN, {}):
        with pytest.raises(UsageError, match="agency") as caught:
            search(Surroundings(environ, home, read_file))
        assert str(path) in caught.value.detail


def test_a_project_without_a_region() -> None:
    """The SDK's file names no region: its project counts in any."""
    filled = Scope(region="cn-north-4").filled_from(Scope(project_id="p"))
    assert Scope(region="cn-north-4", project_id="p") == filled


def test_found_shows_no_secret(home: Path) -> None:
    """Not even where the whole search is printed."""
    for environ in (CHOSEN, TOKEN | {"HW_AUTH_TOKEN": "canary"}, KEY, PASSWORD, {}):
        looked = search(Surroundings(environ, home, read_file))
        assert isinstance(looked.found, Found)
        assert "canary" not in repr(looked)
