from __future__ import annotations

import math
import re
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from crossentropy.report import evaluation_text, to_text
from tests.report.strange import evaluations, summaries_of_any_figures
from tests.report.summaries import NASTY, digits, made, named, tumours, wines

ALL = {"digits": digits, "tumours": tumours, "wines": wines, "many": lambda: made(58, 600, "long")}


def words(text):
    return " ".join(text.split())


def holds_the_terminal(text):
    for row in text.splitlines():
        assert cell_len(row) <= 80, row
        assert row == row.rstrip()
    assert text.endswith("\n")
    assert not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cs")]


@pytest.mark.parametrize("name", ALL)
def test_the_figures_are_those_of_the_summary(name):
    summary = ALL[name]()
    test, text = summary.test, to_text(summary)
    told = words(text)
    row = next(r for r in text.splitlines() if "this model" in r)
    assert row.split()[2:5] == [
        f"{test.loss.value:#.3g}",
        f"{test.loss_bits:#.3g}",
        f"{math.exp(test.loss.value):#.3g}",
    ]
    row = next(r for r in text.splitlines() if "class frequencies" in r and "|" in r)
    assert row.split()[2:4] == [f"{test.frequencies:#.3g}", f"{test.frequencies / math.log(2):#.3g}"]
    assert f"Skill {100 * test.skill:.1f} %" in told
    accuracy = test.accuracy
    assert f"{100 * accuracy.value:.1f} % of {test.rows} test rows are labelled correctly" in told
    assert f"(95 % interval {100 * accuracy.low:.1f} % to {100 * accuracy.high:.1f} %)" in told
    assert f"would be correct for {100 * test.majority:.1f} %" in told
    assert f"differ by {100 * test.calibration.error:.1f} points" in told
    assert f"up to {100 * test.calibration.noise:.1f} points" in told
    assert f"carry {100 * test.worst_share:.1f} %" in told.replace("carries", "carry")
    assert "C = 1, chosen among 6 values" in told
    assert "Temperature 1.14" in told
    assert "at most 1e-7 nats above the minimum" in told
    for sentence in (*summary.advice, *summary.notes):
        assert words(sentence.replace("\u00a0", " ")) in told
    holds_the_terminal(text)


def test_the_bars_are_as_long_as_the_losses():
    test = made(26).test
    bars = dict(re.findall(r"^  (\w[\w ]*?)  .*\|(#*)$", evaluation_text(test), re.MULTILINE))
    longest = len(bars["uniform guess"])
    assert bars["certain and right"] == ""
    assert len(bars["this model"]) == round(longest * test.loss.value / test.uniform)
    assert len(bars["class frequencies"]) == round(longest * test.frequencies / test.uniform)


def test_an_evaluation_alone_is_told_in_the_same_words():
    summary = wines()
    whole, alone = to_text(summary), evaluation_text(summary.test)
    for line in alone.splitlines()[3:]:
        assert line in whole.splitlines()
    assert "Columns left out" not in alone
    assert "What to look at next" not in alone


def test_an_evaluation_names_the_column_where_it_is_known():
    test = wines().test
    assert "leave open about the class. It" in words(evaluation_text(test))
    assert "leave open about “cultivar”. It" in words(evaluation_text(test, "cultivar"))


@pytest.mark.parametrize("loss", [1.95e-128, -1.95e-128, 9_999_999.0, -1.23e300])
def test_figures_of_any_size_stand_apart_in_lines_of_80_columns(loss):
    test = wines().test
    test = test.model_copy(update={"loss": test.loss.model_copy(update={"value": loss})})
    row = next(r for r in evaluation_text(test).splitlines() if "this model" in r)
    nats, bits = map(float, row.split()[2:4])
    assert (nats, bits) == pytest.approx((loss, loss / math.log(2)), rel=0.3)
    assert cell_len(row) <= 80


def test_an_accuracy_is_set_against_the_simplest_rule():
    test = wines().test
    for low, high, said in ((0.3, 0.4, "That simple rule is better."), (0.4, 0.6, "does not rule out")):
        accuracy = test.accuracy.model_copy(update={"low": low, "high": high})
        text = words(evaluation_text(test.model_copy(update={"accuracy": accuracy, "majority": 0.5})))
        assert said in text
    assert "simple rule" not in evaluation_text(test)


def test_columns_left_out_are_named_with_the_reason():
    text = words(to_text(tumours()))
    assert "“remarks” (text): text is not read yet; it may help" in text
    assert "“id” (identifier): every value differs" in text


@settings(derandomize=True, max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.text(max_size=320), st.sampled_from(NASTY)), min_size=2, max_size=8))
def test_no_name_breaks_the_terminal(names):
    holds_the_terminal(to_text(named(names)))


def test_every_nasty_name_at_once():
    text = to_text(named(NASTY))
    holds_the_terminal(text)
    assert "\x1b" not in text


@settings(derandomize=True, max_examples=30, deadline=None)
@given(summaries_of_any_figures())
def test_any_figures_can_be_told(summary):
    holds_the_terminal(to_text(summary))


@settings(derandomize=True, max_examples=30, deadline=None)
@given(evaluations())
def test_any_evaluation_can_be_told(evaluation):
    holds_the_terminal(evaluation_text(evaluation))
    if not math.isfinite(evaluation.loss.value):
        assert evaluation_text(evaluation).startswith("Unusable as it stands")
