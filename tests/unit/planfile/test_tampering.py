"""Plan files that somebody edited."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from provisioner.errors import PlanRefused, UsageError
from provisioner.planfile.canonical import canonical
from provisioner.planfile.reading import read_plan, write_plan
from provisioner.planfile.recognition import is_plan_file
from provisioner.planfile.verification import check_approved, check_cloud, check_shown, check_state
from provisioner.state.backend import Snapshot
from provisioner.state.document import Cloud
from tests.builders import state
from tests.unit.planfile.saved import CLOUD, document, refusal, resealed, written

# Every part of the document: what tools read, what we add to it, and the plan itself.
EDITS = [
    "format_version",
    "timestamp",
    "resource_changes.0.address",
    "resource_changes.0.type",
    "resource_changes.0.change.actions.0",
    "resource_changes.0.change.before.flavor_id",
    "resource_changes.0.change.after.flavor_id",
    "resource_changes.0.change.loss",
    "resource_changes.0.change.operations.0.text",
    "resource_changes.0.change.fingerprint",
    "provisioner.format",
    "provisioner.version",
    "provisioner.digest",
    "provisioner.stack",
    "provisioner.environment",
    "provisioner.cloud.region",
    "provisioner.cloud.project_id",
    "provisioner.lineage",
    "provisioner.serial",
    "provisioner.state_digest",
    "provisioner.spec_digest",
    "provisioner.mode",
    "provisioner.made_at",
    "provisioner.steps.0.action",
    "provisioner.steps.0.reason",
    "provisioner.steps.0.loss",
    "provisioner.steps.0.id",
    "provisioner.steps.0.operations.1.kind",
    "provisioner.steps.0.operations.1.values.flavor",
    "provisioner.steps.0.allow_loss",
    "provisioner.steps.0.before.flavor",
    "provisioner.steps.0.record.id",
    "provisioner.steps.2.operations.0.kind",
    "provisioner.steps.0.timeouts.update",
    "provisioner.refreshed.made-up",
    "provisioner.made-up",
]


def edited(found: dict[str, Any], path: str) -> dict[str, Any]:
    """`found` with another value at `path`."""
    *above, last = path.split(".")
    place: Any = found
    for part in above:
        place = place[int(part) if isinstance(place, list) else part]
    key: Any = int(last) if isinstance(place, list) else last
    present = place[key] if isinstance(place, list) else place.get(key)
    match present:
        case bool():
            place[key] = not present
        case int():
            place[key] = present + 1
        case str():
            place[key] = f"{present[:-1]}{'0' if not present.endswith('0') else '1'}"
        case _:
            place[key] = "x"
    return found


def judged(path: Path, approved: str = "") -> None:
    """All that needs neither a service nor a clock."""
    saved = read_plan(path)
    if approved:
        check_approved(saved, approved)
    check_cloud(saved, CLOUD)
    check_state(saved, Snapshot(state(), 7, stored_digest="it"))
    check_shown(saved, state())


def test_an_untouched_plan_passes(tmp_path: Path) -> None:
    """Or no refusal below would mean anything."""
    found = document()
    judged(written(tmp_path / "plan.bin", found), found["provisioner"]["digest"])


@pytest.mark.parametrize("path", EDITS)
def test_an_edit_is_refused(path: str, tmp_path: Path) -> None:
    """Whatever was edited."""
    problem = refusal(lambda: judged(written(tmp_path / "plan.bin", edited(document(), path))))
    assert problem.code == "E704"
    assert problem.hint


@pytest.mark.parametrize("path", [path for path in EDITS if path != "provisioner.digest"])
def test_an_edit_with_a_new_digest_is_not_what_was_approved(path: str, tmp_path: Path) -> None:
    """Who edits can reckon a digest; the approved one is elsewhere."""
    approved = document()["provisioner"]["digest"]
    file = written(tmp_path / "plan.bin", resealed(edited(document(), path)))
    assert refusal(lambda: judged(file, approved)).code in {"E704", "E708"}


@pytest.mark.parametrize(
    ("path", "code", "told"),
    [
        ("provisioner.lineage", "E702", "lineage: planned"),
        ("provisioner.serial", "E702", "serial: planned 8, now 7"),
        ("provisioner.state_digest", "E702", "digest: planned"),
        ("provisioner.cloud.region", "E705", "region: planned cn-north-0, here cn-north-4"),
        ("provisioner.cloud.project_id", "E705", "project_id: planned"),
        ("provisioner.version", "E704", "made it, and this is"),
        ("provisioner.format", "E704", "Its format is 'provisioner.plan/0'"),
        ("provisioner.environment", "E704", "provisioner.stack: it is no name of a stack"),
        ("resource_changes.0.change.fingerprint", "E704", "fingerprint: the file says otherwise"),
        ("provisioner.steps.0.before.flavor", "E704", "fingerprint: the file says otherwise"),
        ("resource_changes.0.change.operations.0.text", "E704", "operations.0.text: the file says otherwise"),
        (
            "provisioner.steps.0.operations.1.values.flavor",
            "E704",
            "operations.1.values.flavor: the file says otherwise",
        ),
        ("provisioner.spec_digest", "E704", "spec_digest: the file says otherwise"),
    ],
)
def test_an_edit_with_a_new_digest_does_not_hold_together(path: str, code: str, told: str, tmp_path: Path) -> None:
    """What it says must agree with itself, with the state and with the cloud."""
    problem = refusal(lambda: judged(written(tmp_path / "plan.bin", resealed(edited(document(), path)))))
    assert code == problem.code
    assert told in problem.detail


@pytest.mark.parametrize("name", ["../../lab", "lab/x", "", "lab.prod", "lab."])
def test_a_stack_is_a_name(name: str, tmp_path: Path) -> None:
    """It leads to the file of a state."""
    found = document()
    found["provisioner"]["stack"] = name
    problem = refusal(lambda: read_plan(written(tmp_path / "plan.bin", resealed(found))))
    assert "no name of a stack" in problem.detail


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"PK\x03\x04rest", "is a plan of Terraform"),
        (b"\x00\xff", "is no plan"),
        (b"[]", "is no plan"),
        (b"[" * 100_000, "is no plan"),
        (b'{"version": 1, "notebooks": {}}', "is no plan"),
        (b'{"format_version": "1.2", "resource_changes": []}', "is no plan of provisioner"),
        (b'{"format_version": "1.2", "resource_changes": [', "was altered"),
    ],
)
def test_what_is_no_plan(data: bytes, summary: str, tmp_path: Path) -> None:
    """Each says what it is."""
    path = tmp_path / "plan.bin"
    path.write_bytes(data)
    problem = refusal(lambda: read_plan(path))
    assert ("E704", f"the plan {path} {summary}") == (problem.code, problem.summary)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "a space": lambda text: text.replace('"', ' "', 1),
    "no newline": lambda text: text.rstrip("\n"),
    "two newlines": lambda text: f"{text}\n",
    "an escape": lambda text: text.replace("lab", "\\u006cab", 1),
    "a key twice": lambda text: f'{{"format_version":"1.2",{text[1:]}',
    "indented": lambda text: json.dumps(json.loads(text), indent=1),
    "half of it": lambda text: text[: len(text) // 2],
    "no number": lambda text: text.replace('"serial":7', '"serial":NaN'),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_another_spelling_is_refused(name: str, tmp_path: Path) -> None:
    """Spaces, escapes, keys twice, half of it."""
    path, text = tmp_path / "plan.bin", f"{canonical(document())}\n"
    path.write_text(SPELLINGS[name](text))
    assert text != path.read_text()
    assert refusal(lambda: read_plan(path)).code == "E704"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A plan file, and what is written there."""
    path = written(tmp_path_factory.mktemp("whole") / "plan.bin", document())
    return path, path.read_bytes()


