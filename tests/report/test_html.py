from __future__ import annotations

import base64
import io
import itertools
import math
import os
import re
import subprocess
import sys
import zlib

import matplotlib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossentropy.report import to_html
from crossentropy.report._images import confusion_picture, grey_picture
from crossentropy.report._numbers import clean, quoted
from tests.report.pages import parse, structure
from tests.report.strange import summaries_of_any_figures
from tests.report.summaries import NASTY, digits, made, named, tumours, wines

ALL = {
    "digits": digits,
    "tumours": tumours,
    "wines": wines,
    "letters": made,
    "many": lambda: made(58, 600, "long"),
    "nasty": lambda: named(NASTY),
    "nasty images": lambda: named(NASTY, image=True),
}
PLAIN = [name for name in ALL if "nasty" not in name]


@pytest.fixture(scope="module")
def pages():
    return {name: to_html(make()) for name, make in ALL.items()}


def told(element):
    return " ".join(element.text.replace("\u00a0", " ").split())


def three(value):
    return f"{value:#.3g}"


def pct(share):
    return f"{100 * share:.1f} %"


@pytest.mark.parametrize("name", PLAIN)
def test_the_loss_is_that_of_the_summary(pages, name):
    test, page = ALL[name]().test, parse(pages[name])
    scale = page.find("table", class_="scale")[0]
    rows = {
        row.find("th")[0].text.split()[0]: [c.text for c in row.find("td")] for row in scale.find("tr")[1:]
    }
    assert rows["certain"] == ["0", "0", "1"]
    assert rows["this"] == [three(test.loss.value), three(test.loss_bits), three(math.exp(test.loss.value))]
    assert rows["class"][:2] == [three(test.frequencies), three(test.frequencies / math.log(2))]
    assert rows["uniform"] == [three(test.uniform), three(test.uniform / math.log(2)), str(len(test.classes))]
    track = page.find("div", class_="ruler")[0]
    left, won = track.find(class_="left")[0], track.find(class_="won")[0]
    assert css(left, "width") == pytest.approx(test.loss.value / test.uniform, abs=1e-4)
    assert css(won, "width") == pytest.approx((test.frequencies - test.loss.value) / test.uniform, abs=1e-4)
    whisker = track.find(class_="whisker")[0]
    assert css(whisker, "left") == pytest.approx(max(0, test.loss.low / test.uniform), abs=1e-4)
    assert css(whisker, "width") == pytest.approx((test.loss.high - test.loss.low) / test.uniform, abs=1e-4)


def css(element, name):
    return float(re.search(rf"(?:^|;){name}:([\d.]+)%", element.attributes["style"]).group(1)) / 100


@pytest.mark.parametrize("name", PLAIN)
def test_the_figures_are_those_of_the_summary(pages, name):
    summary = ALL[name]()
    test, page = summary.test, parse(pages[name])
    tiles = [[told(d) for d in tile.find("dd")] for tile in page.find("dl", class_="tiles")[0].find("div")]
    assert tiles[0][0] == pct(test.skill)
    assert tiles[1] == [
        f"{three(test.loss.value)} nats",
        f"frequencies alone: {three(test.frequencies)} nats",
    ]
    assert tiles[2] == [pct(test.accuracy.value), f"most frequent class: {pct(test.majority)}"]
    error, noise = (f"{100 * x:.1f} points" for x in (test.calibration.error, test.calibration.noise))
    assert tiles[3] == [error, f"chance alone: up to {noise}"]

    bins = page.find(id="calibration")[0].find("tbody")[0].find("tr")
    assert len(bins) == len(test.calibration.bins)
    for row, b in zip(bins, test.calibration.bins, strict=True):
        assert told(row.find("td")[3]) == f"{b.rows}"

    shown = page.find("ul", class_="bars")
    classes = page.find(id="sources")[0].find("ul", class_="bars")[0].find("li")
    worst = max(test.by_class, key=lambda c: c.loss_share)
    first = told(classes[0])
    assert first.startswith(clean(worst.name))
    for said in (
        f"recall {pct(worst.recall)}",
        f"{pct(worst.loss_share)} of the loss",
        f"{pct(worst.row_share)} of the rows",
    ):
        assert said in first
    assert len(classes) == min(12, len(test.classes))
    assert shown

    cards = page.find("ol", class_="cards")[0].find("li")
    assert len(cards) == len(summary.worst_rows)
    for card, row in zip(cards, summary.worst_rows, strict=True):
        assert told(card.find(class_="cost")[0]) == f"{three(row.loss)} nats"
        assert f"is {quoted(row.target, 30)} with" in told(card) or "right, but unsure" in told(card)

    how = told(page.find(id="method")[0])
    assert "C = 1, chosen among 6 values" in how
    assert "at most 1e-7 nats above the minimum" in how
    advice = [told(item) for item in page.find(class_="advice")[0].find("li")]
    assert advice == [a.replace("\u00a0", " ") for a in summary.advice]


