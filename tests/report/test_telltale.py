"""Every sentence is the one for its figures, and every form says the same."""

from __future__ import annotations

import math
import re

import pytest

from crossentropy.evaluation import Estimate, FormGain, ReliabilityBin
from crossentropy.report import Optimality, Penalty, Temperature, evaluation_text, to_markdown, to_text
from tests.report.telltale import BINS, REPEATS, SUMMARY, TEST, TOLD, page_of, page_words, with_test, words

every_form = pytest.mark.parametrize("form", TOLD)


@pytest.fixture(scope="module")
def whole():
    """Return the summary itself in every form."""
    return {form: tell(SUMMARY) for form, tell in TOLD.items()}


SENTENCES = [
    "Useful: the model explains 59.8 % of what the class frequencies leave open about “species”.",
    "It labels 83.0 % of 1,200 test rows correctly (always saying “bee” would reach 52.0 %), "
    "and it is too sure of itself, by 6.8 points on average.",
    "as if it had to choose among 1.51 equally likely classes (1 is certainty, 3 is a blind guess).",
    "95 % interval of the model’s loss: 0.370 to 0.460 nats.",
    "Skill 59.8 % (95 % interval 55.7 % to 63.9 %): the part of H(y) = 1.02 nats,",
    "Of the 1.02 nats that the class frequencies leave open, its logits can tell 0.644 nats (95 % interval 0.601 to "
    "0.686); 0.0340 nats of that are lost again by confidence that is off (95 % interval 0.0191 to 0.0513).",
    "With every class counted alike: balanced accuracy 77.4 % (95 % interval 74.7 % to 79.9 %), F1 77.7 % (75.1 % to "
    "80.3 %), AUC 0.942 (0.933 to 0.951). Brier score 0.210 (0.193 to 0.228).",
    "83.0 % of 1,200 test rows are labelled correctly (95 % interval 81.0 % to 85.2 %); "
    "always saying “bee” would be correct for 52.0 %.",
    "differ by 6.8 points on average; with 1,200 test rows chance alone would show up to 2.3 points",
    "So this is more than chance: it is too sure of itself.",
    "When it says about 92.0 %, as it does for 293 rows, it is right in 84.0 % of them "
    "(95 % interval 79.0 % to 88.0 %).",
    "Of 23 parts of the rows, by the values of each column, 2 are clearly harder than the rest; most is lost where "
    "“wings” is above 60 and up to 71.",
    "291 rows, 24.2 % of all, with 43.2 % of the loss: 0.730 nats a row, at least 0.264 more than the rest; as easy as "
    "the rest, they would lower the loss by 24.9 %",
    "On rows held out from both, a slope and an offset for each class gains 0.00810 nats (standard error 0.00270), "
    "where a matrix over the classes loses 0.00330 nats (standard error 0.00410): it is used.",
    "The label whose expected cost is least comes to 0.213 a row (95 % interval 0.187 to 0.239), where the "
    "probabilities foresaw 0.221; always saying “cat” would come to 0.480. It is another label than the most probable "
    "one for 226 rows; the saving is 0.144 a row (95 % interval 0.109 to 0.178).",
    "“ant” is 16.7 % of these rows. It is said of those with a probability above 9.1 %, as the costs ask: 430 "
    "rows, of which 71.1 % are “ant” (precision, 95 % interval 67.1 % to 75.1 %); that finds 92.3 % of all “ant” "
    "(recall, 89.3 % to 95.3 %). F1 80.3 %.",
    "The worst 1 % of the rows (12 rows) carry 27.0 % of the whole loss.",
    "C = 0.3, chosen among 5 values by the loss on held-out rows (7 folds;",
    "Temperature 1.31 made the model less sure: loss on held-out rows 0.444 nats before, 0.432 nats after. "
    "The class weights of the fit were undone first",
    "The fit is at most 1e-6 nats above the minimum that any weights could reach (19 iterations).",
    "3,601 training rows, 1,200 test rows, 17 features, 3 classes",
    "4 rows had no species.",
    "Look at the ants.",
    "text is not read",
    "meadow.csv",
]


