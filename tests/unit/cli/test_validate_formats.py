"""`provisioner validate --format`: what other programs make of it, by their own rules."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema
import yaml

from provisioner import __version__
from provisioner.views.findings.formats import FORMATS
from provisioner.views.findings.meanings import MEANINGS

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "tests" / "unit" / "views" / "schemas"
VALID = """\
notebooks:
  good:
    flavor: modelarts.vm.cpu.2u
    image_id: e1a07296-22a8-4f05-8bc8-e936c8e54090
    volume: {category: EVS, ownership: MANAGED, capacity: 50}
    endpoints: [{service: SSH, key_pair_names: [k]}]
"""
WINDOWS = "\ufeff# 笔记本\r\nnotebooks:\r\n  w:\r\n    描述: x\r\n    flavor: modelarts.vm.cpu.2u\r\n"
HOSTILE = 'notebooks:\n  h:\n    "::error file=x,line=1::50%\\n]]>\\n::warning::fake": <&>\n' + "".join(
    f"    wrong{number}: x\n" for number in range(11)
)
EXTENSIONS = {"concise": "txt", "json": "json", "github": "txt", "gitlab": "json", "sarif": "json", "junit": "xml"}


def validate(directory: Path, form: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "provisioner", "validate", f"--format={form}", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Files with every kind of trouble, and a notebook that is well."""
    specs = tmp_path / "specs" / "my lab"
    specs.mkdir(parents=True)
    (specs / "good.yaml").write_text(VALID, encoding="utf-8")
    (specs / "hostile.yaml").write_text(HOSTILE, encoding="utf-8")
    (specs / "tab.yaml").write_text("a:\n\t- x\n", encoding="utf-8")
    (specs / "windows.yaml").write_bytes(WINDOWS.encode())
    return tmp_path


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_the_same_each_time(form: str, project: Path, agrees: Callable[[str, str], None]) -> None:
    """A whole document on stdout, nothing on stderr, exit code 1, no control character."""
    done = validate(project, form)
    assert (1, "") == (done.returncode, done.stderr)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout)
    agrees(f"findings/{form}.{EXTENSIONS[form]}", done.stdout.replace(f'"{__version__}"', '"VERSION"'))


@pytest.mark.parametrize("form", FORMATS)
def test_a_path_that_is_not_there_is_told_in_the_format(form: str, tmp_path: Path) -> None:
    """Nobody has to read stderr too."""
    done = validate(tmp_path, form)
    assert (1, "") == (done.returncode, done.stderr)
    assert "E401" in done.stdout
    judge(form, done.stdout)


@pytest.mark.parametrize("form", FORMATS)
def test_good_specs_pass(form: str, project: Path) -> None:
    """Exit code 0 with warnings."""
    done = validate(project, form, "specs/my lab/good.yaml")
    assert (0, "") == (done.returncode, done.stderr)
    assert "W309" in done.stdout
    judge(form, done.stdout)


def judge(form: str, text: str) -> None:
    """The schema of the format holds, where it has one."""
    if form == "sarif":
        schema = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
        jsonschema.Draft4Validator(schema).validate(json.loads(text))
    elif form == "junit":
        xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd").validate(text)


