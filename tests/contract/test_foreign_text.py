"""Text that is not ours, in everything that a plan is written to: a secret is nowhere, and what a stranger wrote is
shown and obeyed by nobody. One plan, one set of outputs; each judge reads them as its tool does.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from provisioner.views.clean import UNSAFE
from tests.contract.lab import SMALL
from tests.contract.project import Project
from tests.contract.sandbox import running_sandbox

SECRET = "Zebra-7-Crossing"
CONTROLS = "\x1b]0;owned\x07\x1b[2J\x9b2K\u202egpj\u200b\r::add-mask::x"
MARKUP = "[x](https://evil.example/) ![y](//evil.example/z) <img src=x onerror=alert(1)> @everyone #1 `</details>` |"
PAYLOAD = f"{MARKUP}\n::error::gone\n##[error]x {CONTROLS} of {SECRET} \x1b[0Ksection_end:1:provisioner_plan\r"
PIPELINE = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_SHA": MARKUP,
    "GITHUB_ACTOR": PAYLOAD,
    "GITHUB_HEAD_REF": PAYLOAD,
    "GITHUB_SERVER_URL": "javascript:alert(1)",
    "GITHUB_REPOSITORY": "a)b",
    "GITHUB_RUN_ID": "1",
}
SAVED = "a 'plan' $(x).bin"
SPECS = "note books;$(x).json"
REPORTS = ("markdown=r.md", "html=r.html", "json=r.json", "gitlab=r.gitlab.json")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Everything that is said and written of one plan, by what it is."""
    root = tmp_path_factory.mktemp("foreign")
    with running_sandbox() as sandbox:
        project = Project(root, sandbox.environ | {"TOKEN": SECRET})
        _declare(root, "modelarts.vm.cpu.2u")
        made = project.run("apply", "--auto-approve")
        assert made.returncode == 0, made.stderr
        for each in sandbox.notebooks():
            sandbox.drift(each["id"], description=PAYLOAD, tags=[{"key": f"{MARKUP}{CONTROLS}", "value": PAYLOAD}])
        _declare(root, "modelarts.vm.cpu.8u")
        found = {"apply": made.stdout + made.stderr}
        summary, results = root / "summary.md", root / "results"
        report = [word for each in REPORTS for word in ("--report", each)]
        runs = {
            "plan": ("plan", "--out", SAVED, *report),
            "events": ("plan", "--json"),
            "drift": ("drift",),
            "drift.json": ("drift", "--json"),
            "show": ("show", SAVED),
            "show.md": ("show", "--markdown", SAVED),
            "show.html": ("show", "--html", SAVED),
            "show.json": ("show", "--json", SAVED),
            "state.json": ("show", "--json"),
        }
        pipeline = PIPELINE | {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(results)}
        for name, arguments in runs.items():
            done = project.run(*arguments, **pipeline)
            assert done.returncode in {0, 2}, (name, done.stderr)
            found[name], found[f"{name} stderr"] = done.stdout, done.stderr
        gitlab = project.run("plan", CI="true", GITLAB_CI="true", CI_COMMIT_AUTHOR=PAYLOAD)
        found["gitlab"] = gitlab.stdout
        files = [SAVED, "summary.md", "results", "state/lab.json", *(each.partition("=")[2] for each in REPORTS)]
        yield found | {name: (root / name).read_bytes().decode() for name in files}


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _declare(root: Path, flavor: str) -> None:
    """A secret where the service echoes it; a key that a shell would take apart; a file name that it would, too."""
    (root / "specs/lab").mkdir(parents=True, exist_ok=True)
    notebooks = {
        "alice": {**SMALL, "flavor": flavor, "description": "of ${var.token}"},
        "bob": {**SMALL, "flavor": flavor, "tags": {"owner": "${var.token}"}},
        "gpu": {**SMALL, "flavor": flavor, "for_each": {"ann": {}}, "name": "ann_${var.token}"},
    }
    token = {"type": "string", "sensitive": True, "env": "TOKEN"}
    document = {"version": 1, "variables": {"token": token}, "notebooks": notebooks}
    (root / "specs/lab" / SPECS).write_text(json.dumps(document, indent=1))


