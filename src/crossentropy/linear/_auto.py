"""`C="auto"`: the penalty with the lowest log-loss on rows that the fit did not see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from crossentropy.linear._fit import FitSettings
from crossentropy.linear._folds import FoldFit, FoldTask, Split
from crossentropy.linear._path import Judge, PenaltyPath, follow
from crossentropy.linear._targets import Targets
from crossentropy.linear._threads import one_blas_thread

__all__ = ["auto_path"]

Floats = NDArray[np.float64]

N_FOLDS = 5
TOL = 1e-4
"""Relative gap of the folds' fits: far below the standard error of what they are compared by."""


def auto_path(features: Any, targets: Targets, margins: Floats | None, settings: FitSettings) -> PenaltyPath:
    """Return the path of `cross_validate_penalty` over five folds that `settings.seed` deals.

    Logits are corrected for class weights before they are judged, as there; soft targets and offsets are taken.
    """
    values, weights = targets.weighted()
    task = FoldTask(features, values, len(targets.classes), weights, settings.intercept, margins)
    folds = _deal(targets.ids, np.random.default_rng(settings.seed))
    shift = np.log(np.where(targets.class_weight > 0, targets.class_weight, 1.0))

    def losses(logits: Floats) -> Floats:
        logs = log_softmax(logits - shift, axis=1)
        chosen: Floats = -logs[np.arange(len(logs)), targets.ids]
        if targets.soft:
            chosen = -np.einsum("ij,ij->i", targets.values, logs)
        return chosen

    with one_blas_thread():
        fits = [
            FoldFit(
                task,
                Split(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold), str(fold)),
                (settings.seed, fold),
                settings.l1_ratio,
            )
            for fold in range(int(folds.max()) + 1)
        ]
        judge = Judge(losses, targets.row_weight)
        return follow(fits, None, (len(folds), len(targets.classes)), judge, TOL, settings.max_iter)


def _deal(ids: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return (N,) the fold of each row: rows are dealt in turn, class after class, in a random order."""
    order = rng.permutation(len(ids))
    order = order[np.argsort(ids[order], kind="stable")]
    folds = np.empty(len(ids), dtype=np.intp)
    folds[order] = np.arange(len(ids)) % min(N_FOLDS, len(ids))
    return folds
