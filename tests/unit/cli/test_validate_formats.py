"""`provisioner validate --format`: what other programs make of it, by their own rules."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema
import yaml
from _pytest.capture import CaptureResult

from provisioner import __version__
from provisioner.cli.main import main
from provisioner.views.findings.formats import FORMATS
from provisioner.views.findings.github import MOST
from provisioner.views.findings.meanings import MEANINGS
from tests import github_runner

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "tests" / "unit" / "views" / "schemas"
EXTENSIONS = {"concise": "txt", "json": "json", "github": "txt", "gitlab": "json", "sarif": "json", "junit": "xml"}

VALID = """\
notebooks:
  good:
    flavor: modelarts.vm.cpu.2u
    image_id: e1a07296-22a8-4f05-8bc8-e936c8e54090
    volume: {category: EVS, ownership: MANAGED, capacity: 50}
"""
OPEN = f"{VALID}    endpoints: [{{service: SSH, key_pair_names: [k]}}]\n"
WINDOWS = "\ufeff# 笔记本\r\nnotebooks:\r\n  w: {flavor: modelarts.vm.cpu.2u, 描述: 笔, 错误: x}\r\n"
HOSTILE = f'{OPEN}    "::error file=x,line=1::50%\\n]]>\\n::warning::fake ##[error]": <&>\n' + "".join(
    f"    flavor{number}: x\n" for number in range(11)
)
VARIABLES = """\
variables:
  owner: {type: string}
  size: {type: number, default: 5}
  token: {type: string, sensitive: true}
"""
PATCHES = """\
good:
  - {op: replace, path: /nothing/there, value: 1}
  - {op: tast, path: /flavor, value: 1}
absent:
  - {op: add, path: /name, value: x}
"""
SETTINGS = """\
version: 1
environments:
  dev: {patches: [patches/dev.patch.yaml, patches/none.patch.yaml]}
