"""The HTML report as a browser opens it: it obeys nothing foreign, loads nothing, and reads without its script."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from provisioner.plan import Plan
from provisioner.views.html import MOST_IN_FULL, html
from provisioner.views.reported import Origin
from tests.builders import planned
from tests.plans import SCENARIOS
from tests.reports import reported

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
EVIL = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>{{7*7}}\u202e'
DOCUMENT = {"format_version": "1.2", "note": EVIL}

# The contrast of every visible text with what is behind it (WCAG 2, 1.4.3: 4.5 to 1); tells the texts that have less.
FAINT = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color, over) => {
    canvas.fillStyle = over; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (rgb(color, "#000").join() === rgb(color, "#fff").join()) return color;
    }
    return "#fff";
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const back = behind(element);
    const pair = [light(rgb(getComputedStyle(element).color, back)), light(rgb(back, "#fff"))].sort((a, b) => b - a);
    if ((pair[0] + 0.05) / (pair[1] + 0.05) < 4.5) found.push(walker.currentNode.data);
  }
  return found;
}"""


@dataclass  # no slots: playwright marks the owner of a listener
class Seen:
    """What a page did beside showing itself."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def dismissed(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("needs Chromium to open reports: install the package `chromium`")
    with sync_playwright() as playwright:
        # A container may not give a browser its own namespaces; the pages are ours.
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


Open = Callable[..., tuple[Page, Seen]]


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the report of a plan; `fields` are of the report, `context` of the browser."""
    contexts = []

    def open_page(plan: Plan, context: dict[str, Any] | None = None, **fields: Any) -> tuple[Page, Seen]:
        path = tmp_path / "plan.html"
        path.write_text(html(reported(plan, **fields)), encoding="utf-8")
        contexts.append(browser.new_context(**context or {}))
        page, seen = contexts[-1].new_page(), Seen()
        page.on("console", lambda message: seen.console.append(message.text))
        page.on("pageerror", lambda error: seen.console.append(str(error)))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("dialog", seen.dismissed)
        page.goto(path.as_uri())
        return page, seen

    yield open_page
    for context in contexts:
        context.close()


def shown(page: Page) -> list[str]:
    """The addresses of the rows that one can see."""
    return [each.inner_text() for each in page.locator("#rows .address").all() if each.is_visible()]


def test_a_page_is_quiet(opened: Open) -> None:
    """No word on the console, no violation of its policy, no request but for itself, no dialog."""
    page, seen = opened(SCENARIOS["everything"](), document=DOCUMENT)
    page.click("#expand")
    assert ([], [], 1) == (seen.console, seen.dialogs, len(seen.requests))


def test_markup_shows_as_text(opened: Open) -> None:
    """Whatever the service, a spec and a pipeline say is read and never obeyed."""
    plan = planned(
        {"alice": {"tags": {"a": "b"}}},
        {"alice": {"tags": {"a": "b"}, "description": "mine"}},
        {"alice": {"name": EVIL, "description": EVIL, "tags": [{"key": EVIL, "value": EVIL}]}},
    )
    page, seen = opened(plan, document=DOCUMENT, environment=EVIL, saved_as=EVIL, origin=Origin(*[EVIL] * 4))
    page.click("#expand")
    page.fill("#search", "<img")
    assert ([], [], 1) == (seen.console, seen.dialogs, len(seen.requests))
    assert 0 == page.locator("img").count()
    assert "<img src=x onerror=alert(1)>{{7*7}}\\u202e" in page.inner_text("body")
    assert DOCUMENT == json.loads(page.locator("#plan").text_content() or "")


def test_tiles_filter(opened: Open) -> None:
    """A pressed tile leaves its action, several leave several, none leaves all."""
    page, _ = opened(SCENARIOS["everything"]())
    everything = shown(page)
    create, delete = page.get_by_role("button", name="2 create"), page.get_by_role("button", name="1 delete")
    create.click()
    assert ["notebook.carol", "notebook.erin"] == shown(page)
    assert "true" == create.get_attribute("aria-pressed")
    assert "2 of 5 changes" == page.get_by_role("status").inner_text()
    delete.click()
    assert {"notebook.carol", "notebook.erin", "notebook.dave"} == set(shown(page))
    create.click()
    delete.click()
    assert everything == shown(page)