def test_the_worked_example_is_right(pages):
    for name in PLAIN:
        example = told(parse(pages[name]).find(class_="example")[0])
        p, loss = re.search(r"It costs −ln ([\d.e-]+) = ([\d.]+) nats", example).groups()
        assert -math.log(float(p)) == pytest.approx(float(loss), rel=5e-3)


@pytest.mark.parametrize("name", ["digits", "tumours", "wines"])
def test_few_classes_show_every_cell_of_the_confusion(pages, name):
    test = ALL[name]().test
    rows = parse(pages[name]).find("table", class_="heat")[0].find("tbody")[0].find("tr")
    assert [[int(c.text) for c in row.find("td")] for row in rows] == [list(row) for row in test.confusion]


def test_every_way_to_draw_has_a_name(pages):
    for name, html in pages.items():
        page = parse(html)
        for image in page.find("img"):
            assert len(image.attributes["alt"]) > 10, name
        for svg in page.find("svg"):
            assert svg.attributes["role"] == "img"
            titles = svg.find("title", id=svg.attributes["aria-labelledby"])
            assert len(titles) == 1, name
            assert len(titles[0].text) > 20, name
        for drawn in page.find(role="img"):
            assert drawn.attributes.get("aria-label") or drawn.attributes.get("aria-labelledby")


def test_the_page_is_well_made(pages):
    for name, html in pages.items():
        page = parse(html)
        assert html.startswith("<!doctype html>")
        assert page.find("html")[0].attributes["lang"] == "en"
        assert "width=device-width" in page.find("meta", name="viewport")[0].attributes["content"]
        for landmark in ("header", "nav", "main", "footer", "h1"):
            assert len(page.find(landmark)) == 1, name
        levels = [int(e.tag[1]) for e in page.find() if re.fullmatch("h[1-6]", e.tag)]
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), name
        ids = [e.attributes["id"] for e in page.find() if "id" in e.attributes]
        assert len(ids) == len(set(ids)), name
        for element in page.find():
            for key in ("aria-labelledby", "href", "xlink:href"):
                if key in element.attributes:
                    assert element.attributes[key].removeprefix("#") in ids, name
            for used in re.findall(r"url\(#([^)]*)\)", " ".join(element.attributes.values())):
                assert used in ids, name
        for section in page.find("section"):
            assert len(section.find("h2")) == 1
            assert len(told(section.find("p", class_="lead")[0])) > 20, name


def test_the_page_is_one_file(pages):
    for name, html in pages.items():
        page = parse(html)
        assert not page.find("script"), name
        assert not page.find("link"), name
        assert len(html.encode()) < 400_000, name
        for element in page.find():
            assert not [key for key in element.attributes if key.startswith("on")], name
            if "src" in element.attributes:
                assert element.attributes["src"].startswith("data:image/png;base64,")
            values = {
                k: v
                for k, v in element.attributes.items()
                if k not in ("alt", "aria-label", "content", "src")
            }
            assert not re.search(r"//|url\((?!#)|@import|javascript:", " ".join(values.values())), name
        assert len(page.find("style")) == 1
        assert not re.search(r"//|url\(|@import|expression", page.find("style")[0].text)
        policies = [e.attributes["content"] for e in page.find("meta") if "http-equiv" in e.attributes]
        assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


@settings(derandomize=True, max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.one_of(st.text(max_size=60), st.sampled_from(NASTY)), min_size=2, max_size=4), st.booleans()
)
def test_no_name_changes_the_structure_of_the_page(names, image):
    page = parse(to_html(named(names, image=image)))
    assert structure(page) == structure(
        parse(to_html(named([f"n{i}" for i in range(len(names))], image=image)))
    )


@pytest.mark.parametrize("image", [False, True])
@pytest.mark.parametrize("start", range(0, len(NASTY), 9))
def test_nasty_names_are_shown_and_nothing_else(start, image):
    names = NASTY[start : start + 9]
    page = parse(to_html(named(names, image=image)))
    assert structure(page) == structure(
        parse(to_html(named([f"n{i}" for i in range(len(names))], image=image)))
    )
    classes, parts = page.find(id="sources")[0].find("ul", class_="bars")
    assert {told(item.find("bdi")[0]) for item in classes.find("li")} == {clean(name) for name in names}
    assert quoted(names[0], 30) in parts.text