"""


@dataclass(frozen=True)
class Scenario:
    """Files below a directory, and what stands behind `validate`."""

    files: Mapping[str, str | bytes]
    arguments: tuple[str, ...] = ()
    code: int = 1


SCENARIOS = {
    "hostile": Scenario({"specs/my lab/%,;.yaml": HOSTILE}),
    "unreadable": Scenario(
        {
            "specs/lab/control.yaml": b"a: \x1b[1m\n",
            "specs/lab/good.yaml": VALID,
            "specs/lab/tab.yaml": "a:\n\t- x\n",
            "specs/lab/latin.yaml": b"a: \xe9\n",
        }
    ),
    "windows": Scenario({"specs/lab/windows.yaml": WINDOWS.encode()}),
    "several stacks": Scenario(
        {
            "specs/a/good.yaml": VALID,
            "specs/a/below/left_out.yaml": VALID,
            "specs/b/bad.yaml": VALID.replace("flavor", "flavour"),
            "specs/c/clash.yaml": f"stack: a\n{VALID}",
        }
    ),
    "settings": Scenario(
        {"provisioner.yaml": "clod: {}\nenvironments: {dev: {variables: 3}}\n", "specs/a.yaml": VALID}
    ),
    "environment": Scenario({"provisioner.yaml": SETTINGS, "specs/a.yaml": VALID}, ("--env", "prod")),
    "patches": Scenario(
        {"provisioner.yaml": SETTINGS, "specs/a.yaml": VALID, "patches/dev.patch.yaml": PATCHES}, ("--env=dev",)
    ),
    "variables": Scenario(
        {"specs/lab/a.yaml": VALID, "specs/lab/v.yaml": VARIABLES, "own.yaml": "size: many\nnobody: x\ntoken: xyz\n"},
        ("--var-file=own.yaml", "--var=x=1"),
    ),
    "no file of variables": Scenario({"specs/a.yaml": VALID}, ("--var-file=none.yaml",)),
    "no path": Scenario({}, ("nowhere",)),
    "warnings": Scenario({"specs/a/a.yaml": OPEN, "specs/a/below/b.yaml": VALID, "specs/b/b.yaml": OPEN}, code=0),
    "well": Scenario({"specs/a.yaml": VALID}, code=0),
}


@dataclass
class Project:
    """A directory to work in, in a checkout of a pipeline, with the command in this process."""

    root: Path
    read: Callable[[], CaptureResult[bytes]]

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def validate(self, form: str, *arguments: str, code: int = 1) -> str:
        """What stands on stdout; nothing stands on stderr."""
        assert code == main(["validate", f"--format={form}", *arguments])
        read = self.read()
        assert b"" == read.err
        return read.out.decode()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Project:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")  # where text is annotated: formats must not be
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, capfdbinary.readouterr)


class Judges:
    """Each reads a format by the rules of those who take it, and says how many problems it found."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def concise(self, text: str) -> int:
        """Each line, by the problem matcher of the examples; what has no place is left to people."""
        matcher = json.loads((ROOT / "examples" / "github" / "provisioner-matcher.json").read_text(encoding="utf-8"))
        (pattern,) = matcher["problemMatcher"][0]["pattern"]
        for line in text.splitlines():
            found = re.fullmatch(pattern["regexp"], line)
            if not found:
                assert re.match(r"(error|warning)(\[[EW]\d{3}\])? ", line)
                continue
            assert self.is_line(found[pattern["file"]], int(found[pattern["line"]]))
            assert found[pattern["code"]][0].lower() == found[pattern["severity"]][0]
        return len(text.splitlines())

    def json(self, text: str) -> int:
        """Terraform's keys; offsets that lead to what is highlighted; dflook's annotations are right."""
        document = json.loads(text)
        kinds = Counter(found["severity"] for found in document["diagnostics"])
        assert {"format_version", "valid", "error_count", "warning_count", "diagnostics"} == set(document)
        assert (kinds["error"], kinds["warning"]) == (document["error_count"], document["warning_count"])
        assert document["valid"] is not bool(kinds["error"])
        for found, line in zip(document["diagnostics"], dflook(document, "infra"), strict=True):
            assert {"severity", "summary", "detail"} <= set(found)
            command = github_runner.command(line)
            assert command
            assert (found["severity"], found["summary"]) == (command.name, command.data.replace("%25", "%"))
            if place := found.get("range"):
                self.points(found)
                # dflook escapes nothing: a comma ends the name of the file
                assert f"infra/{place['filename']}".partition(",")[0] == command.properties["file"]
        return len(document["diagnostics"])

    def points(self, found: dict[str, Any]) -> None:
        place, snippet = found["range"], found.get("snippet")
        source = (self.root / place["filename"]).read_bytes()
        start, end = place["start"]["byte"], place["end"]["byte"]
        assert source[:start].count(b"\n") + 1 == place["start"]["line"]
        if snippet and place["start"]["line"] == place["end"]["line"]:
            shown = snippet["code"].encode()[snippet["highlight_start_offset"] : snippet["highlight_end_offset"]]
            assert source[start:end].rstrip(b"\r\n") == shown or "UTF-8" in found["summary"]

    def github(self, text: str) -> int:
        """The runner takes each line for a command, and each file is there."""
        commands = [github_runner.command(line) for line in text.splitlines()]
        kinds = Counter(command.name if command else "" for command in commands)
        assert {"error", "warning", "notice"} >= set(kinds)
        assert MOST >= max(kinds.values(), default=0)
        left = 0
        for command in filter(None, commands):
            if command.name == "notice":
                left = int(command.data.split()[0])
            elif "file" in command.properties:
                assert self.is_line(command.properties["file"], int(command.properties["line"]))
                assert ("col" in command.properties) == (command.properties["line"] == command.properties["endLine"])
        return kinds["error"] + kinds["warning"] + left

    def gitlab(self, text: str) -> int:
        """What its parser requires, and that no two fingerprints are alike: one would be lost."""
        issues = json.loads(text)
        for issue in issues:
            assert {"description", "check_name", "fingerprint", "severity", "location"} == set(issue)
            assert all(isinstance(issue[key], str) and issue[key] for key in set(issue) - {"location"})
            assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
            path = issue["location"]["path"]
            assert "." == path or self.is_line(path, issue["location"]["lines"]["begin"])
        assert len(issues) == len({issue["fingerprint"] for issue in issues})
        return len(issues)

    def sarif(self, text: str) -> int:
        """OASIS' schema; each rule is listed and each file there."""
        document = json.loads(text)
        schema = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
        jsonschema.Draft4Validator(schema).validate(document)
        (run,) = document["runs"]
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        for result in run["results"]:
            assert result["ruleId"] == rules[result["ruleIndex"]]
            assert result["partialFingerprints"]["primaryLocationLineHash"]
            place = result["locations"][0]["physicalLocation"]
            assert "%SRCROOT%" == place["artifactLocation"]["uriBaseId"]
            uri = place["artifactLocation"]["uri"]
            assert re.fullmatch(r"[\w./~%-]+", uri, re.ASCII)
            assert self.is_line(unquote(uri), place["region"]["startLine"])
        (invocation,) = run["invocations"]
        notifications = invocation["toolConfigurationNotifications"]
        assert invocation["executionSuccessful"] is all(each["level"] != "error" for each in notifications)
        return len(run["results"]) + len(notifications)

    def junit(self, text: str) -> int:
        """Jenkins' schema; the counts are those of the elements."""
        xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd").validate(text)
        root = ET.fromstring(text)  # noqa: S314 - our own
        for element in (root, *root.iter("testsuite")):
            assert int(element.get("tests", "")) == len(list(element.iter("testcase")))
            assert int(element.get("failures", "")) == len(list(element.iter("failure")))
        for case in root.iter("testcase"):
            assert self.is_line(case.get("file", "."), 1)
            assert (case.get("classname"), case.get("name")) != ("", "")
        told = [element.text or "" for kind in ("failure", "system-out") for element in root.iter(kind)]
        return sum(not line.startswith("  ") for text in told for line in text.splitlines())

    def is_line(self, file: str, line: int) -> bool:
        path = self.root / file
        return path.is_dir() or path.read_bytes().count(b"\n") + 1 >= line >= 1


