"""One of two classes to find: thresholds are decisions by costs, and the figures are those of scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from crossentropy.errors import ConfigError
from crossentropy.evaluation import cheapest, positive_class, positive_figures, threshold_of

COSTS = st.floats(0.01, 100)


def rows(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.7, 1.5, n)
    return np.stack([1 - p, p], axis=1), (rng.random(n) < p).astype(np.int64)


@given(COSTS, COSTS, st.floats(0, 1), st.integers(0, 1))
@settings(deadline=None, derandomize=True)
def test_the_cheapest_label_is_the_positive_one_above_the_threshold_that_costs_imply(
    alarm, miss, p, positive
):
    costs = np.zeros((2, 2))
    costs[1 - positive, positive], costs[positive, 1 - positive] = alarm, miss
    threshold = threshold_of(costs, positive)
    assert threshold == pytest.approx(alarm / (alarm + miss))
    probabilities = np.empty((1, 2))
    probabilities[0, positive], probabilities[0, 1 - positive] = p, 1 - p
    if abs(p - threshold) > 1e-9:
        assert (cheapest(probabilities, costs)[0][0] == positive) == (p > threshold)


def test_right_answers_may_cost_too_and_costs_that_reward_mistakes_have_no_threshold():
    # a letter costs 1 and brings 8 from those who answer: write from a chance of 1 / 8 on
    assert threshold_of(np.array([[0.0, 1.0], [0.0, -7.0]]), 1) == pytest.approx(1 / 8)
    assert threshold_of(np.array([[0.0, -1.0], [5.0, 0.0]]), 1) == 0.0
    assert threshold_of(np.array([[1.0, 0.0], [0.0, 1.0]]), 1) is None
    assert threshold_of(np.zeros((2, 2)), 1) is None


@pytest.mark.parametrize("positive", [0, 1])
def test_the_figures_are_those_of_scikit_learn_at_every_threshold(positive):
    p, targets = rows()
    weights = np.random.default_rng(1).exponential(size=len(targets))
    found = positive_figures(p, targets, positive, classes=("no", "yes"), sample_weight=weights)
    assert found.name == ("no", "yes")[positive]
    assert found.rows == (targets == positive).sum()
    assert not found.by_costs
    assert found.decided.threshold == 0.5
    for at in (*found.table, found.decided):
        said = np.where(p[:, positive] > at.threshold, positive, 1 - positive)
        given = {"pos_label": positive, "sample_weight": weights}
        assert at.said == (said == positive).sum()
        assert at.precision.value == pytest.approx(precision_score(targets, said, **given))
        assert at.recall.value == pytest.approx(recall_score(targets, said, **given))
        assert at.f1 == pytest.approx(f1_score(targets, said, **given))
        assert at.precision.low < at.precision.value <= at.precision.high
    recalls = [at.recall.value for at in found.table]
    assert recalls == sorted(recalls, reverse=True)


def test_costs_move_the_threshold_that_decides():
    p, targets = rows()
    costs = np.array([[0, 1.0], [9.0, 0]])
    found = positive_figures(p, targets, 1, classes=("no", "yes"), costs=costs)
    assert found.by_costs
    assert found.decided.threshold == pytest.approx(0.1)
    assert found.decided.said == (cheapest(p, costs)[0] == 1).sum()


def test_what_is_never_said_has_no_precision_and_what_never_occurs_no_recall():
    p, targets = np.array([[0.9, 0.1]] * 4), np.zeros(4, np.int64)
    at = positive_figures(p, targets, 1, classes=("no", "yes")).decided
    assert (at.said, at.precision, at.recall, at.f1) == (0, None, None, None)


@pytest.mark.parametrize(
    ("name", "classes", "said"),
    [
        ("a", "abc", "there are 3 classes: thresholds are for two. Costs decide"),
        ("yse", ("no", "yes"), "no class 'yse' to find. Did you mean 'yes'"),
    ],
)
def test_a_class_that_cannot_be_found_is_refused(name, classes, said):
    with pytest.raises(ConfigError) as caught:
        positive_class(name, tuple(classes))
    assert said in str(caught.value)


def test_classes_are_named_as_they_are_written():
    assert positive_class("1", (0, 1)) == positive_class(1, (0, 1)) == 1
    assert positive_class("False", (False, True)) == 0