def test_the_same_summary_gives_the_same_bytes(pages):
    code = """
import sys
import crossentropy.report
assert not {"matplotlib", "jinja2"} & set(sys.modules)
from tests.report.summaries import digits
sys.stdout.buffer.write(crossentropy.report.to_html(digits()).encode())
assert "matplotlib.pyplot" not in sys.modules
"""
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    other = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, check=False
    )
    assert other.stderr == b""
    assert other.stdout == pages["digits"].encode()


def test_a_persons_own_matplotlib_settings_neither_enter_nor_change(pages):
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red"}):
        before = dict(matplotlib.rcParams)
        assert to_html(digits()) == pages["digits"]
        assert dict(matplotlib.rcParams) == before


@settings(derandomize=True, max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(summaries_of_any_figures())
def test_any_figures_can_be_told(summary):
    page = parse(to_html(summary))
    assert "nan%" not in page.text
    for element in page.find():
        for number in re.findall(r"(?:^|;)(?:width|left|right):([^;]*)", element.attributes.get("style", "")):
            assert re.fullmatch(r"0|\d{1,3}\.\d\d%", number)
    if not math.isfinite(summary.test.loss.value):
        assert "Unusable as it stands" in page.text
        assert not page.find("div", class_="above")


@pytest.mark.parametrize(
    ("k", "n", "names"),
    [
        (2, 3, "letters"),
        (12, 400, "long"),
        (13, 400, "long"),
        (300, 600, "plain"),
        pytest.param(1000, 2000, "plain", marks=pytest.mark.deep),
    ],
)
def test_extremes_of_size(k, n, names):
    html = to_html(made(k, n, names))
    assert len(html.encode()) < 400_000
    page = parse(html)
    assert bool(page.find("table", class_="heat")) == (k <= 12)
    assert bool(page.find("img", class_="matrix")) == (k > 12)
    assert sum(len(ul.find("li")) for ul in page.find(id="data")[0].find("ul", class_="bars")) == 300


def test_sections_without_content_are_left_out():
    bare = wines().model_copy(
        update={"columns": (), "worst_rows": (), "notes": (), "advice": (), "contributions": ()}
    )
    page = parse(to_html(bare))
    assert [s.attributes["id"] for s in page.find("section")] == [
        "loss", "parts", "sources", "calibration", "confusion", "method"
    ]  # fmt: skip
    assert [a.attributes["href"][1:] for a in page.find("nav")[0].find("a")] == [
        s.attributes["id"] for s in page.find("section")
    ]


def pixels(uri):
    """Return what a browser would see: matplotlib reads PNG through Pillow."""
    from matplotlib.image import imread

    return imread(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"))))


def test_an_image_row_is_drawn_in_its_own_grey_levels():
    image = np.linspace(0, 1, 35).reshape(5, 7)
    drawn = pixels(grey_picture(tuple(map(tuple, image))))
    assert drawn.shape[:2] == (5, 7)
    np.testing.assert_allclose(drawn[..., 0], image, atol=0.5 / 255 + 1e-6)
    np.testing.assert_array_equal(drawn[..., 0], drawn[..., 2])
    large = np.random.default_rng(0).random((224, 100))
    drawn = pixels(grey_picture(tuple(map(tuple, large))))
    assert max(drawn.shape[:2]) <= 64
    np.testing.assert_allclose(drawn[0, 0, 0], large[:4, :4].mean(), atol=0.01)
    assert grey_picture(()) == grey_picture(((), ())) == ""
    assert pixels(grey_picture(((math.nan, 2.0), (-1.0,)))).shape[:2] == (2, 2)


def test_the_confusion_picture_tells_right_from_wrong():
    drawn = pixels(confusion_picture([[9, 1], [0, 0]]))
    assert drawn.shape == (2, 2, 4)
    right, wrong = drawn[0, 0], drawn[0, 1]
    assert right[2] > right[0]
    assert wrong[0] > wrong[2]
    assert right[3] > wrong[3] > 0
    assert drawn[1, 0, 3] == drawn[1, 1, 3] == 0
    assert max(pixels(confusion_picture(np.eye(1000, dtype=int).tolist())).shape[:2]) <= 200


def test_the_pictures_are_whole_png():
    raw = base64.b64decode(grey_picture(((0.0, 0.5),)).split(",")[1])
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    place = 8
    while place < len(raw):
        size = int.from_bytes(raw[place : place + 4])
        body, check = raw[place + 4 : place + 8 + size], raw[place + 8 + size : place + 12 + size]
        assert zlib.crc32(body) == int.from_bytes(check)
        place += 12 + size
