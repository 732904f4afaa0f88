"""The HTML report as text: what stands in it, what cannot get into it, how large it is."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from provisioner.errors import Diagnostic, SourceRange
from provisioner.plan import Loss, Plan
from provisioner.views.html import MOST_IN_FULL, MOST_JSON, html
from provisioner.views.reported import Origin
from tests.builders import planned
from tests.plans import SCENARIOS
from tests.reports import DIGEST, JOB, reported

Agrees = Callable[[str, str], None]

SHELL_BUDGET = 60_000
EMPTY_ELEMENTS = {"meta", "input", "br"}
STYLE_OR_SCRIPT = re.compile(r"(<style>|<script>).*?(</style>|</script>)", re.DOTALL)
HASH = re.compile(r"sha256-[A-Za-z0-9+/=]{44}")


class Reader(HTMLParser):
    """The text of a page, its elements and attributes; refuses elements that are not closed in their order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.contents: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in EMPTY_ELEMENTS:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self._open.pop()

    def handle_data(self, data: str) -> None:
        last = self._open[-1] if self._open else ""
        if last in {"style", "script"}:
            kind = self.elements[-1][1].get("type", "")
            self.contents[f"{last} {kind}".strip()] = data
        else:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def read(plan: Plan, **fields: object) -> Reader:
    return Reader(html(reported(plan, **fields)))


# -------------------------------------------------------------------------------------------------- what it shows


@pytest.mark.parametrize("name", SCENARIOS)
def test_page(name: str, agrees: Agrees) -> None:
    """A page looks like this, but for its style and script."""
    page = STYLE_OR_SCRIPT.sub(r"\1…\2", html(reported(SCENARIOS[name]())))
    agrees(f"html/{name}.html", HASH.sub("sha256-…", page))


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_step_is_shown(name: str) -> None:
    """Whatever the action: its word, address, place, calls, and what it loses."""
    plan = SCENARIOS[name]()
    words = read(plan).words
    for step in plan.steps:
        assert str(step.address) in words
    for step in plan.pending:
        assert all(step.told(operation) in words for operation in step.operations)
        assert not step.source or f"{step.source.file}:{step.source.line}" in words
        assert step.loss is Loss.NONE or "Loses" in words


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_page_is_well_formed(name: str) -> None:
    """Elements close in order, ids are unique, every link and label leads to an id of the page."""
    found = read(SCENARIOS[name]()).elements
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    links = [attributes["href"] for tag, attributes in found if tag == "a"]
    targets = {link[1:] for link in links if link.startswith("#")}
    targets |= {
        attributes[name] for _, attributes in found for name in ("for", "aria-labelledby") if name in attributes
    }
    assert len(set(ids)) == len(ids)
    assert targets <= set(ids)


def test_where_it_comes_from_stands_at_the_top() -> None:
    """Stack, environment, region, who, which commit, the serials, the digest; of the project only its ends."""
    words = read(SCENARIOS["everything"]()).words
    for text in (
        "lab.prod",
        "cn-north-4",
        "0123…cdef",
        "li.wei",
        "3f2c1ab",
        "main",
        "serial 7 → 8",
        DIGEST,
        "lab.plan",
    ):
        assert text in words
    assert "2025-10-09 08:53 UTC" in words
    assert "0123456789abcdef0123456789abcdef" not in words


def test_nothing_to_do_leaves_the_serial() -> None:
    """A plan that records nothing says so."""
    words = read(SCENARIOS["no_changes"]()).words
    assert "serial 7 " in words
    assert "serial 7 →" not in words
    assert "No changes. Your infrastructure matches the configuration." in words


def test_attributes_have_two_sides() -> None:
    """What is live and what is planned stand beside each other, and the reason why it costs the instance."""
    assert "volume.capacity forces replacement: a volume cannot shrink 50 20" in (
        read(SCENARIOS["replace_shrunk_volume"]()).words
    )


def test_a_diff_is_spelt_as_the_spec() -> None:
    """Whoever reads the pull request sees the lines that they know."""
    page = html(reported(SCENARIOS["update_restart"]()))
    assert '<span class="gone">-    flavor: modelarts.vm.cpu.2u\n</span>' in page
    assert '<span class="added">+    flavor: modelarts.vm.cpu.8u\n</span>' in page


def test_findings_are_told_in_full() -> None:
    """A warning comes with its code, its place, the line and the mend."""
    place = SourceRange("specs/lab/a.yaml", 4, 5, 4, 9)
    found = Diagnostic("W900", "odd", "because", "mend it", "warning", place, "    tags: {}")
    words = read(replace(SCENARIOS["create"](), warnings=(found,))).words
    assert "warning W900 odd specs/lab/a.yaml:4:5 tags: {} because hint: mend it" in words


def test_a_refused_plan_says_so_first() -> None:
    """What forbids the whole plan stands before all that it would do."""
    words = read(replace(SCENARIOS["destroy"](), refusals=(Diagnostic("E900", "too much goes"),))).words
    assert words.index("REFUSED") < words.index("DATA LOSS") < words.index("Search")
    assert "error E900 too much goes" in words


