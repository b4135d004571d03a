"""Labels flipped on purpose are found, by name; what is right is left alone."""

import numpy as np
import pytest
from scipy.special import softmax

from crossentropy.evaluation import find_label_errors


def forecasts(n=3000, k=4, seed=0, sure=4.0):
    """Probabilities that know the class, and the class."""
    rng = np.random.default_rng(seed)
    targets = rng.choice(k, n, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), targets] += sure
    return softmax(logits, axis=1), targets


def flipped(targets, share, k, seed=1):
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(targets)) < share
    return np.where(wrong, (targets + rng.integers(1, k, len(targets))) % k, targets), wrong


@pytest.mark.parametrize("share", [0.02, 0.1, 0.25])
def test_flipped_labels_are_counted_and_named(share):
    p, targets = forecasts(sure=6.0)
    labels, wrong = flipped(targets, share, 4)
    errors = find_label_errors(p, labels, "abcd")
    assert errors.contradicted.value == pytest.approx(wrong.sum(), rel=0.1)
    assert errors.contradicted.low <= wrong.sum() <= errors.contradicted.high
    assert errors.wrong.low <= wrong.sum() <= errors.wrong.high
    assert wrong[errors.found].mean() > 0.9
    assert wrong[errors.found].sum() > 0.9 * wrong.sum()
    assert len(errors.found) == pytest.approx(errors.contradicted.value, abs=4)
    surest = errors.found[: len(errors.found) // 2]
    assert wrong[surest].mean() > 0.98
    right = errors.suggested[errors.found] == targets[errors.found]
    assert right[wrong[errors.found]].mean() > 0.95


def test_right_labels_of_a_sure_forecast_are_left_alone():
    p, targets = forecasts(sure=12.0)
    errors = find_label_errors(p, targets, "abcd")
    assert len(errors.found) == 0
    assert errors.wrong.value == errors.contradicted.value == 0
    assert (errors.suggested == targets).all()
    assert errors.pairs == ()


def test_the_count_is_the_calibrated_joint_by_hand():
    # class 0: three rows, of which one claims class 1; class 1: two rows that claim themselves
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    labels = np.array([0, 0, 0, 1, 1])
    # t = (0.6, 0.75): the last row claims nothing; of class 0 one claim in three is another's
    errors = find_label_errors(p, labels, ("no", "yes"))
    assert errors.contradicted.value == pytest.approx(1.0)
    assert errors.found.tolist() == [2]
    assert [(pair.target, pair.suggested, pair.rows) for pair in errors.pairs] == [("no", "yes", 1)]


def test_a_class_that_no_row_has_is_never_suggested():
    p, targets = forecasts(k=3)
    wide = np.column_stack([0.01 * p, np.full(len(p), 0.99)])
    errors = find_label_errors(wide, targets, "abcd")
    assert (errors.suggested < 3).all()


def test_the_order_of_the_rows_and_of_the_classes_has_no_say():
    p, targets = forecasts(n=500)
    labels, _ = flipped(targets, 0.1, 4)
    errors = find_label_errors(p, labels, "abcd")
    rows, classes = np.random.default_rng(2).permutation(500), np.array([2, 0, 3, 1])
    again = find_label_errors(p[rows][:, np.argsort(classes)], classes[labels][rows], "cadb")
    assert again.contradicted.value == pytest.approx(errors.contradicted.value)
    assert again.wrong == errors.wrong
    assert rows[again.found].tolist() == errors.found.tolist()


def test_where_classes_overlap_the_surest_rows_tell_how_many_are_wrong():
    """Labels drawn from the forecast itself contradict it without being wrong; flipped ones come on top."""
    rng = np.random.default_rng(3)
    logits = rng.normal(scale=4.0, size=(20_000, 4))
    p = softmax(logits, axis=1)
    targets = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    errors = find_label_errors(p, targets, "abcd")
    assert errors.contradicted.value > 1200
    assert errors.wrong.value < 150
    labels, wrong = flipped(targets, 0.05, 4)
    errors = find_label_errors(p, labels, "abcd")
    assert errors.wrong.value == pytest.approx(wrong.sum(), rel=0.25)
    assert errors.contradicted.value > 1.8 * wrong.sum()
