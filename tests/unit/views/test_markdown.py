"""A plan as a comment: golden files, foreign text that stays text, and the limit of bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from provisioner.errors import Diagnostic, SourceRange
from provisioner.model.address import Address
from provisioner.plan import Plan
from provisioner.views.markdown import LEAST, LIMIT, Flavour, markdown
from provisioner.views.markdown_text import cell, code, comment, link, prose, row
from provisioner.views.reported import Origin, Reported
from tests.builders import planned
from tests.plans import SCENARIOS

Agrees = Callable[[str, str], None]

DIGEST = "sha256:" + "9b1c" * 16
ORIGIN = Origin("3f2c1ab" * 5, "li.wei", "more-memory", "https://gitlab.example.com/lab/-/jobs/7")
PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
OURS = re.compile(
    r"<!-- provisioner:plan:\S+ -->|<details><summary>[A-Za-z ]+(\(\d+ notebooks?\))?</summary>|</details>"
)

PAYLOADS = [
    "[x](https://evil.example/)",
    "![x](https://evil.example/?leak)",
    "<img src=x onerror=alert(1)>",
    "https://evil.example/ www.evil.example evil@evil.example",
    "@everyone @org/team #1 GH-1 owner/repo#1 !2 ~label &3 $4 :tada:",
    "<!-- provisioner:plan:lab:cn-north-4 -->",
    "--> </details></summary><script>alert(1)</script>",
    "``` \n```\n# heading",
    "` `` ``` a`b",
    "a|b\\|c\\\\|d",
    "\\`x\\` \\[x\\](y)",
    "line\n\n> quote\n- item\n\n---\n/approve",
    "**bold** _it_ ~~no~~ &lt;b&gt; &#64;all",
    "\u202egpj.exe\u200b\x1b[2J\x00",
    '"quoted" and "open',
    "deadbeefdeadbeef 3f2c1ab3f2c1ab3f2c1ab3f2c1ab3f2c1ab3f2c1",
    "",
    " ",
]


def reported(plan: Plan, **other: str | Origin) -> Reported:
    found = Reported(plan, {}, DIGEST, "", "cn-north-4", "0" * 32, "plan.json", ORIGIN)
    return replace(found, **other)  # type: ignore[arg-type]


def tokens(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def check_inert(text: str) -> None:
    """No link, image or HTML but ours, and no mention, reference or address outside of code."""
    found = list(tokens(text))
    assert {token.attrs["href"] for token in found if token.type == "link_open"} <= {ORIGIN.job_url}
    assert "image" not in {token.type for token in found}
    html = [token.content for token in found if token.type in {"html_block", "html_inline"}]
    assert [] == [block for block in html if not OURS.fullmatch(block.strip())]
    assert sum(block.startswith("<!--") for block in html) == 1
    words = " ".join(token.content for token in found if token.type == "text")
    assert not re.search(r"@\w|#\d|GH-\d|://|www\.|!\d|~\w|:tada:|[\x00-\x08\u202e\u200b]|[0-9a-f]{7}", words)
    assert [token.tag for token in found if token.type == "heading_open"] == ["h3"]


def hostile(payload: str) -> Plan:
    """A plan in which every foreign text is `payload`."""
    live = {"alice": {"name": payload, "description": payload, "tags": [{"key": payload or "k", "value": payload}]}}
    plan = planned(
        {"alice": {"tags": {"a": "b"}}, "gone": {}}, {"alice": {"tags": {"a": "b"}, "description": "d"}}, live
    )
    place = SourceRange(payload, 1, 1, 1, 2)
    problem = Diagnostic("E601", payload, payload, payload, range=place, address=payload)
    steps = tuple(
        replace(
            step,
            address=Address(step.address.key, payload),
            source=place,
            note=payload,
            id=payload,
            imported=True,
            moved_from=Address("k", payload),
        )
        for step in plan.steps
    )
    return replace(
        plan, steps=steps, stack=payload, warnings=(replace(problem, severity="warning"),), refusals=(problem,)
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_comment(name: str, agrees: Agrees) -> None:
    """A comment looks like this."""
    agrees(f"markdown/{name}.md", markdown(reported(SCENARIOS[name]())))


def test_plain_markdown_has_no_alert(agrees: Agrees) -> None:
    """Where alerts are not known there is a quotation alone."""
    agrees("markdown/plain/everything.md", markdown(reported(SCENARIOS["everything"]()), flavour=Flavour.PLAIN))


MANY: dict[str, dict[str, object]] = {f"n{number:03}": {} for number in range(150)}


SAID = {
    "risky_diffs": "only the diffs of what is deleted or replaced are shown",
    "rows": ": no diffs are shown",
    "few_rows": "no diffs and at most 50 rows are shown",
    "counts": "only numbers are shown",
}


def large() -> Plan:
    grown = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}
    changed = {key: grown if number < 10 else {"description": "new"} for number, key in enumerate(MANY)}
    return planned(MANY, changed)


@pytest.mark.parametrize(
    ("limit", "name"), [(40_000, "risky_diffs"), (22_000, "rows"), (14_000, "few_rows"), (LEAST, "counts")]
)
def test_what_does_not_fit_is_left_out_in_steps(limit: int, name: str, agrees: Agrees) -> None:
    """Safe diffs go first, then all diffs, then rows; and the comment says so."""
    text = markdown(reported(large()), limit=limit)
    assert len(text.encode()) <= limit
    assert SAID[name] in text
    agrees(f"markdown/cut/{name}.md", text)


def test_who_sees_a_part_gets_no_digest() -> None:
    """A comment that was cut names the place of the whole and nothing to approve by."""
    whole, part = (markdown(reported(large()), limit=limit) for limit in (1_000_000, 14_000))
    assert DIGEST in whole
    assert "--approved-digest" in whole
    assert DIGEST not in part
    assert "This comment was cut" in part
    assert "`provisioner show plan.json`" in part


def test_a_plan_that_was_not_saved_shows_no_digest() -> None:
    """There is nothing that it could approve."""
    assert DIGEST not in markdown(reported(SCENARIOS["create"](), saved_as=""))


def test_a_refused_plan_shows_no_digest() -> None:
    """What may not be carried out need not be approved."""
    refused = replace(SCENARIOS["create"](), refusals=(Diagnostic("E515", "too much"),))
    text = markdown(reported(refused))
    assert DIGEST not in text
    assert "**REFUSED**: `E515`: too much" in text


@settings(max_examples=25, deadline=None)
@given(st.integers(LEAST, LIMIT), st.sampled_from(["large", *SCENARIOS]), st.sampled_from(Flavour))
def test_every_limit_is_kept_and_everything_is_closed(limit: int, name: str, flavour: Flavour) -> None:
    """Whatever the limit, the comment fits, and its fences and folds end."""
    text = markdown(reported(large() if name == "large" else SCENARIOS[name]()), limit=limit, flavour=flavour)
    assert len(text.encode()) <= limit
    assert text.count("<details>") == text.count("</details>")
    assert len(re.findall("(?m)^```", text)) % 2 == 0
    check_inert(text)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_foreign_text_is_only_text(payload: str) -> None:
    """Whatever stands in a key, name, tag, description, file, id, message, stack or branch is shown, not obeyed."""
    plan = hostile(payload)
    origin = Origin(payload, payload, payload, payload)
    found = reported(plan, region=payload, saved_as=payload, digest=payload, origin=origin)
    check_inert(markdown(found))
    check_inert(markdown(found, limit=LEAST))


@given(st.text(max_size=60))
def test_any_text_is_only_text(text: str) -> None:
    """Sentences, code spans and cells of any text hold neither links nor HTML."""
    around = "\n\n".join(["<!-- provisioner:plan:a:b -->", "### x", prose(text), code(text), f"> - {prose(text)}"])
    check_inert(around)
    cells = [
        token for token in PARSER.parse(f"|a|b|\n|-|-|\n{row([code(text), prose(text)])}") if token.type == "td_open"
    ]
    assert len(cells) == 2


@pytest.mark.parametrize("text", ["a`b", "``", "`x`", " pad ", "a|b", "\\"])
def test_a_code_span_shows_the_text_itself(text: str) -> None:
    """Backticks, blanks and backslashes come out as they are."""
    (span,) = [token for token in tokens(f"x {code(text)} y") if token.type == "code_inline"]
    assert text == span.content


def test_a_pipe_is_seen_in_a_cell() -> None:
    """It is escaped; after a backslash, where parsers disagree, another sign stands for it."""
    assert cell(code("a|b\\|c")) == r"`a\|b\¦c`"


def test_sentences_stay_readable() -> None:
    """Words are words; values, paths, flags and what is to be copied are code."""
    text = 'the 50 GB volume at /home/x is "a b", see `lease: never`; or --replace'
    assert prose(text) == 'the 50 GB volume at `/home/x` is `"a b"`, see `lease: never`; or `--replace`'


@pytest.mark.parametrize(("stack", "other"), [("a:b", "a"), ("a-->", "a"), ("a.prod", "a")])
def test_the_marker_is_of_one_stack_and_cannot_be_ended(stack: str, other: str) -> None:
    """Updaters find their own comment by it."""
    marker = comment("provisioner", "plan", stack, "b")
    assert re.fullmatch(r"<!-- [A-Za-z0-9.%:_~-]+ -->", marker)
    assert marker.count("-->") == 1
    assert marker != comment("provisioner", "plan", other, "b:b")
    assert markdown(reported(SCENARIOS["create"]())).startswith("<!-- provisioner:plan:lab:cn-north-4 -->\n")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a/b)c", "https://a/ x", "https://u:p@a/", "//a"])
def test_only_a_harmless_address_is_a_link(url: str) -> None:
    """Anything else is text."""
    assert link("job", url) == f"job {code(url)}"
    assert link("job", "https://ci.example.com/7") == "[job](https://ci.example.com/7)"


SECRET_MOUNT = {"storages": [{"category": "OBSFS", "uri": "obs://hunter2/d/", "mount_path": "/data/sets/"}]}
SMALLER = {"volume": {"category": "EVS", "ownership": "MANAGED", "capacity": 20}}


@pytest.mark.parametrize(
    "plan",
    [
        SCENARIOS["update_sensitive"](),
        SCENARIOS["create_sensitive"](),
        planned({"alice": SECRET_MOUNT}, {"alice": SECRET_MOUNT | SMALLER}, secrets=["hunter2"]),
        planned({"alice": {"description": "hunter2"}}, secrets=["hunter2"]),
    ],
)
def test_a_secret_is_nowhere(plan: Plan) -> None:
    """Neither in a row, nor in a diff, nor in what is said of mounts that stay."""
    assert "hunter2" not in markdown(reported(plan))
