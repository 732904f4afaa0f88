"""Problems in the formats of other programs: the parts that need no specs to be tried."""

from __future__ import annotations

from pathlib import Path, PurePath

from hypothesis import example, given
from hypothesis import strategies as st

from provisioner.cli.ci import repository
from provisioner.errors import Diagnostic, SourceRange
from provisioner.tfjson.diagnostics import diagnostic_document
from provisioner.views.clean import clean
from provisioner.views.findings.findings import Findings, in_repository, words
from provisioner.views.findings.fingerprint import fingerprinted
from provisioner.views.runner_log import annotation
from tests import github_runner

HERE = PurePath("/repository/infra")
TEXT = st.text(st.sampled_from("%:,=;]#\r\n 0D2A5Cé笔\u2028\x1b") | st.characters(codec="utf-8"))


@example("%0A", "a%2Cb,c:d=e", "%253A")
@given(TEXT, TEXT.filter(bool), TEXT)
def test_github_reads_what_was_written(summary: str, file: str, hint: str) -> None:
    """By its runner's own rules: names and texts arrive as they were, but for what a terminal would obey."""
    found = Diagnostic("E1", summary, hint=hint, range=SourceRange(file, 3, 5, 3, 9))
    line = annotation(found)
    assert 1 == len(line.splitlines())
    read = github_runner.command(line)
    assert read
    assert ("error", clean(words(found))) == (read.name, read.data)
    place = {"line": "3", "endLine": "3", "col": "5", "endColumn": "9"}
    assert {"file": clean(file), "title": "E1"} | place == read.properties


@given(st.lists(st.text(st.sampled_from("aé笔😀\r\t"))), st.booleans(), st.data())
def test_bytes_are_those_of_the_place(lines: list[str], marked: bool, data: st.DataObject) -> None:  # noqa: FBT001
    """Whatever stands before it: a byte order mark, CR LF, characters of several bytes."""
    text = "\n".join([*lines, "end"])
    source = (b"\xef\xbb\xbf" if marked else b"") + text.encode()
    number = data.draw(st.integers(1, len(lines) + 1))
    line = [*lines, "end"][number - 1]
    column = data.draw(st.integers(1, len(line) + 1))
    found = Diagnostic("E1", "x", range=SourceRange("f", number, column, number, len(line) + 1))
    place = diagnostic_document(found, {"f": source})["range"]
    assert line[column - 1 :] == source[place["start"]["byte"] : place["end"]["byte"]].decode()


def test_a_place_behind_the_end_is_the_end() -> None:
    """The file was cut since it was read."""
    found = Diagnostic("E1", "x", range=SourceRange("f", 7, 3, 7, 9))
    place = diagnostic_document(found, {"f": b"short"})["range"]
    assert (5, 5) == (place["start"]["byte"], place["end"]["byte"])


def test_names_of_files_in_a_repository() -> None:
    """Relative to its root; absolute outside; no control character, no half of a character."""
    root = PurePath("/repository")
    assert "infra/specs/a.yaml" == in_repository("specs/a.yaml", HERE, root)
    assert "specs/a.yaml" == in_repository("../specs/./a.yaml", HERE, root)
    assert "/elsewhere/a.yaml" == in_repository("/elsewhere/a.yaml", HERE, root)
    assert "infra/a\\x1b\\udcff.yaml" == in_repository("a\x1b\udcff.yaml", HERE, root)


def test_the_root_of_the_repository(tmp_path: Path) -> None:
    """As the pipeline names it, also by a link; what it names elsewhere is another repository."""
    (tmp_path / "real" / "infra").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    here = tmp_path / "real" / "infra"
    assert tmp_path / "real" == repository(here, {"GITHUB_WORKSPACE": str(tmp_path / "link")})
    assert tmp_path / "real" == repository(here, {"CI_PROJECT_DIR": str(tmp_path / "real")})
    assert here == repository(here, {"GITHUB_WORKSPACE": str(tmp_path / "other"), "CI_PROJECT_DIR": ""})


def test_fingerprints_tell_problems_apart() -> None:
    """By code, file, notebook, words and number, and not by line."""

    def marks(*found: Diagnostic) -> list[str]:
        return [mark for _, mark in fingerprinted(Findings(found, (), {}, "1", HERE, HERE))]

    def at(line: int, file: str = "a", code: str = "E1", address: str = "", summary: str = "x (line 7)") -> Diagnostic:
        return Diagnostic(code, summary, address=address, range=SourceRange(file, line, 1, line, 2))

    several = marks(at(1), at(2), at(1, file="b"), at(1, code="E2"), at(1, address="notebook.a"), at(1, summary="y"))
    assert 6 == len(set(several))
    assert marks(at(1), at(2)) == marks(at(8), at(9, summary="x (line 70)"))