@every_form
@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence[:30])
def test_every_form_says_the_same_of_the_same_figures(whole, form, sentence):
    assert sentence in whole[form]


@pytest.mark.parametrize("form", ["markdown", "page"])
def test_the_worst_rows_and_the_method_are_told_in_full(whole, form):
    told = whole[form]
    assert "said “bee” with 95.0 %, is “ant” with 2.0 %" in told
    assert "said “cat” with 37.0 %: right, but unsure" in told
    assert told.index("r77") < told.index("r5 ")
    assert re.search(r"a quarter of the fields; seed 41\b", told)


GRADES = [
    (0.95, "Very good: the model explains 95.0 %"),
    (0.75, "Good: the model explains 75.0 %"),
    (0.5, "Useful: "),
    (0.2, "Weak: "),
    (0.05, "Barely any skill: "),
    (0.0, "No skill: the model tells no more about “species” than the class frequencies alone."),
    (-0.3, "No skill: the model tells no more"),
    (None, "Cannot be judged: the test rows hold one class only"),
]


@every_form
@pytest.mark.parametrize(("skill", "said"), GRADES)
def test_the_verdict_is_that_of_the_skill(form, skill, said):
    assert said in TOLD[form](with_test(skill=skill))


@pytest.mark.parametrize(
    ("rows", "said"), [(90, "but 90 test rows are too few to be sure"), (5000, "could be chance")]
)
def test_a_skill_that_may_be_chance_is_not_called_one(rows, said):
    interval = Estimate(value=0.11, low=-0.01, high=0.23)
    test = TEST.model_copy(update={"skill": 0.11, "skill_interval": interval, "rows": rows})
    told = words(evaluation_text(test))
    assert told.startswith("Not clear yet: ")
    assert said in told
    surely = interval.model_copy(update={"low": 0.01})
    assert words(evaluation_text(test.model_copy(update={"skill_interval": surely}))).startswith("Weak: ")


@every_form
def test_where_rows_have_weights_the_shares_are_of_weight(form):
    told = TOLD[form](with_test(weighted=True))
    assert "It labels 83.0 % of the weight of 1,200 test rows correctly" in told
    assert "83.0 % of the weight of 1,200 test rows is labelled correctly (95 % interval 81.0 %" in told
    assert ("each counted by its weight" in told) == (form == "page")
    assert "weight of" not in TOLD[form](SUMMARY)


def moved(by):
    """Return the calibration with confidences off by `by` from the accuracies, each by the same."""
    bins = tuple(b.model_copy(update={"confidence": b.accuracy.value + by}) for b in BINS)
    return TEST.calibration.model_copy(update={"bins": bins})


TRUST = [
    (moved(0.068), "and it is too sure of itself, by 6.8 points on average."),
    (moved(-0.068), "and it is less sure than it could be, by 6.8 points on average."),
    (moved(0.01), "and its confidence is off by 6.8 points on average."),
    (moved(0.0).model_copy(update={"error": 0.02}), "and mending its confidence would gain 0.0340 nats."),
    (
        moved(0.0).model_copy(update={"noise": math.nan}),
        "and whether its confidence can be believed could not",
    ),
]


@pytest.mark.parametrize(("calibration", "said"), TRUST, ids=lambda value: str(value)[:40])
def test_the_side_on_which_the_confidence_errs(calibration, said):
    told = words(evaluation_text(TEST.model_copy(update={"calibration": calibration})))
    assert said in told
    assert ("So this is more than chance" in told) == (" by 6.8 points" in said)
    assert ("this figure cannot tell what the loss tells" in told) == ("would gain" in said)
    assert "nothing here speaks against" not in told


