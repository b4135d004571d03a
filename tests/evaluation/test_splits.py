"""Stratified rows: of each class its share, to within a row, and no class unknown to the model."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from crossentropy.evaluation import stratified_folds, stratified_test

COUNTS = st.lists(st.integers(1, 30), min_size=2, max_size=8)
LAWS = settings(deadline=None, derandomize=True, max_examples=200)


def targets_of(counts, seed):
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))


@LAWS
@given(COUNTS, st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_test_rows_are_a_fraction_of_each_class(counts, fraction, seed):
    targets = targets_of(counts, seed)
    test = stratified_test(targets, fraction, np.random.default_rng(seed))
    assert test.shape == targets.shape
    assert test.dtype == bool
    inside = np.bincount(targets[test], minlength=len(counts))
    assert (inside < counts).all()
    for n, got in zip(counts, inside, strict=True):
        assert got <= np.ceil(fraction * n)
        assert got >= min(np.floor(fraction * n), n - 1) - 1
    assert abs(test.sum() - fraction * len(targets)) <= len(counts) + 1


@LAWS
@given(COUNTS, st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_folds_are_even_and_every_class_is_always_in_training(counts, n_folds, seed):
    targets = targets_of(counts, seed)
    folds = stratified_folds(targets, n_folds, np.random.default_rng(seed))
    for c, n in enumerate(counts):
        mine = folds[targets == c]
        if n == 1:
            assert mine.tolist() == [-1]
            continue
        sizes = np.bincount(mine, minlength=n_folds)
        assert sizes.max() - sizes.min() <= 1
        assert sizes.max() < n
    held = folds[folds >= 0]
    assert held.max(initial=0) < n_folds


def test_the_same_seed_gives_the_same_rows_and_another_gives_others():
    targets = np.arange(1000) % 3
    first, again, other = (stratified_test(targets, 0.2, np.random.default_rng(s)) for s in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
    first, again, other = (stratified_folds(targets, 5, np.random.default_rng(s)) for s in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_rows_are_drawn_at_random_within_a_class():
    targets = np.zeros(1000, int)
    test = stratified_test(targets, 0.2, np.random.default_rng(0))
    assert 0.1 < test[:500].mean() < 0.3
    assert set(np.diff(np.flatnonzero(test))) != {5}
