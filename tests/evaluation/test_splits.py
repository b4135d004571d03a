"""Stratified rows: of each class its share, to within a row, and no class unknown to the model."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from crossentropy.evaluation import (
    group_folds,
    group_test,
    latest_test,
    stratified_folds,
    stratified_test,
    time_blocks,
)

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


def grouped(counts, seed):
    """Rows of classes in groups of one to six; a group leans to a class."""
    rng = np.random.default_rng(seed)
    targets = targets_of(counts, seed)
    groups = rng.integers(0, max(2, len(targets) // 4), len(targets)) * 7 + 3
    return groups, targets


@LAWS
@given(COUNTS, st.floats(0.05, 0.9), st.integers(0, 2**32 - 1))
def test_groups_stay_on_one_side_and_every_class_in_training(counts, fraction, seed):
    groups, targets = grouped(counts, seed)
    test = group_test(groups, targets, fraction, np.random.default_rng(seed))
    assert not set(groups[test]) & set(groups[~test])
    assert set(targets[~test]) == set(targets)


@LAWS
@given(COUNTS, st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_groups_stay_in_one_fold_and_every_class_is_always_in_training(counts, n_folds, seed):
    groups, targets = grouped(counts, seed)
    folds = group_folds(groups, targets, n_folds, np.random.default_rng(seed))
    for group in np.unique(groups):
        assert len(np.unique(folds[groups == group])) == 1
    for fold in range(n_folds):
        assert set(targets[folds != fold]) == set(targets)
    assert folds.max() < n_folds


def test_groups_are_tested_by_chance_whatever_their_size_and_in_proportion_to_the_classes():
    rng = np.random.default_rng(0)
    sizes = np.concatenate([np.full(20, 50), np.full(1000, 1)])
    groups = np.repeat(np.arange(len(sizes)), sizes)
    targets = (rng.random(len(sizes)) < 0.3).astype(int)[groups]
    tested = np.zeros(len(sizes))
    for seed in range(200):
        test = group_test(groups, targets, 0.2, np.random.default_rng(seed))
        assert abs(test.mean() - 0.2) < 0.06
        assert abs(targets[test].mean() - targets.mean()) < 0.15
        tested[np.unique(groups[test])] += 1 / 200
    assert abs(tested[:20].mean() - 0.2) < 0.03
    assert abs(tested[20:].mean() - 0.2) < 0.03


@LAWS
@given(st.lists(st.integers(-5, 5), min_size=2, max_size=60), st.floats(0.01, 0.99))
def test_the_latest_rows_test_and_one_moment_is_on_one_side(times, fraction):
    times = np.array(times, float)
    test = latest_test(times, fraction)
    if len(np.unique(times)) == 1:
        assert not test.any()
        return
    assert test.any()
    assert not test.all()
    assert times[~test].max() < times[test].min()


@LAWS
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=2, max_size=80), st.integers(2, 5))
def test_blocks_are_runs_of_time_and_every_class_is_always_in_training(rows, n_folds):
    times, targets = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    folds = time_blocks(times, targets, n_folds)
    held = folds >= 0
    order = np.argsort(times[held], kind="stable")
    assert (np.diff(folds[held][order]) >= 0).all()
    for moment in np.unique(times[held]):
        assert len(np.unique(folds[held & (times == moment)])) == 1
    for fold in range(n_folds):
        assert set(targets[folds != fold]) == set(targets)