def test_search_finds_what_is_folded(opened: Open) -> None:
    """All words have to be there, in whatever is behind a row; where nothing is found, that is said."""
    page, _ = opened(SCENARIOS["everything"]())
    page.get_by_label("Search").fill("CPU.8u put")
    assert ["notebook.alice"] == shown(page)
    page.get_by_label("Search").fill("nobody")
    assert [] == shown(page)
    assert page.get_by_text("No change is like that.").is_visible()


def test_a_keyboard_is_enough(opened: Open) -> None:
    """The first stop skips to the changes; tiles are pressed and rows opened by keys."""
    page, _ = opened(SCENARIOS["everything"]())
    page.keyboard.press("Tab")
    assert "Skip to the changes" == page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert ["notebook.carol", "notebook.erin"] == shown(page)
    page.locator("#rows summary.head >> visible=true").first.focus()
    page.keyboard.press("Enter")
    assert 1 == page.locator("#rows > li > details[open]").count()


def test_a_caution_leads_to_its_row(opened: Open) -> None:
    """What is to be read first is one click from what is behind it."""
    page, _ = opened(SCENARIOS["everything"]())
    page.locator(".first a").first.click()
    page.wait_for_selector("#rows > li:target > details[open]")
    assert page.get_by_text("forces replacement: a volume cannot shrink").is_visible()


def test_the_plan_can_be_taken_along(opened: Open) -> None:
    """The button saves the JSON that the page holds; the other one selects or copies the digest."""
    page, seen = opened(SCENARIOS["everything"](), document=DOCUMENT)
    with page.expect_download() as download:
        page.click("#download")
    assert "lab.prod.plan.json" == download.value.suggested_filename
    assert DOCUMENT == json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    page.click("#copy")
    assert page.text_content("#digest") == page.evaluate("getSelection().toString()")
    assert [] == seen.console


def test_without_script_everything_is_read(opened: Open) -> None:
    """Rows open, the JSON shows, and nothing that needs the script is in the way."""
    page, _ = opened(SCENARIOS["everything"](), {"java_script_enabled": False}, document=DOCUMENT)
    page.locator("#rows summary.head").first.click()
    assert page.get_by_text("forces replacement: a volume cannot shrink").is_visible()
    page.locator("details:has(> #plan) > summary").click()
    assert page.locator("#plan").is_visible()
    assert '"format_version": "1.2"' in page.inner_text("#plan")
    assert [] == [button for button in page.locator("button, input").all() if button.is_visible()]


@pytest.mark.parametrize("script", [True, False])
def test_paper_shows_what_is_folded(opened: Open, *, script: bool) -> None:
    """On paper every row is open, and there is nothing to press."""
    page, _ = opened(SCENARIOS["everything"](), {"java_script_enabled": script})
    page.emulate_media(media="print")
    assert page.get_by_text("forces replacement: a volume cannot shrink").bounding_box()
    assert [] == [button for button in page.locator("button, input").all() if button.is_visible()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_text_stands_out_and_fits(opened: Open, scheme: str, width: int) -> None:
    """Light or dark, on a phone or a desk: enough contrast, and nothing to scroll sideways."""
    page, _ = opened(
        SCENARIOS["everything"](),
        {"color_scheme": scheme, "viewport": {"width": width, "height": 800}},
        document=DOCUMENT,
    )
    page.click("#expand")
    page.click("#tiles button")
    assert [] == page.evaluate(FAINT)
    assert width >= page.evaluate("document.documentElement.scrollWidth")


def test_aids_know_what_things_are(opened: Open) -> None:
    """A language, a title, one first heading, a name for every control and table."""
    page, _ = opened(SCENARIOS["everything"]())
    assert ("en", "Plan of lab.prod") == (page.get_attribute("html", "lang"), page.title())
    assert 1 == page.get_by_role("heading", level=1).count()
    assert 1 == page.get_by_role("searchbox", name="Search").count()
    assert [] == page.evaluate(
        "[...document.querySelectorAll('button, table, a')].map((each) => each.textContent.trim()).filter((t) => !t)"
    )
    assert page.locator("table").count() == page.locator("table > caption").count()


def test_thousands_of_changes_open(opened: Open) -> None:
    """A page of very many changes opens and filters."""
    keys = [f"n{number:04}" for number in range(MOST_IN_FULL + 500)]
    page, seen = opened(planned(after={key: {} for key in keys}))
    page.get_by_label("Search").fill("n2499")
    assert "1 of 2500 changes" == page.get_by_role("status").inner_text()
    assert [] == seen.console
