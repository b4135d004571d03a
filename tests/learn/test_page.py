"""The page as a whole: one small file, offline, for every screen and scheme, and an address that holds the view."""

import json
import re

import pytest

from crossentropy.learn import CHAPTERS
from tests.browser import CONTRAST, OVERFLOW
from tests.learn.conftest import Reader

NAMES = [chapter.name for chapter in CHAPTERS]
# what each chapter looks like with everything in it switched on
FULL = [
    "classifier?truth=1&ink=3.12.40",
    "sigmoid?o=-3&line=1",
    "loss?t=0&o=6&over=o&squared=1&game=6&cost=squared&f=0.9",
    "classes?alone=1",
    "softmax?add=12&half=1",
    "crossentropy?y=3&smooth=0.3",
    "gradient?n=40&wine=3",
    "pytorch?twice=1&step=40&z=20",
    "reading?heat=2.25",
    "run?row=3",
]


@pytest.fixture(params=["light", "dark"])
def seen(request, browser, lesson):
    context = browser.new_context(viewport={"width": 320, "height": 800}, color_scheme=request.param)
    reader = Reader(context.new_page(), lesson)
    yield reader, request.param
    context.close()
    assert reader.complaints == []


def test_it_is_one_small_file_that_asks_for_nothing(lesson):
    page = lesson.read_text(encoding="utf-8")
    assert len(page.encode()) < 400_000
    assert not re.search(r"""\s(?:src|href|action)=(?!"#)""", page)
    assert not re.search(r"https?://(?!www\.w3\.org/(?:2000/svg|1998/Math))", page)
    assert page.count("<script") == 2
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy
    assert "'unsafe-inline'" not in policy.replace("style-src 'unsafe-inline'", "")


def test_it_fits_and_every_word_can_be_read(seen):
    reader, scheme = seen
    for place in FULL:
        reader.open(place)
        reader.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        for width in (320, 768, 1400) if scheme == "light" else ():
            reader.page.set_viewport_size({"width": width, "height": 800})
            assert reader.page.evaluate("document.documentElement.scrollWidth") <= width, place
            assert reader.page.evaluate(OVERFLOW) == [], place
            # the last column, which is the result, is seen without scrolling
            wider = "[...document.querySelectorAll('.scroll:has(table)')].map((e) => e.scrollWidth - e.clientWidth)"
            assert max(reader.page.evaluate(wider), default=0) <= 0, (place, width)
        texts = reader.page.evaluate(CONTRAST)
        assert len(texts) > 40
        assert [text for text in texts if text[0] < 4.5] == [], place
    dark = reader.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 22, 27)"
    assert dark == (scheme == "dark")