def test_nothing_is_said_against_a_confidence_only_where_neither_the_bins_nor_the_loss_speak():
    assert TEST.parts is not None
    fine = {"calibration": moved(0.0).model_copy(update={"error": 0.02})}
    chance = TEST.parts.model_copy(update={"miscalibration": Estimate(value=0.001, low=-0.01, high=0.02)})
    for parts in (chance, None):
        told = words(evaluation_text(TEST.model_copy(update={**fine, "parts": parts})))
        assert "and nothing shows that its confidence is off." in told
        assert "nothing here speaks against its probabilities" in told
        assert "lost again by confidence that is off" not in told


def test_the_point_is_the_bin_nearest_to_90_percent_that_holds_rows():
    empty = BINS[0].model_copy(update={"rows": 0, "confidence": 0.9})
    calibration = TEST.calibration.model_copy(update={"bins": (*BINS, empty)})
    assert "When it says about 92.0 %, as it does for 293" in words(
        evaluation_text(TEST.model_copy(update={"calibration": calibration}))
    )


def test_a_single_worst_row_is_one_row():
    one, two = (words(evaluation_text(TEST.model_copy(update={"worst_rows": n}))) for n in (1, 2))
    assert "The single worst row carries 27.0 % of the whole loss." in one
    assert "(2 rows) carry 27.0 %" in two


def test_an_accuracy_without_an_interval_is_not_doubted():
    accuracy = Estimate(value=0.4, low=math.nan, high=math.nan)
    assert "simple rule" not in evaluation_text(TEST.model_copy(update={"accuracy": accuracy}))


HOW = [
    ({"penalty": Penalty(C=2.0, folds=0, path=())}, "C = 2, as given ("),
    (
        {"temperature": Temperature(value=0.8, loss_before=0.5, loss_after=0.4, corrected=False)},
        "Temperature 0.800 made the model more sure: loss on held-out rows 0.500 nats before, 0.400 nats after.",
    ),
    (
        {"temperature": Temperature(value=1.0, loss_before=0.5, loss_after=0.5, corrected=False)},
        "Temperature 1: on held-out rows no other lowers the loss by more than chance.",
    ),
    (
        {
            "temperature": Temperature(
                value=1.0,
                loss_before=0.5,
                loss_after=0.5,
                corrected=False,
                gains=(FormGain(form="vector", gain=0.001, standard_error=0.002),),
            )
        },
        "more than chance. Richer calibration does not pay: on rows held out from both, a slope and an offset for each "
        "class gains 0.00100 nats (standard error 0.00200).",
    ),
    (
        {"temperature": Temperature(value=1.0, loss_before=None, loss_after=None, corrected=False)},
        "Temperature 1: no row could be held out to fit another.",
    ),
    ({"optimality": Optimality(objective=0.3, gap=0.0, n_iter=1, message="")}, "(1 iteration)."),
    ({"optimality": Optimality(objective=0.3, gap=0.0, n_iter=1, message="")}, "reached its minimum"),
    ({"optimality": Optimality(objective=0.3, gap=1e-13, n_iter=2, message="")}, "at most 1e-13 nats above"),
    ({"optimality": Optimality(objective=0.3, gap=math.inf, n_iter=2, message="")}, "could not be bounded"),
]


@every_form
@pytest.mark.parametrize(("changes", "said"), HOW, ids=[said[:40] for _, said in HOW])
def test_how_it_was_done_is_told_by_its_figures(form, changes, said):
    told = TOLD[form](SUMMARY.model_copy(update=changes))
    assert said in told
    if "temperature" in changes:
        assert "class weights" not in told


@every_form
def test_further_splits_are_told_and_the_verdict_is_of_them_all(form):
    told = TOLD[form](SUMMARY.model_copy(update={"repeats": REPEATS}))
    assert (
        "Split, trained and tested 11 times, the loss is 0.427 nats on average (95 % interval 0.391 to 0.463, which "
        "counts the luck of the split), from 0.388 to 0.474; in the split of this report it is 0.410. Accuracy 82.4 % "
        "(80.6 % to 84.2 %), skill 58.2 % (54.9 % to 61.5 %)."
    ) in told
    assert (
        "Useful: over 11 splits the model explains 58.2 % of what the class frequencies leave open about “species”, in "
        "the one of this report 59.8 %."
    ) in told
    nothing = REPEATS.model_copy(update={"skill": Estimate(value=0.03, low=-0.02, high=0.08)})
    assert "Useful: the model explains 59.8 %" in TOLD[form](SUMMARY.model_copy(update={"repeats": nothing}))


