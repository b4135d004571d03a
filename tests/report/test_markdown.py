from __future__ import annotations

import math
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from crossentropy.report import to_markdown
from crossentropy.report._markdown import escape
from crossentropy.report._numbers import clean, quoted
from tests.report.strange import summaries_of_any_figures
from tests.report.summaries import NASTY, digits, made, named, tumours, wines

ALL = {"digits": digits, "tumours": tumours, "wines": wines, "many": lambda: made(58, 600, "long")}
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PLAIN = {"text", "softbreak", "strong_open", "strong_close", "text_special"}


def shape(markdown):
    """Return the kinds of all blocks, and check that nothing within them is more than text."""
    tokens = PARSER.parse(markdown)
    for token in tokens:
        kinds = {child.type for child in token.children or ()}
        assert kinds <= PLAIN, (kinds - PLAIN, token.content)
    return [(token.type, token.tag) for token in tokens]


def cells(markdown):
    rows, row = [], []
    for token in PARSER.parse(markdown):
        if token.type == "tr_open":
            row = []
        elif token.type == "inline":
            row.append("".join(child.content for child in token.children))
        elif token.type == "tr_close":
            rows.append(row)
            row = []
    return rows


@pytest.mark.parametrize("name", ALL)
def test_the_figures_are_those_of_the_summary(name):
    summary = ALL[name]()
    test, markdown = summary.test, to_markdown(summary)
    rows = {row[0]: row[1:] for row in reversed(cells(markdown))}
    assert rows["this model"][:2] == [f"{test.loss.value:#.3g}", f"{test.loss_bits:#.3g}"]
    assert rows["class frequencies"][0] == f"{test.frequencies:#.3g}"
    worst = max(test.by_class, key=lambda c: c.loss_share)
    assert rows[clean(worst.name)] == [
        f"{worst.rows}",
        f"{worst.loss:#.3g}",
        f"{100 * worst.loss_share:.1f} %",
        f"{100 * worst.recall:.1f} %",
        f"{100 * worst.precision:.1f} %",
    ]
    assert f"Skill {100 * test.skill:.1f} %" in markdown
    assert f"(95 % interval {100 * test.accuracy.low:.1f} % to" in markdown
    assert f"differ by {100 * test.calibration.error:.1f} points" in markdown
    assert "\u00a0" not in markdown
    if test.confused:
        pair = test.confused[0]
        assert [
            quoted(pair.target),
            quoted(pair.label),
            f"{pair.rows}",
            f"{100 * pair.share:.1f} %",
        ] in cells(markdown)
    for row in summary.worst_rows:
        told = next(r[1] for r in cells(markdown) if len(r) == 2 and r[0] == row.id)
        assert told.endswith(f"cost {row.loss:#.3g} nats")
        assert row.loss == pytest.approx(-math.log(row.p_target))
    shape(markdown)


@settings(derandomize=True, max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.text(max_size=60), st.sampled_from(NASTY)), min_size=2, max_size=5))
def test_no_name_changes_the_shape_of_the_document(names):
    assert shape(to_markdown(named(names))) == shape(to_markdown(named([f"n{i}" for i in range(len(names))])))


def test_every_nasty_name_stands_in_the_tables_as_it_is():
    markdown = to_markdown(named(NASTY))
    first = {row[0] for row in cells(markdown)}
    assert {clean(name) for name in NASTY} <= first
    assert shape(markdown) == shape(to_markdown(named([f"n{i}" for i in range(len(NASTY))])))


@settings(derandomize=True, deadline=None)
@given(st.one_of(st.text(max_size=80), st.sampled_from(NASTY)).map(lambda t: clean(t, 80)))
def test_escaped_text_reads_as_it_was(text):
    tokens = PARSER.parse(f"before\n\n{escape(text)}\n")
    assert [t.type for t in tokens] == ["paragraph_open", "inline", "paragraph_close"] * 2
    assert {c.type for c in tokens[4].children} <= {"text", "text_special"}
    assert "".join(c.content for c in tokens[4].children) == text


@pytest.mark.parametrize(
    "text", ["https://e.example", "see http://e", "www.e.example", "WWW.e.example", "me@e.example"]
)
def test_bare_links_are_disarmed(text):
    escaped = escape(text)
    assert not re.search(r"(?<!\\):/", escaped)
    assert "www." not in escaped.lower()
    assert "@" not in escaped.replace("\\@", "")


@settings(derandomize=True, max_examples=40, deadline=None)
@given(summaries_of_any_figures())
def test_any_figures_can_be_told(summary):
    shape(to_markdown(summary))