_BYTES = st.binary(min_size=1, max_size=8) | st.sampled_from(
    [b"{", b"}", b"[", b'"', b"\\ud800", b"NaN", b"\0", b"9" * 5000]
)


@settings(max_examples=400)
@given(at=st.floats(0, 1), cut=st.integers(0, 64), put=st.just(b"") | _BYTES)
def test_whatever_is_spoilt_is_refused(whole: tuple[Path, bytes], at: float, cut: int, put: bytes) -> None:
    """Bytes taken out, put in and changed anywhere: never another error than this one."""
    path, data = whole
    place = int(at * len(data))
    spoilt = data[:place] + put + data[place + cut :]
    assume(spoilt != data)
    path.write_bytes(spoilt)
    assert refusal(lambda: read_plan(path)).code == "E704"


@settings(max_examples=100)
@given(at=st.floats(0, 1))
def test_a_cut_plan_is_refused(whole: tuple[Path, bytes], at: float) -> None:
    """Wherever the disk was full."""
    path, data = whole
    path.write_bytes(data[: int(at * (len(data) - 1))])
    assert refusal(lambda: read_plan(path)).code == "E704"


def test_a_deep_plan_is_refused(tmp_path: Path) -> None:
    """Whatever stands in it, no error of the machine comes out."""
    found = document()
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    found["provisioner"]["steps"][0]["after"]["x"] = deep
    assert refusal(lambda: read_plan(written(tmp_path / "plan.bin", resealed(found)))).code == "E704"


def test_a_plan_is_written_for_its_owner(tmp_path: Path) -> None:
    """Also over a plan that others could read."""
    path = written(tmp_path / "plan.bin", document())
    path.chmod(0o644)
    write_plan(path, document())
    assert path.stat().st_mode & 0o777 == 0o600
    assert document() == read_plan(path).document


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("plan.yaml", "a plan is no spec"),
        (".", "that is a directory"),
        ("notes.txt", "is no plan and would be overwritten"),
        ("nowhere/plan.bin", "cannot be saved"),
    ],
)
def test_where_no_plan_is_written(name: str, told: str, tmp_path: Path) -> None:
    """Nothing else is overwritten by a slip."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=re.escape(told)):
        write_plan(tmp_path / name, document())
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("plan.bin", "anything", True),
        ("a.yaml", "{}", False),
        ("a.json", '{"notebooks": {}}', False),
        ("a.json", '{"notebooks": {"a": {"tags": {"provisioner": "x"}}}}', False),
        ("a.json", '{"resource_changes": []}', True),
        ("a.json", '{"format_version": "1.2", "resource_chan', True),
        ("a.json", "nonsense", False),
    ],
)
def test_which_file_is_meant_as_a_plan(name: str, text: str, meant: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """By its name, and where that does not tell by its content."""
    path = tmp_path / name
    path.write_text(text)
    assert meant == is_plan_file(path)


@pytest.mark.parametrize("prefix", ["", "sha256:", "SHA256:"])
def test_an_approved_digest_is_taken_with_and_without_its_kind(prefix: str, tmp_path: Path) -> None:
    """As people copy it."""
    found = document()
    digest = found["provisioner"]["digest"].removeprefix("sha256:")
    check_approved(read_plan(written(tmp_path / "plan.bin", found)), prefix + digest)


def test_another_project_is_named(tmp_path: Path) -> None:
    """Both are."""
    saved = read_plan(written(tmp_path / "plan.bin", document()))
    with pytest.raises(PlanRefused) as refused:
        check_cloud(saved, Cloud(region="cn-north-4", project_id="1" * 32))
    assert f"project_id: planned {'0' * 32}, here {'1' * 32}" == refused.value.problems[0].detail