def test_pictures_fill_their_width_after_the_window_changes(reader):
    for width in (320, 1400, 768):
        reader.page.set_viewport_size({"width": width, "height": 800})
        reader.page.wait_for_timeout(30)
        reader.open("loss")
        width_drawn, view = reader.page.evaluate(
            "[document.querySelector('#loss-curve')].flatMap(s => [s.clientWidth, s.viewBox.baseVal.width])"
        )
        assert width_drawn == view
        sizes = reader.page.evaluate(
            "[...document.querySelectorAll('#loss svg text')].map(t => t.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 11
    reader.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("place", FULL)
def test_an_address_brings_the_view_back(reader, place):
    page = reader.page

    def view():
        return page.evaluate(
            """() => { const s = document.querySelector('section.chapter:not([hidden])');
                 return [s.id, s.innerText, [...s.querySelectorAll('svg')].map(v => v.innerHTML),
                         JSON.stringify(lesson.chapters[s.id].state)]; }"""
        )

    reader.open(place)
    first = view()
    name, _, query = place.partition("?")
    state = json.loads(first[3])
    for key, value in re.findall(r"(\w+)=([^&]+)", query):
        assert str(state[key]) == value
    # through the controls to another view of the chapter, and by the written address to the first one again
    slider = page.locator(f"#{name} input[type=range]").first
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    moved, elsewhere = view(), reader.address()
    assert moved != first
    reader.open(elsewhere)
    assert view() == moved
    reader.open(place)
    assert view() == first
    # the links within the page lead to it as well
    other = "loss" if name != "loss" else "sigmoid"
    page.locator(f"nav a[data-chapter='{other}']").click()
    page.wait_for_selector(f"#{other}", state="visible")
    page.locator(f"nav a[data-chapter='{name}']").click()
    page.wait_for_selector(f"#{name}", state="visible")
    assert view()[3] == first[3]
    page.go_back()
    page.wait_for_selector(f"#{other}", state="visible")
    page.go_back()
    page.wait_for_selector(f"#{name}", state="visible")
    assert view() == first


@pytest.mark.parametrize(
    "place",
    [
        "nowhere",
        "__proto__",
        "constructor?o=1",
        "sigmoid?o=1e999&line=<img src=x onerror=alert(1)>",
        "sigmoid?o=NaN",
        "classifier?ink=99.64.7",
        "classifier?ink=<b>&at=1e9",
        "sigmoid?o=-900",
        "loss?t=7&over=constructor&cost=__proto__&game=100",
        "softmax?k=constructor&z0=%3Cscript%3E",
        "gradient?n=1e9&rate=-5&wine=99999",
        "run?row=-4",
        "%E0%A4%A",
        "?=&&==",
    ],
)
def test_no_address_can_do_harm(reader, place):
    reader.open(place)
    assert reader.page.locator("section.chapter:visible").count() == 1
    name = reader.chapter()
    told = reader.page.locator(f"#{name}").inner_text()
    assert "NaN" not in told
    assert "undefined" not in told
    for control in reader.page.locator(f"#{name} input[type=range]").all():
        low, high, value = control.evaluate("i => [i.min, i.max, i.value].map(Number)")
        assert low <= value <= high
    assert reader.page.evaluate(
        "[...document.querySelectorAll('fieldset')].every(f => f.querySelector(':checked'))"
    )


def test_whoever_wants_less_motion_gets_none(browser, lesson):
    context = browser.new_context(reduced_motion="reduce")
    reader = Reader(context.new_page(), lesson).open("gradient")
    reader.page.locator("[data-do='play']").click()
    assert reader.said("n-value") == "50"
    reader.page.wait_for_timeout(250)
    assert reader.said("n-value") == "50"
    assert reader.page.evaluate("document.getAnimations().length") == 0
    moving = "[...document.querySelectorAll('*')].flatMap(e => [getComputedStyle(e), getComputedStyle(e, '::after')])"
    assert reader.page.evaluate(
        f"{moving}.every(s => s.transitionDuration === '0s' && s.scrollBehavior === 'auto')"
    )
    context.close()
    assert reader.complaints == []


def test_the_page_checks_itself_against_the_library(reader):
    told = reader.page.locator("#agreement").inner_text()
    assert "computed 64 values" in told
    assert re.search(r"largest difference is (0|\d(\.\d)?e−1[3-9])\.$", told)


def test_without_script_every_chapter_can_be_read(browser, lesson):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(lesson.as_uri())
    assert page.locator("section.chapter:visible").count() == len(NAMES)
    assert page.locator("noscript").count() == 1
    context.close()


def test_the_browser_sees_landmarks_headings_and_names(reader):
    page = reader.page
    for place in FULL:
        reader.open(place)
        name = place.partition("?")[0]
        title = next(chapter.title for chapter in CHAPTERS if chapter.name == name)
        assert page.get_by_role("region", name=title, exact=True).count() == 1
        assert page.get_by_role("heading", level=2).all_inner_texts() == [title]
        assert page.locator("nav [aria-current=page]").get_attribute("data-chapter") == name
        for image in page.locator(f"#{name} [role=img]:visible").all():
            assert len(image.get_attribute("aria-label")) > 10
    for role in ("banner", "navigation", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1
