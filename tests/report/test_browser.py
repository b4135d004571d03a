"""The page in a real browser: nothing fetched, nothing overflowing, every word readable, by day and by night."""

from __future__ import annotations

import itertools

import pytest

from crossentropy.report import to_html
from tests.browser import CONTRAST, OVERFLOW, chromium
from tests.report.summaries import NASTY, digits, made, named, tumours

PAGES = {
    "digits": digits,
    "tumours": tumours,
    "many": lambda: made(58, 600, "long"),
    "dozen": lambda: made(12, 400, "long"),
    "nasty": lambda: named(NASTY[:12]),
}


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, make in PAGES.items():
        (folder / f"{name}.html").write_text(to_html(make()), encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser, files):
    """Open a page in a scheme and return it; at the end nothing may have been fetched or complained about."""
    contexts, complaints, requests = [], [], []

    def open_(name, scheme, width):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((files / f"{name}.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("data:image/png", files.as_uri()))] == []
    assert len([url for url in requests if not url.startswith("data:")]) == len(contexts)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_it_fits_and_every_word_can_be_read(opened, name, scheme):
    page = opened(name, scheme, 320)
    for width in (320, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERFLOW) == []
    texts = page.evaluate(CONTRAST)
    assert len(texts) > 100
    assert [text for text in texts if text[0] < 4.5] == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 22, 27)"
    assert dark == (scheme == "dark")


def test_charts_follow_the_scheme(opened):
    colours = {}
    for scheme in ("light", "dark"):
        page = opened("digits", scheme, 768)
        colours[scheme] = page.evaluate(
            """[...document.querySelectorAll('svg.chart *')].map(e => getComputedStyle(e))
              .flatMap(style => [style.fill, style.stroke])"""
        )
        size = "[...document.querySelectorAll('svg.chart text')].map(t => t.getBoundingClientRect().height)"
        assert min(page.evaluate(size)) >= 9
    drawn = [(a, b) for a, b in zip(*colours.values(), strict=True) if {a, b} != {"none"}]
    assert len(drawn) > 50
    # what has no colour of its own (fill: black) belongs to groups and markers that paint nothing
    assert len({a for a, b in drawn if a != b}) >= 4


def test_no_text_is_cut_or_laid_over_another_in_the_scales(opened):
    for width in (320, 1280):
        page = opened("tumours", "light", width)
        boxes = page.evaluate(
            """() => [...document.querySelectorAll('.ruler p')].map(p => [...p.querySelectorAll('span')]
                 .map(s => s.getBoundingClientRect()).map(b => [b.left, b.right]).sort((a, b) => a[0] - b[0]))"""
        )
        for row in boxes:
            for before, after in itertools.pairwise(row):
                assert before[1] <= after[0]


def test_the_keyboard_reaches_everything_and_shows_where_it_is(opened):
    page = opened("many", "light", 768)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = false; })")
    reachable = page.evaluate(
        "[...document.querySelectorAll('a, summary, [tabindex=\"0\"]')].filter(e => e.checkVisibility()).length"
    )
    seen = set()
    for _ in range(reachable):
        page.keyboard.press("Tab")
        place, outline = page.evaluate(
            """(() => { const e = document.activeElement, top = e.getBoundingClientRect().top + scrollY;
              return [e.textContent.trim().slice(0, 30) + top, getComputedStyle(e).outlineStyle]; })()"""
        )
        assert outline != "none"
        seen.add(place)
    assert len(seen) > 8
    page.focus("nav a")
    page.keyboard.press("Enter")
    page.wait_for_url("**#loss", timeout=10_000)


def test_it_prints_on_white_paper(opened):
    page = opened("digits", "dark", 768)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(252, 252, 250)"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert [text for text in page.evaluate(CONTRAST) if text[0] < 4.5] == []


def test_the_browser_sees_the_landmarks_and_pictures_by_name(opened):
    page = opened("digits", "light", 768)
    assert page.get_by_role("heading", level=1).inner_text() == "Predicting “digit”"
    for title in page.locator("h2").all_inner_texts():
        assert page.get_by_role("region", name=title, exact=True).count() == 1
    for role in ("banner", "navigation", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("img", name="Reliability diagram").count() == 1
    assert page.get_by_role("img", name="Held-out loss").count() == 1
    assert page.get_by_role("img", name="On a scale from 0").count() == 1
