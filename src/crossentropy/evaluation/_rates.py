"""Figures of labels and of ranking as functions of row weights: what scikit-learn computes, for many draws at once.

Each maker returns a function from weights (B, N) to the figure (B,), for `bootstrap`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["auc", "balanced_accuracy", "entropy_of", "macro_f1", "mean"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Figure = Callable[[Floats], Floats]


def mean(values: Floats) -> Figure:
    """Return the weighted mean of values (N,)."""
    return lambda weights: _ratio(weights @ values, weights.sum(axis=1))


def entropy_of(targets: Ints, k: int) -> Figure:
    """Return the entropy of the class frequencies, in nats."""
    each = np.eye(k)[targets]

    def figure(weights: Floats) -> Floats:
        share = _ratio(weights @ each, weights.sum(axis=1)[:, None])
        entropy: Floats = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1)
        return entropy

    return figure


def balanced_accuracy(targets: Ints, labels: Ints, k: int) -> Figure:
    """Return the mean recall of the classes that have rows."""
    right = (targets == labels).astype(np.float64)
    each = np.eye(k)[targets]

    def figure(weights: Floats) -> Floats:
        return _mean_known(_ratio((weights * right) @ each, weights @ each))

    return figure


def macro_f1(targets: Ints, labels: Ints, k: int) -> Figure:
    """Return the mean over the classes, with rows or said, of 2 hits / (rows + times said)."""
    right = (targets == labels).astype(np.float64)
    each, said = np.eye(k)[targets], np.eye(k)[labels]

    def figure(weights: Floats) -> Floats:
        return _mean_known(_ratio(2 * (weights * right) @ each, weights @ each + weights @ said))

    return figure


def auc(probabilities: Floats, targets: Ints, weights: Floats) -> Figure:
    r"""Return the mean over classes of the chance that a row of the class is given more of it than another row is.

    One class against the rest; ties count one half. A draw is read from the placement values v of the rows at their own
    weights: for a row of the class the share of other rows below it, for another row the share of the class above it.

    .. math:: A(w) = A + \frac{\sum_{+} w_i (v_i - A)}{\sum_{+} w_i} + \frac{\sum_{-} w_i (v_i - A)}{\sum_{-} w_i}

    which is exact at the weights themselves and right to first order about them: sorting once serves all draws.

    References:
        Hanley, McNeil, The meaning and use of the area under a ROC curve, 1982; DeLong, DeLong, Clarke-Pearson,
        Comparing the areas under two or more correlated ROC curves, 1988 (placement values).
    """
    present = np.unique(targets[weights > 0])
    member = np.eye(probabilities.shape[1])[targets][:, present]
    pairs = [_placements(probabilities[:, c], targets == c, weights) for c in present]
    areas = np.array([area for area, _ in pairs])
    off = np.stack([placed for _, placed in pairs], axis=1) - areas

    def figure(drawn: Floats) -> Floats:
        own, rest = (
            _ratio(drawn @ (member * off), drawn @ member),
            _ratio(drawn @ ((1 - member) * off), drawn @ (1 - member)),
        )
        return _mean_known(areas + own + rest)

    return figure


def _placements(score: Floats, positive: NDArray[np.bool_], weights: Floats) -> tuple[float, Floats]:
    """Return the area of one class, NaN where there is no other, and the placement value of each row."""
    values, tie = np.unique(score, return_inverse=True)
    own = np.bincount(tie, np.where(positive, weights, 0.0), len(values))
    rest = np.bincount(tie, np.where(positive, 0.0, weights), len(values))
    if not rest.sum() > 0:
        return float("nan"), np.full(len(score), np.nan)
    below = (np.cumsum(rest) - 0.5 * rest) / rest.sum()
    above = 1 - (np.cumsum(own) - 0.5 * own) / own.sum()
    placed: Floats = np.where(positive, below[tie], above[tie])
    return float(own @ below / own.sum()), placed


def _ratio(above: Floats, below: Floats) -> Floats:
    below = np.broadcast_to(below, np.shape(above))
    ratio: Floats = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return ratio


def _mean_known(values: Floats) -> Floats:
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))