# ------------------------------------------------------------------------------------------ what cannot get into it

EVIL = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'/><svg onload=alert(1)>",
    "{{7*7}}{% raw %}",
    "<!--",
    "\u202egpj.exe\u2028",
]


@pytest.mark.parametrize("text", EVIL)
def test_foreign_text_makes_no_element(text: str) -> None:
    """Names, tags, files, branches and documents with markup add no element and no attribute, and run nothing."""
    plan = planned(
        {"alice": {"tags": {"a": "b"}}},
        {"alice": {"description": "mine"}},
        {"alice": {"name": text, "description": text, "tags": [{"key": text, "value": text}]}},
    )
    origin = Origin(text, text, text, text)
    fields = {"environment": text, "region": text, "saved_as": text, "document": {text: text}}
    tame, wild = (
        [(tag, sorted(attributes)) for tag, attributes in read(plan, origin=who, **given).elements]
        for who, given in ((Origin("x", "x", "x"), dict.fromkeys(fields, "x") | {"document": {}}), (origin, fields))
    )
    assert tame == wild


@pytest.mark.parametrize("text", EVIL)
def test_the_document_is_whole(text: str) -> None:
    """What was put in as JSON is read out as JSON, and nothing in it is invisible or ends its element."""
    page = read(SCENARIOS["create"](), document={"name": text})
    embedded = page.contents["script application/json"]
    assert {"name": text} == json.loads(embedded)
    assert not re.search("[<>&\u202e\u2028]", embedded)


@pytest.mark.parametrize("name", ["update_sensitive", "create_sensitive"])
def test_no_secret_stands_in_it(name: str) -> None:
    """Values of sensitive variables are hidden wherever they come from."""
    plan = SCENARIOS[name]()
    page = html(
        reported(plan, document={"deep": [{"value": "is hunter2"}]}, origin=Origin("hunter2", "hunter2", "hunter2"))
    )
    assert "hunter2" not in page
    assert "(sensitive" in page


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "http://ci.example/1", "https://", "https://a:b@ci.example/", "https://[", "data:,x", ""],
)
def test_only_a_sound_address_is_a_link(url: str) -> None:
    """A pipeline that tells something else than an https address gets no link."""
    links = [
        attributes["href"]
        for tag, attributes in read(SCENARIOS["create"](), origin=Origin(job_url=url)).elements
        if tag == "a"
    ]
    assert all(link.startswith("#") for link in links)


def test_nothing_is_loaded() -> None:
    """The one address in a page is the link to the job, and following it tells nobody where one came from."""
    page = html(reported(SCENARIOS["everything"]()))
    assert {JOB} == set(re.findall(r"\bhttps?://[^\s\"'<]+", page))
    reader = Reader(page)
    assert {"noreferrer noopener"} == {a["rel"] for tag, a in reader.elements if tag == "a" and "rel" in a}
    assert not {"src", "srcset", "style"} & {name for _, attributes in reader.elements for name in attributes}
    assert not re.search(r"url\(|@import|\son\w+=", page)


def test_the_policy_knows_style_and_script_by_their_digests() -> None:
    """Nothing else is obeyed: no default, no base, no form."""
    reader = read(SCENARIOS["create"]())
    (policy,) = (a["content"] for tag, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")
    style, script = (
        base64.b64encode(hashlib.sha256(reader.contents[name].encode()).digest()).decode()
        for name in ("style", "script")
    )
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
        "base-uri 'none'; form-action 'none'"
    )


# ------------------------------------------------------------------------------------------------------------ size


def test_the_shell_is_small() -> None:
    """A page with nothing in it stays within its budget."""
    assert len(html(reported(SCENARIOS["no_notebooks"]())).encode()) < SHELL_BUDGET


def test_very_many_changes_have_a_line_each() -> None:
    """Above the limit nothing opens, every change is there, and the page stays small."""
    keys = [f"n{number:04}" for number in range(MOST_IN_FULL + 1)]
    page = html(reported(planned(after={key: {} for key in keys})))
    assert [f"notebook.{key}" for key in keys] == re.findall(r'class="address">([^<]+)', page)
    assert "the details are in the plan as JSON" in page
    assert len(page.encode()) < SHELL_BUDGET + 600 * len(keys)


def test_a_large_document_stays_outside() -> None:
    """A browser is not burdened with it: the page says how to get it, and nothing is left to download."""
    found = read(SCENARIOS["create"](), document={"note": "x" * MOST_JSON})
    assert "--report json=plan.json" in found.words
    assert not {"plan", "download"} & {attributes.get("id") for _, attributes in found.elements}


def test_only_a_saved_plan_has_a_digest() -> None:
    """What was not saved, or is refused, cannot be approved."""
    plan = SCENARIOS["create"]()
    refused = replace(plan, refusals=(Diagnostic("E900", "too much"),))
    assert DIGEST in read(plan).words
    assert DIGEST not in read(plan, saved_as="").words
    assert DIGEST not in read(refused).words
    assert "It is refused." in read(refused).words
