"""What cross-validation keeps of a path: scores of every fit, parameters while they fit, logits of the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear._folds import FoldPoint, Split

__all__ = ["Best", "PathRecord"]

Floats = NDArray[np.float64]

LARGEST = 1 << 30
"""Bytes of all parameters together above which they are not kept: 1 GiB."""


@dataclass(frozen=True, eq=False)
class Best:
    """The points with the best score so far, and where they stand in the grid."""

    score: float
    c: int
    ratio: int
    points: list[FoldPoint]

    def before(self, other: Best | None) -> bool:
        """Whether this is better than another; of equal scores the earlier in the grid of (C, l1_ratio) is."""
        if other is None:
            return True
        return (self.score, -self.c, -self.ratio) > (other.score, -other.c, -other.ratio)


class PathRecord:
    """Scores, steps and gaps (n_folds, n_l1_ratios, n_cs), and what they were reached with."""

    def __init__(self, splits: list[Split], n_ratios: int, n_cs: int, dtype: Any) -> None:
        self.splits = splits
        shape = (len(splits), n_ratios, n_cs)
        self.scores = np.full(shape, np.nan)
        self.n_iter = np.zeros(shape, dtype=np.int32)
        self.gaps = np.full(shape, np.nan)
        self.parameters: NDArray[np.floating] | None = None
        self.best: Any = None
        self.best_of_folds: list[Any] = [None] * len(splits)
        self._dtype = dtype

    def add(self, ratio: int, c: int, points: list[FoldPoint], scores: list[float]) -> None:
        """Record all folds at one penalty."""
        self.scores[:, ratio, c] = scores
        self.n_iter[:, ratio, c] = [point.n_iter for point in points]
        self.gaps[:, ratio, c] = [point.relative_gap for point in points]
        self._keep(ratio, c, points)
        ranks = [-np.inf if np.isnan(score) else score for score in scores]
        found = Best(float(np.sum(ranks)), c, ratio, points)
        if found.before(self.best):
            self.best = found
        for fold, (rank, point) in enumerate(zip(ranks, points, strict=True)):
            alone = Best(rank, c, ratio, [point])
            if alone.before(self.best_of_folds[fold]):
                self.best_of_folds[fold] = alone

    def _keep(self, ratio: int, c: int, points: list[FoldPoint]) -> None:
        shape = (*self.scores.shape, *points[0].parameters.shape)
        if int(np.prod(shape, dtype=np.int64)) * np.dtype(self._dtype).itemsize > LARGEST:
            return
        if self.parameters is None:
            self.parameters = np.zeros(shape, dtype=self._dtype)
        for fold, point in enumerate(points):
            self.parameters[fold, ratio, c] = point.parameters

    def out_of_fold_logits(self, n: int, *, per_fold: bool) -> Floats:
        """Return (n, K) logits of the best penalty in held-out rows, the mean where a row was held out repeatedly."""
        points = [best.points[0] for best in self.best_of_folds] if per_fold else self.best.points
        total = np.zeros((n, points[0].logits.shape[1]))
        times = np.zeros(n)
        for split, point in zip(self.splits, points, strict=True):
            np.add.at(total, split.held, point.logits)
            np.add.at(times, split.held, 1.0)
        with np.errstate(invalid="ignore"):
            return total / np.where(times > 0, times, np.nan)[:, None]
