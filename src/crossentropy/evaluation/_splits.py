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
