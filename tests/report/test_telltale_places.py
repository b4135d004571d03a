"""Every figure stands in its column, its row and its place on the scale."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import numpy as np
import pytest

from crossentropy.evaluation import Estimate
from crossentropy.report import ColumnNote, evaluation_text, to_markdown, to_text
from tests.report.summaries import made, wines
from tests.report.telltale import (
    BINS,
    PATH,
    SUMMARY,
    TEST,
    css,
    page_of,
    page_words,
    table,
    with_test,
    words,
)


@pytest.fixture(scope="module")
def page():
    return page_of(SUMMARY)


BIN_ROWS = [
    ["55.0 %", "51.0 %", "46.0 % to 54.0 %"],
    ["78.0 %", "69.0 %", "65.0 % to 74.0 %"],
    ["92.0 %", "84.0 %", "79.0 % to 88.0 %"],
]
PATH_ROWS = [
    ["0.01", "0.810", "0.0110"],
    ["0.03", "0.570", "0.0130"],
    ["0.3", "0.430", "0.0170"],
    ["3", "0.470", "0.0290"],
    ["100", "0.620", "0.0370"],
]


def test_the_tables_of_the_markdown_hold_each_figure_in_its_column():
    markdown = to_markdown(SUMMARY)
    assert table(markdown, "rows") == [
        [n, *row] for n, row in zip(("505", "402", "293"), BIN_ROWS, strict=True)
    ]
    assert table(markdown, "C") == PATH_ROWS
    assert table(markdown, "column") == [
        ["told", "text", "left out", "11", "text is not read"],
        ["wings", "numeric", "used", "3", "in millimetres"],
        ["legs", "category", "used", "0", ""],
    ]
    assert table(markdown, "class", 4) == [
        ["“cat”", "“bee”", "50", "13.3 %"],
        ["“ant”", "“bee”", "48", "24.0 %"],
        ["“cat”", "“ant”", "33", "8.8 %"],
        ["“bee”", "“ant”", "19", "3.0 %"],
    ]
    assert table(markdown, "class", 6) == [
        ["ant", "200", "0.890", "36.2 %", "61.0 %", "66.2 %"],
        ["bee", "624", "0.260", "32.9 %", "93.1 %", "88.1 %"],
        ["cat", "376", "0.405", "30.9 %", "78.0 %", "80.3 %"],
    ]
    assert [row[0] for row in table(markdown, "row")] == ["r77", "r5"]
    assert [row[0] for row in table(markdown, "rows where")] == [
        "“wings” is above 60 and up to 71",
        "“told” is missing",
    ]
    assert table(markdown, "said") == [
        ["above 9.1 %", "430", "71.1 %", "92.3 %", "80.3 %"],
        ["above 50.0 %", "204", "83.2 %", "68.1 %", "74.9 %"],
        ["above 99.0 %", "0", "-", "0.0 %", "0.0 %"],
    ]


def test_a_class_without_rows_has_no_recall():
    nobody = TEST.by_class[0].model_copy(
        update={"rows": 0, "row_share": 0, "loss": None, "loss_share": 0, "recall": None, "precision": None}
    )
    summary = with_test(by_class=(nobody, *TEST.by_class[1:]))
    row = next(row for row in table(to_markdown(summary), "class", 6) if row[0] == "ant")
    assert row == ["ant", "0", "-", "0.0 %", "-", "-"]
    assert re.search(r"^  ant .* 0\.0 % +-$", to_text(summary), re.MULTILINE)
    classes = [
        words(item.text)
        for item in page_of(summary).find(id="sources")[0].find("ul", class_="bars")[0].find("li")
    ]
    assert classes[-1].startswith("ant no rows")


def test_what_is_cut_is_counted():
    many = made(58, 600, "long")
    left_out = tuple(
        ColumnNote(name=f"text {i}", kind="text", used=False, missing=0, note="") for i in range(411)
    )
    columns = (*left_out[:9], *SUMMARY.columns[:2])
    assert "and 3 more columns" in to_text(SUMMARY.model_copy(update={"columns": columns}))
    assert "and 53 more classes" in to_text(many)
    assert "And 46 more classes." in to_markdown(many)
    assert "And 46 more classes, each with a smaller share of the loss" in page_words(many)
    for out, used in ((411, 0), (11, 400), (0, 401)):
        inside = tuple(c.model_copy(update={"used": True}) for c in left_out[:used])
        cut = SUMMARY.model_copy(update={"columns": left_out[:out] + inside})
        said = "11 more columns" if out else "1 more column"
        assert f"And {said}." in to_markdown(cut)
        page = page_of(cut)
        assert f"And {said}, in metrics.json." in words(page.find(id="data")[0].text)
        shown = page.find(id="data")[0].find("ul", class_="bars")
        assert sum(len(ul.find("li")) for ul in shown) == 400


def test_the_text_names_rows_and_pairs_in_their_places():
    text = to_text(SUMMARY)
    assert re.search(r"^  cat +376 +31\.3 % +30\.9 % +78\.0 %$", text, re.MULTILINE)
    assert "  - “cat” labelled “bee”: 50 rows, 13.3 % of its rows\n" in text
    assert text.index("“cat” labelled “bee”") < text.index("“ant” labelled “bee”")
    assert "  95 % interval of the model’s loss: 0.370 to 0.460 nats.\n" in text


def test_the_bar_of_a_model_worse_than_guessing_is_the_longest():
    worse = TEST.model_copy(
        update={"loss": Estimate(value=4 * math.log(3), low=4.0, high=4.4), "skill": -3.3}
    )
    bars = dict(re.findall(r"^  (\w[\w ]*?)  .*\|(#*)$", evaluation_text(worse), re.MULTILINE))
    assert len(bars["this model"]) == pytest.approx(4 * len(bars["uniform guess"]), abs=3)
    track = page_of(SUMMARY.model_copy(update={"test": worse})).find("div", class_="ruler")[0]
    assert css(track.find(class_="tick")[1], "left") == pytest.approx(0.25, abs=2e-3)


def test_the_pictures_made_of_boxes_are_to_scale(page):
    loss, parts, accuracy = page.find("div", class_="ruler")
    ticks = [css(tick, "left") for tick in loss.find(class_="tick")]
    assert ticks == pytest.approx([1.02 / math.log(3), 1.0], abs=1e-4)
    assert "0.410 (interval 0.370 to 0.460), class frequencies H(y) 1.02" in loss.attributes["aria-label"]
    boxes = [parts.find("div")[0].find("span", class_=kind)[0] for kind in ("rest", "lost", "known")]
    places = [(css(box, "left"), css(box, "width")) for box in boxes]
    ends = [0.0, 0.41 - 0.034, 0.41, 1.02]
    for (left, width), (begin, end) in zip(places, pairwise(ends), strict=True):
        assert (left, width) == pytest.approx((begin / 1.02, (end - begin) / 1.02), abs=1e-4)
    assert parts.attributes["aria-label"].replace("\u00a0", " ") == (
        "what its logits cannot tell: 0.376 nats; what wrong confidence costs: 0.0340 nats; "
        "what it knows and says: 0.610 nats."
    )
    assert css(accuracy.find(class_="good")[0], "width") == pytest.approx(0.83)
    assert css(accuracy.find(class_="tick")[0], "left") == pytest.approx(0.52)
    assert css(accuracy.find(class_="whisker")[0], "left") == pytest.approx(0.81)
    assert css(accuracy.find(class_="whisker")[0], "width") == pytest.approx(0.042)
    pin = accuracy.find("p", class_="below")[0].find("span")[0]
    assert css(pin, "right") == pytest.approx(1 - 0.52)
    label = accuracy.attributes["aria-label"].replace("\u00a0", " ")
    assert label == "Accuracy 83.0 %, interval 81.0 % to 85.2 %; always the most frequent class 52.0 %."
    for item, c in zip(
        page.find(id="sources")[0].find("ul", class_="bars")[0].find("li"), TEST.by_class, strict=True
    ):
        assert words(item.find("bdi")[0].text) == c.name
        loss_bar, rows_bar = (item.find("span", class_=kind)[0] for kind in ("loss", "rows"))
        assert css(loss_bar, "width") == pytest.approx(c.loss_share / 0.52, abs=1e-4)
        assert css(rows_bar, "width") == pytest.approx(c.row_share / 0.52, abs=1e-4)


@pytest.mark.parametrize("frequencies", [0.3, 0.6])
def test_the_label_of_the_class_frequencies_stands_at_them(frequencies):
    page = page_of(with_test(frequencies=frequencies, loss=Estimate(value=0.1, low=0.05, high=0.15)))
    loss = page.find("div", class_="ruler")[0]
    pin = next(span for span in loss.find("p", class_="below")[0].find("span") if span.text == "H(y)")
    place = css(pin, "left") if "start" in pin.attributes["class"] else 1 - css(pin, "right")
    assert place == pytest.approx(frequencies / math.log(3), abs=1e-4)
    explained = [span.text for span in loss.find("span", class_="won")]
    assert (explained == [""]) == ((frequencies - 0.1) / math.log(3) < 0.45)


def test_the_confusion_names_its_lines_and_columns_and_tells_right_from_wrong(page):
    heat = page.find("table", class_="heat")[0]
    assert [words(th.text) for th in heat.find("thead")[0].find("th")] == ["class", "ant", "bee", "cat"]
    for i, line in enumerate(heat.find("tbody")[0].find("tr")):
        assert line.find("th")[0].text == TEST.classes[i]
        for j, cell in enumerate(line.find("td")):
            assert cell.attributes["class"] == ("right" if i == j else "wrong")
            share = float(cell.attributes["style"].removeprefix("--share:")) / 100
            assert share**2 == pytest.approx(TEST.confusion[i][j] / sum(TEST.confusion[i]), abs=0.01)
    told = [words(p.text) for p in page.find(id="confusion")[0].find("p")]
    assert "“cat” labelled “bee” is the most frequent mistake: 50 rows, 13.3 % of that class." in told


def test_one_class_is_confused_with_nothing():
    alone = page_of(
        with_test(
            classes=("bee",), by_class=TEST.by_class[1:2], confusion=((1200,),), confused=(), skill=None
        )
    )
    sections = [section.attributes["id"] for section in alone.find("section")]
    assert "confusion" in sections
    assert not alone.find("table", class_="heat")
    assert not [h for h in alone.find("h3") if h.text in ("By class", "Which class for which")]


def test_the_picture_of_many_classes_is_told_in_words():
    many = made(58, 600, "long")
    section = page_of(many).find(id="confusion")[0]
    right = sum(row[i] for i, row in enumerate(many.test.confusion))
    alt = section.find("img")[0].attributes["alt"]
    assert alt.startswith(f"Confusion of 58\u00a0classes: {right:,} of 600 rows lie on the diagonal")
    first = many.test.confused[0]
    item = words(section.find("li")[0].text)
    assert item.startswith(f"“{first.target[:28]}")
    assert f"labelled “{first.label[:28]}" in item


def test_the_tables_of_the_page_hold_each_figure_in_its_column(page):

    def rows(section):
        lines = page.find(id=section)[0].find("tbody")[0].find("tr")
        return [[words(cell.text) for cell in line.find("td")] for line in lines]

    assert rows("calibration") == [[*row, n] for n, row in zip(("505", "402", "293"), BIN_ROWS, strict=True)]
    assert rows("method") == PATH_ROWS


def test_the_columns_of_the_page_are_told_with_kind_gaps_and_note(page):
    section = page.find(id="data")[0]
    assert words(section.find("p", class_="lead")[0].text) == "The model reads 2 columns and leaves out 1."
    assert [h.text for h in section.find("h3")] == [
        "Left out, and why",
        "Used",
        "What is odd about them",
    ]
    assert [words(item.text) for item in section.find("li")] == [
        "told text11 missingtext is not read",
        "wings numeric3 missingin millimetres",
        "legs category",
        "4 rows had no species.",
    ]
    summary = wines()
    told = words(page_of(summary).find(id="data")[0].find("summary")[0].text)
    used = [column for column in summary.columns if column.used]
    gaps = sum(1 for column in used if column.missing)
    assert told == f"{len(used)} columns, {gaps} of them with missing values"


def test_a_worst_row_shows_its_own_cells_and_counts_the_rest(page):
    cards = page.find("ol", class_="cards")[0].find("li")
    for card, row in zip(cards, SUMMARY.worst_rows, strict=True):
        assert card.find(class_="id")[0].text == f"row {row.id}"
        names, values = ([words(e.text) for e in card.find(tag)] for tag in ("dt", "dd"))
        assert dict(zip(names, values, strict=True)) == row.cells
    cells = {f"n{i}": f"v{i}" for i in range(75)}
    wide = SUMMARY.worst_rows[0].model_copy(update={"cells": cells})
    for image, first in ((None, 8), (((0.0, 1.0),), 0)):
        row = wide.model_copy(update={"image": image})
        card = page_of(SUMMARY.model_copy(update={"worst_rows": (row,)})).find("ol", class_="cards")[0]
        assert [dt.text for dt in card.find("dt")] == [f"n{i}" for i in range(first + 60)]
        assert [dd.text for dd in card.find("dd")] == [f"v{i}" for i in range(first + 60)]
        assert words(card.find("summary")[0].text) == ("67 more columns" if first else "75 columns")
        assert words(card.find("p", class_="fine")[0].text) == f"And {75 - first - 60} more columns."
        assert [i.attributes["alt"] for i in card.find("img")] == (
            [] if first else ["Row r77 as an image: “ant”, taken for “bee”"]
        )


class Chart:
    """A chart read as a person reads it: by the labels of its axes."""

    def __init__(self, page, section):
        self.svg = page.find(id=section)[0].find("svg")[0]
        self.labels = [
            (text.text, float(text.attributes["x"]), float(text.attributes["y"]))
            for text in self.svg.find("text")
        ]
        self.lines = [
            (path.attributes["style"], self._points(path.attributes["d"]))
            for path in self.svg.find("path")
            if "clip-path" in path.attributes
        ]
        self.marks = [  # the ticks have marks too, of no length, outside the area that is cut out for the data
            (float(mark.attributes["x"]), float(mark.attributes["y"]))
            for mark in self.svg.find("use")
            if "clip-path" in mark.parent.attributes
        ]

    @staticmethod
    def _points(d):
        return [tuple(map(float, pair)) for pair in re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", d)]

    def scale(self, values, places):
        """Return the map from places to values that the labels of an axis tell."""
        slope, start = np.polyfit(places, values, 1)
        assert np.abs(np.polyval([slope, start], places) - values).max() < 1e-3 * np.ptp(values)
        return lambda place: slope * place + start


def test_the_reliability_diagram_shows_the_bins(page):
    chart = Chart(page, "calibration")
    # labels of percentages: those of the upper axis stand at the left, one under another
    left = [(float(name[:-2]) / 100, y) for name, x, y in chart.labels if name.endswith(" %") and x < 60]
    below = [(float(name[:-2]) / 100, x) for name, x, y in chart.labels if name.endswith(" %") and x >= 60]
    right = chart.scale([v for v, _ in left], [y for _, y in left])
    said = chart.scale([v for v, _ in below], [x for _, x in below])
    height = 4.18  # a label's base line lies below its tick by this, for every tick the same
    dots = [(said(x), right(y + height)) for x, y in chart.marks]
    assert len(dots) == len(BINS)
    for (x, y), b in zip(dots, BINS, strict=True):
        assert x == pytest.approx(b.confidence, abs=2e-3)
        assert y == pytest.approx(b.accuracy.value, abs=5e-3)
    bars = [points for style, points in chart.lines if "stroke-opacity" in style]
    for points, b in zip(bars, BINS, strict=True):
        assert [said(x) for x, _ in points] == pytest.approx([b.confidence] * 2, abs=2e-3)
        assert [right(y + height) for _, y in points] == pytest.approx(
            [b.accuracy.low, b.accuracy.high], abs=5e-3
        )
    (diagonal,) = [points for style, points in chart.lines if "dasharray" in style]
    for x, y in diagonal:
        assert said(x) == pytest.approx(right(y + height), abs=5e-3)
    (steps,) = [points for style, points in chart.lines if "fill: var(--soft)" in style]
    density = TEST.calibration.density[4:]  # the picture begins at 40 %
    ground = steps[-1][1]
    heights = np.array([ground - steps[2 * i + 1][1] for i in range(len(density))])
    assert heights / heights.max() == pytest.approx(np.array(density) / max(density), abs=1e-3)
    edges = [said(steps[2 * i + 1][0]) for i in range(len(density))]
    assert edges == pytest.approx(np.arange(4, 10) / 10, abs=2e-3)


def test_the_path_shows_every_penalty_and_rings_the_chosen_one(page):
    chart = Chart(page, "method")
    names = {f"{p.C:g}": p.C for p in PATH}
    below = [(math.log(names[name]), x) for name, x, y in chart.labels if name in names and x > 39]
    left = [(float(name), y) for name, x, y in chart.labels if x < 39 and re.fullmatch(r"[\d.]+", name)]
    assert len(below) == len(PATH)
    strength = chart.scale([v for v, _ in below], [x for _, x in below])
    loss = chart.scale([v for v, _ in left], [y for _, y in left])
    height = 4.18
    *dots, ring = [(strength(x), loss(y + height)) for x, y in chart.marks]
    for (x, y), p in zip(dots, PATH, strict=True):
        assert x == pytest.approx(math.log(p.C), abs=2e-2)
        assert y == pytest.approx(p.loss, abs=2e-3)
    assert ring == pytest.approx((math.log(0.3), 0.43), abs=2e-2)
    bars = [points for style, points in chart.lines if "stroke-opacity" in style]
    for points, p in zip(bars, PATH, strict=True):
        ends = [loss(y + height) for _, y in points]
        assert ends == pytest.approx([p.loss - p.standard_error, p.loss + p.standard_error], abs=2e-3)


def test_labels_that_are_probably_wrong_are_counted_and_named_in_every_form(page):
    section = page.find(id="labels")[0]
    for told in (words(section.text), words(to_markdown(SUMMARY)), words(to_text(SUMMARY))):
        told = told.replace("\\", "")
        assert "contradicts 152 of 3,597 training labels with confidence (95 % interval 134 to 172)" in told
        assert "about 31 labels are wrong (95 % interval 21 to 45)" in told
        assert "labelled “bee” (0.31 %), rather “ant” (97.3 %)" in told
        assert "t901" in told
    assert "labelled “ant”, rather “cat”86 rows" in words(section.text).replace("” 86", "”86")
    assert "57" in section.text


@pytest.mark.parametrize(
    ("likely", "found", "said"),
    [
        (0.0, 0, "contradicts none of 3,597 training labels"),
        (0.2, 149, "hardly any label is wrong"),
        (1.0, 149, "about 1 label is wrong"),
        (90.0, 149, "about 90 labels are wrong"),
        (160.0, 149, "most of these labels are wrong"),
    ],
)
def test_what_is_said_of_labels_follows_both_estimates(likely, found, said):
    wrong = Estimate(value=likely, low=0.0, high=200.0)
    labels = SUMMARY.labels.model_copy(update={"wrong": wrong, "found": found})
    summary = SUMMARY.model_copy(update={"labels": labels})
    for told in (page_words(summary), words(to_markdown(summary))):
        assert said in told