def test_a_secret_is_nowhere(outputs: dict[str, str]) -> None:
    """Whether it comes from a spec, or somebody wrote it into another field by hand."""
    assert [] == [name for name, text in outputs.items() if SECRET in text]
    assert all("(sensitive" in outputs[name] for name in ("plan", "r.md", "r.html", "r.json"))  # it was there to hide


def test_a_terminal_obeys_nothing(outputs: dict[str, str]) -> None:
    """No control, no invisible sign, in whatever may be printed; GitLab's own sections aside."""
    ours = re.compile(r"\x1b\[0Ksection_(start|end):\d+:provisioner_plan(\[collapsed=true\])?\s\x1b\[0K")
    printed = {name: ours.sub("", text) for name, text in outputs.items() if name not in {SAVED, "state/lab.json"}}
    assert {} == {name: UNSAFE.findall(text) for name, text in printed.items() if UNSAFE.search(text)}


def test_a_runner_obeys_annotations_alone(outputs: dict[str, str]) -> None:
    """A line of a log begins with `::` where we annotate; `##[` stands nowhere."""
    logs = {name: text for name, text in outputs.items() if not name.endswith((".json", ".bin", ".md", ".html"))}
    for name, text in logs.items():
        commands = [line for line in re.split(r"\r\n|\r|\n", text) if line.lstrip().startswith("::")]
        assert [] == [line for line in commands if not re.match(r"::(warning|error) [^:]*::", line)], name
        assert not re.search(r"##\w*\[", text), name


@pytest.mark.parametrize("name", ["r.md", "show.md", "summary.md"])
def test_markdown_has_nothing_foreign(outputs: dict[str, str], name: str) -> None:
    """No link, image, heading, mention or HTML that is not ours."""
    tokens = [
        token
        for block in MarkdownIt("commonmark", {"html": True}).enable("table").parse(outputs[name])
        for token in (block, *(block.children or ()))
    ]
    assert not {"link_open", "image"} & {token.type for token in tokens}
    html = " ".join(token.content for token in tokens if token.type in {"html_block", "html_inline"})
    assert {"details", "summary"} == set(re.findall(r"</?(\w+)", html))
    assert not re.search(r"@\w|#\d|://", " ".join(token.content for token in tokens if token.type == "text"))


@pytest.mark.parametrize("name", ["r.html", "show.html"])
def test_a_page_has_nothing_foreign(outputs: dict[str, str], name: str) -> None:
    """No element that loads, no handler, no link out."""
    elements = Elements()
    elements.feed(outputs[name])
    found = elements.found
    assert not {"img", "iframe", "svg", "link", "object"} & {tag for tag, _ in found}
    assert not [key for _, attributes in found for key in attributes if key.startswith("on") or key in {"src", "style"}]
    assert all((attributes["href"] or "").startswith("#") for tag, attributes in found if tag == "a")
    assert 3 == sum(tag == "script" for tag, _ in found) + sum(tag == "style" for tag, _ in found)


def test_json_is_json(outputs: dict[str, str]) -> None:
    """Whole, and each line of the stream by itself."""
    for name in ("r.json", "show.json", "state.json", "drift.json", SAVED):
        json.loads(outputs[name])
    assert all(json.loads(line)["type"] for line in outputs["events"].splitlines())


def test_commands_are_meant(outputs: dict[str, str]) -> None:
    """What is suggested for a file with an odd name is one argument of a shell."""
    (written,) = re.findall(r"`(provisioner apply .*? --approved-digest sha256:[0-9a-f]{64})`", outputs["r.md"])
    assert shlex.split(written)[:3] == ["provisioner", "apply", SAVED]