def dflook(report: dict[str, Any], base: str) -> Iterator[str]:
    """How dflook's terraform-validate action makes annotations of a report."""
    for found in report["diagnostics"]:
        place = found.get("range", {})
        told = {"file": os.path.normpath(os.path.join(base, place["filename"]))} if place else {}  # noqa: PTH118
        told |= {"line": place["start"]["line"], "col": place["start"]["column"]} if place else {}
        properties = ",".join(f"{name}={value}" for name, value in told.items())
        yield f"::{found['severity']} {properties}::{found['summary'].splitlines()[0]}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_format_is_read_by_its_own_rules(name: str, project: Project, agrees: Callable[[str, str], None]) -> None:
    """A whole document on stdout, nothing on stderr, no control character, and the same number of problems in each."""
    scenario, counts = SCENARIOS[name], {}
    project.write(scenario.files)
    for form in FORMATS:
        text = project.validate(form, *scenario.arguments, code=scenario.code)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
        counts[form] = getattr(Judges(project.root), form)(text)
        shown = text.replace(f'"{__version__}"', '"VERSION"')
        agrees(f"findings/{name.replace(' ', '_')}/{form}.{EXTENSIONS[form]}", shown)
    assert 1 == len(set(counts.values())), counts
    assert bool(scenario.code) <= bool(counts["json"])


def run(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "provisioner", *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]} | variables
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, check=False)


@pytest.mark.parametrize("form", FORMATS)
def test_data_is_utf_8_in_every_locale(form: str, tmp_path: Path) -> None:
    """Also with names of files that are no UTF-8 or no XML, of problems and of notebooks that are well."""
    specs = tmp_path / "specs"
    specs.mkdir()
    for name, text in {b"bad\x1b\xff\xef\xbf\xbe.yaml": WINDOWS, b"good\x1b\xff.yaml": VALID}.items():
        (specs / os.fsdecode(name)).write_text(text, encoding="utf-8")
    done = run(tmp_path, "validate", f"--format={form}", PYTHONIOENCODING="latin-1")
    assert (1, b"") == (done.returncode, done.stderr)
    text = done.stdout.decode()
    assert "描述" in (text if form in {"concise", "github", "junit"} else str(json.loads(text)))
    if form == "junit":
        xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd").validate(text)