ABOUT_90 = ReliabilityBin(rows=64, confidence=0.902, accuracy=Estimate(value=0.89, low=0.79, high=0.945))
TRUSTED = [
    ({}, "Yes, about there; not at every confidence, as the figures below show. When it says about 90.2 %"),
    ({"confidence": 0.948}, "No, expect to be right less often."),
    ({"accuracy": Estimate(value=0.97, low=0.92, high=0.99)}, "Yes, and more than that"),
    ({"accuracy": Estimate(value=0.89, low=0.62, high=0.97)}, "These rows are too few to tell about there."),
    ({"confidence": 0.99}, "It hardly ever says 90 %."),
    ({"rows": 7}, "When it says about 92.0 %, as it does for 293 rows"),
]


@every_form
@pytest.mark.parametrize(("changes", "said"), TRUSTED, ids=[said[:24] for _, said in TRUSTED])
def test_whether_a_90_can_be_trusted_is_answered_by_the_rows_about_it(form, changes, said):
    calibration = TEST.calibration.model_copy(update={"point": ABOUT_90.model_copy(update=changes)})
    assert said in TOLD[form](with_test(calibration=calibration))


def test_a_90_can_be_trusted_where_nothing_speaks_against_it():
    parts = TEST.parts.model_copy(update={"miscalibration": Estimate(value=0.0, low=-0.01, high=0.01)})
    calibration = TEST.calibration.model_copy(update={"point": ABOUT_90, "error": 0.01})
    told = page_words(with_test(calibration=calibration, parts=parts))
    assert (
        told.count("Yes, as far as these rows can tell. When it says about 90.2 %, as it does for 64 rows")
        == 2
    )


TITLES = [
    "The loss",
    "What it is made of",
    "Where it comes from",
    "The worst rows",
    "Labels to check",
    "Can its confidence be trusted?",
    "What it confuses",
    "What to decide",
    "The data",
    "How it was done",
    "What to look at next",
]


def test_the_sections_come_in_the_order_of_a_readers_questions():
    assert [heading.text for heading in page_of(SUMMARY).find("h2")] == TITLES
    assert [line[3:] for line in to_markdown(SUMMARY).splitlines() if line.startswith("## ")] == TITLES
    lines = to_text(SUMMARY).splitlines()
    # the rows themselves are too wide for a terminal
    assert [line for line in lines if line in TITLES] == [t for t in TITLES if t != "The worst rows"]
    for section in page_of(SUMMARY).find("section"):
        assert len(words(section.find("p", class_="lead")[0].text)) > 20
        assert "crossentropy learn " in section.find("p", class_="lesson")[0].text


def test_labels_are_called_wrong_only_where_most_of_them_are():
    labels = SUMMARY.labels.model_copy(update={"wrong": Estimate(value=80.0, low=60.0, high=101.0)})
    for told in TOLD.values():
        assert "Labels that are probably wrong" in told(SUMMARY.model_copy(update={"labels": labels}))
        assert "Labels that are probably wrong" not in told(SUMMARY)
        assert "about one in 5 of those that it contradicts" in told(SUMMARY)


@every_form
def test_miscalibration_within_chance_is_called_no_more_than_that(form):
    parts = TEST.parts.model_copy(update={"miscalibration": Estimate(value=0.002, low=-0.004, high=0.008)})
    told = TOLD[form](with_test(parts=parts, auc=None))
    assert "would gain no more than chance: 0.00200 nats (95 % interval -0.00400 to 0.00800)." in told
    assert "AUC" not in told
    assert "class frequencies leave open, its logits" not in TOLD[form](with_test(parts=None))
