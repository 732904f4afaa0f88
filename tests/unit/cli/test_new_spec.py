"""Where a new spec stands, and that it takes no other file's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.cli.filters import Filter, workspaces_of
from provisioner.cli.new_spec import new_file, schema_of, write_new
from provisioner.errors import UsageError
from tests.builders import instance, notebook


@pytest.mark.parametrize(
    ("path", "file"),
    [
        (None, "specs/imported/imported.yaml"),
        ("specs/lab", "specs/lab/imported.yaml"),
        ("specs/lab/more.yml", "specs/lab/more.yml"),
    ],
)
def test_a_path_is_a_file_or_a_directory(path: str | None, file: str) -> None:
    """By its ending."""
    assert Path(file) == new_file(Path(path) if path else None)


def test_a_directory_may_end_like_a_file(tmp_path: Path) -> None:
    """What is there decides."""
    (tmp_path / "a.yaml").mkdir()
    assert tmp_path / "a.yaml/imported.yaml" == new_file(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("file", "schema"),
    [("a.yaml", "schema/spec.schema.json"), ("specs/x/y/a.yaml", "../../../schema/spec.schema.json")],
)
def test_the_schema_is_seen_from_the_file(file: str, schema: str) -> None:
    """Editors look for it there."""
    assert schema == schema_of(Path(file))


def test_a_file_is_written_whole_and_once(tmp_path: Path) -> None:
    """The second attempt names it and leaves it; nothing else remains."""
    file = tmp_path / "specs" / "a.yaml"
    write_new(file, "one")
    with pytest.raises(UsageError, match="exists already"):
        write_new(file, "two")
    assert "one" == file.read_text()
    assert [file] == list(file.parent.iterdir())


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / "specs").write_text("")
    with pytest.raises(UsageError, match="cannot be written") as refused:
        write_new(tmp_path / "specs" / "a.yaml", "one")
    assert refused.value.detail


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("name=al*", True),
        ("name=AL*", False),
        ("status=running", True),
        ("status=STOPPED", False),
        ("flavor=modelarts.vm.cpu.2u", True),
        ("pool_id=pool41664192", False),
        ("workspace_id=0", True),
        ("tag.team", True),
        ("tag.team=vision", True),
        ("tag.team=", False),
        ("tag.none", False),
        ("tag.a=b", False),
    ],
)
def test_a_filter_fits(text: str, *, fits: bool) -> None:
    """Names by pattern, status in any case, tags with or without a value, the rest exactly."""
    assert fits == Filter.parse(text).fits(instance(notebook(tags={"team": "vision"})))


@pytest.mark.parametrize("text", ["", "name", "name=", "tag.", "tag.=x", "colour=red"])
def test_what_is_no_filter_is_refused(text: str) -> None:
    """With those that there are, or the value that is missing."""
    with pytest.raises(UsageError) as refused:
        Filter.parse(text)
    assert "=" in refused.value.hint


def test_a_filter_for_a_workspace_says_where_to_look() -> None:
    """The default one is looked through otherwise."""
    assert ["x"] == workspaces_of([Filter.parse("name=a"), Filter.parse("workspace_id=x")])
    assert ["0"] == workspaces_of([])