def test_text_is_annotated_once_in_github_actions(tmp_path: Path) -> None:
    """Warnings of good specs too; a format for programs has its own."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.yaml").write_text(OPEN, encoding="utf-8")
    told = {form: run(tmp_path, "validate", f"--format={form}", GITHUB_ACTIONS="true") for form in ("text", "github")}
    assert 1 == told["text"].stderr.count(b"::warning file=specs/a.yaml,line=6,")
    assert b"::" not in told["text"].stdout
    assert 1 == told["github"].stdout.count(b"::warning file=specs/a.yaml,line=6,")
    assert b"" == told["github"].stderr
    assert b"::" not in run(tmp_path, "validate").stderr


def test_files_are_named_as_the_repository_has_them(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever in it we work; Terraform's JSON keeps to the working directory."""
    project.write({"infra/specs/a.yaml": OPEN})
    monkeypatch.chdir(project.root / "infra")
    for form in ("github", "gitlab", "sarif", "junit"):
        assert "infra/specs/a.yaml" in project.validate(form, code=0)
    for form in ("concise", "json"):
        assert "infra" not in project.validate(form, code=0)


def test_fingerprints_stay_when_lines_move(project: Project) -> None:
    """GitLab would open every problem again."""
    marks = []
    for above in ("", "# one more line\n"):
        project.write({"specs/a.yaml": f"{above}{HOSTILE}"})
        marks.append([issue["fingerprint"] for issue in json.loads(project.validate("gitlab"))])
    assert marks[0] == marks[1]


def test_junit_has_a_case_for_each_notebook(project: Project) -> None:
    """Also for those that are well."""
    bad = HOSTILE.replace("good:", "bad:")
    project.write({"specs/lab/good.yaml": VALID, "specs/lab/bad.yaml": bad, "specs/lab/tab.yaml": "\tx\n"})
    suites = ET.fromstring(project.validate("junit"))  # noqa: S314 - our own
    cases = {str(case.get("name")): case.find("failure") is not None for case in suites.iter("testcase")}
    assert {"notebook.good": False, "notebook.bad": True, "specs/lab/tab.yaml": True} == cases


def test_hundreds_of_problems_are_all_told(project: Project) -> None:
    """Each once, and what GitHub would drop is counted."""
    project.write({"specs/a.yaml": "notebooks:\n" + "".join(f"  n{each}: {{flavour: x}}\n" for each in range(150))})
    judges = Judges(project.root)
    assert {600} == {getattr(judges, form)(project.validate(form)) for form in FORMATS}


def test_events_have_bytes_too(tmp_path: Path) -> None:
    """`plan --json` shows a problem of the specs as `validate --json` does."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.yaml").write_bytes(WINDOWS.encode())
    lines = run(tmp_path, "plan", "--json", "--sandbox").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    told = [event["diagnostic"] for event in events if event["type"] == "diagnostic"]
    assert json.loads(run(tmp_path, "validate", "--json").stdout)["diagnostics"] == told


def test_the_hook_runs_as_it_is_written(tmp_path: Path) -> None:
    """Its entry, with no credentials in the environment; its pattern takes specs, settings and patches."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.yaml").write_text(HOSTILE, encoding="utf-8")
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, *arguments = shlex.split(hook["entry"])
    assert "provisioner" == program
    done = run(tmp_path, *arguments)
    assert 1 == done.returncode
    assert b"error[E210]" in done.stderr
    names = (
        "specs/a/b.yaml",
        "provisioner.yaml",
        "x/specs/n.json",
        "specs/lab/dev.patch.yaml",
        "patches/dev.patch.yaml",
    )
    assert [] == [name for name in names if not re.search(hook["files"], name)]
    assert [] == [name for name in ("a.py", "specs/a.md", "my-provisioner.yaml") if re.search(hook["files"], name)]


def test_the_hook_keeps_to_the_rules_of_pre_commit() -> None:
    """The keys that its manifest may have; a wrong one is refused by `pre-commit validate-manifest`."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    texts = {"id", "name", "description", "entry", "language", "files", "minimum_pre_commit_version"}
    switches = {"pass_filenames", "require_serial"}
    assert texts | switches == set(hook)
    assert all(isinstance(hook[key], str) and hook[key] for key in texts)
    assert all(isinstance(hook[key], bool) for key in switches)
    assert "python" == hook["language"]


def test_rules_mean_what_the_docs_say() -> None:
    """The list of rules is the table of docs/spec.md."""
    table = re.findall(r"(?m)^\| ([EW]\d{3}) \| (.+?) \|", (ROOT / "docs" / "spec.md").read_text(encoding="utf-8"))
    assert dict(table) == MEANINGS


def test_json_is_terraforms_switch(project: Project) -> None:
    """`-json` is `--format=json`."""
    project.write({"specs/a.yaml": OPEN})
    assert project.validate("json", code=0) == project.validate("text", "-json", code=0)
