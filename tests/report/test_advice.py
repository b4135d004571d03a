from __future__ import annotations

import math

import pytest
from hypothesis import given, settings

from crossentropy.evaluation import Calibration, ClassFigures, ConfusedPair, Estimate, LossParts, SuspectPair
from crossentropy.report import ColumnNote, Optimality, Penalty, PenaltyPoint, SuspectLabels, advise
from tests.report.strange import summaries_of_any_figures
from tests.report.summaries import made, part

# A summary about which there is nothing to say: every rule below changes one thing in it.
PATH = tuple(PenaltyPoint(C=c, loss=0.3, standard_error=0.01) for c in (0.1, 1.0, 10.0))


@pytest.fixture(scope="module")
def quiet():
    base = made(3, 1000)
    test = base.test.model_copy(
        update={
            "loss": Estimate(value=0.3, low=0.27, high=0.33),
            "skill": 0.7,
            "skill_interval": Estimate(value=0.7, low=0.6, high=0.8),
            "frequencies": 1.0,
            "accuracy": Estimate(value=0.9, low=0.88, high=0.92),
            "majority": 0.4,
            "calibration": base.test.calibration.model_copy(update={"error": 0.01, "noise": 0.03}),
            "worst_share": 0.05,
            "confused": (ConfusedPair(target="A", label="B", rows=2, share=0.01),),
        }
    )
    return base.model_copy(
        update={
            "test": test,
            "penalty": Penalty(C=1.0, folds=5, path=PATH),
            "columns": (ColumnNote(name="id", kind="identifier", used=False, missing=0, note=""),),
        }
    )


def of(summary, **changes):
    """Return the advice after changes to the test figures (by name) or to the summary itself."""
    inside = {k: v for k, v in changes.items() if k in type(summary.test).model_fields}
    outside = {k: v for k, v in changes.items() if k not in inside}
    test = summary.test.model_copy(update=inside)
    return [
        text.replace("\u00a0", " ") for text in advise(summary.model_copy(update={"test": test, **outside}))
    ]


def test_nothing_to_say(quiet):
    assert advise(quiet) == ()


WRONG = SuspectLabels(
    rows=900,
    wrong=Estimate(value=12.2, low=6, high=20),
    contradicted=Estimate(value=16.0, low=11, high=22),
    found=16,
    pairs=(SuspectPair(target="A", suggested="B", rows=9),),
    listed=(),
)
CALIBRATION = Calibration(error=0.07, noise=0.03, bins=())
MENDED = LossParts(
    uncertainty=Estimate(value=1.0, low=0.98, high=1.02),
    discrimination=Estimate(value=0.71, low=0.68, high=0.74),
    miscalibration=Estimate(value=0.01, low=0.004, high=0.016),
)
GAP = Optimality(objective=0.1, gap=0.02, n_iter=100, message="")
RULES = [
    ({"loss": Estimate(value=math.inf, low=math.nan, high=math.nan)}, "The loss is infinite: find the rows"),
    ({"skill": None}, "test on rows of every class"),
    (
        {"skill": 0.01, "skill_interval": Estimate(value=0.01, low=-0.05, high=0.07)},
        "tell little or nothing about “kind” (skill 1.0 %)",
    ),
    (
        {
            "skill": 0.1,
            "skill_interval": Estimate(value=0.1, low=-0.05, high=0.25),
            "rows": 150,
            "worst_share": 0.1,
        },
        "150 test rows are too few to tell whether the columns know anything about “kind” (skill 10.0 %)",
    ),
    (
        {"slices": (part("shop", "north", 0),), "slices_tried": 9},
        "Where “shop” is “north”, the rows are harder than the rest: 10.0 % of the rows carry 30.0 % of the loss.",
    ),
    (
        {"labels": WRONG},
        "About 12 training labels of 900 are probably wrong, most often “A” that should be “B”: check the rows",
    ),
    ({"skill": 0.999}, "check that no column gives the answer away"),
    ({"optimality": GAP}, "as much as 0.0200 nats above its minimum after 100 iterations"),
    ({"optimality": GAP.model_copy(update={"gap": math.nan})}, "from its minimum is unknown"),
    ({"calibration": CALIBRATION}, "off by 7.0 points on average, more than chance explains (3.0 points)"),
    (
        {"calibration": CALIBRATION, "parts": MENDED},
        "mostly not sure enough; mending it would gain 0.0100 nats: see where",
    ),
    (
        {"optimality": Optimality(objective=0.28, gap=1e-9, n_iter=9, message="")},
        "The loss is as high on the rows it was trained on (0.280 nats with the penalty): more rows",
    ),
    (
        {"accuracy": Estimate(value=0.41, low=0.38, high=0.44)},
        "not clearly better than always saying “A” (40.0 %)",
    ),
    ({"worst_share": 0.31}, "The worst 1 % of the rows carry 31.0 % of the loss"),
    (
        {"confused": (ConfusedPair(target="A", label="C", rows=40, share=0.12),)},
        "“A” is most often mistaken for “C” (40 rows, 12.0 % of that class)",
    ),
    (
        {
            "by_class": (
                ClassFigures(
                    name="rare", rows=4, row_share=0.01, loss=1, loss_share=0.1, recall=1, precision=1
                ),
            )
        },
        "“rare” has fewer than 10 test rows",
    ),
    (
        {"columns": (ColumnNote(name="told", kind="text", used=False, missing=0, note=""),)},
        "“told” was left out, and may hold information",
    ),
    (
        {"penalty": Penalty(C=10.0, folds=5, path=PATH)},
        "C = 10 lies at the end of the values tried: try larger ones",
    ),
    ({"penalty": Penalty(C=0.1, folds=5, path=PATH)}, "try smaller ones"),
    ({"accuracy": Estimate(value=0.9, low=0.8, high=0.96)}, "anywhere from 80.0 % to 96.0 %"),
]


@pytest.mark.parametrize(("changes", "said"), RULES, ids=[said[:30] for _, said in RULES])
def test_each_rule_speaks_for_its_own_figure_and_no_other_does(quiet, changes, said):
    advice = of(quiet, **changes)
    assert len(advice) == 1
    assert said in advice[0]


def test_which_side_the_confidence_errs_on_is_said(quiet):
    bins = tuple(b.model_copy(update={"confidence": 0.99}) for b in quiet.test.calibration.bins)
    assert "mostly too sure" in of(quiet, calibration=CALIBRATION.model_copy(update={"bins": bins}))[0]
    bins = tuple(b.model_copy(update={"confidence": 0.01}) for b in bins)
    assert "mostly not sure enough" in of(quiet, calibration=CALIBRATION.model_copy(update={"bins": bins}))[0]


def test_a_given_C_is_not_at_the_end_of_anything(quiet):
    assert of(quiet, penalty=Penalty(C=10.0, folds=0, path=())) == []


@settings(derandomize=True, max_examples=40, deadline=None)
@given(summaries_of_any_figures())
def test_at_most_four_sentences_always_the_same(summary):
    advice = advise(summary)
    assert advice == advise(summary.model_copy(update={"advice": ()}))
    assert len(advice) <= 4
    for sentence in advice:
        assert sentence.endswith(".")
        assert len(sentence) < 300
