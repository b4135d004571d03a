"""Which rows test, and which fold a row is held out in: stratified by class, and stated for rare classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["stratified_folds", "stratified_test"]


def _by_class(targets: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the rows sorted by class, in random order within a class."""
    shuffled = rng.permutation(len(targets))
    return shuffled[np.argsort(targets[shuffled], kind="stable")]


def stratified_test(
    targets: NDArray[np.int64], fraction: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return (N,) True for test rows: `fraction` of all rows, and of each class to within one row.

    With the rows in order of class, every row at which floor(fraction * position + u) steps up goes to the test.
    The first row of each class always stays in training, so that no class is unknown to the model.

    Args:
        targets: (N,) class ids.
        fraction: in (0, 1).
        rng: the only source of chance.
    """
    order = _by_class(targets, rng)
    steps = np.floor(fraction * np.arange(len(order) + 1) + rng.random())
    test = np.zeros(len(targets), np.bool_)
    test[order] = np.diff(steps) > 0
    first = order[np.unique(targets[order], return_index=True)[1]]
    test[first] = False
    return test


def stratified_folds(targets: NDArray[np.int64], n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (N,) the fold in which each row is held out; -1 for the only row of a class, which never is.

    Rows are dealt in turn, class after class: folds differ by at most one row, in all and within a class. A
    class of n >= 2 rows therefore keeps at least one row in the training part of every fold.

    Args:
        targets: (N,) class ids.
        n_folds: at least 2.
        rng: the only source of chance.
    """
    order = _by_class(targets, rng)
    folds = np.empty(len(targets), np.int64)
    folds[order] = np.arange(len(order)) % n_folds
    folds[np.bincount(targets)[targets] == 1] = -1
    return folds


def group_test(
    groups: NDArray[np.int64], targets: NDArray[np.int64], fraction: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return (N,) True for test rows, whole groups: about `fraction` of all rows, of each class as far as it goes.

    Groups are taken as `stratified_test` takes rows, in order of their most frequent class and of their size, so that a
    large group is as likely to be tested as a small one. A class of which no group is left in training gets its
    smallest one back.

    scikit-learn's StratifiedGroupKFold balances the classes of few large groups more closely, by a search in Python
    over every group and fold, which a table of a million small groups cannot wait for.

    Args:
        groups: (N,) ids of groups.
        targets: (N,) class ids.
        fraction: in (0, 1).
        rng: the only source of chance.
    """
    unit, size, order = _ordered_groups(groups, targets, rng)
    steps = np.floor(fraction * np.arange(len(order) + 1) + rng.random())
    test = np.zeros(len(order), np.bool_)
    test[order] = np.diff(steps) > 0
    k = int(targets.max(initial=0)) + 1
    trained = np.bincount(targets[~test[unit]], minlength=k)
    for c in np.flatnonzero((trained == 0) & (np.bincount(targets, minlength=k) > 0)):
        own = np.unique(unit[targets == c])
        # the group that another class got back may have brought this one
        if test[own].all():
            test[own[np.argmin(size[own])]] = False
    return np.asarray(test[unit])


def group_folds(
    groups: NDArray[np.int64], targets: NDArray[np.int64], n_folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return (N,) the fold in which each row is held out, the same for all rows of a group.

    Groups are dealt in turn, class after class and the largest first, back and forth, so that folds come out alike in
    size and in classes. A group that is the only one with some class is never held out (-1).

    Args:
        groups: (N,) ids of groups.
        targets: (N,) class ids.
        n_folds: at least 2.
        rng: the only source of chance.
    """
    unit, _, order = _ordered_groups(groups, targets, rng)
    turn = np.arange(len(order)) % (2 * n_folds)
    folds = np.empty(len(order), np.int64)
    folds[order] = np.where(turn < n_folds, turn, 2 * n_folds - 1 - turn)
    # not only a class of one group: all groups of a class may have come into one fold
    for c in _in_one_fold(targets, folds[unit], n_folds):
        own, rows = np.unique(unit[targets == c], return_counts=True)
        if (folds[own] >= 0).all():
            folds[own[np.argmax(rows)]] = -1
    return np.asarray(folds[unit])


def latest_test(times: NDArray[np.float64], fraction: float) -> NDArray[np.bool_]:
    """Return (N,) True for the latest rows, about `fraction` of them; rows of one time stay on one side.

    Args:
        times: (N,) when each row was, in any unit.
        fraction: in (0, 1).
    """
    moments, rows = np.unique(times, return_counts=True)
    later = np.cumsum(rows[::-1])[::-1][1:]
    if len(later) == 0:
        return np.zeros(len(times), np.bool_)
    first = moments[1 + int(np.argmin(np.abs(later - fraction * len(times))))]
    return np.asarray(times >= first)


def time_blocks(times: NDArray[np.float64], targets: NDArray[np.int64], n_folds: int) -> NDArray[np.int64]:
    """Return (N,) the block of time, and so the fold, in which each row is held out: runs of about equal length.

    Neighbours in time stay together, so that no row is judged by a fit to the ones beside it, and every row is held out
    once by a fit to nearly all others; forward chaining would leave the first ones out and fit the next ones to few.
    Rows of one time share a block. A class that lies in one block only is never held out (-1).

    Args:
        times: (N,) when each row was.
        targets: (N,) class ids.
        n_folds: at least 2.

    References:
        Bergmeir, Benitez, On the use of cross-validation for time series predictor evaluation, Information Sciences
        191, 2012, section 5 (blocked cross-validation).
    """
    _, place, rows = np.unique(times, return_inverse=True, return_counts=True)
    middle = np.cumsum(rows) - rows / 2
    block = np.minimum(n_folds - 1, (middle / len(times) * n_folds).astype(np.int64))
    folds = block[place]
    folds[np.isin(targets, _in_one_fold(targets, folds, n_folds))] = -1
    return np.asarray(folds)


def _in_one_fold(targets: NDArray[np.int64], folds: NDArray[np.int64], n_folds: int) -> NDArray[np.int64]:
    """Return the classes whose rows all lie in one fold."""
    present = np.zeros((int(targets.max(initial=0)) + 1, n_folds), np.bool_)
    present[targets, folds] = True
    return np.flatnonzero(present.sum(axis=1) == 1)


def _ordered_groups(
    groups: NDArray[np.int64], targets: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the position of each row's group (N,), the size of each group (G,), and the groups in order (G,).

    In order of their most frequent class, the largest first, at random among equals.
    """
    _, unit, size = np.unique(groups, return_inverse=True, return_counts=True)
    k = int(targets.max(initial=0)) + 1
    pairs, rows = np.unique(unit * k + targets, return_counts=True)
    # the last of each group is its most frequent class
    ranked = np.lexsort((rows, pairs // k))
    last = ranked[np.cumsum(np.bincount(pairs // k)) - 1]
    modal = pairs[last] % k
    shuffled = rng.permutation(len(size))
    return unit, size, shuffled[np.lexsort((-size[shuffled], modal[shuffled]))]