def test_sarif_and_junit_keep_to_their_schemas(project: Path) -> None:
    """Also with hostile text and a space in a path."""
    for form in ("sarif", "junit"):
        judge(form, validate(project, form).stdout)
    run = json.loads(validate(project, "sarif").stdout)["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert result["ruleId"] == rules[result["ruleIndex"]]["id"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("specs/my%20lab/")


def test_byte_offsets_point_into_the_file(project: Path) -> None:
    """After a byte order mark, CRLF and Chinese too: the bytes are those of the key."""
    document: dict[str, Any] = json.loads(validate(project, "json").stdout)
    assert "1.0" == document["format_version"]
    assert not document["valid"]
    (found,) = [each for each in document["diagnostics"] if "描述" in each["summary"]]
    start, end = (found["range"][side]["byte"] for side in ("start", "end"))
    assert "描述" == WINDOWS.encode()[start:end].decode()
    snippet = found["snippet"]
    offsets = slice(snippet["highlight_start_offset"], snippet["highlight_end_offset"])
    assert "描述" == snippet["code"].encode()[offsets].decode()


def test_github_reads_what_was_meant(project: Path) -> None:
    """By the runner's own rules: a command begins a line, and no text of a spec makes another one."""
    lines = validate(project / "specs", "github", "my lab", GITHUB_WORKSPACE=str(project)).stdout.splitlines()
    commands = [re.fullmatch(r"::(\w+) ?(.*?)::(.*)", line) for line in lines]
    assert all(commands)
    kinds = [found[1] for found in commands if found]
    assert ["error"] * 10 + ["warning", "notice"] == kinds
    for found in filter(None, commands[:-1]):
        properties = dict(part.split("=", 1) for part in found[2].split(","))
        assert properties["file"].startswith("specs/my lab/")
        assert ("col" in properties) == (properties["line"] == properties["endLine"])
    assert any("50%25" in line for line in validate(project, "github", "specs/my lab/hostile.yaml").stdout.splitlines())


def test_code_quality_is_as_gitlab_wants_it(project: Path) -> None:
    """Every key there, fingerprints all different, and the same after a line is put in above."""
    issues = json.loads(validate(project, "gitlab").stdout)
    assert {"critical", "minor"} == {issue["severity"] for issue in issues}
    marks = [issue["fingerprint"] for issue in issues]
    assert len(set(marks)) == len(marks)
    path = project / "specs" / "my lab" / "hostile.yaml"
    path.write_text(f"# one more line\n{HOSTILE}", encoding="utf-8")
    assert marks == [issue["fingerprint"] for issue in json.loads(validate(project, "gitlab").stdout)]


def test_junit_has_a_case_for_each_notebook(project: Path) -> None:
    """Also for those that are well."""
    suites = ET.fromstring(validate(project, "junit").stdout)  # noqa: S314 - our own
    cases = {str(case.get("name")): case.find("failure") is not None for case in suites.iter("testcase")}
    notebooks = {name: failed for name, failed in cases.items() if name.startswith("notebook.")}
    assert {"notebook.good": False, "notebook.h": True, "notebook.w": True} == notebooks
    assert cases["specs/my lab/tab.yaml"]


def test_the_problem_matcher_reads_concise_lines(project: Path) -> None:
    """The example for GitHub finds file, line and code in each line."""
    text = (ROOT / "examples" / "github" / "provisioner-matcher.json").read_text(encoding="utf-8")
    pattern = json.loads(text)["problemMatcher"][0]["pattern"][0]["regexp"]
    lines = validate(project, "concise").stdout.splitlines()
    assert lines
    assert [] == [line for line in lines if not re.fullmatch(pattern, line)]


def test_the_hook_runs_as_it_is_written(project: Path) -> None:
    """Its entry, with no credentials in the environment; its pattern takes specs and settings."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, *arguments = shlex.split(hook["entry"])
    assert "provisioner" == program
    command = [sys.executable, "-m", program, *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert 1 == done.returncode
    assert "error[E210]" in done.stderr
    taken = [
        name
        for name in ("specs/a/b.yaml", "provisioner.yaml", "x/specs/n.json", "a.py")
        if re.search(hook["files"], name)
    ]
    assert ["specs/a/b.yaml", "provisioner.yaml", "x/specs/n.json"] == taken


def test_rules_mean_what_the_docs_say() -> None:
    """The list of rules is the table of docs/spec.md."""
    table = re.findall(r"(?m)^\| ([EW]\d{3}) \| (.+?) \|", (ROOT / "docs" / "spec.md").read_text(encoding="utf-8"))
    assert dict(table) == MEANINGS


def test_json_is_terraforms_switch(project: Path) -> None:
    """`-json` is `--format=json`."""
    assert validate(project, "json").stdout == validate(project, "text", "-json").stdout
