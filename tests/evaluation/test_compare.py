"""Two classifiers on the same rows: paired, by group where rows are alike, and with intervals that cover."""

import numpy as np
import pytest

from crossentropy.errors import DataError
from crossentropy.evaluation import compare_losses


def compared(first, second, groups=None, **changes):
    n = len(first)
    targets = np.arange(n) % 2
    arguments = {"names": ("a", "b"), "classes": ("no", "yes"), "groups": groups} | changes
    return compare_losses((first, second), (targets, targets), targets, **arguments)


def test_pairs_show_what_two_intervals_cannot():
    rng = np.random.default_rng(0)
    hard = rng.exponential(size=500)
    found = compared(hard, hard + 0.02 + 0.05 * rng.normal(size=500))
    assert found.difference.value == pytest.approx(0.02, abs=0.01)
    assert 0 < found.difference.low < found.difference.high < 0.04
    assert found.losses[0].high > found.losses[1].low


def test_the_other_way_round_is_the_same_with_another_sign():
    rng = np.random.default_rng(1)
    a, b = rng.exponential(size=(2, 300))
    there, back = compared(a, b), compared(b, a)
    assert back.difference.value == pytest.approx(-there.difference.value)
    assert back.difference.low == pytest.approx(-there.difference.high)
    assert {c.name for c in there.by_class} == {"no", "yes"}
    total = sum(c.rows * c.difference.value for c in there.by_class) / 300
    assert total == pytest.approx(there.difference.value)


def test_rows_of_a_group_count_together():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(30), 20)
    change = rng.normal(size=30)[groups]
    alone, together = compared(np.zeros(600), change), compared(np.zeros(600), change, groups)
    assert together.groups == 30
    wider = (together.difference.high - together.difference.low) / (
        alone.difference.high - alone.difference.low
    )
    assert wider == pytest.approx(np.sqrt(20), rel=0.2)


def test_nine_of_ten_intervals_cover():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 5)
    hits = 0
    for _ in range(100):
        change = (0.3 + rng.normal(size=40))[groups] + rng.normal(size=200)
        found = compared(np.zeros(200), change, groups)
        hits += found.difference.low <= 0.3 <= found.difference.high
    assert hits >= 84


def test_labels_are_counted_by_which_of_the_two_is_right():
    targets = np.array([0, 0, 1, 1, 1])
    labels = np.array([0, 1, 1, 0, 0]), np.array([0, 0, 0, 1, 0])
    losses = np.ones(5)
    found = compare_losses((losses, losses), labels, targets, names=("a", "b"), classes="xy")
    assert (found.mended, found.spoilt, found.relabelled) == (2, 1, 3)
    assert found.accuracy_difference.value == pytest.approx(0.2)


def test_an_infinite_loss_has_no_difference():
    with pytest.raises(DataError, match="infinite"):
        compared(np.ones(4), np.array([1, 1, np.inf, 1]))
