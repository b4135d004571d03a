"""Each rule of the advice is silent on the other side of its step; the first rules come first. And names in lists."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossentropy.evaluation import ConfusedPair, Estimate
from crossentropy.report import ColumnNote, Optimality, PartFigures, Penalty, Temperature, advise
from crossentropy.report._numbers import chance, clean, equally_likely, quoted, short
from tests.report.summaries import part
from tests.report.test_advice import CALIBRATION, GAP, MENDED, PATH, WRONG, of, quiet

__all__ = ["quiet"]  # the fixture of the rules: a summary about which there is nothing to say


def pair(label, rows, share):
    return ConfusedPair(target="A", label=label, rows=rows, share=share)


def column(kind, used, name="told"):
    return ColumnNote(name=name, kind=kind, used=used, missing=0, note="")


def rare(quiet, rows):
    return tuple(c.model_copy(update={"rows": rows}) for c in quiet.test.by_class[:1])


NEAR = Optimality(objective=0.28, gap=1e-9, n_iter=9, message="")
NETWORK = PartFigures(name="network", weight=1.0, temperature=1.0, loss=0.3, note="")
WEIGHTED = Temperature(value=1.0, loss_before=0.3, loss_after=0.3, corrected=True)
SILENT = [
    {"optimality": NEAR, "temperature": WEIGHTED},
    {"optimality": NEAR.model_copy(update={"objective": 0.26})},
    {"optimality": NEAR, "skill": 0.92},
    {"labels": WRONG.model_copy(update={"wrong": Estimate(value=7.0, low=3, high=14)})},
    {"labels": WRONG.model_copy(update={"found": 2})},
    {"slices": (part("shop", "north", 0).model_copy(update={"fall": 0.04}),)},
    {"skill": 0.97},
    {"optimality": GAP.model_copy(update={"gap": 1e-4})},
    {"calibration": CALIBRATION.model_copy(update={"error": 0.03})},
    {"calibration": CALIBRATION.model_copy(update={"noise": math.nan})},
    {"rows": 60, "worst_share": 0.6},
    {"worst_share": 0.15},
    {"confused": (pair("C", 9, 0.02),), "confusion": ((0, 60, 9), (0, 0, 0), (0, 0, 0))},
    {"confused": (pair("C", 2, 0.9),)},
    {"confused": ()},
    {"columns": (column("text", True), column("date", True))},
    {"columns": (column("constant", False), column("identifier", False))},
    {"penalty": Penalty(C=10.0, folds=5, path=PATH[1:])},
    {"accuracy": Estimate(value=0.9, low=0.86, high=0.95)},
    {"accuracy": Estimate(value=0.5, low=0.45, high=0.54)},
]


@pytest.mark.parametrize("changes", SILENT, ids=str)
def test_no_rule_speaks_without_need(quiet, changes):
    assert of(quiet, **changes) == []


def test_rare_classes_are_those_below_ten_rows_that_occur(quiet):
    for rows, said in ((0, 0), (1, 1), (9, 1), (10, 0)):
        assert len(of(quiet, by_class=rare(quiet, rows))) == said
    assert of(quiet, by_class=rare(quiet, 5), rows=20) == []  # of so few rows every class is rare


SPEAKS = [
    ({"skill": 0.996}, "Skill 99.6 % is rare"),
    ({"optimality": GAP.model_copy(update={"gap": 0.005})}, "as much as 0.00500 nats"),
    ({"columns": (column("date", False),)}, "“told” was left out"),
    ({"columns": (column("other", False),)}, "“told” was left out"),
    (
        {"columns": tuple(column("text", False, name) for name in "abcde")},
        "“a”, “b”, “c” and 2 more were left out",
    ),
    ({"columns": tuple(column("text", False, name) for name in "abc")}, "“a”, “b” and “c” were left out"),
    (
        {"confused": (pair("B", 30, 0.06), pair("C", 40, 0.08))},
        "“A” is most often mistaken for “C” (40 rows, 8.0 % of that class)",
    ),
    (
        {"confused": (pair("C", 40, 0.03),), "confusion": ((900, 20, 40), (0, 9, 0), (0, 0, 9))},
        "mistaken for “C” (40 rows, 3.0 % of that class)",
    ),
    ({"accuracy": Estimate(value=0.9, low=0.83, high=0.95)}, "anywhere from 83.0 % to 95.0 %"),
    ({"accuracy": Estimate(value=0.45, low=0.395, high=0.48)}, "not clearly better than always saying “A”"),
]


@pytest.mark.parametrize(("changes", "said"), SPEAKS, ids=[said[:40] for _, said in SPEAKS])
def test_a_rule_speaks_from_its_step_on(quiet, changes, said):
    (sentence,) = of(quiet, **changes)
    assert said in sentence


def test_of_a_mixture_the_fit_of_one_part_says_nothing_of_the_limit(quiet):
    alone = quiet.model_copy(update={"optimality": NEAR})
    assert "let a network try" in advise(alone)[0]
    assert advise(alone.model_copy(update={"parts": (NETWORK,)})) == ()


def test_confidence_comes_first_only_where_it_costs_much(quiet):
    hard = {"slices": (part("shop", "north", 0),), "calibration": CALIBRATION}
    dear = MENDED.model_copy(update={"miscalibration": Estimate(value=0.05, low=0.03, high=0.07)})
    cheap, much = (of(quiet, **hard, parts=parts) for parts in (MENDED, dear))
    assert ["Where" in sentence for sentence in cheap] == [True, False]
    assert ["Where" in sentence for sentence in much] == [False, True]


def test_a_model_without_skill_is_not_advised_to_use_its_probabilities(quiet):
    interval = Estimate(value=-0.05, low=-0.2, high=0.05)
    accuracy = Estimate(value=0.4, low=0.37, high=0.43)
    advice = of(quiet, skill=-0.05, skill_interval=interval, accuracy=accuracy)
    assert len(advice) == 1
    assert "tell little or nothing about" in advice[0]


def test_the_most_important_comes_first_and_four_are_enough(quiet):
    everything = {
        "skill": 0.01,
        "skill_interval": Estimate(value=0.01, low=-0.05, high=0.07),
        "optimality": GAP,
        "calibration": CALIBRATION,
        "accuracy": Estimate(value=0.41, low=0.3, high=0.5),
        "worst_share": 0.31,
        "columns": (column("text", False),),
    }
    said = [sentence.split()[1] for sentence in of(quiet, **everything)]
    assert said == ["columns", "fit", "confidence", "labels"]
    infinite = Estimate(value=math.inf, low=math.nan, high=math.nan)
    assert of(quiet, **everything | {"loss": infinite})[0].startswith("The loss is infinite")
    assert of(quiet, **everything | {"skill": None})[0].startswith("The test rows hold only “A”")


def test_advice_does_not_depend_on_advice(quiet):
    assert advise(quiet.model_copy(update={"advice": ("Look at this.",)})) == ()


@settings(derandomize=True)
@given(st.floats(1e-12, 1e12))
def test_a_setting_can_be_read_back(value):
    read = float(short(value).replace(",", ""))
    assert read == pytest.approx(value, rel=5.01e-3)
    assert not short(value).endswith(".")


@settings(derandomize=True)
@given(st.floats(1e-5, 0.9994))
def test_a_chance_can_be_read_back(p):
    read = float(chance(p).removesuffix("\u00a0%")) / 100
    assert read == pytest.approx(p, rel=0.051, abs=0) if p < 0.01 else read == pytest.approx(p, abs=5.1e-4)


def test_only_a_whole_number_of_classes_loses_its_digits():
    assert equally_likely(math.log(2.01)) == "2.01"
    assert equally_likely(math.log(2)) == "2"
    assert equally_likely(math.log(1999)) == "1,999"


def test_a_name_written_from_right_to_left_is_set_apart():
    for name in ("שלום", "مرحبا", "a ש"):
        assert quoted(name) == f"“\u2068{name}\u2069”"
    for name in ("ant", "漢字", "é", "12"):
        assert quoted(name) == f"“{name}”"


def test_spaces_before_a_name_do_not_cut_it():
    assert clean(" " * 60 + "ant") == "ant"
    assert clean("a" + " " * 60 + "b") == "a b"
