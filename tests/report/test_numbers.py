from __future__ import annotations

import math
import unicodedata
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossentropy.report._numbers import (
    NBSP,
    chance,
    clean,
    count,
    equally_likely,
    figure,
    line,
    percent,
    quoted,
    short,
)
from tests.report.summaries import NASTY


@settings(derandomize=True)
@given(st.floats(-1e300, 1e300).filter(lambda value: value == 0 or abs(value) > 1e-290))
def test_a_figure_has_three_significant_digits(value):
    read = float(figure(value).replace(",", ""))
    if 1000 <= abs(value) < 1e7:
        assert abs(read - value) <= 0.5
    elif value:
        exact = Decimal(value)
        nearest = exact.quantize(Decimal(1).scaleb(exact.adjusted() - 2), ROUND_HALF_EVEN)
        assert read == pytest.approx(float(nearest), rel=1e-12, abs=0)
    else:
        assert read == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.1 + 0.2, "0.300"),
        (0.08124, "0.0812"),
        (2.302585, "2.30"),
        (9.999, "10.0"),
        (123.4, "123"),
        (12345.6, "12,346"),
        (3.21e-8, "3.21e-8"),
        (3e-8, "3e-8"),
        (-0.0123, "-0.0123"),
        (math.inf, "infinite"),
        (math.nan, "undefined"),
    ],
)
def test_figures(value, text):
    assert figure(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0.0 %"),
        (1, "100.0 %"),
        (1 - 1e-16 * 3, "100.0 %"),
        (0.99999, "over 99.9 %"),
        (0.9994, "99.9 %"),
        (1e-5, "under 0.1 %"),
        (-1e-9, "0.0 %"),
        (-0.5, "-50.0 %"),
        (-0.00512, "-0.5 %"),
        (-1000.04, "-100,004 %"),
        (-math.inf, "undefined"),
        (1e300, "1e302 %"),
        (0.3 + 0.3 + 0.3, "90.0 %"),
        (math.nan, "undefined"),
    ],
)
def test_percentages_never_round_to_certainty(share, text):
    assert percent(share).replace(NBSP, " ") == text


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.973, "97.3 %"), (0.0021, "0.21 %"), (0.000021, "0.0021 %"), (3e-12, "3.0e-10 %"), (0.0, "0.0 %")],
)
def test_small_chances_keep_two_digits(p, text):
    assert chance(p).replace(NBSP, " ") == text


def test_settings_counts_and_equally_likely_classes():
    assert [short(1.0), short(0.05), short(100.0), short(10000.0)] == ["1", "0.05", "100", "10,000"]
    assert count(1, "class", "classes") == f"1{NBSP}class"
    assert count(12000, "row") == f"12,000{NBSP}rows"
    assert equally_likely(0.0) == "1"
    assert equally_likely(math.log(10)) == "10"
    assert equally_likely(0.1) == "1.11"
    assert equally_likely(1e6) == "infinite"
    assert equally_likely(math.nan) == "undefined"


@settings(derandomize=True)
@given(st.one_of(st.text(max_size=400), st.sampled_from(NASTY)))
def test_a_clean_name_is_one_harmless_short_line(name):
    for text in (clean(name), quoted(name), line(name, 10)):
        assert text == text.strip()
        assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)
        assert not set(text) & set("\u202a\u202b\u202d\u202e\u2066\u2067")
        text.encode()
    assert 1 <= len(clean(name)) <= 48
    assert len(line(name, 10)) <= 10


@settings(derandomize=True)
@given(st.text(alphabet=st.characters(categories=("L", "N")), min_size=1, max_size=40))
def test_an_ordinary_name_is_kept_as_it_is(name):
    assert clean(name) == name
    assert name in quoted(name)
