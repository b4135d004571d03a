"""The parts of a table's rows: what is missing, levels, quarters of numbers, lengths of text; told in every form."""

import numpy as np
import polars as pl
import pytest

import crossentropy
from crossentropy.report import to_html, to_markdown, to_text, without_rows
from crossentropy.tables import read_table
from tests.report.pages import parse


def words(text):
    return " ".join(text.replace("\u00a0", " ").replace("\\", "").split())


@pytest.fixture(scope="module")
def hard():
    """Rows whose class the column x tells, but for those of the shop “north <b>”, which are drawn by chance."""
    rng = np.random.default_rng(0)
    n = 3000
    x = rng.normal(size=n)
    shop = rng.choice(["north <b>", "south", "east", "west"], n)
    kind = np.where(shop == "north <b>", rng.random(n) < 0.5, x + 0.3 * rng.normal(size=n) > 0)
    frame = pl.DataFrame(
        {
            "x": x,
            "shop": shop,
            "paid": rng.integers(1, 500, n),
            "number": [f"A-{i:05d}" for i in range(n)],
            "kind": np.where(kind, "yes", "no"),
        }
    )
    return crossentropy.train(frame, target="kind", C=1.0, kinds={"shop": "category"})


def test_the_hard_part_is_found_and_is_among_the_first_advice(hard):
    summary = hard.summary
    first = summary.slices[0]
    assert (first.column, first.level) == ("shop", "north <b>")
    assert first.loss_share > 0.4
    # three quarters of x and paid each end below the last; a missing part there is none
    assert summary.slices_tried == 4 + 4 + 4
    assert not [part for part in summary.slices if part.column == "paid"]
    assert any("Where “shop” is “north <b>”, the rows are harder" in advice for advice in summary.advice[:3])
    page = parse(to_html(summary))
    told = {
        "page": words(page.find(id="sources")[0].text),
        "markdown": words(to_markdown(summary)).replace("&lt;", "<").replace("&gt;", ">"),
        "text": words(to_text(summary)),
    }
    for form, text in told.items():
        assert "“shop” is “north <b>”" in text, form
        assert f"{first.rows} rows" in text, form
        assert "Of 12 parts of the rows" in text, form
    assert without_rows(summary).slices == summary.slices


def test_a_row_is_named_by_the_column_that_names_it(hard):
    assert "number" not in [code.name for code in hard.classifier.encoder.codes]
    for row in (*hard.summary.worst_rows, *hard.summary.labels.listed):
        assert next(iter(row.cells.items())) == ("number", f"A-{int(row.id):05d}")


def test_the_cells_that_speak_most_for_a_label_come_first(hard):
    classifier = hard.classifier
    for row in hard.summary.worst_rows:
        number = float(row.cells["x"])
        one = pl.DataFrame({"x": [number], "shop": [row.cells["shop"]], "paid": [int(row.cells["paid"])]})
        table = read_table(one, expected=classifier.encoder.expected)
        said, is_ = (classifier.classes.index(name) for name in (row.label, row.target))
        parts = classifier.contributions(classifier.encoder.transform(table))
        loud = {name: abs(part[0, said] - part[0, is_]) for name, part in parts}
        assert list(row.cells)[1:] == sorted(loud, key=lambda name: -loud[name])


def test_quarters_words_dates_and_what_is_missing_are_told_as_such():
    rng = np.random.default_rng(1)
    n = 2500
    day = np.datetime64("2024-01-01") + rng.integers(0, 365, n).astype("timedelta64[D]")
    size = rng.normal(size=n).round(3)
    length = rng.integers(1, 30, n)
    late = day > np.datetime64("2024-09-30")
    kind = np.where(late | (length > 22) | (size > 1), rng.random(n) < 0.5, size > -0.2)
    size_or_not = [None if u < 0.15 else s for u, s in zip(rng.random(n), size.tolist(), strict=True)]
    frame = pl.DataFrame(
        {
            "size": size_or_not,
            "day": pl.Series(day),
            "note": [" ".join(rng.choice(["ab", "cd", "ef", "gh"], k)) for k in length],
            "kind": np.where(kind, "yes", "no"),
        }
    )
    kinds = {"note": "text", "day": "date"}
    summary = crossentropy.train(frame, target="kind", C=1.0, test_size=0.5, kinds=kinds).summary
    by_column = {part.column: part for part in summary.slices}
    assert by_column["note"].words
    assert by_column["note"].high is None
    assert by_column["note"].low in ("20", "21", "22", "23", "24")
    assert by_column["day"].low[:7] in ("2024-09", "2024-10")
    missing = by_column["size"]
    assert (missing.level, missing.low, missing.high) == (None, None, None)
    text = words(to_text(summary))
    assert f"“note” has above {by_column['note'].low} words" in text
    assert f"“day” is above {by_column['day'].low}" in text
    assert "“size” is missing" in text
